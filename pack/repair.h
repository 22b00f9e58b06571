/* repair.h: what the files of zipllm_repair() share. */
#ifndef ZIPLLM_REPAIR_H
#define ZIPLLM_REPAIR_H

#include "packfile.h"
#include "store.h"

/* A file of packs/ or models/, by its name. */
typedef struct zipllm_found_file {
    char id[ZIPLLM_ID_TEXT];
    int64_t modified; /* ns */
    uint64_t nbytes;
} zipllm_found_file;

typedef struct zipllm_repairing {
    zipllm_store *store; /* its index is the new one */
    const zipllm_repair_options *options;
    zipllm_repair_result *result;
    zipllm_error *error;
    zipllm_error first; /* damage */
    bool found;         /* any */
    int64_t *torn;      /* tensors of which two frames have different bytes */
    size_t ntorn;
    uint64_t done, total; /* bytes, for progress */
} zipllm_repairing;

/* Counts one damage and tells the caller's callback; strings may be "". */
void zipllm_repair_damage(zipllm_repairing *r, const char *model, const char *file,
                          const char *tensor, const zipllm_error *why);
void zipllm_repair_note(zipllm_repairing *r, const char *path, const char *text);

/* The files folder/ab/<32 hex>suffix that lie where they belong, the oldest first; free(*files). */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_repair_list(zipllm_repairing *r, const char *folder,
                                                    const char *suffix, zipllm_found_file **files,
                                                    size_t *n);

/* Rows of packs, tensors and their bases from the packs' footers. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_repair_packs(zipllm_repairing *r);
/* Rows of models and files from the manifests. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_repair_models(zipllm_repairing *r);
/* Sketches and probes, from the decoded tensors. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_repair_sketches(zipllm_repairing *r);

#endif
