#!/bin/sh
# repair: the index comes back from packs and manifests, whatever became of it; damage is told, left
# out, and healed when the files come again; hostile manifests; locks.
# usage: cli_repair.sh ZIPLLM MAKE_FAMILY SOURCE_DIR MAKE_BLENDS
# shellcheck disable=SC1091
make_blends=$4
. "$(dirname "$0")/cli_lib.sh"

"$make_blends" .
for name in root half base a b mean a-f16 near task lora; do
    mkdir -p "m/$name"
    mv "$name.safetensors" "m/$name/model.safetensors"
done
mkdir -p "m/base/empty" "m/base/sub"
: >"m/base/nothing"
(cd m/root && head -c 1500000 model.safetensors) >m/base/sub/copy # a blob, and a name that is not UTF-8
cp m/base/nothing "$(printf 'm/base/sub/a\377"\\b\001')"

# A promoted tensor whose old frame waits for gc.
python3 "$VARY" m/base m/far 63 1 1
python3 "$VARY" m/far m/close 1 0.01 2

# The rows, by what they mean and not by their ids; sketches and probes too.
cat >dump.py <<'END'
import sqlite3, sys
db = sqlite3.connect("file:" + sys.argv[1] + "?immutable=1", uri=True)
names = dict(db.execute("SELECT id, name FROM pack"))
key = {t[0]: t[1:] for t in db.execute("SELECT id, hex(hash), nbytes, ordinal FROM tensor")}
files = {f[0]: f[1:] for f in db.execute("SELECT id, nbytes, hex(sha256) FROM file")}
models = {m[0]: m[1:] for m in db.execute("SELECT id, name, revision FROM model")}
out = [("pack",) + r for r in db.execute("SELECT name, nbytes FROM pack")]
out += [("tensor", key[r[0]], r[1], r[2], names[r[3]]) + r[4:] for r in
        db.execute('SELECT id, hex(plain), dtype, pack, offset, length, "check" FROM tensor')]
out += [("parent", key[t], p, key[b], k) for t, p, b, k in db.execute("SELECT * FROM parent")]
out += [("file",) + f for f in files.values()]
out += [("part", files[r[0]]) + r[1:7] + (key.get(r[7]),) for r in db.execute("SELECT * FROM file_part")]
out += [("model",) + r for r in db.execute(
    "SELECT name, revision, manifest, hex(manifest_hash), base, found, added FROM model")]
out += [("model_file", models[m], p, files.get(f)) for m, p, f in db.execute(
    "SELECT model, CAST(path AS BLOB), file FROM model_file")]
out += [("sketch", key[t], v, hash(d)) for t, v, d in db.execute(
    "SELECT * FROM sketch WHERE tensor IN (SELECT tensor FROM file_part)")]
out += [("probe", models[m], v, hash(d)) for m, v, d in db.execute("SELECT * FROM probe")]
out += [("order", n, i) for i, (n,) in enumerate(db.execute("SELECT name FROM model ORDER BY id"))]
print("\n".join(sorted(map(repr, out))))
END
PYTHONHASHSEED=1
export PYTHONHASHSEED

dump() { # FILE
    python3 dump.py "$STORE/index.sqlite" >"$1" || fail "dump of the index"
}

tell() { # FILE: what a user sees
    {
        for model in $models; do z show -v --json "fam/$model"; done
        z ls --json
        z tree --json
        z stat --json | sed 's/"disk_bytes":.*"tmp_bytes/"tmp_bytes/; s/"reduction.*//'
    } | sed 's/"stored_bytes":[0-9]*//' >"$1"
}

whole() { # MODEL...
    for name in "$@"; do
        rm -rf back
        expect 0 z get --sha256 "fam/$name" -o back
        check diff -r "m/$name" back
    done
}

# same: the index is what it was
same_rows() {
    dump now.rows
    check diff rows now.rows
    check [ ! -e "$STORE/index.sqlite-journal" ]
    check [ ! -e "$STORE/index.sqlite-wal" ]
    check [ -z "$(ls "$STORE/tmp")" ]
}
same() {
    same_rows
    tell now.told
    check diff told now.told
    expect 0 z verify -q
}

expect 0 "$ZIPLLM" init "$STORE"
models='base a b mean task a-f16 half root lora far close'
for name in base a b mean task a-f16 near half root lora far close; do
    expect 0 z add --name "fam/$name" "m/$name"
done
expect 0 z rm fam/near
dump rows
tell told
cp -a "$STORE" first
expect 0 z stat --json
json "lines[0]['dead_bytes'] > 10000" # the frames of tensors that were promoted
check grep -q "^('parent'.*, 3)" rows # a merge
check grep -q "^('parent'.*, 4)" rows # a cast

