#!/bin/sh
# Every system call that writes fails once, at each of its occurrences, with EIO, ENOSPC or EINTR.
# Then the exit status is not 0 and a message says so, or the command did all of its work; and the
# store is as it was.
#     store_faults.sh DRIVER MAKE-FAMILY [STRIDE]
# STRIDE: of the occurrences of a call beyond the first four, every STRIDE-th is tried.
set -u
driver=$1
stride=${3:-1}
# shellcheck source=tests/store_lib.sh
. "$(dirname "$0")/store_lib.sh"
if ! strace -qq -e trace=none true 2>"$work/log"; then
    echo "SKIP: strace cannot trace here"
    exit 77
fi
make_models "$2" || exit 1
fresh || exit 1
mv "$work/first" "$work/one"
cp -r "$work/one" "$work/two"
"$driver" "$work/two" add "$work/models/t-chat" t-chat || exit 1
cp -r "$work/two" "$work/three"
"$driver" "$work/three" rm t-chat || exit 1
cp -r "$work/two" "$work/four"
cp "$work/one/index.sqlite" "$work/four/index.sqlite"
renewed=$("$driver" "$work/two" ls)
runs=0
refused=0

# prepare VERB: the store before it, and the command in "$@" of the caller through $command.
prepare() {
    rm -rf "$store"
    case $1 in
        add) cp -r "$work/one" "$store" ;;
        rm) cp -r "$work/two" "$store" ;;
        gc) cp -r "$work/three" "$store" ;;
        repair) cp -r "$work/four" "$store" ;;
    esac
}

# run VERB STRACE-OPTION...: runs it under strace.
run() {
    verb=$1
    shift
    case $verb in
        add) set -- "$@" "$driver" "$store" add "$work/models/t-chat" t-chat ;;
        rm) set -- "$@" "$driver" "$store" rm t-chat ;;
        gc) set -- "$@" "$driver" "$store" gc ;;
        repair) set -- "$@" "$driver" "$store" repair ;;
    esac
    strace -qq -o "$work/trace" "$@" 2>"$work/err"
}

# one VERB CALL ERROR WHEN
one() {
    what="$1: $2 number $4 fails with $3"
    prepare "$1"
    before=$("$driver" "$store" ls)
    run "$1" -e "trace=$2" -e "inject=$2:error=$3:when=$4"
    status=$?
    runs=$((runs + 1))
    after=$("$driver" "$store" ls) || fail "$what: ls"
    if [ $status -ne 0 ]; then
        refused=$((refused + 1))
        [ $status -eq 1 ] || fail "$what: exit status $status"
        [ -s "$work/err" ] || fail "$what: no message"
        # The fsync after the rename of an index that is whole.
        [ "$1" != repair ] || [ "$after" != "$renewed" ] || before=$after
        [ "$after" = "$before" ] || fail "$what: exit status $status, but ls changed"
    fi
    [ $status -ne 0 ] || [ "$1" != repair ] || [ "$after" = "$renewed" ] || fail "$what: not renewed"
    healthy "$what"
    case $1 in
        add) [ $status -ne 0 ] || restores t-chat || fail "$what: exit 0, but not there" ;;
        rm) [ $status -eq 0 ] || restores t-chat || fail "$what: exit $status, but not there" ;;
    esac
    [ $status -ne 0 ] || [ "$1" != rm ] || [ "$after" != "$before" ] || fail "$what: not removed"
    # The leftovers are gc's to take: then the store is as it was.
    "$driver" "$store" gc || fail "$what: gc afterwards"
    if [ $status -ne 0 ] && ! { [ "$1" = repair ] && [ "$after" = "$renewed" ]; }; then
        left=$("$driver" "$store" stat)
        prepare "$1"
        "$driver" "$store" gc || fail "$what: gc of a copy"
        clean=$("$driver" "$store" stat)
        [ "${left% index*}" = "${clean% index*}" ] || fail "$what: left behind: $left, not $clean"
    fi
}

for verb in add rm gc repair; do
    for call in fsync fdatasync pwrite64 pwritev write rename renameat renameat2 unlink unlinkat \
        mkdirat ftruncate openat close; do
        prepare "$verb"
        run $verb -e "trace=$call" || fail "$verb under strace"
        count=$(grep -c "^$call(" "$work/trace")
        first=1
        # Before the store is open there are the loader's own.
        case $call in
            openat | close) first=$(awk -v call="$call" '
                index($0, call "(") == 1 { n++ } /zipllm.json/ { print n; exit }' "$work/trace") ;;
        esac
        [ -n "$first" ] || first=30
        when=$first
        while [ "$when" -le "$count" ]; do
            case $((when % 3)) in
                0) error=EIO ;;
                1) error=ENOSPC ;;
                *) error=EINTR ;;
            esac
            case $call in fsync | fdatasync) error=EIO ;; esac
            one "$verb" "$call" "$error" "$when"
            if [ "$when" -lt $((first + 4)) ]; then when=$((when + 1)); else when=$((when + stride)); fi
        done
    done
done
[ "$refused" -gt $((runs / 4)) ] || fail "only $refused of $runs runs failed: nothing was injected"
finish "$runs runs, $refused ended with an error"
