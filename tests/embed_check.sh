#!/bin/sh
# libbitx taken along: kernels/ by one cc line, kernels/ and dispatch/, the two files of
# cmake/amalgamate.py with every warning on, each with a program that uses it; examples/planezip.c is built
# from the two files and restores what it compressed. usage: embed_check.sh [COMPILER...]
set -eu
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."
[ $# -gt 0 ] || set -- gcc clang
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wcast-qual -Wmissing-prototypes -Wstrict-prototypes -Werror'
cxx_warnings='-Wall -Wextra -Wpedantic -Wshadow -Wcast-qual -Wold-style-cast -Werror'

say() {
    printf 'embed-check: %s\n' "$*"
}

# planezip PROGRAM: odd, even and empty files, with a base and without; a cut file is refused
planezip() {
    head -c 300001 "$work/one/bitx.c" >"$work/file"
    tail -c 300000 "$work/one/bitx.c" >"$work/base"
    : >"$work/empty"
    for file in file base empty; do
        for base in - "$work/base"; do
            "$1" c "$base" "$work/$file" "$work/packed"
            "$1" d "$base" "$work/packed" "$work/back"
            cmp "$work/$file" "$work/back"
        done
    done
    "$1" c - "$work/file" "$work/packed"
    head -c 20000 "$work/packed" >"$work/cut"
    if "$1" d - "$work/cut" "$work/back" 2>"$work/message"; then return 1; fi
    grep -q truncated "$work/message"
}

# shellcheck disable=SC2086 # options
check() { # C compiler, C++ compiler
    say "$1: kernels/ by one cc line, a program of rows"
    mkdir -p "$work/kernels" "$work/objects" "$work/one" "$work/small"
    cp -r kernels/*.c kernels/*.h kernels/ops.def kernels/include "$work/kernels/"
    (cd "$work/objects" && "$1" -O2 -I ../kernels/include -c ../kernels/*.c)
    "$1" $warnings -std=c11 -I "$work/kernels/include" tests/consumer/rows.c "$work"/objects/*.o -o "$work/rows"
    "$work/rows"
    say "$1: kernels/ and dispatch/"
    (cd "$work/objects" && "$1" -O2 -I ../kernels -I ../kernels/include -I "$OLDPWD/dispatch/include" \
        -c "$OLDPWD"/dispatch/*.c)
    "$1" $warnings -std=c11 -I "$work/kernels/include" tests/consumer/plain.c "$work"/objects/*.o -o "$work/plain"
    "$work/plain"
    say "$1: bitx.c and bitx.h, every warning on; the header from C++"
    python3 cmake/amalgamate.py "$work/one"
    python3 cmake/amalgamate.py --kernels "$work/small"
    "$1" $warnings -std=c11 -O1 -fvisibility=hidden -c "$work/one/bitx.c" -o "$work/one.o"
    "$1" $warnings -std=c11 -O1 -c "$work/small/bitx.c" -o "$work/small.o"
    mkdir -p "$work/one/bitx" "$work/small/bitx"
    echo '#include "../bitx.h"' | tee "$work/one/bitx/kernels.h" >"$work/small/bitx/kernels.h"
    "$2" $cxx_warnings -std=c++11 -I "$work/small" -x c++ tests/consumer/plain.c -x none "$work/small.o" \
        -o "$work/plain"
    "$work/plain"
    "$1" $warnings -std=c11 -I "$work/one" tests/consumer/example.c "$work/one.o" -lzstd -lm -o "$work/example"
    "$work/example" >/dev/null
    "$2" $cxx_warnings -std=c++11 -I "$work/one" tests/consumer/example.cpp "$work/one.o" -lzstd -lm -o "$work/example"
    "$work/example"
    foreign=$(nm -g --defined-only "$work/one.o" | awk '$3 !~ /^bitx_/ { print $3 }')
    [ -z "$foreign" ] || { say "bitx.c defines $foreign" && return 1; }
    say "$1: planezip, a compressor of one's own"
    "$1" $warnings -std=c11 -O2 -I "$work/one" examples/planezip.c "$work/one.o" -lzstd -lm -o "$work/planezip"
    planezip "$work/planezip"
    rm -rf "$work/objects"
}

for compiler in "$@"; do
    case $compiler in
        *gcc*) cxx=$(printf '%s' "$compiler" | sed 's/gcc/g++/') ;;
        *) cxx=$(printf '%s' "$compiler" | sed 's/clang/clang++/') ;;
    esac
    if command -v "$compiler" >/dev/null && command -v "$cxx" >/dev/null; then
        check "$compiler" "$cxx"
    else
        say "n/a ($compiler or $cxx is not installed)"
    fi
done
say ok
