/* What a frame says of how its tensor is predicted, in words and with the names of models. */
#ifndef ZIPLLM_MADE_H
#define ZIPLLM_MADE_H

#include "store.h"

enum { ZIPLLM_MADE_TEXT = 512 };

/*
 * "LoRA r=16 of X", "0.5 A + 0.5 B", "BF16 cast of X", "delta of X"; "" for what is stored whole.
 * Names that do not fit are cut. dtype: of the tensor, as its header spells it.
 */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_made_text(zipllm_store *store, const zipllm_tensor_row *row,
                                                  const char *dtype, char text[ZIPLLM_MADE_TEXT],
                                                  zipllm_error *error);

/* Is the prediction so good that next to nothing but it is stored? Then it is how the tensor was
   made, and not only what it is near to. */
bool zipllm_made_exactly(uint64_t nbytes, uint64_t stored_nbytes);

#endif
