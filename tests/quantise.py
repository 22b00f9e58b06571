#!/usr/bin/env python3
"""quantise.py MODEL OUT.gguf TYPE: the BF16 matrices of a safetensors model as a GGUF of that type.

Q4_0, Q4_1, Q5_0 and Q8_0 by the reference formulas of ggml (quantize_row_*_ref in ggml-quants.c):
the scale from a record's extreme value, numbers by truncation after adding a half. For measuring
what records cost (pack/FAMILIES.md), and for tests; one tensor after the other, any size.
"""
import array
import glob
import json
import os
import struct
import sys

QK = 32


def half(x):
    return struct.pack("<e", max(-65504.0, min(65504.0, x)))


def extreme(x):
    return max(x, key=abs)


def q4_0(x):
    d = extreme(x) / -8
    i = 1 / d if d else 0.0
    q = [min(15, int(v * i + 8.5)) for v in x]
    return half(d) + bytes(q[j] | q[j + 16] << 4 for j in range(16))


def q4_1(x):
    low = min(x)
    d = (max(x) - low) / 15
    i = 1 / d if d else 0.0
    q = [min(15, int((v - low) * i + 0.5)) for v in x]
    return half(d) + half(low) + bytes(q[j] | q[j + 16] << 4 for j in range(16))


def q5_0(x):
    d = extreme(x) / -16
    i = 1 / d if d else 0.0
    q = [min(31, int(v * i + 16.5)) for v in x]
    high = sum((q[j] >> 4) << j for j in range(32))
    return (half(d) + struct.pack("<I", high) +
            bytes(q[j] & 15 | (q[j + 16] & 15) << 4 for j in range(16)))


def q8_0(x):
    d = max(map(abs, x)) / 127
    i = 1 / d if d else 0.0
    return half(d) + struct.pack("<32b", *(round(v * i) for v in x))


TYPES = {"Q4_0": (2, q4_0), "Q4_1": (3, q4_1), "Q5_0": (6, q5_0), "Q8_0": (8, q8_0)}


def bf16_matrices(model):
    """(name, shape, floats) of each BF16 tensor with two dimensions whose rows are whole records."""
    files = sorted(glob.glob(os.path.join(model, "*.safetensors"))) or [model]
    for path in files:
        with open(path, "rb") as f:
            header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
            start = f.tell()
            for name, t in header.items():
                if t.get("dtype") != "BF16" or len(t["shape"]) != 2 or t["shape"][1] % QK:
                    continue
                begin, end = t["data_offsets"]
                f.seek(start + begin)
                words = array.array("H", f.read(end - begin))
                if sys.byteorder == "big":
                    words.byteswap()
                wide = array.array("I", (w << 16 for w in words))
                yield name, t["shape"], array.array("f", wide.tobytes())


def text(s):
    return struct.pack("<Q", len(s.encode())) + s.encode()


def main():
    if len(sys.argv) != 4 or sys.argv[3] not in TYPES:
        sys.exit(__doc__)
    number, quantise = TYPES[sys.argv[3]]
    infos, data = [], bytearray()
    for name, shape, values in bf16_matrices(sys.argv[1]):
        infos.append(text(name) + struct.pack("<IQQIQ", 2, shape[1], shape[0], number, len(data)))
        for i in range(0, len(values), QK):
            data += quantise(values[i:i + QK])
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), 1)
    head += text("general.architecture") + struct.pack("<I", 8) + text("llama")
    head += b"".join(infos)
    with open(sys.argv[2], "wb") as out:
        out.write(head + bytes(-len(head) % 32) + data)


main()
