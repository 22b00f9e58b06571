#!/bin/sh
# Every public header compiles alone and twice, as C11 and as C++17, without a warning; every private one
# as C11.
set -u
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.." || exit
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wcast-qual -Werror'
public='-Ikernels/include -Idispatch/include -Icodec/include -Ipack/include'
failed=0

# alone HEADER COMPILER OPTION...: the header by its last name, twice, from standard input
alone() {
    header=$1
    shift
    name=${header#*/include/}
    [ "$name" != "$header" ] || name=${header##*/}
    # shellcheck disable=SC2086 # options
    printf '#include "%s"\n#include "%s"\nextern int bitx_alone;\n' "$name" "$name" |
        "$@" $warnings -D_GNU_SOURCE -fsyntax-only - && return
    echo "$header does not compile alone ($*)" >&2
    failed=1
}

# shellcheck disable=SC2086 # options
for header in $(find kernels dispatch codec pack -path '*/include/*' -name '*.h' | sort); do
    for mode in -UBITX_KERNEL_ROWS -DBITX_KERNEL_ROWS; do
        alone "$header" "${CC:-gcc}" -std=c11 -Wmissing-prototypes -Wstrict-prototypes $mode $public -x c
        alone "$header" "${CXX:-g++}" -std=c++17 -Wold-style-cast $mode $public -x c++
    done
done

# shellcheck disable=SC2086 # options
for header in $(find kernels codec pack tools bench datasets tests -name '*.h' \
    -not -path '*/consumer/*' -not -path 'kernels/include/*' -not -path 'codec/include/*' \
    -not -path 'pack/include/*' | sort); do
    folder=${header%%/*}
    own="-I${header%/*} -I$folder -I$folder/include"
    [ "$folder" != tests ] || own="-I${header%/*} -Itests -Icodec -Ipack -Idatasets -Ibench/include -Ikernels"
    alone "$header" "${CC:-gcc}" -std=c11 $own $public -x c
done
exit "$failed"
