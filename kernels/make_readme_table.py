#!/usr/bin/env python3
"""The table of operations in kernels/README.md, from ops.def. Without --check, rewrites it."""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
README, BEGIN, END = HERE / "README.md", "<!-- ops.def begins -->\n", "<!-- ops.def ends -->\n"


def table():
    rows = ["| operation | signature class | reads | writes | bits | avx2 | avx512 | neon |",
            "|---|---|---|---|---|---|---|---|"]
    for line in re.findall(r"^BITX_OP\((.*)\)", (HERE / "ops.def").read_text(), re.M):
        name, sig, reads, writes, width, _, nopext, avx2, avx512, neon = re.split(r",\s*", line)
        avx2 = avx2 if nopext == avx2 else f"{avx2} ({nopext} where pext is slow)"
        rows.append(f"| {name} | {sig} | {reads} | {writes} | {width} | {avx2} | {avx512} | {neon} |")
    return "\n".join(rows) + "\n"


text = README.read_text()
head, rest = text.split(BEGIN)
new = head + BEGIN + table() + END + rest.split(END)[1]
if sys.argv[1:] == ["--check"]:
    if new != text:
        sys.exit("kernels/README.md: the table is not that of ops.def; run make_readme_table.py")
else:
    README.write_text(new)
