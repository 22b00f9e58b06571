#!/bin/sh
# bitx-bench as users run it: files that other tools read, refusals, exit codes. No timing is judged.
# usage: bench_cli.sh BITX-BENCH NUMA-SHIM
set -eu
bench=$1
shim=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    failed=1
}

# expect CODE TEXT ARG...: the exit code, and a text in what it prints.
expect() {
    code=$1
    text=$2
    shift 2
    got=0
    "$bench" "$@" >"$folder/out" 2>&1 || got=$?
    [ "$got" -eq "$code" ] || fail "bitx-bench $*: exit $got, expected $code"
    grep -q -- "$text" "$folder/out" || fail "bitx-bench $*: no '$text' in its output"
}

expect 0 'xor_bytes' kernel --op xor_bytes --isa scalar --ws L1 --rounds 6 \
    --json "$folder/k.json" --csv "$folder/k.csv" --gha "$folder/k.gha"
expect 0 '^xor_bytes  *avx2\|narrower row is faster' cells --op xor_bytes,delta_restore_u16 --counts 64,200 --rounds 6
expect 2 'not a list' cells --counts 64,x
expect 0 'tensorx' codec --made sparse --size 1 --rounds 6 --threads 1 \
    --codec memcpy,tensorx,bitx:bitx --json "$folder/c.json"
python3 - "$folder" <<'END' || fail 'the JSON files are not as METHODS.md says'
import json, sys
folder = sys.argv[1]
k = json.load(open(folder + '/k.json'))
assert {'date', 'num_cpus', 'mhz_per_cpu', 'caches', 'load_avg'} <= set(k['context'])
assert not k['context'].get('bitx_steal_percent', 0) > 100
runs = [b for b in k['benchmarks'] if b['run_type'] == 'iteration']
b, = [b for b in k['benchmarks'] if b['run_type'] == 'aggregate']
assert [r['repetition_index'] for r in runs] == list(range(6)) and b['repetitions'] == 6
assert {r['name'] for r in runs} == {b['run_name']}
times = sorted(r['cpu_time'] for r in runs)
assert abs(b['cpu_time'] - (times[2] + times[3]) / 2) < 1e-6 * times[2]
assert b['name'] == 'kernel/xor_bytes/scalar/L1_median' and b['aggregate_name'] == 'median'
assert b['run_name'] == 'kernel/xor_bytes/scalar/L1' and b['time_unit'] == 'ns'
assert 0 < b['bitx_roofline'] < 10 and b['bytes_per_second'] > 0 and b['cpu_time'] > 0
assert b['bitx_cycles_per_element'] > 0 and b['label'] in ('stable', 'noisy', 'invalid')
c = json.load(open(folder + '/c.json'))['benchmarks']
assert len(c) == 6 * (6 + 1)
c = {b['run_name']: b for b in c if b['run_type'] == 'aggregate'}
assert set(c) == {'codec/%s/sparse/%s' % (x, y) for x in ('memcpy', 'tensorx', 'bitx:bitx')
                  for y in ('encode', 'decode')}
assert c['codec/memcpy/sparse/encode']['bitx_memcpy'] == 1
assert c['codec/memcpy/sparse/encode']['bitx_ratio'] == 1
assert 0 < c['codec/tensorx/sparse/decode']['bitx_ratio'] < 0.2
g, = json.load(open(folder + '/k.gha'))
assert g['unit'] == 'ns' and g['value'] > 0
END
[ "$(wc -l <"$folder/k.csv")" -eq 2 ] || fail 'the CSV has not a head and one line'

if "$bench" --help | grep -q ' store '; then
    expect 0 'speedup' store --size 1 --rounds 2 --dir "$folder" --json "$folder/s.json"
    expect 2 'come together' store --data "$folder"
    expect 2 'No such file' store --dir "$folder/absent"
    grep -q '"store/get/fine-tune/threads:2' "$folder/s.json" || fail 'store wrote no JSON'
    [ -z "$(find "$folder" -name 'bitx-bench-store*')" ] || fail 'store left its folder behind'
fi

# Raw files of equal length are a pair; the ratio of a copy to its base is next to nothing.
head -c 100001 /dev/urandom >"$folder/raw"
expect 0 'with a base' codec --data "$folder/raw" --base "$folder/raw" --dtype BF16 --sizes-only \
    --codec paper-bitx
expect 2 'no such dtype' codec --data "$folder/raw" --dtype BF17
expect 2 'No such file' codec --data "$folder/absent"
expect 2 'no tensor of the same name' codec --data "$folder/raw" --base "$folder/k.csv"
expect 2 'no .safetensors file' codec --data "$folder"
expect 2 'unknown or repeated name' codec --codec no-such-coder
expect 2 "no 'L9'" kernel --ws L9
# A word that is none would have nothing measured, and nothing found wrong.
for wrong in 'kernel --op' 'kernel --isa' 'cells --op' 'cells --isa' 'roofline --ws' 'codec --made' 'count --ops' 'count --isa' \
    'count --codecs' 'gate --levels' 'gate --ops' 'gate --isa' 'gate --ws' 'gate --codecs' 'ab old.so new.so --ops' \
    'ab old.so new.so --isa' 'ab old.so new.so --ws' 'ab old.so new.so --codecs'; do
    # shellcheck disable=SC2086 # words of a command
    expect 2 "${wrong##* }: no 'G9'" $wrong G9
done
expect 2 'needs a number' kernel --rounds many
expect 2 'no command' no-such-command
printf '\100\0\0\0\0\0\0\0{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}          }' \
    >"$folder/short.safetensors"
expect 2 'data_offsets outside the file' codec --data "$folder/short.safetensors"

# A made-up machine is planned, never timed.
expect 0 '4 memory nodes' topo --synthetic 'numa:4 core:2 pu:1'
expect 0 'refused' numa --synthetic 'numa:2 core:2 pu:1'
expect 0 "n/a.*not this machine's topology" scale --synthetic 'numa:2 core:2 pu:1'
expect 2 'not a synthetic topology' topo --synthetic 'nonsense'

# Pages that are elsewhere are seen, and such a cell is not timed.
if "$bench" numa --placement-only --size 16 | grep -q 'placed 2 of 2'; then
    case $(ldd "$bench") in
        *libasan*) echo 'skipped: placement shim (a preloaded library cannot come before libasan)' ;;
        *)
            LD_PRELOAD=$shim SHIM_NUMA=report "$bench" numa --size 16 --rounds 6 \
                --json "$folder/n.json" >"$folder/out"
            grep -q 'n/a .*pages lie on another node' "$folder/out" ||
                fail 'a page on another node is not seen'
            grep -q 'placed 0 of 2 cells' "$folder/out" || fail 'a misplaced cell counts as placed'
            grep -q '"name"' "$folder/n.json" && fail 'a misplaced cell was timed'
            ;;
    esac
else
    echo 'skipped: placement shim (needs a machine of one memory node that move_pages(2) can tell)'
fi
expect 0 'CPU' env
exit "$failed"
