#!/bin/sh
# Bases found by bits, with and against cards; GGUF files and PyTorch archives; rebase, tree and
# distance.
# shellcheck disable=SC1091,SC2154
. "$(dirname "$0")/cli_lib.sh"

restores() { # NAME DIR
    rm -rf restored
    expect 0 z get "$1" -o restored --sha256
    check diff -r "$2" restored
}

disk_bytes() {
    z stat --json | sed 's/.*"disk_bytes":\([0-9]*\).*/\1/'
}

# Two families of equal shapes, without any word about where they come from.
for seed in 1 2; do
    "$MAKE_FAMILY" --size 2M --seed $seed --prefix f$seed "$WORK" >/dev/null
done
for model in f1-base f1-chat f1-code f1-math f2-base f2-chat f2-code; do
    find $model -name '*.md' -exec rm {} +
    rm -f $model/config.json
done

# The fine-tune comes first: whichever is there serves as the base of the other.
expect 0 "$ZIPLLM" init "$STORE"
expect 0 z add --json --name t/f1-chat f1-chat
json 'lines[-1]["base"] is None and lines[-1]["found"] == "none"'
expect 0 z add --json --name t/f2-base f2-base
json 'lines[-1]["base"] is None'
for model in f1-base f1-code f1-math; do
    expect 0 z add --json --name t/$model $model
    json 'lines[-1]["base"] == "t/f1-chat" and lines[-1]["found"] == "bits"'
    json 'lines[-1]["stored_bytes"] < 0.5 * lines[-1]["logical_bytes"]'
done
json '0 < lines[-1]["rebase_models"] <= 4' # the base is in the middle, and came second

# A card that names the other family is overruled, and told.
printf -- '---\nbase_model: t/f1-base\n---\n' >f2-chat/README.md
expect 0 z add --json --name t/f2-chat f2-chat
json 'lines[-1]["base"] == "t/f2-base" and lines[-1]["found"] == "bits"'
json 'lines[-1]["overruled_base"] == "t/f1-base" and lines[-1]["nearest"] == "t/f2-base"'
# --base is obeyed, and the better one told; "none" is obeyed too.
expect 0 z add --json --base t/f1-base --name t/f2-code f2-code
json 'lines[-1]["base"] == "t/f1-base" and lines[-1]["nearest"] == "t/f2-base"'
expect 0 z add --json --base none --name t/f2-code@none f2-code
json 'lines[-1]["found"] == "none"'
expect 0 z rm t/f2-code@none

# rebase: the families' bases take over, nothing grows, everything comes back.
expect 0 z gc -q
before=$(disk_bytes)
expect 0 z rebase --dry-run --json
json 'lines[-1]["dry_run"] and lines[-1]["saved_bytes"] > 100000 and lines[-1]["freed_bytes"] == 0'
check [ "$(disk_bytes)" -eq "$before" ]
expect 0 z rebase --json
json 'lines[-1]["changed"] > 0 and lines[-1]["freed_bytes"] > 0'
json 'any(r["type"] == "tensor" and r["base"] == "t/f1-base" for r in lines)'
check [ "$(disk_bytes)" -lt "$before" ]
after=$(disk_bytes)
expect 0 z rebase --json # little is left to gain, and nothing to lose
json 'lines[-1]["saved_bytes"] < 20000'
check [ "$(disk_bytes)" -le "$after" ]
expect 0 z verify -q
for model in f1-base f1-chat f1-code f1-math f2-base f2-chat f2-code; do
    restores t/$model $model
done

expect 0 z tree --json
json '{r["name"]: r["base"] for r in lines}["t/f1-chat"] == "t/f1-base"'
json '{r["name"]: r["base"] for r in lines}["t/f2-code"] == "t/f2-base"'
expect 0 z tree
says out 'coded against another than add found'
expect 0 z distance --json t/f1-chat t/f1-base
json 'lines[-1]["unmatched"] == 0 and 0 < lines[-1]["bit_distance"] < 5'
json 'lines[-1]["delta"] < lines[-1]["bitx"] < lines[-1]["alone"] < 0.7'
expect 0 z distance --json t/f1-chat t/f2-base
json 'lines[-1]["bit_distance"] > 5 and lines[-1]["delta"] > 0.6'
expect 0 z distance --json t/f1-chat t/f1-chat
json 'lines[-1]["bit_distance"] == 0 and lines[-1]["unchanged"] == 1'
expect 1 z distance t/f1-chat t/absent

# A fine-tune of a distant fine-tune: the latter's tensors are promoted to be its bases, whatever
# else is near.
python3 "$VARY" f2-base far 63 1 1
python3 "$VARY" far near 1 0.01 2
expect 0 z add --json --name t/far far
json 'lines[-1]["base"] == "t/f2-base" and lines[-1]["tensors_promoted"] == 0'
expect 0 z add -v --json --name t/near near
json 'lines[-1]["base"] == "t/far" and lines[-1]["tensors_promoted"] > 50'
json 'sum(p["stored_bytes"] for p in lines if p["type"] == "part") < 0.03 * lines[-1]["logical_bytes"]'
expect 0 z stat --json
json 'lines[0]["dead_bytes"] > 500000'
expect 0 z verify -q
restores t/far far
restores t/near near
expect 0 z gc -q
expect 0 z stat --json
json 'lines[0]["dead_bytes"] == 0'
expect 0 z verify -q
restores t/near near
expect 0 z rebase -q
expect 0 z verify -q
restores t/far far
restores t/near near

# Every kind of file: each vector comes back, split where its parser takes it.
mkdir files
cp -r "$VECTORS/gguf" "$VECTORS/torch" files/
expect 0 z add --json --name t/files files
json '{n["file"]: n["note"] for n in lines[-1]["notes"]}["gguf/good_v3"].startswith("GGUF version 3")'
json '"an encrypted member" in {n["file"]: n["note"] for n in lines[-1]["notes"]}["torch/bad_encrypted"]'
restores t/files files
expect 0 z show -v --json t/files
json 'any(r.get("tensor") == "blk.0.attn_q.weight" and r["dtype"] == "Q8_0" for r in lines)'
json 'any(r.get("tensor") == "embed.weight" and r["dtype"] == "BF16" for r in lines)'
expect 0 z verify -q

finish
