#!/bin/sh
# cat: files, tensors and ranges of a stored model against the same bytes of the original.
# shellcheck disable=SC1091
. "$(dirname "$0")/cli_lib.sh"

"$MAKE_FAMILY" --size 6M family >/dev/null
expect 0 "$ZIPLLM" init "$STORE"
expect 0 z add --name fam/base family/demo-base
expect 0 z add --name fam/math family/demo-math
model=$(dirname "$(find family/demo-math -name '*.safetensors' | head -1)")
file=$(find "$model" -name '*.safetensors' -printf '%f\n' | head -1)

for f in "$file" config.json; do
    expect 0 z cat fam/math "$f"
    check cmp out "$model/$f"
done

# Ranges around the edges of blocks (1 MiB) and parts.
size=$(stat -c %s "$model/$file")
header=$("$ZIPLLM" inspect --json "$model/$file" | tail -1 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["header_bytes"])')
for range in 0-0 0-1 0-8 7-9 "0-$header" "$((header - 1))-$((header + 1))" "$header-$((header + 1048577))" \
    1048575-1048577 1000000-4200001 "$((size - 1))-$size" "$size-$size"; do
    begin=${range%-*}
    expect 0 z cat fam/math "$file" --range "$range"
    check test "$(stat -c %s out)" -eq $((${range#*-} - begin))
    tail -c +$((begin + 1)) "$model/$file" | head -c $((${range#*-} - begin)) >wanted
    check cmp out wanted
done
expect 0 z cat -T 1 --memory 64M fam/math "$file" --range 5000-
tail -c +5001 "$model/$file" >wanted
check cmp out wanted

# Every tensor, by where inspect says it lies.
"$ZIPLLM" inspect --json "$model/$file" >tensors
python3 - "$ZIPLLM" "$STORE" "$model/$file" "$file" <<'END' || fail tensors
import json, subprocess, sys
command, store, path, name = sys.argv[1:]
data = open(path, "rb").read()
tensors = [t for t in map(json.loads, open("tensors")) if t["type"] == "tensor"]
assert len(tensors) > 5
for t in tensors[:12]:
    got = subprocess.run([command, "-C", store, "cat", "fam/math", name, "--tensor", t["name"]],
                         stdout=subprocess.PIPE, check=True).stdout
    assert got == data[t["offset"]:t["offset"] + t["bytes"]], t
    got = subprocess.run([command, "-C", store, "cat", "fam/math", name, "--tensor", t["name"],
                          "--range", "3-%d" % (t["bytes"] - 1)],
                         stdout=subprocess.PIPE, check=True).stdout
    assert got == data[t["offset"] + 3:t["offset"] + t["bytes"] - 1], t
END
CHECKS=$((CHECKS + 24))

expect 1 z cat fam/absent config.json
one_line
expect 1 z cat fam/math absent
one_line
expect 1 z cat fam/math "$file" --tensor absent
one_line
expect 2 z cat fam/math "$file" --range "0-$((size + 1))"
one_line
for range in 5 5-4 -5 a-b 1-b 0x1-2 18446744073709551615- 99999999999999999999-; do
    expect 2 z cat fam/math "$file" --range="$range"
    silent out
done
expect 2 z cat fam/math
status=0
z cat fam/math "$file" >/dev/full 2>err || status=$?
check test "$status" -eq 1
says err 'cannot write the output: No space left'
z cat fam/math "$file" 2>err | head -c 10 >out
silent err

# A damaged block is refused, and the bytes before it are right.
python3 - "$STORE/packs" <<'END'
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "r+b") as f:
            data = bytearray(f.read())
            for at in range(200000, len(data) - 20000, 300000):
                data[at] ^= 1
            f.seek(0)
            f.write(data)
END
expect 4 z cat fam/base "$file"
one_line
says err fam/base
check cmp -n "$(stat -c %s out)" out "family/demo-base/$file"

finish
