/*
 * Weighted sums, found: coefficients by least squares on the sample's pieces, in the steps of each
 * element; made short decimals, as people write them, where that fits as well; then every order and
 * rounding that merging tools use (mergekit 0.1: linear and SLERP in F32 or in the models' dtype,
 * task arithmetic from deltas) is tried, and the one that gives most elements exactly is kept.
 */
#include <math.h>
#include <string.h>

#include "carve.h"
#include "dense.h"
#include "factors.h"
#include "predict_find.h"

enum { ELEMENTS_MAX = 1 << 15 };

typedef struct merge {
    bitx_dtype dtype, parent_dtype;
    unsigned n;
    unsigned order[PARENTS_MAX]; /* indices of bases: that of the prediction */
    size_t nelem;
    const uint8_t *tensor;               /* nelem units */
    const uint8_t *parents[PARENTS_MAX]; /* nelem units each, as bases are given */
    float *weight, *wide[PARENTS_MAX], *target;
    uint8_t *out;
    double coefficients[PARENTS_MAX], errors[PARENTS_MAX]; /* and what those are off by */
} merge;

/* Weights are inverse squares of what rounding does to an element, and 0 for what is no number. */
static void weigh(merge *m)
{
    const float part = m->dtype == BITX_BF16 ? 0x1p-8F : m->dtype == BITX_F16 ? 0x1p-11F : 0x1p-24F;
    double sum = 0;
    for (size_t i = 0; i < m->nelem; i++)
        sum += fabsf(m->target[i]) < 1e15F ? (double)fabsf(m->target[i]) : 0;
    const float least = (float)(sum / (double)m->nelem * 0x1p-6);
    for (size_t i = 0; i < m->nelem; i++) {
        const float x = fabsf(m->target[i]), step = part * (x > least ? x : least);
        bool good = x < 1e15F && step > 1e-30F;
        for (unsigned k = 0; k < m->n; k++)
            good = good && fabsf(m->wide[k][i]) < 1e15F;
        m->weight[i] = good ? 1 / step : 0;
    }
}

/* Standard errors of the coefficients, from the normal equations and the residual's square. */
static bool measure_errors(merge *m, const double *square, double ridge, double rest)
{
    size_t used = 0;
    for (size_t i = 0; i < m->nelem; i++)
        used += m->weight[i] > 0;
    /* No residual is below that of rounding to a step. */
    const double mean = rest / (double)(used > m->n ? used - m->n : 1);
    const double noise = mean > 1.0 / 12 ? mean : 1.0 / 12;
    for (unsigned k = 0; k < m->n; k++) {
        double copy[PARENTS_MAX * PARENTS_MAX], column[PARENTS_MAX] = {0};
        memcpy(copy, square, sizeof(copy));
        column[k] = 1;
        if (!bitx_dense_solve(copy, m->n, ridge, column))
            return false;
        m->errors[k] = sqrt(noise * (column[k] > 0 ? column[k] : 0));
    }
    return true;
}

/* Everything divided by the step of its element; false if the bases are not independent. */
static bool least_squares(merge *m, float *scaled)
{
    double square[PARENTS_MAX * PARENTS_MAX] = {0}, right[PARENTS_MAX] = {0}, trace = 0;
    double copy[PARENTS_MAX * PARENTS_MAX], rest = 0;
    float *target = scaled + m->n * m->nelem;
    for (size_t i = 0; i < m->nelem; i++) {
        for (unsigned k = 0; k < m->n; k++)
            scaled[k * m->nelem + i] = m->weight[i] > 0 ? m->wide[k][i] * m->weight[i] : 0;
        target[i] = m->weight[i] > 0 ? m->target[i] * m->weight[i] : 0;
    }
    /* In double: parents are nearly alike, and what tells them apart are the last digits. */
    for (unsigned k = 0; k < m->n; k++) {
        for (size_t i = 0; i < m->nelem; i++) {
            const double x = (double)scaled[k * m->nelem + i];
            right[k] += x * (double)target[i];
            for (unsigned j = k; j < m->n; j++)
                square[k * m->n + j] += x * (double)scaled[j * m->nelem + i];
        }
        trace += square[k * m->n + k];
    }
    memcpy(copy, square, sizeof(copy));
    if (!(trace > 0) || !bitx_dense_solve(copy, m->n, trace * 1e-13, right))
        return false;
    for (unsigned k = 0; k < m->n; k++) {
        m->coefficients[k] = right[k];
        if (!(fabs(right[k]) < 16))
            return false;
    }
    for (size_t i = 0; i < m->nelem; i++) {
        double off = (double)target[i];
        for (unsigned k = 0; k < m->n; k++)
            off -= right[k] * (double)scaled[k * m->nelem + i];
        rest += off * off;
    }
    return measure_errors(m, square, trace * 1e-13, rest);
}

