#!/usr/bin/env python3
"""A decoder of frames, written from FORMAT.md alone and for nobody's speed.

usage: format_decoder.py FOLDER   decodes every FOLDER/*.bitx and compares it with the .tensor beside it

Bases of a merge are FOLDER/*.base, *.base1, *.base2 ... XXH3 checksums are not computed: the expected
bytes are there.
"""
import ctypes
import ctypes.util
import glob
import math
import os
import re
import sys


class Corrupt(Exception):
    pass


class NeedsZstd(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Corrupt(what)


# ---- zstd ------------------------------------------------------------------------------------


def load_zstd():
    name = ctypes.util.find_library("zstd")
    if not name:
        return None
    lib = ctypes.CDLL(name)
    lib.ZSTD_decompress.restype = ctypes.c_size_t
    lib.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    return lib


ZSTD = load_zstd()


def unzstd(data, size):
    if not ZSTD:
        raise NeedsZstd()
    out = ctypes.create_string_buffer(max(size, 1))
    need(ZSTD.ZSTD_decompress(out, size, data, len(data)) == size, "zstd frame")
    return out.raw[:size]


# ---- 1, 2: the frame -------------------------------------------------------------------------

BITS = [8, 8, 4, 6, 6, 8, 8, 8, 8, 8, 8, 8, 16, 16, 16, 16, 32, 32, 32, 64, 64, 64, 64] + [8] * 15
UNIT = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8] + [1] * 15
MANTISSA = {15: 7, 14: 10, 18: 23, 19: 23, 20: 52, 8: 3, 10: 3, 7: 2, 11: 2}
SIGNED = {6, 12, 16, 21}
BF16 = 15
# 2.2: of a record, each field's bytes and dtype.
F16, F32, U8, I8, U16, I16 = 14, 18, 5, 6, 13, 12
RECORDS = dict(enumerate((
    ((2, F16), (16, U8)),
    ((2, F16), (2, F16), (16, U8)),
    ((2, F16), (4, U8), (16, U8)),
    ((2, F16), (2, F16), (4, U8), (16, U8)),
    ((2, F16), (32, I8)),
    ((2, F16), (2, F16), (32, I8)),
    ((16, U8), (64, U8), (2, F16), (2, F16)),
    ((32, U8), (64, U8), (12, U8), (2, F16)),
    ((2, F16), (2, F16), (12, U8), (128, U8)),
    ((2, F16), (2, F16), (12, U8), (32, U8), (128, U8)),
    ((128, U8), (64, U8), (16, I8), (2, F16)),
    ((4, F32), (256, I8), (32, I16)),
    ((2, F16), (16, U8)),
    ((2, F16), (2, U16), (4, U8), (128, U8)),
    ((1, U8), (16, U8)),
), 23))
PREDICTABLE = {14: "F16", 15: "BF16", 18: "F32"}


class Bytes:
    def __init__(self, data):
        self.data, self.pos = data, 0

    def take(self, n):
        need(n <= len(self.data) - self.pos, "truncated")
        self.pos += n
        return self.data[self.pos - n:self.pos]

    def u(self, n):
        return int.from_bytes(self.take(n), "little")

    def varint(self):
        v = 0
        for i in range(9):
            byte = self.u(1)
            v |= (byte & 127) << 7 * i
            if byte < 128:
                need(byte or i == 0, "varint")
                return v
        raise Corrupt("varint")


def decode_frame(frame, files):
    r = Bytes(frame)
    need(r.take(4) == b"bitx", "magic")
    need(r.u(1) == 1 and r.u(1) == 0, "version, flags")
    r.u(1)
    dtype = r.u(1)
    need(dtype < len(BITS) and r.u(1) == BITS[dtype], "dtype")
    predictor, log2 = r.u(1), r.u(1)
    need(predictor <= 5 and 12 <= log2 <= 26 and r.u(1) == 0, "header")
    nbytes = r.varint()
    base_nbytes = 0
    if predictor:
        base_nbytes = r.varint()
        r.take(16)
    predicted = Predictor(predictor, r.take(r.varint()), dtype, nbytes, base_nbytes, PREDICTABLE)
    if predictor == 5:
        need(len(files) == 3, "an adapter")
        predicted.read_factors(files[1], files[2])
    files = files[:predicted.parents]
    need(len(files) == predicted.parents and all(len(f) == base_nbytes for f in files), "bases")
    section = Bytes(r.take(r.varint()))
    tables = {}
    while section.pos < len(section.data):
        codec = section.u(1)
        tables[codec] = section.take(section.varint())
    rows = []
    for _ in range(-(-nbytes >> log2)):
        rows.append((r.u(4), r.u(1)))
        r.take(8)
    r.take(8)
    out = b""
    for size, codec in rows:
        n = min(nbytes - len(out), 1 << log2)
        part = base_of(predicted, dtype, files, len(out), n)
        payload = r.take(size)
        if codec == 6:
            out += decode_fields(dtype, len(out), n, part, payload)
        else:
            out += decode_block(codec, dtype, n, part, payload, tables.get(codec), predictor)
    need(r.pos == len(frame), "bytes after the frame")
    return out


