#!/usr/bin/env python3
"""Small GGUF files, byte by byte from the specification (ggml docs/gguf.md).

usage: make_gguf.py FOLDER
"""
import os
import random
import struct
import sys


def text(s):
    b = s if isinstance(s, bytes) else s.encode()
    return struct.pack("<Q", len(b)) + b


def pair(key, kind, payload):
    return text(key) + struct.pack("<I", kind) + payload


def tensor(name, dims, kind, offset):
    return (text(name) + struct.pack("<I", len(dims)) + b"".join(struct.pack("<Q", d) for d in dims)
            + struct.pack("<IQ", kind, offset))


def gguf(pairs, tensors, data, version=3, alignment=32, magic=b"GGUF", ntensors=None):
    head = magic + struct.pack("<IQQ", version, len(tensors) if ntensors is None else ntensors,
                               len(pairs)) + b"".join(pairs) + b"".join(tensors)
    return head + b"\0" * (-len(head) % alignment) + data


def main(folder):
    rnd = random.Random(8)
    blob = bytes(rnd.randrange(256) for _ in range(4096))
    meta = [
        pair("general.architecture", 8, text("llama")),
        pair("general.file_type", 4, struct.pack("<I", 1)),
        pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 3) + text("<s>") + text("") + text("é")),
        pair("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 3) + struct.pack("<3f", 0, 1, 2)),
        pair("nested", 9, struct.pack("<IQ", 9, 2) + 2 * (struct.pack("<IQ", 5, 2) + struct.pack("<2i", 1, -1))),
        pair("flag", 7, b"\1"),
    ]
    four = [
        tensor("token_embd.weight", [16, 8], 1, 0),                # F16: 256 bytes
        tensor("blk.0.attn_norm.weight", [16], 0, 256),            # F32: 64
        tensor("blk.0.attn_q.weight", [64, 2], 8, 320),            # Q8_0: 4 blocks of 34 = 136
        tensor("blk.0.ffn_up.weight", [256, 1], 12, 480),          # Q4_K: 144
        tensor("output.weight", [16, 4], 30, 640),                 # BF16: 128
    ]
    align64 = [pair("general.alignment", 4, struct.pack("<I", 64))]
    files = {
        "good_v3": gguf(meta, four, blob[:768]),
        "good_v2": gguf(meta, four, blob[:768], version=2),
        "good_empty": gguf([], [], b""),
        "good_align64": gguf(align64, [tensor("a", [3], 0, 0), tensor("b", [2, 2, 1, 1], 0, 64)],
                             blob[:80], alignment=64),
        "good_hole": gguf([], [tensor("b", [8], 0, 96), tensor("a", [8], 0, 0)], blob[:160]),
        "good_scalar": gguf([], [tensor("s", [], 0, 0), tensor("e", [0], 0, 32)], blob[:32]),
        "bad_version": gguf([], [], b"", version=1),
        "bad_big_endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
        "bad_cut_header": gguf(meta, four, b"")[:200],
        "bad_cut_data": gguf(meta, four, blob[:700]),
        "bad_count": gguf([], [], b"", ntensors=1 << 40),
        "bad_type": gguf([], [tensor("a", [32], 4, 0)], blob[:64]),
        "bad_type_large": gguf([], [tensor("a", [32], 1000, 0)], blob[:64]),
        "bad_rank": gguf([], [tensor("a", [1] * 5, 0, 0)], blob[:64]),
        "bad_product": gguf([], [tensor("a", [1 << 33, 1 << 33], 0, 0)], blob[:64]),
        "bad_size": gguf([], [tensor("a", [1 << 62], 28, 0)], blob[:64]),
        "bad_end": gguf([], [tensor("a", [1], 0, (1 << 64) - 32)], blob[:64]),
        "bad_row": gguf([], [tensor("a", [33], 8, 0)], blob[:64]),
        "bad_overlap": gguf([], [tensor("a", [16], 0, 0), tensor("b", [16], 0, 32)], blob[:128]),
        "bad_duplicate": gguf([], [tensor("a", [8], 0, 0), tensor("a", [8], 0, 32)], blob[:64]),
        "bad_alignment": gguf([pair("general.alignment", 4, struct.pack("<I", 24))], [], b""),
        "bad_alignment_zero": gguf([pair("general.alignment", 4, struct.pack("<I", 0))], [], b""),
        "bad_alignment_type": gguf([pair("general.alignment", 10, struct.pack("<Q", 32))], [], b""),
        "bad_unaligned": gguf([], [tensor("a", [8], 0, 4)], blob[:64]),
        "bad_value": gguf([pair("k", 13, b"")], [], b""),
        "bad_array": gguf([pair("k", 9, struct.pack("<IQ", 10, 1 << 61))], [], b""),
        "bad_strings": gguf([pair("k", 9, struct.pack("<IQ", 8, 1 << 61) + text("x"))], [], b""),
        "bad_nesting": gguf([pair("k", 9, struct.pack("<IQ", 9, 1) * 6)], [], b""),
        "bad_key": gguf([struct.pack("<Q", 1 << 63)], [], b""),
        "bad_name_utf8": gguf([], [tensor(b"\xc0\xaf", [8], 0, 0)], blob[:32]),
        "bad_name_nul": gguf([], [tensor("a\0b", [8], 0, 0)], blob[:32]),
        "bad_name_long": gguf([], [tensor("a" * 1025, [8], 0, 0)], blob[:32]),
        "other_magic": gguf([], [], b"", magic=b"GGML"),
        "other_short": b"GGU",
        "other_nothing": b"",
    }
    for name, contents in files.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(contents)


main(sys.argv[1])
