# shellcheck shell=sh disable=SC2154 # driver: set by who sources this
# Shared by store_*.sh: a folder, two small models, and what must hold after anything went wrong.
# Sourced with $driver set; the models are copies of what make-family makes.

# A sanitizer cannot look for leaks under strace, nor come first where a library is preloaded.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0:verify_asan_link_order=0"

work=$(mktemp -d "${TMPDIR:-/tmp}/zipllm-store-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
store=$work/store
# shellcheck disable=SC2034 # where later commands look
failures=0

fail() {
    printf 'FAIL: %s\n' "$*"
    failures=$((failures + 1))
}

finish() {
    [ "$failures" -eq 0 ] || {
        printf '%s failures\n' "$failures"
        exit 1
    }
    printf 'ok: %s\n' "$*"
}

# make_models FAMILY-PROGRAM: $work/models/t-base and t-chat, of some hundred KB.
make_models() {
    mkdir -p "$work/models"
    "$1" --size 300K --prefix t --only base "$work/models" >"$work/log" &&
        "$1" --size 300K --prefix t --only chat "$work/models" >"$work/log"
}

# fresh: a store with the base in it; later calls copy the first one.
fresh() {
    rm -rf "$store"
    if [ ! -d "$work/first" ]; then
        "$driver" "$work/first" init && "$driver" "$work/first" add "$work/models/t-base" t-base ||
            return 1
    fi
    cp -r "$work/first" "$store"
}

# restores NAME: the model comes back as it was added.
restores() {
    rm -rf "$work/out"
    "$driver" "$store" get "$1" "$work/out" && diff -r "$work/out" "$work/models/$1" >"$work/log"
}

# healthy WHAT: the store opens, no model is damaged, the base is whole.
healthy() {
    "$driver" "$store" verify >"$work/log" 2>&1 || {
        fail "$1: verify: $(head -n 2 "$work/log")"
        return
    }
    restores t-base 2>"$work/log" || fail "$1: t-base is not what was added: $(head -n 1 "$work/log")"
}
