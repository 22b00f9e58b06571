/* zstd on raw bytes, and zstd with the base as its prefix (what `zstd --patch-from` does). */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "baselines.h"

typedef struct zstd_state {
    ZSTD_CCtx *c;
    ZSTD_DCtx *d;
} zstd_state;

static void zstd_close(void *state)
{
    zstd_state *s = state;
    if (!s)
        return;
    ZSTD_freeCCtx(s->c);
    ZSTD_freeDCtx(s->d);
    free(s);
}

static zstd_state *zstd_open(int level, unsigned nthreads)
{
    zstd_state *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->c = ZSTD_createCCtx();
    s->d = ZSTD_createDCtx();
    int failed = !s->c || !s->d ||
                 ZSTD_isError(ZSTD_CCtx_setParameter(s->c, ZSTD_c_compressionLevel, level));
    if (!failed && nthreads > 1)
        failed = ZSTD_isError(ZSTD_CCtx_setParameter(s->c, ZSTD_c_nbWorkers, (int)nthreads)) != 0;
    if (!failed)
        return s;
    zstd_close(s);
    return NULL;
}

static void *open_1(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    return zstd_open(1, nthreads);
}

static void *open_3(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    return zstd_open(3, nthreads);
}

static void *open_9(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    return zstd_open(9, nthreads);
}

static void *open_patch(size_t max_nbytes, unsigned nthreads)
{
    zstd_state *s = zstd_open(3, nthreads);
    /* The window must reach from the end of the tensor back to the start of the prefix; zstd's
       command line sets the same parameters. */
    int log = 10;
    while (log < 31 && (size_t)1 << log < 2 * max_nbytes + 1)
        log++;
    if (s && (ZSTD_isError(ZSTD_CCtx_setParameter(s->c, ZSTD_c_windowLog, log)) ||
              ZSTD_isError(ZSTD_CCtx_setParameter(s->c, ZSTD_c_enableLongDistanceMatching, 1)) ||
              ZSTD_isError(ZSTD_DCtx_setParameter(s->d, ZSTD_d_windowLogMax, log)))) {
        zstd_close(s);
        return NULL;
    }
    return s;
}

static int zstd_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    zstd_state *s = state;
    *ndst = ZSTD_compress2(s->c, dst, cap, t->data, t->nbytes);
    return ZSTD_isError(*ndst) ? -1 : 0;
}

static int zstd_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                       size_t nsrc)
{
    zstd_state *s = state;
    return ZSTD_decompressDCtx(s->d, dst, t->nbytes, src, nsrc) == t->nbytes ? 0 : -1;
}

static int patch_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    zstd_state *s = state;
    if (t->base && ZSTD_isError(ZSTD_CCtx_refPrefix(s->c, t->base, t->base_nbytes)))
        return -1;
    return zstd_encode(state, t, dst, cap, ndst);
}

static int patch_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                        size_t nsrc)
{
    zstd_state *s = state;
    if (t->base && ZSTD_isError(ZSTD_DCtx_refPrefix(s->d, t->base, t->base_nbytes)))
        return -1;
    return zstd_decode(state, t, dst, src, nsrc);
}

#define ZSTD_CODEC(level)                                                                          \
    const bench_codec bench_codec_zstd_##level = {"zstd-" #level,                                  \
                                                  "raw bytes, a frame per tensor",                 \
                                                  BENCH_CODEC_THREADS,                             \
                                                  ZSTD_versionString,                              \
                                                  NULL,                                            \
                                                  open_##level,                                    \
                                                  zstd_close,                                      \
                                                  ZSTD_compressBound,                              \
                                                  zstd_encode,                                     \
                                                  zstd_decode}

ZSTD_CODEC(1);
ZSTD_CODEC(3);
ZSTD_CODEC(9);

const bench_codec bench_codec_zstd_patch = {
    "zstd-patch",
    "zstd -3 --patch-from the base tensor, long-distance matching, a frame per tensor",
    BENCH_CODEC_USES_BASE | BENCH_CODEC_THREADS,
    ZSTD_versionString,
    NULL,
    open_patch,
    zstd_close,
    ZSTD_compressBound,
    patch_encode,
    patch_decode,
};
