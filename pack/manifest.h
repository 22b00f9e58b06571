/*
 * models/ab/<id>.json: what a model is made of, one line per part. The truth that the index
 * repeats:
 *
 *     {"format":"zipllm-manifest","version":1,"store":"<hex>","name":"ORG/NAME","revision":"",
 *      "base":"ORG/NAME" or null,"found":"card","added":1764000000,
 *     "files":[
 *     {"path":"config.json","nbytes":654,"sha256":"<hex>","parts":[
 *     ["blob","","BYTES","",654,"<hash>",0]
 *     ]},
 *     {"path":"empty","directory":true}
 *     ]}
 *
 * A part is [kind, name, dtype, shape, nbytes, XXH3-128 with the store's seed, ordinal]; the last
 * three name a frame in the footers of the packs. The part's bytes follow those of the part before
 * it. A string that is not UTF-8 is written as {"hex":"..."}.
 */
#ifndef ZIPLLM_MANIFEST_H
#define ZIPLLM_MANIFEST_H

#include "ingest.h"

enum { ZIPLLM_MANIFEST_VERSION = 1, ZIPLLM_MANIFEST_PATH = 64 };

/* "models/ab/abcd....json" */
void zipllm_manifest_path(char path[ZIPLLM_MANIFEST_PATH], const char *id);

/* Writes the manifest of files to tmp/<id>.json and fsyncs it. model: name to added; gets
   manifest_hash. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_manifest_write(const zipllm_ingest *in,
                                                       zipllm_model_row *model,
                                                       const zipllm_ingest_file *files,
                                                       size_t nfiles, const char *tmp,
                                                       uint64_t *nbytes, zipllm_error *error);

/*
 * Does the manifest of a model hold the bytes that were written, and do the index's rows (of the
 * model, its files, their parts and the tensors of these) say what it says? A manifest is a
 * function of these rows, so they are written once more, and the digests compared. ZIPLLM_DAMAGED
 * if not.
 */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_manifest_check(const zipllm_store *store,
                                                       const zipllm_model_row *model,
                                                       zipllm_error *error);

#endif
