/* What went in comes out: every dtype, codec, length, edge, base and placement. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "codec_util.h"

/* The buffers of one roundtrip, each against a guard page. */
typedef struct rig {
    bitx_ctx *ctx;
    cu_guard src, base, frame, out;
    size_t max;
} rig;

static void rig_make(rig *r, size_t max)
{
    bitx_params params = BITX_PARAMS_INIT;
    params.block_nbytes = BITX_BLOCK_MIN;
    size_t bound;
    cr_assert_eq(bitx_encode_bound(&params, max, max, &bound), BITX_OK);
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &r->ctx), BITX_OK);
    r->max = max;
    cu_guard_make(&r->src, max);
    cu_guard_make(&r->base, max);
    cu_guard_make(&r->frame, bound);
    cu_guard_make(&r->out, max);
}

static void rig_free(rig *r)
{
    bitx_ctx_free(r->ctx);
    cu_guard_free(&r->src);
    cu_guard_free(&r->base);
    cu_guard_free(&r->frame);
    cu_guard_free(&r->out);
}

static uint8_t *place(const cu_guard *guard, size_t n, bool high)
{
    return high ? cu_guard_high(guard, n) : cu_guard_low(guard) + 1;
}

/*
 * One tensor of n bytes against a base of base_n, all at the high or the low guards; returns the
 * size of the frame.
 */
static size_t roundtrip(rig *r, const bitx_params *params, const uint8_t *src, size_t n,
                        const uint8_t *base, size_t base_n, bool high)
{
    const char *label = bitx_codec_name(params->codec);
    const char *dtype = bitx_dtype_name(params->dtype);
    size_t bound, frame_n = SIZE_MAX, out_n = SIZE_MAX;
    cr_assert_eq(bitx_encode_bound(params, n, base_n, &bound), BITX_OK);
    uint8_t *s = place(&r->src, n, high), *b = place(&r->base, base_n, high);
    uint8_t *f = place(&r->frame, bound, high), *o = place(&r->out, n, high);
    memcpy(s, src, n);
    memcpy(b, base, base_n);
    bitx_status status = bitx_encode(r->ctx, params, f, bound, &frame_n, s, n, b, base_n);
    cr_assert_eq(status, BITX_OK, "%s %s n %zu base %zu: encode: %s", label, dtype, n, base_n,
                 bitx_status_name(status));
    cr_assert_leq(frame_n, bound);
    cr_assert_eq(memcmp(s, src, n), 0, "source changed");
    cr_assert_eq(memcmp(b, base, base_n), 0, "base changed");

    /* Decode it where a read beyond it faults. */
    uint8_t *fitted = high ? cu_guard_high(&r->frame, frame_n) : f;
    memmove(fitted, f, frame_n);
    bitx_frame_info info;
    size_t need;
    cr_assert_eq(bitx_frame_info_read(fitted, frame_n, &info, &need), BITX_OK);
    cr_assert_eq(info.nbytes, n);
    cr_assert_eq(info.frame_nbytes, frame_n);
    cr_assert_eq(info.dtype, params->dtype);
    cr_assert_eq(info.codec, params->codec);
    cr_assert(info.base_nbytes == base_n || info.base_nbytes == 0);
    cr_assert_leq(frame_n, info.header_nbytes + n, "%s grew a block", label);

    memset(o, 0x5a, n);
    status = bitx_decode(r->ctx, o, n, &out_n, fitted, frame_n, b, base_n);
    cr_assert_eq(status, BITX_OK, "%s %s n %zu base %zu: decode: %s", label, dtype, n, base_n,
                 bitx_status_name(status));
    cr_assert_eq(out_n, n);
    cr_assert_eq(memcmp(o, src, n), 0, "%s %s n %zu base %zu: other bytes", label, dtype, n,
                 base_n);
    if (info.base_nbytes == 0) {
        cr_assert_eq(bitx_decode(r->ctx, o, n, &out_n, fitted, frame_n, NULL, 0), BITX_OK);
        cr_assert_eq(memcmp(o, src, n), 0);
    }
    return frame_n;
}

static bool can(bitx_codec codec, bitx_dtype dtype, size_t base_n)
{
    if (codec == BITX_CODEC_FIELDS && dtype < BITX_Q4_0)
        return false;
    return cu_codec_exists(codec) && (codec != BITX_CODEC_DELTA || base_n);
}

