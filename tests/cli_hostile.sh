#!/bin/sh
# Every hostile file, end to end: inspect gives the reference parser's verdict, and add keeps the
# file byte for byte whatever the verdict.
# shellcheck disable=SC1091
. "$(dirname "$0")/cli_lib.sh"

expect 0 "$ZIPLLM" init "$STORE"
tab=$(printf '\t')
while IFS=$tab read -r file verdict words; do
    case $file in '#'* | '') continue ;; esac
    mkdir "model-$file"
    cp "$VECTORS/hostile/$file" "model-$file/model.safetensors"
    if [ "$verdict" = accept ]; then
        expect 0 "$ZIPLLM" inspect "$VECTORS/hostile/$file"
        says out 'valid safetensors'
        expect 0 "$ZIPLLM" inspect --json "$VECTORS/hostile/$file"
        json "lines[-1]['valid'] and lines[-1]['tensors'] == $(echo "$words" | cut -d' ' -f2)"
    else
        expect 1 "$ZIPLLM" inspect "$VECTORS/hostile/$file"
        silent out
        one_line
        offset=$(awk -v f="$file" '$1 == f { print $2 }' "$VECTORS/hostile/OFFSETS.tsv")
        says err "$file: offset $offset: "
        expect 1 "$ZIPLLM" inspect --json "$VECTORS/hostile/$file"
        json 'not lines[-1]["valid"] and lines[-1]["reason"] != ""'
    fi
    expect 0 z add --name "hostile/$file" "model-$file"
    [ "$verdict" = accept ] || says out note:
done <"$VECTORS/hostile/VERDICTS.tsv"

for model in model-*; do
    expect 0 z get "hostile/${model#model-}" -o "out-$model" --sha256
    check cmp "$model/model.safetensors" "out-$model/model.safetensors"
done
expect 0 z verify
expect 0 z show -v hostile/40_path_name
says out ../../etc/passwd
expect 0 z show -v hostile/38_nul_in_name

# Names that a terminal would obey.
python3 - <<'END'
import json, struct
names = ["\x1b]0;owned\x07", "a\u202eb", "tab\tnewline\n", "\u200b", "\\", "\u00e9\u4e2d"]
header = json.dumps({n: {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]}
                     for i, n in enumerate(names)}).encode()
open("names.safetensors", "wb").write(struct.pack("<Q", len(header)) + header + b"\0" * len(names))
END
expect 0 "$ZIPLLM" inspect names.safetensors
says out '\x1b]0;owned\x07'
says out 'a\u{202e}b'
says out 'tab\x09newline\x0a'
says out "$(printf '\303\251\344\270\255')"
check test "$(tr -d '\011\012\040-\176\200-\377' <out | wc -c)" -eq 0
expect 0 z add -v --name hostile/names names.safetensors
check test "$(tr -d '\012\040-\176\200-\377' <out | wc -c)" -eq 0
says out '\x1b]0;owned\x07'
expect 0 z show -v hostile/names
says out '\x1b]0;owned\x07'

# What inspect cannot read.
expect 1 "$ZIPLLM" inspect absent
says err 'No such file'
expect 1 "$ZIPLLM" inspect .
one_line
mkfifo fifo
expect 1 timeout 20 "$ZIPLLM" inspect fifo
says err FIFO

finish
