#!/bin/sh
# Killed on entry to each system call that changes the disk, at each of its occurrences: the store
# opens, no model is damaged, and a model is there as a whole or not at all. repair works on an index
# that lacks a model, and one that is damaged: it is the one or the new one, and never none.
#     store_kill_points.sh DRIVER MAKE-FAMILY [STRIDE [VERBS]]
set -u
driver=$1
stride=${3:-1}
verbs=${4:-add rm gc repair renew}
# shellcheck source=tests/store_lib.sh
. "$(dirname "$0")/store_lib.sh"
if ! strace -qq -e trace=none true 2>"$work/log"; then
    echo "SKIP: strace cannot trace here"
    exit 77
fi
make_models "$2" || exit 1
fresh || exit 1
"$driver" "$store" gc || exit 1
clean=$("$driver" "$store" stat)
"$driver" "$store" add "$work/models/t-chat" t-chat || exit 1
cp -r "$store" "$work/two"
"$driver" "$store" rm t-chat || exit 1
cp -r "$store" "$work/three"
# An index that lacks a model, and one that is none, with a journal beside it.
cp -r "$work/two" "$work/four"
cp "$work/first/index.sqlite" "$work/four/index.sqlite"
cp -r "$work/two" "$work/five"
head -c 5000 "$work/two/index.sqlite" | tr 'a-m' 'n-z' >"$work/five/index.sqlite"
cp "$work/five/index.sqlite" "$work/five/index.sqlite-journal"
runs=0

# run VERB STRACE-OPTION...
run() {
    verb=$1
    shift
    rm -rf "$store"
    case $verb in
        add) cp -r "$work/first" "$store" && set -- "$@" "$driver" "$store" add \
            "$work/models/t-chat" t-chat ;;
        rm) cp -r "$work/two" "$store" && set -- "$@" "$driver" "$store" rm t-chat ;;
        gc) cp -r "$work/three" "$store" && set -- "$@" "$driver" "$store" gc ;;
        repair) cp -r "$work/four" "$store" && set -- "$@" "$driver" "$store" repair ;;
        renew) cp -r "$work/five" "$store" && set -- "$@" "$driver" "$store" repair ;;
    esac
    strace -qq -o "$work/trace" "$@" 2>"$work/err"
}

check() {
    # The one that was damaged, to the byte, or the new one; another repair makes it whole.
    if [ "$verb" = renew ]; then
        if ! "$driver" "$store" ls >"$work/log" 2>&1; then
            cmp -s "$store/index.sqlite" "$work/five/index.sqlite" || fail "$1: another index"
            "$driver" "$store" repair || fail "$1: repair"
        fi
        restores t-chat || fail "$1: t-chat is not whole"
    fi
    healthy "$1"
    if "$driver" "$store" ls | grep -q '^t-chat@'; then
        restores t-chat 2>"$work/log" || fail "$1: t-chat is listed, but not whole"
        "$driver" "$store" rm t-chat || fail "$1: rm"
    fi
    "$driver" "$store" gc || fail "$1: gc"
    left=$("$driver" "$store" stat)
    [ "${left% index*}" = "${clean% index*}" ] || fail "$1: left behind: $left, not $clean"
}

for verb in $verbs; do
    for call in pwrite64 pwritev fsync fdatasync renameat unlink unlinkat mkdirat ftruncate; do
        run $verb -e "trace=$call"
        count=$(grep -c "^$call(" "$work/trace")
        when=1
        while [ "$when" -le "$count" ]; do
            run $verb -e "trace=$call" -e "inject=$call:signal=KILL:when=$when"
            runs=$((runs + 1))
            check "$verb killed at $call $when"
            when=$((when + stride))
        done
    done
done
finish "$runs runs"
