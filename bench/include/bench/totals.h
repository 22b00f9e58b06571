/*
 * bench/totals.h: coded bytes summed over several pairs, by dtype, over tensors that have a base:
 * how coders compare on whole collections, and where one of ours loses to a rival.
 */
#ifndef BENCH_TOTALS_H
#define BENCH_TOTALS_H

#include <stdio.h>

#include "bench/codec_run.h"

enum { BENCH_TOTALS_CODECS = 48 };

typedef struct bench_totals {
    const bench_codec *codecs[BENCH_TOTALS_CODECS];
    size_t ncodecs;
    /* Per dtype. Whole-model coders count only where a family is of one dtype and has all bases. */
    double nbytes[BITX_DTYPE_COUNT], nelem[BITX_DTYPE_COUNT];
    double coded[BITX_DTYPE_COUNT][BENCH_TOTALS_CODECS];
    int incomplete[BENCH_TOTALS_CODECS]; /* failed on some pair */
    double fmdelta_ideal[BITX_DTYPE_COUNT], exponent_ideal[BITX_DTYPE_COUNT];
    /* The tensor where each coder loses most against the best of tensorx, paper-bitx, fm-delta. */
    struct {
        char tensor[160];
        double nbytes, coded, best, excess; /* excess: bytes above the best */
    } worst[BENCH_TOTALS_CODECS];
    double regret[BENCH_TOTALS_CODECS]; /* sum of what it is above the best, tensor by tensor */
} bench_totals;

void bench_totals_add(bench_totals *t, const bench_family *f, const bench_codec_result *results,
                      size_t n);
void bench_totals_print(const bench_totals *t, FILE *out);

#endif
