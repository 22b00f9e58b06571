/* bitshuffle (Masui et al. 2015) with its LZ4, by dlopen of the HDF5 plugin. */
#include "bitshuffle.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baselines.h"

static const char *const places[] = {
    "/usr/lib/x86_64-linux-gnu/hdf5/serial/plugins/libh5bshuf.so",
    "/usr/lib/aarch64-linux-gnu/hdf5/serial/plugins/libh5bshuf.so",
    "/usr/lib/x86_64-linux-gnu/hdf5/plugins/libh5bshuf.so",
    "libh5bshuf.so",
};

/* ISO C has no conversion from object to function pointers; POSIX promises that it works. */
static void resolve(void *library, const char *name, void *pointer)
{
    void *symbol = dlsym(library, name);
    memcpy(pointer, &symbol, sizeof(symbol));
}

static const char *isa_of(void *library)
{
    int (*using)(void);
    resolve(library, "bshuf_using_AVX2", &using);
    if (using && using())
        return "AVX2";
    resolve(library, "bshuf_using_NEON", &using);
    if (using && using())
        return "NEON";
    resolve(library, "bshuf_using_SSE2", &using);
    return using && using() ? "SSE2" : "scalar";
}

static int load_from(const char *path, bench_bitshuffle *b)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return -1;
    resolve(library, "bshuf_bitshuffle", &b->shuffle);
    resolve(library, "bshuf_bitunshuffle", &b->unshuffle);
    resolve(library, "bshuf_compress_lz4", &b->compress);
    resolve(library, "bshuf_decompress_lz4", &b->decompress);
    resolve(library, "bshuf_compress_lz4_bound", &b->bound);
    snprintf(b->version, sizeof(b->version), "%s (it says), HDF5 plugin", isa_of(library));
    return b->shuffle && b->unshuffle && b->compress && b->decompress && b->bound ? 0 : -1;
}

const bench_bitshuffle *bench_bitshuffle_load(void)
{
    static bench_bitshuffle loaded;
    static int state; /* 0 not tried, 1 there, -1 missing */
    for (size_t i = 0; state == 0 && i < sizeof(places) / sizeof(places[0]); i++)
        if (load_from(places[i], &loaded) == 0)
            state = 1;
    if (state == 0)
        state = -1;
    return state > 0 ? &loaded : NULL;
}

static const char *missing(void)
{
    return bench_bitshuffle_load() ? NULL : "libh5bshuf.so not found (Debian package bitshuffle)";
}

static const char *version(void)
{
    const bench_bitshuffle *b = bench_bitshuffle_load();
    return b ? b->version : "?";
}

static void *open_state(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    (void)nthreads;
    return malloc(1);
}

static size_t bound(size_t nbytes)
{
    return bench_bitshuffle_load()->bound(nbytes, 1, 0) + nbytes / 64 + 1024;
}

static int encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    (void)state;
    size_t unit = bench_unit_nbytes(t->dtype), nelem = t->nbytes / unit, tail = t->nbytes % unit;
    const bench_bitshuffle *b = bench_bitshuffle_load();
    if (cap < b->bound(nelem, unit, 0) + tail)
        return -1;
    int64_t n = b->compress(t->data, dst, nelem, unit, 0);
    if (n < 0)
        return -1;
    memcpy(dst + n, t->data + t->nbytes - tail, tail);
    *ndst = (size_t)n + tail;
    return 0;
}

static int decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src, size_t nsrc)
{
    (void)state;
    size_t unit = bench_unit_nbytes(t->dtype), nelem = t->nbytes / unit, tail = t->nbytes % unit;
    if (nsrc < tail || bench_bitshuffle_load()->decompress(src, dst, nelem, unit, 0) < 0)
        return -1;
    memcpy(dst + t->nbytes - tail, src + nsrc - tail, tail);
    return 0;
}

const bench_codec bench_codec_bitshuffle = {
    "bitshuffle-lz4",
    "bit shuffle by element width and LZ4, its own blocks (8 KiB)",
    0,
    version,
    missing,
    open_state,
    free,
    bound,
    encode,
    decode,
};
