/* "ORG/NAME@REV" taken apart. */
#ifndef ZIPLLM_MODEL_NAME_H
#define ZIPLLM_MODEL_NAME_H

#include "index.h"
#include "store.h"

typedef struct zipllm_model_name {
    char *name;
    char *revision; /* in the same allocation; NULL: none was given */
} zipllm_model_name;

/* ZIPLLM_USAGE where text cannot name a model. free(out->name). */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_model_name_parse(const char *text, zipllm_model_name *out,
                                                         zipllm_error *error);

/* "NAME[@REV]", malloced. */
char *zipllm_model_name_join(const char *name, const char *revision);

/* The row that text names; not found is ZIPLLM_ERROR. count: see zipllm_index_model(). */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_model_find(zipllm_store *store, const char *text,
                                                   zipllm_model_row *row, uint64_t *count,
                                                   zipllm_error *error);
/* The same, but id 0 where there is none, and no error for a text that cannot be a name. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_model_try(zipllm_store *store, const char *text,
                                                  zipllm_model_row *row, zipllm_error *error);

#endif
