# Reads `strace -f -y -e trace=%file,%desc` of an add and checks the order that a power cut demands: a file
# is fsynced after its last write and before its rename, the directory after the rename, and all
# packs and manifests before the index is written.
function path_of(text) { # of the first descriptor: name(3</path>, ...
    match(text, /<[^>]*>/)
    return substr(text, RSTART + 1, RLENGTH - 2)
}
function parent(path) {
    sub(/\/[^\/]*$/, "", path)
    return path
}
function bad(text) {
    print "FAIL: " text
    failures++
}
/^(pwrite64|pwritev|write|ftruncate)\(/ && /= [0-9]/ {
    path = path_of($0)
    if (path ~ /index\.sqlite/) {
        if (!index_written) {
            index_written = 1
            for (name in unsynced)
                bad("the index is written before fsync of " name)
            if (published < 2)
                bad("the index is written before pack and manifest have their names")
        }
    } else if (path ~ /\/tmp\/[0-9a-f]*\.(pack|json)/) {
        unsynced[path] = 1
    }
}
/^(fsync|fdatasync)\(/ && /= 0$/ {
    delete unsynced[path_of($0)]
    syncs++
}
/^mkdirat\(/ && /= 0$/ {
    split($0, part, "\"")
    unsynced[parent(path_of($0) "/" part[2])] = 1
}
/^renameat2?\(/ && /= 0$/ {
    split($0, part, "\"")
    root = path_of($0)
    from = root "/" part[2]
    to = root "/" part[4]
    if (from in unsynced)
        bad("rename before fsync of " from)
    unsynced[parent(to)] = 1
    published++
}
END {
    if (published < 2)
        bad("renames: " published + 0)
    if (!index_written)
        bad("the index was not written")
    for (name in unsynced)
        bad("no fsync of " name)
    if (failures)
        exit 1
    print "ok: " published " renames, " syncs " fsyncs in order"
}
