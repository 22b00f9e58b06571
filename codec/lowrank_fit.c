/*
 * A change of low rank, fitted. D = tensor - base is low rank and rounding noise of half a step,
 * and steps differ from element to element by orders of magnitude. A randomised SVD (Halko,
 * Martinsson, Tropp 2011) with one power iteration gives the start; alternating weighted least
 * squares, weights 1 / (step^2 / 12 + what else is left), then uses the finely rounded elements to
 * place the coarse ones. The rank and the precision of the integers are those that cost least on
 * some rows.
 *
 * Memory is bounded: v is fitted to as many rows as fit it, u then row by row to all.
 */
#include "lowrank_fit.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "bitx/kernels.h"
#include "carve.h"
#include "dense.h"
#include "fit_cost.h"

enum {
    PANEL = 32,         /* rows or columns of one job */
    OVERSAMPLING = 8,   /* of the SVD */
    RANK_STEP = 24,     /* the first rank that is looked for */
    WEIGHTED_RANK = 48, /* beyond it least squares take too long: r^2 for each element */
    COST_ELEMENTS = 1 << 16
};

typedef struct fit {
    bitx_ctx *ctx;
    const bitx_pair_source *pair;
    bitx_effort effort;
    size_t rows, columns; /* in memory */
    uint64_t row_step;    /* of the tensor, between them */
    size_t unit;
    uint8_t *src, *base; /* rows * columns units */
    float scale;         /* of the change: what is worked with is D / scale */
    float rest;          /* mean square of what no rounding explains, in that scale */
    unsigned rank, cap;  /* cap: vectors that u and v have room for */
    float *u, *v;        /* by component: rank rows of `rows`, of `columns` floats */
    float *scratch;      /* scratch_nelem for each worker */
    double *square;      /* square_nelem for each worker */
    size_t scratch_nelem, square_nelem;
    bitx_cost_sample cost;
    _Atomic unsigned failed;
} fit;

/* ---- elements ------------------------------------------------------------------------------ */

static void widen(float *dst, const uint8_t *src, size_t n, bitx_dtype dtype)
{
    if (dtype == BITX_BF16)
        bitx_cast_bf16_f32((void *)dst, src, n);
    else if (dtype == BITX_F16)
        bitx_cast_f16_f32((void *)dst, src, n);
    else
        memcpy(dst, src, 4 * n);
}

static unsigned exponent_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits >> 23 & 0xff;
}

/* The distance between neighbours of the format at x. */
static float step_at(float x, bitx_dtype dtype)
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

/* change and weight of n elements; wide: 2 n floats. Where a number is none, both are 0. */
static void load_change(const fit *f, const uint8_t *src, const uint8_t *base, size_t n,
                        float *wide, float *change, float *weight)
{
    const float inverse = 1 / f->scale, twelfth = inverse * inverse / 12, most = 1e15F;
    float *x = wide, *b = wide + n;
    widen(x, src, n, f->pair->dtype);
    widen(b, base, n, f->pair->dtype);
    for (size_t i = 0; i < n; i++) {
        const float d = (x[i] - b[i]) * inverse, step = step_at(x[i], f->pair->dtype);
        const float w = 1 / (step * step * twelfth + f->rest);
        const bool good = fabsf(d) < most && w > 0; /* neither NaN nor infinite */
        change[i] = good ? d : 0;
        weight[i] = good ? w : 0;
    }
}

/* Panel `p` of rows or of columns, one vector after the other; returns how many. */
typedef struct panel {
    size_t n, length, first;
    float *change, *weight, *spare; /* spare: 2 PANEL + 2 length floats, and more for the squares */
} panel;

