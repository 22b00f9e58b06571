#!/usr/bin/env python3
"""One instruction more in the inner loops of one kernel, many kernels one after the other: is each found by counts?

usage: tests/plant_nop.py BITX-BENCH FOLDER [KERNELS [SEED [OPERATION/ISA...]]]

Builds libbitx in FOLDER, takes its counts, and then, for each of KERNELS kernels chosen by SEED (of those named, if any are), puts a
`nop` at the head of each innermost loop of that function in the compiler's own assembly, links, and
counts the kernels of that file again. Found means an alarm there; others have one too when they call that
function. Exit code 1 when one was not found.
"""
import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LABEL = re.compile(r'^(\.L\w+):')
JUMP = re.compile(r'^\s+j\w+\s+(\.L\w+)\s*$')


def run(*words, **more):
    return subprocess.run([str(w) for w in words], check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def build(folder):
    run('cmake', '-S', ROOT, '-B', folder, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release', '-DBITX_BUILD_STORE=OFF',
        '-DBITX_BUILD_BENCH=OFF', '-DBITX_BUILD_TESTS=OFF', '-DBITX_INSTALL=OFF')
    run('cmake', '--build', folder, '--target', 'bitx_shared', '-j', '2')
    return next(folder.rglob('libbitx.so'))


def innermost(lines, first, last):
    """Line numbers of the heads of loops (a jump back to a label) that hold no other loop."""
    at, loops = {}, []
    for i in range(first, last):
        if found := LABEL.match(lines[i]):
            at[found[1]] = i
        elif (found := JUMP.match(lines[i])) and found[1] in at:
            loops.append((at[found[1]], i))
    return {a for a, b in loops if not any(a <= c and d <= b and (a, b) != (c, d) for c, d in loops)}


def planted(text, function):
    """The assembly with a nop in each innermost loop of the function, and how many those are."""
    lines = text.split('\n')
    if function + ':' not in lines:
        return text, 0
    first = lines.index(function + ':')
    last = next(i for i in range(first, len(lines)) if re.match(r'\s+\.size\s+' + function + ',', lines[i]))
    heads = innermost(lines, first, last)
    return '\n'.join(line + '\n\tnop' if i in heads else line for i, line in enumerate(lines)), len(heads)


def assembly(folder, function):
    """Of the one file that defines it: the command that compiles it, its object, its assembly."""
    name = re.compile(r'\b' + function + r'\(')
    for source in sorted((ROOT / 'kernels').glob('*.c')):
        if not name.search(source.read_text()):
            continue
        target = 'kernels/CMakeFiles/bitx_kernels.dir/%s.o' % source.name
        words = run('ninja', '-C', folder, '-t', 'commands', target).strip().split('\n')[-1]
        words = re.sub(r' -M\S+( \S+\.o(\.d)?)?', '', words).replace(' -c ', ' -S ')
        run('sh', '-c', re.sub(r' -o \S+', ' -o plant.s', words), cwd=folder)
        text = (folder / 'plant.s').read_text()
        if '\n%s:\n' % function in text:
            return words, target, text
    return None, None, ''


def count(bench, library, *words):
    done = subprocess.run([bench, 'count', '--library', library, *words], text=True, stdout=subprocess.PIPE)
    assert done.returncode in (0, 1), done
    return done.stdout


def main(bench, folder, wanted=20, seed=1, *only):
    folder = pathlib.Path(folder).resolve()
    library, expected = build(folder), folder / 'counts.txt'
    real = library.resolve().relative_to(folder)
    link = run('ninja', '-C', folder, '-t', 'commands', '-s', real).strip().split('\n')[-1]
    isas = 'scalar,avx2,avx512'
    expected.unlink(missing_ok=True)
    print(count(bench, library, '--isa', isas, '--counts', expected, '--record'), end='')
    names = sorted({tuple(line.split('/')[:2]) for line in expected.read_text().split('\n')
                    if line.count('/') == 2 and line[0] not in '#['})
    random.Random(int(seed)).shuffle(names)
    names = [name for name in names if not only or '/'.join(name) in only]
    tried = found = 0
    for op, isa in names:
        _, target, text = assembly(folder, 'bitx_%s_%s' % (op, isa))
        more, nloops = planted(text, 'bitx_%s_%s' % (op, isa))
        if not nloops:
            continue
        (folder / 'plant.s').write_text(more)
        plain = (folder / target).read_bytes()
        run('cc', '-c', folder / 'plant.s', '-o', folder / target)
        run('sh', '-c', link, cwd=folder)
        near = ','.join(o for o, i in names if i == isa and '\nbitx_%s_%s:\n' % (o, i) in text)
        told = count(bench, library, '--isa', isa, '--ops', near, '--counts', expected)
        alarms = [line.split()[1:3] for line in told.split('\n') if line.startswith('MORE')]
        there = [more for name, more in alarms if name.startswith('%s/%s/' % (op, isa))]
        elsewhere = [name for name, _ in alarms if not name.startswith('%s/%s/' % (op, isa))]
        tried += 1
        found += bool(there)
        print('%-9s %-40s %d loop(s): %s%s' % ('found' if there else 'NOT FOUND', op + '/' + isa, nloops,
                                              ' '.join(there) or 'no alarm',
                                              ''.join(', ' + name for name in elsewhere)), flush=True)
        (folder / target).write_bytes(plain)
        if tried == int(wanted):
            break
    print('counts: one instruction more was found in %d of %d kernels' % (found, tried))
    return found != tried or tried < int(wanted)


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
