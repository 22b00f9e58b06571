/* factors.h: a randomised SVD, then weighted least squares. */
#include "factors.h"

#include <math.h>

#include "bitx/kernels.h"
#include "dense.h"

/* ---- elements ------------------------------------------------------------------------------ */

void bitx_widen(float *dst, const uint8_t *src, size_t n, bitx_dtype dtype)
{
    if (dtype == BITX_BF16)
        bitx_cast_bf16_f32((void *)dst, src, n);
    else if (dtype == BITX_F16)
        bitx_cast_f16_f32((void *)dst, src, n);
    else
        memcpy(dst, src, 4 * n);
}

float bitx_step_at(float x, bitx_dtype dtype)
{
    const unsigned mantissa = dtype == BITX_BF16 ? 7 : dtype == BITX_F16 ? 10 : 23;
    const unsigned least = dtype == BITX_F16 ? 127 - 14 : 1;
    unsigned e = exponent_of(x);
    e = e < least ? least : e;
    const uint32_t bits = (e > mantissa ? e - mantissa : 1) << 23;
    float step;
    memcpy(&step, &bits, sizeof(step));
    return step;
}

void bitx_factors_load(const factors_fit *f, const uint8_t *src, const uint8_t *base, size_t n,
                       float *wide, float *change, float *weight)
{
    const float inverse = 1 / f->scale, twelfth = inverse * inverse / 12, most = 1e15F;
    float *x = wide, *b = wide + n;
    bitx_widen(x, src, n, f->pair->dtype);
    bitx_widen(b, base, n, f->pair->dtype);
    for (size_t i = 0; i < n; i++) {
        const float d = (x[i] - b[i]) * inverse, step = bitx_step_at(x[i], f->pair->dtype);
        const float w = 1 / (step * step * twelfth + f->rest);
        const bool good = fabsf(d) < most && w > 0; /* neither NaN nor infinite */
        change[i] = good ? d : 0;
        weight[i] = good ? w : 0;
    }
}

factors_panel bitx_factors_panel(const factors_fit *f, size_t index, bool by_columns, float *memory)
{
    const size_t across = by_columns ? f->columns : f->rows;
    factors_panel p = {.first = index * FACTORS_PANEL, .length = by_columns ? f->rows : f->columns};
    p.n = across - p.first < FACTORS_PANEL ? across - p.first : FACTORS_PANEL;
    p.change = memory;
    p.weight = p.change + FACTORS_PANEL * p.length;
    p.spare = p.weight + FACTORS_PANEL * p.length;
    if (!by_columns) {
        for (size_t i = 0; i < p.n; i++) {
            const size_t at = (p.first + i) * f->columns * f->unit;
            bitx_factors_load(f, f->src + at, f->base + at, p.length, p.spare,
                              p.change + i * p.length, p.weight + i * p.length);
        }
        return p;
    }
    for (size_t r = 0; r < p.length; r++) {
        float change[FACTORS_PANEL], weight[FACTORS_PANEL];
        const size_t at = (r * f->columns + p.first) * f->unit;
        bitx_factors_load(f, f->src + at, f->base + at, p.n, p.spare, change, weight);
        for (size_t i = 0; i < p.n; i++) {
            p.change[i * p.length + r] = change[i];
            p.weight[i * p.length + r] = weight[i];
        }
    }
    return p;
}

/* ---- the SVD ------------------------------------------------------------------------------- */

typedef struct product {
    factors_fit *f;
    bool by_columns;
    const float *from; /* by component, of the panels' length */
    float *to;
} product;

/* to = D from, or D' from. */
static void multiply_panel(void *arg, size_t index, unsigned worker)
{
    const product *job = arg;
    const factors_fit *f = job->f;
    factors_panel p = bitx_factors_panel(f, index, job->by_columns, worker_scratch(f, worker));
    double *sums = worker_square(f, worker);
    const size_t across = job->by_columns ? f->columns : f->rows;
    memset(sums, 0, FACTORS_PANEL * f->rank * sizeof(*sums));
    bitx_dense_dots(sums, f->rank, p.change, p.length, p.n, job->from, p.length, f->rank, p.length,
                    0);
    for (size_t i = 0; i < p.n; i++)
        for (size_t k = 0; k < f->rank; k++)
            job->to[k * across + p.first + i] = (float)sums[i * f->rank + k];
}

static void multiply(factors_fit *f, bool by_columns)
{
    product job = {f, by_columns, by_columns ? f->u : f->v, by_columns ? f->v : f->u};
    const size_t across = by_columns ? f->columns : f->rows;
    bitx_ctx_run(f->ctx, multiply_panel, &job, (across + FACTORS_PANEL - 1) / FACTORS_PANEL);
}

/* x, `rank` vectors of n, times the columns of the square matrix e, scaled by s. */
static void turn(float *x, size_t n, size_t rank, const double *e, const double *s, double *row)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < rank; k++) {
            row[k] = 0;
            for (size_t j = 0; j < rank; j++)
                row[k] += (double)x[j * n + i] * e[j * rank + k];
        }
        for (size_t k = 0; k < rank; k++)
            x[k * n + i] = (float)(row[k] * s[k]);
    }
}