static panel load_panel(const fit *f, size_t index, bool by_columns, float *memory)
{
    const size_t across = by_columns ? f->columns : f->rows;
    panel p = {.first = index * PANEL, .length = by_columns ? f->rows : f->columns};
    p.n = across - p.first < PANEL ? across - p.first : PANEL;
    p.change = memory;
    p.weight = p.change + PANEL * p.length;
    p.spare = p.weight + PANEL * p.length;
    if (!by_columns) {
        for (size_t i = 0; i < p.n; i++) {
            const size_t at = (p.first + i) * f->columns * f->unit;
            load_change(f, f->src + at, f->base + at, p.length, p.spare, p.change + i * p.length,
                        p.weight + i * p.length);
        }
        return p;
    }
    for (size_t r = 0; r < p.length; r++) {
        float change[PANEL], weight[PANEL];
        const size_t at = (r * f->columns + p.first) * f->unit;
        load_change(f, f->src + at, f->base + at, p.n, p.spare, change, weight);
        for (size_t i = 0; i < p.n; i++) {
            p.change[i * p.length + r] = change[i];
            p.weight[i * p.length + r] = weight[i];
        }
    }
    return p;
}

static float *worker_scratch(const fit *f, unsigned worker)
{
    return f->scratch + worker * f->scratch_nelem;
}

static double *worker_square(const fit *f, unsigned worker)
{
    return f->square + worker * f->square_nelem;
}

/* ---- the SVD ------------------------------------------------------------------------------- */

typedef struct product {
    fit *f;
    bool by_columns;
    const float *from; /* by component, of the panels' length */
    float *to;
} product;

/* to = D from, or D' from. */
static void multiply_panel(void *arg, size_t index, unsigned worker)
{
    const product *job = arg;
    const fit *f = job->f;
    panel p = load_panel(f, index, job->by_columns, worker_scratch(f, worker));
    double *sums = worker_square(f, worker);
    const size_t across = job->by_columns ? f->columns : f->rows;
    memset(sums, 0, PANEL * f->rank * sizeof(*sums));
    bitx_dense_dots(sums, f->rank, p.change, p.length, p.n, job->from, p.length, f->rank, p.length,
                    0);
    for (size_t i = 0; i < p.n; i++)
        for (size_t k = 0; k < f->rank; k++)
            job->to[k * across + p.first + i] = (float)sums[i * f->rank + k];
}

static void multiply(fit *f, bool by_columns)
{
    product job = {f, by_columns, by_columns ? f->u : f->v, by_columns ? f->v : f->u};
    const size_t across = by_columns ? f->columns : f->rows;
    bitx_ctx_run(f->ctx, multiply_panel, &job, (across + PANEL - 1) / PANEL);
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
static void orthogonal(fit *f, float *x, size_t n)
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
static void decompose(fit *f)
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

/* The best vector of `rank` numbers for one row of changes, given factors of its length, to out.
   squares: weighted factors, rank * length floats. */
static void solve_one(const fit *f, const float *change, const float *weight, size_t length,
                      const float *factors, float *weighted, double *square, double *out)
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
    const fit *f = job->f;
    panel p = load_panel(f, index, job->by_columns, worker_scratch(f, worker));
    double *square = worker_square(f, worker), *out = square + (size_t)f->rank * f->rank;
    const size_t across = job->by_columns ? f->columns : f->rows;
    for (size_t i = 0; i < p.n; i++) {
        solve_one(f, p.change + i * p.length, p.weight + i * p.length, p.length, job->from, p.spare,
                  square, out);
        for (size_t k = 0; k < f->rank; k++)
            job->to[k * across + p.first + i] = (float)out[k];
    }
}

static void solve(fit *f, bool by_columns)
{
    product job = {f, by_columns, by_columns ? f->u : f->v, by_columns ? f->v : f->u};
    const size_t across = by_columns ? f->columns : f->rows;
    bitx_ctx_run(f->ctx, solve_panel, &job, (across + PANEL - 1) / PANEL);
}

/* Components orthogonal in both, of equal length, greatest first: integers of one precision then
   err alike in all of them, and later ones need fewer bits. */
