/*
 * One stored tensor, opened for decoding: its frame's header in memory, its pack open, and its base
 * likewise. Blocks are then decoded by any worker, in any order; stored bytes are folded into the
 * frame's check in order, by the calling thread.
 */
#ifndef ZIPLLM_STORED_H
#define ZIPLLM_STORED_H

#include "store.h"

/* What went wrong in a job, for the calling thread to put into words. */
typedef struct zipllm_fault {
    zipllm_status status; /* ZIPLLM_OK: nothing */
    bitx_status codec;    /* BITX_OK: not the codec */
    int os_errno;         /* 0: not a system call */
    /* The frame at fault, where it is not the one asked for: one of its bases. */
    const struct zipllm_stored *in;
    uint64_t offset; /* in the pack */
} zipllm_fault;

typedef struct zipllm_stored {
    zipllm_tensor_row row;
    zipllm_pack_file *pack; /* NULL: fd below */
    int fd;
    bitx_frame *frame;
    bitx_frame_info info;
    struct zipllm_stored *bases[ZIPLLM_PARENTS_MAX];
    unsigned nbases; /* 0: coded by itself, or opened raw. The last info.nfactors are an adapter's,
                        and were read whole */
    uint64_t header_sum;
    uint64_t next;  /* block to fold */
    uint64_t check; /* of the blocks before it */
} zipllm_stored;

/* Stored bytes read by zipllm_stored_block(), to fold. */
typedef struct zipllm_block_sums {
    uint64_t own, bases[ZIPLLM_PARENTS_MAX];
} zipllm_block_sums;

/* ZIPLLM_DAMAGED where the frame is not what the index says. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_stored_open(zipllm_store *store,
                                                    const zipllm_tensor_row *row,
                                                    zipllm_stored **out, zipllm_error *error);
/* What promote.h has made of a tensor of the index, or NULL. */
const zipllm_promoted *zipllm_stored_promoted(const zipllm_store *store, int64_t id);
/* A frame in a pack that is still being written, whose bases (ids) the index does not know yet. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_stored_open_fd(zipllm_store *store, int fd,
                                                       const zipllm_tensor_row *row,
                                                       const int64_t *parents, zipllm_stored **out,
                                                       zipllm_error *error);
/* Without its base: its stored bytes can be read, not decoded. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_stored_open_raw(zipllm_store *store, int fd,
                                                        const zipllm_tensor_row *row,
                                                        zipllm_stored **out, zipllm_error *error);
/* Takes each run of stored bytes of the frame, in order; returns false to stop, with error set. */
typedef bool (*zipllm_raw_visit)(void *user, const void *bytes, size_t nbytes, zipllm_error *error);
/* Reads all stored bytes of a frame, checks them, and hands them on (visit may be NULL). */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_stored_raw(zipllm_store *store, zipllm_stored *stored,
                                                   zipllm_raw_visit visit, void *user,
                                                   zipllm_error *error);
void zipllm_stored_close(zipllm_store *store, zipllm_stored *stored);

/* Do two tensors of equal length hold the same bytes? */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_stored_equal(zipllm_store *store, const zipllm_stored *a,
                                                     const zipllm_stored *b, bool *equal,
                                                     zipllm_error *error);

/* All bytes of a tensor, malloced. Not in jobs. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_stored_read(zipllm_store *store,
                                                    const zipllm_stored *stored, uint8_t **out,
                                                    zipllm_error *error);
/* Bytes of base k of a frame. */
uint64_t zipllm_stored_base_nbytes(const bitx_frame_info *info, unsigned k);

/* Bytes of tensor in block `index`. */
size_t zipllm_stored_block_nbytes(const zipllm_stored *stored, uint64_t index);

/* Decodes and checks a block into dst; sums may be NULL. Safe in jobs: uses the worker's memory. */
bool zipllm_stored_block(const zipllm_stored *stored, zipllm_worker *worker, uint64_t index,
                         uint8_t *dst, zipllm_block_sums *sums, zipllm_fault *fault);

/*
 * nbytes at `offset` of each of several tensors, decoded into the worker's memory: out[k] is of
 * bases[k]. Valid until the worker decodes again. For jobs, like zipllm_stored_block().
 */
bool zipllm_stored_ranges(zipllm_stored *const *bases, unsigned nbases, zipllm_worker *worker,
                          uint64_t offset, size_t nbytes, const void *out[ZIPLLM_PARENTS_MAX],
                          zipllm_fault *fault);

/* Takes in the sums of block `index`; blocks that come out of order end the fold of that frame. */
void zipllm_stored_fold(zipllm_stored *stored, uint64_t index, const zipllm_block_sums *sums);
/* Were the stored bytes (of the bases too, if all of them were read) what was written? The offset
   of the frame that was not is in *fault. */
bool zipllm_stored_whole(const zipllm_stored *stored, zipllm_fault *fault);

/* "PACK: offset N: REASON" into error. */
zipllm_status zipllm_stored_fault(const zipllm_store *store, const zipllm_stored *stored,
                                  const zipllm_fault *fault, zipllm_error *error);

/* One step of a frame's check, from 0 on, with the sum of each payload and then of the header: see
   packfile.h. */
uint64_t zipllm_check_sum(const void *bytes, size_t nbytes);
uint64_t zipllm_check_fold(uint64_t check, uint64_t sum);

#endif
