/* Predictions: found, exact by every way to decode, never larger, hostile sections, golden frames.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "codec_util.h"
#include "predict_cases.h"

typedef struct buffers {
    uint8_t *tensor, *out, *frame, *bases[CASE_BASES];
    size_t cap, n, base_n, frame_n;
    unsigned used[BITX_BASES_MAX], nused;
} buffers;

static void make_buffers(buffers *b)
{
    memset(b, 0, sizeof(*b));
    b->cap = 4 * CASE_MAX;
    b->tensor = malloc(CASE_MAX);
    b->out = malloc(CASE_MAX);
    b->frame = malloc(b->cap);
    for (int k = 0; k < CASE_BASES; k++)
        b->bases[k] = malloc(CASE_MAX);
}

static void free_buffers(buffers *b)
{
    free(b->tensor);
    free(b->out);
    free(b->frame);
    for (int k = 0; k < CASE_BASES; k++)
        free(b->bases[k]);
}

static bitx_ctx *context(void)
{
    bitx_ctx *ctx = NULL;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    return ctx;
}

static void encode(bitx_ctx *ctx, buffers *b, const bitx_params *params, bitx_dtype base_dtype,
                   unsigned nbases)
{
    bitx_base bases[CASE_BASES];
    for (unsigned k = 0; k < nbases; k++)
        bases[k] = (bitx_base){b->bases[k], b->base_n, base_dtype};
    cr_assert_eq(bitx_encode_bases(ctx, params, b->frame, b->cap, &b->frame_n, b->tensor, b->n,
                                   bases, nbases, b->used, &b->nused),
                 BITX_OK);
}

static void encode_case(bitx_ctx *ctx, buffers *b, const predict_case *c, const bitx_params *params)
{
    case_make(c, 7, b->tensor, b->bases);
    b->n = case_nelem(c) * case_unit(c->dtype);
    b->base_n = case_nelem(c) * case_unit(c->base_dtype);
    encode(ctx, b, params, c->base_dtype, c->nbases);
}

static bitx_status decode(bitx_ctx *ctx, const buffers *b, size_t *n)
{
    const void *bases[BITX_BASES_MAX];
    for (unsigned k = 0; k < b->nused; k++)
        bases[k] = b->bases[b->used[k]];
    memset(b->out, 0x5a, b->n);
    return bitx_decode_bases(ctx, b->out, CASE_MAX, n, b->frame, b->frame_n, bases, b->nused,
                             b->base_n);
}

/* Block by block, last first, with no more of each base than is asked for. */
static void decode_blocks(bitx_ctx *ctx, const buffers *b)
{
    bitx_frame *frame;
    bitx_frame_info info;
    cr_assert_eq(bitx_frame_open(ctx, b->frame, b->frame_n, &frame), BITX_OK);
    bitx_frame_get_info(frame, &info);
    for (uint64_t i = info.nblocks; i-- > 0;) {
        uint64_t at, offset;
        size_t base_n, n = (size_t)(b->n - i * info.block_nbytes);
        bitx_block row;
        const void *bases[BITX_BASES_MAX] = {0};
        n = n < info.block_nbytes ? n : info.block_nbytes;
        cr_assert_eq(bitx_frame_block(frame, i, &at, &row), BITX_OK);
        cr_assert_eq(bitx_frame_base_range(frame, i, &offset, &base_n), BITX_OK);
        for (unsigned k = 0; k < b->nused && base_n; k++) {
            uint8_t *copy = malloc(base_n); /* so that sanitizers see a read beyond */
            memcpy(copy, b->bases[b->used[k]] + offset, base_n);
            bases[k] = copy;
        }
        memset(b->out, 0xa5, n);
        cr_assert_eq(bitx_block_decode_bases(ctx, frame, i, b->out, n, b->frame + at,
                                             row.payload_nbytes, bases, b->nused, base_n),
                     BITX_OK);
        cr_assert_arr_eq(b->out, b->tensor + i * info.block_nbytes, n);
        for (unsigned k = 0; k < BITX_BASES_MAX; k++) {
            void *copy;
            memcpy(&copy, &bases[k], sizeof(copy));
            free(copy);
        }
    }
    bitx_frame_close(frame);
}

