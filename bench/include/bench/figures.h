/*
 * bench/figures.h: numbers that the load of a machine does not move (instructions, bytes) or hardly
 * (floors), and the files of the tree that they are held against. A file has a section per key,
 * since such numbers hold for one compiler, one version of zstd, one kind of CPU only:
 *
 *     # comment
 *     [gcc 12.2.0; -O3 -DNDEBUG; avx2; single steps]
 *     xor_bytes/2048 405
 */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/results.h"

enum { BENCH_KEY_MAX = 256 };

typedef struct bench_figure {
    char name[BENCH_NAME_MAX];
    uint64_t value;    /* measured; meaningless with a reason */
    char why[128];     /* why there is no value; "": there is one */
    int wrong;         /* ... since the code is wrong */
    uint64_t expected; /* where known */
    int known;
    int spared; /* a floor that a sister figure disproves: below it is shown, and no alarm */
} bench_figure;

typedef struct bench_figures {
    const char *what; /* "instructions", "bytes" */
    char key[BENCH_KEY_MAX];
    int key_known; /* the file had the section */
    bench_figure *at;
    size_t n, capacity;
} bench_figures;

/* A zeroed figure; aborts when out of memory. */
bench_figure *bench_figures_add(bench_figures *f, const char *name);
void bench_figures_free(bench_figures *f);

/* Fills in what is expected, from the file's section. 0, or -1 after printing file, line, reason:
   then nothing is known. A file without the section is no error. */
int bench_figures_expect(bench_figures *f, const char *path);
/* What is expected is what another library has; it may lack a figure. */
void bench_figures_expect_of(bench_figures *f, const bench_figures *other);
/* Writes the section; others stay. Figures without a value are left out. 0, or -1 after printing.
 */
int bench_figures_record(const bench_figures *f, const char *path, const char *head);

typedef enum bench_change {
    BENCH_CHANGE_NONE,
    BENCH_CHANGE_LESS,
    BENCH_CHANGE_MORE,    /* within the tolerance, or spared: shown */
    BENCH_CHANGE_ALARM,   /* beyond */
    BENCH_CHANGE_NEW,     /* nothing to hold it against */
    BENCH_CHANGE_MISSING, /* not measured */
    BENCH_CHANGE_COUNT
} bench_change;

/* tolerance: 0.02 is 2%. Below zero: a floor, so less than (1 + tolerance) times is the alarm. */
bench_change bench_figure_change(const bench_figure *x, double tolerance);

typedef struct bench_figures_sum {
    size_t count[BENCH_CHANGE_COUNT], accepted, wrong;
} bench_figures_sum;

/* A line for each that changed (all: for each), and one with the sum. `accept`: comma-separated
   parts of names whose alarms are taken as wanted; NULL: none. */
void bench_figures_print(const bench_figures *f, double tolerance, const char *accept, int all,
                         FILE *out, bench_figures_sum *sum);
void bench_figures_markdown(const bench_figures *f, double tolerance, const char *accept,
                            FILE *out);
/* PREFIX/NAME with bitx_WHAT and bitx_expected. */
void bench_figures_results(const bench_figures *f, const char *prefix, double tolerance,
                           bench_results *r);

/* Whether a part of the comma-separated list is in the name; never for NULL. */
int bench_part_of(const char *list, const char *name);

#endif
