#!/bin/sh
# Does the gate find what it should, and nothing else? Each part runs the gate itself, as CI does, and
# counts its verdicts; logs lie in build-perf/proof. Busy neighbours are welcome: they are the hard case.
# usage: gate_proof.sh BUILD same [RUNS [BUDGET [GATE-OPTION...]]] | slow [RUNS [BUDGET]] | load [RUNS [BUDGET]]
#        | counts [KERNELS [SEED [OPERATION/ISA...]]] | frame
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."

usage='usage: gate_proof.sh BUILD same|slow|load|counts|frame [N [BUDGET [...]]]'
build=${1:?$usage}
part=${2:?$usage}
shift 2
bench=$build/bin/bitx-bench
library=$build/lib/libbitx.so
logs='build-perf/proof'
planted=$logs/planted.so
mkdir -p "$logs"
# A tenth slower: one operation of one row each.
plants='xor_split_bf16/avx512 xor_bytes/avx2 merge_f32/scalar map_u8/avx512 delta_split_u16/avx2'
load=

stop_load() {
    # shellcheck disable=SC2086 # a list of processes
    [ -z "$load" ] || kill $load 2>/dev/null || true
    load=
}
trap stop_load EXIT
trap 'exit 130' INT TERM

make_planted() {
    cc -O2 -D_GNU_SOURCE -shared -fPIC -Idispatch/include -Ikernels/include -Icodec/include \
        tests/bench_planted.c -o "$planted" -ldl
}

# Busy loops, two for each CPU, after SECONDS.
load_after() {
    n=$((2 * $(nproc)))
    while [ "$n" -gt 0 ]; do
        (sleep "$1" && exec sh -c 'while :; do :; done') &
        load="$load $!"
        n=$((n - 1))
    done
}

# names VERDICT... LOG: the cases of those verdicts, in one line.
names() {
    pattern=$1
    awk -v p="^($pattern)$" '$1 ~ p {printf "%s ", $2}' "$2"
}
alarms='slower|MORE|BELOW|WRONG'

same_runs() {
    runs=${1:-50}
    budget=${2:-540}
    shift 2 2>/dev/null || shift $#
    wrong=0
    unfit=0
    i=1
    while [ "$i" -le "$runs" ]; do
        code=0
        log=$logs/same-$i
        sh bench/perf.sh gate "$build" HEAD --budget "$budget" --seed "$i" "$@" >"$log" 2>&1 || code=$?
        [ "$code" -ne 3 ] || unfit=$((unfit + 1))
        [ "$code" -ne 1 ] && [ "$code" -ne 2 ] || wrong=$((wrong + 1))
        printf 'run %d: exit %d; %s%s\n' "$i" "$code" "$(names "$alarms" "$log")" \
            "$(sed -n 's/^[0-9]* cases: //p' "$log")"
        i=$((i + 1))
    done
    printf 'same: %d false alarms in %d runs (%d on a machine called unfit)\n' "$wrong" "$runs" "$unfit"
    [ "$wrong" -eq 0 ]
}

# one_plant OP/ISA SEED BUDGET LOG GATE-OPTION...: the old library against itself with that plant.
one_plant() {
    plant=$1
    seed=$2
    budget=$3
    log=$4
    shift 4
    PLANT_LIBRARY=$library PLANT=$plant "$bench" gate --levels G2 --base "$library" --head "$planted" \
        --ws L2 --budget "$budget" --seed "$seed" "$@" >"$log" 2>&1 || true
}

# judge OP/ISA LOG: found, undecided, missed or WRONG, and what else was called slower.
judge() {
    verdict=$(awk -v name="kernel/$1/L2" '$2 == name {print $1}' "$2")
    elsewhere=$(names "$alarms" "$2" | tr ' ' '\n' | grep -v "^kernel/$1/" | tr '\n' ' ' | sed 's/^ *$//')
    case $verdict in
        slower) word=found ;;
        '') word=undecided && [ "$1" != none/none ] || word=right ;;
        inconclusive | n/a) word=undecided ;;
        *) word=missed ;;
    esac
    grep -q 'UNFIT' "$2" && [ -z "$verdict" ] && word=unfit
    [ -z "$elsewhere" ] || word=WRONG
    printf '%-9s %-24s %s %s\n' "$word" "$1" \
        "$(awk -v name="kernel/$1/L2" '$2 == name {sub(/^.*L2 */, ""); print}' "$2")" "$elsewhere"
}

# The first run of each plant has every case, the others every row of that operation.
slow_runs() {
    make_planted
    found=0
    all=0
    for plant in $plants; do
        i=1
        while [ "$i" -le "${1:-4}" ]; do
            if [ "$i" -eq 1 ]; then
                one_plant "$plant" "$i" "$((5 * ${2:-30}))" "$logs/slow"
            else
                one_plant "$plant" "$i" "${2:-30}" "$logs/slow" --only "kernel/${plant%/*}/"
            fi
            judge "$plant" "$logs/slow" | tee "$logs/line"
            all=$((all + 1))
            ! grep -q '^found' "$logs/line" || found=$((found + 1))
            i=$((i + 1))
        done
    done
    printf 'slow: a tenth was found, and only there, in %d of %d runs\n' "$found" "$all"
    [ "$found" -eq "$all" ]
}

# Twice the CPUs' number of busy loops from the middle on: undecided is well, a wrong word is not.
load_runs() {
    make_planted
    wrong=0
    i=1
    while [ "$i" -le "${1:-4}" ]; do
        for plant in none/none xor_split_bf16/avx2; do
            load_after "$((${2:-60} / 2))"
            one_plant "$plant" "$i" "${2:-60}" "$logs/load" --only bf16
            stop_load
            judge "$plant" "$logs/load" | tee "$logs/line"
            sed -n 's/^[0-9]* cases: /          /p' "$logs/load"
            ! grep -q '^WRONG\|^missed' "$logs/line" || wrong=$((wrong + 1))
        done
        i=$((i + 1))
    done
    printf 'load: %d wrong verdicts\n' "$wrong"
    [ "$wrong" -eq 0 ]
}

frame_run() {
    make_planted
    rm -f "$logs/sizes"
    "$bench" count --record --sizes "$logs/sizes" --family tests/vectors/perf/pairs.txt >/dev/null
    PLANT_LIBRARY=$library PLANT_GROW=1 "$bench" count --sizes "$logs/sizes" --library "$planted" \
        --family tests/vectors/perf/pairs.txt >"$logs/frame" || true
    all=$(grep -c '^[a-z]' "$logs/sizes")
    found=$(grep -c '^MORE' "$logs/frame" || true)
    printf 'frame: one byte more in each frame was found in %d of %d sizes\n' "$found" "$all"
    [ "$found" -eq "$all" ]
}

case $part in
    same) same_runs "$@" ;;
    slow) slow_runs "$@" ;;
    load) load_runs "$@" ;;
    counts) python3 tests/plant_nop.py "$bench" build-perf/nop "$@" ;;
    frame) frame_run ;;
    *) echo "$usage" >&2 && exit 2 ;;
esac
