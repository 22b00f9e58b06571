/*
 * bench/roofline.h: what the memory system allows. The same read and write streams, the same bytes,
 * the same buffers as a kernel, and no arithmetic. The roofline of a set is the best of all loops
 * that this CPU has: 256 and 512 bits wide, 64 to 1024 bytes of one stream at a time, plain and
 * non-temporal stores.
 */
#ifndef BENCH_ROOFLINE_H
#define BENCH_ROOFLINE_H

#include <stdint.h>

#include "bench/sample.h"
#include "bench/set.h"

typedef struct bench_roofline {
    unsigned loop; /* index; see bench_roofline_name() */
    bench_set *set;
    size_t nunits;                   /* steps of one pass over a slice */
    size_t chunk[BENCH_STREAMS_MAX]; /* bytes of each stream in a step, a multiple of 64 */
} bench_roofline;

/* Number of loops; the name of one ("plain512/256"), or NULL if this CPU has it not. */
unsigned bench_roofline_nloops(void);
const char *bench_roofline_name(unsigned loop);

/* Prepares one loop over the set. */
void bench_roofline_init(bench_roofline *r, unsigned loop, bench_set *set);
/* A bench_case's run(): arg is a bench_roofline; one slice per repetition. */
void bench_roofline_run(void *arg, uint64_t reps);

/* Tries all loops for some milliseconds each, and prepares the fastest, calibrated in *c. */
void bench_roofline_choose(bench_roofline *r, bench_set *set, bench_case *c);

#endif
