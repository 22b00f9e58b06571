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

#include "bitx/kernels.h"
#include "carve.h"
#include "dense.h"
#include "factors.h"

/* ---- costs ---------------------------------------------------------------------------------- */

static void fill_cost_sample(factors_fit *f, float *memory, uint8_t *exponents, uint32_t *row_of)
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
        bitx_factors_load(f, f->src + at, f->base + at, c->columns, wide, to,
                          inverse + r * c->columns);
        for (size_t i = 0; i < c->columns; i++) {
            const unsigned e = exponent_of(wide[i]);
            const float w = inverse[r * c->columns + i];
            exponents[r * c->columns + i] = (uint8_t)e;
            top = w > 0 && e > top ? e : top;
            inverse[r * c->columns + i] =
                w > 0 ? f->scale / bitx_step_at(wide[i], f->pair->dtype) : 0;
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
static void predict_more(const factors_fit *f, size_t from, size_t to)
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

static void predict_nothing(const factors_fit *f)
{
    memset(f->cost.predicted, 0, f->cost.nrows * f->cost.columns * sizeof(float));
}

static double cost_of_all(const factors_fit *f)
{
    const double share = (double)f->pair->rows * (double)f->pair->columns /
                         ((double)f->cost.nrows * (double)f->cost.columns);
    return bitx_cost_bits(&f->cost) * share;
}

/* Mean square of the residual that rounding does not explain. */
static void update_rest(factors_fit *f)
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
static unsigned choose_rank(const factors_fit *f)
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
static int finest(const factors_fit *f, int shift)
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

static double side_bits(const factors_fit *f, int shift)
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
static double cost_at(factors_fit *f, int shift, float *saved)
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

static int choose_shift(factors_fit *f, float *saved, double *bits)
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
    factors_fit *f;
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
    const factors_fit *f = job->f;
    factors_panel p = bitx_factors_panel(f, index, false, worker_scratch(f, worker));
    double *square = worker_square(f, worker), *out = square + (size_t)f->rank * f->rank;
    for (size_t i = 0; i < p.n; i++) {
        int16_t *to = job->out + (p.first + i) * f->rank;
        bitx_factors_solve_one(f, p.change + i * p.length, p.weight + i * p.length, p.length, f->v,
                               p.spare, square, out);
        for (size_t k = 0; k < f->rank; k++)
            to[k] = as_integer(out[k] * (double)job->times);
    }
}

static bitx_status read_rows(factors_fit *f, uint64_t first, uint64_t step, size_t n)
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
static bitx_status finish_u(factors_fit *f, float times, int16_t *u)
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
        bitx_ctx_run(f->ctx, solve_rows, &job, (n + FACTORS_PANEL - 1) / FACTORS_PANEL);
        f->rows = kept;
    }
    return BITX_OK;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* How many rounds of least squares: they cost r^2 an element, and the first ones bring most. */
static unsigned rounds_of(const factors_fit *f)
{
    if (f->rank > WEIGHTED_RANK)
        return 0;
    unsigned rounds = f->rank <= 16 ? 3 : f->rank <= 32 ? 2 : 1;
    return f->effort == BITX_EFFORT_MAX ? 2 * rounds : rounds;
}

static bool find_scale(factors_fit *f)
{
    double sum = 0, n = 0;
    float *memory = worker_scratch(f, 0);
    f->scale = 1;
    f->rest = 0;
    for (size_t r = 0; r < f->rows; r += 1 + f->rows / 256) {
        const size_t at = r * f->columns * f->unit;
        float *change = memory, *weight = change + f->columns;
        bitx_factors_load(f, f->src + at, f->base + at, f->columns, weight + f->columns, change,
                          weight);
        for (size_t i = 0; i < f->columns; i++) {
            sum += (double)change[i] * (double)change[i];
            n += weight[i] > 0;
        }
    }
    f->scale = n > 0 ? (float)sqrt(sum / n) : 0;
    f->rest = 1;
    return f->scale > 1e-20F && f->scale < 1e20F;
}

static bitx_status write_section(factors_fit *f, int shift, float *saved, uint8_t **section,
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
static unsigned find_rank(factors_fit *f, unsigned most)
{
    unsigned rank;
    for (unsigned tried = most < RANK_STEP + OVERSAMPLING ? most : RANK_STEP + OVERSAMPLING;;) {
        f->rank = tried;
        bitx_factors_decompose(f);
        rank = choose_rank(f);
        if (tried == most || rank + OVERSAMPLING < tried)
            break;
        tried = tried * 3 < most ? tried * 3 : most;
    }
    return rank;
}

static bitx_status run_fit(factors_fit *f, unsigned most, float *saved, uint8_t **section,
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
        bitx_factors_solve(f, true);
        bitx_factors_solve(f, false);
    }
    bitx_factors_balance(f);
    double bits;
    const int shift = choose_shift(f, saved, &bits);
    if (!(bits < without))
        return BITX_OK;
    return write_section(f, shift, saved, section, section_nbytes);
}

static unsigned most_ranks(const factors_fit *f)
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
    factors_fit f = {
        .ctx = ctx, .pair = pair, .effort = effort, .unit = bitx_unit_nbytes(pair->dtype)};
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
    f.scratch_nelem = (2 * FACTORS_PANEL + (r > 2 ? r : 2)) * longest + 64;
    f.square_nelem = 2 * r * r + 4 * r + FACTORS_PANEL * r;
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
