/*
 * sketch.h: a small sample of a tensor's elements, taken while it is read.
 *
 * Which elements are sampled depends on the dtype and the number of elements alone, so two tensors
 * of equal shape are compared sample by sample. The elements are cut into cells of a power of two,
 * one element of each is taken, and the choice in a cell of twice the size is one of the choices in
 * its halves: tensors of different sizes (an extended vocabulary) share the samples of their common
 * rows.
 *
 * A sketch is nothing but these elements, in order: at most ZIPLLM_SKETCH_MAX bytes, about a
 * thousandth of the tensor, and none for a tensor under ZIPLLM_SKETCH_TENSOR_MIN bytes.
 */
#ifndef ZIPLLM_SKETCH_H
#define ZIPLLM_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bitx/codec.h"

enum {
    ZIPLLM_SKETCH_VERSION = 1, /* of the choice of elements; others are not compared */
    ZIPLLM_SKETCH_MAX = 8192,
    ZIPLLM_SKETCH_TENSOR_MIN = 1024
};

/* How a tensor of this dtype and size is sampled. */
typedef struct zipllm_sketch_plan {
    uint64_t nelem;
    uint32_t nsamples; /* 0: no sketch */
    uint8_t width;     /* bytes per element; dtypes under a byte are sampled as bytes */
    uint8_t cell_log2;
} zipllm_sketch_plan;

zipllm_sketch_plan zipllm_sketch_plan_of(bitx_dtype dtype, uint64_t nbytes);
/* Element number of sample i < nsamples; rises with i. */
uint64_t zipllm_sketch_position(const zipllm_sketch_plan *plan, uint32_t i);
static inline size_t zipllm_sketch_nbytes(const zipllm_sketch_plan *plan)
{
    return (size_t)plan->nsamples * plan->width;
}

/* Takes the samples from a tensor that comes in pieces, front to back. */
typedef struct zipllm_sketcher {
    zipllm_sketch_plan plan;
    uint8_t *sketch;
    uint64_t offset;   /* of the next piece */
    uint64_t position; /* byte offset of the sample that comes next */
    uint32_t next;
} zipllm_sketcher;

/* sketch has zipllm_sketch_nbytes() bytes. */
void zipllm_sketcher_init(zipllm_sketcher *sketcher, const zipllm_sketch_plan *plan,
                          uint8_t *sketch);
void zipllm_sketcher_update(zipllm_sketcher *sketcher, const void *bytes, size_t nbytes);

/*
 * Pairs the samples that two tensors of one dtype have in common. Begin with {0, 0}; false: no
 * more.
 */
typedef struct zipllm_sketch_pair {
    uint32_t a, b; /* samples of equal position, after a true result */
} zipllm_sketch_pair;
typedef struct zipllm_sketch_matcher {
    const zipllm_sketch_plan *a, *b;
    uint32_t next_a, next_b;
} zipllm_sketch_matcher;
bool zipllm_sketch_match(zipllm_sketch_matcher *matcher, zipllm_sketch_pair *pair);

#endif
