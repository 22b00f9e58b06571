/* What the kernels of combine_f32 share. */
#ifndef BITX_COMBINE_H
#define BITX_COMBINE_H

#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

/*
 * One vector: load(k) is that of parent k, at(c) a coefficient in all lanes, and round(x, format)
 * the rounding of a step. The last rounding is the caller's: NaNs are made plain there.
 */
#define COMBINE_STEPS(type, load, at, mul, add, sub, round)                                        \
    const unsigned product = params->round_products, total = params->round_sums;                   \
    type origin = load(0), sum = origin;                                                           \
    const unsigned first = params->relative ? 1 : 0;                                               \
    for (unsigned k = first; k < params->nparents; k++) {                                          \
        type x = load(k);                                                                          \
        if (params->relative)                                                                      \
            x = round(sub(x, origin), product);                                                    \
        x = round(mul(at(params->coefficients[k]), x), product);                                   \
        sum = k == first ? x : round(add(sum, x), total);                                          \
    }                                                                                              \
    if (params->relative)                                                                          \
        sum = round(add(origin, sum), total);

#endif
