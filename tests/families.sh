#!/bin/sh
# The tables of pack/FAMILIES.md. Models that are named are added without their cards and configs'
# hints, so that only their bits speak.
#     families.sh BIN [MODEL...]
set -eu
here=$(dirname "$0")
bin=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ $# -eq 0 ]; then
    "$bin/families_report"
    "$bin/families_search" "$work/store"
    python3 "$here/families_ingest.py" "$bin/zipllm" "$bin/make-family" 7 "$work/store"
    exit
fi
mkdir "$work/models"
for model in "$@"; do
    cp -r "$model" "$work/models/"
done
find "$work/models" -name README.md -exec rm {} +
find "$work/models" -name config.json -exec sed -i '/"_name_or_path"/d' {} +
"$bin/zipllm" init -q "$work/store"
for model in "$work"/models/*; do
    "$bin/zipllm" -C "$work/store" add "$model" | head -n 1
done
"$bin/zipllm" -C "$work/store" tree
"$bin/families_predicted" "$work/store"
set --
for model in "$work"/models/*; do
    set -- "$@" "$model"
done
sh "$here/families_order.sh" "$bin/zipllm" 10 "$@"
