/*
 * blend.h: what a tensor may have been made of by arithmetic, by sketches: a weighted sum of stored
 * tensors (a merge of models), or a stored tensor in another float format (a cast). The coder then
 * reads these tensors and decides.
 */
#ifndef ZIPLLM_BLEND_H
#define ZIPLLM_BLEND_H

#include "ingest.h"

/* Finds blends of a file's parts among the tensors of in->kin, before anything of it is coded. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_blend_for(zipllm_ingest *in,
                                                  const zipllm_ingest_file *file);

/* Opens what was found for a part, into the task. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_blend_open(zipllm_ingest *in, const zipllm_part *part,
                                                   zipllm_task *task);

/* Bits per element of a part, coded against a tensor of another float format; a rough guess. */
double zipllm_blend_cast_bits(const zipllm_part *part, const zipllm_tensor_row *row,
                              const uint8_t *sketch, uint32_t *nsamples);

/* Are both floats whose casts are known? */
bool zipllm_blend_castable(bitx_dtype a, bitx_dtype b);

/* n elements of BF16, F16 or F32, at any address, as F32. */
void zipllm_to_f32(float *dst, const uint8_t *src, size_t n, bitx_dtype dtype);

/* Frees what zipllm_ingest holds for this. */
void zipllm_blend_forget(zipllm_ingest *in);

#endif
