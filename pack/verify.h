/* verify.h: what the files of zipllm_verify() share: what it looks at, and how it tells of damage.
 */
#ifndef ZIPLLM_VERIFY_H
#define ZIPLLM_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

typedef struct zipllm_ids {
    int64_t *list;
    size_t n;
} zipllm_ids;

typedef struct zipllm_verifying {
    zipllm_store *store;
    const zipllm_verify_options *options;
    zipllm_verify_result *result;
    zipllm_error *error;
    zipllm_error first; /* damage */
    bool found;         /* any */
    zipllm_ids models, damaged, files;
    char **bad_packs; /* messages: tensors in such a pack are not told of one by one */
    size_t nbad_packs;
} zipllm_verifying;

bool zipllm_ids_has(const zipllm_ids *set, int64_t id);
zipllm_status zipllm_verify_put(zipllm_verifying *v, zipllm_ids *set, int64_t id);

/* Counts one damage and tells the caller's callback of it. model 0: none is concerned. */
zipllm_status zipllm_verify_tell(zipllm_verifying *v, int64_t model, const char *name,
                                 const char *revision, const char *file, const char *tensor,
                                 const zipllm_error *why);
/* Tells of damage once for each row of a query of users: model id, name, revision, path, tensor. */
zipllm_status zipllm_verify_tell_users(zipllm_verifying *v, zipllm_query query, int64_t id,
                                       int ncolumns, const char *tensor, const zipllm_error *why);

/* Every pack's footer against the index, and unless `quick` the frames that no file reads. */
zipllm_status zipllm_verify_packs(zipllm_verifying *v);
/* Decodes v->files, or a sample of them. */
zipllm_status zipllm_verify_files(zipllm_verifying *v);

#endif
