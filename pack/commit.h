/*
 * The crash-safe end of add: packs fsynced and renamed, then the manifest likewise, then one
 * transaction, which re-checks every tensor that the model relies on. Killed before the
 * transaction: unreferenced files. Killed after it: the model is there.
 */
#ifndef ZIPLLM_COMMIT_H
#define ZIPLLM_COMMIT_H

#include "ingest.h"

/* model: name, revision, base, found; the rest is filled in. On failure the store is as it was. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_commit(zipllm_ingest *in, zipllm_model_row *model,
                                               zipllm_ingest_file *files, size_t nfiles);

#endif
