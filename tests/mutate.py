#!/usr/bin/env python3
"""Changes constants, bounds and operators in each kernel, one at a time; every mutant must die.

usage: tests/mutate.py [--list] [--sample N] [--minutes N] [--again LOG] [file.c file.h ...]

A mutant dies when the checks of kernel_check fail (or the compiler refuses it). It survives when all
pass: then either the checks are too weak or the change has no effect. Those whose machine code is
that of the file itself (-O2, constants and tables compared too) are equivalent, and the compiler
says so; what C does not define, such as what is beyond a local, dies of a trap, in a second run of
the survivors; a few kinds of change are equivalent, as fewer_elements() and its neighbours know,
each with its reason; the others are listed in tests/mutants_equivalent.txt, as "file: line -> mutated line: reason".

Many mutants are compiled at once: copies of the file under other names, of which only some of the
operations remain that the change can reach: one first, in which nine of ten die. A header's mutants are
compiled as part of the files that include it. tests/mutant_check.c runs each in a process of its own.
AVX-512 and AVX2 mutants need a CPU that has them; NEON mutants run under qemu-aarch64-static.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
EQUIVALENT = ROOT / "tests" / "mutants_equivalent.txt"
FLAGS = "-std=gnu11 -w -Ikernels -Ikernels/include -Idispatch/include -Itests".split()
LEAST = {"BITX_NONTEMPORAL_MIN": "((size_t)500)", "BITX_GROUPS_SPLIT_MIN": "64", "BITX_GROUPS_MERGE_MIN": "256"}
FLAGS += [f"-D{name}={value}" for name, value in LEAST.items()]
TRAPS = "-fsanitize=undefined,bounds-strict,kernel-address -fsanitize-undefined-trap-on-error --param=asan-stack=1 " \
        "-fasan-shadow-offset=0x100000000000 -fno-sanitize-address-use-after-scope"  # the base: mutant_check.c
TRAPS = TRAPS.split()
BATCH = 64  # functions compiled at once
ISAS = ("scalar", "avx2", "avx512", "neon")

NUMBER = re.compile(r"(?<![\w.\"#])(0x[0-9a-fA-F]+|\d+)(?![\w.\"])")
SWAPS = [(" >= ", " > "), (" < ", " <= "), (" > ", " >= "), (" + ", " - "), (" - ", " + "),
         ("<<", ">>"), (">>", "<<"), (" & ", " | "), (" | ", " & "), (" ^ ", " | "),
         ("_xor_", "_or_"), ("unpacklo", "unpackhi"), ("unpackhi", "unpacklo"), ("maskz", "mask"),
         ("_add_", "_sub_"), ("_sub_", "_add_"), ("_and_si", "_or_si"), ("_or_si", "_and_si"),
         ("slli", "srli"), ("srli", "slli"), ("veorq", "vorrq"), ("vsriq", "vsliq")]


def code_lines(text):
    """Numbers of the lines that are code: not comments, not preprocessor, not the tables."""
    comment = False
    for number, line in enumerate(text.split("\n")):
        stripped = line.strip()
        starts = stripped.startswith("/*")
        if not comment and not starts and stripped and not stripped.startswith(("#", "static const")):
            yield number, line
        if starts or comment:
            comment = "*/" not in stripped


def mutants_of(text):
    """Line number, old and new text of the line, new text of the file."""
    lines = text.split("\n")
    for number, line in code_lines(text):
        changes = []
        line, comment = line.split("/*", 1) if "/*" in line else (line, None)
        comment = "" if comment is None else "/*" + comment
        for m in NUMBER.finditer(line):
            value = int(m.group(1), 0)
            for new in (value + 1, value - 1) if value else (1,):
                changes.append(line[: m.start()] + str(new) + line[m.end():])
        for old, new in SWAPS:
            at = line.find(old)
            while at >= 0:
                changes.append(line[:at] + new + line[at + len(old):])
                at = line.find(old, at + len(old))
        for changed in changes:
            yield number, line.strip(), changed.strip(), "\n".join(
                lines[:number] + [changed + comment] + lines[number + 1:])


# Kinds of survivors that no check can kill. Each gets the line's text before and after.

def fewer_elements(old, new):
    """for (; n - i >= 64; ...): with > 64 or >= 65 the last block goes to what follows the loop. So too of
    for (; n >= 64; n -= 64, ...)."""
    if not old.startswith(("for (", "if (", "while (")):
        return False
    terms = [m.span(1) for m in re.finditer(r"- (\w+ >=? (?:\d+|[A-Z]\w*\b))", old)]
    terms += [m.span(1) for m in re.finditer(r"for \(; ((\w+) >= (\d+)); \2 -= \3\b", old)]
    for first, end in terms:
        name, sign, bound = old[first:end].split(" ")
        others = [f"{name} > {bound}"] if sign == ">=" else []
        others += [f"{name} {sign} {int(bound) + 1}"] if bound.isdigit() else []
        if new in [old[:first] + other + old[end:] for other in others]:
            return True
    return False


def overlapping_blocks(old, new):
    """i += 63 in place of 64: blocks overlap by one element, which is made twice."""
    m = re.search(r"; (\w+) \+= (\d+)\)", old)
    return bool(m) and new == old.replace(m.group(0), f"; {m.group(1)} += {int(m.group(2)) - 1})", 1)


def small_calls(old, new):
    """if (n < 32) the scalar way: with < 33 or <= 32 one length more goes it; if (n >= 32) the other way."""
    if re.match(r"if \(nelem >= \w+\)( *\\\\)?$", old):
        return new == old.replace(" >= ", " > ", 1)
    m = re.search(r"^if \(\w+ < (\d+)\)", old)
    return bool(m) and new in (old.replace(" < ", " <= ", 1),
                               old.replace(m.group(1), str(int(m.group(1)) + 1), 1))


def zeroing_index(old, new):
    """-2 in place of -1 in the indices of a byte shuffle: any negative one makes a zero."""
    changed = [(a, b) for a, b in zip(re.findall(r"\w+|\W", old), re.findall(r"\w+|\W", new)) if a != b]
    return changed == [("1", "2")] and re.sub(r"-2\b", "-1", new) == re.sub(r"-2\b", "-1", old) and \
        bool(re.match(r"(.*setr_epi8\()?[-\d, ]+(\)*;)?,?$", old))


def more_room(old, new):
    """A local array with one element more, or as many as a greater factor gives, which nobody uses."""
    initialiser, size = r" = \{(?:[^{}]|\{[^{}]*\})*\}", r"\[([\w +*]+)\]"
    before, after = (re.sub(initialiser, "", line).partition(" = ") for line in (old, new))
    if not re.match(r"(const |static )*[\w]+ [*\w]+(\[[^=;]*\])+( =|;|,)", old) or before[1:] != after[1:] or \
            re.findall(initialiser, old) != re.findall(initialiser, new) or \
            re.sub(size, "[]", before[0]) != re.sub(size, "[]", after[0]):
        return False
    sizes, greater = (" ] ".join(re.findall(size, text[0])).split(" ") for text in (before, after))
    changed = [(a, b) for a, b in zip(sizes, greater) if a != b]
    return len(changed) == 1 and all(t.isdigit() for t in changed[0]) and int(changed[0][1]) == int(changed[0][0]) + 1


def parameter_size(old, new):
    """The size of an array parameter is a comment to the compiler."""
    strip = lambda line: re.sub(r"(?<=\w )(\**\w+)\[\d+\]", r"\1[]", line)
    return strip(old) == strip(new) and old.rstrip(" \\").endswith((",", ")", "{")) and ";" not in old


def which_loop(old, new):
    """The last argument, or a bound, says whether stores go past the caches: two loops, one result."""
    bound = re.search(r">= BITX_NONTEMPORAL_MIN( / \d+)?", old)
    if bound and old.startswith("if ("):
        return re.sub(r">=? BITX_NONTEMPORAL_MIN( / \d+)?", bound.group(0), new) == old
    return bool(re.search(r"(lines|blocks|vectors|block|_to)\(.*, [01]\);$", old)) and \
        re.sub(r", \d+\);$", "", old) == re.sub(r", \d+\);$", "", new)


def step_of_none(old, new):
    """i <= nelem in place of i < nelem: one step more, of no elements."""
    m = re.match(r"(for|if|while) \(.*?\b([ik]) < (nelem|nbytes|nbits|n|left)\b", old)
    return bool(m) and new == old.replace(f"{m.group(2)} < {m.group(3)}", f"{m.group(2)} <= {m.group(3)}", 1)


def hint(old, new):
    """Where a line is fetched ahead, or which way is likely."""
    likely = re.compile(r", [01]\)\)( \{)?$")
    fetch = re.search(r"prefetch\(|fetch_source\(", old)
    return bool(fetch) or ("__builtin_expect(" in old and likely.sub("", new) == likely.sub("", old))


def whole_step(old, new):
    """n - i < 64 ? n - i : 64, with 65 or <= 64: a whole step all the same; : 63, steps that overlap."""
    m = re.search(r"(\w+ - \w+) < (\d+) \? \1 : \2", old)
    if not m:
        return False
    rest, bound = m.group(1), int(m.group(2))
    return new in [old.replace(m.group(0), f"{rest} {less} {a} ? {rest} : {b}") for less, a, b in
                   (("<=", bound, bound), ("<", bound + 1, bound), ("<", bound, bound + 1), ("<", bound, bound - 1))]


def as_many_steps(old, new):
    """for (k = 0; k < 64; k += 8) with 63: the same steps."""
    m = re.search(r"\b(\w+) = 0; \1 < (\d+); \1 \+= (\d+)\b", old)
    if not m:
        return False
    bound, step = int(m.group(2)), int(m.group(3))
    others = [n for n in (bound - 1, bound + 1) if (n + step - 1) // step == (bound + step - 1) // step]
    return new in [old[:m.start(2)] + str(n) + old[m.end(2):] for n in others]


def at_the_bound(old, new):
    """a < b ? a : b with <=, or a > b ? a - b : 0 with >=: both arms are the same there. Where b is a
    number, or less a number, its neighbour in the comparison is that bound too."""
    term = r"[A-Za-z_][\w.]*(?:->\w+|\[\w+\])*(?: [-+*] \w+)*"
    choice = rf"(?:(?<=[(=,])|(?<=return)) ?(({term}) ([<>]) ({term}|\d+)) \? (?:\2 : \4|\2 - \4 : 0)(?=[;,)])"
    for m in re.finditer(choice, old):
        _, a, less, b = m.groups()
        if less == "<" and m.group(0).endswith(f" - {b} : 0"):
            continue
        bounds = [f"{a} {less}= {b}"]
        if b.isdigit():
            bounds.append(f"{a} {less} {int(b) + (1 if less == '<' else -1)}")
        less_than = re.fullmatch(r"(.* - )(\d+)", b)
        if less_than and less == "<":
            bounds.append(f"{a} < {less_than.group(1)}{int(less_than.group(2)) - 1}")
        if new in [old[:m.start(1)] + bound + old[m.end(1):] for bound in bounds]:
            return True
    return False


KINDS = (hint, at_the_bound, zeroing_index, step_of_none, whole_step, fewer_elements, overlapping_blocks, small_calls,
         more_room, as_many_steps, parameter_size, which_loop)


def own_text(cc, path):
    """What the preprocessor makes of the file's own lines: [(line number, text)]."""
    out = subprocess.run([cc, *FLAGS, "-E", str(path)], cwd=ROOT, capture_output=True, text=True,
                         check=True).stdout
    name, number, lines = None, 0, []
    for line in out.split("\n"):
        marker = re.match(r'# (\d+) "([^"]*)"', line)
        if marker:
            number, name = int(marker.group(1)), marker.group(2)
            continue
        if name == str(path):
            lines.append((number, line))
        number += 1
    return lines


