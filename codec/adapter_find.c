/*
 * Was an adapter that the caller names merged into a base? Its scale (alpha / rank, or that over
 * the square root) is found by least squares on some rows, in the steps of each element, and made
 * the number that people write; then every way to round the product that merging tools have is
 * tried, and the one that gives most elements exactly is kept. Exponents use all 16 bits of the
 * integers that the decoder makes of the matrices.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "adapter_find.h"
#include "bitx/kernels.h"
#include "carve.h"
#include "factors.h"

enum {
    SAMPLE_NELEM = 1 << 17,
    ROWS_MIN = 8,
    EXPONENT_MAX = 126,
    CANDIDATES_MAX = 3 /* scales */
};

typedef struct search {
    const bitx_adapter_source *adapter;
    const bitx_pair_source *pair;
    bitx_prediction *p;
    size_t nrows; /* of the sample, pair->rows / nrows apart */
    const uint8_t *raw[2];
    float *a, *b; /* the matrices, as they are stored */
    uint8_t *src, *base, *out;
    float *wide, *product; /* of a row: 2, 1 */
    uint8_t *memory;       /* of u and v */
} search;

static bitx_status read_exactly(const bitx_source *source, uint64_t offset, uint8_t *dst,
                                size_t nbytes)
{
    return source->read(source->user, offset, dst, nbytes) == 0 ? BITX_OK : BITX_ERR_SOURCE;
}

static uint64_t sample_row(const search *s, size_t i)
{
    return i * s->pair->rows / s->nrows;
}

static bitx_status read_all(search *s, uint8_t *a, uint8_t *b)
{
    const size_t row = (size_t)s->pair->columns * bitx_unit_nbytes(s->pair->dtype);
    const bitx_adapter_source *from = s->adapter;
    bitx_status status = read_exactly(&from->a, 0, a, (size_t)from->a_nbytes);
    if (status == BITX_OK)
        status = read_exactly(&from->b, 0, b, (size_t)from->b_nbytes);
    for (size_t i = 0; i < s->nrows && status == BITX_OK; i++) {
        const uint64_t at = sample_row(s, i) * row;
        status = read_exactly(s->pair->src, at, s->src + i * row, row);
        if (status == BITX_OK)
            status = read_exactly(s->pair->base, at, s->base + i * row, row);
    }
    if (status != BITX_OK)
        return status;
    const size_t unit = bitx_unit_nbytes(from->dtype);
    bitx_widen(s->a, a, (size_t)from->a_nbytes / unit, from->dtype);
    bitx_widen(s->b, b, (size_t)from->b_nbytes / unit, from->dtype);
    return BITX_OK;
}

/* The scale by least squares; 0 if the change has little to do with the product. */
static double fit_scale(const search *s)
{
    const size_t columns = (size_t)s->pair->columns;
    const size_t row = columns * bitx_unit_nbytes(s->pair->dtype);
    double across = 0, product = 0, change = 0;
    for (size_t i = 0; i < s->nrows; i++) {
        const float *b = s->b + sample_row(s, i) * s->p->rank;
        float *x = s->wide, *y = x + columns;
        memset(s->product, 0, columns * sizeof(float));
        for (unsigned k = 0; k < s->p->rank; k++)
            for (size_t j = 0; j < columns; j++)
                s->product[j] += b[k] * s->a[k * columns + j];
        bitx_widen(x, s->src + i * row, columns, s->pair->dtype);
        bitx_widen(y, s->base + i * row, columns, s->pair->dtype);
        for (size_t j = 0; j < columns; j++) {
            const double step = (double)bitx_step_at(x[j], s->pair->dtype);
            const double d = ((double)x[j] - (double)y[j]) / step;
            const double q = (double)s->product[j] / step;
            if (!(fabs(d) < 1e15 && fabs(q) < 1e15))
                continue;
            across += d * q;
            product += q * q;
            change += d * d;
        }
    }
    return product > 0 && across * across > 0.25 * product * change ? across / product : 0;
}

/* Numbers near the scale that people would have written, and itself. */
static unsigned list_scales(double scale, unsigned rank, float out[CANDIDATES_MAX])
{
    const double parts[] = {rank, sqrt(rank)};
    unsigned n = 0;
    for (size_t i = 0; i < 2; i++) {
        const double alpha = rint(scale * parts[i]), near = alpha / parts[i];
        if (fabs(near - scale) < 0.02 * fabs(scale))
            out[n++] = (float)near;
    }
    out[n++] = (float)scale;
    return n;
}

