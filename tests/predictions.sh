#!/bin/sh
# What arithmetic made, in a store: a base and its casts, fine-tunes, merges, merged LoRAs with and
# without their adapter; then bits against rank, and the same models by TensorX's recipe.
#     predictions.sh BIN
set -eu
bin=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

mkdir made adapted
"$bin/make_blends" made
"$bin/make_adapter" adapted
"$bin/zipllm" init -q store
add() {
    mkdir -p "models/$1"
    mv "$2" "models/$1/${3:-model.safetensors}"
    "$bin/zipllm" -C store add -q --name "fam/$1" "models/$1"
}
for name in root base half a b mean task lora; do add "$name" "made/$name.safetensors"; done
add adapted-base adapted/base.safetensors
add adapter adapted/adapter.safetensors adapter_model.safetensors
add merged adapted/merged.safetensors
"$bin/zipllm" -C store tree
"$bin/zipllm" -C store verify

echo
echo "by TensorX's recipe, each against the base named or alone: compressed / original"
while read -r name base; do
    set -- --data "models/$name/model.safetensors"
    [ -z "$base" ] || set -- "$@" --base "models/$base/model.safetensors"
    ratio=$("$bin/bitx-bench" codec "$@" --codec tensorx --sizes-only | awk '$1 == "tensorx" && $3 ~ /^[0-9.]+$/ { print $3; exit }')
    echo "fam/$name ${base:+(fam/$base) }$ratio"
done <<END
root
base
half
a base
b base
mean base
task base
lora base
adapted-base
merged adapted-base
END
echo
"$bin/lora_report"
