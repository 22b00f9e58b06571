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
for signal in INT TERM; do
    # In the background of a script SIGINT would be ignored, hence SIG_DFL. An add that is over before
    # the signal reaches it is made again with four times the bytes.
    python3 - "$ZIPLLM" "$STORE" "$signal" <<'END' || fail "SIG$signal"
import os, signal, subprocess, sys, time
command, store, name = sys.argv[1:]
number = getattr(signal, "SIG" + name)
tmp = os.path.join(store, "tmp")
for nbytes in (1 << 26, 1 << 28, 1 << 30):
    with open("big/big.bin", "wb") as f:
        for _ in range(nbytes >> 20):
            f.write(os.urandom(1 << 20))
    child = subprocess.Popen([command, "-C", store, "-T", "1", "add", "big"],
                             stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    while child.poll() is None and not os.listdir(tmp):
        time.sleep(0.001)
    child.send_signal(number)
    _, err = child.communicate()
    if child.returncode != 0:
        break
    subprocess.run([command, "-C", store, "-q", "rm", "big"], check=True)
    subprocess.run([command, "-C", store, "-q", "gc"], check=True)
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
