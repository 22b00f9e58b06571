/* Our own frames, with checksums, as applications get them. */
#include <stdlib.h>
#include <string.h>

#include "baselines.h"
#include "bench/executor.h"

typedef struct frame_state {
    bitx_ctx *ctx;
    bench_executor *executor;
    bitx_codec codec;
    bitx_effort effort;
} frame_state;

static void frame_close(void *state)
{
    frame_state *s = state;
    if (!s)
        return;
    bitx_ctx_free(s->ctx);
    bench_executor_free(s->executor);
    free(s);
}

static void *frame_open(bitx_codec codec, bitx_effort effort, unsigned nthreads)
{
    frame_state *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->codec = codec;
    s->effort = effort;
    bitx_executor run = {0};
    if (nthreads > 1 && (s->executor = bench_executor_new(nthreads)) != NULL)
        run = bench_executor_handle(s->executor);
    if ((nthreads > 1 && !s->executor) ||
        bitx_ctx_new(NULL, s->executor ? &run : NULL, &s->ctx) != BITX_OK) {
        frame_close(s);
        return NULL;
    }
    return s;
}

static bitx_params params_of(const frame_state *s, bitx_dtype dtype)
{
    bitx_params p = BITX_PARAMS_INIT;
    p.dtype = dtype;
    p.codec = s->codec;
    p.effort = s->effort;
    return p;
}

static size_t frame_bound(size_t nbytes)
{
    size_t most = 0;
    for (int d = 0; d < BITX_DTYPE_COUNT; d++) {
        bitx_params p = BITX_PARAMS_INIT;
        size_t bound = 0;
        p.dtype = (bitx_dtype)d;
        if (bitx_encode_bound(&p, nbytes, nbytes, &bound) == BITX_OK && bound > most)
            most = bound;
    }
    return most;
}

/* A tensor that the codec does not take (delta: without a base) is left to `auto`. */
static int frame_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    frame_state *s = state;
    bitx_params p = params_of(s, t->dtype);
    bitx_status status =
        bitx_encode(s->ctx, &p, dst, cap, ndst, t->data, t->nbytes, t->base, t->base_nbytes);
    if (status == BITX_ERR_UNSUPPORTED || (status != BITX_OK && !t->base)) {
        p.codec = BITX_CODEC_AUTO;
        status =
            bitx_encode(s->ctx, &p, dst, cap, ndst, t->data, t->nbytes, t->base, t->base_nbytes);
    }
    return status == BITX_OK ? 0 : -1;
}

static int frame_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                        size_t nsrc)
{
    frame_state *s = state;
    size_t n;
    bitx_frame_info info;
    size_t need;
    if (bitx_frame_info_read(src, nsrc, &info, &need) != BITX_OK)
        return -1;
    /* A codec that works alone makes frames without a base. */
    const uint8_t *base = info.base_nbytes ? t->base : NULL;
    return bitx_decode(s->ctx, dst, t->nbytes, &n, src, nsrc, base, base ? t->base_nbytes : 0) ==
                       BITX_OK &&
                   n == t->nbytes
               ? 0
               : -1;
}

/* Whether this build encodes with it: tried on a few weights. */
static const char *missing_codec(bitx_codec codec, int with_base)
{
    static const uint8_t weights[64] = {0x80, 0x3f, 0x81, 0x3f};
    uint8_t dst[4096];
    bitx_ctx *ctx;
    bitx_params p = BITX_PARAMS_INIT;
    size_t n;
    p.dtype = BITX_BF16;
    p.codec = codec;
    if (bitx_ctx_new(NULL, NULL, &ctx) != BITX_OK)
        return "out of memory";
    bitx_status status = bitx_encode(ctx, &p, dst, sizeof(dst), &n, weights, sizeof(weights),
                                     with_base ? weights : NULL, with_base ? sizeof(weights) : 0);
    bitx_ctx_free(ctx);
    return status == BITX_OK ? NULL : bitx_status_name(status);
}

#define FRAME_CODEC(symbol, shown, id, effort, with_base, what)                                    \
    static const char *missing_##symbol(void)                                                      \
    {                                                                                              \
        return missing_codec(id, with_base);                                                       \
    }                                                                                              \
    static void *open_##symbol(size_t max_nbytes, unsigned nthreads)                               \
    {                                                                                              \
        (void)max_nbytes;                                                                          \
        return frame_open(id, effort, nthreads);                                                   \
    }                                                                                              \
    const bench_codec bench_codec_frame_##symbol = {shown,                                         \
                                                    what,                                          \
                                                    (with_base ? BENCH_CODEC_USES_BASE : 0) |      \
                                                        BENCH_CODEC_THREADS,                       \
                                                    bench_version_own,                             \
                                                    missing_##symbol,                              \
                                                    open_##symbol,                                 \
                                                    frame_close,                                   \
                                                    frame_bound,                                   \
                                                    frame_encode,                                  \
                                                    frame_decode}

FRAME_CODEC(raw, "bitx:raw", BITX_CODEC_RAW, BITX_EFFORT_DEFAULT, 0, "frame, stored, 1 MiB blocks");
FRAME_CODEC(zstd, "bitx:zstd", BITX_CODEC_ZSTD, BITX_EFFORT_DEFAULT, 0,
            "frame, zstd-3, 1 MiB blocks");
FRAME_CODEC(bitx, "bitx:bitx", BITX_CODEC_BITX, BITX_EFFORT_DEFAULT, 1,
            "frame, the paper's codec, 1 MiB blocks");
FRAME_CODEC(float, "bitx:float", BITX_CODEC_FLOAT, BITX_EFFORT_DEFAULT, 0,
            "frame, standalone float codec, 1 MiB blocks");
FRAME_CODEC(delta, "bitx:delta", BITX_CODEC_DELTA, BITX_EFFORT_DEFAULT, 1,
            "frame, given the base's exponent, 1 MiB blocks");
FRAME_CODEC(auto, "bitx:auto", BITX_CODEC_AUTO, BITX_EFFORT_DEFAULT, 1,
            "frame, the codec predicted to be smallest, block by block");
FRAME_CODEC(max, "bitx:max", BITX_CODEC_AUTO, BITX_EFFORT_MAX, 1,
            "frame, every codec tried, block by block (--effort max)");
