/*
 * bench/drivers.h: how to call an operation of each signature class. To add a class, write its
 * call and one line of the table in its family's drivers_*.c; a class without a line is shown as
 * n/a.
 */
#ifndef BENCH_DRIVERS_H
#define BENCH_DRIVERS_H

#include <stdint.h>

#include "bench/set.h"
#include "dispatch/ops.h"

/* The streams of one call. r and w are in the order of the prototype. */
typedef struct bench_call {
    const bitx_op *op;
    const uint8_t *r[BENCH_STREAMS_MAX];
    uint8_t *w[BENCH_STREAMS_MAX];
    const size_t *rbytes; /* of the sources */
    size_t nelem;         /* the count argument */
} bench_call;

typedef struct bench_driver {
    /*
     * A letter per stream, sources and destinations apart. W: as wide as the element; H: half of
     * it (or a list of half of the elements); L: such a list that needs room for all of them; Q: a
     * quarter; T: three quarters; 1: a bit per element; B: half of such bits; P: one such bit plane
     * per bit of the element; Y: one byte plane per byte of it (planes of either kind are one
     * stride apart); R: at most two bytes per element, how many depends on the data; K: a block of
     * parameters or counters, 4 KiB that do not count as traffic; A: one of 16 KiB.
     */
    const char *reads, *writes;
    /* Returns the function's value, or 0 if it has none. */
    uint64_t (*call)(bitx_fn fn, const bench_call *c);
    /* Fills the sources, and lowers nbytes[] of an R; NULL: a BF16 base in all, its fine-tune in
       the first. */
    void (*fill)(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed);
    /* Bytes that a call with this value wrote to destination i; NULL: all of it. */
    size_t (*written)(const bench_call *c, unsigned i, uint64_t value);
} bench_driver;

/* NULL: this class cannot be driven yet. */
const bench_driver *bench_driver_for(bitx_sig sig);

/* Streams and their bytes for nelem elements: set->nread, nwrite, nbytes, stride. 0, or -1 for a
   shape that does not fit BENCH_STREAMS_MAX. */
int bench_driver_shape(const bench_driver *d, const bitx_op *op, size_t nelem, bench_set *set);

/* Streams of a set's slice as a call's arguments. */
void bench_driver_bind(const bitx_op *op, const bench_set *set, size_t slice, size_t nelem,
                       bench_call *c);

/* The default fill. */
void bench_fill_bf16(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed);

#endif
