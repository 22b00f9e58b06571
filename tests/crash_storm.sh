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
    echo "crash-storm: kill $i after ${moment} s: $1 (seed $seed)" >&2
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
"$bin/make-family" --size 24M "$work/family"
try init "$bin/zipllm" init "$ZIPLLM_STORE"
cd "$work/family"
try 'add of the base' zipllm add demo-base
before=$(pack_bytes)

# How long an add takes when nobody kills it.
start=$(date +%s%N)
try 'undisturbed add' zipllm add demo-chat
whole_ms=$((($(date +%s%N) - start) / 1000000))
try rm zipllm rm demo-chat
try gc zipllm gc
[ "$(pack_bytes)" -eq "$before" ] || fail 'gc after rm left something behind'

finished=0
landed=0
while [ "$i" -lt "$kills" ]; do
    i=$((i + 1))
    moment=$(awk -v seed="$seed$i" -v ms="$whole_ms" \
        'BEGIN { srand(seed); rand(); printf "%.3f", rand() * ms * 1.05 / 1000 }')
    "$bin/zipllm" -q add demo-chat >"$work/log" 2>&1 &
    pid=$!
    sleep "$moment"
    kill -9 "$pid" 2>/dev/null || finished=$((finished + 1))
    wait "$pid" 2>/dev/null || true

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
echo "crash-storm: $i adds killed within ${whole_ms} ms ($((i - finished)) while they ran)," \
    "$landed had landed; the store was whole each time (seed $seed)"
