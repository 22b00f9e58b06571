#!/bin/sh
# A folder includes its own headers and those of the layers before it; no include climbs with "..";
# each outside library belongs to one layer. The build enforces most of this by its include paths;
# here the line is named.
set -eu
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.."
layers='kernels dispatch codec pack tools bench datasets'

# shellcheck disable=SC2086 # a list of names
headers=$(find $layers -name '*.h' -o -name '*.def')
# shellcheck disable=SC2086
grep -rnE '^ *# *include' $layers --include='*.c' --include='*.h' |
    awk -v headers="$headers" '
function fail(why) {
    printf "%s:%s: %s\n", file, line, why
    failed = 1
}
function layer_of(path) {
    sub("/.*", "", path)
    return path
}
BEGIN {
    before["kernels"] = " kernels "
    before["dispatch"] = " kernels dispatch "
    before["codec"] = " kernels dispatch codec "
    before["pack"] = " kernels codec pack "
    before["tools"] = " kernels codec pack tools "
    before["bench"] = " kernels dispatch codec pack bench "
    before["datasets"] = " kernels codec pack datasets "
    n = split(headers, list)
    for (i = 1; i <= n; i++) {
        name = list[i]
        if (!sub("^[a-z]*/include/", "", name))
            sub("^[a-z]*/", "", name)
        owners[name] = owners[name] " " layer_of(list[i])
    }
    only["zstd.h"] = only["zdict.h"] = only["zstd_errors.h"] = "codec bench"
    only["sqlite3.h"] = only["yaml.h"] = "pack"
    only["hwloc.h"] = only["numa.h"] = only["numaif.h"] = "bench"
}
{
    split($0, part, ":")
    file = part[1]
    line = part[2]
    layer = layer_of(file)
    if (match($0, /"[^"]*"/)) {
        name = substr($0, RSTART + 1, RLENGTH - 2)
        if (name ~ /\.\./)
            fail("\"" name "\" climbs out of its folder")
        m = split(owners[name], owner, " ")
        legal = m == 0
        for (i = 1; i <= m; i++)
            legal = legal || index(before[layer], " " owner[i] " ")
        if (!legal)
            fail("\"" name "\" belongs to" owners[name] ", which " layer " may not include")
    } else if (match($0, /<[^>]*>/)) {
        name = substr($0, RSTART + 1, RLENGTH - 2)
        if (name in only && !index(" " only[name] " ", " " layer " "))
            fail("<" name "> is for " only[name] " only")
    }
}
END { exit failed }' >&2
