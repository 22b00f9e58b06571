#!/bin/sh
# No kernel uses an instruction above the ISA in its file's name: compiles each with plain cc and
# reads the disassembly. usage: tests/isa_scan.sh [cc flags...]
set -eu
cd "$(dirname "$0")/.."
if [ "$(uname -m)" != x86_64 ] || ! command -v objdump >/dev/null; then
    echo "n/a (needs x86-64 and objdump)"
    exit 0
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
[ $# -gt 0 ] || set -- -O3
failed=0 files=0
avx='[[:space:]]v[a-z0-9]+[[:space:]].*%|%ymm|%zmm'
# Not tzcnt: gcc writes __builtin_ctz, which is undefined for 0, as `rep bsf`. Disassembled it is tzcnt,
# CPUs without that run it as bsf, and for all other numbers both give the same.
above_sse2="$avx|[[:space:]](popcnt|lzcnt|pext|pdep|pshufb|andn|bextr|bzhi|mulx|rorx|s[ah][lr]x|crc32)[a-z]?[[:space:]]"
above_avx2='%zmm|%k[0-7]|%[xy]mm(1[6-9]|2[0-9]|3[01])'
# vcvtph2ps and vcvtps2ph are of F16C and AVX-512F; all other *ph are of AVX512-FP16.
above_avx512='[[:space:]](vp4dp|vp2intersect|tdp|vdpbf16|vcvtne|vcvtph2[^p]|vcvtph2psx|vcvtps2phx|vcvt[^p]+2ph|vcmpph|v[^c][a-z0-9]*ph[[:space:]])[a-z0-9]*'
scan() { # file pattern
    cc -std=c11 "$@" -I kernels/include -c "$file" -o "$out/o.o"
    files=$((files + 1))
    if objdump -d --no-show-raw-insn "$out/o.o" | grep -E "$pattern" >"$out/found"; then
        echo "FAIL $file: $(head -n 1 "$out/found")"
        failed=1
    fi
}
for file in kernels/*.c; do
    case $file in
        *_scalar.c | kernels/shuffle_tables.c) pattern=$above_sse2 ;;
        *_avx2.c) pattern=$above_avx2 ;;
        *_avx512.c) pattern=$above_avx512 ;;
        *_neon.c) continue ;;
    esac
    scan "$@"
done
echo "$files files scanned"
exit $failed
