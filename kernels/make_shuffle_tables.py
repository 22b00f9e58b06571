#!/usr/bin/env python3
"""Prints kernels/shuffle_tables.c. One row of 8 (or 2 x 8) byte indices for each mask of 8 bits."""


def qword(indices):
    return "0x" + "".join(f"{i:02x}" for i in reversed(indices))


def merge8(mask, first=8):
    low, high, row = 0, first, []
    for bit in range(8):
        if mask >> bit & 1:
            row.append(high)
            high += 1
        else:
            row.append(low)
            low += 1
    return row


def merge16(mask):
    row, zeros = [], 0
    for bit in range(8):
        row.append(zeros + 128 * (mask >> bit & 1))
        zeros += 1 - (mask >> bit & 1)
    return row


def pack8(mask):
    row = [bit for bit in range(8) if mask >> bit & 1]
    return row + [0xFF] * (8 - len(row))


def wide(row):
    return [255 if i == 255 else 2 * i + half for i in row for half in (0, 1)]


def expand8(mask):
    row, source = [], 0
    for bit in range(8):
        row.append(source if mask >> bit & 1 else 255)
        source += mask >> bit & 1
    return row


def table(comment, name, rows, more=0, only=None):
    if only:
        print(f"\n#if defined({only})", end="")
    print(f"\n/* {comment} */")
    width = len(rows[0]) // 8
    print(f"const uint64_t {name}[{len(rows) + more}]{'[2]' if width == 2 else ''} = {{")
    for k in range(0, 256, 4 // width):
        entries = []
        for row in rows[k : k + 4 // width]:
            words = [qword(row[i : i + 8]) for i in range(0, len(row), 8)]
            entries.append(words[0] if width == 1 else "{" + ", ".join(words) + "}")
        print("    " + ", ".join(entries) + ",")
    print("};")
    if only:
        print("#endif")


print('/* Made by make_shuffle_tables.py; do not edit. */\n#include "shuffle_tables.h"')
print("\n/* clang-format off */")
table("Element j: the next of 8.. where bit j is set, else the next of 0..", "bitx_shuffle_merge8",
      [merge8(m) for m in range(256)], more=1)
table("The same, the set ones from 16.. on.", "bitx_shuffle_merge8_far",
      [merge8(m, 16) for m in range(256)], only="__aarch64__")
table("Element j: how many bits below j are unset, and 0x80 where bit j is set.", "bitx_shuffle_merge16",
      [merge16(m) for m in range(256)])
table("The set bits of the mask in order; 0xff beyond them.", "bitx_shuffle_pack8",
      [pack8(m) for m in range(256)])
table("The unset bits of the mask in order, then, from 8 on, the set ones; 0xff beyond either.",
      "bitx_shuffle_split8", [pack8(m ^ 255) + pack8(m) for m in range(256)])
table("Element j: the next one where bit j is set, else 0xff.", "bitx_shuffle_expand8",
      [expand8(m) for m in range(256)])
table("The same as pack8 for elements of two bytes.", "bitx_shuffle_pack16",
      [wide(pack8(m)) for m in range(256)])
table("Element j of two bytes: the next one where bit j is set, else 0xff.", "bitx_shuffle_expand16",
      [wide(expand8(m)) for m in range(256)])
print("/* clang-format on */")
