#!/bin/sh
# Merges and casts: found by add without being told, kept when their parents are removed, refused
# where a chain of frames would become too long.
# usage: cli_blends.sh ZIPLLM MAKE_FAMILY SOURCE_DIR MAKE_BLENDS
# shellcheck disable=SC1091
make_blends=$4
. "$(dirname "$0")/cli_lib.sh"

"$make_blends" .
models='root half base a b mean a-f16 near task lora'
for name in $models; do
    mkdir -p "m/$name"
    mv "$name.safetensors" "m/$name/model.safetensors"
done

# ---- one file against several
shape=$(stat -c %s m/mean/model.safetensors)
of() {
    echo "m/$1/model.safetensors"
}
expect 0 "$ZIPLLM" encode "$(of mean)" --base "$(of b)" --base "$(of a)" -o coded
check test $((100 * $(stat -c %s coded))) -lt "$shape"
expect 0 "$ZIPLLM" encode -T 1 --memory 64M "$(of mean)" --base "$(of b)" --base "$(of a)" -o coded-1
check cmp coded coded-1
expect 0 "$ZIPLLM" decode coded --base "$(of b)" --base "$(of a)" -o plain
check cmp plain "$(of mean)"
expect 0 "$ZIPLLM" decode -T 1 --memory 64M coded --base "$(of b)" --base "$(of a)" -o plain
check cmp plain "$(of mean)"
expect 2 "$ZIPLLM" decode coded --base "$(of b)" -o plain-2
says err 'number 2'
expect 2 "$ZIPLLM" decode coded -o plain-2
check test ! -e plain-2
# those that are not used need not be there; one of another dtype is used
expect 0 "$ZIPLLM" encode "$(of base)" --base "$(of a)" --base "$(of root)" --base "$(of half)" -o coded
check test $((100 * $(stat -c %s coded))) -lt "$shape"
expect 0 "$ZIPLLM" decode coded --base "$(of a)" --base "$(of root)" -o plain
check cmp plain "$(of base)"
expect 0 "$ZIPLLM" encode "$(of base)" --base "$(of root)" -o coded
check test $((100 * $(stat -c %s coded))) -lt "$shape"
expect 0 "$ZIPLLM" decode coded --base "$(of root)" -o plain
check cmp plain "$(of base)"
expect 0 "$ZIPLLM" encode "$(of root)" --base "$(of base)" -o coded
expect 0 "$ZIPLLM" decode coded --base "$(of base)" -o plain
check cmp plain "$(of root)"
expect 0 "$ZIPLLM" encode "$(of task)" --base "$(of base)" --base "$(of a)" --base "$(of b)" -o coded
check test $((50 * $(stat -c %s coded))) -lt "$shape"
expect 0 "$ZIPLLM" decode coded --base "$(of base)" --base "$(of a)" --base "$(of b)" -o plain
check cmp plain "$(of task)"
expect 1 "$ZIPLLM" decode coded --base "$(of a)" --base "$(of base)" --base "$(of b)" -o plain-2
says err 'is not the base'
expect 2 "$ZIPLLM" encode "$(of task)" --base 1 --base 2 --base 3 --base 4 --base 5 --base 6 --base 7 \
    --base 8 --base 9 -o coded
says err 'too often'
# damage of the table and of the frames
for place in 6 17 64 70 90 120 2000; do
    cp coded damaged
    printf '\377' | dd of=damaged bs=1 seek=$place conv=notrunc status=none
    status=0
    "$ZIPLLM" decode damaged --base "$(of base)" --base "$(of a)" --base "$(of b)" -o no 2>err || status=$?
    check test "$status" -ne 0
    check test ! -e no
done

# takes MODEL PERCENT: of its bytes, at most
takes() {
    expect 0 z tree --json
    json "[100 * r['stored_bytes'] <= $2 * r['logical_bytes'] for r in lines if r['name'] == 'fam/$1'] == [True]"
}

# made MODEL TEXT: tree says so
made() {
    expect 0 z tree --json
    json "[r['made'] for r in lines if r['name'] == 'fam/$1'] == ['$2']"
}

# whole MODEL...: verify is content and they come back
whole() {
    expect 0 z verify
    for name in "$@"; do
        rm -rf back
        expect 0 z get "fam/$name" -o back
        check diff -r "m/$name" back
    done
}

# ---- parents that are deltas: a third frame
expect 0 "$ZIPLLM" init "$STORE"
for name in base a b mean task a-f16 near half root lora; do
    expect 0 z add --name "fam/$name" "m/$name"
done
made mean '0.5 fam/a + 0.5 fam/b'
takes mean 1
made a-f16 'F16 cast of fam/a'
takes a-f16 1
takes task 1
takes near 1
takes lora 6
expect 0 z tree
says out '0.5 fam/a + 0.5 fam/b'
says out '0.7 fam/a'
says out 'LoRA r=4 of fam/base'
expect 0 z show -v fam/mean
says out '0.5 fam/a + 0.5 fam/b'
expect 0 z show -v --json fam/task
json "any('0.4 fam/b' in r['made'] for r in lines if r['type'] == 'part')"
# shellcheck disable=SC2086 # a list of names
whole $models
rm -rf back
expect 0 z --memory 64M get fam/mean -o back
check diff -r m/mean back
expect 0 z cat fam/mean model.safetensors --tensor big.weight --range 1500000-1600000
expect 0 z verify --quick

