/*
 * A stored file decoded again, on all workers, for get (which writes it) and verify (which does
 * not). Every block is checked against its checksum, every frame against that of its stored bytes.
 */
#ifndef ZIPLLM_RESTORE_H
#define ZIPLLM_RESTORE_H

#include "index.h"
#include "stored.h"
#include "store.h"

typedef struct zipllm_restore zipllm_restore;

/* What to do with one file. */
typedef struct zipllm_restore_job {
    int64_t file; /* in the index */
    uint64_t nbytes;
    const char *phase, *shown; /* for progress; shown: the target's path, for errors of writing */
    int fd;                    /* to write to; -1: decode only */
    bool sha256;               /* take it, into sum */
    uint8_t sum[ZIPLLM_SHA256_NBYTES];
    double sample_percent; /* of blocks to decode; 0: all */
    /*
     * Called for a part that is damaged, with the error that says how. Returns true to go on with
     * the other parts (then sum means nothing), false to end with that error. NULL: false.
     */
    bool (*damage)(void *user, int kind, const char *tensor, const zipllm_error *error);
    void *user;
    uint64_t done; /* bytes decoded and checked */
    bool whole;    /* no part was damaged or left out */
} zipllm_restore_job;

ZIPLLM_WARN_UNUSED zipllm_status zipllm_restore_new(zipllm_store *store, zipllm_restore **out,
                                                    zipllm_error *error);
void zipllm_restore_free(zipllm_restore *restore);

/* done and total of all files, for progress. */
void zipllm_restore_total(zipllm_restore *restore, uint64_t total);

ZIPLLM_WARN_UNUSED zipllm_status zipllm_restore_file(zipllm_restore *restore,
                                                     zipllm_restore_job *job, zipllm_error *error);

#endif
