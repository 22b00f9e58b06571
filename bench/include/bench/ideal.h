/*
 * bench/ideal.h: what order-0 models of a fine-tune could reach at best: each tensor's entropy,
 * without tables. Bounds for coders of that kind, not coders.
 */
#ifndef BENCH_IDEAL_H
#define BENCH_IDEAL_H

#include "bench/tensors.h"

typedef struct bench_ideal {
    double nbytes;          /* of the tensors counted */
    double fmdelta_nbytes;  /* sign and bit length of the ordered difference, plus low bits */
    double exponent_nbytes; /* tokens given the base's exponent, plus low bits */
    double nelem, nchanged;
} bench_ideal;

/* Sums over every tensor of `dtype` that has a base. */
void bench_ideal_measure(const bench_family *f, bitx_dtype dtype, bench_ideal *out);

/* Order-preserving map of an element's bits to an unsigned number (floats: FM-Delta, section 3). */
static inline uint64_t bench_ordered(uint64_t x, unsigned bits, int is_float)
{
    uint64_t sign = (uint64_t)1 << (bits - 1), mask = sign | (sign - 1);
    if (!is_float)
        return x;
    return x & sign ? ~x & mask : x | sign;
}

static inline uint64_t bench_unordered(uint64_t x, unsigned bits, int is_float)
{
    uint64_t sign = (uint64_t)1 << (bits - 1), mask = sign | (sign - 1);
    if (!is_float)
        return x;
    return x & sign ? x ^ sign : ~x & mask;
}

/* Whether elements of this dtype are sign-magnitude floats. */
int bench_is_float(bitx_dtype dtype);

#endif