/* Vectors of x become orthogonal, of length 1; those that are none become 0. */
static void orthogonal(factors_fit *f, float *x, size_t n)
{
    const size_t r = f->rank;
    double *gram = worker_square(f, 0), *e = gram + r * r, *values = e + r * r, *row = values + r;
    memset(gram, 0, r * r * sizeof(*gram));
    bitx_dense_dots(gram, r, x, n, r, x, n, r, n, 1);
    bitx_dense_eigen(gram, r, values, e);
    for (size_t k = 0; k < r; k++)
        values[k] = values[k] > 1e-12 * values[0] && values[k] > 0 ? 1 / sqrt(values[k]) : 0;
    turn(x, n, r, e, values, row);
}

static uint64_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 32;
}

/* u and v such that u v' is the best approximation, greatest components first. */
void bitx_factors_decompose(factors_fit *f)
{
    uint64_t state = 1;
    const size_t r = f->rank;
    for (size_t i = 0; i < r * f->columns; i++)
        f->v[i] = (float)((double)random_next(&state) / 0x1p31 - 1);
    multiply(f, false);
    orthogonal(f, f->u, f->rows);
    for (int round = 0; round < 1 + (f->effort == BITX_EFFORT_MAX); round++) {
        multiply(f, true);
        orthogonal(f, f->v, f->columns);
        multiply(f, false);
        orthogonal(f, f->u, f->rows);
    }
    multiply(f, true);
    /* D is about u v', u orthogonal: turn both to the axes of v. */
    double *gram = worker_square(f, 0), *e = gram + r * r, *values = e + r * r, *row = values + r;
    memset(gram, 0, r * r * sizeof(*gram));
    bitx_dense_dots(gram, r, f->v, f->columns, r, f->v, f->columns, r, f->columns, 1);
    bitx_dense_eigen(gram, r, values, e);
    for (size_t k = 0; k < r; k++)
        values[k] = 1;
    turn(f->u, f->rows, r, e, values, row);
    turn(f->v, f->columns, r, e, values, row);
}

/* ---- weighted least squares ----------------------------------------------------------------- */

void bitx_factors_solve_one(const factors_fit *f, const float *change, const float *weight,
                            size_t length, const float *factors, float *weighted, double *square,
                            double *out)
{
    const size_t r = f->rank;
    double trace = 0;
    for (size_t k = 0; k < r; k++)
        for (size_t i = 0; i < length; i++)
            weighted[k * length + i] = weight[i] * factors[k * length + i];
    memset(square, 0, r * r * sizeof(*square));
    memset(out, 0, r * sizeof(*out));
    bitx_dense_dots(square, r, weighted, length, r, factors, length, r, length, 1);
    bitx_dense_dots(out, 1, weighted, length, r, change, length, 1, length, 0);
    for (size_t k = 0; k < r; k++)
        trace += square[k * r + k];
    if (!(trace > 0) || !bitx_dense_solve(square, r, trace / (double)r * 1e-7, out))
        memset(out, 0, r * sizeof(*out));
}

static void solve_panel(void *arg, size_t index, unsigned worker)
{
    const product *job = arg;
    const factors_fit *f = job->f;
    factors_panel p = bitx_factors_panel(f, index, job->by_columns, worker_scratch(f, worker));
    double *square = worker_square(f, worker), *out = square + (size_t)f->rank * f->rank;
    const size_t across = job->by_columns ? f->columns : f->rows;
    for (size_t i = 0; i < p.n; i++) {
        bitx_factors_solve_one(f, p.change + i * p.length, p.weight + i * p.length, p.length,
                               job->from, p.spare, square, out);
        for (size_t k = 0; k < f->rank; k++)
            job->to[k * across + p.first + i] = (float)out[k];
    }
}

void bitx_factors_solve(factors_fit *f, bool by_columns)
{
    product job = {f, by_columns, by_columns ? f->u : f->v, by_columns ? f->v : f->u};
    const size_t across = by_columns ? f->columns : f->rows;
    bitx_ctx_run(f->ctx, solve_panel, &job, (across + FACTORS_PANEL - 1) / FACTORS_PANEL);
}

void bitx_factors_balance(factors_fit *f)
{
    const size_t r = f->rank;
    double *gram = worker_square(f, 0), *e = gram + r * r, *values = e + r * r, *row = values + r;
    orthogonal(f, f->u, f->rows); /* the axes of u, forgotten by the solution for v */
    if (r <= WEIGHTED_RANK)
        bitx_factors_solve(f, true);
    else
        multiply(f, true);
    memset(gram, 0, r * r * sizeof(*gram));
    bitx_dense_dots(gram, r, f->v, f->columns, r, f->v, f->columns, r, f->columns, 1);
    bitx_dense_eigen(gram, r, values, e);
    double *ones = row + r;
    for (size_t k = 0; k < r; k++) {
        const double length = sqrt(values[k] > 0 ? values[k] : 0);
        values[k] = sqrt(length);
        ones[k] = length > 0 ? 1 / sqrt(length) : 0;
    }
    turn(f->u, f->rows, r, e, values, row);
    turn(f->v, f->columns, r, e, ones, row);
}
