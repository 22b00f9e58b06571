/* Parameters, memory, executors: everything around the bytes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "codec_util.h"

enum { N = 100001, BASE_N = 90000, BLOCK = 1 << 14, CAP = N + 4096 };

static uint8_t src[N], base[N], frame[CAP], other[CAP], out[N];
static uint8_t base_hash[16];

static bitx_params params_of(bitx_codec codec)
{
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = codec == BITX_CODEC_FIELDS ? BITX_Q4_0 : BITX_BF16;
    params.codec = codec;
    params.effort = BITX_EFFORT_MAX;
    params.block_nbytes = BLOCK;
    return params;
}

static void fill(void)
{
    cu_fill(CU_NEAR, BITX_BF16, 11, src, base, N);
    cu_hash128(base_hash, base, BASE_N);
}

static int read_src(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    const uint8_t *data = user;
    memcpy(dst, data + offset, nbytes);
    return 0;
}

static int read_fails(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    (void)offset;
    (void)dst;
    (void)nbytes;
    size_t *left = user;
    return (*left)-- == 0;
}

/* ---- parameters ---------------------------------------------------------------------------------
 */

static bitx_status accepted(const bitx_params *params)
{
    size_t n, bound;
    bitx_ctx *ctx;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    bitx_status status = bitx_encode(ctx, params, frame, CAP, &n, src, 10, NULL, 0);
    cr_assert_eq(bitx_encode_bound(params, 10, 0, &bound), status);
    bitx_ctx_free(ctx);
    return status;
}