static void balance(fit *f)
{
    const size_t r = f->rank;
    double *gram = worker_square(f, 0), *e = gram + r * r, *values = e + r * r, *row = values + r;
    orthogonal(f, f->u, f->rows); /* the axes of u, forgotten by the solution for v */
    if (r <= WEIGHTED_RANK)
        solve(f, true);
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

/* ---- costs ---------------------------------------------------------------------------------- */

static void fill_cost_sample(fit *f, float *memory, uint8_t *exponents, uint32_t *row_of)
{
    bitx_cost_sample *c = &f->cost;
    const size_t n = c->nrows * c->columns;
    float *change = memory, *inverse = change + n, *wide = inverse + 2 * n;
    unsigned top = 0;
    c->predicted = inverse + n;
    for (size_t r = 0; r < c->nrows; r++) {
        row_of[r] = (uint32_t)(r * f->rows / c->nrows);
        const size_t at = row_of[r] * f->columns * f->unit;
        float *to = change + r * c->columns;
        /* Columns too: of the first ones. */
        load_change(f, f->src + at, f->base + at, c->columns, wide, to, inverse + r * c->columns);
        for (size_t i = 0; i < c->columns; i++) {
            const unsigned e = exponent_of(wide[i]);
            const float w = inverse[r * c->columns + i];
            exponents[r * c->columns + i] = (uint8_t)e;
            top = w > 0 && e > top ? e : top;
            inverse[r * c->columns + i] = w > 0 ? f->scale / step_at(wide[i], f->pair->dtype) : 0;
        }
    }
    for (size_t i = 0; i < n; i++) {
        const unsigned below = top > exponents[i] ? top - exponents[i] : 0;
        exponents[i] = (uint8_t)(below < COST_EXPONENTS ? below : COST_EXPONENTS - 1);
    }
    c->change = change;
    c->inverse = inverse;
    c->exponent = exponents;
    c->row = row_of;
}

/* Adds components [from, to) to the predictions. */
static void predict_more(const fit *f, size_t from, size_t to)
{
    const bitx_cost_sample *c = &f->cost;
    for (size_t r = 0; r < c->nrows; r++)
        for (size_t k = from; k < to; k++) {
            const float x = f->u[k * f->rows + c->row[r]], *v = f->v + k * f->columns;
            float *out = c->predicted + r * c->columns;
            for (size_t i = 0; i < c->columns; i++)
                out[i] += x * v[i];
        }
}

static void predict_nothing(const fit *f)
{
    memset(f->cost.predicted, 0, f->cost.nrows * f->cost.columns * sizeof(float));
}

static double cost_of_all(const fit *f)
{
    const double share = (double)f->pair->rows * (double)f->pair->columns /
                         ((double)f->cost.nrows * (double)f->cost.columns);
    return bitx_cost_bits(&f->cost) * share;
}

/* Mean square of the residual that rounding does not explain. */
static void update_rest(fit *f)
{
    const bitx_cost_sample *c = &f->cost;
    double sum = 0, n = 0;
    for (size_t i = 0; i < c->nrows * c->columns; i++) {
        if (!(c->inverse[i] > 0))
            continue;
        const double d = (double)c->change[i] - (double)c->predicted[i];
        const double step = 1 / (double)c->inverse[i];
        if (fabs(d) > 64) /* some few that have nothing to do with it */
            continue;
        sum += d * d - step * step / 12;
        n += 1;
    }
    const double rest = n > 0 ? sum / n : 0;
    f->rest = (float)(rest > 1e-6 ? rest : 1e-6);
}

/* The cheapest number of components, of those there are; 0 for none. */
static unsigned choose_rank(const fit *f)
{
    enum { FACTOR_BITS = 8 };
    const double each = FACTOR_BITS * ((double)f->pair->rows + (double)f->pair->columns);
    unsigned best = 0;
    predict_nothing(f);
    const double without = cost_of_all(f);
    double least = without;
    for (unsigned k = 0; k < f->rank;) {
        const unsigned next = k < 24 ? k + 1 : k + k / 8;
        const unsigned to = next < f->rank ? next : f->rank;
        predict_more(f, k, to);
        k = to;
        const double bits = cost_of_all(f) + each * k;
        if (bits < least) {
            least = bits;
            best = k;
        }
    }
    return best;
}

/* ---- integers ------------------------------------------------------------------------------ */

static double greatest(const float *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fabs((double)x[i]) > most ? fabs((double)x[i]) : most;
    return most;
}

static void to_integers(float *x, size_t n, float times)
{
    for (size_t i = 0; i < n; i++)
        x[i] = rintf(x[i] * times) / times;
}

/* The finest precision at which every sum fits; integers are x * 2^(shift / 2) for both. */
static int finest(const fit *f, int shift)
{
    for (;; shift--) {
        const double times = exp2(shift / 2.0);
        double sum = 0, most = 0;
        for (size_t k = 0; k < f->rank; k++) {
            const double a = greatest(f->u + k * f->rows, f->rows) * times * 2;
            const double b = greatest(f->v + k * f->columns, f->columns) * times * 2;
            sum += a * b / 2; /* rows that are not in memory may be greater */
            most = a > most ? a : most;
            most = b > most ? b : most;
        }
        if (sum < 0x1p31 && most < 32767)
            return shift;
    }
}

static double factor_bits(const float *x, size_t n, double times)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    const double width = sqrt(sum / (double)n) * times;
    return width > 0.3 ? log2(width) + 2.1 : 1.5;
}

