#!/usr/bin/env python3
"""Makes the numbers of plane_codes.h: codes for bytes of eight independent decisions.

plane_codes.py          prints the rows of plane_code_count and plane_code_root
plane_codes.py FILE     compares them with that header; exit status 1 if they differ

Code k is for ones of probability p = 2^-(1 + k/4): an optimal prefix code of at most 16 bits
(package-merge: Larmore and Hirschberg 1990). Where more than 0.59 of the bytes are zero, the zero byte has a
code of one bit and the others at most 19 more; that first decision is then itself a skewed plane, which code
root[k] fits, its probability rounded in the logarithm.
"""
import math
import re
import sys

CODES, LONGEST, PLAIN_LONGEST, ZERO_SHARE = 40, 20, 16, 0.59


def ones(byte):
    return bin(byte).count("1")


def lengths(weights, longest):
    """Lengths of an optimal prefix code with none above `longest`."""
    leaves = sorted((w, (i,)) for i, w in enumerate(weights))
    level = leaves
    for _ in range(longest - 1):
        pairs = [(a[0] + b[0], a[1] + b[1]) for a, b in zip(level[0::2], level[1::2])]
        level = sorted(leaves + pairs, key=lambda node: node[0])
    result = [0] * len(weights)
    for _, members in level[: 2 * len(weights) - 2]:
        for i in members:
            result[i] += 1
    return result


def code(k):
    p = 2 ** -(1 + k / 4)
    weights = sorted((p ** ones(b) * (1 - p) ** (8 - ones(b)) for b in range(256)), reverse=True)
    zero = weights[0]
    if zero <= ZERO_SHARE:
        return lengths(weights, PLAIN_LONGEST), 0
    rest = lengths([w / (1 - zero) for w in weights[1:]], LONGEST - 1)
    return [1] + [1 + n for n in rest], max(0, round(-4 * math.log2(2 * (1 - zero))))


def tables():
    codes = [code(k) for k in range(1, CODES + 1)]
    return [[c.count(n) for n in range(LONGEST + 1)] for c, _ in codes], [root for _, root in codes]


def numbers(text, name):
    body = re.search(name + r"[^=]*= \{(.*?)\};", text, re.S).group(1)
    return [int(n) for n in re.findall(r"\d+", body)]


def main():
    counts, roots = tables()
    if len(sys.argv) == 1:
        for row in counts:
            print("    {" + ", ".join(map(str, row)) + "},")
        print(", ".join(map(str, roots)))
        return 0
    text = open(sys.argv[1], encoding="ascii").read()
    same = (numbers(text, "plane_code_count") == sum(counts, [])
            and numbers(text, "plane_code_root") == roots)
    print("plane_codes: the header is", "as made" if same else "NOT as made")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
