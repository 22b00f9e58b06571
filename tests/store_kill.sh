#!/bin/sh
# kill -9 during add, rm and gc at random moments: the store opens, earlier models are whole, gc
# removes the rest, and the killed command can be run again. Every run counted was killed: one that
# ended before its moment is made again, and tells how long the verb takes on this machine now.
#     store_kill.sh DRIVER MAKE-FAMILY KILL-AFTER [TIMES [SEED]]
set -u
driver=$1
kill_after=$3
times=${4:-50}
seed=${5:-$$}
# shellcheck source=tests/store_lib.sh
. "$(dirname "$0")/store_lib.sh"
make_models "$2" || exit 1
fresh || exit 1
"$driver" "$store" gc || exit 1
clean=$("$driver" "$store" stat)
printf 'seed %s\n' "$seed"

# A number from 1 to $1, from awk's generator.
random() {
    seed=$((seed + 1))
    awk -v seed="$seed" -v n="$1" 'BEGIN { srand(seed); rand(); print 1 + int(rand() * n) }'
}

# prepare VERB: a store for it.
prepare() {
    fresh || exit 1
    [ "$1" = add ] || "$driver" "$store" add "$work/models/t-chat" t-chat || exit 1
    [ "$1" != gc ] || "$driver" "$store" rm t-chat || exit 1
}

# attempt VERB MOMENT: sets $outcome to killed or ended, and $us to how long it ran.
attempt() {
    prepare "$1"
    case $1 in
        add) set -- "$2" add "$work/models/t-chat" t-chat ;;
        rm) set -- "$2" rm t-chat ;;
        gc) set -- "$2" gc ;;
    esac
    moment=$1
    shift
    "$kill_after" "$moment" "$work/report" "$driver" "$store" "$@" 2>"$work/err" || exit 1
    read -r outcome us status <"$work/report"
    [ "$outcome" = killed ] || [ "$status" = 0 ] ||
        fail "$1 was not killed, but ended with status $status: $(cat "$work/err")"
}

# Microseconds within which the moments of each verb lie: what it takes undisturbed, at first.
for verb in add rm gc; do
    attempt $verb 60000000
    [ "$outcome" = ended ] || fail "$verb takes over a minute"
    eval "range_$verb=$us"
done

tries=0
for i in $(seq "$times"); do
    verb=add
    [ $((i % 5)) -ne 3 ] || verb="rm"
    [ $((i % 5)) -ne 4 ] || verb=gc
    outcome=ended
    while [ "$outcome" = ended ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt $((20 * times)) ]; then
            fail "$i kills took over $((tries - 1)) tries"
            finish
        fi
        eval "range=\$range_$verb"
        attempt $verb "$(random "$range")"
        # The machine may be slower now than it was, or faster.
        if [ "$outcome" = ended ]; then range=$us; else range=$((range + range / 16)); fi
        eval "range_$verb=$range"
    done
    healthy "$verb killed after $us us"
    # A model is there as a whole or not at all.
    if "$driver" "$store" ls | grep -q '^t-chat@'; then
        restores t-chat || fail "$verb killed after $us us: t-chat is listed, but not whole"
        "$driver" "$store" rm t-chat || fail "$verb killed after $us us: rm"
    fi
    "$driver" "$store" gc || fail "$verb killed after $us us: gc"
    left=$("$driver" "$store" stat)
    [ "${left% index*}" = "${clean% index*}" ] ||
        fail "$verb killed after $us us: left behind: $left, not $clean"
    { "$driver" "$store" add "$work/models/t-chat" t-chat && restores t-chat; } ||
        fail "$verb killed after $us us: t-chat cannot be added again"
done
# shellcheck disable=SC2154 # set by eval
finish "$times kills in $tries tries; add takes about $range_add us, rm $range_rm, gc $range_gc"
