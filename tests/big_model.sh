#!/bin/sh
# A model larger than the memory allowed: adds and restores a 4 GB base and a fine-tune of it under
# --memory 256M, and prints the peak of anonymous and shared memory that /proc showed.
# usage: big_model.sh FOLDER-OF-THE-COMMANDS [SIZE [MEMORY]]; needs about four times SIZE of disk
set -eu
unset CDPATH
bin=$(readlink -f -- "$1")
size=${2:-4G}
memory=${3:-256M}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/big-model.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
ZIPLLM_STORE=$work/store
export ZIPLLM_STORE

# watch NAME COMMAND...: runs it and prints its seconds and its peak memory.
watch() {
    name=$1
    shift
    start=$(date +%s%N)
    "$@" >"$work/log" 2>&1 &
    pid=$!
    peak=0
    while kill -0 "$pid" 2>/dev/null; do
        now=$(awk '/^(RssAnon|RssShmem):/ { n += $2 } END { print n + 0 }' "/proc/$pid/status" \
            2>/dev/null || echo 0)
        [ "$now" -le "$peak" ] || peak=$now
        sleep 0.05
    done
    wait "$pid" || { cat "$work/log" >&2 && return 1; }
    printf '%-14s %7.1f s   peak %4d MiB\n' "$name" \
        "$(awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { print ns / 1e9 }')" $((peak / 1024))
}

"$bin/make-family" --size "$size" --only base "$work/family"
"$bin/make-family" --size "$size" --only math "$work/family"
du -sh --apparent-size "$work/family"/* | sed "s|$work/family/||"
"$bin/zipllm" init "$ZIPLLM_STORE"
cd "$work/family"
for model in demo-base demo-math; do
    watch "add $model" "$bin/zipllm" add --memory "$memory" "$model"
done
for model in demo-base demo-math; do
    watch "get $model" "$bin/zipllm" get --memory "$memory" "$model" -o "$work/out"
    diff -r "$model" "$work/out"
    rm -rf "$work/out"
done
watch verify "$bin/zipllm" verify --memory "$memory"
"$bin/zipllm" stat
