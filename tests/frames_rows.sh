#!/bin/sh
# usage: frames_rows.sh MAKE_FRAMES ZIPLLM MAKE_FAMILY
# The same frames from every row of kernels and every number of threads: golden inputs, and a model.
set -eu
make_frames=$1 zipllm=$2 make_family=$3
work=$(mktemp -d "${TMPDIR:-/tmp}/frames_rows.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$make_family" --size 4M "$work/family" >"$work/log"
base=$(find "$work/family" -path '*base*' -name '*.safetensors' | head -1)
tuned=$(find "$work/family" -path '*math*' -name '*.safetensors' | sort | head -1)
[ -s "$base" ] && [ -s "$tuned" ]

for isa in scalar avx2 avx512 neon; do
    mkdir "$work/$isa"
    BITX_ISA=$isa "$make_frames" "$work/$isa" >"$work/log"
    for threads in 1 2; do
        BITX_ISA=$isa "$zipllm" encode -q -T "$threads" "$tuned" --base "$base" \
            -o "$work/$isa/model.$threads"
        cmp "$work/$isa/model.$threads" "$work/scalar/model.1"
    done
    diff -r "$work/scalar" "$work/$isa"
    echo "BITX_ISA=$isa: $(find "$work/$isa" -type f | wc -l) files as with scalar"
done