/* Lengths 0 to 40 and a few more; bases absent, shorter by any remainder, equal, longer. */
static void every_length(bitx_codec codec, bitx_effort effort)
{
    enum { MAX = 80 };
    if (!cu_codec_exists(codec))
        cr_skip_test("this build has no such codec");
    uint8_t src[MAX], base[MAX];
    rig r;
    rig_make(&r, MAX);
    for (unsigned dtype = 0; dtype < BITX_DTYPE_COUNT; dtype++) {
        bitx_params params = BITX_PARAMS_INIT;
        params.dtype = (bitx_dtype)dtype;
        params.codec = codec;
        params.effort = effort;
        /* Kinds in turn, so that three dtypes in a row see all of them: all at once take a minute.
         */
        for (unsigned kind = dtype % 3; kind < CU_KINDS; kind += 3) {
            cu_fill((cu_kind)kind, params.dtype, dtype, src, base, MAX);
            for (size_t n = 0; n <= MAX; n += n < 40 ? 1 : 7) {
                const size_t bases[] = {0, n / 2, n > 3 ? n - 3 : 1, n, n + 1 < MAX ? n + 1 : MAX};
                for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
                    if (can(codec, params.dtype, bases[i]))
                        roundtrip(&r, &params, src, n, base, bases[i], (n + i) % 3 != 0);
            }
        }
    }
    rig_free(&r);
}

Test(roundtrip, every_length_auto)
{
    every_length(BITX_CODEC_AUTO, BITX_EFFORT_DEFAULT);
    every_length(BITX_CODEC_AUTO, BITX_EFFORT_MAX);
}

Test(roundtrip, every_length_raw)
{
    every_length(BITX_CODEC_RAW, BITX_EFFORT_DEFAULT);
}

Test(roundtrip, every_length_zstd)
{
    every_length(BITX_CODEC_ZSTD, BITX_EFFORT_DEFAULT);
}

Test(roundtrip, every_length_bitx)
{
    every_length(BITX_CODEC_BITX, BITX_EFFORT_DEFAULT);
}

Test(roundtrip, every_length_float)
{
    every_length(BITX_CODEC_FLOAT, BITX_EFFORT_DEFAULT);
}

Test(roundtrip, every_length_delta)
{
    every_length(BITX_CODEC_DELTA, BITX_EFFORT_DEFAULT);
    every_length(BITX_CODEC_DELTA, BITX_EFFORT_MAX);
}

Test(roundtrip, every_length_fields)
{
    every_length(BITX_CODEC_FIELDS, BITX_EFFORT_DEFAULT);
    every_length(BITX_CODEC_FIELDS, BITX_EFFORT_MAX);
}

/* One byte more and less than a block, for the tensor and for its base. */
static void block_edges(bitx_codec codec)
{
    enum { MAX = 2 * BITX_BLOCK_MIN + 40 };
    if (!cu_codec_exists(codec))
        cr_skip_test("this build has no such codec");
    static const bitx_dtype dtypes[] = {BITX_BF16, BITX_F32,   BITX_F16,  BITX_F8_E4M3,
                                        BITX_F64,  BITX_BYTES, BITX_C64,  BITX_I64,
                                        BITX_Q4_0, BITX_Q6_K,  BITX_MXFP4};
    static uint8_t src[MAX], base[MAX];
    rig r;
    rig_make(&r, MAX);
    for (size_t d = 0; d < sizeof(dtypes) / sizeof(dtypes[0]); d++) {
        bitx_params params = BITX_PARAMS_INIT;
        params.dtype = dtypes[d];
        params.codec = codec;
        params.block_nbytes = BITX_BLOCK_MIN;
        for (unsigned kind = d % 2; kind < CU_KINDS; kind += 2) {
            cu_fill((cu_kind)kind, params.dtype, d, src, base, MAX);
            for (size_t k = 1; k <= 2; k++) {
                for (int off = -9; off <= 9; off += off < -2 || off > 1 ? 7 : 1) {
                    size_t n = k * BITX_BLOCK_MIN + (size_t)off;
                    const size_t bases[] = {
                        0,  n, n - 1, n - 2, BITX_BLOCK_MIN - 1, BITX_BLOCK_MIN, BITX_BLOCK_MIN + 1,
                        MAX};
                    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
                        if (can(codec, params.dtype, bases[i]))
                            roundtrip(&r, &params, src, n, base, bases[i], i % 2 == 0);
                }
            }
        }
    }
    rig_free(&r);
}

Test(roundtrip, block_edges_auto)
{
    block_edges(BITX_CODEC_AUTO);
}

Test(roundtrip, block_edges_bitx)
{
    block_edges(BITX_CODEC_BITX);
}

Test(roundtrip, block_edges_float)
{
    block_edges(BITX_CODEC_FLOAT);
}