static float greatest(const float *x, size_t n, size_t stride)
{
    float most = 0;
    for (size_t i = 0; i < n; i++) {
        const float size = fabsf(x[i * stride]);
        most = size > most ? size : most;
    }
    return most;
}

/* The greatest sum of squares of n vectors of `rank` numbers, each times 2^exponent. */
static double longest(const float *x, size_t n, size_t vector, size_t number, unsigned rank,
                      const int *exponents)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (unsigned k = 0; k < rank; k++) {
            const double y = ldexp((double)x[i * vector + k * number], exponents[k]);
            sum += y * y;
        }
        most = sum > most ? sum : most;
    }
    return most;
}

/*
 * The finest integers: at most 16 bits, both matrices' of a component equally long, and no sum
 * beyond 32 bits, by Cauchy and Schwarz. False if there are none.
 */
static bool choose_exponents(const search *s)
{
    bitx_prediction *p = s->p;
    const size_t rows = (size_t)p->rows, columns = (size_t)p->columns;
    const double scale = fabs((double)p->scale);
    for (int shift = LOWRANK_SHIFT_MAX; shift >= 0; shift--) {
        int of_u[LOWRANK_RANK_MAX], of_v[LOWRANK_RANK_MAX];
        bool fits = true;
        for (unsigned k = 0; k < p->rank && fits; k++) {
            const double u = scale * (double)greatest(s->b + k, rows, p->rank);
            const double v = (double)greatest(s->a + k * columns, columns, 1);
            of_u[k] = u > 0 && v > 0 ? (int)lrint((log2(v / u) + shift) / 2) : shift / 2;
            of_v[k] = shift - of_u[k];
            fits = abs(of_u[k]) <= EXPONENT_MAX && abs(of_v[k]) <= EXPONENT_MAX &&
                   ldexp(u, of_u[k]) < 32767 && ldexp(v, of_v[k]) < 32767;
            p->exponents[k] = (int8_t)of_u[k];
        }
        if (!fits)
            continue;
        const double u = scale * scale * longest(s->b, rows, p->rank, 1, p->rank, of_u);
        const double v = longest(s->a, columns, 1, columns, p->rank, of_v);
        if (!(u * v < 0x1p62))
            continue;
        p->shift = (unsigned)shift;
        return true;
    }
    return false;
}

static size_t count_equal(const search *s)
{
    const size_t unit = bitx_unit_nbytes(s->pair->dtype), columns = (size_t)s->pair->columns;
    size_t equal = 0;
    for (size_t i = 0; i < s->nrows; i++) {
        const uint8_t *base = s->base + i * columns * unit, *src = s->src + i * columns * unit;
        bitx_predict(s->p, s->out, &base, sample_row(s, i) * columns, columns);
        for (size_t j = 0; j < columns; j++)
            equal += memcmp(s->out + j * unit, src + j * unit, unit) == 0;
    }
    return equal;
}

static unsigned rounding_to(bitx_dtype dtype)
{
    return dtype == BITX_BF16  ? BITX_ROUND_BF16
           : dtype == BITX_F16 ? BITX_ROUND_F16
                               : BITX_ROUND_NONE;
}

/* The best of scales and roundings, to *best; false if none predicts anything. */
static bool choose(search *s, double scale, bitx_prediction *best)
{
    const unsigned roundings[] = {BITX_ROUND_NONE, rounding_to(s->pair->dtype),
                                  rounding_to(s->adapter->dtype)};
    float scales[CANDIDATES_MAX];
    const unsigned nscales = list_scales(scale, s->p->rank, scales);
    size_t most = 0;
    for (unsigned i = 0; i < nscales; i++) {
        s->p->scale = scales[i];
        if (!choose_exponents(s))
            continue;
        bitx_adapter_load(s->p, s->raw[0], s->raw[1], s->memory);
        for (unsigned k = 0; k < 3; k++) {
            s->p->round_product = roundings[k];
            if (k && (roundings[k] == BITX_ROUND_NONE || roundings[k] == roundings[k - 1]))
                continue;
            const size_t equal = count_equal(s);
            if (equal <= most)
                continue;
            most = equal;
            *best = *s->p;
        }
    }
    return most != 0;
}

