/* Frames that need an adapter: found where it was merged and only there, exact, hostile sections,
 * golden frames. */
#include <criterion/criterion.h>
#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "adapter_cases.h"
#include "codec_util.h"

static bitx_ctx *context(void)
{
    bitx_ctx *ctx = NULL;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    return ctx;
}

static void hash(uint8_t out[BITX_HASH_NBYTES], const void *data, size_t n)
{
    XXH128_canonicalFromHash((void *)out, XXH3_128bits(data, n));
}

typedef struct coded {
    uint8_t frame[CASE_MAX];
    size_t n;
    bitx_frame_info info;
} coded;

static bitx_params params_of(const adapter_case *c, bitx_effort effort)
{
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = c->dtype;
    params.block_nbytes = BITX_BLOCK_MIN;
    params.effort = effort;
    params.row_nelem = c->columns;
    return params;
}

/* given: whose matrices are offered; NULL: nobody's. */
static void encode(bitx_ctx *ctx, const adapter_case *c, const adapter_data *d,
                   const adapter_data *given, bitx_effort effort, coded *out)
{
    bitx_params params = params_of(c, effort);
    uint8_t hashes[2][BITX_HASH_NBYTES];
    bitx_adapter_source source;
    adapter_memory memory[2];
    size_t need;
    if (given) {
        memory[0].data = given->a;
        memory[1].data = given->b;
        hash(hashes[0], given->a, given->a_nbytes);
        hash(hashes[1], given->b, given->b_nbytes);
        source = (bitx_adapter_source){{adapter_read, &memory[0]},
                                       {adapter_read, &memory[1]},
                                       given->a_nbytes,
                                       given->b_nbytes,
                                       c->factor_dtype,
                                       hashes[0],
                                       hashes[1]};
        params.adapter = &source;
    }
    cr_assert_eq(bitx_encode(ctx, &params, out->frame, sizeof(out->frame), &out->n, d->tensor,
                             d->nbytes, d->base, d->nbytes),
                 BITX_OK);
    cr_assert_eq(bitx_frame_info_read(out->frame, out->n, &out->info, &need), BITX_OK);
}

static bitx_status decode(bitx_ctx *ctx, const coded *e, const adapter_data *d, uint8_t *out)
{
    size_t n;
    return bitx_decode_adapter(ctx, out, CASE_MAX, &n, e->frame, e->n, d->base, d->nbytes, d->a,
                               d->a_nbytes, d->b, d->b_nbytes);
}

static bitx_status decode_block(bitx_ctx *ctx, const bitx_frame *frame, const coded *e, uint64_t i,
                                const adapter_data *d, uint8_t *out, size_t *n)
{
    uint64_t at, offset;
    size_t base_n;
    bitx_block row;
    cr_assert_eq(bitx_frame_block(frame, i, &at, &row), BITX_OK);
    cr_assert_eq(bitx_frame_base_range(frame, i, &offset, &base_n), BITX_OK);
    const uint64_t rest = e->info.nbytes - i * e->info.block_nbytes;
    *n = (size_t)(rest < e->info.block_nbytes ? rest : e->info.block_nbytes);
    const void *base = d->base + offset;
    return bitx_block_decode_bases(ctx, frame, i, out, *n, e->frame + at, row.payload_nbytes, &base,
                                   1, base_n);
}

static void decode_blocks(bitx_ctx *ctx, const coded *e, const adapter_data *d, uint8_t *out)
{
    bitx_frame *frame;
    size_t n;
    cr_assert_eq(bitx_frame_open(ctx, e->frame, e->n, &frame), BITX_OK);
    cr_assert_eq(decode_block(ctx, frame, e, 0, d, out, &n), BITX_ERR_NO_BASE);
    cr_assert_eq(bitx_frame_set_adapter(frame, d->b, d->b_nbytes, d->a, d->a_nbytes),
                 BITX_ERR_WRONG_BASE);
    cr_assert_eq(bitx_frame_set_adapter(frame, d->a, d->a_nbytes, NULL, 0), BITX_ERR_NO_BASE);
    cr_assert_eq(bitx_frame_set_adapter(frame, d->a, d->a_nbytes, d->b, d->b_nbytes), BITX_OK);
    cr_assert_eq(bitx_frame_set_adapter(frame, d->a, d->a_nbytes, d->b, d->b_nbytes),
                 BITX_ERR_ARGUMENT);
    for (uint64_t i = e->info.nblocks; i-- > 0;) {
        cr_assert_eq(decode_block(ctx, frame, e, i, d, out, &n), BITX_OK);
        cr_assert_arr_eq(out, d->tensor + i * e->info.block_nbytes, n);
    }
    bitx_frame_close(frame);
}

