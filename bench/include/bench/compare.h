/*
 * bench/compare.h: every operation and every codec of an old library against a new one, in this
 * process, case by case.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "bench/ab.h"
#include "bench/caches.h"
#include "bench/library.h"
#include "bench/results.h"
#include "bench/tensors.h"

typedef struct bench_compare_options {
    const char *ops, *isas, *sets, *codecs; /* lists; NULL: all. ops or codecs "none": none */
    const char *only;                       /* part of a case's name; NULL: all */
    const char *accept; /* list of parts of names: slower is wanted there; NULL: none */
    double budget_s;
    uint64_t seed;
    const bench_family *families; /* that codecs are compared on */
    size_t nfamilies;
} bench_compare_options;

typedef struct bench_compare_case {
    char name[BENCH_NAME_MAX]; /* kernel/OP/ISA/SET or codec/CODEC/FAMILY/encode|decode */
    const bitx_op *op;         /* NULL: a codec */
    bitx_isa isa;
    bench_ws ws;
    bitx_codec codec;
    size_t family;
    int decode;
    const char *why; /* not measured, and why; NULL: measured, or not yet */
    char reason[128];
    int hole;  /* not measured although it should have been */
    int wrong; /* ... because the new library gives wrong results, crashes or hangs */
    unsigned npasses, votes[BENCH_AB_COUNT];
    bench_ab_outcome outcome; /* of all passes */
    bench_ab_result r;        /* of the last pass */
    double ns;                /* of a call of the new one */
    double pass_ns;           /* what the last pass took */
    size_t least_rounds;      /* of any pass */
} bench_compare_case;

typedef struct bench_compare {
    bench_library *base, *head; /* old and new; moved to other addresses from pass to pass */
    const bench_compare_options *o;
    bench_caches caches;
    bench_compare_case *at;
    size_t n;
    double deadline_ns;
} bench_compare;

/* The names of codecs by index, "none" the last; NULL beyond. */
const char *bench_compare_codec_word(size_t index);

/* The cases. 0, or -1 for lack of memory. */
int bench_compare_plan(bench_compare *c);
/* Measures all; those that are not "same" again, later. `progress` is called after each case. */
void bench_compare_run(bench_compare *c, void (*progress)(const bench_compare *, size_t done));
/* Only whether both libraries give right results: the reason is in each case's `why`. */
void bench_compare_check(bench_compare *c);
void bench_compare_free(bench_compare *c);

extern const char bench_compare_late[]; /* the `why` of a case that there was no time for */

typedef struct bench_compare_sum {
    size_t count[BENCH_AB_COUNT];
    size_t holes, absent; /* not measured: should have been; need not */
    size_t late;          /* of the holes: for lack of time */
    size_t hurried;       /* with fewer than BENCH_AB_ROUNDS rounds */
    size_t accepted;      /* of the slower ones */
    size_t wrong;         /* of the holes: the new library's fault */
} bench_compare_sum;
void bench_compare_count(const bench_compare *c, bench_compare_sum *out);

#endif
