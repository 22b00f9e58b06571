#!/bin/sh
# The order of writes, fsyncs and renames of add (see store_order.awk) and of repair.
#     store_order.sh DRIVER MAKE-FAMILY
set -u
driver=$1
# shellcheck source=tests/store_lib.sh
. "$(dirname "$0")/store_lib.sh"
if ! strace -qq -e trace=none true 2>"$work/log"; then
    echo "SKIP: strace cannot trace here"
    exit 77
fi
make_models "$2" || exit 1
fresh || exit 1
strace -qq -y -o "$work/trace" -e \
    trace=pwrite64,pwritev,write,ftruncate,fsync,fdatasync,mkdirat,renameat,renameat2 \
    "$driver" "$store" add "$work/models/t-chat" t-chat || exit 1
awk -f "$(dirname "$0")/store_order.awk" "$work/trace" || exit 1

# repair: the new index is fsynced after its last write and before its rename, the folder after it.
rm "$store/index.sqlite"
strace -qq -y -o "$work/trace" -e trace=pwrite64,ftruncate,fsync,fdatasync,renameat \
    "$driver" "$store" repair || exit 1
awk '
    /^(pwrite64|ftruncate)\(/ && /\/tmp\/[0-9a-f]*\.sqlite>/ { written = 1; synced = 0 }
    /^fsync\(/ && /\/tmp\/[0-9a-f]*\.sqlite>/ && /= 0$/ { synced = 1 }
    /^renameat\(/ && /"index\.sqlite"/ { renamed = written && synced; lasting = 0 }
    /^fsync\(/ && /\/store>/ && /= 0$/ { lasting = 1 }
    /index\.sqlite>/ { print "FAIL: the index is written under its name"; exit 1 }
    END {
        if (!renamed || !lasting) {
            print "FAIL: repair renames before fsync, or never makes it last"
            exit 1
        }
        print "ok: repair in order"
    }' "$work/trace"