static double side_bits(const fit *f, int shift)
{
    double bits = 0;
    for (size_t k = 0; k < f->rank; k++)
        bits +=
            (double)f->pair->rows * factor_bits(f->u + k * f->rows, f->rows, exp2(shift / 2.0)) +
            (double)f->pair->columns *
                factor_bits(f->v + k * f->columns, f->columns, exp2(shift / 2.0));
    return bits;
}

/* Bits of everything at a precision; u and v are left as they were. saved: room for both. */
static double cost_at(fit *f, int shift, float *saved)
{
    const size_t nu = f->rank * f->rows, nv = f->rank * f->columns;
    const float times = (float)exp2(shift / 2.0);
    memcpy(saved, f->u, nu * sizeof(float));
    memcpy(saved + nu, f->v, nv * sizeof(float));
    to_integers(f->u, nu, times);
    to_integers(f->v, nv, times);
    predict_nothing(f);
    predict_more(f, 0, f->rank);
    memcpy(f->u, saved, nu * sizeof(float));
    memcpy(f->v, saved + nu, nv * sizeof(float));
    return cost_of_all(f) + side_bits(f, shift);
}

static int choose_shift(fit *f, float *saved, double *bits)
{
    int most = finest(f, 60), best = most;
    double least = INFINITY;
    for (int shift = most; shift > most - 24; shift -= 2) {
        const double cost = cost_at(f, shift, saved);
        if (cost < least) {
            least = cost;
            best = shift;
        } else if (cost > least * 1.05) {
            break;
        }
    }
    *bits = least;
    return best;
}

/* ---- all rows, as integers ------------------------------------------------------------------ */

typedef struct last_rows {
    fit *f;
    uint64_t first;
    size_t n;
    float times;  /* to integers */
    int16_t *out; /* of the first row */
} last_rows;

static int16_t as_integer(double x)
{
    x = rint(x);
    return (int16_t)(x > 32767 ? 32767 : x < -32767 ? -32767 : x);
}

static void solve_rows(void *arg, size_t index, unsigned worker)
{
    const last_rows *job = arg;
    const fit *f = job->f;
    panel p = load_panel(f, index, false, worker_scratch(f, worker));
    double *square = worker_square(f, worker), *out = square + (size_t)f->rank * f->rank;
    for (size_t i = 0; i < p.n; i++) {
        int16_t *to = job->out + (p.first + i) * f->rank;
        solve_one(f, p.change + i * p.length, p.weight + i * p.length, p.length, f->v, p.spare,
                  square, out);
        for (size_t k = 0; k < f->rank; k++)
            to[k] = as_integer(out[k] * (double)job->times);
    }
}

