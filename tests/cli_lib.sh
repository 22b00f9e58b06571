#!/bin/sh
# Sourced by the tests of the command line, which are called with: ZIPLLM MAKE_FAMILY SOURCE_DIR.
# shellcheck disable=SC2034
set -eu
unset CDPATH ZIPLLM_STORE
export LC_ALL=C TZ=UTC

ZIPLLM=$1
MAKE_FAMILY=$2
VECTORS=$3/tests/vectors
VARY=$3/tests/vary_model.py
WORK=$(mktemp -d "${TMPDIR:-/tmp}/zipllm_cli.XXXXXX")
STORE=$WORK/store
CHECKS=0
trap 'chmod -R u+rwX "$WORK" 2>/dev/null; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() {
    echo "FAILED: $*" >&2
    for stream in out err; do
        [ ! -s "$WORK/$stream" ] || head -c 2000 "$WORK/$stream" | tr -cd '\012\040-\176' |
            sed "s/^/    $stream: /" | cut -c 1-300 >&2
    done
    exit 1
}

# expect STATUS COMMAND...: runs it, its output in $WORK/out and $WORK/err.
expect() {
    wanted=$1
    shift
    status=0
    "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
    [ "$status" -eq "$wanted" ] || fail "status $status, not $wanted: $*"
    CHECKS=$((CHECKS + 1))
}

# says out|err TEXT: the last command wrote it.
says() {
    grep -qF -e "$2" "$WORK/$1" || fail "no \"$2\" on std$1"
    CHECKS=$((CHECKS + 1))
}

# silent out|err
silent() {
    [ ! -s "$WORK/$1" ] || fail "something on std$1"
    CHECKS=$((CHECKS + 1))
}

# one_line: an error is one line.
one_line() {
    [ "$(wc -l <"$WORK/err")" -eq 1 ] || fail "not one line on stderr"
    CHECKS=$((CHECKS + 1))
}

check() {
    "$@" || fail "$*"
    CHECKS=$((CHECKS + 1))
}

z() {
    "$ZIPLLM" -C "$STORE" "$@"
}

# json EXPRESSION: python's view of the last output, `lines` being the list of its objects.
json() {
    python3 - "$WORK/out" "$1" <<'END' || fail "not so: $1"
import json, os, sys
lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
sys.exit(0 if eval(sys.argv[2]) else 1)
END
    CHECKS=$((CHECKS + 1))
}

# What a failed command must leave as it was: the models, and the bytes after a gc.
snapshot() {
    z gc -q
    z ls --json >"$1"
    z stat --json >>"$1"
}

unchanged() {
    snapshot "$WORK/after"
    cmp "$1" "$WORK/after" || fail "the store has changed"
    CHECKS=$((CHECKS + 1))
}

finish() {
    echo "$CHECKS passed, 0 failed"
}
