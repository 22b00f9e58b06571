/*
 * bench/rivals.h: kernels of other libraries on the same sets and against the same rooflines, as if
 * they were operations of ours: byte and bit shuffles of 16-bit elements, and memcpy.
 */
#ifndef BENCH_RIVALS_H
#define BENCH_RIVALS_H

#include "bench/drivers.h"

typedef struct bench_rival {
    bitx_op op;          /* only name and width mean something */
    bench_driver driver; /* calls bench_rival_fn */
    const char *isa;     /* what the library runs, as far as it says */
    const char *missing; /* why it is not there, or NULL */
    bitx_fn fn, reference;
} bench_rival;

typedef void bench_rival_fn(uint8_t *dst, const uint8_t *src, size_t nelem);

/* NULL beyond the last. */
const bench_rival *bench_rival_at(size_t index);

#endif