static bool takes(const bitx_pair_source *pair, const bitx_adapter_source *a, uint64_t *rank)
{
    const uint64_t unit = bitx_unit_nbytes(a->dtype);
    if (!bitx_predictable(a->dtype) || pair->rows == 0 || pair->columns == 0 ||
        pair->columns > UINT32_MAX || pair->rows > UINT32_MAX)
        return false;
    *rank = a->a_nbytes / unit / pair->columns;
    return *rank >= 1 && *rank <= LOWRANK_RANK_MAX && a->a_nbytes == *rank * pair->columns * unit &&
           a->b_nbytes == *rank * pair->rows * unit &&
           (pair->rows + pair->columns) * *rank <= pair->rows * pair->columns;
}

static bitx_status write_section(const bitx_allocator *a, const search *s, bitx_found *found)
{
    uint8_t hashes[2 * BITX_HASH_NBYTES];
    memcpy(hashes, s->adapter->a_hash, BITX_HASH_NBYTES);
    memcpy(hashes + BITX_HASH_NBYTES, s->adapter->b_hash, BITX_HASH_NBYTES);
    bitx_prediction *p = &found->prediction;
    p->hashes = hashes;
    found->section = a->allocate(a->user, ADAPTER_MAX_NBYTES);
    found->memory = a->allocate(a->user, bitx_prediction_memory(p) + 64);
    if (!found->section || !found->memory)
        return BITX_ERR_MEMORY;
    found->section_nbytes = bitx_adapter_write(p, found->section);
    p->hashes = found->section + found->section_nbytes - sizeof(hashes);
    bitx_adapter_load(p, s->raw[0], s->raw[1],
                      found->memory + (64 - (uintptr_t)found->memory % 64) % 64);
    found->there = true;
    return BITX_OK;
}

bitx_status bitx_adapter_find(bitx_ctx *ctx, const bitx_pair_source *pair, uint64_t memory_nbytes,
                              const bitx_adapter_source *adapter, bitx_found *found)
{
    const size_t unit = bitx_unit_nbytes(pair->dtype), columns = (size_t)pair->columns;
    uint64_t rank;
    if (!takes(pair, adapter, &rank))
        return BITX_OK;
    bitx_prediction p = {.predictor = BITX_PREDICTOR_ADAPTER,
                         .dtype = pair->dtype,
                         .parent_dtype = pair->dtype,
                         .nparents = 1,
                         .rows = pair->rows,
                         .columns = pair->columns,
                         .rank = (unsigned)rank,
                         .factor_dtype = adapter->dtype};
    search s = {.adapter = adapter, .pair = pair, .p = &p};
    s.nrows = SAMPLE_NELEM / columns < ROWS_MIN ? ROWS_MIN : SAMPLE_NELEM / columns;
    s.nrows = pair->rows < s.nrows ? (size_t)pair->rows : s.nrows;
    const size_t a = (size_t)(rank * columns), b = (size_t)(rank * pair->rows);
    const size_t raw[] = {carved((size_t)adapter->a_nbytes), carved((size_t)adapter->b_nbytes)};
    const size_t sample = carved(s.nrows * columns * unit), row = carved(columns * sizeof(float));
    const size_t all = raw[0] + raw[1] + carved(4 * a) + carved(4 * b) + 2 * sample + 4 * row + 64 +
                       bitx_prediction_memory(&p);
    if (all > memory_nbytes)
        return BITX_OK;
    bitx_status status = bitx_buffer_grow(&ctx->allocator, &ctx->fit, all);
    if (status != BITX_OK)
        return status;
    uint8_t *at = ctx->fit.data, *raw_a = carve(&at, raw[0]), *raw_b = carve(&at, raw[1]);
    s.raw[0] = raw_a;
    s.raw[1] = raw_b;
    s.a = (void *)carve(&at, 4 * a);
    s.b = (void *)carve(&at, 4 * b);
    s.src = carve(&at, sample);
    s.base = carve(&at, sample);
    s.wide = (void *)carve(&at, 2 * row);
    s.product = (void *)carve(&at, row);
    s.out = carve(&at, row);
    s.memory = at;
    status = read_all(&s, raw_a, raw_b);
    if (status != BITX_OK)
        return status;
    const double scale = fit_scale(&s);
    if (!(fabs(scale) > 1e-30 && fabs(scale) < 1e30) || !choose(&s, scale, &found->prediction))
        return BITX_OK;
    return write_section(&ctx->allocator, &s, found);
}
