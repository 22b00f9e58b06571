/*
 * bench/codec.h: what a coder looks like to the benchmark. To add one: a file in baselines/ that
 * defines a bench_codec, and its line in baselines/registry.c.
 */
#ifndef BENCH_CODEC_H
#define BENCH_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "bench/tensors.h"

enum {
    BENCH_CODEC_USES_BASE = 1,
    BENCH_CODEC_WHOLE = 2,  /* gets the model as one run of bytes, not tensor by tensor */
    BENCH_CODEC_THREADS = 4 /* open() can make a state that uses several */
};

typedef struct bench_codec {
    const char *name;
    const char *method; /* what it does, with its chunking and the source of the recipe */
    unsigned flags;
    /* Version of the library behind it; "this tree" for recipes. */
    const char *(*version)(void);
    /* Why it cannot run here, or NULL. The function itself NULL: it always can. */
    const char *(*missing)(void);
    /* Work memory for tensors of at most max_nbytes, all touched; NULL if it failed. */
    void *(*open)(size_t max_nbytes, unsigned nthreads);
    void (*close)(void *state);
    size_t (*bound)(size_t nbytes);
    /* 0, or -1: this tensor cannot be coded. */
    int (*encode)(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst);
    /* Writes t->nbytes bytes. t has everything but its data, which is NULL. */
    int (*decode)(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                  size_t nsrc);
} bench_codec;

/* All coders in the order of the table; NULL beyond the last. */
const bench_codec *bench_codec_at(size_t index);

/* ---- for the files in baselines/ --------------------------------------------------------------
 */

const char *bench_version_own(void); /* "this tree" */
/* Zeroed (so touched) memory on its own cache lines; NULL when out of memory. Free with free(). */
uint8_t *bench_scratch(size_t nbytes);
/* Bytes per element that byte-wise coders see: 1, 2, 4 or 8 (C64: 4). */
size_t bench_unit_nbytes(bitx_dtype dtype);

static inline uint32_t bench_load32(const uint8_t *p)
{
    uint32_t v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline void bench_store32(uint8_t *p, uint32_t v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

static inline uint64_t bench_load64(const uint8_t *p)
{
    uint64_t v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline void bench_store64(uint8_t *p, uint64_t v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

/*
 * Byte planes of src (XOR base where base is not NULL): plane k of nunits bytes at planes + k *
 * nunits; bytes that fill no unit follow the planes. And back.
 */
void bench_planes_split(uint8_t *planes, const uint8_t *src, const uint8_t *base, size_t nbytes,
                        size_t unit);
void bench_planes_merge(uint8_t *dst, const uint8_t *planes, const uint8_t *base, size_t nbytes,
                        size_t unit);
/* BF16: exponent bytes first, then sign+mantissa bytes; a last odd byte follows. */
void bench_bf16_split(uint8_t *planes, const uint8_t *src, const uint8_t *base, size_t nbytes);
void bench_bf16_merge(uint8_t *dst, const uint8_t *planes, const uint8_t *base, size_t nbytes);

#endif