# ---- nothing to repair, and nothing done by a dry run
expect 0 z repair --dry-run --json
json "lines[-1]['compared'] and not any(lines[-1][k + d] for k in ('models', 'tensors', 'packs') for d in ('_added', '_dropped'))"
check diff -r first "$STORE"
expect 0 z repair
says out 'models +0 -0, tensors +0 -0, packs +0 -0'
same
# shellcheck disable=SC2086 # a list of names
whole $models
expect 1 z show fam/near # stays removed

# ---- whatever lies under the index's name
rm "$STORE/index.sqlite"
expect 1 z ls
says err 'which repair makes anew'
expect 0 z repair --dry-run --json
json "not lines[-1]['compared'] and lines[-1]['models'] == 11"
check [ ! -e "$STORE/index.sqlite" ]
expect 0 z repair
same
: >"$STORE/index.sqlite"
expect 0 z repair
same_rows
head -c 60000 first/index.sqlite >"$STORE/index.sqlite"
expect 0 z repair --json
same_rows
head -c 200000 /dev/urandom >"$STORE/index.sqlite"
expect 0 z repair --json
json "not lines[-1]['compared']"
same
expect 0 "$ZIPLLM" init other
cp other/index.sqlite "$STORE/index.sqlite"
expect 0 z repair --dry-run --json
json "lines[-1]['compared'] and lines[-1]['models_added'] == 11 and lines[-1]['models_dropped'] == 0"
expect 0 z repair
says out 'models +11 -0'
same

# ---- journals and logs that belong to another index
python3 - <<'END' || fail 'journals'
import os, shutil, sqlite3
# A hot journal of a large change, and a log with committed pages, as killed writers leave them.
for mode in "DELETE", "WAL":
    shutil.copy("first/index.sqlite", "x.sqlite")
    if os.fork() == 0:
        db = sqlite3.connect("x.sqlite", isolation_level=None)
        db.execute("PRAGMA journal_mode=" + mode)
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("PRAGMA cache_size=1")
        db.execute("BEGIN")
        db.execute("UPDATE model SET name = 'no' || id")
        db.execute("UPDATE tensor SET plain = zeroblob(3000)")
        if mode == "WAL":
            db.execute("COMMIT")
        os._exit(0)
    os.wait()
    side = "journal" if mode == "DELETE" else "wal"
    assert os.path.getsize("x.sqlite-" + side) > 4096
    os.rename("x.sqlite-" + side, "stale-" + side)
    os.rename("x.sqlite", "half-" + side)
END
for side in journal wal; do
    for index in none damaged empty; do
        rm -f "$STORE/index.sqlite"
        [ "$index" != empty ] || : >"$STORE/index.sqlite"
        [ "$index" != damaged ] || head -c 100000 /dev/urandom >"$STORE/index.sqlite"
        cp "stale-$side" "$STORE/index.sqlite-$side"
        expect 0 z repair
        expect 0 z verify --quick # the first to open it
        same_rows
    done
done
# One that belongs to the index is rolled back, also where a dry run looks first.
cp half-journal "$STORE/index.sqlite"
cp stale-journal "$STORE/index.sqlite-journal"
cp -r "$STORE" hot
expect 0 z repair --dry-run --json
check diff -r hot "$STORE"
expect 0 z repair
says out 'models +0 -0, tensors +0 -0, packs +0 -0'
same