class Item:
    """A function, table, type or enumeration at file level: its lines, names and what it names."""

    def __init__(self, tokens):
        self.first, self.last = tokens[0][0], tokens[-1][0]
        words = [t for _, t in tokens]
        self.uses = {w for w in words if re.match(r"[A-Za-z_]", w)}
        self.names = set()
        self.public = False
        self.data = "=" in words and "{" in words and words[0] not in ("static", "enum", "typedef")
        self.data = self.data and "(" not in words
        self.defined = words[-1] == "}" or words[0] == "typedef" or words[0] != "extern" and not (
            words[-1] == ";" and "(" in words and words[-2] == ")" and "=" not in words)
        depth = 0
        for i, w in enumerate(words):
            following = words[i + 1] if i + 1 < len(words) else ""
            if depth == 0 and re.match(r"[A-Za-z_]\w*$", w) and w != "__attribute__" \
                    and following in ("(", "[", "=", ";", "{", ",") and w not in ("enum", "struct", "union"):
                self.names.add(w)
                self.public |= following == "(" and "static" not in words[:i] and "typedef" not in words[:i]
                if following == "(":
                    break
            if "enum" in words[:2] and depth == 1 and words[i - 1] in ("{", ","):
                self.names.add(w)
            depth += (w in "([{") - (w in ")]}") if len(w) == 1 else 0
        self.names.discard("__extension__")


