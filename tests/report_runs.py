"""Results as bitx-bench writes them, with made numbers: what tests of the report are run on.
usage: report_runs.py FOLDER     writes old.json and new.json (two revisions), hostile.json
"""
import json
import random
import sys

CODERS = [('memcpy', 1.0, 30), ('zstd-1', .79, .6), ('zstd-3', .78, .45), ('zstd-9', .775, .06),
          ('zstd-patch', .76, .2), ('fastcdc-64k', 1.0, 1.5), ('xet-bg4-lz4', .83, .9),
          ('blosc-shuffle', .81, .7), ('blosc-bitshuffle', .8, .7), ('zipnn', .67, 1.1),
          ('paper-bitx', .366, .17), ('tensorx', .341, .65), ('xor-rans32-o0', .323, .42),
          ('xor-rans32-o1', .322, .3), ('fm-delta', .288, .067), ('bitx:raw', 1.0001, 20),
          ('bitx:bitx', .365, .2), ('bitx:delta', .245, 1.1), ('bitx:auto', .245, .9),
          ('bitx:max', .243, .1)]
OPS = ['xor_bytes', 'xor_split_bf16', 'xor_merge_bf16', 'distance_bits', 'partition_u8',
       'merge_u8', 'histogram_pairs_u8', 'distance_positions_u16']


def entry(random, name, ns, rate=None, threads=1, label='stable', **counters):
    width = random.uniform(.005, .02)
    e = {'name': name + '_median', 'run_name': name, 'run_type': 'aggregate', 'repetitions': 15,
         'threads': threads, 'aggregate_name': 'median', 'aggregate_unit': 'time',
         'iterations': 15, 'real_time': ns * 1.01, 'cpu_time': ns, 'time_unit': 'ns'}
    if rate:
        e['bytes_per_second'] = rate
    e.update({'bitx_' + k: v for k, v in counters.items()})
    e.update({'bitx_cpu_low': ns * (1 - width), 'bitx_cpu_high': ns * (1 + width),
              'bitx_cpu_mad': ns * width / 2, 'bitx_cpu_min': ns * (1 - 2 * width),
              'label': label})
    return e


def run(seed, revision, faster):
    r = random.Random(seed)
    out = []
    for data, scale in ('s2e-4', 1.0), ('sparse', .05):
        for coder, ratio, speed in CODERS:
            given = coder.startswith('bitx:') or ratio < .5
            size = ratio * scale if given and ratio < 1 else ratio
            for direction, factor in ('encode', 1), ('decode', r.uniform(1.5, 4)):
                gbs = speed * factor * r.uniform(.97, 1.03) * (faster if coder == 'bitx:delta' else 1)
                out.append(entry(r, 'codec/%s/%s/%s' % (coder, data, direction), 4e6 / gbs, gbs * 1e9,
                                 label='noisy' if r.random() < .2 else 'stable', ratio=size,
                                 memcpy=gbs / 30, cycles_per_element=7 / gbs))
    for op in OPS:
        for isa, best in ('scalar', .3), ('avx2', .85), ('avx512', .97):
            for ws, rate in ('L1', 90), ('L2', 60), ('L3', 20), ('DRAM', 8):
                share = min(best * r.uniform(.6, 1.08), 1.15)
                out.append(entry(r, 'kernel/%s/%s/%s' % (op, isa, ws), 1e6 / rate / share,
                                 rate * share * 1e9, roofline=share, roofline_low=share * .97,
                                 roofline_high=share * 1.03, cycles_per_element=.1,
                                 traffic_per_byte=3, ghz=3.6))
    for streams in 'read', 'write', 'copy', '2_to_1':
        for ws, rate in ('L2', 60), ('DRAM', 9):
            out.append(entry(r, 'roofline/%s/%s' % (streams, ws), 1e6 / rate, rate * 1e9,
                             limit_bytes_per_second=rate * 1.1e9))
    for loop in 'read', 'copy':
        for i in range(4):
            for j in range(4):
                for pages in 'huge', 'small':
                    if (i, j) == (3, 1):
                        continue
                    far = 1 if i == j else .6 if i // 2 == j // 2 else .4
                    rate = 12 * far * (.8 if pages == 'small' else 1) * r.uniform(.97, 1.03)
                    out.append(entry(r, 'numa/%s/cpu%d/mem%d/%s' % (loop, i, j, pages), 4e6 / rate,
                                     rate * 1e9, latency_ns=90 / far, huge_share=pages == 'huge',
                                     distance=10 if i == j else 21))
    for policy in 'compact', 'scatter', 'node 0':
        for n in (1, 2, 4, 8, 16, 32, 64) if policy != 'node 0' else (1, 2, 4, 8, 16):
            rate = 9 * n / (1 + n / (40 if policy == 'scatter' else 14))
            out.append(entry(r, 'scale/xor_split_bf16/%s/threads:%d' % (policy, n), 1e6 / rate,
                             rate * 1e9, threads=n))
    out.append(entry(r, 'store/add/fine-tune/threads:2', 5e8, 2e9, threads=2))
    bits = [{'data': 's2e-4', 'dtype': 'BF16', 'bits': 16, 'exponent_bits': 8, 'mantissa_bits': 7,
             'elements': 1000000, 'elements_changed': 825000,
             'bit_changed': [.5 * .62 ** i for i in range(12)] + [0, 0, 0, .0033]},
            {'data': 'real', 'dtype': 'F32', 'bits': 32, 'exponent_bits': 8, 'mantissa_bits': 23,
             'elements': 1000000, 'elements_changed': 999000,
             'bit_changed': [.5] * 12 + [.5 * .66 ** i for i in range(16)] + [0, 0, 0, .01]}]
    return {'context': {
        'date': '2026-11-30T05:00:00+0000', 'host_name': 'lab-7', 'executable': 'bitx-bench',
        'num_cpus': 64, 'mhz_per_cpu': 3600, 'cpu_scaling_enabled': False,
        'caches': [{'type': 'Data', 'level': 1, 'size': 49152, 'num_sharing': 0},
                   {'type': 'Unified', 'level': 2, 'size': 1048576, 'num_sharing': 0}],
        'load_avg': [.1, .2, .3], 'bitx_steal_percent': .1, 'bitx_pressure_percent': .2,
        'bitx_cpu_model': 'Made CPU', 'bitx_hypervisor': 'no', 'bitx_os': 'Linux 6.1 x86_64',
        'bitx_isa': 'avx512', 'bitx_compiler': 'gcc 12.2.0', 'bitx_revision': revision,
        'bitx_command': 'bitx-bench made'},
        'bitx_bits': bits,
        'bitx_absent': [{'run_name': 'numa/cpu3/mem1/huge', 'reason': 'pages lie on another node'}],
        'benchmarks': out}


