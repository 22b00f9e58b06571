/* bench/selftest.h: whether this machine, now, can tell 10% from nothing. */
#ifndef BENCH_SELFTEST_H
#define BENCH_SELFTEST_H

#include <stdio.h>

#include "bench/ab.h"
#include "bench/kernel.h"

typedef struct bench_selftest_tally {
    size_t trials, count[BENCH_AB_COUNT];
    double widest, largest; /* interval width, and distance of the median from what was planted */
} bench_selftest_tally;

/* `trials` comparisons of the loop with itself, of which `slowdown` (0.1: a tenth) of the elements
   are done twice in B; 0: none. 0, or -1 for lack of memory. */
int bench_selftest_run(const bench_kernel_loop *loop, double slowdown, size_t trials, uint64_t *rng,
                       bench_selftest_tally *out);
/* No false alarm, and every planted slowdown found. */
int bench_selftest_fit(const bench_selftest_tally *same, const bench_selftest_tally *planted);

#endif