def items_of(lines):
    tokens = []
    for number, text in lines:
        text = re.sub(r'"(\\.|[^"\\])*"', '""', text)
        if text.lstrip().startswith("#"):
            continue
        tokens += [(number, t) for t in re.findall(r'[A-Za-z_]\w*|""|\d\w*|\S', text)]
    items, current, depth, function = [], [], 0, False
    for token in tokens:
        word = token[1]
        current.append(token)
        if word in ("(", "[", "{"):
            function |= word == "{" and depth == 0 and len(current) > 1 and current[-2][1] == ")"
            depth += 1
        elif word in (")", "]", "}"):
            depth -= 1
        if depth == 0 and (word == ";" or (word == "}" and function)):
            items.append(Item(current))
            current, function = [], False
    return items


def reached(items, number):
    """Public functions that a change in line `number` can reach; all where no item has that line."""
    public = {n for i in items if i.public for n in i.names}
    names = set()
    hit = [i for i in items if i.first <= number <= i.last]
    if not hit:
        return public
    for item in hit:
        names |= item.names
    while True:
        more = {n for i in items if i.uses & names for n in i.names} - names
        if not more:
            return names & public
        names |= more


class File:
    """One kernel file, or a header in one of the files that include it: its mutants, and how to compile copies."""

    def __init__(self, path, header, cc, scratch):
        self.path, self.cc = path, cc
        self.name = (header or path).name
        self.isa = isa_of(path)
        self.text, lines = path.read_text(), None
        if header:
            self.text, lines = with_headers(path, header)
            path = scratch / path.name
            path.write_text(self.text)
        self.items = items_of(own_text(cc, path))
        self.names = sorted({n for i in self.items if i.defined for n in i.names})
        self.public = {n for i in self.items if i.public and i.defined for n in i.names}
        self.macros = sorted(set(re.findall(r"^#\s*define\s+(\w+)", self.text, re.M)))
        self.mutants = [m for m in mutants_of(self.text) if lines is None or m[0] in lines]
        self.bodies = {}
        self.checked = False
        self.flags = []

    def copy(self, number, text, public):
        """Under names of its own, and with these functions alone: a static one that nobody calls
        is dropped."""
        out = []
        for name in sorted(self.public - public):
            out.append(f"static __typeof__({name}) m{number}_{name};")
        out += [f"#define {n} m{number}_{n}" for n in self.names]
        out += [f'#line 1 "m{number}_"', text]
        out += [f"#undef {n}" for n in self.names]
        out += [f"#undef {m}" for m in self.macros if m != "BITX_KERNEL_ROWS" and m not in LEAST]
        return "\n".join(out)

    def source(self, chosen):
        """chosen: {number: (text, public functions)}; with the list that mutant_check.c reads."""
        includes = re.findall(r"^#\s*(?:include|if|ifdef|ifndef|elif|else|endif)\b.*$", self.text, re.M)
        out = ["#define BITX_KERNEL_ROWS", '#include "dispatch/ops.h"', '#include "bitx/kernels.h"']
        out += includes
        out += [self.copy(n, t, p) for n, (t, p) in sorted(chosen.items())]
        out += ["typedef struct kc_mutant { unsigned number; const char *op; bitx_fn fn; } kc_mutant;",
                "const kc_mutant kc_mutants[] = {"]
        for number, (_, public) in sorted(chosen.items()):
            for name in sorted(public):
                op = re.sub(r"^bitx_(\w+)_[a-z0-9]+$", r"\1", name)
                out.append(f'{{{number}, "{op}", (bitx_fn)m{number}_{name}}},')
        out += ["{0, 0, 0}};", ""]
        return "\n".join(out)

    def compile(self, chosen, source, target, *flags):
        """Leaves out what the compiler refuses, and returns those."""
        chosen, refused = dict(chosen), []
        while True:
            source.write_text(self.source(chosen))
            done = subprocess.run([self.cc, *FLAGS, f"-I{ROOT}/kernels", "-S", "-fno-ipa-icf",
                                   "-fno-asynchronous-unwind-tables", *flags, str(source), "-o",
                                   str(target)], cwd=ROOT, capture_output=True, text=True)
            if done.returncode == 0:
                return chosen, refused
            bad = {int(n) for n in re.findall(r"\bm(\d+)_", done.stderr)} & set(chosen)
            if not bad or 0 in bad:
                sys.exit(f"{self.name}: cannot be compiled:\n{done.stderr[:3000]}")
            refused += bad
            for number in bad:
                del chosen[number]


