#!/bin/sh
# Runs what the report shows, some three minutes, and writes the page.
# usage: report.sh BITX-BENCH PAGE.html [FOLDER]     (FOLDER keeps the JSON; default: a temporary one)
# Where there is a chromium, PAGE.png is a picture of its first charts.
# WRAP and WRAP_THREADS go before the runs with one and with several threads, for instance
# WRAP='chrt -f 50 taskset -c 1' and WRAP_THREADS='chrt -f 50' on a machine that others use too.
set -eu
bench=$1
page=$2
if [ $# -gt 2 ]; then
    folder=$3
    mkdir -p "$folder"
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
title="bitx-bench on $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)"
isas=$("$bench" env | sed -n 's/.*in use: //p')
[ "$isas" != avx512 ] || isas=avx2,avx512
# DRAM takes a second a cell: those that coders are made of.
large=xor_bytes,xor_split_bf16,xor_merge_bf16,split_bf16,merge_bf16,distance_bits,first_difference
large=$large,split_planes_u16,merge_planes_u16,xor_split_planes_u32,xor_merge_planes_u32
large=$large,float_diff_u16,float_undiff_u16,xor_split_bits_u16,xor_merge_bits_u16,memcpy

# run NAME ARG...: one subcommand, its JSON in NAME.json; what it prints goes to NAME.txt.
run() {
    name=$1
    shift
    printf '%s\n' "bitx-bench $*" >&2
    # shellcheck disable=SC2086 # a command with its words
    ${wrap-} "$bench" "$@" --json "$folder/$name.json" >"$folder/$name.txt"
}

wrap=${WRAP-}
run kernel-L2 kernel --isa "$isas" --ws L2 --rounds 15
run kernel-DRAM kernel --isa "$isas" --ws DRAM --rounds 15 --op $large
run roofline roofline --ws L2,DRAM --rounds 15
for data in s2e-4 sparse; do
    run "codec-$data" codec --made $data --size 8 --timing 4 --rounds 9 --threads 1 --brief
done
wrap=${WRAP_THREADS-}
run numa numa --rounds 15
run scale scale --rounds 31
"$bench" report "$folder"/*.json -o "$page" --title "$title"
printf '%s\n' "$page: $(($(wc -c <"$page") / 1024)) KiB" >&2
if command -v chromium >/dev/null; then
    root=
    [ "$(id -u)" -ne 0 ] || root=--no-sandbox # its sandbox refuses root
    chromium --headless=new $root --disable-gpu --hide-scrollbars --window-size=1280,1000 \
        --screenshot="${page%.html}.png" "file://$(readlink -f -- "$page")" 2>/dev/null
fi
