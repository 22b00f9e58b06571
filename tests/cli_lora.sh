#!/bin/sh
# A merged LoRA: found by add and encode without being told, kept through rm, gc, rebase and verify.
# usage: cli_lora.sh ZIPLLM MAKE_FAMILY SOURCE_DIR MAKE_LORA
# shellcheck disable=SC1091
make_lora=$4
. "$(dirname "$0")/cli_lib.sh"

mkdir base lora root
"$make_lora" .
mv base.safetensors base/model.safetensors
mv lora.safetensors lora/model.safetensors
mv root.safetensors root/model.safetensors
size=$(stat -c %s lora/model.safetensors)

# one file: a tenth of what it is as a mere delta
expect 0 "$ZIPLLM" encode --effort fast lora/model.safetensors --base base/model.safetensors -o delta
expect 0 "$ZIPLLM" encode lora/model.safetensors --base base/model.safetensors -o coded
check test $((3 * $(stat -c %s coded))) -lt "$(stat -c %s delta)"
expect 0 "$ZIPLLM" encode -T 1 lora/model.safetensors --base base/model.safetensors -o coded-1
check cmp coded coded-1
expect 0 "$ZIPLLM" decode coded --base base/model.safetensors -o plain
check cmp plain lora/model.safetensors
expect 0 "$ZIPLLM" encode --effort max lora/model.safetensors --base base/model.safetensors -o most
expect 0 "$ZIPLLM" decode most --base base/model.safetensors -o plain
check cmp plain lora/model.safetensors
expect 2 "$ZIPLLM" encode --effort lots lora/model.safetensors -o most
says err '--effort lots'

# a store
expect 0 "$ZIPLLM" init "$STORE"
expect 0 z add --name fam/base base
expect 0 z add --name fam/lora lora
expect 0 z tree
says out 'LoRA r=4 of fam/base'
expect 0 z tree --json
json "[r['lowrank_bytes'] > 0 for r in lines if r['name'] == 'fam/lora'] == [True]"
json "[r['stored_bytes'] * 6 < $size for r in lines if r['name'] == 'fam/lora'] == [True]"
expect 0 z verify
expect 0 z get fam/lora -o restored
check diff -r lora restored
expect 0 z cat fam/lora model.safetensors --tensor m3.weight --range 100-20000
expect 0 z rebase
expect 0 z verify

# the base's model goes, its tensors stay
expect 0 z rm fam/base
expect 0 z gc
expect 0 z verify
expect 0 z get fam/lora -o restored-2
check diff -r lora restored-2

# damage in the factors is named, and nothing is given out
pack=$(find "$STORE/packs" -name '*.pack' -printf '%s %p\n' | sort -n | head -1 | cut -d ' ' -f 2)
printf '\377\000\377' | dd of="$pack" bs=1 seek=200 conv=notrunc status=none
expect 4 z verify
expect 4 z get fam/lora -o restored-3

# a LoRA of what is a delta itself
rm -rf "$STORE"
expect 0 "$ZIPLLM" init "$STORE"
for name in root base lora; do expect 0 z add --name "fam/$name" "$name"; done
expect 0 z tree
says out 'LoRA r=4 of fam/base'
expect 0 z tree --json
json "[r['stored_bytes'] * 3 < $size for r in lines if r['name'] == 'fam/lora'] == [True]"
expect 0 z verify
expect 0 z get fam/lora -o restored-4
check diff -r lora restored-4
expect 0 z rebase
expect 0 z rm fam/base
expect 0 z gc
expect 0 z verify
expect 0 z get fam/lora -o restored-5
check diff -r lora restored-5

finish