def with_headers(path, header):
    """The file with the text of the local headers that it includes, and the numbers of the header's lines."""
    out, lines, seen = [], set(), set()

    def expand(p):
        for line in p.read_text().split("\n"):
            m = re.match(r'#\s*include "(\w+\.h)"', line)
            if not m or m.group(1) == "shuffle_tables.h":
                if p == header:
                    lines.add(len(out))
                out.append(line)
            elif m.group(1) not in seen:
                seen.add(m.group(1))
                expand(ROOT / "kernels" / m.group(1))

    expand(path)
    return "\n".join(out), lines


class TableUser(File):
    """A file that reads the tables of another: these are mutated in front of it, by the other's numbers."""

    def __init__(self, owner, path, cc, scratch):
        last = max(i.last for i in owner.items if i.data)
        tables = "\n".join(owner.text.split("\n")[:last])
        joined = scratch / path.name
        joined.write_text(tables + "\n" + path.read_text())
        super().__init__(joined, None, cc, scratch)
        own = dict(enumerate(mutants_of(tables)))
        self.mutants = [(*m[:3], own[n][3] + "\n" + path.read_text() if n in own else None)
                        for n, m in enumerate(owner.mutants)]


def table_users(owner, kernels):
    """The files whose text, with that of the headers, names its tables."""
    names = {n for i in owner.items if i.data for n in i.names}
    return [p for p in kernels if names and p != owner.path and
            names & set(re.findall(r"\w+", with_headers(p, None)[0]))]


