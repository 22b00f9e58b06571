/*
 * What a model that was just added means for its relatives: `add` never codes other models anew,
 * but says how many `rebase` would make smaller.
 */
#ifndef ZIPLLM_HINT_H
#define ZIPLLM_HINT_H

#include "family.h"

/* *models: of the relatives and the model itself, those that the largest tensors say would shrink
   by 3% or more; 0 where all of it would save less than that. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_hint_rebase(zipllm_store *store, int64_t model,
                                                    const zipllm_relatives *relatives,
                                                    const zipllm_ingest_file *files, size_t nfiles,
                                                    uint64_t *models, zipllm_error *error);

#endif
