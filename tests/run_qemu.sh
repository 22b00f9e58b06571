#!/bin/sh
# The kernel checks and bitx_selftest() on CPUs that this machine is not: NEON under qemu-aarch64, and x86-64 without
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

# compiler folder: the checks, and the answers of bitx_selftest().
build() {
    mkdir "$2"
    set -- "$1" "$2" -std=gnu11 -O2 -static -Wall -Wextra -Werror -I kernels -I kernels/include \
        -I dispatch -I dispatch/include -I tests kernels/*.c dispatch/*.c
    cc=$1 to=$2
    shift 2
    "$cc" "$@" -o "$to/check" tests/kernel_check.c tests/harness*.c tests/kernel_specs*.c
    "$cc" "$@" -o "$to/selftest" tests/selftest.c
}

# The active row must be the one that this CPU allows.
run() { # label expected-row folder command...
    label=$1 row=$2 built=$3
    shift 3
    bad=0
    log=$(mktemp -p "$out")
    echo "== $label"
    "$@" "$built/check" "$prefix" >"$log" 2>&1 || { bad=1; grep -E 'FAIL' "$log" || tail -n 5 "$log"; }
    grep '^BITX_TEST_SEED' "$log"
    tail -n 1 "$log"
    grep '^BITX_TEST_SEED' "$log" | grep -q "active row: $row\$" || { echo "wrong row, not $row"; bad=1; }
    if "$@" "$built/selftest" >"$log" 2>&1; then
        echo "bitx_selftest: every answer right"
    else
        bad=1
        cat "$log"
    fi
    return $bad
}

# Side by side, one core each: the checks have one thread, and emulation is slow.
jobs_begun=
begin() { # name, then as run
    name=$1
    shift
    run "$@" >"$out/$name.said" 2>&1 &
    jobs_begun="$jobs_begun $name:$!"
}

echo "== NEON (qemu-aarch64)"
if have aarch64-linux-gnu-gcc qemu-aarch64-static; then
    build aarch64-linux-gnu-gcc "$out/aarch64"
    begin neon "aarch64 max" neon "$out/aarch64" qemu-aarch64-static
fi
if [ "$(uname -m)" = x86_64 ] && have cc qemu-x86_64-static; then
    build cc "$out/x86_64"
    begin nehalem "x86-64 Nehalem" scalar "$out/x86_64" qemu-x86_64-static -cpu Nehalem
    begin haswell "x86-64 Haswell" avx2 "$out/x86_64" qemu-x86_64-static -cpu Haswell
fi
for job in $jobs_begun; do
    wait "${job#*:}" || failed=1
    cat "$out/${job%:*}.said"
done
exit $failed