def includers(header, paths):
    """The kernel files that include a header, also by way of others."""
    return [p for p in paths if with_headers(p, header)[1]]


def same_bodies(bodies, number, plain):
    own = {k.split("_", 1)[1]: v for k, v in bodies.items() if k.startswith(f"m{number}_")}
    return bool(own) and all(plain.get(k) == v for k, v in own.items())


def same_code(file, survivors, scratch):
    """Those of {number: (text, public)} whose machine code is that of the file, as it is or with every inline
    function in place, where what a call hands over and nobody asks for, such as which number means yes, is gone."""
    found = set()
    for flags in (["-O2"], ["-O2", "-Dinline=__inline__ __attribute__((always_inline))"]):
        left = [(n, job) for n, job in survivors.items() if n not in found]
        for at in range(0, len(left), BATCH):
            part = {**dict(left[at:at + BATCH]), 0: (file.text, file.public)}
            asm = scratch / "same.s"
            file.compile(part, scratch / "same.c", asm, *flags)
            bodies = symbols_of(asm.read_text())
            plain = {k.split("_", 1)[1]: v for k, v in bodies.items() if k.startswith("m0_")}
            found |= {n for n in part if n and same_bodies(bodies, n, plain)}
    return found


def symbols_of(asm):
    """Name to text of each function and table: local labels by their order, constants by content."""
    bodies, name, constants, label = {}, None, {}, None
    for line in asm.split("\n"):
        text = line.strip()
        m = re.match(r"(m\d+_[\w.]+):|(\.LC\d+):|(\.LANCHOR\d+|\.L\d+):", text)
        if re.match(r"\.LF[BE]\d+:", text):  # numbers of functions, on AArch64
            continue
        if m and m.group(1):
            name, label = m.group(1), None
            bodies[name] = []
        elif m and m.group(2):
            label, name = m.group(2), None
            constants[label] = []
        elif text.startswith((".set", ".section", ".text", ".rodata", ".globl", ".type", ".align", ".p2align",
                              ".local", ".comm")):
            continue
        elif text.startswith(".size"):
            name = None
        elif name:
            bodies[name].append(text)
        elif label and text.startswith((".long", ".quad", ".byte", ".value", ".zero", ".string", ".word",
                                        ".xword", ".hword", ".2byte", ".4byte", ".8byte", ".ascii")):
            constants[label].append(text)
    out = {}
    for key, body in bodies.items():
        labels = {}
        text = re.sub(r"\bm\d+_", "m_", "\n".join(body))
        text = re.sub(r"\.LC\d+", lambda m: "{" + ";".join(constants.get(m.group(0), [m.group(0)])) + "}", text)
        out[key] = re.sub(r"\.L\d+", lambda m: labels.setdefault(m.group(0), f"L{len(labels)}"), text)
    return out