def base_of(predicted, dtype, files, offset, n):
    """What stands for the base of the block at `offset`, of n bytes."""
    if not predicted.parents:
        return b""
    unit, theirs = UNIT[dtype], 4 if predicted.theirs == "F32" else 2
    if predicted.which == 1:
        part = files[0][offset:offset + n]
        return part[:len(part) // unit * unit]
    first = offset // unit
    ranges = [f[first * theirs:(first + n // unit) * theirs] for f in files]
    lists = [[int.from_bytes(part[i:i + theirs], "little")
              for i in range(0, len(part) // theirs * theirs, theirs)] for part in ranges]
    return b"".join(x.to_bytes(unit, "little") for x in predicted.units(first, lists))


# ---- 3: codecs -------------------------------------------------------------------------------


def decode_block(codec, dtype, n, base, payload, tables, predictor):
    if codec == 1:
        need(len(payload) == n, "raw")
        return payload
    if codec == 2:
        return unzstd(payload, n)
    unit = UNIT[dtype]
    tail = n % unit
    need(len(payload) >= tail, "tail")
    body, end = payload[:len(payload) - tail], payload[len(payload) - tail:]
    bases = [int.from_bytes(base[i:i + unit], "little") for i in range(0, len(base), unit)]
    bases += [0] * (n // unit - len(bases))
    if codec == 3:
        units = decode_bitx(dtype, bases, body)
    elif codec == 4:
        units = decode_float(dtype, n // unit, body, tables)
    else:
        need(codec == 5 and predictor, "codec")
        units = decode_delta(dtype, bases, body, tables)
    return b"".join(x.to_bytes(unit, "little") for x in units) + end


def decode_bitx(dtype, bases, body):
    u, e = UNIT[dtype], len(bases)
    r = Bytes(body)
    sizes = [r.u(4) for _ in range(u - 1)]
    streams = [unzstd(r.take(size), e) for size in sizes]
    streams.append(unzstd(r.take(len(body) - r.pos), e))
    if dtype == BF16:
        xs = [(s & 128) << 8 | a << 7 | s & 127 for a, s in zip(*streams)]
    else:
        xs = [sum(s[i] << 8 * k for k, s in enumerate(streams)) for i in range(e)]
    return [x ^ b for x, b in zip(xs, bases)]


# ---- 3.4: bit strings, codes, trees ----------------------------------------------------------


class Bits:
    def __init__(self, data):
        self.value, self.n, self.pos = int.from_bytes(data, "little"), 8 * len(data), 0

    def get(self, n):
        need(n <= self.n - self.pos, "bit string")
        v = self.value >> self.pos & (1 << n) - 1
        self.pos += n
        return v

    def number(self):
        n = 0
        while self.get(1):
            n += 1
        return (1 << n) - 1 + self.get(n)

    def signed(self):
        v = self.number()
        return -(v + 1) // 2 if v & 1 else v // 2

    def align(self):
        need(self.get(-self.pos % 8) == 0, "padding")


class Code:
    def __init__(self, counts, symbols, coded):
        self.counts, self.symbols, self.coded = counts, symbols, coded
        self.first = [sum(counts[:d]) for d in range(len(counts))]
        self.decisions, nodes, sofar = [], 1, 0
        for count in counts:
            self.decisions.append(sofar)
            nodes -= count
            sofar += nodes
            nodes *= 2


def code_of(lengths, coded):
    symbols = sorted(lengths, key=lambda s: (lengths[s], s))
    counts = [0] * 16
    for s in symbols:
        counts[lengths[s]] += 1
    need(not symbols or sum(2 ** (15 - lengths[s]) for s in symbols) == 2 ** 15, "code")
    return Code(counts, symbols, coded)


def read_code(bits, limit, same):
    count, lengths, last, s = bits.number(), {}, 3, 0
    need(count <= limit, "symbols")
    while s < count:
        k = 0
        while bits.get(1):
            k += 1
            need(k <= 31, "length")
        if k == 2:
            s += 1 + bits.number()
            need(s <= count, "absent symbols")
            continue
        last += k if k < 2 else k // 2 if k % 2 == 0 else -(k - 1) // 2
        need(0 <= last <= 15, "length")
        lengths[s] = last
        s += 1
    if same and bits.get(1):
        lengths[255] = bits.get(4)
    n = bits.number()
    need(n <= min(48, max(0, len(lengths) - 1)), "decisions")
    coded = {}
    for i in range(n):
        if bits.get(1):
            k = bits.get(6)
            need(1 <= k <= 40, "fixed code")
            coded[i] = (k, bits.get(1))
    return code_of(lengths, coded)


def appendix():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "FORMAT.md")
    table = {}
    with open(path, encoding="utf-8") as f:
        for line in f.read().split("Appendix A")[1].splitlines():
            row = [int(x) for x in re.findall(r"\d+", line)]
            if line.startswith("| ") and len(row) == 22:
                table[row[0]] = (row[1], [0] + row[2:])
    return table


FIXED = appendix()
BY_ONES = sorted(range(256), key=lambda b: (bin(b).count("1"), b))


def fixed_code(k):
    root, counts = FIXED[k]
    return Code(counts, BY_ONES, {0: (root, 0)} if root else {})


def read_tree(bits, code, n):
    if n == 0:
        return []
    need(code.symbols, "a tree without symbols")
    if len(code.symbols) == 1:
        return [code.symbols[0]] * n
    return read_node(bits, code, 0, 0, n)


def read_plane(bits, number, n):
    k, inverted = number
    data = read_tree(bits, fixed_code(k), (n + 7) // 8)
    return [data[i // 8] >> i % 8 & 1 ^ inverted for i in range(n)]


def read_node(bits, code, d, j, n):
    if j < code.counts[d]:
        return [code.symbols[code.first[d] + j]] * n
    if n == 0:
        return []
    child = j - code.counts[d]
    number = code.coded.get(code.decisions[d] + child)
    plane = read_plane(bits, number, n) if number else [bits.get(1) for _ in range(n)]
    ones = sum(plane)
    left = iter(read_node(bits, code, d + 1, 2 * child, n - ones))
    right = iter(read_node(bits, code, d + 1, 2 * child + 1, ones))
    return [next(right) if bit else next(left) for bit in plane]


def begin(body, tables, read_model):
    """The form, and the bit string and model that it asks for."""
    need(body, "form")
    bits, model = Bits(body[1:]), None
    if body[0] == 1:
        model = read_model(bits)
        bits.align()
    elif body[0] == 0:
        need(tables is not None, "shared tables")
        shared = Bits(tables)
        model = read_model(shared)
        shared.align()
        need(shared.pos == shared.n, "shared tables")
    return body[0], bits, model


# ---- 3.7: fields -----------------------------------------------------------------------------


def decode_fields(dtype, offset, n, base, payload):
    need(dtype in RECORDS, "codec")
    fields = RECORDS[dtype]
    period = sum(width for width, _ in fields)
    head = min(n, -offset % period)
    count = (n - head) // period
    based = min(count, max(0, len(base) - head) // period)
    r = Bytes(payload)
    rows = [(r.u(1), r.u(4)) for _ in fields]
    begin, lists, at = r.take(head), [], head
    for (width, inner), (codec, size) in zip(fields, rows):
        ours = b"".join(base[at + i * period:at + i * period + width] for i in range(based))
        length = count * width
        need(codec in (1, 4, 5) and (size == length if codec == 1 else size < length), "field")
        need(codec != 5 or based, "base of a field")
        lists.append(decode_block(codec, inner, length, ours, r.take(size), None, True))
        at += width
    tail = r.take(n - head - count * period)
    need(r.pos == len(payload), "bytes after the fields")
    records = b"".join(column[i * width:(i + 1) * width] for i in range(count)
                       for column, (width, _) in zip(lists, fields))
    return begin + records + tail


# ---- 3.5: float ------------------------------------------------------------------------------


def decode_float(dtype, e, body, tables):
    width = 8 * UNIT[dtype]

    def read_model(bits):
        z = bits.number()
        need(z <= width - 2, "zero bits")
        r, low = bits.get(6), bits.number()
        need(r < width - z and low < 1 << 32, "shift")
        code = read_code(bits, 256, False)
        need(all(low + s < 1 << (width - z - r) for s in code.symbols), "symbols")
        return z, r, low, code

    form, bits, model = begin(body, tables, read_model)
    need(form <= 1, "form")
    z, r, low, code = model
    w = width - z
    symbols = read_tree(bits, code, e)
    bits.align()
    units = []
    for s in symbols:
        v = (low + s << r) + bits.get(r)
        x = v
        if dtype in MANTISSA:
            x = v >> 1 | (v & 1) << w - 1
        elif dtype in SIGNED:
            x = v >> 1 ^ (-(v & 1) & (1 << w) - 1)
        units.append(x << z)
    bits.align()
    need(bits.pos == bits.n, "bytes after the raw bits")
    return units


# ---- 3.6: delta ------------------------------------------------------------------------------


class Delta:
    def __init__(self, bits, dtype):
        width = 8 * UNIT[dtype]
        self.z = bits.number()
        need(self.z <= width - 2, "zero bits")
        self.w = width - self.z
        self.scales = None
        if bits.get(1):
            self.chunk = 64 << bits.get(4)
            self.scales = read_code(bits, 16, False)
        self.class_shift = self.class_low = 0
        classes = groups = 1
        if dtype in MANTISSA:
            self.class_shift, self.class_low = bits.number(), bits.number()
            need(self.class_shift < self.w and self.class_low < 65536, "classes")
            classes, groups = bits.get(4) + 1, bits.get(4) + 1
        self.shifts, self.groups = [], []
        for c in range(classes):
            self.shifts.append(bits.signed() + (self.shifts[-1] if c else 0))
            self.groups.append(bits.get((groups - 1).bit_length()))
            need(0 <= self.shifts[-1] <= self.w - 2 and self.groups[-1] < groups, "class")
        self.codes = [read_code(bits, 2 * (16 + max(0, self.w - 2)), True) for _ in range(groups)]


def classes_of(m, bits, bases, dtype):
    scales = [14] * len(bases)
    if m.scales:
        tree = read_tree(bits, m.scales, -(-len(bases) // m.chunk))
        scales = [tree[i // m.chunk] for i in range(len(bases))]
    out = []
    for b, scale in zip(bases, scales):
        if scale == 15:
            out.append(None)
        elif dtype in MANTISSA:
            exponent = (b & (1 << m.w - 1) - 1) >> m.class_shift
            out.append(min(len(m.shifts) - 1, max(0, exponent + 14 - scale - m.class_low)))
        else:
            out.append(0)
    return out


def raw_bits(strings, n):
    """n bits: whole bytes from strings 1, 2, ..., lowest first, and the rest above them from string 0."""
    q = 0
    for k in range(n // 8):
        q |= strings[1 + k].get(8) << 8 * k
    return q | strings[0].get(n % 8) << n // 8 * 8


def difference(m, strings, symbol, shift):
    if symbol == 255:
        return 0
    a = symbol // 2
    h = max(0, a - 15)
    need(h + shift <= m.w - 2, "raw bits")
    t = a - h + (1 << h) - 1
    if symbol & 1:
        t = -t - (1 << h)
    return (t << shift) + raw_bits(strings, h + shift) - ((1 << shift) >> 1)


def decode_delta(dtype, bases, body, tables):
    form, bits, m = begin(body, tables, lambda bits: Delta(bits, dtype))
    if form == 2:
        need(len(body) == 1, "bytes after the form")
        return bases
    need(form <= 1, "form")
    words = [b >> m.z for b in bases]
    classes = classes_of(m, bits, words, dtype)
    sizes = [0] * len(m.codes)
    for c in classes:
        if c is not None:
            sizes[m.groups[c]] += 1
    for size in sizes[:-1]:
        need(bits.get(sum(sizes).bit_length()) == size, "size of a group")
    lists = [iter(read_tree(bits, code, n)) for code, n in zip(m.codes, sizes)]
    bits.align()
    rest = Bytes(body[1 + bits.pos // 8:])
    sizes = [rest.varint() for _ in range((m.w - 2) // 8)]
    strings = [Bits(rest.take(size)) for size in sizes]
    strings += [Bits(rest.take(len(rest.data) - rest.pos))]
    mask, top = (1 << m.w) - 1, m.w - 1
    units = []
    for b, c in zip(words, classes):
        d = 0 if c is None else difference(m, strings, next(lists[m.groups[c]]), m.shifts[c])
        if dtype in MANTISSA:
            y = (b & mask >> 1) + d & mask
            if y >> top:
                y ^= mask >> 1
            x = y ^ (b >> top << top)
        else:
            x = b + d & mask
        units.append(x << m.z)
    for string in strings:
        string.align()
        need(string.pos == string.n, "bytes after the raw bits")
    return units


# ---- 2.6: predictions -------------------------------------------------------------------------

# Arithmetic in Python's doubles: a sum, a difference or a product of two F32 that is rounded to F32 after
# is the same as one operation of F32 (Figueroa 1995).

LEAST = {"BF16": (7, -126, 127), "F16": (10, -14, 15), "F32": (23, -126, 127)}
NAN = {"BF16": 0x7FC0, "F16": 0x7E00, "F32": 0x7FC00000}


def to_number(bits, kind):
    mantissa, least, most = LEAST[kind]
    top = 8 * (4 if kind == "F32" else 2) - 1
    sign = -1.0 if bits >> top else 1.0
    exponent, fraction = (bits & (1 << top) - 1) >> mantissa, bits & (1 << mantissa) - 1
    if exponent == most - least + 2:
        return math.nan if fraction else sign * math.inf
    if exponent == 0:
        return sign * math.ldexp(fraction, least - mantissa)
    return sign * math.ldexp(fraction + (1 << mantissa), least + exponent - 1 - mantissa)


def to_bits(x, kind):
    mantissa, least, most = LEAST[kind]
    if math.isnan(x):
        return NAN[kind]
    sign = (math.copysign(1.0, x) < 0) << 8 * (4 if kind == "F32" else 2) - 1
    infinity, x = most - least + 2 << mantissa, abs(x)
    if x >= math.ldexp(1.0, most + 1):
        return sign | infinity
    exponent = max(math.frexp(x)[1] - 1, least) if x else least
    steps = round(math.ldexp(x, mantissa - exponent))  # ties to even
    return sign | min((exponent - least << mantissa) + steps, infinity)


def rounded(x, kind="F32"):
    return to_number(to_bits(x, kind), kind)


def read_vectors(bits, n, rank):
    there = [True] * n
    if bits.get(1):
        there = [bits.get(1) == 1 for _ in range(n)]
    parameters = [bits.get(4) for _ in range(rank)]
    vectors = []
    for here in there:
        vector = [0] * rank
        for k in range(rank if here else 0):
            q = 0
            while q < 24 and bits.get(1):
                q += 1
            m = bits.get(15) if q == 24 else q << parameters[k] | bits.get(parameters[k])
            need(m <= 32767, "factor")
            vector[k] = -m if m and bits.get(1) else m
        vectors.append(vector)
    return vectors


class Predictor:
    def __init__(self, which, section, dtype, nbytes, base_nbytes, names):
        self.which, self.kind = which, names.get(dtype)
        self.theirs, self.parents, self.hashes = self.kind, 1 if which else 0, []
        if which < 2:
            need(not section, "a section")
            return
        need(self.kind is not None, "dtype of a prediction")
        self.rounding = "F32"
        if which == 2:
            self.read_lowrank(section, min(nbytes, base_nbytes) // UNIT[dtype])
        elif which == 5:
            self.read_adapter(section, min(nbytes, base_nbytes) // UNIT[dtype], names)
        elif which == 3:
            self.read_merge(section, names)
        else:
            need(len(section) == 1 and section[0] != dtype, "cast")
            self.theirs = names.get(section[0])
        need(self.theirs is not None, "dtype of the bases")

    def read_rank(self, r, units):
        self.columns, rank = r.varint(), r.varint()
        need(0 < self.columns <= units and self.columns < 1 << 32 and 0 < rank <= 256, "low rank")
        rows = -(-units // self.columns)
        need((rows + self.columns) * rank <= units, "low rank")
        self.shift = r.u(1)
        need(self.shift <= 126, "shift")
        return rows, rank

    def read_adapter(self, section, units, names):
        r = Bytes(section)
        self.rows, self.rank = self.read_rank(r, units)
        need(self.rows * self.columns == units, "rows")
        self.factors, rounding = names.get(r.u(1)), r.u(1)
        need(self.factors is not None and rounding <= 2, "adapter")
        self.rounding = ("F32", "BF16", "F16")[rounding]
        self.scale = to_number(r.u(4), "F32")
        need(math.isfinite(self.scale), "scale")
        self.exponents = [(x ^ 128) - 128 for x in r.take(self.rank)]
        need(all(abs(x) <= 126 and abs(self.shift - x) <= 126 for x in self.exponents), "exponents")
        r.take(32)
        need(r.pos == len(section), "bytes after the hashes")

    def read_factors(self, a, b):
        width = 4 if self.factors == "F32" else 2

        def numbers(data, n):
            need(len(data) == n * width, "a matrix")
            return [to_number(int.from_bytes(data[i:i + width], "little"), self.factors)
                    for i in range(0, len(data), width)]

        def integer(x, exponent):
            x = rounded(x * 2.0 ** exponent)
            return 0 if math.isnan(x) else round(max(-32767.0, min(32767.0, x)))

        a = numbers(a, self.rank * self.columns)
        b = numbers(b, self.rank * self.rows)
        self.u = [[integer(rounded(self.scale * b[i * self.rank + k]), self.exponents[k])
                   for k in range(self.rank)] for i in range(self.rows)]
        self.v = [[integer(a[k * self.columns + j], self.shift - self.exponents[k])
                   for k in range(self.rank)] for j in range(self.columns)]

    def read_lowrank(self, section, units):
        r = Bytes(section)
        rows, rank = self.read_rank(r, units)
        bits = Bits(section[r.pos:])
        self.u = read_vectors(bits, rows, rank)
        self.v = read_vectors(bits, self.columns, rank)
        bits.align()
        need(bits.pos == bits.n, "bytes after the factors")

    def read_merge(self, section, names):
        need(len(section) >= 4, "merge")
        self.parents, self.relative, roundings = section[0], section[1], section[2]
        need(2 <= self.parents <= 8 and self.relative <= 1 and roundings <= 8, "merge")
        need(len(section) == 4 + 16 * (self.parents - 1) + 4 * self.parents, "merge")
        self.theirs = names.get(section[3])
        steps = {0: "F32", 1: "BF16", 2: "F16"}
        self.p, self.s = steps[roundings % 3], steps[roundings // 3]
        self.hashes = [section[4 + 16 * k:20 + 16 * k] for k in range(self.parents - 1)]
        at = 4 + 16 * (self.parents - 1)
        self.c = [to_number(int.from_bytes(section[at + 4 * k:at + 4 * k + 4], "little"), "F32")
                  for k in range(self.parents)]
        need(all(math.isfinite(c) for c in self.c), "coefficients")

    def units(self, first, bases):
        """From unit `first` on, the bits of one unit of every base at a time."""
        out = []
        for i, at in enumerate(zip(*bases)):
            x = [to_number(b, self.theirs) for b in at]
            if self.which == 4 and self.theirs == "BF16" and self.kind == "F32":
                out.append(at[0] << 16)
                continue
            y = x[0]
            if self.which in (2, 5):
                row, column = divmod(first + i, self.columns)
                s = sum(a * b for a, b in zip(self.u[row], self.v[column])) & 0xFFFFFFFF
                s -= (s >> 31) << 32
                y = rounded(y + rounded(math.ldexp(rounded(float(s)), -self.shift), self.rounding))
            elif self.which == 3:
                y = self.combine(x)
            out.append(to_bits(y, self.kind))
        return out

    def combine(self, x):
        def p(v):
            return rounded(rounded(v), self.p)

        def s(v):
            return rounded(rounded(v), self.s)

        if self.relative:
            terms = [p(c * p(v - x[0])) for c, v in zip(self.c[1:], x[1:])]
        else:
            terms = [p(c * v) for c, v in zip(self.c, x)]
        t = terms[0]
        for term in terms[1:]:
            t = s(t + term)
        return s(x[0] + t) if self.relative else t


# ---- all frames of a folder ------------------------------------------------------------------


def read(path):
    if not os.path.exists(path):
        return None
    with open(path, "rb") as f:
        return f.read()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    done = skipped = failed = 0
    for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.bitx"))):
        stem = path[:-5]
        name = os.path.basename(stem)
        try:
            bases = [read(stem + ".base" + k) for k in ["", *"1234567"]]
            bases = [base for base in bases if base is not None]
            same = decode_frame(read(path), bases) == read(stem + ".tensor")
            done += same
            failed += not same
            if not same:
                print("FAIL", name, "other bytes")
        except NeedsZstd:
            skipped += 1
            print("skip", name, "(no libzstd)")
        except Corrupt as error:
            failed += 1
            print("FAIL", name, error)
    print(f"{done} decoded, {skipped} skipped, {failed} failed")
    sys.exit(failed != 0 or done == 0)


main()
