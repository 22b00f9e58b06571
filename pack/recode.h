/* A stored tensor coded once more, against another base, into another pack. */
#ifndef ZIPLLM_RECODE_H
#define ZIPLLM_RECODE_H

#include "packfile.h"
#include "stored.h"

/*
 * Appends the frame of `tensor`, coded against `base` (NULL: by itself), to the writer, reads it
 * back and compares it with what is stored now. *row: offset, length and check of the new frame,
 * and whether it needs the base (its parent, or none where the coder does better without).
 */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_recode(zipllm_store *store, zipllm_stored *tensor,
                                               zipllm_stored *base, zipllm_pack_writer *writer,
                                               zipllm_tensor_row *row, zipllm_error *error);

#endif