def build_checks(cc, out):
    """Everything but the kernel's own copies, with the row's other functions in it."""
    out.mkdir()
    sources = [*ROOT.glob("kernels/*.c"), *ROOT.glob("dispatch/*.c"), ROOT / "tests/mutant_check.c",
               *ROOT.glob("tests/harness*.c"), *ROOT.glob("tests/kernel_specs*.c")]
    for source in sources:
        subprocess.run([cc, *FLAGS, "-O2", "-c", str(source), "-o", str(out / (source.stem + ".o"))],
                       cwd=ROOT, check=True)


def owners_of_lines(asm, errors):
    """The mutants in whose functions the assembler found errors."""
    numbers = {int(n) for n in re.findall(r"mutants\.s:(\d+): Error", errors)}
    owners, owner = set(), None
    for number, line in enumerate(asm.split("\n"), 1):
        m = re.match(r"m(\d+)_[\w.]+:", line)
        owner = int(m.group(1)) if m else owner
        if number in numbers:
            owners.add(owner)
    return owners


def owners_of_names(file, left, names):
    """The mutants that define functions under these names, which are none of the file's."""
    def words(chosen):
        text = subprocess.run([file.cc, *FLAGS, f"-I{ROOT}/kernels", "-E", "-P", "-xc", "-"], cwd=ROOT,
                              input=file.source(chosen), capture_output=True, text=True).stdout
        return set(re.findall(r"\w+", text))

    names = names - words({0: (file.text, file.public)})
    return {number for number, job in left.items() if number and names & words({number: job})}


def run_batch(file, chosen, objects, runner, scratch):
    """{number: dead, alive, same or refused}. The file's first batch also checks the file as it is."""
    if not file.checked:
        chosen = {**chosen, 0: (file.text, file.public)}
    verdicts = {}
    while True:
        left, refused = file.compile(chosen, scratch / "mutants.c", scratch / "mutants.s", "-O1", *file.flags)
        verdicts.update({n: "refused" for n in refused})
        bodies = symbols_of((scratch / "mutants.s").read_text())
        if not file.checked:
            file.bodies = {k.split("_", 1)[1]: v for k, v in bodies.items() if k.startswith("m0_")}
        linked = subprocess.run([file.cc, "-static", str(scratch / "mutants.s"), *map(str, objects.glob("*.o")),
                                 "-Wl,--wrap=bitx_op_find,--wrap=memcpy,--wrap=memset", "-o", str(scratch / "check")],
                                capture_output=True, text=True)
        if linked.returncode == 0:
            break
        # A call of a function that there is not, or text of an asm that the assembler refuses.
        unknown = {int(n) for n in re.findall(r"in function `m(\d+)_", linked.stderr)} & set(left)
        unknown |= owners_of_lines((scratch / "mutants.s").read_text(), linked.stderr) & set(left)
        if not unknown:
            unknown = owners_of_names(file, left, set(re.findall(r"in function `(\w+)'", linked.stderr)))
        if not unknown or 0 in unknown:
            sys.exit(f"{file.name}: cannot be linked:\n{linked.stderr[:3000]}")
        verdicts.update({n: "refused" for n in unknown})
        chosen = {n: c for n, c in left.items() if n not in unknown}
    same = {n for n in left if n and same_bodies(bodies, n, file.bodies)}
    verdicts.update({n: "same" for n in same})
    if same >= left.keys():
        return verdicts
    slow = {"KC_SLOW": "1"} if file.flags else {}
    out = subprocess.run([*runner, str(scratch / "check"), file.isa, ",".join(map(str, sorted(same)))],
                         capture_output=True, text=True, check=True,
                         env={**os.environ, "BITX_TEST_SEED": "20261124", **slow}).stdout
    verdicts.update({int(n): v for n, v in (line.split() for line in out.splitlines() if line)})
    if not file.checked and verdicts.pop(0) != "alive":
        sys.exit(f"{file.name}: the file itself fails its checks")
    file.checked = True
    return verdicts


