#!/usr/bin/env python3
"""A whole family through `zipllm add` and `get`, beside cp, zstd -3 -T2 and the paper's codec, in turn.

    add_get.py BIN BASE TUNED... [--rounds N] [--dir DIR]

BIN: where zipllm and bitx-bench are; models are directories. Wall time, GB/s of
all models' bytes, medians and ranges. The paper's codec is a loop over tensors in memory, on one thread, by
bitx-bench: it reads, hashes and writes no file; of the base, which it has nothing to code against, nothing counts.
"""
import argparse
import csv
import glob
import os
import shutil
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("bin")
parser.add_argument("models", nargs="+")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--dir", default=None)
args = parser.parse_args()
ZIPLLM, BENCH = f"{args.bin}/zipllm", f"{args.bin}/bitx-bench"
MODELS = [os.path.normpath(model) for model in args.models]
FILES = [path for model in MODELS for path in sorted(glob.glob(f"{model}/*.safetensors"))]
NBYTES = sum(os.path.getsize(path) for path in FILES)


def seconds(*commands):
    begin = time.monotonic()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def tree_nbytes(top):
    return sum(os.path.getsize(f"{path}/{name}") for path, _, names in os.walk(top) for name in names)


def copies(work):
    out = [f"{work}/{i}" for i in range(len(FILES))]
    there = seconds(*(["cp", path, to] for path, to in zip(FILES, out)))
    back = seconds(*(["cp", to, to + ".back"] for to in out))
    return there, back, NBYTES


def zstd(work):
    out = [f"{work}/{i}.zst" for i in range(len(FILES))]
    there = seconds(*(["zstd", "-q", "-3", "-T2", path, "-o", to] for path, to in zip(FILES, out)))
    back = seconds(*(["zstd", "-q", "-d", to, "-o", to + ".back"] for to in out))
    return there, back, sum(map(os.path.getsize, out))


def store(work):
    at = [ZIPLLM, "-C", f"{work}/store"]
    subprocess.run([ZIPLLM, "init", "-q", f"{work}/store"], check=True)
    there = seconds(at + ["add", "-q", "-T", "2"] + MODELS)
    nbytes = tree_nbytes(f"{work}/store")
    names = [os.path.basename(model) for model in MODELS]
    back = seconds(*(at + ["get", "-q", "-T", "2", "-o", f"{work}/{name}", name] for name in names))
    for path in FILES:
        name = os.path.basename(os.path.dirname(path))
        subprocess.run(["cmp", path, f"{work}/{name}/{os.path.basename(path)}"], check=True)
    return there, back, nbytes


def paper(work):
    """Of all fine-tunes, and for the base as much as for these."""
    nbytes, took, stored = 0, {"encode": 0, "decode": 0}, 0
    for model in MODELS[1:]:
        size = sum(os.path.getsize(path) for path in FILES if os.path.dirname(path) == model)
        subprocess.run([BENCH, "codec", "--brief", "--threads", "1", "--rounds", "6", "--codec", "paper-bitx",
                        "--data", model, "--base", MODELS[0], "--csv", f"{work}/csv"],
                       check=True, stdout=subprocess.DEVNULL)
        nbytes += size
        with open(f"{work}/csv", newline="") as table:
            for row in csv.DictReader(table):
                way = row["name"].rsplit("/", 1)[1]
                took[way] += size / float(row["bytes_per_second"])
        ratio = dict(part.split("=") for part in row["counters"].split(";"))["bitx_ratio"]
        stored += float(ratio) * size
    scale = NBYTES / nbytes
    return took["encode"] * scale, took["decode"] * scale, stored * scale


ROWS = {"cp": copies, "zstd -3 -T2": zstd, "paper's codec, 1 thread": paper, "zipllm -T 2": store}
found = {name: [] for name in ROWS}
for _ in range(args.rounds):
    for name, run in ROWS.items():
        if name.startswith("paper") and found[name]:
            continue  # has rounds of its own
        work = tempfile.mkdtemp(dir=args.dir)
        try:
            found[name].append(run(work))
        finally:
            shutil.rmtree(work)

print(f"{len(MODELS)} models, {NBYTES / 1e6:.1f} MB, {args.rounds} rounds; GB/s")
print(f"{'':24}  {'ratio':>6}  {'there':>6} {'min-max':>13}  {'back':>6} {'min-max':>13}")
for name, runs in found.items():
    line = f"{name:24}  {runs[0][2] / NBYTES:6.3f}"
    for k in range(2):
        rates = [NBYTES / run[k] / 1e9 for run in runs]
        line += f"  {statistics.median(rates):6.3f} {min(rates):6.3f}-{max(rates):6.3f}"
    print(line)
