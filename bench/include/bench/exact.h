/* bench/exact.h: what G1 asks: instructions of every kernel, bytes of every codec, against an older
   library or the files of the tree. */
#ifndef BENCH_EXACT_H
#define BENCH_EXACT_H

#include "bench/counts.h"
#include "bench/figures.h"

/* One instruction more in the inner loop of any of our kernels is at least 0.56%. */
#define BENCH_COUNT_TOLERANCE 0.002

typedef struct bench_exact_options {
    const char *counts, *sizes; /* files; NULL: not asked */
    const char *pairs;          /* the family that sizes are of; NULL: no sizes */
    const char *ops, *isas, *codecs, *only, *accept;
    const char *qemu_program; /* for neon where the CPU has none; NULL: none */
    const char *self;         /* this program, for callgrind; NULL: single steps */
    double tolerance;         /* of counts */
    uint64_t seed;
    int all;      /* print unchanged figures too */
    FILE *marked; /* Markdown goes there; NULL: nowhere */
    bench_results *results;
} bench_exact_options;

typedef struct bench_exact_sum {
    size_t alarms, wrong, holes; /* holes: should have been measured, or have no baseline */
} bench_exact_sum;

/* The files say what is expected; where they lack a key, base (NULL: none) does. Prints to standard
   output; adds to *sum. 0, or -1 after an error in a file was printed (the rest is still measured).
 */
int bench_exact_run(const bench_library *head, const bench_library *base,
                    const bench_exact_options *o, bench_exact_sum *sum);
/* Writes what this library has to the files. */
int bench_exact_record(const bench_library *head, const bench_exact_options *o);

#endif
