/* Does a change look as if it were of low rank? Asked of a sample before anything is fitted. */
#include <math.h>
#include <string.h>

#include "bitx/kernels.h"
#include "dispatch/ops.h"
#include "factors.h"

#if defined(__clang__)
#    pragma STDC FP_CONTRACT OFF /* gcc's -std=c11 does as much */
#endif

/* Columns lie side by side, so that what is done to each of them is done to eight at once, in an
   order that depends on no ISA. Vectors are used in pairs; those that fill the last one up are
   zeros. */
enum { LANES = 8, PAIR = 2 * LANES, VECTORS_MAX = LOWRANK_TEST_MAX / LANES };
typedef float eight __attribute__((vector_size(4 * LANES), aligned(32), may_alias));

/* Into functions of a wider ISA. */
#define ALWAYS_INLINE __attribute__((always_inline)) inline

typedef struct test_matrix {
    size_t p, q;
    size_t vectors; /* that hold q columns, an even number */
    eight m[LOWRANK_TEST_MAX][VECTORS_MAX];
} test_matrix;

static float *row_of(test_matrix *t, size_t i)
{
    return (float *)t->m[i];
}

typedef int32_t eight_masks __attribute__((vector_size(4 * LANES), aligned(32), may_alias));

/* Changes of p rows of q elements; those that are not finite, or near to it, count as none. */
ALWAYS_INLINE static void load_changes(test_matrix *t, bitx_dtype dtype, const uint8_t *src,
                                       const uint8_t *base)
{
    const size_t row = t->q * bitx_unit_nbytes(dtype);
    eight x[VECTORS_MAX] = {{0}}, b[VECTORS_MAX] = {{0}};
    t->vectors = (t->q + PAIR - 1) / PAIR * 2;
    for (size_t i = 0; i < t->p; i++) {
        bitx_widen((float *)x, src + i * row, t->q, dtype);
        bitx_widen((float *)b, base + i * row, t->q, dtype);
        for (size_t v = 0; v < t->vectors; v++) {
            const eight d = x[v] - b[v];
            const eight_masks usual = (d < 1e15F) & (d > -1e15F);
            t->m[i][v] = (eight)((eight_masks)d & usual);
        }
    }
}

static float sum_lanes(const eight *v)
{
    float sums[LANES];
    memcpy(sums, v, sizeof(sums));
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t l = 0; l < half; l++)
            sums[l] += sums[l + half];
    return sums[0];
}