/* The shortest decimal, or third or sixth, near x. */
static double snapped(double x)
{
    static const double parts[] = {1, 2, 4, 5, 3, 8, 10, 20, 6, 100, 1000};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const double near = rint(x * parts[i]) / parts[i];
        if (fabs(near - x) < 4e-3 / sqrt(parts[i]))
            return near;
    }
    return rint(x * 1000) / 1000;
}

static size_t count_equal(const merge *m, const bitx_prediction *p)
{
    const uint8_t *parents[PARENTS_MAX] = {0};
    const size_t unit = bitx_unit_nbytes(m->dtype);
    size_t equal = 0;
    for (unsigned k = 0; k < p->nparents; k++)
        parents[k] = m->parents[m->order[k]];
    bitx_predict(p, m->out, parents, 0, m->nelem);
    for (size_t i = 0; i < m->nelem; i++)
        equal += memcmp(m->out + i * unit, m->tensor + i * unit, unit) == 0;
    return equal;
}

/* All roundings of one order; keeps the best in *best. */
static void try_roundings(const merge *m, bitx_prediction *p, bitx_prediction *best, size_t *most,
                          unsigned best_order[PARENTS_MAX])
{
    const unsigned narrow = m->dtype == BITX_BF16  ? BITX_ROUND_BF16
                            : m->dtype == BITX_F16 ? BITX_ROUND_F16
                                                   : BITX_ROUND_NONE;
    for (unsigned how = 0; how < (narrow ? 4 : 1); how++) {
        p->combine.round_products = how & 1 ? narrow : BITX_ROUND_NONE;
        p->combine.round_sums = how & 2 ? narrow : BITX_ROUND_NONE;
        const size_t equal = count_equal(m, p);
        if (equal <= *most)
            continue;
        *most = equal;
        *best = *p;
        memcpy(best_order, m->order, sizeof(m->order));
    }
}

/* Linear in the order given and reversed; relative to each parent. */
static void try_orders(merge *m, const double c[PARENTS_MAX], bitx_prediction *best, size_t *most,
                       unsigned best_order[PARENTS_MAX])
{
    bitx_prediction p = {.predictor = BITX_PREDICTOR_MERGE,
                         .dtype = m->dtype,
                         .parent_dtype = m->parent_dtype,
                         .nparents = m->n};
    double sum = 0;
    p.combine.nparents = m->n;
    for (unsigned k = 0; k < m->n; k++)
        sum += c[k];
    for (unsigned reversed = 0; reversed < (m->n > 2 ? 2 : 1); reversed++) {
        for (unsigned k = 0; k < m->n; k++) {
            m->order[k] = reversed ? m->n - 1 - k : k;
            p.combine.coefficients[k] = (float)c[m->order[k]];
        }
        try_roundings(m, &p, best, most, best_order);
    }
    if (fabs(sum - 1) > 0.02)
        return;
    p.combine.relative = 1;
    for (unsigned origin = 0; origin < m->n; origin++) {
        unsigned at = 0;
        m->order[at] = origin;
        p.combine.coefficients[at++] = 0;
        for (unsigned k = 0; k < m->n; k++) {
            if (k == origin)
                continue;
            m->order[at] = k;
            p.combine.coefficients[at++] = (float)c[k];
        }
        try_roundings(m, &p, best, most, best_order);
    }
}

static bitx_status load(const bitx_bases *bases, const unsigned *parents, const bitx_sample *sample,
                        merge *m, uint8_t *memory)
{
    const size_t unit = bitx_unit_nbytes(m->dtype), theirs = bitx_unit_nbytes(m->parent_dtype);
    const size_t npieces = sample->span.nbytes / sample->piece_nbytes;
    const size_t each = m->nelem / npieces; /* of every piece: its beginning */
    uint8_t *tensor = carve(&memory, m->nelem * unit), *to[PARENTS_MAX] = {0};
    m->tensor = tensor;
    m->out = carve(&memory, m->nelem * unit);
    m->weight = (void *)carve(&memory, 4 * m->nelem);
    m->target = (void *)carve(&memory, 4 * m->nelem);
    for (unsigned k = 0; k < m->n; k++) {
        m->wide[k] = (void *)carve(&memory, 4 * m->nelem);
        m->parents[k] = to[k] = carve(&memory, theirs * m->nelem);
    }
    m->nelem = each * npieces;
    for (unsigned k = 0; k < m->n; k++) {
        const bitx_source *source = &bases->bases[parents[k]].source;
        for (size_t i = 0; i < npieces; i++)
            if (source->read(source->user, bitx_sample_offset(sample, i) / unit * theirs,
                             to[k] + i * each * theirs, each * theirs) != 0)
                return BITX_ERR_SOURCE;
        bitx_widen(m->wide[k], to[k], m->nelem, m->parent_dtype);
    }
    for (size_t i = 0; i < npieces; i++)
        memcpy(tensor + i * each * unit, sample->src + i * sample->piece_nbytes, each * unit);
    bitx_widen(m->target, tensor, m->nelem, m->dtype);
    return BITX_OK;
}

