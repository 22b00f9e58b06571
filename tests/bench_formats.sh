#!/bin/sh
# bitx-bench's output formats, each read by the tool that it is for where there is one (compare.py of
# Google Benchmark, promtool, prometheus_client, benchstat), and by a strict reading of its document.
# usage: bench_formats.sh BITX-BENCH
set -eu
bench=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    failed=1
}

# A name that every format has to escape in its own way.
mkdir "$folder/in"
odd="$folder/in/a \"b\" \\c,d"
head -c 20000 /dev/zero | tr '\0' 'w' >"$odd"
head -c 20000 /dev/zero | tr '\0' 'v' >"$folder/in/base"
outputs() {
    printf '%s\n' --json "$folder/$1.json" --csv "$folder/$1.csv" --gha "$folder/$1.gha" \
        --benchstat "$folder/$1.txt" --openmetrics "$folder/$1.om"
}
# shellcheck disable=SC2046 # words without spaces
"$bench" kernel --op xor_bytes --ws L1,L2 --rounds 9 $(outputs kernel) >"$folder/out"
# shellcheck disable=SC2046
"$bench" codec --data "$odd" --base "$folder/in/base" --dtype BF16 --rounds 9 --threads 2 \
    --codec memcpy,tensorx,bitx:bitx $(outputs codec) >"$folder/out"

python3 - "$folder" <<'END_PYTHON' || fail 'a file is not as its format says'
import csv, json, re, sys
folder = sys.argv[1]
for name in 'kernel', 'codec':
    top = json.load(open('%s/%s.json' % (folder, name)))
    runs = [b for b in top['benchmarks'] if b['run_type'] == 'iteration']
    medians = {b['run_name']: b for b in top['benchmarks'] if b['run_type'] == 'aggregate'}
    samples = {}
    for b in runs:
        samples.setdefault(b['run_name'], []).append(b['cpu_time'])
    assert medians and set(samples) == set(medians)
    for key in 'cpu_model', 'os', 'isa', 'compiler', 'revision', 'command':
        assert top['context']['bitx_' + key], key
    # github-action-benchmark: src/extract.ts, extractCustomBenchmarkResult
    gha = json.load(open('%s/%s.gha' % (folder, name)))
    for entry in gha:
        assert set(entry) == {'name', 'unit', 'value', 'range', 'extra'}, entry
        assert all(isinstance(v, str) or k == 'value' for k, v in entry.items()), entry
        assert abs(entry['value'] / medians[entry['name']]['cpu_time'] - 1) < 1e-5
    assert [e['name'] for e in gha] == list(medians)
    rows = list(csv.DictReader(open('%s/%s.csv' % (folder, name), newline=''), strict=True))
    assert [r['name'] for r in rows] == list(medians) and all(len(r) == 12 for r in rows)
    # https://go.dev/design/14313-benchmark-format
    seen, config = {}, {}
    for line in open('%s/%s.txt' % (folder, name)):
        assert line.endswith('\n')
        if line.startswith('Benchmark'):
            words = line.split()
            assert re.fullmatch(r'Benchmark[A-Z]\S*-\d+', words[0]), line
            assert int(words[1]) > 0 and len(words) >= 4 and len(words) % 2 == 0, line
            values = dict(zip(words[3::2], map(float, words[2::2])))
            assert len(values) * 2 == len(words) - 2 and values['ns/op'] > 0
            seen.setdefault(words[0], []).append(values)
        elif line.startswith('Unit '):
            assert re.fullmatch(r'Unit \S+( \w+=\w+)+\n', line), line
        elif re.match(r'[a-z][^\sA-Z:]*:', line):
            key, value = line.split(':', 1)
            assert re.match(r'[ \t]+\S', value), line
            config[key] = value.strip()
        else:
            assert line.startswith('# '), line
    assert {'goos', 'goarch', 'pkg', 'cpu'} == set(config), config
    assert len(seen) == len(medians)
    for mine, (their, values) in zip(medians.values(), seen.items()):
        assert their.endswith('-%d' % mine['threads'])
        ours = samples[mine['run_name']]
        assert len(values) == len(ours) == 9
        for x, ns in zip(values, ours):
            assert abs(x['ns/op'] / ns - 1) < 1e-8
            rate = mine['bytes_per_second'] * mine['cpu_time'] / ns / 1e6
            assert abs(x['MB/s'] / rate - 1) < 1e-5
            assert x.get('coded/original') is None or \
                abs(x['coded/original'] / mine['bitx_ratio'] - 1) < 1e-6
    # OpenMetrics 1.0: families in one piece, no sample twice, EOF at the end
    text = open('%s/%s.om' % (folder, name)).read()
    assert text.endswith('\n# EOF\n')
    family, done, unique = None, set(), set()
    for line in text.splitlines()[:-1]:
        if line.startswith('# '):
            kind, metric = line.split(' ')[1:3]
            if kind == 'HELP':
                assert metric not in done, metric
                done.add(metric)
                family = metric
            assert metric == family and kind in ('HELP', 'TYPE', 'UNIT'), line
            if kind == 'UNIT':
                assert metric.endswith('_' + line.split(' ')[3]), line
        else:
            m = re.fullmatch(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)', line)
            assert m and m[1] == family, line
            assert line[:m.end(2) if m[2] else m.end(1)] not in unique, line
            unique.add(line[:m.end(2) if m[2] else m.end(1)])
            float(m[3])
    for run, b in medians.items():
        escaped = run.replace('\\', '\\\\').replace('"', '\\"')
        found = re.search(r'bitx_bench_time_seconds\{benchmark="%s",.*statistic="median"\} (\S+)'
                          % re.escape(escaped), text)
        assert found and abs(float(found[1]) / b['cpu_time'] * 1e9 - 1) < 1e-8, run
