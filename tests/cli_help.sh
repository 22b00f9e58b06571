#!/bin/sh
# Help against its golden text, wrong usage, and an output that cannot be written.
# CLI_UPDATE=1 rewrites the golden text.
# shellcheck disable=SC1091
. "$(dirname "$0")/cli_lib.sh"

verbs='init add get ls show stat verify rm gc repair tree distance rebase inspect cat encode decode'
{
    "$ZIPLLM" --help
    for verb in $verbs; do
        echo "---- $verb"
        "$ZIPLLM" "$verb" --help
    done
} >help.txt
[ -z "${CLI_UPDATE:-}" ] || cp help.txt "$VECTORS/cli/help.txt"
check diff -u "$VECTORS/cli/help.txt" help.txt

expect 0 "$ZIPLLM" --version
check grep -qE '^zipllm [0-9]+\.[0-9]+\.[0-9]+$' out
expect 0 "$ZIPLLM" -h
expect 0 "$ZIPLLM" ls -h
silent err

# Wrong usage is status 2, and names what was probably meant.
expect 2 "$ZIPLLM"
says err usage:
expect 2 "$ZIPLLM" ad
says err "did you mean 'add'?"
expect 2 "$ZIPLLM" frobnicate
says err 'see zipllm --help'
expect 2 "$ZIPLLM" --stroe x ls
says err 'did you mean --store?'
expect 2 "$ZIPLLM" add --nmae x y
says err 'did you mean --name?'
expect 2 "$ZIPLLM" add --verb x
says err 'did you mean --verbose?'
expect 2 "$ZIPLLM" gc --dry-rum
says err 'did you mean --dry-run?'
expect 2 "$ZIPLLM" verify --fast
says err 'unknown option --fast'
expect 2 "$ZIPLLM" ls -X
says err 'unknown option -X'
expect 2 "$ZIPLLM" add
says err 'missing argument'
expect 2 "$ZIPLLM" get a b
says err 'too many arguments'
expect 2 "$ZIPLLM" get a -o
says err 'needs a value'
expect 2 "$ZIPLLM" ls --json=1
says err 'takes no value'
expect 2 "$ZIPLLM" -T 0 ls
expect 2 "$ZIPLLM" -T 1025 ls
expect 2 "$ZIPLLM" ls -T x
expect 2 "$ZIPLLM" --memory 63M ls
says err 'at least 64M'
expect 2 "$ZIPLLM" --memory much ls
expect 2 "$ZIPLLM" verify --sample 0
expect 2 "$ZIPLLM" verify --sample 101
expect 2 "$ZIPLLM" verify --quick --sample 5
expect 2 "$ZIPLLM" ls
says err 'which store?'
expect 2 "$ZIPLLM" add --name x a b
one_line

# Control characters of an argument do not reach the terminal.
expect 2 "$ZIPLLM" "$(printf 'a\033[31mb')"
says err 'a\x1b[31mb'

# Values may be joined or apart, options after operands, and -- ends them.
expect 0 "$ZIPLLM" init "$STORE"
expect 0 "$ZIPLLM" -C"$STORE" ls
expect 0 "$ZIPLLM" --store="$STORE" ls --memory=64M -T2
expect 0 "$ZIPLLM" ls -C "$STORE" --memory 1.5G
expect 0 env ZIPLLM_STORE="$STORE" "$ZIPLLM" ls -qv
expect 1 "$ZIPLLM" -C "$STORE" add -- --name
says err '--name'

# Output that cannot be written is an error; a reader that left is not one to talk about.
status=0
"$ZIPLLM" --help >/dev/full 2>err || status=$?
check test "$status" -eq 1
says err 'cannot write the output'
mkfifo pipe
{ : <pipe; } &
status=0
{ sleep 0.2; "$ZIPLLM" --help; } >pipe 2>err || status=$?
wait
check test "$status" -eq 141 -o "$status" -eq 0
silent err

finish
