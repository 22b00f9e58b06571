#!/bin/sh
# The kernel checks on an emulated CPU with AVX-512, for machines that have none: kernel_check itself on a bare PC
# (tests/bare) under bochs, with fewer cases (BITX_TEST_QUICK), since bochs runs some 20 million instructions a second.
# usage: tests/run_bochs.sh [OP-PREFIX [ISA]]; ISA: avx512 unless told.
# BITX_TEST_SEED: 1 unless told. BOCHS_CPU: `bochs --help cpu` lists them. BOCHS_SECONDS: the limit.
# Prints "n/a" and what is missing, and succeeds, where it cannot run.
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."
prefix=${1:-}
isa=${2:-avx512}
cpu=${BOCHS_CPU:-corei7_icelake_u}
limit_s=${BOCHS_SECONDS:-1800}
roms=/usr/share/bochs
grub=/usr/lib/grub/i386-pc

not_here() {
    echo "n/a ($*)"
    exit 0
}
[ "$(uname -m)" = x86_64 ] || not_here 'the image needs an x86-64 compiler'
for program in bochs grub-mkrescue xorriso mformat script timeout; do
    command -v "$program" >/dev/null || not_here "$program is not installed"
done
for file in "$grub" "$roms/BIOS-bochs-latest" "$roms/VGABIOS-lgpl-latest"; do
    [ -e "$file" ] || not_here "$file is not there"
done

out=$(mktemp -d)
# timeout passes it on to bochs, which may ignore it, and kills it then.
end_machine() {
    [ ! -s "$out/pid" ] || kill "$(cat "$out/pid")" 2>/dev/null || true
}
trap 'end_machine; rm -rf "$out"' EXIT
trap 'exit 130' INT TERM

# ---- what the emulator does wrong, is it right here?

if grep -q 'avx512_vbmi2.*gfni\|gfni.*avx512_vbmi2' /proc/cpuinfo; then
    "${CC:-cc}" -std=gnu11 -O2 -I kernels -o "$out/native" tests/bare/instructions.c tests/bare/instructions_native.c
    "$out/native"
fi

# ---- the image

# printf must not become puts, which libc.c has not.
compile() { # ARGUMENT...
    "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -fno-builtin-printf -fno-builtin-fprintf -fno-stack-protector \
        -fcf-protection=none -fno-pie -I kernels -I kernels/include -I dispatch -I dispatch/include -I tests "$@"
}
compile -fno-tree-vectorize -include tests/bare/emulator.h -nostdlib -r -o "$out/kernels.o" kernels/*.c
# -O1: strlen's loop must not become a call of strlen.
compile -O1 -ffreestanding -D"BARE_SEED=\"${BITX_TEST_SEED:-1}\"" -c -o "$out/libc.o" tests/bare/libc.c
mkdir -p "$out/iso/boot/grub"
compile -D"BARE_PREFIX=\"$prefix\"" -D"BARE_ISA=\"$isa\"" -static -no-pie -nostdlib -Wl,--build-id=none -T tests/bare/link.ld \
    -o "$out/iso/boot/check" tests/bare/boot.S tests/bare/machine.c tests/bare/instructions.c tests/kernel_check.c \
    tests/harness*.c tests/kernel_specs*.c dispatch/cpu.c dispatch/dispatch.c "$out/libc.o" "$out/kernels.o" -lgcc
printf 'set timeout=0\nmenuentry check {\n multiboot /boot/check\n boot\n}\n' >"$out/iso/boot/grub/grub.cfg"
grub-mkrescue -d "$grub" --fonts= --locales= --themes= -o "$out/check.iso" "$out/iso" >"$out/mkrescue.log" 2>&1 ||
    { cat "$out/mkrescue.log" && exit 1; }

# ---- the machine

cat >"$out/bochsrc" <<END
cpu: model=$cpu, ips=20000000, reset_on_triple_fault=0
memory: guest=128, host=128
romimage: file=$roms/BIOS-bochs-latest
vgaromimage: file=$roms/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$out/check.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$out/com1
display_library: term
plugin_ctrl: speaker=0
sound: driver=dummy, waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: $out/bochs.log
panic: action=fatal
END
echo c >"$out/commands" # its debugger's "continue"
: >"$out/com1"
echo "== AVX-512 (bochs, $cpu)"
TERM=xterm script -qfec "echo \$\$ >$out/pid; exec timeout -k 5 $limit_s bochs -q -f $out/bochsrc -rc $out/commands" \
    /dev/null </dev/null >"$out/screen" 2>&1 &
machine=$!
# bochs shows its screen on a terminal of its own, and stops for good once 4 KiB of that are unread.
screen=
while [ -z "$screen" ] && kill -0 "$machine" 2>/dev/null; do
    sleep 1
    screen=$(sed -n 's|.*connected to screen "\(/dev/pts/[0-9]*\)".*|\1|p' "$out/screen" | tr -d '\r')
done
[ -z "$screen" ] || (stty raw -echo && exec cat) <"$screen" >/dev/null 2>&1 &
tail -n +1 -f --pid="$machine" "$out/com1" | grep --line-buffered -v '^exit ' || true
code=0
wait "$machine" || code=$?

grep -q '^exit ' "$out/com1" || {
    if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
        echo "bochs: not done after $limit_s s (BOCHS_SECONDS): it hangs, or this machine is slow"
    else
        echo "bochs: ended ($code) before the checks did"
    fi
    grep -hE 'PANIC|>>' "$out/bochs.log" "$out/screen" | tail -n 5
    exit 1
}
if [ "$isa" = avx512 ] && ! grep -q '^BITX_TEST_SEED.*active row: avx512' "$out/com1"; then
    echo "bochs: $cpu does not run the avx512 row"
    exit 1
fi
grep -q '^exit 0' "$out/com1"