def hostile():
    top = run(3, 'x', 1)
    r = random.Random(4)
    evil = '<script>alert("1")</script>&\'"'
    top['context'].update(bitx_cpu_model=evil, bitx_command=evil, host_name=None, caches='none')
    top['bitx_absent'] = [{'run_name': evil, 'reason': evil}, 7, {'run_name': 1}]
    top['bitx_bits'] = [{'data': evil}, 'no', {**top['bitx_bits'][0], 'bit_changed': [2] * 16},
                        {**top['bitx_bits'][0], 'data': evil}]
    top['benchmarks'] = [
        entry(r, 'codec/%s/%s/encode' % (evil.replace('/', ''), evil.replace('/', '')), 5, 1e9,
              ratio=.5),
        entry(r, 'codec/a/d/encode', 1e-300, 1e9, ratio=.5),
        entry(r, 'codec/zero/d/encode', 5, 1e9, ratio=0),
        entry(r, 'codec/huge/d/encode', 5, 1e17, ratio=1e300),
        entry(r, 'codec/tiny/d/encode', 5, 1e-3, ratio=1e-300),
        entry(r, 'codec/one/d/encode', 5, 1e9, ratio=.4),
        entry(r, 'kernel/x/avx2/L2', 5, 1e9, roofline=1e9),
        entry(r, 'kernel/y/avx2/L2', 5, 1e9, roofline=-1),
        entry(r, 'kernel/z/avx2/L2', 5, 1e9, roofline=.5),
        entry(r, 'kernel', 5, 1e9), entry(r, 'codec/a', 5, 1e9), entry(r, 'numa/read/x/y', 5, 1e9),
        entry(r, 'scale/o/compact/threads:1', 5, 1e9, threads=-5),
        entry(r, evil, 5), entry(r, 'x/' * 100, 5), {'run_type': 'aggregate'}, 5, None,
        {'run_type': 'aggregate', 'aggregate_name': 'median', 'run_name': 'store/x'},
        {**entry(r, 'store/y', 5), 'cpu_time': 'fast'},
        {**entry(r, 'store/z', 5), 'time_unit': 's'}]
    return top


if __name__ == '__main__':
    for name, top in (('old', run(1, 'aaaaaaaaaa', 1)), ('new', run(2, 'bbbbbbbbbb', 1.4)),
                      ('hostile', hostile())):
        with open('%s/%s.json' % (sys.argv[1], name), 'w') as f:
            json.dump(top, f, indent=1)
