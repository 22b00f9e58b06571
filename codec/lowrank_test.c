/* Does a change look as if it were of low rank? Asked of a sample before anything is fitted. */
#include <math.h>
#include <string.h>

#include "bitx/kernels.h"
#include "factors.h"

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
        bitx_widen(x, src + i * t->q * unit, t->q, dtype);
        bitx_widen(b, base + i * t->q * unit, t->q, dtype);
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
