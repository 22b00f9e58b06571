#!/bin/sh
# A full disk: add and get on file systems of every small size end with an error that says so, and
# leave the store and the target as they were.
#     store_full.sh DRIVER MAKE-FAMILY
set -u
driver=$1
if [ "${3:-}" != inside ]; then
    if ! unshare -Urm true 2>/dev/null; then
        echo "SKIP: no user namespaces here"
        exit 77
    fi
    exec unshare -Urm "$0" "$1" "$2" inside
fi
# shellcheck source=tests/store_lib.sh
. "$(dirname "$0")/store_lib.sh"
make_models "$2" || exit 1
fresh || exit 1
need=$(du -sk "$store" | cut -f1)
disk=$work/disk
mkdir "$disk"
full=0
for room in 4 16 40 64 100 130 160 200 240 280 330 400 2000; do
    mount -t tmpfs -o "size=$((need + room))k" tmpfs "$disk" || exit 1
    store=$disk/store
    cp -r "$work/first" "$store" || exit 1
    before=$("$driver" "$store" ls)
    if "$driver" "$store" add "$work/models/t-chat" t-chat 2>"$work/err"; then
        restores t-chat || fail "room $room: exit 0, but t-chat is not whole"
    else
        full=$((full + 1))
        grep -Eqi 'no space|full' "$work/err" || fail "room $room: $(cat "$work/err")"
        [ "$("$driver" "$store" ls)" = "$before" ] || fail "room $room: ls changed"
        left=$(find "$store/tmp" "$store/packs" -type f | wc -l)
        [ "$left" -eq 1 ] || fail "room $room: $left files in packs and tmp"
    fi
    healthy "room $room"
    umount "$disk"
done
store=$work/first
for room in 40 200 400; do
    mount -t tmpfs -o "size=${room}k" tmpfs "$disk" || exit 1
    if "$driver" "$store" get t-base "$disk/out" 2>"$work/err"; then
        diff -r "$disk/out" "$work/models/t-base" >"$work/log" || fail "get in $room KiB"
    else
        full=$((full + 1))
        grep -qi 'no space' "$work/err" || fail "get in $room KiB: $(cat "$work/err")"
        [ ! -e "$disk/out/model.safetensors" ] || fail "get in $room KiB left a file"
        [ -z "$(find "$disk/out" -name '*.tmp')" ] || fail "get in $room KiB left a temporary file"
    fi
    umount "$disk"
done
[ "$full" -ge 5 ] || fail "the disk was full $full times only"
finish "$full runs met a full disk"
