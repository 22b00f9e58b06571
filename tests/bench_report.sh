#!/bin/sh
# bitx-bench report: the page stands alone, its marks lie where the numbers say, its tables hold them,
# and files that cannot be used are told in a line each while the rest is shown.
# usage: bench_report.sh BITX-BENCH
set -eu
bench=$(readlink -f -- "$1")
here=$(cd -- "$(dirname -- "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
cd "$folder"
python3 "$here/report_runs.py" .

# lines N: how many lines the last one said.
lines() {
    [ "$(wc -l <out)" -eq "$1" ] || { failed=1 && echo "FAILED: not $1 lines: $(cat out)"; }
}

# expect CODE TEXT ARG...: the exit code, and a text in what it says ('': nothing said).
expect() {
    code=$1
    text=$2
    shift 2
    got=0
    "$bench" report "$@" >out 2>&1 || got=$?
    [ "$got" -eq "$code" ] || { failed=1 && echo "FAILED: report $*: exit $got, expected $code"; }
    [ -n "$text" ] || { lines 0 && return; }
    grep -q -- "$text" out || { failed=1 && echo "FAILED: report $*: no '$text' in: $(cat out)"; }
}

expect 0 '' old.json -o one.html
expect 0 '' old.json new.json -o two.html
expect 0 '' --run before old.json --run after new.json -o named.html --title 'Lab <7>'
expect 4 'no cpu_time' hostile.json -o hostile.html

echo '{"context": {' >broken.json
echo '[1, 2]' >list.json
printf '{"context": {"executable": "./other"}, "benchmarks": []}' >other.json
head -c 3000 /dev/urandom >noise.json
head -c 30000 old.json >cut.json
: >empty.json
mkdir folder.json
expect 4 'broken.json: not JSON: line 2' broken.json old.json -o some.html
lines 1
expect 4 "other.json: results of './other', not of bitx-bench" old.json other.json -o some.html
lines 1
expect 4 'list.json: not Google Benchmark' list.json noise.json cut.json empty.json folder.json \
    absent.json old.json -o some.html
lines 6
grep -q 'absent.json: No such file' out || { failed=1 && echo 'FAILED: an absent file is not told'; }
expect 4 'result(s) that an earlier file of this run has too' --run x old.json new.json -o some.html
lines 1
expect 2 'nothing to show; none.html was not written' broken.json -o none.html
[ ! -e none.html ] || { failed=1 && echo 'FAILED: a page of nothing'; }
expect 2 'no -o FILE' old.json
expect 2 'no files to read' -o none.html
expect 2 'needs a value' old.json -o
expect 2 'unknown argument' old.json -o none.html --frobnicate
expect 2 'No such file or directory' old.json -o no/such/folder.html
expect 0 'usage: bitx-bench report' --help
! "$bench" report old.json -o /dev/full 2>out || { failed=1 && echo 'FAILED: a full disk is not told'; }

python3 "$here/report_check.py" . || failed=1
exit "$failed"
