#!/bin/sh
# A LoRA adapter in the store, and the model that it was merged into: what add, rm, gc, repair, rebase
# and verify make of the two, and that an adapter that was not merged is left alone.
# usage: cli_adapter.sh ZIPLLM MAKE_FAMILY SOURCE_DIR MAKE_ADAPTER
# shellcheck disable=SC1091
make_adapter=$4
. "$(dirname "$0")/cli_lib.sh"

mkdir base merged adapter other
"$make_adapter" .
for model in base merged; do mv $model.safetensors $model/model.safetensors; done
for model in adapter other; do
    mv $model.safetensors $model/adapter_model.safetensors
    echo '{"peft_type":"LORA","r":8,"lora_alpha":16}' >$model/adapter_config.json
done

# With an adapter that has nothing to do with it the factors are stored: twenty times the bytes.
expect 0 "$ZIPLLM" init "$STORE"
expect 0 z add --name fam/base base
expect 0 z add --name fam/other other
expect 0 z add --name fam/merged merged
expect 0 z tree
says out 'LoRA r=8 of fam/base'
check [ -z "$(grep 'fam/other' out | grep merged)" ]
expect 0 z tree --json
alone=$(python3 -c "import json
for l in open('out'):
    r = json.loads(l)
    if r.get('name') == 'fam/merged': print(r['stored_bytes'])")
expect 0 z rm fam/merged
expect 0 z gc

expect 0 z add --name fam/adapter adapter
expect 0 z add --name fam/merged merged
expect 0 z tree
says out 'LoRA r=8 of fam/base by fam/adapter'
expect 0 z tree --json
json "[r['stored_bytes'] * 10 < $alone for r in lines if r['name'] == 'fam/merged'] == [True]"
json "[r['lowrank_bytes'] for r in lines if r['name'] == 'fam/merged'] == [204800]"
expect 0 z verify
expect 0 z get fam/merged -o restored
check diff -r merged restored
expect 0 z cat fam/merged model.safetensors --tensor model.layers.3.mlp.up_proj.weight --range 100-30000
tail -c +$(($(stat -c %s merged/model.safetensors) - 3 * 40960 + 100 + 1)) merged/model.safetensors | head -c 29900 >part
check cmp out part
expect 0 z rebase
expect 0 z verify

# Models go, what another needs of them stays.
expect 0 z rm fam/adapter fam/base
expect 0 z gc
expect 0 z verify
expect 0 z get fam/merged -o restored-2
check diff -r merged restored-2

# The index made anew says the same.
rm "$STORE/index.sqlite"
expect 0 z repair
expect 0 z verify
expect 0 z get fam/merged -o restored-3
check diff -r merged restored-3
expect 0 z add --name fam/adapter adapter
expect 0 z tree
says out 'by fam/adapter'

# Damage in the adapter is damage of what needs it, and nothing is given out.
python3 - "$STORE" <<'END'
import glob, os, sys
for pack in glob.glob(sys.argv[1] + "/packs/*/*.pack"):
    data = bytearray(open(pack, "rb").read())
    at = data.find(b"bitx")
    while at >= 0:
        if data[at + 7] == 18:  # F32: the adapters' matrices alone are
            data[at + 200] ^= 255
        at = data.find(b"bitx", at + 4)
    os.chmod(pack, 0o644)
    open(pack, "wb").write(data)
END
expect 4 z verify
says out 'damaged: model fam/merged'
expect 4 z get fam/merged -o restored-4
check [ ! -e restored-4/model.safetensors ]

finish