#define PARAMS(expected, ...)                                                                      \
    do {                                                                                           \
        bitx_params p = BITX_PARAMS_INIT;                                                          \
        __VA_ARGS__;                                                                               \
        bitx_status got = accepted(&p);                                                            \
        cr_expect_eq(got, expected, "%s: %s", #__VA_ARGS__, bitx_status_name(got));                \
    } while (0)

Test(context, parameters)
{
    PARAMS(BITX_OK, (void)0);
    PARAMS(BITX_ERR_ARGUMENT, p.size = 0);
    PARAMS(BITX_ERR_ARGUMENT, p.size--);
    PARAMS(BITX_ERR_ARGUMENT, p.size++);
    PARAMS(BITX_OK, p.dtype = BITX_U64);
    PARAMS(BITX_ERR_ARGUMENT, p.dtype = BITX_DTYPE_COUNT);
    PARAMS(BITX_ERR_ARGUMENT, p.codec = BITX_CODEC_COUNT);
    PARAMS(BITX_OK, p.effort = BITX_EFFORT_MAX);
    PARAMS(BITX_ERR_ARGUMENT, p.effort = (bitx_effort)(BITX_EFFORT_MAX + 1));
    PARAMS(BITX_OK, p.block_nbytes = BITX_BLOCK_MIN);
    PARAMS(BITX_ERR_ARGUMENT, p.block_nbytes = BITX_BLOCK_MIN / 2);
    PARAMS(BITX_OK, p.block_nbytes = BITX_BLOCK_MAX);
    PARAMS(BITX_ERR_ARGUMENT, p.block_nbytes = 2u * BITX_BLOCK_MAX);
    PARAMS(BITX_ERR_ARGUMENT, p.block_nbytes = BITX_BLOCK_MIN + 1);
    PARAMS(BITX_OK, p.zstd_level = 1);
    PARAMS(BITX_OK, p.zstd_level = 19);
    PARAMS(BITX_ERR_ARGUMENT, p.zstd_level = 20);
    PARAMS(BITX_ERR_ARGUMENT, p.zstd_level = -1);
}

Test(context, arguments)
{
    bitx_ctx *ctx;
    bitx_params p = params_of(BITX_CODEC_AUTO);
    size_t n;
    bitx_allocator half = {NULL, NULL, NULL};
    cr_expect_eq(bitx_ctx_new(NULL, NULL, NULL), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_ctx_new(&half, NULL, &ctx), BITX_ERR_ARGUMENT);
    unsigned workers = 0;
    bitx_executor none = cu_backwards(&workers);
    cr_expect_eq(bitx_ctx_new(NULL, &none, &ctx), BITX_ERR_ARGUMENT);
    workers = 1024;
    bitx_executor most = cu_backwards(&workers);
    cr_assert_eq(bitx_ctx_new(NULL, &most, &ctx), BITX_OK);
    bitx_ctx_free(ctx);
    workers = 1025;
    bitx_executor more = cu_backwards(&workers);
    cr_expect_eq(bitx_ctx_new(NULL, &more, &ctx), BITX_ERR_ARGUMENT);
    bitx_ctx_free(NULL);
    bitx_plan_free(NULL);
    bitx_frame_close(NULL);

    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    cr_expect_eq(bitx_encode(NULL, &p, frame, CAP, &n, src, N, NULL, 0), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_encode(ctx, NULL, frame, CAP, &n, src, N, NULL, 0), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_encode(ctx, &p, NULL, CAP, &n, src, N, NULL, 0), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_encode(ctx, &p, frame, CAP, &n, NULL, N, NULL, 0), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_encode(ctx, &p, frame, CAP, &n, src, N, NULL, 1), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_encode_bound(&p, ((size_t)1 << 48) + 1, 0, &n), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_encode_bound(&p, 0, ((size_t)1 << 48) + 1, &n), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_encode_bound(&p, (size_t)1 << 48, (size_t)1 << 48, &n), BITX_OK);
    bitx_ctx_free(ctx);
}

Test(context, names)
{
    for (unsigned i = 0; i < BITX_DTYPE_COUNT; i++) {
        const char *name = bitx_dtype_name((bitx_dtype)i);
        cr_expect_eq(bitx_dtype_parse(name, strlen(name)), (bitx_dtype)i);
        cr_expect_eq(bitx_dtype_parse(name, strlen(name) - 1) == (bitx_dtype)i, 0);
        cr_expect_gt(bitx_dtype_bits((bitx_dtype)i), 0u);
    }
    cr_expect_eq(bitx_dtype_parse("BF16X", 4), BITX_BF16);
    cr_expect_eq(bitx_dtype_parse("bf16", 4), BITX_DTYPE_COUNT);
    cr_expect_eq(bitx_dtype_bits(BITX_DTYPE_COUNT), 0u);
    for (unsigned i = 0; i <= BITX_ERR_SOURCE; i++) {
        cr_expect_str_neq(bitx_status_name((bitx_status)i), "unknown status");
        for (unsigned j = 0; j < i; j++)
            cr_expect_str_neq(bitx_status_name((bitx_status)i), bitx_status_name((bitx_status)j));
    }
    cr_expect_str_eq(bitx_codec_name(BITX_CODEC_DELTA), "delta");
    cr_expect_str_eq(bitx_codec_name(BITX_CODEC_COUNT), "?");
}

/* ---- memory -------------------------------------------------------------------------------------
 */

/* Every object and every kind of call once; the first failure is returned. */
static bitx_status everything(const bitx_allocator *allocator, bitx_codec codec)
{
    bitx_ctx *ctx = NULL;
    bitx_plan *plan = NULL;
    bitx_frame *opened = NULL;
    bitx_params params = params_of(codec);
    bitx_source source = {read_src, src}, base_source = {read_src, base};
    bitx_block block;
    bitx_geometry g;
    size_t n = 0, out_n;
    bitx_status status = bitx_ctx_new(allocator, NULL, &ctx);
    if (status == BITX_OK)
        status = bitx_encode(ctx, &params, frame, CAP, &n, src, N, base, BASE_N);
    if (status == BITX_OK)
        status = bitx_decode(ctx, out, N, &out_n, frame, n, base, BASE_N);
    if (status == BITX_OK)
        status = bitx_decode_range(ctx, out, 100, 1000, frame, n, base, BASE_N);
    if (status == BITX_OK)
        status = bitx_frame_open(ctx, frame, n, &opened);
    if (status == BITX_OK)
        status = bitx_plan_new(ctx, &params, &source, N, &base_source, BASE_N, base_hash, &plan);
    if (status == BITX_OK) {
        bitx_plan_geometry(plan, &g);
        status = bitx_block_encode(ctx, plan, 1, other, CAP, &block, src + BLOCK, BLOCK,
                                   base + BLOCK, BLOCK);
    }
    bitx_plan_free(plan);
    bitx_frame_close(opened);
    bitx_ctx_free(ctx);
    return status;
}

Test(context, every_allocation_fails_once)
{
    fill();
    for (unsigned codec = 0; codec < BITX_CODEC_COUNT; codec++) {
        if (!cu_codec_exists((bitx_codec)codec))
            continue;
        cu_counter whole = {0};
        bitx_allocator allocator = cu_counting(&whole);
        cr_assert_eq(everything(&allocator, (bitx_codec)codec), BITX_OK);
        cr_assert_eq(whole.nlive, 0u);
        for (size_t at = 1; at <= whole.ncalls; at++) {
            for (int all = 0; all < 2; all++) {
                cu_counter counter = {.fail_at = at, .all = all};
                allocator = cu_counting(&counter);
                bitx_status status = everything(&allocator, (bitx_codec)codec);
                cr_assert_eq(status, BITX_ERR_MEMORY, "%s, allocation %zu of %zu: %s",
                             bitx_codec_name((bitx_codec)codec), at, whole.ncalls,
                             bitx_status_name(status));
                cr_assert_eq(counter.nlive, 0u, "leak when allocation %zu fails", at);
            }
        }
    }
}

/* A context whose memory could not grow works again when it can. */
Test(context, recovers_from_failure)
{
    fill();
    bitx_params params = params_of(BITX_CODEC_BITX);
    for (size_t at = 2; at < 8; at++) {
        cu_counter counter = {.fail_at = at};
        bitx_allocator allocator = cu_counting(&counter);
        bitx_ctx *ctx;
        size_t n, out_n;
        cr_assert_eq(bitx_ctx_new(&allocator, NULL, &ctx), BITX_OK);
        bitx_status status = bitx_encode(ctx, &params, frame, CAP, &n, src, N, base, BASE_N);
        if (status != BITX_OK)
            status = bitx_encode(ctx, &params, frame, CAP, &n, src, N, base, BASE_N);
        cr_assert_eq(status, BITX_OK);
        status = bitx_decode(ctx, out, N, &out_n, frame, n, base, BASE_N);
        if (status != BITX_OK)
            status = bitx_decode(ctx, out, N, &out_n, frame, n, base, BASE_N);
        cr_assert_eq(status, BITX_OK);
        cr_assert_eq(memcmp(out, src, N), 0);
        bitx_ctx_free(ctx);
        cr_assert_eq(counter.nlive, 0u);
    }
}

/* zstd included: its contexts live in memory that was there before. */
Test(context, second_call_allocates_nothing)
{
    fill();
    for (unsigned codec = 0; codec < BITX_CODEC_COUNT; codec++) {
        if (!cu_codec_exists((bitx_codec)codec))
            continue;
        for (int level = 1; level <= 19; level += 3) {
            cu_counter counter = {0};
            bitx_allocator allocator = cu_counting(&counter);
            bitx_ctx *ctx;
            bitx_params params = params_of((bitx_codec)codec);
            params.zstd_level = level;
            size_t n, out_n;
            cr_assert_eq(bitx_ctx_new(&allocator, NULL, &ctx), BITX_OK);
            cr_assert_eq(bitx_encode(ctx, &params, frame, CAP, &n, src, N, base, BASE_N), BITX_OK);
            cr_assert_eq(bitx_decode(ctx, out, N, &out_n, frame, n, base, BASE_N), BITX_OK);
            cr_assert_eq(bitx_decode_range(ctx, out, 1, 9, frame, n, base, BASE_N), BITX_OK);
            size_t before = counter.ncalls;
            cr_assert_eq(bitx_encode(ctx, &params, frame, CAP, &n, src, N, base, BASE_N), BITX_OK);
            cr_assert_eq(bitx_decode(ctx, out, N, &out_n, frame, n, base, BASE_N), BITX_OK);
            cr_assert_eq(bitx_decode_range(ctx, out, 1, 9, frame, n, base, BASE_N), BITX_OK);
            cr_assert_eq(counter.ncalls, before);
            bitx_ctx_free(ctx);
        }
    }
}

/* Memory is enough at every level for every size up to the block's, in one and the same context. */
Test(context, every_level_and_size)
{
    enum { MAX = 600000 };
    uint8_t *big = malloc(MAX), *big_base = malloc(MAX), *f = malloc(2 * MAX), *o = malloc(MAX);
    cr_assert(big && big_base && f && o);
    cu_fill(CU_NEAR, BITX_BF16, 3, big, big_base, MAX);
    bitx_ctx *ctx;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    static const size_t sizes[] = {17, 4096, 16385, 16384, 131072, 131073, 262145, 262144, MAX};
    for (int level = 1; level <= 19; level++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            if (level > 9 && sizes[i] == MAX && level != 19)
                continue;
            bitx_params params = params_of(BITX_CODEC_BITX);
            params.block_nbytes = 1 << 20;
            params.zstd_level = level;
            size_t n, out_n;
            cr_assert_eq(
                bitx_encode(ctx, &params, f, 2 * MAX, &n, big, sizes[i], big_base, sizes[i]),
                BITX_OK, "level %d, %zu bytes", level, sizes[i]);
            cr_assert_eq(bitx_decode(ctx, o, MAX, &out_n, f, n, big_base, sizes[i]), BITX_OK);
            cr_assert_eq(memcmp(o, big, sizes[i]), 0);
        }
    }
    bitx_ctx_free(ctx);
    free(big);
    free(big_base);
    free(f);
    free(o);
}