# Every w (0x77) is a v (0x76) in the base: the lowest bit of each byte.
bits, = top['bitx_bits']
assert bits['dtype'] == 'BF16' and bits['elements'] == bits['elements_changed'] == 10000
assert bits['bit_changed'] == [1, 0, 0, 0, 0, 0, 0, 0] * 2
assert any(a['run_name'].startswith('kernel/') and a['reason']
           for a in json.load(open(folder + '/kernel.json'))['bitx_absent'])
END_PYTHON

# ---- the tools themselves ----------------------------------------------------------------------

# python_with MODULE: prints an interpreter that has it.
python_with() {
    for python in python3 /usr/bin/python3; do
        if "$python" -c "import $1" 2>/dev/null; then
            echo "$python"
            return
        fi
    done
}

compare=/usr/share/benchmark/compare.py
python=$(python_with scipy)
if [ -e $compare ] && [ -n "$python" ]; then
    for name in kernel codec; do
        "$python" $compare --no-color benchmarks "$folder/$name.json" "$folder/$name.json" \
            >"$folder/out" 2>&1 || fail "compare.py: $(tail -n 1 "$folder/out")"
        # 9 samples: enough for its U test; a file against itself is the same.
        grep -q '_pvalue  *1.0000 .*U Test, Repetitions: 9 vs 9' "$folder/out" ||
            fail "compare.py does not test the samples of $name.json"
    done
else
    echo 'skipped: compare.py (packages libbenchmark-tools, python3-scipy)'
fi

if command -v promtool >/dev/null; then
    for name in kernel codec; do
        promtool check metrics <"$folder/$name.om" >"$folder/out" 2>&1 ||
            fail "promtool: $(cat "$folder/out")"
    done
else
    echo 'skipped: promtool (package prometheus)'
fi

python=$(python_with prometheus_client.openmetrics.parser)
if [ -n "$python" ]; then
    "$python" - "$folder" <<'END_PYTHON' || fail 'prometheus_client does not read the OpenMetrics'
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for name in 'kernel', 'codec':
    names = set()
    for family in text_string_to_metric_families(open('%s/%s.om' % (sys.argv[1], name)).read()):
        assert family.type == 'gauge' and family.documentation and family.samples
        names |= {s.labels['benchmark'] for s in family.samples if 'benchmark' in s.labels}
    top = json.load(open('%s/%s.json' % (sys.argv[1], name)))
    assert names == {b['run_name'] for b in top['benchmarks']}
END_PYTHON
else
    echo 'skipped: OpenMetrics parser (package python3-prometheus-client)'
fi

if command -v benchstat >/dev/null; then
    benchstat "$folder/kernel.txt" >"$folder/out" 2>"$folder/err" || fail 'benchstat fails'
    [ ! -s "$folder/err" ] || fail "benchstat: $(cat "$folder/err")"
    grep -q '^Kernel/op=xor_bytes/isa=scalar/set=L2-1 .*± .*%' "$folder/out" ||
        fail 'benchstat has no row for a kernel'
else
    echo 'skipped: benchstat (not in Debian 12; golang.org/x/perf/cmd/benchstat)'
fi
exit "$failed"
