#!/usr/bin/env python3
"""kernels/VERIFIED: hashes of the AVX-512 files and what they include, CPU and date of the last native check.

usage: kernels/verified.py --check          every avx512 file has the hash that VERIFIED lists
       kernels/verified.py --record CHECK   runs CHECK (the kernel_check program) and writes VERIFIED
"""
import datetime
import hashlib
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
VERIFIED = HERE / "VERIFIED"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files():
    headers = [p for p in HERE.glob("*.h") if "avx2" not in p.name]
    return sorted([*HERE.glob("*_avx512.c"), *headers])


def check():
    listed = dict(reversed(line.split()[:2]) for line in VERIFIED.read_text().splitlines()
                  if line and line[0] != "#")
    stale = [p.name for p in files() if listed.get(p.name) != digest(p)]
    for name in stale:
        print(f"kernels/VERIFIED: {name} changed since its last native check")
    return 1 if stale else 0


def record(program):
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    if "avx512_vbmi2" not in cpuinfo:
        print("n/a (this CPU has no AVX-512 of Ice Lake's level)")
        return 1
    fields = dict(line.split(":", 1) for line in cpuinfo.split("\n\n")[0].splitlines())
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    cpu = f"{fields['model name']}, family {fields['cpu family']}, model {fields['model']}"
    result = subprocess.run([program, "", "avx512"], capture_output=True, text=True)
    if result.returncode or "n/a" in result.stdout:
        print(result.stdout + result.stderr)
        return 1
    lines = [f"# SHA-256, file. Checked natively on {cpu}, "
             f"{datetime.date.today()}: {result.stdout.splitlines()[-1]}"]
    lines += [f"{digest(p)} {p.name}" for p in files()]
    VERIFIED.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    if len(sys.argv) == 3 and sys.argv[1] == "--record":
        sys.exit(record(sys.argv[2]))
    sys.exit(__doc__)
