#!/bin/sh
# The gate on a checkout: builds the older revision, and runs bitx-bench's levels on both; or records
# what they are held against. bench/GATE.md explains the levels.
# usage: perf.sh gate BUILD [BASE-REV] [GATE-OPTION...] | exact BUILD [GATE-OPTION...] | record BUILD
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."

usage='usage: perf.sh gate|exact|record BUILD [...]'
action=${1:?$usage}
build=${2:?$usage}
shift 2
bench=$build/bin/bitx-bench
folder=bench/baseline
work='build-perf'

say() {
    printf 'perf: %s\n' "$*" >&2
}

# The program that QEMU counts NEON with; its kernels lie in a section of their own. Prints its path,
# or nothing where it cannot be made.
qemu_program() {
    for tool in aarch64-linux-gnu-gcc aarch64-linux-gnu-objcopy qemu-aarch64-static; do
        command -v "$tool" >/dev/null || { say "n/a: NEON counts ($tool is not installed)" && return 0; }
    done
    out=$work/neon-$(aarch64-linux-gnu-gcc -dumpfullversion)
    flags='-O3 -DNDEBUG'
    if [ -x "$out/qemu-count" ] && [ -z "$(find kernels dispatch codec/include bench/*.c bench/include \
        bench/perf.sh -newer "$out/qemu-count" -type f)" ]; then
        printf '%s\n' "$out/qemu-count"
        return 0
    fi
    rm -rf "$out"
    mkdir -p "$out"
    # shellcheck disable=SC2086 # a list of flags
    for file in kernels/*.c; do
        object=$out/$(basename "$file" .c).o
        aarch64-linux-gnu-gcc -w -std=gnu11 $flags -Ikernels -Ikernels/include -Idispatch/include \
            -c "$file" -o "$object"
        aarch64-linux-gnu-objcopy --rename-section .text=bitx_text "$object"
    done >&2
    # shellcheck disable=SC2086
    if aarch64-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE $flags "-DBENCH_FLAGS=\"$flags\"" -static -Ikernels \
        -Ikernels/include -Idispatch/include -Icodec/include -Ibench/include \
        -o "$out/qemu-count" bench/qemu_count.c bench/count_call.c bench/kernel.c bench/drivers*.c \
        bench/set.c bench/buffers.c bench/roofline.c bench/sample.c bench/stats.c bench/clock.c \
        dispatch/*.c "$out"/*.o -lm >"$out/log" 2>&1; then
        printf '%s\n' "$out/qemu-count"
    else
        say 'n/a: NEON counts (the program for AArch64 does not build):'
        head -n 5 "$out/log" >&2
    fi
}

library_of() {
    find "$1/lib" -name 'libbitx.so' | head -n 1
}

# The levels that need no older build.
run_gate() {
    program=$(qemu_program)
    "$bench" gate --counts "$folder/counts.txt" --sizes "$folder/sizes.txt" \
        --family tests/vectors/perf/pairs.txt --floors "$folder/floors.txt" \
        ${program:+--qemu-program "$program"} "$@"
}

# The revision to compare with: where this branch left origin's main, else the parent commit.
default_base() {
    head=$(git rev-parse HEAD)
    for upstream in origin/main origin/master; do
        rev=$(git merge-base HEAD "$upstream" 2>/dev/null || true)
        [ -n "$rev" ] && [ "$rev" != "$head" ] && printf '%s\n' "$rev" && return 0
    done
    git rev-parse --verify --quiet 'HEAD^' || true
}

# What a compiler said first, for a line: no colour, no folder of ours.
first_error() {
    grep -m 1 -E '^(CMake Error|fatal: )|error: ' "$1" | sed "s|$PWD/$work/source/||g" | cut -c 1-200
}

# build_base REV: prints the library's path; or fails, and prints why.
build_base() {
    rev=$(git rev-parse --verify --quiet "$1^{commit}") || { echo "there is no revision '$1' here" && return 1; }
    base=$work/$rev
    if [ -z "$(library_of "$base" 2>/dev/null || true)" ]; then
        say "building $rev"
        rm -rf "$base" "$work/source"
        git worktree prune
        mkdir -p "$work"
        {
            git worktree add --force --detach "$work/source" "$rev" &&
                cmake -S "$work/source" -B "$base" -G Ninja -DCMAKE_BUILD_TYPE=Release \
                    ${CC:+"-DCMAKE_C_COMPILER=$CC"} -DBITX_BUILD_STORE=OFF -DBITX_BUILD_BENCH=OFF \
                    -DBITX_BUILD_TESTS=OFF -DBITX_INSTALL=OFF \
                    "-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=$PWD/$base/lib" &&
                cmake --build "$base" --target bitx_shared
        } >"$work/base.log" 2>&1 || {
            git worktree remove --force "$work/source" 2>/dev/null || true
            echo "$1 does not build: $(first_error "$work/base.log") (all of it: $work/base.log)"
            return 1
        }
        git worktree remove --force "$work/source"
    fi
    library_of "$base"
}

# Alarms that commits of this branch say are wanted: "Perf-accept: PART-OF-A-NAME why", one a line.
accepted() {
    git log --format='%(trailers:key=Perf-accept,valueonly,separator=%x0a)' "$1..HEAD" |
        sed -n 's/^\([^ ][^ ]*\).*/\1/p' | paste -sd, -
}

case $action in
    gate)
        rev=
        case ${1:-} in
            '' | -*) ;;
            *) rev=$1 && shift ;;
        esac
        [ -n "$rev" ] || rev=$(default_base)
        library=
        accept=
        why='this checkout has no older revision'
        if [ -n "$rev" ]; then
            library=$(build_base "$rev") || { why=$library && library=; }
            accept=$(accepted "$rev" 2>/dev/null || true)
        fi
        [ -n "$library" ] || say "n/a: $why"
        run_gate --head "$(library_of "$build")" --no-base "$why" ${library:+--base "$library"} \
            ${accept:+--accept "$accept"} "$@"
        ;;
    exact) run_gate --head "$(library_of "$build")" --levels G0,G1 "$@" ;;
    record)
        mkdir -p "$folder"
        program=$(qemu_program)
        "$bench" count --record --counts "$folder/counts.txt" --sizes "$folder/sizes.txt" \
            --family tests/vectors/perf/pairs.txt ${program:+--qemu-program "$program"}
        "$bench" gate --record-floors --floors "$folder/floors.txt"
        ;;
    *) say "$usage" && exit 2 ;;
esac
