# Completion of zipllm for bash: commands, options, names of models, files.
# shellcheck shell=bash

_zipllm_models() {
    local i store=()
    for ((i = 1; i < ${#COMP_WORDS[@]} - 1; i++)); do
        [[ ${COMP_WORDS[i]} == -C ]] && store=(-C "${COMP_WORDS[i + 1]}")
    done
    zipllm "${store[@]}" ls -q 2>/dev/null
}

_zipllm() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' i
    local common='-C --store -T --threads --memory --effort --json -q --quiet -v --verbose -h --help'
    local verbs='init add get ls show stat verify rm gc repair tree distance rebase inspect cat encode decode'

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -C | --store | -T | --threads | --memory | --effort) ((i++)) ;;
            -*) ;;
            *)
                verb=${COMP_WORDS[i]}
                break
                ;;
        esac
    done
    case $before in
        -C | --store | -o | --output)
            mapfile -t COMPREPLY < <(compgen -d -- "$word")
            return
            ;;
        --base)
            mapfile -t COMPREPLY < <(compgen -W "none $(_zipllm_models)" -- "$word")
            return
            ;;
    esac
    if [[ $word == -* ]]; then
        case $verb in
            add) common+=' --base --name --follow' ;;
            get) common+=' -o --output --file --sha256 --force' ;;
            verify) common+=' --quick --sample' ;;
            encode | decode) common+=' --base -o --output' ;;
            cat) common+=' --tensor --range' ;;
            gc | rebase | repair) common+=' --dry-run' ;;
            '') common+=' --version' ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$common" -- "$word")
        return
    fi
    case $verb in
        '') mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word") ;;
        get | show | verify | rm | cat | distance)
            mapfile -t COMPREPLY < <(compgen -W "$(_zipllm_models)" -- "$word")
            ;;
        *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}

complete -o filenames -F _zipllm zipllm
