/*
 * bench/limit.h: the roofline of a set as a limit, which repeats where medians do not. On shared
 * hosts another tenant's thread on the same core takes up to a fifth of the L1 and L2 bandwidth for
 * seconds at a time, unseen by any counter of the guest. Its pauses are shorter than a sample of a
 * millisecond, so samples are short here, taken in slots far apart, and the third fastest counts.
 * Where the host's pages lie moves L2 results of writers by another twentieth: the second best of
 * several buffers is the result.
 */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include "bench/roofline.h"

enum { BENCH_LIMIT_LOOPS = 32, BENCH_LIMIT_KEPT = 3 };

typedef struct bench_limit {
    bench_set *set;
    unsigned nloops;
    bench_roofline loops[BENCH_LIMIT_LOOPS];
    bench_case cases[BENCH_LIMIT_LOOPS];
    double fastest_ns[BENCH_LIMIT_LOOPS][BENCH_LIMIT_KEPT]; /* of a slice, ascending; 0: none yet */
} bench_limit;

/* Every loop that has a form for the set. */
void bench_limit_init(bench_limit *l, bench_set *set);
/* Samples of 0.1 ms of all loops in turn for slot_ns; loops that are far behind are left out from
   then on. */
void bench_limit_slot(bench_limit *l, double slot_ns);
/* ns of a slice, and the loop's name; 0 before the first slot. */
double bench_limit_ns(const bench_limit *l, const char **name);
/* The second best of n of the same shape in different buffers. */
double bench_limit_second_ns(const bench_limit *l, size_t n, const char **name);

#endif