# parents and their base are removed: the frames stay while they are needed
expect 0 z rm fam/a fam/b fam/base
expect 0 z gc
whole mean task a-f16 near lora
expect 0 z tree
says out 'a model that was removed'
expect 0 z rebase
whole mean task a-f16 near lora
expect 0 z rm fam/task fam/lora fam/near
expect 0 z gc
whole mean a-f16 root half
expect 0 z stat --json
json "lines[0]['dead_bytes'] < 4096"
# the last ones that need them go, and the rest with them
expect 0 z rm fam/mean fam/a-f16 fam/root fam/half
expect 0 z gc
expect 0 z stat --json
json "lines[0]['pack_bytes'] == 0"

# ---- the wide one first: all are casts of it, or deltas of casts
for name in root base half a lora mean b; do
    expect 0 z add --name "fam/$name" "m/$name"
done
made base 'BF16 cast of fam/root'
takes base 1
made half 'F16 cast of fam/root'
takes half 1
takes a 75
made lora 'LoRA r=4 of fam/base'
takes lora 6
whole root base half a lora mean b
expect 0 z rm fam/root fam/base
expect 0 z gc
whole half a lora mean b
expect 0 z rebase
whole half a lora mean b

# ---- an index that says otherwise
python3 - "$STORE/index.sqlite" <<'END_OF_PYTHON' || fail 'triggers of the index'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
edges = db.execute("SELECT tensor, parent, predictor FROM parent").fetchall()
below = {}
for t, p, k in edges:
    below.setdefault(t, []).append(p)
depth = lambda t: 1 + max(map(depth, below[t])) if t in below else 0
ids = [r[0] for r in db.execute("SELECT id FROM tensor")]
deep = [t for t in ids if depth(t) == 2]
delta = [t for t in ids if depth(t) == 1]
free = [t for t in ids if t not in below and all(t != p for _, p, _ in edges)]
root = [t for t in deep for p in below[t] if depth(p) == 1 for _ in [0]]
assert deep and delta and free, (len(deep), len(delta), len(free))

def refused(tensor, parent, predictor):
    try:
        db.execute("INSERT INTO parent VALUES(?, 7, ?, ?)", (tensor, parent, predictor))
    except sqlite3.IntegrityError:
        return True
    db.execute("DELETE FROM parent WHERE tensor = ? AND position = 7", (tensor,))
    return False

whole_parent = next(p for t in delta for p in below[t])
assert refused(free[0], free[0], 3), "itself"
assert refused(free[0], delta[0], 1), "a delta of a delta"
assert refused(free[0], deep[0], 3), "a merge of what is two steps away"
assert not refused(free[0], delta[0], 3), "a merge of a delta"
assert refused(whole_parent, free[0], 3), "the base of a base, made a merge"
db.rollback()
END_OF_PYTHON
CHECKS=$((CHECKS + 1))
cp "$STORE/index.sqlite" whole.sqlite
for edit in 'predictor = predictor + 1' 'position = position + 1' 'predictor = 1'; do
    for row in 'position > 0' 'predictor = 4' 'predictor = 3'; do
        cp whole.sqlite "$STORE/index.sqlite"
        python3 - "$STORE/index.sqlite" "$edit" "$row" <<'END_OF_PYTHON' || continue
import sqlite3, sys
path, edit, row = sys.argv[1:]
db = sqlite3.connect(path)
for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
    db.execute("DROP TRIGGER " + name)
found = db.execute("SELECT tensor, position FROM parent WHERE " + row + " ORDER BY position DESC LIMIT 1").fetchall()
sys.exit(1) if not found else None
db.execute("UPDATE parent SET " + edit + " WHERE tensor = ? AND position = ?", found[0])
db.commit()
END_OF_PYTHON
        expect 4 z verify
    done
done
cp whole.sqlite "$STORE/index.sqlite"
python3 - "$STORE/index.sqlite" <<'END_OF_PYTHON'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE schema_version SET version = 1")
db.commit()
END_OF_PYTHON
expect 1 z ls
says err 'index of version 1'
cp whole.sqlite "$STORE/index.sqlite"

# ---- no base wanted, and one named: neither looks for merges
expect 0 "$ZIPLLM" init other
STORE=other
for name in base a b; do
    expect 0 z add --name "fam/$name" "m/$name"
done
expect 0 z add --name fam/mean --base none m/mean
takes mean 75
expect 0 z rm fam/mean
expect 0 z add --name fam/mean --base fam/a m/mean
whole mean
expect 0 z rm fam/mean

# ---- nothing but the merge needs its parents, and nothing but these need their base
expect 0 z gc
expect 0 z add --name fam/mean m/mean
made mean '0.5 fam/a + 0.5 fam/b'
expect 0 z rm fam/base fam/a fam/b
expect 0 z gc
whole mean

finish
