#!/bin/sh
# The order of writes, fsyncs and renames of add: see store_order.awk.
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
awk -f "$(dirname "$0")/store_order.awk" "$work/trace"
