/*
 * bench/roofline.h: what the memory system allows. The same read and write streams, the same bytes,
 * the same buffers as a kernel, and no arithmetic. The roofline of a set is the best of all loops
 * that this CPU has: 256 and 512 bits wide, 32 to 1024 bytes of one stream at a time, plain and
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
    unsigned direct;                 /* pattern of a direct loop */
    size_t nunits;                   /* steps of one pass over a slice */
    size_t chunk[BENCH_STREAMS_MAX]; /* bytes of each stream in a step, a multiple of 64 */
} bench_roofline;

/* Number of loops; the name of one ("plain512/256"), or NULL if this CPU has it not. */
unsigned bench_roofline_nloops(void);
const char *bench_roofline_name(unsigned loop);

/* Prepares one loop over the set; -1 if that loop has no form for its streams. */
int bench_roofline_init(bench_roofline *r, unsigned loop, bench_set *set);
/* A bench_case's run(): arg is a bench_roofline; one slice per repetition. */
void bench_roofline_run(void *arg, uint64_t reps);

enum { BENCH_ROOFLINE_CANDIDATES = 3 };

/* The fastest loops for streams of given sizes; all of them take part in the rounds, since which is
   best by a percent is settled only there. Zeroed before the first use. */
typedef struct bench_roofline_choice {
    unsigned nloops, loop[BENCH_ROOFLINE_CANDIDATES];
    unsigned nread, nwrite;
    size_t nslices, nbytes[BENCH_STREAMS_MAX];
} bench_roofline_choice;

/* Tries all loops for some milliseconds each, unless *choice is for such a set already. */
void bench_roofline_choose(bench_set *set, bench_roofline_choice *choice);

#endif
