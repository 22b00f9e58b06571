#!/bin/sh
# Sources are as .clang-format says (clang-format 14, Debian 12's). --fix rewrites them.
set -eu
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.."

mode='--dry-run --Werror'
[ "${1:-}" != --fix ] || mode=-i
# shellcheck disable=SC2086 # options
find kernels dispatch codec pack tools bench tests datasets \
    \( -name '*.c' -o -name '*.h' \) -print0 | sort -z | xargs -0 clang-format $mode