Test(roundtrip, block_edges_delta)
{
    block_edges(BITX_CODEC_DELTA);
}

Test(roundtrip, block_edges_fields)
{
    block_edges(BITX_CODEC_FIELDS);
}

/* Taken apart, records as CU_RECORDS makes them are smaller than by any other codec. */
Test(roundtrip, fields_pay)
{
    enum { N = 1 << 17 };
    static const bitx_dtype dtypes[] = {BITX_Q4_0, BITX_Q5_0, BITX_Q8_0, BITX_IQ4_NL};
    static uint8_t src[N], base[N];
    rig r;
    rig_make(&r, N);
    for (size_t d = 0; d < sizeof(dtypes) / sizeof(dtypes[0]); d++) {
        bitx_params params = BITX_PARAMS_INIT;
        params.dtype = dtypes[d];
        cu_fill(CU_RECORDS, params.dtype, 1, src, base, N);
        for (size_t base_n = 0; base_n <= N; base_n += N) {
            size_t fields = roundtrip(&r, &params, src, N, base, base_n, true);
            for (unsigned codec = BITX_CODEC_ZSTD; codec < BITX_CODEC_FIELDS; codec++) {
                params.codec = (bitx_codec)codec;
                if (!can(params.codec, params.dtype, base_n))
                    continue;
                size_t other = roundtrip(&r, &params, src, N, base, base_n, true);
                cr_expect_lt(fields, other, "%s %s: %zu, %zu", bitx_codec_name(params.codec),
                             bitx_dtype_name(params.dtype), fields, other);
            }
            params.codec = BITX_CODEC_AUTO;
        }
    }
    rig_free(&r);
}

/* Codecs do compress what they are made for, so that the tests above did not see raw alone. */
Test(roundtrip, codecs_compress)
{
    enum { N = 1 << 17 };
    static uint8_t src[N], base[N];
    rig r;
    rig_make(&r, N);
    bitx_params params = BITX_PARAMS_INIT;
    for (unsigned dtype = BITX_I16; dtype <= BITX_U64; dtype++) {
        params.dtype = (bitx_dtype)dtype;
        cu_fill(CU_NEAR, params.dtype, 1, src, base, N);
        for (unsigned codec = BITX_CODEC_BITX; codec < BITX_CODEC_COUNT; codec++) {
            params.codec = (bitx_codec)codec;
            if (codec == BITX_CODEC_FLOAT || !can(params.codec, params.dtype, N))
                continue;
            size_t coded = roundtrip(&r, &params, src, N, base, N, true);
            cr_assert_lt(coded, N * 6 / 10, "%s %s: %zu", bitx_codec_name(params.codec),
                         bitx_dtype_name(params.dtype), coded);
        }
    }
    params.codec = BITX_CODEC_ZSTD;
    cu_fill(CU_REPEAT, BITX_BYTES, 1, src, base, N);
    cr_assert_lt(roundtrip(&r, &params, src, N, base, 0, true), N / 100);
    rig_free(&r);
}

/* AUTO is not larger than any codec by itself: exactly with MAX, where no tables are in the way. */
Test(roundtrip, auto_picks_the_smallest)
{
    enum { N = 60000 };
    static uint8_t src[N], base[N];
    rig r;
    rig_make(&r, N);
    for (unsigned kind = 0; kind < CU_KINDS; kind++) {
        bitx_params params = BITX_PARAMS_INIT;
        params.dtype = BITX_BF16;
        params.block_nbytes = 1 << 14;
        params.effort = BITX_EFFORT_MAX;
        cu_fill((cu_kind)kind, params.dtype, 1, src, base, N);
        size_t best = roundtrip(&r, &params, src, N, base, N, true);
        params.effort = BITX_EFFORT_DEFAULT;
        size_t quick = roundtrip(&r, &params, src, N, base, N, true);
        for (unsigned codec = BITX_CODEC_RAW; codec < BITX_CODEC_COUNT; codec++) {
            params.codec = (bitx_codec)codec;
            if (!can(params.codec, params.dtype, N))
                continue;
            size_t alone = roundtrip(&r, &params, src, N, base, N, true);
            /* AUTO may name a base where the codec alone needs none. */
            cr_assert_leq(best, alone + 19, "kind %u, %s", kind, bitx_codec_name(params.codec));
            cr_assert_leq(quick, alone + alone / 100 + 64, "kind %u, %s: %zu, %zu", kind,
                          bitx_codec_name(params.codec), quick, alone);
        }
    }
    rig_free(&r);
}

