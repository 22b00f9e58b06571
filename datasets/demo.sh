#!/bin/sh
# The main job from end to end: makes a family, adds it to a store, restores every model, compares every
# file byte by byte, verifies the store, and cleans up. usage: demo.sh FOLDER-OF-THE-COMMANDS
set -eu
unset CDPATH
bin=$(readlink -f -- "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
zipllm=$bin/zipllm
ZIPLLM_STORE=$work/store
export ZIPLLM_STORE
models=$("$bin/make-family" --list)

say() {
    printf '\n\033[1m%s\033[0m\n' "$1"
}
[ -t 1 ] || say() {
    printf '\n%s\n' "$1"
}

say '1. A family: one base and three fine-tunes of it (make-family)'
"$bin/make-family" "$work/family"
du -sh "$work/family"/* | sed "s|$work/||"

say '2. Into a store (zipllm init; zipllm add)'
"$zipllm" init "$ZIPLLM_STORE"
cd "$work/family"
# shellcheck disable=SC2086 # names
"$zipllm" add $models

say '3. What it takes (zipllm ls; zipllm stat)'
"$zipllm" ls
"$zipllm" stat

say '4. Out again (zipllm get), and every file compared with the original'
mkdir "$work/restored"
files=0
for model in $models; do
    "$zipllm" get "$model" -o "$work/restored/$model"
    (cd "$work/family/$model" && find . | LC_ALL=C sort) >"$work/names"
    (cd "$work/restored/$model" && find . | LC_ALL=C sort) | cmp "$work/names" -
    (cd "$work/family/$model" && find . -type f) >"$work/names"
    while read -r file; do
        cmp "$work/family/$model/$file" "$work/restored/$model/$file"
        files=$((files + 1))
    done <"$work/names"
done
echo "$files files are equal, byte for byte"

say '5. Every stored byte checked (zipllm verify)'
"$zipllm" verify

printf '\nThe family is back, byte for byte; %s is removed.\n' "$work"