# ---- killed adds and removals
expect 0 z rm fam/lora
manifest=$(cd "$STORE" && find models -name '*.json' | sort | head -n 1)
name=$(sed -n 's/.*"name":"fam\/\([^"]*\)".*/\1/p' "$STORE/$manifest")
id=$(basename "$manifest" .json)
parked=tmp/rm-$id.json
mv "$STORE/$manifest" "$STORE/$parked"
expect 0 z repair --json
json "lines[-1]['models_removed'] == 1 and [l['path'] for l in lines if l['type'] == 'note'] == ['$parked']"
json "lines[-1]['models'] == 9 and lines[-1]['models_dropped'] == 1"
expect 1 z show "fam/$name"
expect 0 z gc
expect 0 z verify
check [ -z "$(ls "$STORE/tmp")" ]
rm -rf "$STORE"
cp -a first "$STORE"
# A manifest of the same name by an add that was killed, the earlier one: the later counts.
old=$(grep -l '"name":"fam/a",' "$STORE"/models/*/*.json)
twin=00112233445566778899aabbccddeeff
mkdir -p "$STORE/models/00"
sed 's/"added":[0-9]*/"added":1/; s/"model.safetensors"/"model.safetensors2"/' "$old" >"$STORE/models/00/$twin.json"
rm "$STORE/index.sqlite"
expect 0 z repair --json
json "lines[-1]['manifests_superseded'] == 1 and [l['path'] for l in lines if l['type'] == 'note'] == ['models/00/$twin.json']"
same
# The later one, where the index knows which add was promised.
sed -i 's/"added":1,/"added":9999999999,/' "$STORE/models/00/$twin.json"
expect 0 z repair --json
json "lines[-1]['manifests_superseded'] == 1"
same
rm "$STORE/index.sqlite"
expect 0 z repair --json
json "[l['path'] for l in lines if l['type'] == 'note'] != ['models/00/$twin.json']"
expect 0 z show fam/a
says out model.safetensors2
rm -rf "$STORE"
cp -a first "$STORE"
expect 0 z repair
dump again
check diff rows again

# ---- damaged packs: told, and left out; what is whole comes back
pack=$(z show -v --json fam/far | sed -n 's/.*"pack":"\([^"]*\)".*/\1/p' | sort | uniq -c | sort -n | tail -n 1 | sed 's/.* //')
size=$(wc -c <"$STORE/$pack")
cp "$STORE/$pack" kept.pack
for damage in cut footer header gone; do
    cp kept.pack "$STORE/$pack"
    case $damage in
        cut) head -c $((size - 100)) kept.pack >"$STORE/$pack" ;;
        footer) printf 'x' | dd of="$STORE/$pack" bs=1 seek=$((size - 200)) conv=notrunc 2>/dev/null ;;
        header) printf 'x' | dd of="$STORE/$pack" bs=1 seek=40 conv=notrunc 2>/dev/null ;;
        gone) rm "$STORE/$pack" ;;
    esac
    rm -f "$STORE/index.sqlite"
    expect 4 z repair --json
    json "lines[-1]['models_damaged'] >= 1 and lines[-1]['models'] == 11"
    json "any(l['type'] == 'damage' and l['model'] == 'fam/close' for l in lines)"
    [ $damage = gone ] ||
        json "lines[-1]['packs_damaged'] == 1 and any(l['type'] == 'damage' and l['path'].endswith('$pack') for l in lines)"
    expect 4 z verify
    says out fam/close
    expect 4 z get fam/close -o "out-$damage"
    whole base mean
    # Nothing goes while it may be needed.
    cp -r "$STORE" lost
    expect 1 z gc
    expect 1 z gc --dry-run
    expect 1 z rebase
    says err 'add them again or remove them'
    check diff -r lost "$STORE"
    rm -rf lost
done
# The pack comes back: so do the models.
cp kept.pack "$STORE/$pack"
expect 0 z repair
same
# Or the files do, as another model: the lost ones are whole again.
head -c 1000 kept.pack >"$STORE/$pack"
expect 4 z repair
for name in far close; do
    expect 0 z add --name "again/$name" "m/$name"
done
expect 0 z verify
whole far close
expect 0 z gc
expect 0 z verify
# shellcheck disable=SC2086 # a list of names
whole $models
rm "$STORE/index.sqlite"
expect 0 z repair
expect 0 z verify
# shellcheck disable=SC2086 # a list of names
whole $models

# ---- a flipped bit of a frame, under a footer that is right
rm -rf "$STORE"
cp -a first "$STORE"
python3 - "$STORE/$pack" <<'END'
import sys
f = open(sys.argv[1], "r+b")
f.seek(100000)
byte = f.read(1)[0]
f.seek(100000)
f.write(bytes([byte ^ 4]))
END
expect 4 z repair --json
json "lines[-1]['models_damaged'] >= 1 and lines[-1]['packs_damaged'] == 0"
expect 4 z verify
whole base a b

# ---- bases are found by bits, as before
rm -rf "$STORE"
cp -a first "$STORE"
python3 "$VARY" m/b m/kin 1 0.02 7
expect 0 z add --json --name fam/kin m/kin
cp out before.json
rm -rf "$STORE"
cp -a first "$STORE"
rm "$STORE/index.sqlite"
expect 0 z repair
expect 0 z add --json --name fam/kin m/kin
json "lines[-1]['found'] == 'bits'"
cp out after.json
python3 - <<'END' || fail 'add finds another base after repair'
import json
a, b = (json.loads(open(f).readlines()[-1]) for f in ("before.json", "after.json"))
assert all(a[k] == b[k] for k in a if k != "seconds" and "rate" not in k), (a, b)
END
whole kin

