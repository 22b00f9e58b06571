/* Shuffles of libblosc (its internal kernels, from the static library) and of bitshuffle. */
#include "bench/rivals.h"

#include <string.h>

#include "bitshuffle.h"

enum { BLOCK_NELEM = 4096 }; /* 8 KiB of 16-bit elements: bitshuffle's default block */

static uint64_t call_rival(bitx_fn fn, const bench_call *c)
{
    ((bench_rival_fn *)fn)(c->w[0], c->r[0], c->nelem);
    return 0;
}

/* ---- what each must do, the plain way ----------------------------------------------------------
 */

static void reference_copy(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    for (size_t i = 0; i < 2 * nelem; i++)
        dst[i] = src[i];
}

static void copy(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    memcpy(dst, src, 2 * nelem);
}

static void reference_shuffle(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        dst[i] = src[2 * i];
        dst[nelem + i] = src[2 * i + 1];
    }
}

static void reference_unshuffle(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        dst[2 * i] = src[i];
        dst[2 * i + 1] = src[nelem + i];
    }
}

static size_t block_nelem(size_t nelem, size_t begin)
{
    return nelem - begin < BLOCK_NELEM ? nelem - begin : BLOCK_NELEM;
}

/* Bit planes of each block, plane 0 first, element i in bit i % 8. */
static void reference_bitshuffle(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    for (size_t begin = 0; begin < nelem; begin += BLOCK_NELEM) {
        size_t n = block_nelem(nelem, begin);
        const uint8_t *in = src + 2 * begin;
        uint8_t *out = dst + 2 * begin;
        memset(out, 0, 2 * n);
        for (size_t i = 0; i < n; i++)
            for (size_t b = 0; b < 16; b++)
                out[b * n / 8 + i / 8] |= (uint8_t)((in[2 * i + b / 8] >> b % 8 & 1) << i % 8);
    }
}

static void reference_bitunshuffle(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    for (size_t begin = 0; begin < nelem; begin += BLOCK_NELEM) {
        size_t n = block_nelem(nelem, begin);
        const uint8_t *in = src + 2 * begin;
        uint8_t *out = dst + 2 * begin;
        memset(out, 0, 2 * n);
        for (size_t i = 0; i < n; i++)
            for (size_t b = 0; b < 16; b++)
                out[2 * i + b / 8] |= (uint8_t)((in[b * n / 8 + i / 8] >> i % 8 & 1) << b % 8);
    }
}

/* ---- libblosc ----------------------------------------------------------------------------------
 */

#if defined(BENCH_HAVE_BLOSC_INTERNAL) && defined(__x86_64__)
/* Not in any header: c-blosc 1.21, blosc/shuffle-avx2.h and bitshuffle-avx2.h. */
void blosc_internal_shuffle_avx2(size_t elem_nbytes, size_t nbytes, const uint8_t *src,
                                 uint8_t *dst);
void blosc_internal_unshuffle_avx2(size_t elem_nbytes, size_t nbytes, const uint8_t *src,
                                   uint8_t *dst);
int64_t blosc_internal_bshuf_trans_bit_elem_avx2(void *in, void *out, size_t nelem,
                                                 size_t elem_nbytes, void *work);
int64_t blosc_internal_bshuf_untrans_bit_elem_avx2(void *in, void *out, size_t nelem,
                                                   size_t elem_nbytes, void *work);

static const char *blosc_missing(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") ? NULL : "the CPU has no AVX2";
}

static void blosc_shuffle(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    blosc_internal_shuffle_avx2(2, 2 * nelem, src, dst);
}

static void blosc_unshuffle(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    blosc_internal_unshuffle_avx2(2, 2 * nelem, src, dst);
}

typedef int64_t trans_fn(void *in, void *out, size_t nelem, size_t elem_nbytes, void *work);

/* In bitshuffle's blocks, whose work memory stays in L1. The sources are not written to. */
static void in_blocks(trans_fn *fn, uint8_t *dst, const uint8_t *src, size_t nelem)
{
    uint8_t work[2 * BLOCK_NELEM];
    for (size_t begin = 0; begin < nelem; begin += BLOCK_NELEM)
        fn((uint8_t *)(uintptr_t)(src + 2 * begin), dst + 2 * begin, block_nelem(nelem, begin), 2,
           work);
}

static void blosc_bitshuffle(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    in_blocks(blosc_internal_bshuf_trans_bit_elem_avx2, dst, src, nelem);
}

static void blosc_bitunshuffle(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    in_blocks(blosc_internal_bshuf_untrans_bit_elem_avx2, dst, src, nelem);
}
#else
static const char *blosc_missing(void)
{
    return "built without libblosc.a (libblosc-dev)";
}
#    define blosc_shuffle reference_shuffle
#    define blosc_unshuffle reference_unshuffle
#    define blosc_bitshuffle reference_bitshuffle
#    define blosc_bitunshuffle reference_bitunshuffle
#endif

/* ---- bitshuffle --------------------------------------------------------------------------------
 */

static void plugin_bitshuffle(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    (void)bench_bitshuffle_load()->shuffle(src, dst, nelem, 2, BLOCK_NELEM);
}

static void plugin_bitunshuffle(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    (void)bench_bitshuffle_load()->unshuffle(src, dst, nelem, 2, BLOCK_NELEM);
}

static const char *plugin_missing(void)
{
    return bench_bitshuffle_load() ? NULL : "libh5bshuf.so not found (Debian package bitshuffle)";
}

const bench_rival *bench_rival_at(size_t index)
{
#define RIVAL(name, isa, fn)                                                                       \
    {                                                                                              \
        {name, BITX_SIG_COUNT, 1, 1, 16, 0}, {"W", "W", call_rival, NULL, NULL}, isa, NULL,        \
            (bitx_fn)fn, (bitx_fn)reference_##fn                                                   \
    }
#define reference_blosc_shuffle reference_shuffle
#define reference_blosc_unshuffle reference_unshuffle
#define reference_blosc_bitshuffle reference_bitshuffle
#define reference_blosc_bitunshuffle reference_bitunshuffle
#define reference_plugin_bitshuffle reference_bitshuffle
#define reference_plugin_bitunshuffle reference_bitunshuffle
    static bench_rival rivals[] = {
        RIVAL("memcpy", "libc", copy),
        RIVAL("blosc_shuffle_u16", "avx2", blosc_shuffle),
        RIVAL("blosc_unshuffle_u16", "avx2", blosc_unshuffle),
        RIVAL("blosc_bitshuffle_u16", "avx2", blosc_bitshuffle),
        RIVAL("blosc_bitunshuffle_u16", "avx2", blosc_bitunshuffle),
        RIVAL("bitshuffle_u16", "plugin", plugin_bitshuffle),
        RIVAL("bitunshuffle_u16", "plugin", plugin_bitunshuffle),
    };
    if (index >= sizeof(rivals) / sizeof(rivals[0]))
        return NULL;
    rivals[index].missing = index == 0 ? NULL : index < 5 ? blosc_missing() : plugin_missing();
    return &rivals[index];
}
