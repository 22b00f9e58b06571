/*
 * XORed byte planes (BF16: exponent and sign+mantissa) with htscodecs' 32-way interleaved rANS,
 * order 0 and order 1, in chunks of 1 MiB of tensor.
 */
#include "missing.h"

#if defined(BENCH_HAVE_HTSCODECS)
#    include <htscodecs/htscodecs.h>
#    include <htscodecs/rANS_static4x16.h>
#    include <stdlib.h>
#    include <string.h>

enum { CHUNK_NBYTES = 1 << 20, MAX_PLANES = 8 };

typedef struct rans_state {
    uint8_t *planes;
    int order;
} rans_state;

static void rans_close(void *state)
{
    rans_state *s = state;
    if (s)
        free(s->planes);
    free(s);
}

static void *open_order(int order)
{
    rans_state *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->order = order | RANS_ORDER_X32;
    s->planes = bench_scratch(CHUNK_NBYTES);
    if (s->planes)
        return s;
    free(s);
    return NULL;
}

static void *open_0(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    (void)nthreads;
    return open_order(0);
}

static void *open_1(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    (void)nthreads;
    return open_order(1);
}

static size_t plane_bound(size_t n)
{
    return rans_compress_bound_4x16((unsigned)n, 1 | RANS_ORDER_X32) + 4;
}

static size_t rans_bound(size_t nbytes)
{
    size_t chunks = nbytes / CHUNK_NBYTES + 1;
    return nbytes + nbytes / 8 + chunks * (MAX_PLANES + 1) * plane_bound(16);
}

static size_t plane_nbytes(size_t n, size_t unit, size_t k)
{
    return k < unit ? n / unit : n % unit;
}

static int rans_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    rans_state *s = state;
    size_t unit = bench_unit_nbytes(t->dtype), at = 0;
    for (size_t done = 0; done < t->nbytes; done += CHUNK_NBYTES) {
        size_t n = t->nbytes - done < CHUNK_NBYTES ? t->nbytes - done : CHUNK_NBYTES;
        const uint8_t *base = t->base ? t->base + done : NULL;
        if (t->dtype == BITX_BF16)
            bench_bf16_split(s->planes, t->data + done, base, n);
        else
            bench_planes_split(s->planes, t->data + done, base, n, unit);
        uint8_t *plane = s->planes;
        for (size_t k = 0; k <= unit; k++) {
            size_t size = plane_nbytes(n, unit, k);
            unsigned got = (unsigned)(cap - at - 4);
            if (size == 0)
                continue;
            if (cap - at < plane_bound(size) ||
                !rans_compress_to_4x16(plane, (unsigned)size, dst + at + 4, &got, s->order))
                return -1;
            bench_store32(dst + at, got);
            at += 4 + got;
            plane += size;
        }
    }
    *ndst = at;
    return 0;
}

static int rans_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                       size_t nsrc)
{
    rans_state *s = state;
    size_t unit = bench_unit_nbytes(t->dtype), at = 0;
    for (size_t done = 0; done < t->nbytes; done += CHUNK_NBYTES) {
        size_t n = t->nbytes - done < CHUNK_NBYTES ? t->nbytes - done : CHUNK_NBYTES;
        uint8_t *plane = s->planes;
        for (size_t k = 0; k <= unit; k++) {
            size_t size = plane_nbytes(n, unit, k);
            unsigned got = (unsigned)size;
            if (size == 0)
                continue;
            size_t coded = nsrc - at >= 4 ? bench_load32(src + at) : SIZE_MAX;
            /* htscodecs takes its input as non-const, and does not write to it. */
            if (coded > nsrc - at - 4 ||
                !rans_uncompress_to_4x16((uint8_t *)(uintptr_t)(src + at + 4), (unsigned)coded,
                                         plane, &got) ||
                got != size)
                return -1;
            at += 4 + coded;
            plane += size;
        }
        const uint8_t *base = t->base ? t->base + done : NULL;
        if (t->dtype == BITX_BF16)
            bench_bf16_merge(dst + done, s->planes, base, n);
        else
            bench_planes_merge(dst + done, s->planes, base, n, unit);
    }
    return 0;
}

#    define RANS_CODEC(order)                                                                      \
        const bench_codec bench_codec_rans_o##order = {                                            \
            "xor-rans32-o" #order,                                                                 \
            "XOR planes, htscodecs rANS 4x16 RANS_ORDER_X32 order " #order ", 1 MiB chunks",       \
            BENCH_CODEC_USES_BASE,                                                                 \
            htscodecs_version,                                                                     \
            NULL,                                                                                  \
            open_##order,                                                                          \
            rans_close,                                                                            \
            rans_bound,                                                                            \
            rans_encode,                                                                           \
            rans_decode}

RANS_CODEC(0);
RANS_CODEC(1);

#else
BENCH_MISSING_CODEC(rans_o0, "xor-rans32-o0", "XOR planes, htscodecs rANS",
                    "built without libhtscodecs-dev");
BENCH_MISSING_CODEC(rans_o1, "xor-rans32-o1", "XOR planes, htscodecs rANS",
                    "built without libhtscodecs-dev");
#endif
