/* bench/count_call.h: one call of an operation, made ready. For counts.c and the program that QEMU
   runs; needs the kernels and their drivers alone. */
#ifndef BENCH_COUNT_CALL_H
#define BENCH_COUNT_CALL_H

#include "bench/counts.h"
#include "bench/kernel.h"

typedef struct bench_count_ready {
    const bitx_op *op;
    const char *isa;
    bitx_fn fn;
    bitx_fn reference; /* NULL: scalar; fn itself: no check */
    size_t nelem;
    uint64_t seed;
    const bench_driver *driver; /* from here on bench_count_setup()'s */
    bench_set set;
} bench_count_ready;

/* Makes and fills the streams, and checks fn against the reference. NULL, or why not; after NULL
   the caller unmaps the set. arg is a bench_count_ready. */
const char *bench_count_setup(void *arg);
/* The call. */
void bench_count_run(void *arg);

#endif
