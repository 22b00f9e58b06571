/* dlopen, and what a library must have. */
#include "bench/library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* POSIX gives dlsym() for functions too; ISO C has no such cast. */
static void find(const bench_library *l, void *fn, const char *name)
{
    void *address = dlsym(l->handle, name);
    memcpy(fn, &address, sizeof(address));
}

static void find_codec(bench_library *l)
{
    find(l, &l->ctx_new, "bitx_ctx_new");
    find(l, &l->ctx_free, "bitx_ctx_free");
    find(l, &l->encode_bound, "bitx_encode_bound");
    find(l, &l->encode, "bitx_encode");
    find(l, &l->decode, "bitx_decode");
    if (!l->ctx_free || !l->encode_bound || !l->encode || !l->decode)
        l->ctx_new = NULL;
}

static int exports_an_op(const bench_library *l)
{
    char name[128];
    for (size_t i = 0; bitx_op_at(i); i++)
        for (int isa = -1; isa < BITX_ISA_COUNT; isa++) {
            snprintf(name, sizeof(name), isa < 0 ? "bitx_%s" : "bitx_%s_%s", bitx_op_at(i)->name,
                     isa < 0 ? "" : bitx_isa_name((bitx_isa)isa));
            if (dlsym(l->handle, name))
                return 1;
        }
    return 0;
}

static int load(bench_library *l, const char *path)
{
    l->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!l->handle) {
        fprintf(stderr, "bitx-bench: %s\n", dlerror());
        return -1;
    }
    find(l, &l->op_at, "bitx_op_at");
    find(l, &l->op_find, "bitx_op_find");
    find(l, &l->op_cell, "bitx_op_cell");
    find(l, &l->op_signature, "bitx_op_signature");
    find(l, &l->isa_active, "bitx_isa_active");
    find_codec(l);
    if (!l->op_at || !l->op_find || !l->op_cell)
        l->op_find = NULL;
    if (l->op_find || l->ctx_new || exports_an_op(l))
        return 0;
    fprintf(stderr, "bitx-bench: %s: exports no operation of ours (bitx_xor_bytes, ...)\n", path);
    bench_library_close(l);
    return -1;
}

int bench_library_open(bench_library *l, const char *path)
{
    char local[4096];
    memset(l, 0, sizeof(*l));
    l->path = path;
    /* Without a slash dlopen() would search the system's folders. */
    snprintf(local, sizeof(local), "%s%s", strchr(path, '/') ? "" : "./", path);
    return load(l, local);
}

int bench_library_again(bench_library *l)
{
    char path[64];
    bench_library copy;
    memset(&copy, 0, sizeof(copy));
    copy.path = l->path;
    int in = l->handle ? open(l->path, O_RDONLY | O_CLOEXEC) : -1;
    int out = in >= 0 ? memfd_create("libbitx", MFD_CLOEXEC) : -1;
    ssize_t n = out >= 0 ? 1 : -1;
    while (n > 0)
        n = sendfile(out, in, NULL, (size_t)1 << 30);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
    int failed = n < 0 || load(&copy, path) != 0;
    if (in >= 0)
        close(in);
    if (failed && out >= 0)
        close(out);
    if (!failed) /* the file stays open: dlopen() knows libraries by name, and this is one */
        *l = copy;
    return failed ? -1 : 0;
}

void bench_library_own(bench_library *l)
{
    memset(l, 0, sizeof(*l));
    l->path = "this bitx-bench";
    l->op_at = bitx_op_at;
    l->op_find = bitx_op_find;
    l->op_cell = bitx_op_cell;
    l->op_signature = bitx_op_signature;
    l->isa_active = bitx_isa_active;
    l->ctx_new = bitx_ctx_new;
    l->ctx_free = bitx_ctx_free;
    l->encode_bound = bitx_encode_bound;
    l->encode = bitx_encode;
    l->decode = bitx_decode;
}

void bench_library_close(bench_library *l)
{
    if (l->handle)
        dlclose(l->handle);
    memset(l, 0, sizeof(*l));
}

/* A library of single functions: the ISA's own name first, then one for all. */
static bitx_fn find_plain(const bench_library *l, const char *op, const char *isa, const char **why)
{
    char name[128];
    bitx_fn fn;
    snprintf(name, sizeof(name), "bitx_%s_%s", op, isa);
    find(l, &fn, name);
    snprintf(name, sizeof(name), "bitx_%s", op);
    if (!fn)
        find(l, &fn, name);
    *why = fn ? NULL : "not exported";
    return fn;
}

static const bitx_op *find_described(const bench_library *l, const char *name)
{
    for (size_t i = 0; l->op_at(i); i++)
        if (strcmp(l->op_at(i)->name, name) == 0)
            return l->op_at(i);
    return NULL;
}

static int same_signature(const bench_library *l, const bitx_op *theirs, const bitx_op *op)
{
    if (theirs->width != op->width || theirs->reads != op->reads || theirs->writes != op->writes)
        return 0;
    if (!l->op_signature) /* an older build: the number of its class, which a new class moves */
        return theirs->sig == op->sig;
    const char *text = l->op_signature(op->name);
    return text && strcmp(text, bitx_op_signature(op->name)) == 0;
}

bitx_fn bench_library_op(const bench_library *l, const bitx_op *op, bitx_isa isa, const char **why)
{
    bitx_sig sig;
    if (!bitx_isa_usable(isa)) {
        *why = bitx_isa_absent_reason(isa);
        return NULL;
    }
    if (!l->op_find)
        return find_plain(l, op->name, bitx_isa_name(isa), why);
    const bitx_op *theirs = find_described(l, op->name);
    *why = !theirs ? "no such operation" : "another signature";
    if (!theirs || !same_signature(l, theirs, op))
        return NULL;
    bitx_fn fn = l->op_find(op->name, bitx_isa_name(isa), &sig);
    *why = fn ? NULL : "no such row";
    return fn;
}