static bitx_status read_rows(fit *f, uint64_t first, uint64_t step, size_t n)
{
    const size_t row = f->columns * f->unit;
    const bitx_source *sources[2] = {f->pair->src, f->pair->base};
    uint8_t *to[2] = {f->src, f->base};
    /* Runs of rows at once. Both in turn, so that a reader may keep the last block of each. */
    const size_t run = step == 1 ? n : 1;
    for (size_t i = 0; i < n; i += run)
        for (int k = 0; k < 2; k++)
            if (sources[k]->read(sources[k]->user, (first + i * step) * row, to[k] + i * row,
                                 run * row) != 0)
                return BITX_ERR_SOURCE;
    return BITX_OK;
}

/* Given v in integers: u for every row of the tensor, in as many pieces as memory asks for. */
static bitx_status finish_u(fit *f, float times, int16_t *u)
{
    const uint64_t rows = f->pair->rows;
    const size_t kept = f->rows;
    for (uint64_t first = 0; first < rows; first += kept) {
        const size_t n = rows - first < kept ? (size_t)(rows - first) : kept;
        if (f->row_step != 1 || kept != rows) {
            const bitx_status status = read_rows(f, first, 1, n);
            if (status != BITX_OK)
                return status;
        }
        last_rows job = {f, first, n, times, u + first * f->rank};
        f->rows = n;
        bitx_ctx_run(f->ctx, solve_rows, &job, (n + PANEL - 1) / PANEL);
        f->rows = kept;
    }
    return BITX_OK;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* How many rounds of least squares: they cost r^2 an element, and the first ones bring most. */
static unsigned rounds_of(const fit *f)
{
    if (f->rank > WEIGHTED_RANK)
        return 0;
    unsigned rounds = f->rank <= 16 ? 3 : f->rank <= 32 ? 2 : 1;
    return f->effort == BITX_EFFORT_MAX ? 2 * rounds : rounds;
}

static bool find_scale(fit *f)
{
    double sum = 0, n = 0;
    float *memory = worker_scratch(f, 0);
    f->scale = 1;
    f->rest = 0;
    for (size_t r = 0; r < f->rows; r += 1 + f->rows / 256) {
        const size_t at = r * f->columns * f->unit;
        float *change = memory, *weight = change + f->columns;
        load_change(f, f->src + at, f->base + at, f->columns, weight + f->columns, change, weight);
        for (size_t i = 0; i < f->columns; i++) {
            sum += (double)change[i] * (double)change[i];
            n += weight[i] > 0;
        }
    }
    f->scale = n > 0 ? (float)sqrt(sum / n) : 0;
    f->rest = 1;
    return f->scale > 1e-20F && f->scale < 1e20F;
}

static bitx_status write_section(fit *f, int shift, float *saved, uint8_t **section,
                                 size_t *section_nbytes)
{
    /* u v 2^-shift in the tensor's numbers, which the scale takes us to: a power of two. */
    int exponent;
    (void)frexpf(f->scale, &exponent); /* f->scale is 2^(exponent - 1) */
    const int whole = shift - (exponent - 1);
    (void)saved;
    if (whole < 0 || whole > LOWRANK_SHIFT_MAX)
        return BITX_OK;
    const float times = (float)exp2(shift / 2.0);
    const size_t nu = (size_t)f->pair->rows * f->rank, nv = f->columns * f->rank;
    const size_t cap = (size_t)f->pair->rows * f->columns * f->unit / 4;
    const bitx_allocator *a = &f->ctx->allocator;
    int16_t *integers = a->allocate(a->user, (nu + nv) * sizeof(int16_t));
    uint8_t *out = integers ? a->allocate(a->user, cap) : NULL;
    bitx_status status = out ? BITX_OK : BITX_ERR_MEMORY;
    if (status == BITX_OK) {
        int16_t *v = integers + nu;
        for (size_t i = 0; i < f->columns; i++)
            for (size_t k = 0; k < f->rank; k++)
                v[i * f->rank + k] = as_integer((double)f->v[k * f->columns + i] * (double)times);
        to_integers(f->v, nv, times);
        status = finish_u(f, times, integers);
        const bitx_factors factors = {f->pair->rows,   f->columns, f->rank,
                                      (unsigned)whole, integers,   v};
        const size_t n = status == BITX_OK ? bitx_lowrank_write(&factors, out, cap) : 0;
        if (n) {
            *section = out;
            *section_nbytes = n;
            out = NULL;
        }
    }
    if (out)
        a->release(a->user, out);
    if (integers)
        a->release(a->user, integers);
    return status;
}

/* Looks for ranks of up to f->cap; ranks found that fill it up are looked at again with more. */
static unsigned find_rank(fit *f, unsigned most)
{
    unsigned rank;
    for (unsigned tried = most < RANK_STEP + OVERSAMPLING ? most : RANK_STEP + OVERSAMPLING;;) {
        f->rank = tried;
        decompose(f);
        rank = choose_rank(f);
        if (tried == most || rank + OVERSAMPLING < tried)
            break;
        tried = tried * 3 < most ? tried * 3 : most;
    }
    return rank;
}

static bitx_status run_fit(fit *f, unsigned most, float *saved, uint8_t **section,
                           size_t *section_nbytes)
{
    predict_nothing(f);
    const double without = cost_of_all(f);
    f->rank = find_rank(f, most);
    if (f->rank == 0)
        return BITX_OK;
    const unsigned rounds = rounds_of(f);
    for (unsigned k = 0; k < rounds; k++) {
        predict_nothing(f);
        predict_more(f, 0, f->rank);
        update_rest(f);
        solve(f, true);
        solve(f, false);
    }
    balance(f);
    double bits;
    const int shift = choose_shift(f, saved, &bits);
    if (!(bits < without))
        return BITX_OK;
    return write_section(f, shift, saved, section, section_nbytes);
}

static unsigned most_ranks(const fit *f)
{
    const uint64_t rows = f->rows, columns = f->columns;
    uint64_t most = (rows < columns ? rows : columns) / 2;
    const uint64_t paying = rows * columns / (2 * (rows + columns)); /* one in two elements */
    most = most < paying ? most : paying;
    const uint64_t limit = f->effort == BITX_EFFORT_MAX ? LOWRANK_RANK_MAX : 96;
    return (unsigned)(most < limit ? most : limit);
}

bitx_status bitx_lowrank_fit(bitx_ctx *ctx, const bitx_pair_source *pair, bitx_effort effort,
                             uint64_t memory_nbytes, uint8_t **section, size_t *section_nbytes)
{
    *section = NULL;
    fit f = {.ctx = ctx, .pair = pair, .effort = effort, .unit = bitx_unit_nbytes(pair->dtype)};
    if (pair->rows < 2 || pair->columns < 2 || pair->columns > UINT32_MAX ||
        pair->rows > UINT32_MAX)
        return BITX_OK;
    f.columns = (size_t)pair->columns;
    const uint64_t fits = memory_nbytes / 8 * 3 / (2 * f.columns * f.unit);
    f.rows = (size_t)(pair->rows < fits ? pair->rows : fits);
    f.row_step = f.rows ? pair->rows / f.rows : 1;
    const unsigned most = most_ranks(&f);
    if (most == 0)
        return BITX_OK;

    const size_t longest = f.rows > f.columns ? f.rows : f.columns, r = most;
    f.scratch_nelem = (2 * PANEL + (r > 2 ? r : 2)) * longest + 64;
    f.square_nelem = 2 * r * r + 4 * r + PANEL * r;
    f.cost.columns = f.columns < 4096 ? f.columns : 4096;
    f.cost.nrows = 1 + COST_ELEMENTS / f.cost.columns;
    f.cost.nrows = f.cost.nrows < f.rows ? f.cost.nrows : f.rows;
    const size_t ncost = f.cost.nrows * f.cost.columns, matrix = f.rows * f.columns * f.unit;
    const size_t factors = carved(r * (f.rows + f.columns) * sizeof(float));
    const size_t scratch = carved(f.scratch_nelem * sizeof(float) * ctx->nworkers);
    const size_t squares = carved(f.square_nelem * sizeof(double) * ctx->nworkers);
    const size_t costs = carved((3 * ncost + 2 * f.cost.columns) * sizeof(float));
    const size_t rows = carved(f.cost.nrows * sizeof(uint32_t));
    const size_t all =
        2 * carved(matrix) + 2 * factors + scratch + squares + costs + rows + carved(ncost);
    if (all > memory_nbytes)
        return BITX_OK;
    bitx_status status = bitx_buffer_grow(&ctx->allocator, &ctx->fit, all);
    if (status != BITX_OK)
        return status;
    uint8_t *at = ctx->fit.data;
    f.src = carve(&at, matrix);
    f.base = carve(&at, matrix);
    f.u = (void *)carve(&at, factors);
    f.v = f.u + r * f.rows;
    float *saved = (void *)carve(&at, factors);
    f.scratch = (void *)carve(&at, scratch);
    f.square = (void *)carve(&at, squares);
    float *cost_memory = (void *)carve(&at, costs);
    uint32_t *cost_rows = (void *)carve(&at, rows);
    uint8_t *exponents = carve(&at, ncost);

    status = read_rows(&f, 0, f.row_step, f.rows);
    if (status != BITX_OK || !find_scale(&f))
        return status;
    int exponent;
    (void)frexpf(f.scale, &exponent);
    f.scale = (float)exp2(exponent - 1); /* exact in both directions */
    fill_cost_sample(&f, cost_memory, exponents, cost_rows);
    return run_fit(&f, most, saved, section, section_nbytes);
}

/* ---- the test ------------------------------------------------------------------------------ */

/* Sixteen sums side by side, as no compiler may make them of one. */
static float dot_lanes(const float *a, const float *b, size_t n)
{
    enum { LANES = 16 };
    float sums[LANES] = {0};
    size_t k = 0;
    for (; k + LANES <= n; k += LANES)
        for (size_t l = 0; l < LANES; l++)
            sums[l] += a[k + l] * b[k + l];
    for (size_t l = 0; k < n; k++, l++)
        sums[l] += a[k] * b[k];
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t l = 0; l < half; l++)
            sums[l] += sums[l + half];
    return sums[0];
}

