/* bench/results.h: named results of a run, and the files they go to. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <stddef.h>
#include <stdint.h>

#include "bench/disturb.h"
#include "bench/stats.h"

enum { BENCH_COUNTERS_MAX = 12, BENCH_NAME_MAX = 160 };

typedef struct bench_result {
    char name[BENCH_NAME_MAX]; /* kernel/OP/ISA/WS, codec/CODEC/DATA/encode, ... */
    uint64_t iterations;       /* repetitions of a batch */
    unsigned threads;
    double real_ns;          /* median wall time of one repetition */
    bench_summary cpu;       /* thread CPU time of one repetition, in ns */
    double bytes_per_second; /* 0: none */
    bench_verdict verdict;
    const char *label; /* static; instead of the verdict's name */
    double *samples;   /* cpu.n of them from malloc(), in the order taken, or NULL; ours to free */
    size_t ncounters;
    struct {
        const char *key; /* static */
        double value;
    } counters[BENCH_COUNTERS_MAX];
} bench_result;

typedef struct bench_results {
    bench_result *at;
    size_t n, capacity;
    const bench_disturb *start; /* when the run began; NULL: steal and pressure are not written */
} bench_results;

/* A zeroed result with its name; aborts when out of memory. */
bench_result *bench_results_add(bench_results *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bench_counter(bench_result *r, const char *key, double value);
void bench_results_free(bench_results *r);

/* Where results go, as the user asked; NULL: nowhere. "-" is standard output. */
typedef struct bench_outputs {
    const char *json; /* Google Benchmark's schema v1 */
    const char *csv;
    const char *gha; /* github-action-benchmark, custom formats "customSmallerIsBetter" */
} bench_outputs;

/* 0, or 2 after printing an error. */
int bench_results_write(const bench_results *r, const bench_outputs *out);

#endif
