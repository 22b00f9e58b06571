#!/bin/sh
# Short writes change nothing; a file that changes while it is read is an error; so is memory that
# runs out, wherever it does.
#     store_shim.sh DRIVER MAKE-FAMILY SHIM
set -u
driver=$1
shim=$3
# shellcheck source=tests/store_lib.sh
. "$(dirname "$0")/store_lib.sh"
if grep -q __asan_init "$driver"; then
    echo "SKIP: AddressSanitizer and the shim both replace malloc"
    exit 77
fi
make_models "$2" || exit 1
fresh || exit 1

SHIM_SHORT=1 LD_PRELOAD=$shim "$driver" "$store" add "$work/models/t-chat" t-chat ||
    fail "add with short writes"
restores t-chat || fail "t-chat, added with short writes, is not what was added"
rm -rf "$work/out"
{ SHIM_SHORT=1 LD_PRELOAD=$shim "$driver" "$store" get t-chat "$work/out" &&
    diff -r "$work/out" "$work/models/t-chat"; } || fail "get with short writes"
healthy "short writes"

fresh
before=$("$driver" "$store" stat)
cp -r "$work/models/t-chat" "$work/changing"
name=$(cd "$work/changing" && find . -name '*.safetensors' | sort | head -n 1 | cut -c3-)
changed=0
for number in $(seq 1 60); do
    cp "$work/models/t-chat/$name" "$work/changing/$name"
    if SHIM_CHANGE=$name:$number LD_PRELOAD=$shim "$driver" "$store" add "$work/changing" changing \
        2>"$work/err"; then
        # Before the first pass, or after the last read: what is stored is what is there now, or was.
        rm -rf "$work/out"
        "$driver" "$store" get changing "$work/out" || fail "read $number: get"
        cmp -s "$work/out/$name" "$work/changing/$name" ||
            cmp -s "$work/out/$name" "$work/models/t-chat/$name" ||
            fail "read $number changes the file: neither its old nor its new bytes are stored"
        { "$driver" "$store" rm changing && "$driver" "$store" gc; } || fail "read $number: rm, gc"
    else
        changed=$((changed + 1))
        grep -q "changed while being read" "$work/err" || fail "read $number: $(cat "$work/err")"
        grep -q "$name" "$work/err" || fail "read $number: no file named: $(cat "$work/err")"
        after=$("$driver" "$store" stat)
        [ "${after% index*}" = "${before% index*}" ] || fail "read $number: the store changed"
    fi
done
[ "$changed" -gt 0 ] || fail "no change of the file was noticed"
healthy "changing file"

# How many allocations there are, by trying.
refused=0
number=1
while [ "$number" -lt 100000 ]; do
    rm -rf "$store"
    cp -r "$work/first" "$store"
    SHIM_MALLOC=$number LD_PRELOAD=$shim "$driver" "$store" add "$work/models/t-chat" t-chat \
        2>"$work/err"
    status=$?
    if [ $status -eq 1 ]; then
        refused=$((refused + 1))
        "$driver" "$store" ls | grep -q '^t-chat@' && fail "allocation $number: refused, but added"
    elif [ $status -eq 0 ]; then
        restores t-chat || fail "allocation $number: exit 0, but t-chat is not whole"
    else
        fail "allocation $number: exit status $status: $(cat "$work/err")"
    fi
    healthy "allocation $number"
    number=$((number + 1 + number * 2 / 3))
done
[ "$refused" -gt 0 ] || fail "no allocation was refused"
finish "$changed changes noticed, $refused allocations refused"