typedef struct test_matrix {
    size_t p, q;
    float m[LOWRANK_TEST_MAX][LOWRANK_TEST_MAX];
} test_matrix;

static void load_changes(test_matrix *t, bitx_dtype dtype, const uint8_t *src, const uint8_t *base)
{
    const size_t unit = bitx_unit_nbytes(dtype);
    for (size_t i = 0; i < t->p; i++) {
        float x[LOWRANK_TEST_MAX], b[LOWRANK_TEST_MAX];
        widen(x, src + i * t->q * unit, t->q, dtype);
        widen(b, base + i * t->q * unit, t->q, dtype);
        for (size_t j = 0; j < t->q; j++) {
            const float d = x[j] - b[j];
            t->m[i][j] = fabsf(d) < 1e15F ? d : 0;
        }
    }
}

/* Energies of its rows and columns. */
static void measure_lines(const test_matrix *t, float *rows, float *columns)
{
    memset(columns, 0, t->q * sizeof(float));
    for (size_t i = 0; i < t->p; i++) {
        rows[i] = dot_lanes(t->m[i], t->m[i], t->q);
        for (size_t j = 0; j < t->q; j++)
            columns[j] += t->m[i][j] * t->m[i][j];
    }
}

static size_t drop_zeros(float *energy, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (energy[i] > 0)
            energy[kept++] = energy[i];
    return kept;
}

