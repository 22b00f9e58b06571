/* Finding a change of low rank between a tensor and its base. Internal to codec/. */
#ifndef CODEC_LOWRANK_FIT_H
#define CODEC_LOWRANK_FIT_H

#include "ctx.h"
#include "predict.h"

/* Two matrices of one shape, to be read. */
typedef struct bitx_pair_source {
    bitx_dtype dtype;
    uint64_t rows, columns; /* whole rows of both */
    const bitx_source *src, *base;
} bitx_pair_source;

/*
 * Whether the change looks as if it were of low rank, from p rows of q elements of both, p and q at
 * most LOWRANK_TEST_MAX. Takes about p * q * p / 3 products at the most. cheap: a fit of all is, so
 * some structure is enough.
 */
enum { LOWRANK_TEST_MAX = 128 };
bool bitx_lowrank_test(bitx_dtype dtype, const uint8_t *src, const uint8_t *base, size_t p,
                       size_t q, bool cheap);

/*
 * The factors that should make the frame smallest, as a section, allocated; *section NULL if none
 * is worth it. memory_nbytes: about the most to use.
 */
bitx_status bitx_lowrank_fit(bitx_ctx *ctx, const bitx_pair_source *pair, bitx_effort effort,
                             uint64_t memory_nbytes, uint8_t **section, size_t *section_nbytes);

#endif
