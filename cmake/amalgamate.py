#!/usr/bin/env python3
"""bitx.c and bitx.h: all of libbitx in two files, for those who embed it without a build system.

usage: cmake/amalgamate.py [--kernels] FOLDER

Build: cc -O3 -c bitx.c, and link with -lzstd -lm. xxHash is copied in. With --kernels: kernels and their
dispatch alone, which need nothing. Define BITX_API before bitx.h to have other linkage.

Files are put one after the other. Private names of one would clash with those of another, or shadow
them, so each .c renames its own by macros, from its last include to its end.
"""
import argparse
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["kernels", "dispatch", "codec"]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"].*$')
PUBLIC = {"bitx/kernels.h", "bitx/codec.h", "bitx.h"}
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def find(name, source):
    for folder in [source.parent] + [ROOT / f for f in FOLDERS] + [ROOT / f / "include" for f in FOLDERS]:
        if (folder / name).exists():
            return folder / name
    sys.exit(f"{source}: \"{name}\" was not found")


def private_names(text):
    """What a file defines at its top level for itself: functions, variables, types, enumerators."""
    text = COMMENT.sub("", text)
    names = set()
    for line in re.findall(r"^(?:static|[A-Z0-9_]+_INLINE|[A-Z0-9_]+ static)\b[^;{=]*?[;{=]", text, re.M | re.S):
        line = re.sub(r"_Atomic\(.*?\)|__attribute__\(\(.*?\)\)", "", line)
        found = re.search(r"(\w+)\s*(?:\(|\[|=|;)", line)
        if found and "(*" not in line[: found.start() + 2]:
            names.add(found.group(1))
    for body in re.findall(r"^(?:typedef )?enum\b[^{;]*\{(.*?)\}", text, re.M | re.S):
        names.update(re.findall(r"(?:^|,)\s*([A-Za-z_]\w*)", body))
    names.update(re.findall(r"^typedef (?:struct|enum|union) (\w+) \{", text, re.M))
    names.update(re.findall(r"^\} (?:__attribute__\(\(.*?\)\) )?(\w+);", text, re.M))
    names.update(re.findall(r"^typedef [^{}]*?\b(\w+)(?:\([^)]*\))?;", text, re.M))
    for macro, parameter, body in re.findall(r"#[ \t]*define (\w+)\((\w+)[^)]*\)((?:[^\n]*\\\n)*[^\n]*)", text):
        pasted = re.findall(rf"(?:INLINE|static)[^(;]*?(\w+_)##{parameter}\(", body)
        for argument in re.findall(rf"^{macro}\((\w+)", text, re.M):
            names.update(prefix + argument for prefix in pasted)
    return {n for n in names if not n.startswith("bitx_") and n not in ("static", "const")}


def macros(text):
    return sorted(set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.M)))


def replace_word(text, name, new):
    return re.sub(rf"(?<![.\w])(?<!->){name}\b", new, text)


def included(path, seen=None):
    """The private headers that a file includes, and those that they include."""
    seen = set() if seen is None else seen
    for match in re.finditer(INCLUDE.pattern, path.read_text(), re.M):
        if match.group(1) == '"' and match.group(2) not in PUBLIC:
            header = find(match.group(2), path)
            if header not in seen:
                seen.add(header)
                included(header, seen)
    return seen


def rename_members(text, stem):
    """A macro would change members of that name too: those names are replaced word by word."""
    macro_names = []
    for name in sorted(private_names(text)):
        if re.search(rf"(?:\.|->){name}\b", text):
            text = replace_word(text, name, f"{name}_in_{stem}")
        else:
            macro_names.append(name)
    return text, macro_names


