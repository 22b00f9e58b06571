/* bench/codec_run.h: coders on the same tensors, verified, then measured in interleaved rounds. */
#ifndef BENCH_CODEC_RUN_H
#define BENCH_CODEC_RUN_H

#include "bench/codec.h"
#include "bench/stats.h"

typedef struct bench_codec_params {
    const bench_family *family;
    size_t nrounds;       /* 0: sizes only */
    unsigned nthreads;    /* 1: pinned, by thread CPU time; more: by wall time */
    size_t timing_nbytes; /* of the first tensors; sizes always count all */
    uint64_t seed;
    double ghz; /* for cycles; 0: not wanted */
} bench_codec_params;

/* One direction of one coder. */
typedef struct bench_codec_speed {
    bench_summary ns;     /* of the timed tensors */
    double *samples;      /* ns.n of them, until bench_codec_result_free() */
    bench_summary memcpy; /* share of memcpy's speed, round by round */
    bench_summary
        roofline; /* of what its own traffic takes without arithmetic; n is 0: not known */
    double wall_ns;
    uint64_t reps;
    bench_verdict verdict;
} bench_codec_speed;

typedef struct bench_codec_result {
    const bench_codec *codec;
    const char *failure;   /* why there are no numbers; NULL: there are */
    int wrong;             /* the failure is a wrong result, not an absence */
    size_t total;          /* coded bytes of all tensors */
    size_t paired;         /* of those with a base; 0 for whole-model coders unless all have one */
    size_t *tensor_nbytes; /* coded bytes of each tensor; all zero for whole-model coders */
    bench_codec_speed encode, decode;
} bench_codec_result;

/* Encodes, decodes and compares every tensor: sizes and failures. */
void bench_codec_verify(const bench_codec_params *p, const bench_codec *codec,
                        bench_codec_result *out);
/* Bytes of the tensors that are timed. */
size_t bench_codec_timed_nbytes(const bench_codec_params *p);
/* Times all results without a failure; the first that is memcpy is the yardstick. 0, or -1 for lack
   of memory. */
int bench_codec_time(const bench_codec_params *p, bench_codec_result *results, size_t n);
void bench_codec_result_free(bench_codec_result *r);

#endif