/* ---- sources
 * ------------------------------------------------------------------------------------- */

Test(context, sources_fail)
{
    fill();
    bitx_ctx *ctx;
    bitx_plan *plan = NULL;
    bitx_params params = params_of(BITX_CODEC_AUTO);
    params.effort = BITX_EFFORT_DEFAULT;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    size_t failed = 0;
    for (size_t reads = 0; reads < 6; reads++) {
        size_t left = reads, enough = 1000;
        bitx_source bad = {read_fails, &left}, good = {read_fails, &enough};
        for (int which = 0; which < 2; which++) {
            left = reads;
            bitx_status status = bitx_plan_new(ctx, &params, which ? &good : &bad, N,
                                               which ? &bad : &good, BASE_N, base_hash, &plan);
            cr_assert(status == BITX_ERR_SOURCE || status == BITX_OK);
            failed += status == BITX_ERR_SOURCE;
            if (status == BITX_OK)
                bitx_plan_free(plan);
        }
    }
    cr_assert_geq(failed, 6u);
    bitx_source good = {read_src, src};
    cr_expect_eq(bitx_plan_new(ctx, &params, NULL, N, NULL, 0, NULL, &plan), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_plan_new(ctx, &params, &good, N, &good, N, NULL, &plan), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_plan_new(ctx, &params, &good, N, NULL, N, NULL, &plan), BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_plan_new(ctx, &params, &good, ((uint64_t)1 << 48) + 1, NULL, 0, NULL, &plan),
                 BITX_ERR_ARGUMENT);
    bitx_ctx_free(ctx);
}

