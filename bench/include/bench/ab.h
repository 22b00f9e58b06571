/*
 * bench/ab.h: is B slower than A? Both in one process, in random ABBA order, by thread CPU time.
 * Alternating whole processes scatters by 6 to 12%; within one process the same pair is told apart
 * from itself at 5% on a busy two-core machine.
 */
#ifndef BENCH_AB_H
#define BENCH_AB_H

#include "bench/sample.h"

enum { BENCH_AB_ROUNDS = 52 };

typedef enum bench_ab_outcome {
    BENCH_AB_SAME,
    BENCH_AB_SLOWER,       /* interval above +3% and median above +5%, in two runs */
    BENCH_AB_FASTER,       /* the mirror image */
    BENCH_AB_INCONCLUSIVE, /* neither, and wider than 8%, in two runs; or runs that disagree */
    BENCH_AB_COUNT
} bench_ab_outcome;

const char *bench_ab_name(bench_ab_outcome outcome);

typedef struct bench_ab_result {
    bench_ab_outcome outcome;
    double change, low, high; /* of B against A: 0.1 is 10% slower; of the last run */
    size_t nruns, nrounds;    /* runs made, and rounds of each */
} bench_ab_result;

/* The verdict on one run of log ratios ln(B/A). */
bench_ab_outcome bench_ab_judge(const double *log_ratios, size_t n, bench_ab_result *out);

/*
 * Calibrated cases, `nrounds` ABBA rounds a run. A first run that says "same" is believed; else
 * runs are repeated, three at most, until two agree. 0, or -1 for lack of memory.
 */
int bench_ab(const bench_case *a, const bench_case *b, size_t nrounds, uint64_t *rng,
             bench_ab_result *out);

#endif
