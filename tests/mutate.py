#!/usr/bin/env python3
"""Changes constants, bounds and operators in each kernel, one at a time; every mutant must die.

usage: tests/mutate.py [--list] [--jobs N] [--sample N] [file.c ...]

A mutant dies when kernel_check fails (or the compiler refuses it). It survives when all checks pass:
then either the checks are too weak or the change has no effect; the latter are listed in
tests/mutants_equivalent.txt with a reason, as "file: line text -> mutated text: reason". The mutants
of a file are compiled from a copy with the checks of the operations that the file implements.
AVX-512 and AVX2 mutants need a CPU that has them; NEON mutants run under qemu-aarch64-static.
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
EQUIVALENT = ROOT / "tests" / "mutants_equivalent.txt"
FLAGS = "-std=gnu11 -O1 -w -Ikernels -Ikernels/include -Idispatch/include -Itests".split()
FLAGS += ["-DBITX_NONTEMPORAL_MIN=((size_t)500)"]

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


def mutants_of(path):
    text = path.read_text()
    lines = text.split("\n")
    for number, line in code_lines(text):
        changes = []
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
                lines[:number] + [changed] + lines[number + 1:])


def operations_of(nm, obj):
    """Those whose functions the object defines: many are made by a macro of a header."""
    symbols = subprocess.run([nm, "--defined-only", "-g", str(obj)], capture_output=True, text=True,
                             check=True).stdout
    return sorted(set(re.findall(r"\bbitx_(\w+)_(?:scalar|avx2|avx512|neon)$", symbols, re.M)))


def run(command, timeout):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=timeout,
                              env={**os.environ, "BITX_TEST_SEED": "20261124"}).returncode
    except subprocess.TimeoutExpired:
        return 124


def build_objects(cc, out):
    sources = [*ROOT.glob("kernels/*.c"), *ROOT.glob("dispatch/*.c"), ROOT / "tests/kernel_check.c",
               *ROOT.glob("tests/harness*.c"), *ROOT.glob("tests/kernel_specs*.c")]
    for source in sources:
        subprocess.run([cc, *FLAGS, "-c", str(source), "-o", str(out / (source.stem + ".o"))],
                       cwd=ROOT, check=True)


def verdict(job):
    cc, runner, objects, path, changed_text, operations = job
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        source, binary = directory / path.name, directory / "check"
        source.write_text(changed_text)
        if run([cc, *FLAGS, f"-I{ROOT}/kernels", "-c", str(source), "-o", str(directory / "m.o")], 60):
            return "refused"
        others = [str(o) for o in objects.glob("*.o") if o.stem != path.stem]
        if run([cc, "-static", str(directory / "m.o"), *others, "-o", str(binary)], 60):
            return "refused"
        isa = path.stem.rsplit("_", 1)[1]
        for operation in operations:
            if run([*runner, str(binary), operation, isa], 30):
                return "dead"
        return "alive"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sample", type=int, default=0, help="so many mutants of each file")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    known = EQUIVALENT.read_text().split("\n") if EQUIVALENT.exists() else []
    known = {line.rsplit(": ", 1)[0] for line in known if line and line[0] != "#"}
    files = [pathlib.Path(f).resolve() for f in options.files] or sorted(
        p for p in ROOT.glob("kernels/*.c") if p.stem.rsplit("_", 1)[-1] in
        ("scalar", "avx2", "avx512", "neon"))
    cpu = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    total = dead = equivalent = 0
    survivors = []
    scratch = pathlib.Path(tempfile.mkdtemp())
    try:
        for path in files:
            isa = path.stem.rsplit("_", 1)[1]
            neon = isa == "neon"
            cc = "aarch64-linux-gnu-gcc" if neon else "cc"
            runner = ["qemu-aarch64-static"] if neon else []
            if (isa == "avx512" and "avx512_vbmi2" not in cpu) or (isa == "avx2" and "avx2" not in cpu) \
                    or (neon and not (shutil.which(cc) and shutil.which(runner[0]))):
                print(f"{path.name}: n/a (this machine cannot run {isa})")
                continue
            mutants = list(mutants_of(path))
            if options.sample and len(mutants) > options.sample:
                mutants = random.Random(1).sample(mutants, options.sample)
            if options.list:
                for number, old, new, _ in mutants:
                    print(f"{path.name}:{number + 1}: {old} -> {new}")
                continue
            objects = scratch / cc
            if not objects.exists():
                objects.mkdir()
                build_objects(cc, objects)
            operations = operations_of("aarch64-linux-gnu-nm" if neon else "nm", objects / (path.stem + ".o"))
            jobs = [(cc, runner, objects, path, m[3], operations) for m in mutants]
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                verdicts = list(pool.map(verdict, jobs))
            alive = 0
            for (number, old, new, _), v in zip(mutants, verdicts):
                if v != "alive":
                    dead += 1
                elif f"{path.name}: {old} -> {new}" in known:
                    equivalent += 1
                else:
                    alive += 1
                    survivors.append(f"{path.name}: {old} -> {new}: line {number + 1}")
            total += len(mutants)
            print(f"{path.name}: {len(mutants)} mutants, {alive} unexplained survivors", flush=True)
    finally:
        shutil.rmtree(scratch)
    print(f"{total} mutants: {dead} dead, {equivalent} equivalent (reasons in "
          f"{EQUIVALENT.name}), {len(survivors)} survived")
    for s in survivors:
        print("SURVIVED", s)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
