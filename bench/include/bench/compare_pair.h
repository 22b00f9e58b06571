/* bench/compare_pair.h: one case of two libraries, checked in a process of its own, then ready to
   be timed. For compare.c. */
#ifndef BENCH_COMPARE_PAIR_H
#define BENCH_COMPARE_PAIR_H

#include "bench/compare.h"
#include "bench/kernel.h"

/* One codec of one library on the tensors of a family. */
typedef struct bench_frames {
    const bench_library *library;
    const bench_family *family;
    bitx_codec codec;
    bitx_ctx *ctx;
    uint8_t *frames, *out; /* frame i at frames + at[i] */
    size_t *at, *nbytes;
    uint8_t *alone; /* this frame takes no base */
    int failed;
} bench_frames;

typedef struct bench_pair {
    const char *why;     /* it cannot be timed; NULL: it can */
    int is_head;         /* ... because of the new library */
    bench_case cases[2]; /* old, new; not calibrated */
    bench_kernel_loop loops[2];
    bench_frames frames[2];
    bench_set set; /* kept from case to case while the operation and the set's size are the same */
    const bitx_op *set_op;
    size_t set_nbytes, set_nelem;
} bench_pair;

/* Zeroed before the first. A crash or a hang in a check is a reason like others. */
void bench_pair_open(bench_pair *p, const bench_compare *c, const bench_compare_case *k);
/* Whether what was timed was right to the end; NULL: it was. */
const char *bench_pair_close(bench_pair *p, const bench_compare_case *k);
void bench_pair_free(bench_pair *p);

#endif
