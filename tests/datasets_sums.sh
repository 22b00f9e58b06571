#!/bin/sh
# The families that make-family makes have the committed SHA-256, whatever machine and compiler.
# usage: datasets_sums.sh [--update] COMMAND...    COMMAND runs make-family, with QEMU before it or not
set -eu
unset CDPATH
sums=$(dirname -- "$(readlink -f -- "$0")")/vectors/datasets.sha256
update=
if [ "$1" = --update ]; then
    update=1
    shift
fi
work=$(mktemp -d)
found=$(mktemp)
trap 'rm -rf "$work" "$found"' EXIT

"$@" "$work/default"
"$@" --size 1M --dtype f16 --changed 0.05 --seed 7 "$work/f16-sparse"
"$@" --size 1M --dtype f32 --delta 1e-5 --sigma 0.0625 "$work/f32"
"$@" --size 300K --dtype bf16 --delta 3e-7 --prefix small "$work/bf16-small"

cd "$work"
find . -type f | LC_ALL=C sort | xargs sha256sum >"$found"
if [ -n "$update" ]; then
    cp "$found" "$sums"
fi
diff "$sums" "$found"
echo "$(wc -l <"$found") files as committed"
