#!/bin/sh
# kill -9 during add, rm and gc at random moments: the store opens, earlier models are whole, gc
# removes the rest, and the killed command can be run again.
#     store_kill.sh DRIVER MAKE-FAMILY [TIMES [SEED]]
set -u
driver=$1
times=${3:-50}
seed=${4:-$$}
# shellcheck source=tests/store_lib.sh
. "$(dirname "$0")/store_lib.sh"
make_models "$2" || exit 1
fresh || exit 1
"$driver" "$store" gc || exit 1
clean=$("$driver" "$store" stat)
printf 'seed %s\n' "$seed"

# Microseconds that one undisturbed add takes, as the range of the moments.
begin=$(date +%s%N)
"$driver" "$store" add "$work/models/t-chat" t-chat || exit 1
range=$((($(date +%s%N) - begin) / 1000 + 1000))

# A number below $1, from awk's generator.
random() {
    seed=$((seed + 1))
    awk -v seed="$seed" -v n="$1" 'BEGIN { srand(seed); rand(); print int(rand() * n) }'
}

killed=0
for i in $(seq "$times"); do
    fresh || exit 1
    verb=add
    [ $((i % 5)) -ne 3 ] || verb="rm"
    [ $((i % 5)) -ne 4 ] || verb=gc
    set -- add "$work/models/t-chat" t-chat
    if [ $verb != add ]; then
        "$driver" "$store" add "$work/models/t-chat" t-chat || exit 1
        set -- rm t-chat
    fi
    if [ $verb = gc ]; then
        "$driver" "$store" rm t-chat || exit 1
        set -- gc
    fi
    moment=$(random $range)
    "$driver" "$store" "$@" 2>"$work/err" &
    pid=$!
    sleep "$(awk -v us="$moment" 'BEGIN { print us / 1e6 }')"
    if kill -9 $pid 2>"$work/log"; then killed=$((killed + 1)); fi
    wait $pid 2>"$work/log"
    healthy "$verb killed after $moment us"
    # A model is there as a whole or not at all.
    if "$driver" "$store" ls | grep -q '^t-chat@'; then
        restores t-chat || fail "$verb killed after $moment us: t-chat is listed, but not whole"
        "$driver" "$store" rm t-chat || fail "$verb killed after $moment us: rm"
    fi
    "$driver" "$store" gc || fail "$verb killed after $moment us: gc"
    left=$("$driver" "$store" stat)
    [ "${left% index*}" = "${clean% index*}" ] ||
        fail "$verb killed after $moment us: left behind: $left, not $clean"
    { "$driver" "$store" add "$work/models/t-chat" t-chat && restores t-chat; } ||
        fail "$verb killed after $moment us: t-chat cannot be added again"
done
[ "$killed" -gt 0 ] || fail "no command lived long enough to be killed"
finish "$times runs, $killed killed, within $range us"
