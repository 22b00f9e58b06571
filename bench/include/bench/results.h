/* bench/results.h: named results of a run, and the files they go to. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

/* How often each bit of the weights differs from the base's. */
typedef struct bench_bits {
    char data[128];
    const char *dtype;                            /* static */
    unsigned nbits, exponent_bits, mantissa_bits; /* exponent_bits 0: not a float */
    uint64_t nelem, nchanged;
    uint64_t changed[64]; /* by position, 0 the least significant */
} bench_bits;

/* A case that has no number, and why. */
typedef struct bench_absent {
    char name[BENCH_NAME_MAX], reason[160];
} bench_absent;

typedef struct bench_results {
    bench_result *at;
    size_t n, capacity;
    bench_bits *bits;
    size_t nbits;
    bench_absent *absent;
    size_t nabsent;
    const bench_disturb *start; /* when the run began; NULL: steal and pressure are not written */
} bench_results;

/* A zeroed result with its name; aborts when out of memory. */
bench_result *bench_results_add(bench_results *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bench_counter(bench_result *r, const char *key, double value);
/* A copy of *bits. */
void bench_results_add_bits(bench_results *r, const bench_bits *bits);
void bench_results_add_absent(bench_results *r, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void bench_results_free(bench_results *r);

/* Where results go, as the user asked; NULL: nowhere. "-" is standard output. */
typedef struct bench_outputs {
    const char *json; /* Google Benchmark's schema v1 */
    const char *csv;
    const char *gha;         /* github-action-benchmark, "customSmallerIsBetter" */
    const char *benchstat;   /* Go's benchmark format */
    const char *openmetrics; /* also Prometheus' text format, for a textfile collector */
} bench_outputs;

/* The options of a subcommand that fill them. */
#define BENCH_OUTPUT_OPTIONS(outputs)                                                              \
    {"--json", "FILE", "results in Google Benchmark's schema ('-': standard output)",              \
     &(outputs).json, NULL},                                                                       \
        {"--csv", "FILE", "results as CSV", &(outputs).csv, NULL},                                 \
        {"--gha", "FILE", "results for github-action-benchmark", &(outputs).gha, NULL},            \
        {"--benchstat", "FILE", "samples in Go's format, for benchstat", &(outputs).benchstat,     \
         NULL},                                                                                    \
    {                                                                                              \
        "--openmetrics", "FILE", "results as OpenMetrics, for Prometheus", &(outputs).openmetrics, \
            NULL                                                                                   \
    }

/* 0, or 2 after printing an error. */
int bench_results_write(const bench_results *r, const bench_outputs *out);

/* The writers, each to an open file. */
void bench_write_json(FILE *f, const bench_results *r);
void bench_write_benchstat(FILE *f, const bench_results *r);
void bench_write_openmetrics(FILE *f, const bench_results *r);
/* A quoted string; bytes that are not UTF-8 become U+FFFD. */
void bench_write_json_string(FILE *f, const char *s);
/* The label, or the verdict's name. */
const char *bench_result_label(const bench_result *r);

#endif