Test(context, block_calls_check_their_ranges)
{
    fill();
    bitx_ctx *ctx;
    bitx_plan *plan;
    bitx_params params = params_of(BITX_CODEC_BITX);
    bitx_source ss = {read_src, src}, sb = {read_src, base};
    bitx_block rows[7];
    bitx_geometry g;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    cr_assert_eq(bitx_plan_new(ctx, &params, &ss, N, &sb, BASE_N, base_hash, &plan), BITX_OK);
    bitx_plan_geometry(plan, &g);
    cr_assert_eq(g.nblocks, 7u);
    uint8_t *s = src + BLOCK, *b = base + BLOCK;
    cr_expect_eq(bitx_block_encode(ctx, plan, 1, other, BLOCK, rows, s, BLOCK, b, BLOCK), BITX_OK);
    cr_expect_eq(bitx_block_encode(ctx, plan, 1, other, BLOCK - 1, rows, s, BLOCK, b, BLOCK),
                 BITX_ERR_DST_SIZE);
    cr_expect_eq(bitx_block_encode(ctx, plan, 1, other, BLOCK, rows, s, BLOCK - 1, b, BLOCK),
                 BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_block_encode(ctx, plan, 1, other, BLOCK, rows, s, BLOCK, b, BLOCK - 1),
                 BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_block_encode(ctx, plan, 7, other, BLOCK, rows, s, BLOCK, b, BLOCK),
                 BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_header_write(plan, other, (size_t)g.header_nbytes - 1, rows),
                 BITX_ERR_DST_SIZE);
    cr_expect_eq(bitx_header_write(plan, other, (size_t)g.header_nbytes, NULL), BITX_ERR_ARGUMENT);
    bitx_plan_free(plan);
    bitx_ctx_free(ctx);
}

/* ---- executors
 * ------------------------------------------------------------------------------------ */