static bitx_status keep(bitx_ctx *ctx, const bitx_bases *bases, const unsigned *parents,
                        const bitx_prediction *best, const unsigned *order, bitx_found *found)
{
    const bitx_allocator *a = &ctx->allocator;
    uint8_t hashes[(PARENTS_MAX - 1) * BITX_HASH_NBYTES];
    memset(found, 0, sizeof(*found));
    found->prediction = *best;
    for (unsigned k = 0; k < best->nparents; k++) {
        found->used[k] = parents[order[k]];
        if (k)
            memcpy(hashes + (k - 1) * (size_t)BITX_HASH_NBYTES, bases->bases[found->used[k]].hash,
                   BITX_HASH_NBYTES);
    }
    found->section = a->allocate(a->user, MERGE_MAX_NBYTES);
    if (!found->section)
        return BITX_ERR_MEMORY;
    found->prediction.hashes = hashes;
    found->section_nbytes = bitx_merge_write(&found->prediction, found->section);
    found->prediction.hashes = found->section + 4;
    found->base_nbytes = bases->bases[found->used[0]].nbytes;
    found->there = true;
    return BITX_OK;
}

/* Leaves out the parent that matters least, if it does not matter. */
static bool drop_idle(merge *m, unsigned *parents)
{
    unsigned least = 0;
    for (unsigned k = 1; k < m->n; k++)
        if (fabs(m->coefficients[k]) * m->errors[least] <
            fabs(m->coefficients[least]) * m->errors[k])
            least = k;
    const double c = fabs(m->coefficients[least]);
    if (c > 0.004 && c > 5 * m->errors[least])
        return false;
    m->n--;
    for (unsigned k = least; k < m->n; k++) {
        parents[k] = parents[k + 1];
        m->wide[k] = m->wide[k + 1];
        m->parents[k] = m->parents[k + 1];
    }
    return true;
}

bitx_status bitx_merge_find(bitx_ctx *ctx, bitx_dtype dtype, const bitx_bases *bases,
                            const unsigned *given, unsigned nparents, const bitx_sample *sample,
                            bitx_found *found)
{
    unsigned parents[PARENTS_MAX], order[PARENTS_MAX] = {0};
    const size_t unit = bitx_unit_nbytes(dtype);
    merge m = {.dtype = dtype, .parent_dtype = bases->bases[given[0]].dtype, .n = nparents};
    bitx_prediction best = {0};
    double snap[PARENTS_MAX];
    size_t most = 0;
    memcpy(parents, given, nparents * sizeof(*parents));
    m.nelem = sample->span.nbytes / unit;
    m.nelem = m.nelem < ELEMENTS_MAX ? m.nelem : ELEMENTS_MAX;
    if (m.nelem < 8 * nparents)
        return BITX_OK;
    const size_t floats = carved(4 * m.nelem);
    bitx_status status = bitx_buffer_grow(
        &ctx->allocator, &ctx->fit, (4 + 2 * nparents) * floats + (nparents + 1) * floats + 64);
    if (status == BITX_OK)
        status = load(bases, parents, sample, &m, ctx->fit.data);
    if (status != BITX_OK)
        return status;
    float *scaled = (void *)(ctx->fit.data + (4 + 2 * nparents) * floats);
    do {
        weigh(&m);
        if (m.n < 2 || !least_squares(&m, scaled))
            return BITX_OK;
    } while (drop_idle(&m, parents));
    for (unsigned k = 0; k < m.n; k++)
        snap[k] = snapped(m.coefficients[k]);
    try_orders(&m, snap, &best, &most, order);
    try_orders(&m, m.coefficients, &best, &most, order);
    /* A sum that has nothing to do with the tensor hits few of its elements. */
    return most > m.nelem / 8 ? keep(ctx, bases, parents, &best, order, found) : BITX_OK;
}
