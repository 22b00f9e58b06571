/* bench/codec_roof.h: what the memory system allows a coder: base and tensor (or payload) read,
   payload (or tensor) written, no arithmetic; a sample in every round beside the coders. */
#ifndef BENCH_CODEC_ROOF_H
#define BENCH_CODEC_ROOF_H

#include "bench/roofline.h"
#include "bench/sample.h"

/* With one stream read, and with two; one is written. The fastest loops of each: which is best is
   settled in the rounds. */
enum {
    BENCH_CODEC_ROOFS = 2,
    BENCH_CODEC_ROOF_CASES = BENCH_CODEC_ROOFS * BENCH_ROOFLINE_CANDIDATES
};

typedef struct bench_codec_roof {
    bench_set set[BENCH_CODEC_ROOFS];
    bench_roofline loop[BENCH_CODEC_ROOF_CASES];
    size_t traffic[BENCH_CODEC_ROOFS]; /* bytes of one repetition */
} bench_codec_roof;

/* For tensors of nbytes in all; fills cases[], calibrated. 0, or -1 for lack of memory. */
int bench_codec_roof_open(bench_codec_roof *r, size_t nbytes, bench_case *cases);
void bench_codec_roof_close(bench_codec_roof *r);

#endif
