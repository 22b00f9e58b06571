#!/bin/sh
# What the gate says of libraries with faults: a clear line each, and an exit code that is never 0 for
# what was not measured. No time is judged: the cases asked for cannot be timed.
# usage: bench_gate.sh BITX-BENCH LIBBITX PLANTED MY-XOR PAIRS
# shellcheck disable=SC2317 # functions that expect() calls
set -eu
bench=$1
library=$2
planted=$3
my_xor=$4
pairs=$5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    failed=1
}

# expect CODE TEXT COMMAND...
expect() {
    code=$1
    text=$2
    shift 2
    got=0
    "$@" >"$folder/out" 2>&1 || got=$?
    [ "$got" -eq "$code" ] || fail "$*: exit $got, expected $code"
    grep -q -- "$text" "$folder/out" || fail "$*: no '$text' in its output"
}

# fault KIND CODE TEXT: one operation of one row has it, and is the only one compared.
fault() {
    expect "$2" "$3" env PLANT_LIBRARY="$library" PLANT=xor_bytes/scalar PLANT_FAULT="$1" \
        "$bench" ab "$library" "$planted" --ops xor_bytes --isa scalar --ws L1 --codecs none \
        --no-selftest
}
fault absent 4 'n/a .*kernel/xor_bytes/scalar/L1 .*new library: no such operation'
fault signature 4 'n/a .*kernel/xor_bytes/scalar/L1 .*new library: another signature'
fault wrong 1 'n/a .*kernel/xor_bytes/scalar/L1 .*new library: WRONG: output differs'
fault crash 1 'n/a .*kernel/xor_bytes/scalar/L1 .*new library: WRONG: crashes'
expect 4 'old library: .*crashes' env PLANT_LIBRARY="$library" PLANT=xor_bytes/scalar \
    PLANT_FAULT=crash "$bench" ab "$planted" "$library" --ops xor_bytes --isa scalar --ws L1 \
    --codecs none --no-selftest

expect 2 'invalid ELF header\|file too short' "$bench" ab "$0" "$my_xor"
expect 2 'No such file' "$bench" ab "$library" "$folder/absent.so"
expect 2 'no case that both' "$bench" ab "$library" "$my_xor" --ops xor_split_bf16
expect 2 'usage' "$bench" ab "$library"
printf 'one-word\n' >"$folder/pairs"
expect 2 "pairs:1: not 'DATA BASE'" "$bench" ab "$library" "$my_xor" --pairs "$folder/pairs"

# ---- count: exact figures, and files of them. Sanitizers count their own instructions too, so what a
# figure is does not matter here: only that it is the same again.
count() {
    "$bench" count --ops xor_bytes --isa scalar --counts "$folder/counts" "$@"
}
expect 0 'recorded 1 of instruction' count --record
expect 0 '1 same' count
sed 's/^\(xor_bytes[^ ]*\) .*/\1 7/' "$folder/counts" >"$folder/few"
expect 1 '^MORE .*xor_bytes/scalar/333 .*expected 7' \
    "$bench" count --ops xor_bytes --isa scalar --counts "$folder/few"
expect 0 '^accepted .*xor_bytes/scalar/333' \
    "$bench" count --ops xor_bytes --isa scalar --counts "$folder/few" --accept xor_bytes
sed 's/^\[/[another compiler; /' "$folder/counts" >"$folder/foreign"
expect 4 'no baseline for this key: n/a' \
    "$bench" count --ops xor_bytes --isa scalar --counts "$folder/foreign"
expect 4 './dev perf-record' "$bench" count --ops xor_bytes --isa scalar --counts "$folder/foreign"
printf '{"benchmarks": []}\n' >"$folder/json"
expect 2 "json:1: neither" "$bench" count --ops xor_bytes --isa scalar --counts "$folder/json"
expect 2 'No such file' "$bench" count --ops xor_bytes --isa scalar --counts "$folder/absent"

sizes() {
    "$bench" count --sizes "$folder/sizes" --family "$pairs" --only bf16-tuned "$@"
}
expect 0 'recorded 8 of frame sizes' sizes --record
expect 0 '8 same' sizes --library "$library"
expect 1 '^MORE .*delta/bf16-tuned' env PLANT_LIBRARY="$library" PLANT_GROW=1 "$bench" count \
    --sizes "$folder/sizes" --family "$pairs" --only bf16-tuned --library "$planted"

# ---- gate: a level that fails or is not measured is never 0
gate() {
    "$bench" gate --ops xor_bytes --isa scalar --codecs raw --counts "$folder/counts" \
        --sizes "$folder/sizes" --family "$pairs" --only xor_bytes "$@"
}
expect 0 'gate: nothing is wrong' gate --levels G0
expect 1 '^WRONG .*kernel/xor_bytes/scalar' env PLANT_LIBRARY="$library" PLANT=xor_bytes/scalar \
    PLANT_FAULT=wrong "$bench" gate --levels G0 --ops xor_bytes --isa scalar --codecs none \
    --head "$planted"
expect 1 'the library runs .*expected no-such-isa' gate --levels G0 --expect-isa no-such-isa
expect 4 'no older build: none was given' gate --levels G2
expect 4 'no older build: it does not build' gate --levels G2 --no-base 'it does not build'
expect 4 'no floors were given' gate --levels G3
expect 2 'No such file' gate --base "$folder/absent.so"

# A kernel of one's own is compared with each row; what is written can be read.
got=0
"$bench" ab "$library" "$my_xor" --ws L1 --isa scalar --no-selftest --budget 5 \
    --json "$folder/ab.json" --markdown "$folder/ab.md" >"$folder/out" || got=$?
case $got in
    0 | 1 | 4) ;;
    *) fail "ab of my_xor: exit $got" ;;
esac
grep -q 'kernel/xor_bytes/scalar/L1 .*rounds' "$folder/out" || fail 'my_xor was not compared'
grep -q '^| .*kernel/xor_bytes/scalar/L1' "$folder/ab.md" || fail 'no line in the summary'
python3 - "$folder/ab.json" <<'END' || fail 'the JSON file is not as GATE.md says'
import json, sys
b, = json.load(open(sys.argv[1]))['benchmarks']
assert b['run_name'] == 'gate/kernel/xor_bytes/scalar/L1'
assert b['label'] in ('same', 'slower', 'faster', 'inconclusive')
assert b['bitx_change_low'] <= b['bitx_change'] <= b['bitx_change_high'] and b['bitx_rounds'] > 5
END
exit "$failed"
