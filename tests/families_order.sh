#!/bin/sh
# Does the order matter in which models are added? The models in the order given, then in shuffled
# ones (the same on every machine), each in a store of its own: bytes on disk after the last add and
# after `zipllm rebase`. For pack/FAMILIES.md.
#     families_order.sh ZIPLLM ORDERS MODEL...
set -eu
zipllm=$1
orders=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for model in "$@"; do
    printf '%s\n' "$model"
done >"$work/models"

disk_bytes() {
    "$zipllm" -C "$work/store" stat --json | sed 's/.*"disk_bytes":\([0-9]*\).*/\1/'
}

# shuffled SEED: Fisher and Yates, with the generator of the C standard's example
shuffled() {
    awk -v seed="$1" '
        { line[NR] = $0 }
        END {
            for (i = NR; seed > 0 && i > 1; i--) {
                seed = (seed * 1103515245 + 12345) % 2147483648
                j = int(seed / 65536) % i + 1
                t = line[i]; line[i] = line[j]; line[j] = t
            }
            for (i = 1; i <= NR; i++)
                print line[i]
        }' "$work/models"
}

printf '| order | first model | before | after rebase |\n|---|---|---|---|\n'
for order in $(seq 0 "$orders"); do
    rm -rf "$work/store"
    "$zipllm" init -q "$work/store"
    shuffled "$order" >"$work/order"
    while IFS= read -r model; do
        "$zipllm" -C "$work/store" add -q "$model"
    done <"$work/order"
    "$zipllm" -C "$work/store" gc -q
    before=$(disk_bytes)
    "$zipllm" -C "$work/store" rebase -q
    after=$(disk_bytes)
    "$zipllm" -C "$work/store" verify -q
    printf '| %s | %s | %s | %s |\n' "$order" "$(basename "$(head -n 1 "$work/order")")" \
        "$before" "$after"
    printf '%s\n' "$after" >>"$work/after"
done
sort -n "$work/after" | awk '
    NR == 1 { best = $1 }
    { worst = $1 }
    END { printf "\nThe worst after rebase: %.2f%% above the best.\n", 100 * (worst / best - 1) }'
