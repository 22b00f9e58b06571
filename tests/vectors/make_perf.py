#!/usr/bin/env python3
"""Makes tests/vectors/perf, the small families on which the gate counts bytes:
    make_perf.py MAKE-FAMILY FOLDER
BF16 whole, with a sparse fine-tune beside the dense one; of F16 and F32 the first layer alone."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

make_family, folder = sys.argv[1], pathlib.Path(sys.argv[2])
FIRST_LAYER = 'model.layers.0.'


def tensors(path):
    data = path.read_bytes()
    n, = struct.unpack('<Q', data[:8])
    header = json.loads(data[8:8 + n])
    header.pop('__metadata__', None)
    for name, t in header.items():
        begin, end = t['data_offsets']
        yield name, t['dtype'], t['shape'], data[8 + n + begin:8 + n + end]


def write(path, items):
    header, at, body = {}, 0, b''
    for name, dtype, shape, data in items:
        header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [at, at + len(data)]}
        at += len(data)
        body += data
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + body)


folder.mkdir(parents=True, exist_ok=True)
pairs = ['# DATA BASE, for bitx-bench; made by ../make_perf.py']
with tempfile.TemporaryDirectory() as made:
    for prefix, options in (('bf16', ['--dtype', 'bf16']), ('f16', ['--dtype', 'f16']),
                            ('f32', ['--dtype', 'f32']), ('sparse', ['--changed', '0.02'])):
        subprocess.run([make_family, '--size', '64K', '--prefix', prefix, *options, made],
                       check=True, stdout=subprocess.DEVNULL)
        for model, kind in (('base', 'base'), ('math', 'tuned')):
            if prefix == 'sparse' and kind == 'base':
                continue  # bf16's
            items = tensors(pathlib.Path(made) / f'{prefix}-{model}' / 'model.safetensors')
            if prefix in ('f16', 'f32'):
                items = [t for t in items if t[0].startswith(FIRST_LAYER)]
            write(folder / f'{prefix}-{kind}.safetensors', items)
        base = 'bf16' if prefix == 'sparse' else prefix
        pairs.append(f'{prefix}-tuned.safetensors {base}-base.safetensors')
pairs.append('bf16-base.safetensors -')
pairs.append('f32-base.safetensors -')
(folder / 'pairs.txt').write_text('\n'.join(pairs) + '\n')
