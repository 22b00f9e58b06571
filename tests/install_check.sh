#!/bin/sh
# Installs into an empty folder, moves it, and builds users of the libraries there: by find_package, by
# pkg-config (shared and static), and by add_subdirectory.
set -eu
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."
top=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() {
    printf 'install-check: %s\n' "$1"
}

# quietly COMMAND...: its output only if it fails
quietly() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log" && return 1; }
}

consumer() {
    folder=$1
    shift
    quietly cmake -G Ninja -S "$top/tests/consumer" -B "$work/$folder" "$@"
    quietly cmake --build "$work/$folder"
    quietly ctest --test-dir "$work/$folder" --output-on-failure --no-tests=error -E '_test$'
}

say 'install'
quietly cmake -G Ninja -B "$work/build" -DBITX_BUILD_TESTS=OFF "-DCMAKE_INSTALL_PREFIX=$work/first"
quietly cmake --build "$work/build"
quietly cmake --install "$work/build"
mv "$work/first" "$work/prefix"
prefix=$work/prefix

say 'find_package(bitx CONFIG), after the folder was moved'
consumer found "-DCMAKE_PREFIX_PATH=$prefix"

say 'pkg-config, shared and static'
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name bitx.pc)")
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir bitx)
# shellcheck disable=SC2046 # options
quietly gcc -std=c11 -Wall -Wextra -Werror tests/consumer/example.c $(pkg-config --cflags --libs bitx) \
    -o "$work/shared"
LD_LIBRARY_PATH=$libdir "$work/shared"
# shellcheck disable=SC2046
quietly gcc -std=c11 tests/consumer/example.c $(pkg-config --cflags bitx) "$libdir/libbitx.a" \
    $(pkg-config --libs --static libzstd) -lm -o "$work/static"
"$work/static" >/dev/null
pkg-config --print-errors --exists --static bitx

say 'SONAME, and symbols of the version node alone'
readelf -d "$libdir/libbitx.so" | grep -q 'SONAME.*\[libbitx\.so\.[0-9]*\]'
loose=$(nm -D --defined-only "$libdir/libbitx.so" | awk '$2 != "A" && $3 !~ /^bitx_[a-z0-9_]*@@BITX_[0-9]+$/ { print $3 }')
[ -z "$loose" ] || { say "libbitx.so exports $loose" && exit 1; }

say 'planezip, a compressor of one'"'"'s own'
# shellcheck disable=SC2046
quietly gcc -std=c11 -Wall -Wextra -Wpedantic -Werror examples/planezip.c \
    $(pkg-config --cflags --libs bitx libzstd) -o "$work/planezip"
for base in - tests/consumer/example.cpp; do
    LD_LIBRARY_PATH=$libdir "$work/planezip" c "$base" tests/install_check.sh "$work/packed"
    LD_LIBRARY_PATH=$libdir "$work/planezip" d "$base" "$work/packed" "$work/back"
    cmp tests/install_check.sh "$work/back"
done

say 'add_subdirectory, which builds libbitx alone'
consumer beneath "-DBITX_SOURCE=$top"
if [ -e "$work/beneath/bitx/tests" ]; then
    say 'add_subdirectory built the tests as well'
    exit 1
fi

say 'zipllm.pc, the commands'
echo '#include <zipllm.h>
int main(void) { return zipllm_version()[0] == 0; }' >"$work/store.c"
# shellcheck disable=SC2046
quietly gcc -std=c11 -Wall -Wextra -Werror "$work/store.c" $(pkg-config --cflags --libs zipllm) \
    -o "$work/store"
LD_LIBRARY_PATH=$libdir "$work/store"
pkg-config --print-errors --exists --static zipllm
for command in zipllm bitx-bench; do
    [ ! -x "$work/build/bin/$command" ] || "$prefix/bin/$command" --help >/dev/null
done
say 'ok'
