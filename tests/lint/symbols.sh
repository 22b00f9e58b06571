#!/bin/sh
# Globals of libbitx begin with bitx_, those of libzipllm with zipllm_, in the archives (where hidden
# symbols clash as well) and in the shared libraries. The libraries never print or exit, and the
# kernels call nothing but memory functions, libgcc and each other. usage: symbols.sh BUILD-FOLDER
set -u
lib=$1/lib
failed=0

complain() {
    printf '%s\n' "$1" >&2
    failed=1
}

words() {
    printf '%s' "$1" | tr '\n' ' '
}

# own FILE PREFIX NM-OPTION: defined globals all begin with the prefix, and there are some.
own() {
    [ -f "$1" ] || { complain "$1 is missing"; return; }
    defined=$(nm "$3" -g --defined-only "$1" | awk 'NF == 3 { print $3 }')
    [ -n "$defined" ] || complain "$1: no symbols"
    foreign=$(printf '%s\n' "$defined" | grep -vE "^($2)|^(_init|_fini|__bss_start|_edata|_end)\$")
    # AddressSanitizer's own, when a sanitizer build is looked at.
    foreign=$(printf '%s\n' "$foreign" | grep -vE '^(__odr_asan|__asan|__ubsan)' || true)
    [ -z "$foreign" ] || complain "$1: globals without the prefix $2: $(words "$foreign")"
}

# quiet FILE: calls nothing that prints, exits or starts a thread.
quiet() {
    [ -f "$1" ] || return
    bad=$(nm -g --undefined-only "$1" | awk '{ print $NF }' | sort -u |
        grep -E '^(printf|vprintf|puts|putchar|perror|stdout|stderr|exit|_exit|abort|system|fork|pthread_create|thrd_create|__printf_chk)$')
    [ -z "$bad" ] || complain "$1: a library must not use $(words "$bad")"
}

own "$lib/libbitx.a" bitx_ -a
own "$lib/libbitx.so" 'bitx_|BITX_[0-9]' -D # the version's own symbol
quiet "$lib/libbitx.a"
if [ -d "$(dirname "$0")/../../pack/include" ]; then
    quiet "$lib/libzipllm.a"
    own "$lib/libzipllm.a" zipllm_ -a
    own "$lib/libzipllm.so" zipllm_ -D
fi

# kernels/ as anyone may build it: cc -O2 -c, no build system, no libraries.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
top=$(cd "$(dirname "$0")/../.." && pwd)
for source in "$top"/kernels/*.c; do
    object=$work/$(basename "$source" .c).o
    ${CC:-gcc} -O2 -I"$top/kernels/include" -c "$source" -o "$object" ||
        complain "$source: does not build with a bare cc -O2 -c"
done
calls=$(nm -g --undefined-only "$work"/*.o | awk 'NF == 2 { print $2 }' | sort -u |
    grep -vE '^(bitx_.*|mem(cpy|move|set|cmp)|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__[a-z]+[sdt]i[23])$')
[ -z "$calls" ] || complain "kernels/ call $(words "$calls")"
globals=$(nm "$work"/*.o | awk '$2 ~ /^[bBdDC]$/ { print $3 }')
[ -z "$globals" ] || complain "kernels/ have mutable globals: $(words "$globals")"
exit "$failed"