def likely_refused(old, new):
    """A number that no immediate of an intrinsic may have: one such mutant has its batch compiled twice."""
    before, after = (re.findall(r"-?\d+", line) for line in (old, new))
    return "_mm" in old and any(a != b and b in ("2", "4", "8", "16", "32", "256", "-1")
                                for a, b in zip(before, after))


def batches(jobs, left, share):
    """Of each mutant some of the functions that it has not been tried in: most die in the first."""
    batch, n = {}, 0
    for number, functions in left.items():
        count = max(1, round(len(functions) * share))
        at = number % len(functions)
        part = (functions[at:] + functions[:at])[:count]
        if n and n + count > BATCH:
            yield batch
            batch, n = {}, 0
        batch[number] = (jobs[number][0], set(part))
        n += count
    if batch:
        yield batch


def run_jobs(file, jobs, objects, runner, scratch):
    """{number: dead, refused, alive or same} of {number: (text, public functions)}."""
    left = {n: sorted(public) for n, (_, public) in jobs.items()}
    verdicts = {}
    for share in (0, 0.25, 1):
        risky = {n: f for n, f in left.items() if likely_refused(*file.mutants[n - 1][1:3])}
        for batch in [*batches(jobs, {n: f for n, f in left.items() if n not in risky}, share),
                      *batches(jobs, risky, share)]:
            for number, verdict in run_batch(file, batch, objects, runner, scratch).items():
                if verdict != "same" or verdicts.get(number) != "alive":
                    verdicts[number] = verdict
                left[number] = [f for f in left[number] if f not in batch[number][1]]
                if verdict in ("dead", "refused") or not left[number]:
                    del left[number]
    return verdicts


def survivor(file, number):
    line, old, new, _ = file.mutants[number - 1]
    return f"SURVIVED {file.name}: {old} -> {new}: line {line + 1}"


def without_line(text):
    """Lines move when a file changes."""
    return re.sub(r": line \d+$", "", text)


def excused(file, number, known):
    """The kind of mutant that nothing can kill, "listed", or None."""
    _, old, new, _ = file.mutants[number - 1]
    for kind in KINDS:
        if kind(old, new):
            return kind.__name__
    return "listed" if re.sub(r"\s+", " ", f"{file.name}: {old} -> {new}") in known else None


def trapped(file, alive, objects, runner, scratch):
    """Those of {number: job} that C does not define, such as what is beyond a local array: here they trap."""
    file.flags, file.checked = TRAPS, False
    dead = {n for n, v in run_jobs(file, alive, objects, runner, scratch).items() if v == "dead"}
    file.flags, file.checked = [], False
    return dead


def test_file(files, options, objects_of, scratch, known):
    """Counts, and the survivors without a reason. files: one, or those in which a header's mutants are tried."""
    numbers = list(range(len(files[0].mutants)))
    if options.sample and len(numbers) > options.sample:
        numbers = sorted(random.Random(1).sample(numbers, options.sample))
    if options.again:
        numbers = [n for n in numbers if without_line(survivor(files[0], n + 1)) in options.again]
    verdicts = {n + 1: "unreached" for n in numbers}
    for file in files:
        jobs = {n: (file.mutants[n - 1][3], reached(file.items, file.mutants[n - 1][0] + 1) & file.public)
                for n, v in verdicts.items() if v not in ("dead", "refused")}
        jobs = {n: job for n, job in jobs.items() if job[0] and job[1]}
        found = run_jobs(file, jobs, *objects_of(file), scratch)
        alive = {n: jobs[n] for n, v in found.items() if v == "alive"}
        same = same_code(file, alive, scratch)
        found.update({n: "same" for n in same})
        alive = {n: job for n, job in alive.items() if n not in same and not excused(files[0], n, known)}
        found.update({n: "dead" for n in trapped(file, alive, *objects_of(file), scratch)} if alive else {})
        for n, v in found.items():
            verdicts[n] = "alive" if v == "same" and verdicts[n] == "alive" else v
    counts = {"mutants": len(verdicts), "dead": 0, "same code": 0}
    counts.update({kind.__name__: 0 for kind in KINDS})
    counts.update({"listed": 0, "survived": 0})
    survivors = []
    for n, v in sorted(verdicts.items()):
        if v in ("dead", "refused"):
            counts["dead"] += 1
        elif v == "same":
            counts["same code"] += 1
        elif excused(files[0], n, known):
            counts[excused(files[0], n, known)] += 1
        else:
            counts["survived"] += 1
            survivors.append(survivor(files[0], n))
    return counts, survivors