Test(adapter, found_exact_and_smaller)
{
    static uint8_t out[CASE_MAX];
    static coded with, without;
    bitx_ctx *ctx = context();
    for (size_t i = 0; i < NADAPTERS; i++)
        for (int effort = 0; effort <= BITX_EFFORT_MAX; effort++) {
            const adapter_case *c = &adapter_cases[i];
            adapter_data d;
            adapter_make(c, 30 + i, &d);
            encode(ctx, c, &d, &d, (bitx_effort)effort, &with);
            encode(ctx, c, &d, NULL, (bitx_effort)effort, &without);
            cr_assert_eq(with.info.predictor, BITX_PREDICT_ADAPTER, "%s, effort %d", c->name,
                         effort);
            cr_assert_eq(with.info.rank, c->rank);
            cr_assert_eq(with.info.nbases, 3);
            cr_assert_eq(with.info.nfactors, 2);
            cr_assert_eq(with.info.factor_nbytes[0], d.a_nbytes);
            cr_assert_eq(with.info.factor_nbytes[1], d.b_nbytes);
            cr_assert_leq(3 * with.n, 2 * without.n, "%s: %zu against %zu bytes", c->name, with.n,
                          without.n);
            memset(out, 0x5a, d.nbytes);
            cr_assert_eq(decode(ctx, &with, &d, out), BITX_OK);
            cr_assert_arr_eq(out, d.tensor, d.nbytes);
            decode_blocks(ctx, &with, &d, out);
            adapter_free(&d);
        }
    bitx_ctx_free(ctx);
}

/* One of another model, one of other shapes, and changes that are none of low rank. */
Test(adapter, others_are_left_alone)
{
    static uint8_t out[CASE_MAX];
    static coded with, without;
    bitx_ctx *ctx = context();
    for (size_t i = 0; i < NADAPTERS; i++) {
        const adapter_case *c = &adapter_cases[i];
        adapter_case wider = *c;
        adapter_data d, other, odd;
        wider.columns += 8;
        adapter_make(c, 60 + i, &d);
        adapter_make(c, 90 + i, &other);
        adapter_make(&wider, 60 + i, &odd);
        encode(ctx, c, &d, NULL, BITX_EFFORT_DEFAULT, &without);
        encode(ctx, c, &d, &other, BITX_EFFORT_DEFAULT, &with);
        cr_assert_neq(with.info.predictor, BITX_PREDICT_ADAPTER, "%s", c->name);
        cr_assert_leq(with.n, without.n);
        cr_assert_eq(decode(ctx, &with, &other, out), BITX_ERR_WRONG_BASE);
        encode(ctx, c, &d, &odd, BITX_EFFORT_DEFAULT, &with);
        cr_assert_neq(with.info.predictor, BITX_PREDICT_ADAPTER, "%s", c->name);
        cr_assert_eq(decode(ctx, &with, &d, out), BITX_OK);
        cr_assert_arr_eq(out, d.tensor, d.nbytes);
        memcpy(d.tensor, other.base, d.nbytes);
        encode(ctx, c, &d, &d, BITX_EFFORT_DEFAULT, &with);
        cr_assert_neq(with.info.predictor, BITX_PREDICT_ADAPTER, "%s", c->name);
        adapter_free(&d);
        adapter_free(&other);
        adapter_free(&odd);
    }
    bitx_ctx_free(ctx);
}

/* Matrices of zeros, of NaNs and infinities, and of numbers that no integer holds. */
Test(adapter, degenerate_is_exact)
{
    static uint8_t out[CASE_MAX];
    static coded e;
    static const uint32_t fills[] = {0, 0x7fc00000, 0x7f800000, 0xff7fffff, 1, 0x00800000};
    const adapter_case *c = &adapter_cases[0]; /* F32 matrices */
    bitx_ctx *ctx = context();
    for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++)
        for (size_t step = 1; step < 20; step += 9) {
            adapter_data d;
            size_t n;
            adapter_make(c, 120 + i, &d);
            for (size_t at = 0; at < d.a_nbytes; at += 4 * step)
                memcpy(d.a + at, &fills[i], 4);
            encode(ctx, c, &d, &d, BITX_EFFORT_DEFAULT, &e);
            cr_assert_eq(decode(ctx, &e, &d, out), BITX_OK);
            cr_assert_arr_eq(out, d.tensor, d.nbytes);
            if (e.info.predictor == BITX_PREDICT_ADAPTER)
                cr_assert_eq(bitx_decode(ctx, out, CASE_MAX, &n, e.frame, e.n, d.base, d.nbytes),
                             BITX_ERR_NO_BASE);
            adapter_free(&d);
        }
    bitx_ctx_free(ctx);
}

