/* libblosc: byte or bit shuffle and LZ4, in its own blocks. */
#include "missing.h"

#if defined(BENCH_HAVE_BLOSC)
#    include <blosc.h>
#    include <stdlib.h>

typedef struct blosc_state {
    int shuffle;
    int nthreads;
} blosc_state;

static const char *blosc_version(void)
{
    return BLOSC_VERSION_STRING;
}

static void *open_shuffle(int shuffle, unsigned nthreads)
{
    blosc_state *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->shuffle = shuffle;
    s->nthreads = (int)nthreads;
    return s;
}

static void *byte_open(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    return open_shuffle(BLOSC_SHUFFLE, nthreads);
}

static void *bit_open(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    return open_shuffle(BLOSC_BITSHUFFLE, nthreads);
}

static size_t blosc_bound(size_t nbytes)
{
    return nbytes + BLOSC_MAX_OVERHEAD;
}

static int blosc_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    const blosc_state *s = state;
    if (t->nbytes > BLOSC_MAX_BUFFERSIZE)
        return -1;
    int n = blosc_compress_ctx(5, s->shuffle, bench_unit_nbytes(t->dtype), t->nbytes, t->data, dst,
                               cap, BLOSC_LZ4_COMPNAME, 0, s->nthreads);
    *ndst = n > 0 ? (size_t)n : 0;
    return n > 0 ? 0 : -1;
}

static int blosc_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                        size_t nsrc)
{
    const blosc_state *s = state;
    (void)nsrc;
    int n = blosc_decompress_ctx(src, dst, t->nbytes, s->nthreads);
    return n >= 0 && (size_t)n == t->nbytes ? 0 : -1;
}

const bench_codec bench_codec_blosc_shuffle = {
    "blosc-shuffle",
    "byte shuffle by element width, LZ4 level 5, blosc's own blocks",
    BENCH_CODEC_THREADS,
    blosc_version,
    NULL,
    byte_open,
    free,
    blosc_bound,
    blosc_encode,
    blosc_decode,
};

const bench_codec bench_codec_blosc_bitshuffle = {
    "blosc-bitshuffle",
    "bit shuffle by element width, LZ4 level 5, blosc's own blocks",
    BENCH_CODEC_THREADS,
    blosc_version,
    NULL,
    bit_open,
    free,
    blosc_bound,
    blosc_encode,
    blosc_decode,
};

#else
BENCH_MISSING_CODEC(blosc_shuffle, "blosc-shuffle", "byte shuffle, LZ4",
                    "built without libblosc-dev");
BENCH_MISSING_CODEC(blosc_bitshuffle, "blosc-bitshuffle", "bit shuffle, LZ4",
                    "built without libblosc-dev");
#endif
