/*
 * Small dense linear algebra for fits: single precision sums over long vectors, double
 * precision for matrices of rank by rank; the same on every row. Internal to codec/.
 */
#ifndef CODEC_DENSE_H
#define CODEC_DENSE_H

#include <stddef.h>
#include <stdint.h>

/*
 * out[i * stride + j] += a_i . b_j for i < na, j < nb, of rows of n floats, lda and ldb apart.
 * upper: only i <= j is wanted (others may be added to or not).
 */
void bitx_dense_dots(double *out, size_t stride, const float *a, size_t lda, size_t na,
                     const float *b, size_t ldb, size_t nb, size_t n, int upper);

/* Solves (A + ridge I) x = c for the symmetric A of order n, of which the upper part is looked at;
   A is overwritten. x may be c. Returns 0 where A is not positive definite. */
int bitx_dense_solve(double *a, size_t n, double ridge, double *c);

/* Eigenvalues, greatest first, and vectors (vector k in column k of v) of the symmetric A, whose
   upper part is looked at; A is overwritten. Jacobi. */
void bitx_dense_eigen(double *a, size_t n, double *values, double *v);

#endif
