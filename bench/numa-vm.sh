#!/bin/sh
# Boots machines of two and four memory nodes, and one with a node without CPUs, under qemu's
# emulation, and runs bitx-bench there: that threads and pages go where they should. No speeds: an
# emulated machine has none. usage: numa-vm.sh BITX-BENCH [WORK-FOLDER]
set -eu
unset CDPATH

bench=${1:?usage: numa-vm.sh BITX-BENCH [WORK-FOLDER]}
work=${2:-build/numa-vm}
limit_s=${NUMA_VM_SECONDS:-600}

say() {
    printf 'numa-vm: %s\n' "$*" >&2
}

need() {
    command -v "$1" >/dev/null && return 0
    say "$1 was not found; Debian has it in $2"
    exit 2
}
need qemu-system-x86_64 qemu-system-x86
need busybox busybox-static
need cpio cpio
[ -x "$bench" ] || { say "$bench is not there; build it first" && exit 2; }
mkdir -p "$work"

# A kernel: an installed one, or Debian's package unpacked here.
kernel=${NUMA_VM_KERNEL:-}
[ -n "$kernel" ] || kernel=$(find "$work/kernel" /boot -name 'vmlinuz-*' 2>/dev/null | head -n 1)
if [ -z "$kernel" ]; then
    package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')
    say "fetching the kernel package $package"
    (cd "$work" && apt-get -qq download "${package:?apt knows no linux-image-amd64}")
    dpkg-deb -x "$work/$package"_*.deb "$work/kernel"
    rm -f "$work/$package"_*.deb
    kernel=$(find "$work/kernel" -name 'vmlinuz-*' | head -n 1)
fi

# The root file system: busybox, bitx-bench with its libraries, and a script.
root=$work/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$bench" "$root/bin/bitx-bench"
"${CC:-cc}" -shared -fPIC -O2 -D_GNU_SOURCE -o "$root/bin/shim.so" \
    "$(dirname -- "$0")/../tests/bench_shim.c"
ldd "$bench" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*ld-linux[^ ]*\).*/\1/p' |
    while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
cat >"$root/init" <<'END'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
export LD_LIBRARY_PATH=/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu
echo "numa-vm: begin"
/bin/bitx-bench topo
/bin/bitx-bench numa --placement-only --size 16
echo "numa-vm: numa exit $?"
echo "numa-vm: mbind that binds nothing"
LD_PRELOAD=/bin/shim.so SHIM_NUMA=ignore /bin/bitx-bench numa --placement-only --size 16
/bin/bitx-bench scale --placement-only --size 16 --rounds 6
echo "numa-vm: scale exit $?"
echo "numa-vm: end"
/bin/busybox poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$work/initramfs.gz"

# boot NAME CPUS NODE-ARGUMENTS...: the console goes to $work/NAME.log.
boot() {
    name=$1
    cpus=$2
    shift 2
    say "booting $name"
    begin=$(date +%s)
    timeout "$limit_s" qemu-system-x86_64 -accel tcg -cpu max -smp "$cpus" "$@" \
        -kernel "$kernel" -initrd "$work/initramfs.gz" -nographic -no-reboot -net none \
        -append 'console=ttyS0 quiet panic=-1 mitigations=off' </dev/null >"$work/$name.log" 2>&1 ||
        true
    say "$name took $(($(date +%s) - begin)) s"
}

# node ID MEGABYTES [CPUS]: the arguments of one memory node.
node() {
    if [ -n "${3:-}" ]; then
        printf -- '-object memory-backend-ram,size=%sM,id=m%s -numa node,nodeid=%s,memdev=m%s,cpus=%s ' \
            "$2" "$1" "$1" "$1" "$3"
    else
        printf -- '-object memory-backend-ram,size=%sM,id=m%s -numa node,nodeid=%s,memdev=m%s ' \
            "$2" "$1" "$1" "$1"
    fi
}

failed=0
# check NAME LINE...: each line must be in the log.
check() {
    name=$1
    shift
    sed -n '/numa-vm: begin/,/numa-vm: end/p' "$work/$name.log" | tr -d '\r'
    for line in "$@"; do
        if ! tr -d '\r' <"$work/$name.log" | grep -q "$line"; then
            say "FAILED: $name: no line '$line' (see $work/$name.log)"
            failed=1
        fi
    done
}

# shellcheck disable=SC2046 # words on purpose
boot two-nodes 4 -m 1024 $(node 0 512 0-1) $(node 1 512 2-3) -numa dist,src=0,dst=1,val=21
check two-nodes '4 CPUs that we may use, 2 memory nodes' 'placed 8 of 8 cells' \
    'numa-vm: numa exit 0' 'numa-vm: scale exit 0' '^scatter  0 2 1 3' \
    'n/a .*pages lie on another node' 'placed 4 of 8 cells'

# shellcheck disable=SC2046
boot four-nodes 4 -m 1024 $(node 0 256 0) $(node 1 256 1) $(node 2 256 2) $(node 3 256 3)
check four-nodes '4 CPUs that we may use, 4 memory nodes' 'placed 32 of 32 cells' \
    'numa-vm: numa exit 0' 'numa-vm: scale exit 0'

# Node 2 has memory only: its row is n/a, its column is not.
# shellcheck disable=SC2046
boot node-without-cpus 2 -m 768 $(node 0 256 0) $(node 1 256 1) $(node 2 256)
check node-without-cpus '2 CPUs that we may use, 3 memory nodes' 'placed 12 of 18 cells' \
    'n/a .*node without CPUs' 'numa-vm: numa exit 0'

[ "$failed" -eq 0 ] && say 'every machine placed what it should'
exit "$failed"