class Machine:
    """What runs here, by ISA: compiler, runner, and the objects of the checks."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.cpu = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""

    def cc(self, isa):
        return "aarch64-linux-gnu-gcc" if isa == "neon" else "cc"

    def runner(self, isa):
        return ["qemu-aarch64-static"] if isa == "neon" else []

    def runs(self, isa):
        if isa == "neon":
            return shutil.which(self.cc(isa)) and shutil.which(self.runner(isa)[0])
        return {"avx512": "avx512_vbmi2", "avx2": "avx2"}.get(isa, "") in self.cpu

    def objects_of(self, file):
        objects = self.scratch / file.cc
        if not objects.exists():
            build_checks(file.cc, objects)
        return objects, self.runner(file.isa)


def files_of(path, kernels, machine):
    """The file itself and those that read its tables, or a header in each file that includes it, as far
    as they run here."""
    header = path if path.suffix == ".h" else None
    files = [File(p, header, machine.cc(isa_of(p)), machine.scratch)
             for p in (includers(header, kernels) if header else [path]) if machine.runs(isa_of(p))]
    users = table_users(files[0], kernels) if files and not header else []
    return files + [TableUser(files[0], p, machine.cc(isa_of(p)), machine.scratch)
                    for p in users if machine.runs(isa_of(p))]


def isa_of(path):
    return path.stem.rsplit("_", 1)[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants of each file")
    parser.add_argument("--minutes", type=float, default=0, help="begin no file after so long")
    parser.add_argument("--again", help="only those that this log calls SURVIVED")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    options.again = {without_line(s) for s in pathlib.Path(options.again).read_text().split("\n")} if options.again else None
    known = EQUIVALENT.read_text().split("\n") if EQUIVALENT.exists() else []
    known = {re.sub(r"\s+", " ", line.rsplit(": ", 1)[0]) for line in known if line and line[0] != "#"}
    kernels = [p for isa in ISAS for p in sorted(ROOT.glob(f"kernels/*_{isa}.c"))]
    paths = [pathlib.Path(f).resolve() for f in options.files] or [*kernels, *sorted(ROOT.glob("kernels/*.h"))]
    absent = [p for p in paths if not p.is_file()]
    if absent:
        sys.exit(f"mutate.py: {absent[0]}: no such file")
    total, survivors, left = {}, [], []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        machine = Machine(pathlib.Path(scratch))
        for path in paths:
            if options.list:
                for number, old, new, _ in mutants_of(path.read_text()):
                    print(f"{path.name}:{number + 1}: {old} -> {new}")
                continue
            if options.minutes and time.monotonic() - begun > 60 * options.minutes:
                left.append(path.name)
                continue
            files = files_of(path, kernels, machine)
            if not files:
                print(f"{path.name}: n/a (what uses it does not run here)")
                continue
            counts, alive = test_file(files, options, machine.objects_of, machine.scratch, known)
            for key, n in counts.items():
                total[key] = total.get(key, 0) + n
            survivors += alive
            print(f"{path.name}:", ", ".join(f"{n} {key}" for key, n in counts.items() if n), flush=True)
            for s in alive:
                print(s, flush=True)
    if not options.list:
        print("all:", ", ".join(f"{n} {key}" for key, n in total.items()))
    if left:
        print("out of time, not begun:", " ".join(left))
    return 1 if survivors or left else 0


if __name__ == "__main__":
    sys.exit(main())
