#!/bin/sh
# kill -9 during `zipllm add` at random moments. After each: the store opens, verify is clean, the model
# that was there is whole, the one being added is whole or absent, and gc leaves nothing behind.
# usage: crash_storm.sh FOLDER-OF-THE-COMMANDS [KILLS [SEED]]
set -eu
unset CDPATH
bin=$(readlink -f -- "$1")
kills=${2:-50}
seed=${3:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
ZIPLLM_STORE=$work/store
export ZIPLLM_STORE
zipllm() {
    "$bin/zipllm" -q "$@"
}

fail() {
    echo "crash-storm: kill $i after ${moment} us: $1 (seed $seed)" >&2
    [ ! -s "$work/log" ] || cat "$work/log" >&2
    exit 1
}

# try WHAT COMMAND...
try() {
    what=$1
    shift
    "$@" >"$work/log" 2>&1 || fail "$what"
}

# whole MODEL: restored, it is equal to the original.
whole() {
    rm -rf "$work/out"
    try "get $1" zipllm get "$1" -o "$work/out"
    try "$1 is not what was added" diff -r "$work/family/$1" "$work/out"
}

models() {
    zipllm ls --json | grep -c '"name"' || true
}

pack_bytes() {
    find "$ZIPLLM_STORE/packs" "$ZIPLLM_STORE/models" "$ZIPLLM_STORE/tmp" -type f -printf '%s\n' |
        awk '{ n += $1 } END { print n + 0 }'
}

i=0
moment=0
"${CC:-cc}" -D_GNU_SOURCE -O1 -o "$work/kill_after" "$(dirname "$0")/kill_after.c"
"$bin/make-family" --size 24M "$work/family"
try init "$bin/zipllm" init "$ZIPLLM_STORE"
cd "$work/family"
try 'add of the base' zipllm add demo-base
before=$(pack_bytes)

# attempt MOMENT: an add that is killed after so many microseconds; sets $outcome to killed or ended,
# and $us to how long it ran.
attempt() {
    "$work/kill_after" "$1" "$work/report" "$bin/zipllm" -q add demo-chat >"$work/log" 2>&1 ||
        fail 'kill_after'
    read -r outcome us status <"$work/report"
    [ "$outcome" = killed ] || [ "$status" = 0 ] || fail "add ended with status $status"
}

# take_back: the store without it again.
take_back() {
    try rm zipllm rm demo-chat
    try gc zipllm gc
    [ "$(pack_bytes)" -eq "$before" ] || fail 'gc after rm left something behind'
}

# How long an add takes when nobody kills it: the moments lie within.
attempt 600000000
[ "$outcome" = ended ] || fail 'an add takes over ten minutes'
range=$us
take_back

tries=0
landed=0
while [ "$i" -lt "$kills" ]; do
    i=$((i + 1))
    # An add that ended before its moment is made again; the machine may be slower now, or faster.
    outcome=ended
    while [ "$outcome" = ended ]; do
        tries=$((tries + 1))
        [ "$tries" -le $((20 * kills)) ] || fail "$tries tries"
        moment=$(awk -v seed="$seed$tries" -v us="$range" \
            'BEGIN { srand(seed); rand(); print 1 + int(rand() * us) }')
        attempt "$moment"
        if [ "$outcome" = ended ]; then range=$us; else range=$((range + range / 16)); fi
        [ "$outcome" = killed ] || take_back
    done

    try 'ls does not open the store' zipllm ls
    try 'verify' zipllm verify
    count=$(models)
    whole demo-base
    if [ "$count" -eq 2 ]; then
        landed=$((landed + 1))
        whole demo-chat
        try rm zipllm rm demo-chat
    elif [ "$count" -ne 1 ]; then
        fail "ls tells of $count models"
    fi
    try gc zipllm gc
    try 'verify after gc' zipllm verify
    [ "$(pack_bytes)" -eq "$before" ] || fail "gc left $(pack_bytes) bytes where there were $before"
    [ -z "$(find "$ZIPLLM_STORE/tmp" -mindepth 1)" ] || fail 'gc left something in tmp/'
done
whole demo-base
echo "crash-storm: $i adds killed in $tries tries, $landed had landed; an add takes about" \
    "$((range / 1000)) ms; the store was whole each time (seed $seed)"
