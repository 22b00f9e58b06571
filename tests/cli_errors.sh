#!/bin/sh
# Bad input and bad luck: one line that names the path, the right status, the store unchanged.
# shellcheck disable=SC1091
. "$(dirname "$0")/cli_lib.sh"

"$MAKE_FAMILY" --size 1M family >/dev/null
expect 0 "$ZIPLLM" init "$STORE"
expect 0 z add --name fam/base family/demo-base
snapshot before

# Stores that are none.
expect 1 "$ZIPLLM" -C absent ls
says err absent
mkdir plain
expect 1 "$ZIPLLM" -C plain ls
one_line
expect 1 "$ZIPLLM" init family
one_line
cp -r "$STORE" newer
python3 - newer/zipllm.json <<'END'
import json, sys
path = sys.argv[1]
about = json.load(open(path))
about["version"] += 1
json.dump(about, open(path, "w"))
END
expect 1 "$ZIPLLM" -C newer ls
says err version
one_line
echo '{' >newer/zipllm.json
expect 1 "$ZIPLLM" -C newer ls
one_line

# Models that cannot be read.
expect 1 z add absent
says err 'absent: '
mkdir model
echo x >model/x
mkfifo model/pipe
expect 1 timeout 20 "$ZIPLLM" -C "$STORE" add model
says err 'model/pipe'
says err FIFO
one_line
rm model/pipe
ln -s ../family/demo-base/config.json model/link
expect 1 z add model
says err 'model/link'
says err -- --follow
expect 0 z add --follow --name followed model
expect 0 z rm followed
rm model/link
ln -s ../family model/dir
expect 1 z add --follow model
says err 'model/dir'
rm model/dir
expect 1 z add /dev/null
says err /dev/null
unchanged before

# Several models of which one is bad: status 3, the good ones are in.
expect 3 z add absent model
says err absent
says out model
expect 0 z rm model
unchanged before

# Names that lead elsewhere.
for name in ../x /x x/../y . .. '' 'a//b' 'a/'; do
    expect 2 z add --name "$name" model
    one_line
done
expect 1 z get fam/base --file ../../etc/passwd -o out-of
one_line
check test ! -e out-of -o -z "$(ls -A out-of 2>/dev/null)"
unchanged before

# A target that is a link, or has one inside.
mkdir elsewhere
expect 0 z get fam/base -o target
rm target/config.json
ln -s "$WORK/elsewhere/config.json" target/config.json
expect 0 z get fam/base -o target --force
check test ! -e elsewhere/config.json
check cmp family/demo-base/config.json target/config.json

# As a user who may not.
as_nobody() {
    setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"
}
if [ "$(id -u)" -ne 0 ]; then
    as_nobody() {
        "$@"
    }
fi
chmod 755 "$WORK"
cp "$ZIPLLM" command
chmod 755 command
chmod 000 model/x
expect 1 as_nobody ./command -C "$STORE" add model
one_line
chmod 644 model/x
mkdir readonly
chmod 555 readonly
if as_nobody test ! -w readonly; then
    expect 1 as_nobody ./command -C "$STORE" get fam/base -o readonly/out
    says err readonly/out
    expect 1 as_nobody ./command init readonly/store
    one_line
fi
unchanged before

# Another command holds the store.
exec 9<"$STORE/lock"
flock --shared 9
expect 5 z gc
one_line
expect 0 z ls
flock --exclusive 9
expect 5 z add model
expect 5 z ls
exec 9<&-
unchanged before

# A full disk: the file system of 3 MB holds one model of the two.
cat >full.sh <<'END'
set -eu
mount -t tmpfs -o size=3m tmpfs "$2"
"$1" init -q "$2/store"
"$1" -C "$2/store" add -q --name fam/base family/demo-base
"$1" -C "$2/store" ls --json >before-full
status=0
"$1" -C "$2/store" add --base none --name fam/big big.bin 2>err || status=$?
[ "$status" -eq 1 ]
grep -q 'No space left' err
[ "$(wc -l <err)" -eq 1 ]
"$1" -C "$2/store" ls --json | cmp - before-full
"$1" -C "$2/store" verify -q
"$1" -C "$2/store" gc -q
"$1" -C "$2/store" verify -q
head -c 3000000 /dev/zero >"$2/filler" 2>/dev/null || true
"$1" -C "$2/store" verify -q
status=0
"$1" -C "$2/store" get fam/base -o "$2/out" 2>err || status=$?
[ "$status" -eq 1 ]
grep -q 'No space left' err
[ -z "$(find "$2/out" -name '*.safetensors' 2>/dev/null)" ]
END
mkdir mounted
head -c 4000000 /dev/urandom >big.bin
if unshare -Urm true 2>/dev/null; then
    expect 0 unshare -Urm sh full.sh "$ZIPLLM" mounted
else
    echo 'skipped: a full disk (no user namespaces here)'
fi

# An index that names shards which are not there: kept as it is, and told.
mkdir -p cut/sub
printf '%s' '{"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors","c":"m-1.safetensors"}}' \
    >cut/sub/m.safetensors.index.json
expect 0 z add --name fam/cut cut
says out 'names 2 shards that are not there, such as m-1.safetensors'
echo x >cut/sub/m-1.safetensors
expect 0 z add --name fam/cut2 cut
expect 0 z add -v --name fam/cut2 cut
says out 'nothing added'
echo '{"weight_map":{"a":"m-1.safetensors"}}' >cut/sub/m.safetensors.index.json
expect 0 z add -v --name fam/cut3 cut
check sh -c '! grep -q "not there" out'

# A restore into the store would be gc's to remove.
for target in "$STORE" "$STORE/tmp/out" "$STORE/../$(basename "$STORE")/new/deep"; do
    expect 1 z get "$(z ls -q | head -n 1)" -o "$target"
    says err 'will not restore into the store itself'
    one_line
done
expect 0 z gc

# A budget serves so many threads; without -T there are no more of them than that.
expect 2 z -T 100 --memory 64M verify
says err '100 threads need a memory budget'
one_line
expect 0 z --memory 64M verify

finish