# ---- hostile manifests: refused with file and place, and never more than that
rm -rf "$STORE"
cp -a first "$STORE"
manifest=$(grep -l '"name":"fam/base",' "$STORE"/models/*/*.json)
cp -p "$manifest" kept.json
python3 - "$ZIPLLM" "$STORE" "$manifest" <<'END' || fail 'hostile manifests'
import os, random, subprocess, sys
zipllm, store, path = sys.argv[1:]
whole = open("kept.json", "rb").read()
random.seed(5)
index = os.path.join(store, "index.sqlite")
def repair(text, what, wanted, *says):
    open(path, "wb").write(text)
    run = subprocess.run([zipllm, "-C", store, "repair", "--dry-run"], capture_output=True)
    said = (run.stdout + run.stderr).decode(errors="replace")
    assert run.returncode in wanted, (what, run.returncode, said)
    for s in says:
        assert s in said, (what, s, said)
def swap(a, b, *says):
    assert a in whole, a
    repair(whole.replace(a, b, 1), b, [4], os.path.basename(path), "offset", *says)
repair(whole, "whole", [0])
swap(b'"version":1', b'"version":2')
at = whole.index(b'"store":"') + 9
other = b"1" if whole[at:at + 1] == b"0" else b"0"
repair(whole[:at] + other + whole[at + 1:], "store", [4], "of another store")
swap(b'"fam/base"', b'"../../etc"', "not the name of a model")
swap(b'"fam/base"', b'"fam/base@1"', "not the name of a model")
swap(b'"fam/base"', b'"' + b"x" * 70000 + b'"', "too long")
swap(b'"fam/base"', b'"fam/\xff"', "not UTF-8")
swap(b'"fam/base"', b'{"hex":"666f"}', "not as it was written")
swap(b'"fam/base"', b'{"hex":"ff00"}', "NUL")
swap(b'"fam/base"', b'"fam\\u0000"')
swap(b'"fam/base"', b'"fam\\/base"')
swap(b'{"path":"empty"', b'{"path":"/empty"', "leaves the model")
swap(b'{"path":"empty"', b'{"path":"e/../../x"', "leaves the model")
swap(b'{"path":"empty"', b'{"path":"zz"', "not in order")
swap(b'"nothing","nbytes":0', b'"nothing","nbytes":1', "shorter than the file")
swap(b'"nothing","nbytes":0', b'"nothing","nbytes":00')
swap(b'"nothing","nbytes":0', b'"nothing","nbytes":99999999999999999999', "too large")
swap(b'["header"', b'["heade"', "unknown word")
swap(b',0]', b',4294967296]', "too large")
repair(whole + b"\n", "more", [4], "behind its end")
repair(b"", "empty", [4])
repair(b"[" * 1000000, "deep", [4])
repair(b'{"a":' * 100000, "deep", [4])
for n in random.sample(range(len(whole)), 25):
    repair(whole[:n], "cut at %d" % n, [4])
# Any other byte: refused, or it names something else.
for _ in range(40):
    n = random.randrange(len(whole))
    repair(whole[:n] + bytes([random.randrange(256)]) + whole[n + 1:], "byte %d" % n, [0, 4])
END
CHECKS=$((CHECKS + 1))
# Its model is not in the new index, the others are.
head -c 500 kept.json >"$manifest"
expect 4 z repair --json
json "lines[-1]['manifests_damaged'] == 1 and lines[-1]['models'] == 10"
json "[l['path'].endswith('.json') and l['offset'] == 500 for l in lines if l['type'] == 'damage'] == [True]"
expect 0 z verify
whole a b mean
# gc would remove what only that model needs: not while its manifest lies there unread.
cp -r "$STORE" lost
for how in '' --dry-run; do
    # shellcheck disable=SC2086 # no word, or one
    expect 4 z gc $how
    one_line
    says err 'put a whole copy there and run repair, or delete it'
done
check diff -r lost "$STORE"
rm -rf lost
cp -p kept.json "$manifest"
expect 0 z repair
same

# ---- the lock, and what is no store
mkfifo hold
z cat fam/base sub/copy >hold &
reader=$!
exec 3<hold
head -c 1 <&3 >/dev/null
expect 5 z repair
expect 5 z repair --dry-run
one_line
exec 3<&-
wait "$reader" || true
expect 1 "$ZIPLLM" -C "$WORK/m" repair
expect 2 "$ZIPLLM" repair
says err 'which store?'
expect 2 z repair x
finish
