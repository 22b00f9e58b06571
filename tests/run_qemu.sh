#!/bin/sh
# The kernel checks on CPUs that this machine is not: NEON under qemu-aarch64, and x86-64 without
# AVX2 (Nehalem) or without AVX-512 (Haswell). Needs no build system: one cc line each.
# usage: tests/run_qemu.sh [op-prefix]; prints "n/a" and the missing program where one is absent.
set -eu
cd "$(dirname "$0")/.."
prefix=${1:-}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failed=0

have() {
    for program in "$@"; do
        command -v "$program" >/dev/null || { echo "n/a ($program is not installed)"; return 1; }
    done
}

build() { # compiler output
    "$1" -std=gnu11 -O2 -static -Wall -Wextra -Werror -I kernels -I kernels/include \
        -I dispatch/include -I tests -o "$2" kernels/*.c dispatch/*.c \
        tests/kernel_check.c tests/harness*.c tests/kernel_specs*.c
}

# The active row must be the one that this CPU allows.
run() { # label expected-row command...
    label=$1 row=$2
    shift 2
    echo "== $label"
    "$@" "$prefix" >"$out/log" 2>&1 || { failed=1; grep -E 'FAIL' "$out/log" || tail -n 5 "$out/log"; }
    grep '^BITX_TEST_SEED' "$out/log"
    tail -n 1 "$out/log"
    grep '^BITX_TEST_SEED' "$out/log" | grep -q "active row: $row\$" || { echo "wrong row, not $row"; failed=1; }
}

echo "== NEON (qemu-aarch64)"
if have aarch64-linux-gnu-gcc qemu-aarch64-static; then
    build aarch64-linux-gnu-gcc "$out/check-aarch64"
    run "aarch64 max" neon qemu-aarch64-static "$out/check-aarch64"
fi
if [ "$(uname -m)" = x86_64 ] && have cc qemu-x86_64-static; then
    build cc "$out/check-x86_64"
    run "x86-64 Nehalem" scalar qemu-x86_64-static -cpu Nehalem "$out/check-x86_64"
    run "x86-64 Haswell" avx2 qemu-x86_64-static -cpu Haswell "$out/check-x86_64"
fi
exit $failed