Test(adapter, wrong_or_absent)
{
    static uint8_t out[CASE_MAX];
    static coded e;
    bitx_ctx *ctx = context();
    adapter_data d;
    size_t n;
    adapter_make(&adapter_cases[0], 1, &d);
    encode(ctx, &adapter_cases[0], &d, &d, BITX_EFFORT_DEFAULT, &e);
    cr_assert_eq(e.info.predictor, BITX_PREDICT_ADAPTER);
    cr_assert_eq(bitx_decode(ctx, out, CASE_MAX, &n, e.frame, e.n, d.base, d.nbytes),
                 BITX_ERR_NO_BASE);
    cr_assert_eq(bitx_decode_range(ctx, out, 0, 16, e.frame, e.n, d.base, d.nbytes),
                 BITX_ERR_NO_BASE);
    cr_assert_eq(bitx_decode_adapter(ctx, out, CASE_MAX, &n, e.frame, e.n, NULL, 0, d.a, d.a_nbytes,
                                     d.b, d.b_nbytes),
                 BITX_ERR_NO_BASE);
    cr_assert_eq(bitx_decode_adapter(ctx, out, CASE_MAX, &n, e.frame, e.n, d.base, d.nbytes, d.a,
                                     d.a_nbytes - 4, d.b, d.b_nbytes),
                 BITX_ERR_WRONG_BASE);
    uint8_t *const bytes[] = {d.base, d.a, d.b};
    for (int k = 0; k < 3; k++) {
        bytes[k][100] ^= 1;
        cr_assert_eq(decode(ctx, &e, &d, out), BITX_ERR_WRONG_BASE, "%d", k);
        bytes[k][100] ^= 1;
    }
    cr_assert_eq(decode(ctx, &e, &d, out), BITX_OK);
    adapter_free(&d);
    bitx_ctx_free(ctx);
}

/* A header that is whole but for one byte of the section, sealed again. */
Test(adapter, every_byte_of_the_section)
{
    static uint8_t out[CASE_MAX];
    static coded e;
    bitx_ctx *ctx = context();
    adapter_data d;
    adapter_make(&adapter_cases[0], 2, &d);
    encode(ctx, &adapter_cases[0], &d, &d, BITX_EFFORT_DEFAULT, &e);
    const size_t header = (size_t)e.info.header_nbytes;
    unsigned refused = 0;
    for (size_t at = 12; at < header - 8; at++)
        for (unsigned value = 0; value < 256; value += 17) {
            const uint8_t before = e.frame[at];
            bitx_frame *frame;
            uint64_t sum;
            e.frame[at] = (uint8_t)value;
            sum = XXH3_64bits(e.frame, header - 8);
            memcpy(e.frame + header - 8, &sum, 8);
            if (bitx_frame_open(ctx, e.frame, e.n, &frame) == BITX_OK) {
                (void)!bitx_frame_set_adapter(frame, d.a, d.a_nbytes, d.b, d.b_nbytes);
                bitx_frame_close(frame);
            } else {
                refused++;
            }
            const bitx_status status = decode(ctx, &e, &d, out);
            if (status == BITX_OK)
                cr_assert_arr_eq(out, d.tensor, d.nbytes);
            e.frame[at] = before;
        }
    cr_assert_gt(refused, 0);
    adapter_free(&d);
    bitx_ctx_free(ctx);
}

Test(adapter, golden_frames)
{
    static uint8_t bytes[4][CASE_MAX], out[CASE_MAX];
    static coded e;
    bitx_ctx *ctx = context();
    for (size_t i = 0; i < NADAPTERS; i++) {
        const char *name = adapter_cases[i].name;
        adapter_data d = {bytes[0], bytes[1], bytes[2], bytes[3], 0, 0, 0};
        e.n = cu_read_file(FRAMES_DIR, name, "bitx", e.frame, CASE_MAX);
        d.nbytes = cu_read_file(FRAMES_DIR, name, "tensor", d.tensor, CASE_MAX);
        cr_assert_eq(cu_read_file(FRAMES_DIR, name, "base", d.base, CASE_MAX), d.nbytes, "%s",
                     name);
        d.a_nbytes = cu_read_file(FRAMES_DIR, name, "base1", d.a, CASE_MAX);
        d.b_nbytes = cu_read_file(FRAMES_DIR, name, "base2", d.b, CASE_MAX);
        cr_assert_eq(decode(ctx, &e, &d, out), BITX_OK, "%s", name);
        cr_assert_arr_eq(out, d.tensor, d.nbytes);
    }
    bitx_ctx_free(ctx);
}
