#!/usr/bin/env python3
"""What the search for a base costs `zipllm add`: CPU time of adding a fine-tune with the search and with
--base (which looks for a better one, too, but only to tell), in turn. For pack/FAMILIES.md.
    families_ingest.py ZIPLLM MAKE_FAMILY [ROUNDS [STORE]]
STORE: one to begin with, as families_search leaves it: its models are searched, too."""
import json, os, resource, shutil, statistics, subprocess, sys, tempfile

zipllm, make_family = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 11
begin = sys.argv[4] if len(sys.argv) > 4 else None


def cpu(*command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, out


with tempfile.TemporaryDirectory() as work:
    store, kept = work + "/store", work + "/kept"
    cpu(make_family, "--size", "128M", "--prefix", "m", work)
    for card in ("README.md", "config.json"):
        os.unlink(f"{work}/m-chat/{card}")
    if begin:
        shutil.copytree(begin, kept)
    else:
        cpu(zipllm, "init", "-q", kept)
    cpu(zipllm, "-C", kept, "add", "-q", "-T", "1", "--name", "base", work + "/m-base")
    ways = {"search": [], "--base base": ["--base", "base"]}
    times = {way: [] for way in ways}
    for i in range(rounds):
        for way in list(ways) if i % 2 else reversed(list(ways)):
            shutil.rmtree(store, ignore_errors=True)
            shutil.copytree(kept, store)
            t, out = cpu(zipllm, "-C", store, "add", "--json", "-T", "1", *ways[way], work + "/m-chat")
            if json.loads(out.splitlines()[-1])["base"] != "base":
                sys.exit("another base than expected")
            times[way].append(t)
    ratios = [a / b for a, b in zip(times["search"], times["--base base"])]
    for way, t in times.items():
        print(f"{way}: {statistics.median(t):.3f} s of CPU time ({min(t):.3f} to {max(t):.3f})")
    print(f"ratio of the pairs: median {statistics.median(ratios):.4f} "
          f"({min(ratios):.4f} to {max(ratios):.4f}, {rounds} pairs)")
