#!/bin/sh
# Every lint that needs more than a compiler's eye. usage: all.sh BUILD-FOLDER
set -u
unset CDPATH
build=$(readlink -f -- "$1")
cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.." || exit

failed=
for lint in format layers headers shell; do
    if sh "tests/lint/$lint.sh"; then
        echo "lint $lint: ok"
    else
        failed="$failed $lint"
        echo "lint $lint: FAILED"
    fi
done
if sh tests/lint/symbols.sh "$build"; then
    echo 'lint symbols: ok'
else
    failed="$failed symbols"
    echo 'lint symbols: FAILED'
fi
[ -z "$failed" ]
