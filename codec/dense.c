/* See dense.h. */
#include "dense.h"

#include <math.h>
#include <string.h>

#include "dispatch/ops.h"

#if defined(__clang__)
#    pragma STDC FP_CONTRACT OFF /* gcc's -std=c11 does as much */
#endif

/*
 * The sums are those of sixteen lanes on every row, added up in one order, so that what is fitted
 * does not depend on the ISA. Tiles of `across` sums at a time, as many as registers hold.
 */
enum { LANES = 16, TILE_A = 2, TILE_B = 4 };
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define DOTS(name, attribute, down, across)                                                        \
    attribute static void name(double *out, size_t stride, const float *a, size_t lda,             \
                               const float *b, size_t ldb, size_t n)                               \
    {                                                                                              \
        for (size_t i = 0; i < TILE_A; i += (down))                                                \
            for (size_t j = 0; j < TILE_B; j += (across)) {                                        \
                lanes sums[down][across] = {{{0}}};                                                \
                size_t k = 0;                                                                      \
                for (; k + LANES <= n; k += LANES)                                                 \
                    for (size_t p = 0; p < (down); p++)                                            \
                        for (size_t q = 0; q < (across); q++)                                      \
                            sums[p][q] += *(const lanes *)(a + (i + p) * lda + k) *                \
                                          *(const lanes *)(b + (j + q) * ldb + k);                 \
                for (size_t p = 0; p < (down); p++)                                                \
                    for (size_t q = 0; q < (across); q++) {                                        \
                        float sum = 0;                                                             \
                        for (int l = 0; l < LANES; l++)                                            \
                            sum += sums[p][q][l];                                                  \
                        for (size_t m = k; m < n; m++)                                             \
                            sum += a[(i + p) * lda + m] * b[(j + q) * ldb + m];                    \
                        out[(i + p) * stride + j + q] += (double)sum;                              \
                    }                                                                              \
            }                                                                                      \
    }

DOTS(dots_plain, , 1, 2)
#if defined(__x86_64__)
DOTS(dots_avx2, __attribute__((target("avx2"))), 1, 4)
DOTS(dots_avx512, __attribute__((target("avx512f"))), 2, 4)
#endif

typedef void dots_function(double *out, size_t stride, const float *a, size_t lda, const float *b,
                           size_t ldb, size_t n);

static dots_function *dots_of_row(void)
{
#if defined(__x86_64__)
    const bitx_isa isa = bitx_isa_active();
    if (isa == BITX_ISA_AVX512)
        return dots_avx512;
    if (isa == BITX_ISA_AVX2)
        return dots_avx2;
#endif
    return dots_plain;
}

static float dot(const float *a, const float *b, size_t n)
{
    float sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

void bitx_dense_dots(double *out, size_t stride, const float *a, size_t lda, size_t na,
                     const float *b, size_t ldb, size_t nb, size_t n, int upper)
{
    dots_function *tile = dots_of_row();
    enum { PIECE = 512 }; /* floats: so many rows of them stay in L1 */
    for (size_t k = 0; k < n; k += PIECE) {
        const size_t m = n - k < PIECE ? n - k : PIECE;
        for (size_t i = 0; i < na; i += 2) {
            for (size_t j = upper ? i / 4 * 4 : 0; j < nb; j += 4) {
                if (i + 2 <= na && j + 4 <= nb) {
                    tile(out + i * stride + j, stride, a + i * lda + k, lda, b + j * ldb + k, ldb,
                         m);
                    continue;
                }
                for (size_t p = i; p < na && p < i + 2; p++)
                    for (size_t q = j; q < nb && q < j + 4; q++)
                        out[p * stride + q] += (double)dot(a + p * lda + k, b + q * ldb + k, m);
            }
        }
    }
}

int bitx_dense_solve(double *a, size_t n, double ridge, double *c)
{
    for (size_t k = 0; k < n; k++) { /* A = R'R, R upper */
        for (size_t j = k; j < n; j++) {
            double sum = a[k * n + j] + (j == k ? ridge : 0);
            for (size_t i = 0; i < k; i++)
                sum -= a[i * n + k] * a[i * n + j];
            if (j == k && !(sum > 0))
                return 0;
            a[k * n + j] = j == k ? sqrt(sum) : sum / a[k * n + k];
        }
    }
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < k; i++)
            c[k] -= a[i * n + k] * c[i];
        c[k] /= a[k * n + k];
    }
    for (size_t k = n; k-- > 0;) {
        for (size_t j = k + 1; j < n; j++)
            c[k] -= a[k * n + j] * c[j];
        c[k] /= a[k * n + k];
    }
    return 1;
}

static void rotate(double *x, double *y, double cosine, double sine)
{
    const double p = *x, q = *y;
    *x = cosine * p - sine * q;
    *y = sine * p + cosine * q;
}

static void jacobi_pair(double *a, double *v, size_t n, size_t p, size_t q)
{
    const double apq = a[p * n + q], app = a[p * n + p], aqq = a[q * n + q];
    if (fabs(apq) <= 1e-15 * sqrt(fabs(app * aqq)) || apq == 0)
        return;
    const double theta = (aqq - app) / (2 * apq);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double cosine = 1 / sqrt(t * t + 1), sine = t * cosine;
    for (size_t k = 0; k < n; k++)
        rotate(&a[k * n + p], &a[k * n + q], cosine, sine);
    for (size_t k = 0; k < n; k++)
        rotate(&a[p * n + k], &a[q * n + k], cosine, sine);
    for (size_t k = 0; k < n; k++)
        rotate(&v[k * n + p], &v[k * n + q], cosine, sine);
}

/* Largest first. */
static void sort_pairs(double *values, double *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < n; j++)
            if (values[j] > values[best])
                best = j;
        if (best == i)
            continue;
        const double value = values[i];
        values[i] = values[best];
        values[best] = value;
        for (size_t k = 0; k < n; k++) {
            const double x = v[k * n + i];
            v[k * n + i] = v[k * n + best];
            v[k * n + best] = x;
        }
    }
}

void bitx_dense_eigen(double *a, size_t n, double *values, double *v)
{
    enum { SWEEPS = 12 };
    memset(v, 0, n * n * sizeof(*v));
    for (size_t i = 0; i < n; i++) {
        v[i * n + i] = 1;
        for (size_t j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i];
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double off = 0, on = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i; j < n; j++)
                *(i == j ? &on : &off) += a[i * n + j] * a[i * n + j];
        if (!(off > 1e-20 * on))
            break;
        for (size_t p = 0; p + 1 < n; p++)
            for (size_t q = p + 1; q < n; q++)
                jacobi_pair(a, v, n, p, q);
    }
    for (size_t i = 0; i < n; i++)
        values[i] = a[i * n + i];
    sort_pairs(values, v, n);
}
