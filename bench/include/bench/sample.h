/*
 * bench/sample.h: timing. A sample is a batch of at least a millisecond; a round takes one sample
 * of every case, in random order, so that drift hits all cases alike.
 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "bench/stats.h"

#define BENCH_BATCH_NS 1.2e6 /* calibrated a little above the 1 ms that is promised */
#define BENCH_WARMUP_NS 50e6

typedef struct bench_sample {
    double wall_ns, cpu_ns; /* of the whole batch */
    uint32_t preemptions;   /* involuntary context switches */
    uint32_t minor_faults, major_faults;
    uint32_t retaken; /* how often it was taken again, since pages had faulted */
} bench_sample;

/* run() does its work `reps` times. */
typedef struct bench_case {
    void (*run)(void *arg, uint64_t reps);
    void *arg;
    uint64_t reps; /* of a batch; set by bench_calibrate() */
} bench_case;

enum { BENCH_RETAKES = 3 };

/* A sample in which page faults cost more than a thousandth is taken again, BENCH_RETAKES times at
   most; its time has no say in that. */
void bench_take(const bench_case *c, bench_sample *out);

/* Runs the case for at least warmup_ns and sets reps so that a batch takes batch_ns. */
void bench_calibrate(bench_case *c, double batch_ns, double warmup_ns);

enum { BENCH_CASES_MAX = 128 };

/* 0 to n - 1 in random order. */
void bench_shuffle(size_t *order, size_t n, uint64_t *rng);

/* samples[round * ncases + case]; order within a round is random, from *rng (any seed but 0). */
void bench_rounds(const bench_case *cases, size_t ncases, size_t nrounds, uint64_t *rng,
                  bench_sample *samples);

/* xorshift64*; *state must not be 0. */
uint64_t bench_random(uint64_t *state);

/* Thread CPU time per repetition, in ns, of case `index` over all rounds; what happened meanwhile
   goes to *q (clock fields excepted). */
void bench_column(const bench_sample *samples, size_t ncases, size_t index, size_t nrounds,
                  uint64_t reps, double *ns, bench_quality *q);

#endif
