/* Which predictions of a tensor are worth trying, best guesses first. Internal to codec/. */
#ifndef CODEC_PREDICT_FIND_H
#define CODEC_PREDICT_FIND_H

#include "ctx.h"
#include "predict.h"

typedef struct bitx_bases {
    unsigned n;
    const bitx_base_source *bases;
} bitx_bases;

/* A prediction with its section, which it owns. */
typedef struct bitx_found {
    bool there;
    bitx_prediction prediction;
    unsigned used[PARENTS_MAX]; /* indices of its parents among the bases */
    uint64_t base_nbytes;       /* of every parent */
    uint8_t *section;           /* allocated; NULL if empty */
    size_t section_nbytes;
    uint8_t *memory; /* of factors, allocated; or NULL */
} bitx_found;

/* The first base of that dtype as it is; none if there is none (or bases are NULL). */
void bitx_found_base(bitx_found *found, bitx_dtype dtype, const bitx_bases *bases);
void bitx_found_free(bitx_ctx *ctx, bitx_found *found);
void bitx_found_release(const bitx_allocator *allocator, bitx_found *found);

/* What the prediction says of nbytes at `offset` of the tensor, to dst; *predicted: how many bytes
   of them there are. */
bitx_status bitx_predict_piece(bitx_ctx *ctx, const bitx_found *found, const bitx_bases *bases,
                               uint64_t offset, size_t nbytes, uint8_t *dst, size_t *predicted);

/* The largest predictor's section that a plan with these parameters may have. */
size_t bitx_predictor_section_max(const bitx_params *params, uint64_t nbytes, uint64_t base_nbytes);

typedef struct bitx_finder {
    bitx_ctx *ctx;
    const bitx_params *params;
    const bitx_source *src;
    uint64_t nbytes;
    const bitx_bases *bases;
    const bitx_sample *sample;
    unsigned stage, next;
    /* Set by the caller, of the best so far. */
    uint64_t least; /* bytes; 0: none */
    bool adapted;   /* it is the adapter's */
} bitx_finder;

void bitx_finder_start(bitx_finder *finder, bitx_ctx *ctx, const bitx_params *params,
                       const bitx_source *src, uint64_t nbytes, const bitx_bases *bases,
                       const bitx_sample *sample);
/* Whether there may be more than one. */
bool bitx_finder_compares(const bitx_finder *finder);
/* Whether any other prediction than the plain base is likely, before there is a sample. */
bool bitx_finder_promises(const bitx_finder *finder);
/* found->there is false at the end. */
bitx_status bitx_finder_next(bitx_finder *finder, bitx_found *found);

/* Weighted sums of all bases of the tensor's shape; there is false if none looks like the tensor.
 */
bitx_status bitx_merge_find(bitx_ctx *ctx, bitx_dtype dtype, const bitx_bases *bases,
                            const unsigned *parents, unsigned nparents, const bitx_sample *sample,
                            bitx_found *found);

#endif
