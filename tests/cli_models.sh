#!/bin/sh
# The main path: a family goes in and comes out byte for byte, and every verb says what is so.
# shellcheck disable=SC1091
. "$(dirname "$0")/cli_lib.sh"

"$MAKE_FAMILY" --size 1M family >/dev/null
mkdir -p other/sub/deep other/empty
printf 'x' >other/sub/deep/x
: >other/none
printf 'a' >"other/$(printf 'odd\n\033[31m\377name')"
ln -s sub/deep/x other/link

expect 0 "$ZIPLLM" init "$STORE"
says out 'empty store'
expect 1 "$ZIPLLM" init "$STORE"
one_line
expect 0 z ls
silent out
expect 0 z stat --json
json 'lines[0]["models"] == 0 and lines[0]["reduction"] == 0'

# add
for model in base chat code math; do
    expect 0 z add --json --name "fam/$model" "family/demo-$model"
    json 'len(lines) == 1 and lines[0]["type"] == "model" and not lines[0]["already_stored"]'
    json 'sum(g["bytes"] for g in lines[0]["groups"]) == lines[0]["logical_bytes"]'
    json 'sum(g["parts"] for g in lines[0]["groups"] if g["kind"] == "tensor") == lines[0]["tensors"]'
    bytes=$(find "family/demo-$model" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
    json "lines[0]['logical_bytes'] == $bytes"
done
expect 0 z add -v other
says out 'odd\x0a\x1b[31m\xffname'
check test -z "$(tr -d '\000-\176' <out)"
silent err
expect 0 z add other
says out 'already stored, nothing added'
expect 0 z add -q other
silent out
printf 'y' >other/sub/deep/x
expect 1 z add other
one_line
expect 0 z add --name other@2 other
expect 0 z add --base fam/base --name fam/again --json family/demo-chat
json 'lines[0]["base"] == "fam/base" and lines[0]["found"] == "--base"'
json 'lines[0]["tensors_deduplicated"] == lines[0]["tensors"]'
expect 0 z add --base none --name fam/alone --json family/demo-math
json 'lines[0]["base"] is None'
expect 1 z add --base fam/absent --name fam/x family/demo-chat

# ls, show, stat
expect 0 z ls
check test "$(wc -l <out)" -eq 9
expect 0 z stat
check grep -Eq '^ *reduction +[0-9.]+% +1 - on disk' out
expect 0 z ls --json
json '[m["name"] for m in lines] == sorted(m["name"] for m in lines) and len(lines) == 8'
json 'all(m["type"] == "model" and m["files"] > 0 for m in lines)'
expect 0 z ls -q
says out 'other@2'
expect 0 z show fam/base
expect 0 z show -v fam/base
says out 'model.embed_tokens.weight'
expect 0 z show --json fam/base
json 'len(lines) == 1 and lines[0]["base"] is None'
json 'len(lines[0]["file_list"]) == lines[0]["files"]'
json 'all(len(f["sha256"]) == 64 for f in lines[0]["file_list"])'
expect 0 z show --json -v fam/chat
json 'lines[0]["base"] is not None or lines[0]["found"] == "none"'
json 'sum(p["bytes"] for p in lines[1:]) == lines[0]["logical_bytes"]'
expect 0 z show --json other@2
json 'any(os.fsencode(f["path"]) == b"odd\n\x1b[31m\xffname" for f in lines[0]["file_list"])'
json '[f["path"] for f in lines[0]["file_list"] if f["directory"]] == ["empty"]'
expect 1 z show fam/absent
one_line
expect 0 z stat
says out reduction
expect 0 z stat --json
disk=$(find "$STORE" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
json "lines[0]['disk_bytes'] == $disk"
json 'abs(lines[0]["reduction"] - (1 - lines[0]["disk_bytes"] / lines[0]["logical_bytes"])) < 1e-6'
json 'lines[0]["models"] == 8 and lines[0]["tensors_unique"] <= lines[0]["tensors"]'

# get
for model in base chat code math; do
    expect 0 z get "fam/$model" -o "out-$model" --sha256
    check diff -r "family/demo-$model" "out-$model"
done
expect 0 z get fam/base --json
json 'lines[0]["files"] > 0 and lines[0]["bytes"] > 1000000 and lines[0]["target"] == "base"'
check diff -r family/demo-base base
expect 0 z get other@2 -o out-other
check diff -r other out-other
expect 1 z get fam/base
says err 'base'
one_line
echo mine >base/mine
expect 0 z get fam/base --force
check test "$(cat base/mine)" = mine
expect 0 z get fam/base --file config.json -o one
check test "$(ls one)" = config.json
expect 1 z get fam/base --file absent.json -o one-more
expect 1 z get fam/absent

# one thread, the least memory: the same bytes
expect 0 z -T 1 --memory 64M get fam/code -o out-thin
check diff -r family/demo-code out-thin

# verify, rm, gc
expect 0 z verify --json
json 'lines[-1]["damages"] == 0 and lines[-1]["models"] == 8'
expect 0 z verify fam/base --quick
expect 0 z verify --sample 10%
expect 0 z rm fam/base
expect 3 z rm fam/absent fam/alone
expect 1 z rm fam/absent
expect 0 z gc --dry-run --json
json 'lines[0]["dry_run"] and lines[0]["freed_bytes"] >= 0'
expect 0 z gc
says out freed
expect 0 z verify
for model in chat code math; do
    expect 0 z get "fam/$model" -o "after-$model"
    check diff -r "family/demo-$model" "after-$model"
done

# what is damaged is named, and not restored
pack=$(find "$STORE/packs" -type f -size +100k | sort | head -1)
python3 - "$pack" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(50000)
    byte = f.read(1)[0]
    f.seek(50000)
    f.write(bytes([byte ^ 16]))
END
expect 4 z verify
says out 'damaged: model'
says out "$(basename "$pack")"
expect 4 z verify --json
json 'lines[0]["type"] == "damage" and lines[-1]["damages"] >= 1 and lines[0]["reason"] != ""'
damaged=$(python3 -c 'import json; print(json.loads(open("out").readline())["model"])')
expect 4 z get "$damaged" -o bad
one_line
says err "$damaged"

finish