static bitx_frame_info info_of(const buffers *b)
{
    bitx_frame_info info;
    size_t need;
    cr_assert_eq(bitx_frame_info_read(b->frame, b->frame_n, &info, &need), BITX_OK);
    return info;
}

Test(predict, every_case_is_found_and_exact)
{
    buffers b;
    bitx_ctx *ctx = context();
    make_buffers(&b);
    for (size_t i = 0; i < NCASES; i++) {
        const predict_case *c = &predict_cases[i];
        const bitx_params params = case_params(c);
        size_t n = 0;
        encode_case(ctx, &b, c, &params);
        const bitx_frame_info info = info_of(&b);
        cr_assert_eq(info.predictor, (unsigned)c->want, "%s: predictor %u", c->name,
                     info.predictor);
        cr_assert_eq(info.nbases, b.nused);
        cr_assert_eq(decode(ctx, &b, &n), BITX_OK, "%s", c->name);
        cr_assert_eq(n, b.n);
        cr_assert_arr_eq(b.out, b.tensor, b.n);
        decode_blocks(ctx, &b);
        /* Sums and casts are met exactly: what remains is header and rows. */
        if (c->rank == 0)
            cr_assert_leq(b.frame_n, 200 + 20 * (b.n / BITX_BLOCK_MIN + 1), "%s: %zu bytes",
                          c->name, b.frame_n);
        if (c->want == BITX_PREDICT_MERGE)
            cr_assert_eq(info.relative, c->relative, "%s", c->name);
    }
    bitx_ctx_free(ctx);
    free_buffers(&b);
}

/* Every base must be the right one, and there. */
Test(predict, wrong_bases)
{
    buffers b;
    bitx_ctx *ctx = context();
    make_buffers(&b);
    for (size_t i = 0; i < NCASES; i++) {
        const bitx_params params = case_params(&predict_cases[i]);
        size_t n;
        encode_case(ctx, &b, &predict_cases[i], &params);
        for (unsigned k = 0; k < b.nused; k++) {
            uint8_t *byte = b.bases[b.used[k]] + b.base_n / 2;
            *byte ^= 1;
            cr_assert_eq(decode(ctx, &b, &n), BITX_ERR_WRONG_BASE);
            *byte ^= 1;
        }
        b.nused--;
        cr_assert_eq(decode(ctx, &b, &n), BITX_ERR_NO_BASE);
        b.nused++;
        b.base_n -= 2;
        cr_assert_eq(decode(ctx, &b, &n), BITX_ERR_WRONG_BASE);
        b.base_n += 2;
        cr_assert_eq(decode(ctx, &b, &n), BITX_OK);
    }
    bitx_ctx_free(ctx);
    free_buffers(&b);
}

/* ---- inputs without any structure, or of a kind that breaks arithmetic ------------------------
 */

typedef void (*spoiler)(uint16_t *tensor, uint16_t *base, unsigned rows, unsigned columns);

static void spoil_zero(uint16_t *tensor, uint16_t *base, unsigned rows, unsigned columns)
{
    memset(tensor, 0, 2ul * rows * columns);
    memset(base, 0, 2ul * rows * columns);
}

static void spoil_constant(uint16_t *tensor, uint16_t *base, unsigned rows, unsigned columns)
{
    for (size_t i = 0; i < (size_t)rows * columns; i++) {
        tensor[i] = 0x3f80;
        base[i] = 0x3f00;
    }
}

