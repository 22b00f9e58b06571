/*
 * A tensor that is a delta in the store, and that a tensor of the model being added is so near to
 * that coding it anew by itself, to be a base, takes fewer bytes than going without it.
 *
 * The new frame goes into a pack of the add; the index points to it from the add's transaction on.
 * Until then the store's handle knows it (zipllm_store.promoted), so that frames coded against it
 * can be read back. The old frame waits for gc.
 */
#ifndef ZIPLLM_PROMOTE_H
#define ZIPLLM_PROMOTE_H

#include "ingest.h"

/* Before a file's tensors are coded, and with the bases of family.h in use: promotes what pays. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_promote_for(zipllm_ingest *in,
                                                    const zipllm_ingest_file *file);

/* Within the transaction, once the packs have their ids: the index points to the new frames that
   something was coded against. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_promote_commit(zipllm_ingest *in);

/* Frees what the store's handle knows of them. */
void zipllm_promote_forget(zipllm_ingest *in);

#endif