/* Rows and columns without a change say nothing of the others' rank. */
static void drop_empty(test_matrix *t, float *rows, float *columns)
{
    size_t p = 0, q = 0;
    for (size_t i = 0; i < t->p; i++) {
        if (rows[i] > 0 && p++ != i)
            memcpy(t->m[p - 1], t->m[i], t->q * sizeof(float));
    }
    for (size_t j = 0; j < t->q; j++) {
        if (columns[j] > 0 && q++ != j)
            for (size_t i = 0; i < p; i++)
                t->m[i][q - 1] = t->m[i][j];
    }
    t->p = drop_zeros(rows, t->p);
    t->q = drop_zeros(columns, t->q);
}

/* Factors by which lines louder than usual, by the median of some, are made as loud. */
static void find_caps(const float *energy, size_t n, float *caps)
{
    enum { SOME = 15 };
    float sorted[SOME];
    for (size_t i = 0; i < SOME; i++) {
        const float e = energy[i * n / SOME];
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > e; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = e;
    }
    for (size_t i = 0; i < n; i++)
        caps[i] = energy[i] > sorted[SOME / 2] ? sqrtf(sorted[SOME / 2] / energy[i]) : 1;
}

/* Scales of rows and columns, which full fine-tunes have, look like a few great singular values;
   without them a matrix has the rank that it had. */
