#!/bin/sh
# Every script passes shellcheck.
set -eu
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.."
find dev .ci/run tests datasets bench tools cmake -type f \
    \( -name '*.sh' -o -path dev -o -path .ci/run \) -print0 | sort -z |
    xargs -0 shellcheck --severity=style