static void spoil_infinite(uint16_t *tensor, uint16_t *base, unsigned rows, unsigned columns)
{
    for (size_t i = 0; i < (size_t)rows * columns; i += 97) {
        tensor[i] = i % 2 ? 0x7f80 : 0xff80;
        base[i / 2] = 0x7fc0;
        tensor[i / 3] = 0xffff;
    }
}

static void spoil_all_nan(uint16_t *tensor, uint16_t *base, unsigned rows, unsigned columns)
{
    memset(tensor, 0xff, 2ul * rows * columns);
    memset(base, 0x7f, 2ul * rows * columns);
}

static void spoil_huge(uint16_t *tensor, uint16_t *base, unsigned rows, unsigned columns)
{
    for (size_t i = 0; i < (size_t)rows * columns; i++) {
        tensor[i] |= 0x7f00;
        base[i] = (uint16_t)(base[i] | 0x7e00);
    }
}

static void spoil_tiny(uint16_t *tensor, uint16_t *base, unsigned rows, unsigned columns)
{
    for (size_t i = 0; i < (size_t)rows * columns; i++) {
        tensor[i] &= 0x807f;
        base[i] = (uint16_t)(base[i] & 0x807f);
    }
}

static void spoil_one_element(uint16_t *tensor, uint16_t *base, unsigned rows, unsigned columns)
{
    memcpy(tensor, base, 2ul * rows * columns);
    tensor[(size_t)rows * columns / 2] ^= 0x55;
}

static void spoil_one_huge(uint16_t *tensor, uint16_t *base, unsigned rows, unsigned columns)
{
    (void)base;
    tensor[(size_t)rows * columns / 3] = 0x7f7f;
}

static void spoil_nothing(uint16_t *tensor, uint16_t *base, unsigned rows, unsigned columns)
{
    (void)tensor;
    (void)base;
    (void)rows;
    (void)columns;
}

/* Exact, and never larger than without rows, at every effort. */
Test(predict, degenerate_is_exact_and_never_larger)
{
    static const spoiler spoilers[] = {spoil_nothing,  spoil_zero,        spoil_constant,
                                       spoil_infinite, spoil_huge,        spoil_tiny,
                                       spoil_all_nan,  spoil_one_element, spoil_one_huge};
    static const unsigned shapes[][2] = {{1, 5000}, {5000, 1}, {2, 2500}, {64, 96}, {300, 7}};
    buffers b;
    bitx_ctx *ctx = context();
    make_buffers(&b);
    for (size_t s = 0; s < sizeof(spoilers) / sizeof(spoilers[0]); s++)
        for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++)
            for (int effort = 0; effort <= BITX_EFFORT_MAX; effort++) {
                predict_case c = {"",           BITX_BF16, BITX_BF16, shapes[k][0],
                                  shapes[k][1], 1,         2,         0,
                                  {0},          0,         0,         BITX_PREDICT_LOWRANK};
                bitx_params params = case_params(&c);
                size_t n, plain;
                params.effort = (bitx_effort)effort;
                case_make(&c, s, b.tensor, b.bases);
                spoilers[s]((void *)b.tensor, (void *)b.bases[0], c.rows, c.columns);
                b.n = b.base_n = 2 * case_nelem(&c);
                params.row_nelem = 0;
                encode(ctx, &b, &params, BITX_BF16, 1);
                plain = b.frame_n;
                params.row_nelem = c.columns;
                encode(ctx, &b, &params, BITX_BF16, 1);
                cr_assert_leq(b.frame_n, plain, "spoiler %zu, shape %zu, effort %d", s, k, effort);
                cr_assert_eq(decode(ctx, &b, &n), BITX_OK);
                cr_assert_arr_eq(b.out, b.tensor, b.n);
            }
    bitx_ctx_free(ctx);
    free_buffers(&b);
}