/* Ranges over three blocks: each starts and ends anywhere. */
Test(roundtrip, decode_range)
{
    enum { N = 2 * BITX_BLOCK_MIN + 1001 };
    static uint8_t src[N], base[N], frame[2 * N];
    cu_guard out;
    cu_guard_make(&out, N);
    bitx_ctx *ctx;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = BITX_BF16;
    params.block_nbytes = BITX_BLOCK_MIN;
    cu_fill(CU_NEAR, params.dtype, 7, src, base, N);
    size_t n;
    cr_assert_eq(bitx_encode(ctx, &params, frame, sizeof(frame), &n, src, N, base, N - 2000),
                 BITX_OK);
    static const size_t edges[] = {0,    1,    2,    100,  4095,  4096, 4097,
                                   5000, 8191, 8192, 8193, N - 1, N};
    enum { NEDGES = sizeof(edges) / sizeof(edges[0]) };
    for (size_t i = 0; i < NEDGES; i++) {
        for (size_t j = i; j < NEDGES; j++) {
            size_t len = edges[j] - edges[i];
            uint8_t *o = cu_guard_high(&out, len);
            memset(o, 0x5a, len);
            cr_assert_eq(bitx_decode_range(ctx, o, edges[i], len, frame, n, base, N - 2000),
                         BITX_OK);
            cr_assert_eq(memcmp(o, src + edges[i], len), 0, "%zu to %zu", edges[i], edges[j]);
        }
    }
    uint8_t *o = cu_guard_low(&out);
    cr_assert_eq(bitx_decode_range(ctx, o, N, 1, frame, n, base, N - 2000), BITX_ERR_ARGUMENT);
    cr_assert_eq(bitx_decode_range(ctx, o, N + 1, 0, frame, n, base, N - 2000), BITX_ERR_ARGUMENT);
    cr_assert_eq(bitx_decode_range(ctx, o, UINT64_MAX, 2, frame, n, base, N - 2000),
                 BITX_ERR_ARGUMENT);
    /* A broken block does not matter to the ranges of others. */
    frame[n - 1] ^= 1;
    cr_assert_eq(bitx_decode_range(ctx, o, 0, 8192, frame, n, base, N - 2000), BITX_OK);
    cr_assert_neq(bitx_decode_range(ctx, o, 8191, 2, frame, n, base, N - 2000), BITX_OK);
    bitx_ctx_free(ctx);
    cu_guard_free(&out);
}

/* Low bits that are zero in the tensor but not in its base; or one long run of changes, where a
   look at the rest finds none. */
static void make_sparse(cu_kind kind, bitx_dtype dtype, unsigned variant, uint8_t *src,
                        uint8_t *base, size_t n)
{
    cu_fill(kind, dtype, n + variant, src, base, n);
    for (size_t i = 0; i + 2 <= n && variant == 1; i += 2)
        src[i] &= 0xf8;
    for (size_t i = n / 2 & ~(size_t)1; i < n && variant == 2 && i < n / 2 + 20000; i += 2)
        src[i] ^= 0x15;
}

/* Blocks of which few elements changed are coded along another way, from 4096 elements on. */
Test(roundtrip, sparse_blocks)
{
    static const size_t lengths[] = {8190, 8192, 8194, 16385, 40000, 131072, 300001};
    static const bitx_dtype dtypes[] = {BITX_BF16, BITX_F16, BITX_I16};
    enum { MAX = 300001 };
    uint8_t *src = malloc(MAX), *base = malloc(MAX);
    rig r;
    rig_make(&r, MAX);
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]) * 3 * 3 * 3; i++) {
        bitx_params params = BITX_PARAMS_INIT;
        size_t n = lengths[i / 27];
        params.codec = i % 2 ? BITX_CODEC_DELTA : BITX_CODEC_AUTO;
        params.dtype = dtypes[i % 3];
        params.effort = (bitx_effort)(i / 3 % 3);
        params.block_nbytes = i % 5 ? 1 << 16 : 1 << 14;
        make_sparse(i % 7 ? CU_SPARSE : CU_SAME, params.dtype, i / 9 % 3, src, base, n);
        size_t frame_n = roundtrip(&r, &params, src, n, base, i % 4 ? n : n - 700, i % 2);
        cr_assert(i / 9 % 3 || i % 4 == 0 || frame_n < n / 6, "%zu of %zu", frame_n, n);
    }
    rig_free(&r);
    free(src);
    free(base);
}

/* ---- the block interface ----------------------------------------------------------------------
 */

typedef struct memory {
    const uint8_t *data;
    size_t nbytes;
} memory;

static int read_memory(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    const memory *m = user;
    if (offset > m->nbytes || nbytes > m->nbytes - offset)
        return 1;
    memcpy(dst, m->data + offset, nbytes);
    return 0;
}

