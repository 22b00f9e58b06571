/* What coding and decoding of one file share: workers, buffers of blocks, inputs, the output that
   gets its name when it is complete. */
#ifndef ZIPLLM_CODED_RUN_H
#define ZIPLLM_CODED_RUN_H

#include <sys/stat.h>

#include <openssl/evp.h>

#include "zipllm.h"

enum { ZIPLLM_CODED_BLOCK = BITX_BLOCK_DEFAULT, ZIPLLM_CODED_BATCH_MAX = 64 };

typedef struct zipllm_coded_input {
    const char *path;
    int fd; /* -1: none */
    struct stat st;
} zipllm_coded_input;

typedef struct zipllm_coded_run {
    bitx_executor executor;
    bitx_ctx **contexts;           /* of the workers, then one for plans and headers */
    size_t batch;                  /* blocks at once */
    uint8_t *plain, *base, *coded; /* `batch` blocks each, base at least base_nbytes */
    size_t base_nbytes;
    EVP_MD_CTX *sha;
    zipllm_coded_input in, bases[BITX_BASES_MAX];
    unsigned nbases; /* files given */
    char *out_path, *tmp_path;
    int out_fd;
    uint64_t done, total;
    uint64_t fit_nbytes; /* of the memory, for finding predictions */
    bitx_effort effort;
    zipllm_progress_fn progress;
    void *user;
    zipllm_error *error;
} zipllm_coded_run;

/* Opens path, its bases and a temporary file beside out. options may be NULL. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_coded_open(zipllm_coded_run *run, const char *path,
                                                   const char *const *bases, size_t nbases,
                                                   const char *out, const zipllm_options *options,
                                                   zipllm_error *error);
/* Makes the output durable and gives it its name, unless an input has changed since it was opened.
 */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_coded_finish(zipllm_coded_run *run);
/* Frees all; an output that was not finished is removed. */
void zipllm_coded_close(zipllm_coded_run *run);

/* Exactly nbytes at offset, or an error that names the file. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_coded_read(const zipllm_coded_run *run,
                                                   const zipllm_coded_input *in, void *dst,
                                                   size_t nbytes, uint64_t offset);
ZIPLLM_WARN_UNUSED zipllm_status zipllm_coded_write(const zipllm_coded_run *run, const void *src,
                                                    size_t nbytes, uint64_t offset);
/* Canonical XXH3-128 of a range, as frames name their base; uses run->base. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_coded_hash(const zipllm_coded_run *run,
                                                   const zipllm_coded_input *in, uint64_t offset,
                                                   uint64_t nbytes, uint8_t hash[BITX_HASH_NBYTES]);
/* How many blocks of `left` fit in a batch where each needs so many bytes of every base. */
size_t zipllm_coded_batch(const zipllm_coded_run *run, uint64_t left, unsigned nbases,
                          size_t each_nbytes);
/* nbytes more are done. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_coded_progress(zipllm_coded_run *run, const char *phase,
                                                       uint64_t nbytes);
/* A fault of the codec. */
zipllm_status zipllm_coded_fault(const zipllm_coded_run *run, const char *path, uint64_t offset,
                                 bitx_status status);

#endif
