#!/bin/sh
# libbitx.so against the ABI that is recorded in cmake/libbitx.abi (libabigail). Functions that were added
# are printed; anything that breaks a program linked before fails.
# usage: abi_check.sh [--record]
set -eu
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."
if [ "$(uname -m)" != x86_64 ] || ! command -v abidw >/dev/null || ! command -v abidiff >/dev/null; then
    echo 'abi-check: n/a (needs x86-64, abidw and abidiff of the package abigail-tools)'
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
zstd=$(pkg-config --cflags --libs libzstd)
# The kernels themselves are hidden, and nothing runs here.
# shellcheck disable=SC2086 # options
gcc -std=c11 -g -O0 -D_GNU_SOURCE -fPIC -fvisibility=hidden -shared -Ikernels -Ikernels/include -Idispatch/include \
    -Icodec -Icodec/include dispatch/*.c codec/*.c $zstd -Wl,--unresolved-symbols=ignore-all \
    -Wl,--version-script=codec/bitx.map -Wl,-soname,libbitx.so.0 -o "$work/libbitx.so"
# Of types that the headers only name, nothing more than the name.
abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --no-parameter-names --drop-private-types \
    --headers-dir kernels/include --headers-dir codec/include "$work/libbitx.so" >"$work/libbitx.abi"
if [ "${1:-}" = --record ]; then
    cp "$work/libbitx.abi" cmake/libbitx.abi
    exit 0
fi
status=0
abidiff cmake/libbitx.abi "$work/libbitx.abi" >"$work/log" || status=$?
cat "$work/log"
# Bits of the status: 1 and 2 are faults of the check, 4 is a change, 8 an incompatible one.
[ $((status & 11)) -eq 0 ] || { echo 'abi-check: FAILED (a new SONAME and ./dev abi --record, if it is meant)'; exit 1; }
# What is gone or differs is not always called incompatible: only additions pass.
if [ "$status" -ne 0 ] && ! grep -q '0 Removed, 0 Changed.*Added function' "$work/log"; then
    echo 'abi-check: FAILED'
    exit 1
fi
echo 'abi-check: ok'
