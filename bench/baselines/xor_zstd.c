/*
 * Two coders of XORed planes with zstd:
 * paper BitX (Wang et al., ZipLLM, NSDI 2026, arXiv 2505.06252, section 4.3): XOR with the base,
 *   exponent bytes and sign+mantissa bytes apart, each whole stream with zstd-3;
 * TensorX (TensorDex, SOSP 2026): XOR, byte planes, sub-chunks of 2 MB of tensor, zstd-1.
 * Dtypes that the papers do not treat are split into byte planes.
 */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "baselines.h"

enum { SUBCHUNK_NBYTES = 2 << 20, MAX_PLANES = 8 };

typedef struct xor_state {
    ZSTD_CCtx *c;
    ZSTD_DCtx *d;
    uint8_t *planes;
    size_t chunk_nbytes;
    int level;
    int split_exponent;
} xor_state;

static void xor_close(void *state)
{
    xor_state *s = state;
    if (!s)
        return;
    ZSTD_freeCCtx(s->c);
    ZSTD_freeDCtx(s->d);
    free(s->planes);
    free(s);
}

static void *xor_open(size_t chunk_nbytes, int level, int split_exponent)
{
    xor_state *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->c = ZSTD_createCCtx();
    s->d = ZSTD_createDCtx();
    s->planes = bench_scratch(chunk_nbytes);
    s->chunk_nbytes = chunk_nbytes ? chunk_nbytes : 1;
    s->level = level;
    s->split_exponent = split_exponent;
    if (s->c && s->d && s->planes)
        return s;
    xor_close(s);
    return NULL;
}

static void *bitx_open(size_t max_nbytes, unsigned nthreads)
{
    (void)nthreads;
    return xor_open(max_nbytes, 3, 1);
}

static void *tensorx_open(size_t max_nbytes, unsigned nthreads)
{
    (void)nthreads;
    (void)max_nbytes;
    return xor_open(SUBCHUNK_NBYTES, 1, 0);
}

static size_t xor_bound(size_t nbytes)
{
    size_t chunks = nbytes / SUBCHUNK_NBYTES + 1;
    return ZSTD_compressBound(nbytes) + chunks * (MAX_PLANES + 1) * (4 + 128);
}

/* Plane sizes of a chunk: `unit` equal ones, and the bytes that fill no unit. */
static size_t plane_sizes(size_t nbytes, size_t unit, size_t *sizes)
{
    size_t n = nbytes / unit;
    for (size_t k = 0; k < unit; k++)
        sizes[k] = n;
    sizes[unit] = nbytes - n * unit;
    return sizes[unit] ? unit + 1 : unit;
}

static int xor_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    xor_state *s = state;
    size_t unit = bench_unit_nbytes(t->dtype), at = 0;
    for (size_t done = 0; done < t->nbytes; done += s->chunk_nbytes) {
        size_t n = t->nbytes - done < s->chunk_nbytes ? t->nbytes - done : s->chunk_nbytes;
        const uint8_t *src = t->data + done, *base = t->base ? t->base + done : NULL;
        if (s->split_exponent && t->dtype == BITX_BF16)
            bench_bf16_split(s->planes, src, base, n);
        else
            bench_planes_split(s->planes, src, base, n, unit);
        size_t sizes[MAX_PLANES + 1], nplanes = plane_sizes(n, unit, sizes);
        const uint8_t *plane = s->planes;
        for (size_t k = 0; k < nplanes; plane += sizes[k++]) {
            if (cap - at < 4)
                return -1;
            size_t got =
                ZSTD_compressCCtx(s->c, dst + at + 4, cap - at - 4, plane, sizes[k], s->level);
            if (ZSTD_isError(got))
                return -1;
            bench_store32(dst + at, (uint32_t)got);
            at += 4 + got;
        }
    }
    *ndst = at;
    return 0;
}

static int xor_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                      size_t nsrc)
{
    xor_state *s = state;
    size_t unit = bench_unit_nbytes(t->dtype), at = 0;
    for (size_t done = 0; done < t->nbytes; done += s->chunk_nbytes) {
        size_t n = t->nbytes - done < s->chunk_nbytes ? t->nbytes - done : s->chunk_nbytes;
        size_t sizes[MAX_PLANES + 1], nplanes = plane_sizes(n, unit, sizes);
        uint8_t *plane = s->planes;
        for (size_t k = 0; k < nplanes; plane += sizes[k++]) {
            size_t coded = nsrc - at >= 4 ? bench_load32(src + at) : SIZE_MAX;
            if (coded > nsrc - at - 4 ||
                ZSTD_decompressDCtx(s->d, plane, sizes[k], src + at + 4, coded) != sizes[k])
                return -1;
            at += 4 + coded;
        }
        const uint8_t *base = t->base ? t->base + done : NULL;
        if (s->split_exponent && t->dtype == BITX_BF16)
            bench_bf16_merge(dst + done, s->planes, base, n);
        else
            bench_planes_merge(dst + done, s->planes, base, n, unit);
    }
    return 0;
}

const bench_codec bench_codec_paper_bitx = {
    "paper-bitx",
    "XOR, exponent | sign+mantissa bytes (others: byte planes), whole streams, zstd-3; ZipLLM 2026",
    BENCH_CODEC_USES_BASE,
    ZSTD_versionString,
    NULL,
    bitx_open,
    xor_close,
    xor_bound,
    xor_encode,
    xor_decode,
};

const bench_codec bench_codec_tensorx = {
    "tensorx",
    "XOR, byte planes, 2 MiB sub-chunks, zstd-1; TensorDex 2026",
    BENCH_CODEC_USES_BASE,
    ZSTD_versionString,
    NULL,
    tensorx_open,
    xor_close,
    xor_bound,
    xor_encode,
    xor_decode,
};