/* Blocks one by one give the bytes of the whole, and decode one by one. */
static void blocks_match_whole(const bitx_params *params, const uint8_t *src, size_t n,
                               const uint8_t *base, size_t base_n)
{
    size_t bound, whole_n;
    cr_assert_eq(bitx_encode_bound(params, n, base_n, &bound), BITX_OK);
    uint8_t *whole = malloc(bound), *pieces = malloc(bound), *out = malloc(n + 1);
    bitx_ctx *ctx, *other;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &other), BITX_OK);
    cr_assert_eq(bitx_encode(ctx, params, whole, bound, &whole_n, src, n, base, base_n), BITX_OK);

    memory ms = {src, n}, mb = {base, base_n};
    bitx_source ss = {read_memory, &ms}, sb = {read_memory, &mb};
    uint8_t hash[16];
    cu_hash128(hash, base, base_n);
    bitx_plan *plan;
    cr_assert_eq(bitx_plan_new(ctx, params, &ss, n, base_n ? &sb : NULL, base_n,
                               base_n ? hash : NULL, &plan),
                 BITX_OK);
    bitx_geometry g;
    bitx_plan_geometry(plan, &g);
    bitx_block *rows = calloc(g.nblocks + 1, sizeof(*rows));
    size_t pos = (size_t)g.header_nbytes;
    for (uint64_t i = 0; i < g.nblocks; i++) {
        size_t off = (size_t)i * g.block_nbytes;
        size_t len = n - off < g.block_nbytes ? n - off : g.block_nbytes;
        size_t blen = base_n <= off ? 0 : base_n - off < len ? base_n - off : len;
        cr_assert_leq(len, g.block_bound);
        cr_assert_eq(bitx_block_encode(other, plan, i, pieces + pos, len, &rows[i], src + off, len,
                                       blen ? base + off : NULL, blen),
                     BITX_OK);
        pos += rows[i].payload_nbytes;
    }
    cr_assert_eq(bitx_header_write(plan, pieces, (size_t)g.header_nbytes, rows), BITX_OK);
    cr_assert_eq(pos, whole_n);
    cr_assert_eq(memcmp(pieces, whole, pos), 0, "other bytes by blocks");
    bitx_plan_free(plan);

    bitx_frame *frame;
    bitx_frame_info info;
    cr_assert_eq(bitx_frame_open(ctx, whole, (size_t)g.header_nbytes, &frame), BITX_OK);
    bitx_frame_get_info(frame, &info);
    cr_assert_eq(info.frame_nbytes, whole_n);
    for (uint64_t i = g.nblocks; i-- > 0;) {
        size_t off = (size_t)i * g.block_nbytes;
        size_t len = n - off < g.block_nbytes ? n - off : g.block_nbytes;
        size_t blen = info.base_nbytes <= off        ? 0
                      : info.base_nbytes - off < len ? (size_t)info.base_nbytes - off
                                                     : len;
        uint64_t at;
        bitx_block row;
        cr_assert_eq(bitx_frame_block(frame, i, &at, &row), BITX_OK);
        cr_assert_eq(row.checksum, cu_hash64(src + off, len));
        cr_assert_eq(bitx_block_decode(other, frame, i, out, len, whole + at, row.payload_nbytes,
                                       blen ? base + off : NULL, blen),
                     BITX_OK);
        cr_assert_eq(memcmp(out, src + off, len), 0);
    }
    bitx_frame_close(frame);
    bitx_ctx_free(ctx);
    bitx_ctx_free(other);
    free(rows);
    free(whole);
    free(pieces);
    free(out);
}

Test(roundtrip, blocks_one_by_one)
{
    enum { N = 3 << 20 };
    static uint8_t src[N], base[N];
    static const size_t lengths[] = {0, 1, 4096, 4097, 300001, N};
    for (unsigned kind = 0; kind < CU_KINDS; kind++) {
        cu_fill((cu_kind)kind, BITX_BF16, 3, src, base, N);
        for (unsigned effort = 0; effort <= BITX_EFFORT_MAX; effort++) {
            for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
                bitx_params params = BITX_PARAMS_INIT;
                params.dtype = BITX_BF16;
                params.effort = (bitx_effort)effort;
                params.block_nbytes = i % 2 ? 1 << 14 : 1 << 18;
                if (lengths[i] == N && (kind > 1 || effort == BITX_EFFORT_MAX))
                    continue;
                blocks_match_whole(&params, src, lengths[i], base, lengths[i] * (i % 3) / 2);
            }
        }
    }
}
