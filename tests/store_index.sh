#!/bin/sh
# An index that is not what the manifests and packs say: every column of every row that matters,
# changed, and random bytes of the file. verify finds it, or the rows are what they were.
#     store_index.sh DRIVER MAKE-FAMILY [SEED]
set -u
driver=$1
seed=${3:-$$}
# shellcheck source=tests/store_lib.sh
. "$(dirname "$0")/store_lib.sh"
if ! python3 -c 'import sqlite3' 2>"$work/log"; then
    echo "SKIP: no python3 with sqlite3"
    exit 77
fi
make_models "$2" || exit 1
# The shape that a delta, a shared file, an empty folder and a file of no bytes give.
mkdir "$work/models/t-chat/empty"
: >"$work/models/t-chat/nothing"
fresh && "$driver" "$store" add "$work/models/t-chat" t-chat && "$driver" "$store" verify || exit 1
printf 'seed %s\n' "$seed"
python3 - "$driver" "$store" "$seed" <<'END_OF_PYTHON' || fail "verify of an edited index"
import os, random, re, shutil, sqlite3, subprocess, sys
driver, store, seed = sys.argv[1:]
random.seed(int(seed))
path = os.path.join(store, "index.sqlite")
whole = open(path, "rb").read()
failures = 0

# What may differ without harm: bytes that an add wrote (a figure), the number of a part where the
# order stays. Sketches and probes are hints.
SPARED = {("model", "stored_bytes"), ("file_part", "position")}
TABLES = ["tensor", "parent", "file", "file_part", "model", "model_file", "pack"]

def dump(file):
    db = sqlite3.connect(file)
    try:
        return [(t, sorted(db.execute("SELECT * FROM " + t).fetchall(), key=repr)) for t in TABLES]
    finally:
        db.close()

def verify():
    run = subprocess.run([driver, store, "verify"], capture_output=True)
    return run.returncode, (run.stdout + run.stderr).decode(errors="replace")

def restore():
    open(path, "wb").write(whole)

def fail(what, said):
    global failures
    failures += 1
    print("FAIL: %s: verify is content: %s" % (what, said.strip()))

def changed(value):
    if value is None:
        return 1
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return ("y" if value[:1] == "x" else "x") + value[1:]
    return bytes([value[0] ^ 1]) + value[1:] if value else b"x"

# One column of one row.
db = sqlite3.connect(path)
db.execute("PRAGMA foreign_keys=OFF")
triggers = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='trigger'")]
edits = 0
for table in TABLES:
    columns = [r[1] for r in db.execute("PRAGMA table_info(%s)" % table)]
    key = [r[1] for r in db.execute("PRAGMA table_info(%s)" % table) if r[5]] or ["rowid"]
    rows = db.execute("SELECT * FROM " + table).fetchall()
    for column in columns:
        if (table, column) in SPARED:
            continue
        for row in random.sample(rows, min(2, len(rows))):
            values = dict(zip(columns, row))
            restore()
            edit = sqlite3.connect(path)
            for trigger in triggers:
                edit.execute("DROP TRIGGER " + trigger)
            where = " AND ".join('"%s" IS ?' % k for k in key)
            keys = [values[k] for k in key]
            try:
                edit.execute('UPDATE %s SET "%s" = ? WHERE %s' % (table, column, where),
                             [changed(values[column])] + keys)
            except sqlite3.IntegrityError:
                edit.close()
                continue
            edit.commit()
            edit.close()
            edits += 1
            code, said = verify()
            if code == 0:
                fail("%s.%s of %r" % (table, column, keys), said)
    # A row less.
    for row in random.sample(rows, min(2, len(rows))):
        restore()
        edit = sqlite3.connect(path)
        edit.execute("DELETE FROM %s WHERE %s" % (table, " AND ".join('"%s" IS ?' % c for c in columns)),
                     row)
        edit.commit()
        edit.close()
        edits += 1
        code, said = verify()
        # A model, and what hangs on none, may be removed: that is what rm does.
        if code == 0 and table != "model":
            fail("%s without %r" % (table, row), said)
db.close()

# A value of another type that our queries read as the same: what one flipped bit of a record's header makes of an
# empty text, or of 0. The tables are STRICT, which is taken away to write it.
def rewrite_schema(change):
    edit = sqlite3.connect(path)
    edit.execute("PRAGMA writable_schema=ON")
    for name, sql in strict.items():
        edit.execute("UPDATE sqlite_master SET sql = ? WHERE type='table' AND name = ?", [change(sql), name])
    edit.commit()
    edit.close()

restore()
with sqlite3.connect(path) as db:
    strict = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type='table' AND sql LIKE '%STRICT'"))
assert set(strict) >= set(TABLES), strict.keys()
retyped = 0
for table, column, value, other in [("file_part", "name", "''", "x''"), ("file_part", "kind", "0", "x''"),
                                    ("file_part", "shape", "''", "x''"), ("parent", "position", "0", "x''"),
                                    ("model_file", "path", "path", "CAST(path AS BLOB)")]:
    restore()
    rewrite_schema(lambda sql: re.sub(",? STRICT$", "", sql))
    edit = sqlite3.connect(path)
    for trigger in triggers:
        edit.execute("DROP TRIGGER " + trigger)
    retyped += edit.execute('UPDATE %s SET "%s" = %s WHERE "%s" = %s' % (table, column, other, column, value)).rowcount
    edit.commit()
    edit.close()
    rewrite_schema(lambda sql: sql)
    code, said = verify()
    if code == 0:
        fail("%s.%s of another type" % (table, column), said)
assert retyped > 5, retyped

# Bits of the bytes that hold something: most of the file's pages are empty.
restore()
places = [i for i, byte in enumerate(whole) if byte]
before = dump(path)
found = 0
for i in range(60):
    damaged = bytearray(whole)
    at = random.choice(places)
    damaged[at] ^= 1 << random.randrange(8)
    open(path, "wb").write(damaged)
    code, said = verify()
    if code != 0:
        found += 1
        continue
    try:
        same = dump(path) == before
    except sqlite3.Error as e:
        same = False
        said = str(e)
    rows = {t: r for t, r in before}
    if not same:
        now = {t: r for t, r in dump(path)}
        spared = [[m[:-1] for m in side["model"]] for side in (rows, now)]
        same = spared[0] == spared[1] and all(rows[t] == now[t] for t in TABLES if t != "model")
    if not same:
        fail("byte %d of the index" % at, said)
restore()
assert verify()[0] == 0
assert edits > 60 and found > 5, (edits, found)
print("%d edits, %d of 60 flipped bits found" % (edits, found))
sys.exit(failures != 0)
END_OF_PYTHON
finish "seed $seed"
