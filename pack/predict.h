/*
 * predict.h: what two sketches say about their tensors: bit distance, and the bytes that one would
 * take coded against the other, or by itself.
 *
 * The delta coder codes the difference of two floats, as ordered integers, given the exponent of
 * the base. Its cost is predicted by fitting what such differences come from: one real-valued
 * change of some scale for all elements (Gauss or Laplace, some of them zero), rounded to the
 * steps of each element's exponent. Three numbers are fitted, so that a sample of 64 is enough.
 */
#ifndef ZIPLLM_PREDICT_H
#define ZIPLLM_PREDICT_H

#include "sketch.h"

typedef struct zipllm_sketch_view {
    bitx_dtype dtype;
    uint64_t nbytes; /* of the tensor */
    const uint8_t *samples;
} zipllm_sketch_view;

typedef struct zipllm_prediction {
    uint32_t nsamples;     /* that the two have in common; 0: they cannot be compared */
    double distance_bits;  /* differing bits per element (the paper's bit distance) */
    double unchanged;      /* share of elements that are equal */
    double delta_bits;     /* per element of the common part, coded against the base */
    double whole_bits;     /* per element, coded by itself */
    uint64_t delta_nbytes; /* of the tensor: common part against the base, the rest by itself */
    uint64_t whole_nbytes; /* of the tensor by itself */
    uint64_t common_nelem; /* elements that have a partner in the base */
} zipllm_prediction;

/* Tables of the fit, about 300 KB, read-only once made. NULL: out of memory. */
typedef struct zipllm_predictor zipllm_predictor;
zipllm_predictor *zipllm_predictor_new(void);
void zipllm_predictor_free(zipllm_predictor *predictor);

/* tensor, coded against base. Both of one dtype; any sizes. */
void zipllm_predict(const zipllm_predictor *predictor, const zipllm_sketch_view *tensor,
                    const zipllm_sketch_view *base, zipllm_prediction *out);

/* tensor by itself: only whole_bits and whole_nbytes. */
void zipllm_predict_whole(const zipllm_sketch_view *tensor, zipllm_prediction *out);

/* zipllm_predict() where *out is what zipllm_predict_whole() said: for several bases. */
void zipllm_predict_delta(const zipllm_predictor *predictor, const zipllm_sketch_view *tensor,
                          const zipllm_sketch_view *base, zipllm_prediction *out);

#endif
