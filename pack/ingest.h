/*
 * A model on its way into the store: the tensors that it adds, and the pack they go to.
 *
 * Each file is read twice. The first pass hashes its parts; what the index knows is then compared
 * byte by byte, the rest is coded, both in the second pass, which also hashes again (a file that
 * changes is an error) and takes the SHA-256. A part that turns out different from its equally
 * hashed twin, or equal to one that is being coded in the same pass, takes part in another.
 */
#ifndef ZIPLLM_INGEST_H
#define ZIPLLM_INGEST_H

#include "layout.h"
#include "packfile.h"
#include "store.h"

/* A tensor that this add stores. */
typedef struct zipllm_fresh {
    zipllm_tensor_row row;               /* id and pack once committed; offset within its pack */
    zipllm_pack_writer *writer;          /* NULL until it is coded */
    int64_t parents[ZIPLLM_PARENTS_MAX]; /* row.nparents of them */
    size_t chain;                        /* 1 + the next one in the same bucket */
    bool coded;
    unsigned pass; /* that coded it; all of it is in the file only when that pass has ended */
} zipllm_fresh;

/* One file of the model. */
typedef struct zipllm_ingest_file {
    const char *path; /* within the model */
    bool directory;
    uint64_t nbytes;
    uint8_t sha256[ZIPLLM_SHA256_NBYTES];
    int64_t known; /* file id in the index: the same length and SHA-256; 0: none */
    zipllm_layout layout;
} zipllm_ingest_file;

enum { ZIPLLM_BASES_MAX = 4, ZIPLLM_KIN_MAX = 12 };

typedef struct zipllm_ingest_base {
    int64_t model; /* in the index */
    char *name;    /* "NAME[@REV]", malloced */
} zipllm_ingest_base;

typedef struct zipllm_ingest {
    zipllm_store *store;
    zipllm_error *error;

    /* The models whose tensors may serve as bases, the best first; none: the reason to report. */
    zipllm_ingest_base bases[ZIPLLM_BASES_MAX];
    size_t nbases;
    const char *no_base_reason;
    /* Sets bases for a file whose tensors have been hashed and sketched; NULL: they are set. */
    zipllm_status (*choose)(void *user, const struct zipllm_ingest_file *file);
    void *choose_user;
    int64_t kin[ZIPLLM_KIN_MAX]; /* models whose tensors a part may be made of: blend.h */
    size_t nkin;
    struct zipllm_blender *blender;     /* made when first needed */
    struct zipllm_adapters *adapters;   /* likewise */
    bool promote;                       /* deltas may become bases: promote.h */
    size_t npromoted;                   /* once the index points to them */
    struct zipllm_predictor *predictor; /* made when first needed */
    uint64_t sketch_nbytes;             /* held by all parts */
    char **base_names;                  /* models coded against; zipllm_part.base counts from 1 */
    size_t nbase_names;

    zipllm_fresh *fresh;
    size_t nfresh, cap;
    unsigned pass;   /* number of the running one */
    size_t *buckets; /* 1 + index into fresh */
    size_t nbuckets;

    zipllm_pack_writer **writers; /* the last one is being filled */
    size_t nwriters;
    bool keep; /* rows of the index refer to the packs, whatever failed */

    uint64_t done, total; /* bytes, for progress; done counts both passes */
    struct zipllm_pipeline *pipeline;
} zipllm_ingest;

/* error is kept for all later calls. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_ingest_open(zipllm_ingest *in, zipllm_store *store,
                                                    zipllm_error *error);
/* Frees all; unlinks the packs if `discard` and not in->keep. */
void zipllm_ingest_close(zipllm_ingest *in, bool discard);

/* The tensor of a model that has a part's name, dtype and row shape, or its shape in another float
   format, as the index has it; id 0 and a reason. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_ingest_model_row(zipllm_ingest *in, int64_t model,
                                                         const zipllm_part *part,
                                                         zipllm_tensor_row *row,
                                                         const char **reason);
/* The same as something to code against: promoted, or its own root where it is not whole. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_ingest_base_row(zipllm_ingest *in, int64_t model,
                                                        const zipllm_part *part,
                                                        zipllm_tensor_row *row,
                                                        const char **reason);

/* Do two shapes ("[4096,256]" and "[4112,256]") agree behind their first dimension? */
bool zipllm_same_rows(const char *a, const char *b);

/* Brings one file in. shown: its path for messages. dry: nothing is stored, only SHA-256 is taken.
 */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_ingest_file_add(zipllm_ingest *in, int fd,
                                                        const char *shown, bool dry,
                                                        zipllm_ingest_file *file);

/* ---- between ingest.c (decides) and pipeline.c (does) ---------------------------------------- */

typedef enum zipllm_action {
    ZIPLLM_DO_HASH,    /* hash only */
    ZIPLLM_DO_COMPARE, /* with a stored tensor */
    ZIPLLM_DO_ENCODE
} zipllm_action;

/* What to do with one part in one pass. */
typedef struct zipllm_task {
    zipllm_part *part;
    zipllm_action action;
    struct zipllm_stored *with; /* COMPARE: the tensor; ENCODE: the base or NULL */
    /* ENCODE: what it may have been made of. Tried before `with`, and left if it was not. */
    struct zipllm_stored *blend[ZIPLLM_PARENTS_MAX];
    unsigned nblend;
    struct zipllm_stored *factors[2]; /* ENCODE: of an adapter that may be in it; or NULL */
    size_t fresh;                     /* ENCODE: 1 + index into in->fresh */
    /* results */
    bool equal; /* COMPARE */
    uint8_t hash[ZIPLLM_HASH_NBYTES], plain[ZIPLLM_HASH_NBYTES];
    struct zipllm_coding *coding; /* the pipeline's own */
    struct zipllm_task *next;     /* likewise */
} zipllm_task;

/* Gives the task of the next part to work on, or NULL at the end; called in order, when the part's
   first block is about to be read. finish() is called when all of it is done. */
typedef struct zipllm_pass {
    const char *phase, *shown;
    int fd;
    zipllm_task *(*next)(void *user);
    zipllm_status (*finish)(void *user, zipllm_task *task);
    void *user;
    bool sha256;  /* the parts are the whole file, in order */
    bool second;  /* hashes must be what they were; those without a seed are taken too */
    uint8_t *sum; /* where SHA-256 goes */
} zipllm_pass;

struct zipllm_coding *zipllm_coding_new(void); /* NULL: out of memory */

struct zipllm_pipeline;
ZIPLLM_WARN_UNUSED zipllm_status zipllm_pipeline_new(zipllm_ingest *in,
                                                     struct zipllm_pipeline **out);
void zipllm_pipeline_free(struct zipllm_pipeline *pipeline);
ZIPLLM_WARN_UNUSED zipllm_status zipllm_pipeline_run(struct zipllm_pipeline *pipeline,
                                                     const zipllm_pass *pass);

/* The pack to write the next frame to. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_ingest_writer(zipllm_ingest *in, zipllm_pack_writer **out);

#endif
