#!/bin/sh
# The tables of bench/KERNELS.md, to standard output: each operation, ISA and working set as a share
# of its roofline; each row's function against those of the rows below it; bit planes against those
# of bitshuffle and blosc. About five minutes.
# usage: kernel_tables.sh BITX-BENCH     (SETS, ROUNDS: of the first table; WRAP goes before each run,
# for instance WRAP='chrt -f 50 taskset -c 1')
set -eu
bench=$1
sets=${SETS:-L2,DRAM}
rounds=${ROUNDS:-15}
isas=$("$bench" env | sed -n 's/.*in use: //p')
[ "$isas" != avx512 ] || isas=avx2,avx512

# run ARG...: the command and what it prints.
run() {
    echo '```'
    echo "\$ bitx-bench $*"
    # shellcheck disable=SC2086 # a command with its words
    ${WRAP:-} "$bench" "$@"
    echo '```'
    echo
}

cat <<END
# Kernels, measured

Written by \`./dev kernel-tables\` on $(date -u +%Y-%m-%d). $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1),
$(sed -n 's/^cpu family[[:space:]]*: /family /p;s/^model[[:space:]]*: /model /p' /proc/cpuinfo | head -n 2 | paste -sd ' ' -), $(cc --version | head -n 1). What the
columns mean is in [METHODS.md](METHODS.md).

## What each cell runs

The evidence for \`kernels/ops.def\`: every row's function in calls of 64 elements and more, in caches, against the functions of the rows below it, which are what the
cell could run instead. 1.00 is scalar -O3; the last column names each place where a narrower function took less than 1/1.05 of the time.

END
run cells --rounds 31

cat <<END
## Shares of the rooflines

END
run kernel --isa "$isas" --ws "$sets" --rounds "$rounds"

cat <<END
## Bit planes against bitshuffle

16-bit elements to planes and back in one run: ours, those of bitshuffle (Debian's package, the plugin's functions) and of blosc. Theirs go block by block of 8 KiB, ours over the whole.

END
run kernel --isa "$isas" --ws L1,L2 --rounds 31 \
    --op split_bits_u16,merge_bits_u16,bitshuffle_u16,bitunshuffle_u16,blosc_bitshuffle_u16,blosc_bitunshuffle_u16