class Amalgam:
    def __init__(self, sources):
        self.sources = sources
        self.headers = set()
        self.lines = []
        headers = [p for f in FOLDERS for p in [*(ROOT / f).glob("*.h"), *(ROOT / f / "include" / f).glob("*.h")]]
        count = collections.Counter(name for p in headers for name in private_names(p.read_text()))
        self.clashes = {p: {n for n in private_names(p.read_text()) if count[n] > 1} for p in headers}

    def text_of(self, path):
        """With the names that two headers define renamed, in the header and where it is included."""
        text = path.read_text()
        for header in [path, *included(path)]:
            for name in self.clashes.get(header, ()):
                text = replace_word(text, name, f"{name}_in_{header.stem}_h")
        return text

    def xxhash(self, tag):
        text = pathlib.Path("/usr/include/xxhash.h").read_text()
        return re.sub(r"XXH|xxh(?=_)", lambda m: m.group(0) + tag, text).split("\n")

    def header(self, path):
        if path.suffix == ".h":
            if path in self.headers:
                return
            self.headers.add(path)
        self.lines.append(f"/* ---- {path.relative_to(ROOT)} ---- */")
        self.body(path, self.text_of(path))

    def body(self, path, text, tag=None):
        for line in text.split("\n"):
            found = INCLUDE.match(line)
            if not found:
                self.lines.append(re.sub(r"XXH|xxh(?=_)", lambda m: m.group(0) + tag, line) if tag else line)
            elif found.group(1) == "<" and found.group(2) == "xxhash.h":
                self.lines += self.xxhash(tag)
            elif found.group(1) == "<":
                self.lines.append(line)
            elif found.group(2) not in PUBLIC:
                self.header(find(found.group(2), path))

    def source(self, path):
        text = self.text_of(path)
        self.lines.append(f"\n/* ==== {path.relative_to(ROOT)} ==== */")
        text, own = rename_members(text, path.stem)
        renames = [f"#define {name} {name}_in_{path.stem}" for name in own]
        lines = text.split("\n")
        last = max((i for i, line in enumerate(lines) if INCLUDE.match(line)
                    and not line.rstrip().endswith('.def"')), default=-1)
        head, tail = "\n".join(lines[: last + 1]), "\n".join(lines[last + 1:])
        tag = "_" + path.stem if "<xxhash.h>" in text else None
        self.body(path, head, tag)
        self.lines += renames
        self.body(path, tail, tag)
        self.lines += [f"#undef {name}" for name in own]
        self.lines += [f"#undef {name}" for name in macros(text) if name != "BITX_KERNEL_ROWS"]


HEAD = """/*
 * {name}: libbitx {version} in {two}, made by cmake/amalgamate.py. Do not edit: the parts are in the
 * repository. {build}
 */
"""


def version():
    return re.search(r"project\(zipllm VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)


def make_header(kernels_only):
    text = (ROOT / "kernels/include/bitx/kernels.h").read_text()
    if not kernels_only:
        codec = (ROOT / "codec/include/bitx/codec.h").read_text()
        text += "\n" + "\n".join(l for l in codec.split("\n") if '"bitx/kernels.h"' not in l)
    return text


def make_source(kernels_only):
    folders = FOLDERS[:2] if kernels_only else FOLDERS
    sources = [p for f in folders for p in sorted((ROOT / f).glob("*.c"))]
    amalgam = Amalgam(sources)
    for path in sources:
        amalgam.source(path)
    start = ["#ifndef _GNU_SOURCE", "#    define _GNU_SOURCE", "#endif",
             "#define ZSTD_STATIC_LINKING_ONLY" if not kernels_only else "",
             "#define BITX_KERNEL_ROWS", '#include "bitx.h"']
    return "\n".join(start + amalgam.lines) + "\n"


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--kernels", action="store_true")
    parser.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    build = "cc -O3 -c bitx.c builds it" + ("." if options.kernels else "; link with -lzstd -lm.")
    for name, make in (("bitx.h", make_header), ("bitx.c", make_source)):
        head = HEAD.format(name=name, version=version(), two="two files", build=build)
        (options.folder / name).write_text(head + make(options.kernels))
    return 0


if __name__ == "__main__":
    sys.exit(main())