static void cap_lines(test_matrix *t, const float *rows, const float *columns)
{
    float down[LOWRANK_TEST_MAX], across[LOWRANK_TEST_MAX];
    find_caps(rows, t->p, down);
    find_caps(columns, t->q, across);
    for (size_t i = 0; i < t->p; i++)
        for (size_t j = 0; j < t->q; j++)
            t->m[i][j] *= down[i] * across[j];
}

/* Step k of Gram-Schmidt with pivots. */
static void take_pivot(test_matrix *t, double *lengths, size_t k)
{
    float row[LOWRANK_TEST_MAX];
    size_t best = k;
    for (size_t i = k; i < t->p; i++)
        best = lengths[i] > lengths[best] ? i : best;
    memcpy(row, t->m[best], t->q * sizeof(float));
    memcpy(t->m[best], t->m[k], t->q * sizeof(float));
    lengths[best] = lengths[k];
    const double length = (double)dot_lanes(row, row, t->q);
    for (size_t i = k + 1; i < t->p && length > 0; i++) {
        const double along = (double)dot_lanes(row, t->m[i], t->q) / length;
        for (size_t j = 0; j < t->q; j++)
            t->m[i][j] -= (float)along * row[j];
        lengths[i] -= along * along * length;
        lengths[i] = lengths[i] > 0 ? lengths[i] : 0;
    }
}

/*
 * Gram-Schmidt with pivots on the changes: after a third of the steps, what is left of a matrix
 * without structure is about 4/9 of its energy, and of one of low rank its rounding noise.
 */
bool bitx_lowrank_test(bitx_dtype dtype, const uint8_t *src, const uint8_t *base, size_t p,
                       size_t q)
{
    /* Of what is left of one without structure: that of a LoRA a tenth as large as its weights'
       steps is 0.12 or so; full fine-tunes are mostly above, and gain less than their fits take:
       effort max. Halfway most of these are told from all others. */
    static const double structured = 0.15, halfway = 0.75;
    double lengths[LOWRANK_TEST_MAX], energy = 0;
    test_matrix t;
    t.p = p;
    t.q = q;
    float rows[LOWRANK_TEST_MAX], columns[LOWRANK_TEST_MAX];
    load_changes(&t, dtype, src, base);
    measure_lines(&t, rows, columns);
    drop_empty(&t, rows, columns);
    if (t.p < 6 || t.q < 6)
        return false;
    cap_lines(&t, rows, columns);
    for (size_t i = 0; i < t.p; i++)
        energy += lengths[i] = (double)dot_lanes(t.m[i], t.m[i], t.q);
    const size_t steps = (t.p < t.q ? t.p : t.q) / 3;
    for (size_t k = 1; k <= steps; k++) {
        double left = 0;
        take_pivot(&t, lengths, k - 1);
        for (size_t i = k; i < t.p; i++)
            left += lengths[i];
        const double share = (1 - (double)k / (double)t.p) * (1 - (double)k / (double)t.q);
        if (k == steps / 2 && left > halfway * share * energy)
            return false;
        if (k == steps)
            return left < structured * share * energy;
    }
    return false;
}
