#!/bin/sh
# Ctrl-C in the middle of an add: the command dies of it, tidied up, the store as it was.
# shellcheck disable=SC1091
. "$(dirname "$0")/cli_lib.sh"

expect 0 "$ZIPLLM" init "$STORE"
mkdir model
echo x >model/x
expect 0 z add model
snapshot before

mkdir big
head -c 300000000 /dev/urandom >big/big.bin
for signal in INT TERM; do
    # setsid: a background command of a script ignores SIGINT otherwise
    python3 - "$ZIPLLM" "$STORE" "$signal" <<'END' || fail "SIG$signal"
import os, signal, subprocess, sys, time
command, store, name = sys.argv[1:]
number = getattr(signal, "SIG" + name)
child = subprocess.Popen([command, "-C", store, "-T", "1", "add", "big"], stdin=subprocess.DEVNULL,
                         stderr=subprocess.PIPE,
                         preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
tmp = os.path.join(store, "tmp")
while child.poll() is None and not os.listdir(tmp):
    time.sleep(0.005)
child.send_signal(number)
_, err = child.communicate()
assert child.returncode == -number, child.returncode
assert b"cancelled" in err or b"interrupted" in err, err
assert os.listdir(tmp) == [], os.listdir(tmp)
END
    CHECKS=$((CHECKS + 3))
    unchanged before
done

# A reader of the table that leaves early does not stop the work.
expect 0 sh -c "'$ZIPLLM' -C '$STORE' add -v --name kept model | true"
expect 0 z ls -q
finish
