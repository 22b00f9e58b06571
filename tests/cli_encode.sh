#!/bin/sh
# encode and decode: one file there and back, alone and against a base; damage and wrong bases.
# shellcheck disable=SC1091
. "$(dirname "$0")/cli_lib.sh"

"$MAKE_FAMILY" --size 3M family >/dev/null
base=family/demo-base/model.safetensors
tuned=$(find family/demo-math family/demo-chat -name 'model.safetensors' | head -1)

# there and back: FILE [BASE]
round_trip() {
    expect 0 "$ZIPLLM" encode "$1" ${2:+--base "$2"} -o coded
    expect 0 "$ZIPLLM" decode coded ${2:+--base "$2"} -o plain
    check cmp plain "$1"
}
round_trip "$base"
alone=$(stat -c %s coded)
round_trip "$tuned" "$base"
check test $((2 * $(stat -c %s coded))) -lt "$alone"
cp coded coded-2
expect 0 "$ZIPLLM" encode --json "$tuned" --base "$base" -o coded
json "lines[0]['bytes'] == $(stat -c %s "$tuned")"
json "lines[0]['coded_bytes'] == $(stat -c %s coded)"
expect 0 "$ZIPLLM" encode -T 1 --memory 64M "$tuned" --base "$base" -o coded
check cmp coded coded-2 # the same bytes from any number of threads and any memory
: >empty
round_trip empty
round_trip empty "$base"
round_trip "$ZIPLLM"
round_trip family/demo-base/config.json "$base"
for file in "$VECTORS"/hostile/[0-9]*; do
    round_trip "$file"
    round_trip "$file" "$VECTORS/hostile/00_good"
done
expect 0 "$ZIPLLM" decode coded-2 --base "$base" -o plain
says out 'coded-2: '

# what is missing or wrong
expect 2 "$ZIPLLM" encode "$tuned"
says err '-o'
expect 2 "$ZIPLLM" encode -o x
expect 1 "$ZIPLLM" encode absent -o x
one_line
expect 1 "$ZIPLLM" encode "$tuned" --base absent -o x
says err absent
expect 2 "$ZIPLLM" decode coded-2 -o x
says err 'needs its base'
expect 1 "$ZIPLLM" decode coded-2 --base empty -o x
says err 'is not the base'
cp "$tuned" wrong
truncate -s "$(stat -c %s "$base")" wrong
expect 1 "$ZIPLLM" decode coded-2 --base wrong -o x
says err 'wrong: offset'
says err 'is not the base'
expect 1 "$ZIPLLM" decode "$tuned" -o x
says err 'zipllm encode'
expect 1 "$ZIPLLM" decode empty -o x
one_line
expect 1 "$ZIPLLM" encode . -o x
expect 1 "$ZIPLLM" encode "$tuned" -o absent/x
mkfifo fifo
expect 1 timeout 20 "$ZIPLLM" encode fifo -o x
expect 1 timeout 20 "$ZIPLLM" encode "$tuned" -o fifo
expect 1 "$ZIPLLM" encode "$tuned" -o .
expect 1 "$ZIPLLM" encode "$tuned" -o /dev/full
check test ! -e x -a -p fifo -a -c /dev/full
check test -z "$(find . -name '*.tmp.*')"

# Every truncation to a multiple of 97 bytes and 120 flipped bits: an error, never other bytes.
cat >small.py <<'END'
import json, os, random, struct, subprocess, sys
command = sys.argv[1]
random.seed(7)
def model(path, seed):
    rng = random.Random(seed)
    data = bytes(rng.choice((60, 61, 188)) if i % 2 else rng.randrange(256) for i in range(3000))
    header = json.dumps({"w": {"dtype": "BF16", "shape": [50, 30], "data_offsets": [0, 3000]}})
    open(path, "wb").write(struct.pack("<Q", len(header)) + header.encode() + data)
    return data
model("small-base", 1)
original = bytearray(open("small-base", "rb").read())
for i in range(500, len(original), 40):
    original[i] ^= 1
open("small", "wb").write(original)
run = lambda *a: subprocess.run([command, *a], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
assert run("encode", "small", "--base", "small-base", "-o", "small.coded").returncode == 0
coded = open("small.coded", "rb").read()
damaged = [coded[:n] for n in range(0, len(coded), 97)]
for _ in range(120):
    bit = random.randrange(8 * len(coded))
    bad = bytearray(coded)
    bad[bit // 8] ^= 1 << bit % 8
    damaged.append(bytes(bad))
for bad in damaged:
    open("bad.coded", "wb").write(bad)
    done = run("decode", "bad.coded", "--base", "small-base", "-o", "bad.plain")
    if done.returncode == 0: # a bit that nothing depends on
        assert open("bad.plain", "rb").read() == bytes(original)
        os.unlink("bad.plain")
    else:
        assert done.returncode in (1, 2, 4), done
        assert done.stderr.count(b"\n") == 1, done
    assert not os.path.exists("bad.plain")
END
check python3 small.py "$ZIPLLM"
check test -z "$(find . -name '*.tmp.*')"

finish
