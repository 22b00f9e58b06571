/* The open store: its directory, lock, index, workers and open packs. */
#ifndef ZIPLLM_STORE_H
#define ZIPLLM_STORE_H

#include "index.h"
#include "io.h"
#include "zipllm.h"

enum {
    ZIPLLM_STORE_VERSION = 2,
    ZIPLLM_BLOCK_NBYTES = 1 << 20, /* fixed at init, so that blocks of base and delta meet */
    ZIPLLM_NAME_MAX = 4096,        /* bytes of a model's name, and of a path within it */
    ZIPLLM_RESULT_TEXTS = 8
};

typedef struct zipllm_buffer {
    uint8_t *data; /* malloced */
    size_t nbytes;
} zipllm_buffer;

/* What one worker of the executor needs to code blocks. */
typedef struct zipllm_worker {
    bitx_ctx *ctx;
    bitx_ctx *plan_ctx; /* for plans, whose sources decode blocks of the base with ctx */
    uint8_t *payload;   /* stored bytes of a block; ZIPLLM_BLOCK_NBYTES */
    uint8_t *block;     /* a block decoded for comparison, or encoded; the same */
    /* Of the bases of the tensor at hand, and of theirs; grown when needed, to a block or two for
       each. */
    zipllm_buffer bases[ZIPLLM_DEPTH_MAX];
    zipllm_buffer part; /* a block of which only a part is wanted */
    int64_t held;       /* id of the tensor of which bases[1] has a range; 0: of none */
    uint64_t held_at;
    size_t held_nbytes;
} zipllm_worker;

/* A pack open for reading; several stored tensors share it. */
typedef struct zipllm_pack_file {
    struct zipllm_pack_file *next;
    int64_t id; /* in the index; 0: not in it yet */
    int fd;
    unsigned users;
    char path[64]; /* beneath the store */
} zipllm_pack_file;

/* The frame of a tensor that is a delta in the index, coded by itself: see promote.h. */
typedef struct zipllm_promoted {
    zipllm_tensor_row row; /* parent 0 */
    int fd;                /* of its pack */
} zipllm_promoted;

struct zipllm_store {
    zipllm_dir dir;
    char *path;
    int lock_fd;
    zipllm_mode mode;
    bool read_only;
    uint8_t id[ZIPLLM_ID_NBYTES];
    uint64_t seed;
    zipllm_index *index;

    bitx_executor executor;
    uint64_t memory_nbytes;
    uint64_t fit_nbytes; /* of it, for finding predictions, each worker */
    bitx_effort effort;
    zipllm_progress_fn progress;
    void *user;
    zipllm_worker *workers; /* executor.nworkers of them, or NULL until needed */
    zipllm_pack_file *packs;
    unsigned npacks;
    zipllm_promoted *promoted; /* by the add that runs */
    size_t npromoted;
    char *texts[ZIPLLM_RESULT_TEXTS]; /* what results point to */
};

#define ZIPLLM_INDEX_FILE "index.sqlite"

/* zipllm_open() without the index, which is NULL. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_store_open_bare(const char *path, zipllm_mode mode,
                                                        const zipllm_options *options,
                                                        zipllm_store **out, zipllm_error *error);

/* ZIPLLM_ERROR where the index says that bytes of a file are in no pack: see repair.c. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_store_complete(const zipllm_store *store,
                                                       zipllm_error *error);

/* Copies text for a result; replaces what the slot held. NULL stays NULL. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_store_text(zipllm_store *store, unsigned slot,
                                                   const char *text, const char **out,
                                                   zipllm_error *error);

/* Contexts and buffers of all workers. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_store_workers(zipllm_store *store, zipllm_error *error);

/* Runs job(arg, i, worker) for each i < n on the caller's executor, and returns when all are done.
 */
void zipllm_store_run(const zipllm_store *store, bitx_job job, void *arg, size_t n);

/* Tells the caller; ZIPLLM_ERROR "cancelled" when it says so. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_store_progress(const zipllm_store *store, const char *phase,
                                                       const char *file, uint64_t done,
                                                       uint64_t total, zipllm_error *error);

/* What a verb that writes needs. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_store_writable(const zipllm_store *store,
                                                       zipllm_error *error);

/* The pack, its header and footer checked when it is first opened; users + 1. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_store_pack(zipllm_store *store, int64_t id,
                                                   zipllm_pack_file **out, zipllm_error *error);
void zipllm_store_pack_release(zipllm_store *store, zipllm_pack_file *pack);
/* Closes every pack that nothing uses (gc, before it unlinks). */
void zipllm_store_forget_packs(zipllm_store *store);

/* What the memory budget leaves beside the workers. Windows may take half of it, sketches and
   blocks of bases an eighth each. */
uint64_t zipllm_store_buffers(const zipllm_store *store);

/* Bytes for windows of input or output, of which `count` are held at a time. */
size_t zipllm_store_window(const zipllm_store *store, unsigned count);

/* Closes the index and opens it again, as after a failed commit. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_store_reopen_index(zipllm_store *store,
                                                           zipllm_error *error);

#endif