/* A base of fewer rows, and of more; a last element that is cut. */
Test(predict, bases_of_other_lengths)
{
    buffers b;
    bitx_ctx *ctx = context();
    make_buffers(&b);
    const predict_case *c = &predict_cases[0];
    const bitx_params params = case_params(c);
    const size_t whole = 2 * case_nelem(c), row = 2ul * c->columns;
    const size_t lengths[][2] = {{whole, whole - 8 * row},
                                 {whole - 8 * row, whole},
                                 {whole - 1, whole},
                                 {whole, whole - 1},
                                 {whole, row}};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t n;
        case_make(c, i, b.tensor, b.bases);
        b.n = lengths[i][0];
        b.base_n = lengths[i][1];
        encode(ctx, &b, &params, BITX_BF16, 1);
        if (i < 2)
            cr_assert_eq(info_of(&b).predictor, BITX_PREDICT_LOWRANK);
        cr_assert_eq(decode(ctx, &b, &n), BITX_OK, "%zu", i);
        cr_assert_arr_eq(b.out, b.tensor, b.n);
        decode_blocks(ctx, &b);
    }
    bitx_ctx_free(ctx);
    free_buffers(&b);
}

/* ---- hostile ------------------------------------------------------------------------------- */

/* Every bit of a header flipped, its checksum made right again: an error or, where a bit does not
   matter, the same bytes; never others. */
Test(predict, every_bit_flipped)
{
    static const size_t some[] = {0, 3, 4, 8, 10};
    buffers b;
    bitx_ctx *ctx = context();
    make_buffers(&b);
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        const bitx_params params = case_params(&predict_cases[some[i]]);
        encode_case(ctx, &b, &predict_cases[some[i]], &params);
        const size_t header = (size_t)info_of(&b).header_nbytes;
        for (size_t bit = 0; bit < 8 * header; bit++) {
            size_t n;
            b.frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (cu_reseal(b.frame, b.frame_n) && decode(ctx, &b, &n) == BITX_OK) {
                cr_assert_eq(n, b.n);
                cr_assert_arr_eq(b.out, b.tensor, b.n);
            }
            b.frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
            (void)cu_reseal(b.frame, b.frame_n);
        }
    }
    bitx_ctx_free(ctx);
    free_buffers(&b);
}

Test(predict, truncated_sections)
{
    buffers b;
    bitx_ctx *ctx = context();
    make_buffers(&b);
    const bitx_params params = case_params(&predict_cases[0]);
    encode_case(ctx, &b, &predict_cases[0], &params);
    const size_t whole = b.frame_n;
    for (size_t n = 0; n < whole; n += 1 + n / 64) {
        size_t out;
        b.frame_n = n;
        cr_assert_eq(decode(ctx, &b, &out), BITX_ERR_TRUNCATED);
    }
    bitx_ctx_free(ctx);
    free_buffers(&b);
}

/* ---- golden frames -------------------------------------------------------------------------- */

Test(predict, golden_frames)
{
    static const char *const kinds[CASE_BASES] = {"base", "base1", "base2"};
    buffers b;
    bitx_ctx *ctx = context();
    make_buffers(&b);
    for (size_t i = 0; i < NCASES; i++) {
        size_t n;
        b.frame_n = cu_read_file(FRAMES_DIR, predict_cases[i].name, "bitx", b.frame, CASE_MAX);
        b.n = cu_read_file(FRAMES_DIR, predict_cases[i].name, "tensor", b.tensor, CASE_MAX);
        b.nused = info_of(&b).nbases;
        for (unsigned k = 0; k < b.nused; k++) {
            b.base_n =
                cu_read_file(FRAMES_DIR, predict_cases[i].name, kinds[k], b.bases[k], CASE_MAX);
            b.used[k] = k;
        }
        cr_assert_eq(decode(ctx, &b, &n), BITX_OK, "%s", predict_cases[i].name);
        cr_assert_eq(n, b.n);
        cr_assert_arr_eq(b.out, b.tensor, b.n);
    }
    bitx_ctx_free(ctx);
    free_buffers(&b);
}
