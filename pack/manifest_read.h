/* A manifest, read back: see manifest.h for what is in it. */
#ifndef ZIPLLM_MANIFEST_READ_H
#define ZIPLLM_MANIFEST_READ_H

#include "index.h"
#include "store.h"

/* A part as the manifest names it; strings are valid until the call returns. */
typedef struct zipllm_manifest_part {
    zipllm_part_row row; /* tensor 0 */
    uint8_t hash[ZIPLLM_HASH_NBYTES];
    uint32_t ordinal;
} zipllm_manifest_part;

typedef struct zipllm_manifest_visitor {
    /* sha256 NULL: an empty directory. */
    zipllm_status (*file)(void *user, const char *path, uint64_t nbytes, const uint8_t *sha256,
                          zipllm_error *error);
    zipllm_status (*part)(void *user, const zipllm_manifest_part *part, zipllm_error *error);
    void *user;
} zipllm_manifest_visitor;

/*
 * Takes exactly the bytes that zipllm_manifest_write() makes of some model: every other byte is
 * ZIPLLM_DAMAGED, with its offset. Work memory does not depend on the file. model gets name to
 * added, and manifest_hash. visitor (may be NULL) sees the parts before all of the file is checked.
 */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_manifest_read(const zipllm_store *store, const char *id,
                                                      const zipllm_manifest_visitor *visitor,
                                                      zipllm_model_row *model, uint64_t *nbytes,
                                                      zipllm_error *error);

#endif