/* Energies of its rows and columns. */
ALWAYS_INLINE static void measure_lines(test_matrix *t, float *rows, eight *columns)
{
    memset(columns, 0, t->vectors * sizeof(*columns));
    for (size_t i = 0; i < t->p; i++) {
        eight sum = {0};
        for (size_t v = 0; v < t->vectors; v++) {
            const eight square = t->m[i][v] * t->m[i][v];
            columns[v] += square;
            sum += square;
        }
        rows[i] = sum_lanes(&sum);
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
            memcpy(t->m[p - 1], t->m[i], t->vectors * sizeof(eight));
    }
    for (size_t j = 0; j < t->q; j++) {
        if (columns[j] > 0 && q++ != j)
            for (size_t i = 0; i < p; i++)
                row_of(t, i)[q - 1] = row_of(t, i)[j];
    }
    for (size_t i = 0; i < p && q < t->q; i++)
        memset(row_of(t, i) + q, 0, (t->q - q) * sizeof(float));
    t->p = drop_zeros(rows, t->p);
    t->q = drop_zeros(columns, t->q);
    memset(columns + t->q, 0, (t->vectors * LANES - t->q) * sizeof(float));
    t->vectors = (t->q + PAIR - 1) / PAIR * 2;
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
   without them a matrix has the rank that it had. Energies of columns then, to `left`. */
ALWAYS_INLINE static void cap_lines(test_matrix *t, const float *rows, const eight *columns,
                                    eight *left)
{
    float down[LOWRANK_TEST_MAX];
    eight across[VECTORS_MAX] = {{0}};
    find_caps(rows, t->p, down);
    find_caps((const float *)columns, t->q, (float *)across);
    memset(left, 0, t->vectors * sizeof(*left));
    for (size_t i = 0; i < t->p; i++)
        for (size_t v = 0; v < t->vectors; v++) {
            t->m[i][v] *= across[v] * down[i];
            left[v] += t->m[i][v] * t->m[i][v];
        }
}

/* The column of most energy, the first of several. */
ALWAYS_INLINE static size_t loudest(const test_matrix *t, const eight *left)
{
    const float *energy = (const float *)left;
    float each[LANES], top;
    eight most = left[0];
    for (size_t v = 1; v < t->vectors; v++) {
        const eight_masks more = left[v] > most;
        most = (eight)(((eight_masks)left[v] & more) | ((eight_masks)most & ~more));
    }
    memcpy(each, &most, sizeof(each));
    top = each[0];
    for (size_t l = 1; l < LANES; l++)
        top = each[l] > top ? each[l] : top;
    for (size_t j = 0; j < t->q; j++)
        if (energy[j] == top)
            return j;
    return 0;
}

/* Products of n vectors of columns, from v on, with one column: as many sums at a time as hide the
   latency of an addition. */
ALWAYS_INLINE static void multiply(const test_matrix *t, const float *column, eight *products,
                                   size_t v, size_t n)
{
    eight sums[8] = {{0}};
    for (size_t i = 0; i < t->p; i++)
        for (size_t k = 0; k < n; k++)
            sums[k] += t->m[i][v + k] * column[i];
    for (size_t k = 0; k < n; k++)
        products[v + k] = sums[k];
}

/*
 * One step of a Cholesky decomposition, with pivots, of the columns' products with each other, of
 * which only those with the pivots are ever computed: it leaves of each column what is orthogonal
 * to all pivots so far, as Gram and Schmidt do, but only the energy of that.
 */
ALWAYS_INLINE static void take_pivot(const test_matrix *t, eight (*taken)[VECTORS_MAX], eight *left,
                                     size_t k)
{
    const size_t vectors = t->vectors, best = loudest(t, left);
    eight products[VECTORS_MAX];
    float column[LOWRANK_TEST_MAX];
    for (size_t i = 0; i < t->p; i++)
        column[i] = ((const float *)t->m[i])[best];
    size_t v = 0;
    for (; v + 8 <= vectors; v += 8)
        multiply(t, column, products, v, 8);
    if (v + 6 == vectors)
        multiply(t, column, products, v, 6);
    else if (v + 4 == vectors)
        multiply(t, column, products, v, 4);
    else if (v + 2 == vectors)
        multiply(t, column, products, v, 2);
    for (size_t l = 0; l < k; l++) {
        const float x = ((const float *)taken[l])[best];
        for (v = 0; v < vectors; v++)
            products[v] -= taken[l][v] * x;
    }
    const float length = ((const float *)left)[best], inverse = length > 0 ? 1 / sqrtf(length) : 0;
    for (v = 0; v < vectors; v++) {
        taken[k][v] = products[v] * inverse;
        left[v] -= taken[k][v] * taken[k][v];
    }
    ((float *)left)[best] = 0;
}

static double sum_of(const eight *left, size_t n)
{
    const float *energy = (const float *)left;
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += energy[j] > 0 ? (double)energy[j] : 0;
    return sum;
}

/*
 * After a third of the steps, what is left of a matrix without structure is about 4/9 of its
 * energy, and of one of low rank its rounding noise. Returns how much is left of the former.
 */
ALWAYS_INLINE static double judge(test_matrix *t, bitx_dtype dtype, const uint8_t *src,
                                  const uint8_t *base)
{
    /* Most full fine-tunes are told from all others after a quarter of the steps or two. Products
       whose rank is that of all steps leave up to 0.75, 0.42 and 0.2, and noise adds to these. */
    static const double most[] = {0.8, 0.6, 0.4, 1};
    enum { STEPS_MAX = LOWRANK_TEST_MAX / 3 };
    eight columns[VECTORS_MAX], left[VECTORS_MAX], taken[STEPS_MAX][VECTORS_MAX];
    float rows[LOWRANK_TEST_MAX];
    load_changes(t, dtype, src, base);
    measure_lines(t, rows, columns);
    drop_empty(t, rows, (float *)columns);
    if (t->p < 6 || t->q < 6)
        return 1;
    cap_lines(t, rows, columns, left);
    const double energy = sum_of(left, t->q);
    const size_t steps = (t->p < t->q ? t->p : t->q) / 3;
    size_t k = 0;
    double rest = 1;
    for (size_t quarter = 1; quarter <= 4; quarter++) {
        for (; 4 * k < quarter * steps; k++)
            take_pivot(t, taken, left, k);
        const double share = (1 - (double)k / (double)t->p) * (1 - (double)k / (double)t->q);
        rest = sum_of(left, t->q) / (share * energy);
        if (rest > most[quarter - 1])
            return 1;
    }
    return rest;
}

static double judge_plain(test_matrix *t, bitx_dtype dtype, const uint8_t *src, const uint8_t *base)
{
    return judge(t, dtype, src, base);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static double judge_avx2(test_matrix *t, bitx_dtype dtype,
                                                         const uint8_t *src, const uint8_t *base)
{
    return judge(t, dtype, src, base);
}

__attribute__((target("avx512f"))) static double
judge_avx512(test_matrix *t, bitx_dtype dtype, const uint8_t *src, const uint8_t *base)
{
    return judge(t, dtype, src, base);
}
#endif

static double judge_on_row(test_matrix *t, bitx_dtype dtype, const uint8_t *src,
                           const uint8_t *base)
{
#if defined(__x86_64__)
    const bitx_isa isa = bitx_isa_active();
    if (isa == BITX_ISA_AVX512)
        return judge_avx512(t, dtype, src, base);
    if (isa == BITX_ISA_AVX2)
        return judge_avx2(t, dtype, src, base);
#endif
    return judge_plain(t, dtype, src, base);
}

/* The share of the changes' energy that rounding to the format's steps explains. */
static double rounding_share(bitx_dtype dtype, const uint8_t *src, const uint8_t *base, size_t p,
                             size_t q)
{
    enum { EVERY = 4 }; /* of the rows are enough */
    const size_t row = q * bitx_unit_nbytes(dtype);
    double energy = 0, noise = 0;
    for (size_t i = 0; i < p; i += EVERY) {
        float x[LOWRANK_TEST_MAX], b[LOWRANK_TEST_MAX];
        double own = 0;
        bitx_widen(x, src + i * row, q, dtype);
        bitx_widen(b, base + i * row, q, dtype);
        for (size_t j = 0; j < q; j++) {
            const double d = (double)x[j] - (double)b[j];
            own += fabs(d) < 1e15 ? d * d : 0;
        }
        for (size_t j = 0; j < q; j++) {
            const double step = (double)bitx_step_at(x[j], dtype), square = step * step / 12;
            /* No change is off by more than all of it. */
            noise += square < own / (double)q ? square : own / (double)q;
        }
        energy += own;
    }
    return energy > 0 ? noise / energy : 0;
}

bool bitx_lowrank_test(bitx_dtype dtype, const uint8_t *src, const uint8_t *base, size_t p,
                       size_t q, bool cheap)
{
    /* Of merged LoRAs 1.4 to 1.6 times the rounding noise is left, 3.5 times where the rank is a
       third of the sample's side; of full fine-tunes that have some structure 5 to 60 times. Where
       noise is most of the change, a fit gains little. */
    static const double noises = 4, negligible = 1e-3, most = 0.2;
    test_matrix t;
    t.p = p;
    t.q = q;
    const double left = judge_on_row(&t, dtype, src, base);
    if (cheap && left < most)
        return true;
    return left < most && left < negligible + noises * rounding_share(dtype, src, base, p, q);
}