/* Any number of workers and any order give the bytes of one. */
Test(context, workers_do_not_matter)
{
    fill();
    for (unsigned codec = 0; codec < BITX_CODEC_COUNT; codec++) {
        if (!cu_codec_exists((bitx_codec)codec))
            continue;
        bitx_params params = params_of((bitx_codec)codec);
        bitx_ctx *one;
        size_t n, m, out_n;
        cr_assert_eq(bitx_ctx_new(NULL, NULL, &one), BITX_OK);
        cr_assert_eq(bitx_encode(one, &params, frame, CAP, &n, src, N, base, BASE_N), BITX_OK);
        for (unsigned nworkers = 1; nworkers <= 9; nworkers += 4) {
            bitx_executor executors[] = {cu_threads(&nworkers), cu_backwards(&nworkers)};
            for (size_t i = 0; i < 2; i++) {
                bitx_ctx *many;
                cr_assert_eq(bitx_ctx_new(NULL, &executors[i], &many), BITX_OK);
                memset(other, 0xee, CAP);
                cr_assert_eq(bitx_encode(many, &params, other, CAP, &m, src, N, base, BASE_N),
                             BITX_OK);
                cr_assert_eq(m, n);
                cr_assert_eq(memcmp(frame, other, n), 0);
                memset(out, 0, N);
                cr_assert_eq(bitx_decode(many, out, N, &out_n, other, m, base, BASE_N), BITX_OK);
                cr_assert_eq(memcmp(out, src, N), 0);
                memset(out, 0, N);
                cr_assert_eq(bitx_decode_range(many, out, 5, N - 9, other, m, base, BASE_N),
                             BITX_OK);
                cr_assert_eq(memcmp(out, src + 5, N - 9), 0);
                /* a broken block is found by whichever worker has it */
                other[m - 100] ^= 1;
                cr_assert_neq(bitx_decode(many, out, N, &out_n, other, m, base, BASE_N), BITX_OK);
                bitx_ctx_free(many);
            }
        }
        bitx_ctx_free(one);
    }
}

/* A tensor of one block, whose base may have been hashed while its sample was looked at. */
Test(context, workers_do_not_matter_to_one_block)
{
    fill();
    unsigned nworkers = 2;
    bitx_executor executors[] = {cu_threads(&nworkers), cu_backwards(&nworkers)};
    for (size_t k = 0; k < 4; k++) {
        bitx_params params = params_of(k / 2 ? BITX_CODEC_AUTO : BITX_CODEC_DELTA);
        params.effort = k % 2 ? BITX_EFFORT_MAX : BITX_EFFORT_DEFAULT;
        params.block_nbytes = 1u << 20;
        bitx_ctx *one;
        size_t n, m, out_n;
        cr_assert_eq(bitx_ctx_new(NULL, NULL, &one), BITX_OK);
        cr_assert_eq(bitx_encode(one, &params, frame, CAP, &n, src, N, base, BASE_N), BITX_OK);
        for (size_t i = 0; i < 2; i++) {
            bitx_ctx *many;
            cr_assert_eq(bitx_ctx_new(NULL, &executors[i], &many), BITX_OK);
            memset(other, 0xee, CAP);
            cr_assert_eq(bitx_encode(many, &params, other, CAP, &m, src, N, base, BASE_N), BITX_OK);
            cr_assert_eq(m, n);
            cr_assert_eq(memcmp(frame, other, n), 0);
            cr_assert_eq(bitx_decode(many, out, N, &out_n, other, m, base, BASE_N), BITX_OK);
            cr_assert_eq(memcmp(out, src, N), 0);
            bitx_ctx_free(many);
        }
        bitx_ctx_free(one);
    }
}

/* Blocks that were broken in different ways: the verdict is that of the first, in every order. */
Test(context, first_error_wins)
{
    fill();
    bitx_params params = params_of(BITX_CODEC_BITX);
    bitx_ctx *ctx;
    size_t n, out_n;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    cr_assert_eq(bitx_encode(ctx, &params, frame, CAP, &n, src, N, base, BASE_N), BITX_OK);
    size_t rows = cu_rows_offset(frame, n);
    frame[rows + 13 + 5] ^= 1;                  /* block 1: the checksum in its row */
    frame[rows + 13 * 3 + 4] = BITX_CODEC_ZSTD; /* block 3: no zstd frame */
    cr_assert(cu_reseal(frame, n));
    unsigned nworkers = 3;
    bitx_executor backwards = cu_backwards(&nworkers);
    bitx_ctx *many;
    cr_assert_eq(bitx_ctx_new(NULL, &backwards, &many), BITX_OK);
    cr_assert_eq(bitx_decode_range(ctx, out, 3 * BLOCK, BLOCK, frame, n, base, BASE_N),
                 BITX_ERR_CORRUPT);
    cr_assert_eq(bitx_decode(ctx, out, N, &out_n, frame, n, base, BASE_N), BITX_ERR_CHECKSUM);
    cr_assert_eq(bitx_decode(many, out, N, &out_n, frame, n, base, BASE_N), BITX_ERR_CHECKSUM);
    bitx_ctx_free(many);
    bitx_ctx_free(ctx);
}
