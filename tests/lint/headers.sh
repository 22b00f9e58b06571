#!/bin/sh
# Every installed header compiles alone, first and twice, as C11 and as C++17, without a warning.
set -u
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.." || exit
cc=${CC:-gcc}
cxx=${CXX:-g++}
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wcast-qual -Werror'
failed=0

paths=
for layer in kernels dispatch codec pack; do
    [ ! -d "$layer/include" ] || paths="$paths -I$layer/include"
done

for header in $(find kernels dispatch codec pack -path '*/include/*' -name '*.h' | sort); do
    name=${header#*/include/}
    source="#include \"$name\"
#include \"$name\"
int bitx_header_alone = 1;"
    # shellcheck disable=SC2086 # options
    for mode in "" -DBITX_KERNEL_ROWS; do
        printf '%s\n' "$source" |
            $cc -std=c11 $warnings -Wmissing-prototypes -Wstrict-prototypes $mode $paths \
                -x c -fsyntax-only - || failed=1
        printf '%s\n' "$source" |
            $cxx -std=c++17 $warnings -Wold-style-cast $mode $paths -x c++ -fsyntax-only - ||
            failed=1
    done
    [ "$failed" -eq 0 ] || echo "$header does not compile alone" >&2
done
exit "$failed"
