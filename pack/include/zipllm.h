/*
 * zipllm.h: a store of model families on disk.
 *
 * A store is a directory. zipllm_add() puts a model (a directory of files, or one file) in it,
 * zipllm_get() writes the model out again byte for byte. Tensors that are already there are not
 * stored again, and a fine-tune is coded against the model that it was made from.
 *
 * Promise    when zipllm_add() returns ZIPLLM_OK, every byte of the model comes back, also after a
 *            power cut at that moment. When anything returns another status, the store is as it
 *            was; what a failed or killed call leaves behind are unreferenced files, which
 *            zipllm_gc() removes.
 * Units      sizes and offsets are bytes.
 * Strings    end in NUL. Names of files, tensors and models are bytes, UTF-8 by habit only: escape
 *            them before printing. zipllm_error.message is escaped already. Pointers inside structs
 *            that a callback gets are valid until it returns, those in results until the next call
 *            on the same store.
 * Threads    the library starts none. One store handle serves one call at a time; with an executor
 *            that call spreads over its workers. Callbacks run on the calling thread. Several
 *            processes may use a store at once: see zipllm_mode.
 * Memory     zipllm_options.memory_nbytes bounds buffers and work memory, whatever the size of the
 *            model. Beside it a few hundred bytes are held per tensor of the model at hand.
 * Errors     a status by value, the reason in zipllm_error. The library prints nothing and never
 *            ends the process.
 */
#ifndef ZIPLLM_H
#define ZIPLLM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bitx/codec.h" /* bitx_executor */

#if defined(__GNUC__)
#    define ZIPLLM_API __attribute__((visibility("default")))
#    define ZIPLLM_WARN_UNUSED __attribute__((warn_unused_result))
#else
#    define ZIPLLM_API
#    define ZIPLLM_WARN_UNUSED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The values are the exit codes of the zipllm command. */
typedef enum zipllm_status {
    ZIPLLM_OK = 0,
    ZIPLLM_ERROR = 1,   /* nothing was done, see the message */
    ZIPLLM_USAGE = 2,   /* an argument is outside its documented range */
    ZIPLLM_PARTIAL = 3, /* some of several things were done (only the command returns it) */
    ZIPLLM_DAMAGED = 4, /* stored bytes are not what was stored: verification failed */
    ZIPLLM_LOCKED = 5   /* another process holds the store: gc while others run, or the reverse */
} zipllm_status;

/* "ok", "error", "usage", "partial", "damaged", "locked": static, never NULL. */
ZIPLLM_API const char *zipllm_status_name(zipllm_status status);

/* "0.1.0" */
ZIPLLM_API const char *zipllm_version(void);

#define ZIPLLM_NO_OFFSET UINT64_MAX

/*
 * Why a call failed. message is one line without a newline, at most 1023 bytes, control characters
 * escaped: "FILE: offset N: REASON" or "FILE: REASON". Every function takes a zipllm_error pointer,
 * which may be NULL; it is written only where the status is not ZIPLLM_OK.
 */
typedef struct zipllm_error {
    char message[1024];
    size_t path_nbytes; /* of FILE at the start of message; 0: no file is named */
    size_t reason_at;   /* where REASON begins in message */
    uint64_t offset;    /* in the file that message names, or ZIPLLM_NO_OFFSET */
    int os_errno;       /* errno of the system call that failed, or 0 */
} zipllm_error;

/* ---- the store ------------------------------------------------------------------------------- */

/*
 * Work done so far, told between steps (several times per second on any machine). done and total
 * are bytes of the model (of packs for gc); total is 0 while unknown. Return false to cancel: the
 * call then ends with ZIPLLM_ERROR, "cancelled".
 */
typedef struct zipllm_progress {
    const char *phase; /* "hash", "encode", "restore", "verify", "gc", "repair" */
    const char *file;  /* path within the model, or a pack */
    uint64_t done;
    uint64_t total;
} zipllm_progress;
typedef bool (*zipllm_progress_fn)(void *user, const zipllm_progress *progress);

#define ZIPLLM_MEMORY_MIN ((uint64_t)64 << 20)

typedef struct zipllm_options {
    size_t size;                   /* sizeof(zipllm_options) */
    const bitx_executor *executor; /* copied; NULL: the calling thread alone */
    uint64_t memory_nbytes;        /* 0: a quarter of what the cgroup or the machine has, 64 MiB to
                                      1 GiB, more for over 16 workers; below ZIPLLM_MEMORY_MIN, or
                                      with too many workers for it: ZIPLLM_USAGE */
    zipllm_progress_fn progress;   /* may be NULL */
    void *user;                    /* given to progress */
    bitx_effort effort;            /* of coding, and of finding what a tensor was made from */
} zipllm_options;

#define ZIPLLM_OPTIONS_INIT                                                                        \
    {                                                                                              \
        sizeof(zipllm_options), NULL, 0, NULL, NULL, BITX_EFFORT_DEFAULT                           \
    }

/* The most workers that a budget (0: the default) can serve: each needs some 20 MiB. At least 1. */
ZIPLLM_API unsigned zipllm_workers_for(uint64_t memory_nbytes);

/* Makes an empty store at path: a directory that does not exist yet or is empty. Durable. */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_init(const char *path, zipllm_error *error);

/*
 * How the store's lock is taken; never waits: ZIPLLM_LOCKED at once where it cannot be had.
 * SHARED is for everything but gc, rebase and repair, and works on read-only media for what only
 * reads. EXCLUSIVE excludes all other handles.
 */
typedef enum zipllm_mode { ZIPLLM_SHARED = 0, ZIPLLM_EXCLUSIVE } zipllm_mode;

typedef struct zipllm_store zipllm_store;

/* options NULL: the defaults. A store of another format version is an error that says so. */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_open(const char *path, zipllm_mode mode,
                                                        const zipllm_options *options,
                                                        zipllm_store **out, zipllm_error *error);
ZIPLLM_API void zipllm_close(zipllm_store *store); /* NULL is allowed */

/* ---- add ------------------------------------------------------------------------------------- */

/* What a part of a file is. A file is its parts, in order, without holes. */
typedef enum zipllm_kind {
    ZIPLLM_TENSOR = 0,
    ZIPLLM_HEADER, /* of a safetensors or GGUF file, verbatim */
    ZIPLLM_GAP,    /* bytes that no tensor covers, in a file that has tensors */
    ZIPLLM_BLOB    /* all of any other file */
} zipllm_kind;
ZIPLLM_API const char *zipllm_kind_name(zipllm_kind kind); /* "tensor", "header", "gap", "blob" */

/* What became of a part. */
typedef enum zipllm_how {
    ZIPLLM_DEDUPLICATED = 0, /* the same bytes were in the store already; costs nothing */
    ZIPLLM_DELTA,            /* coded against a tensor of the base model */
    ZIPLLM_WHOLE             /* coded by itself */
} zipllm_how;
ZIPLLM_API const char *zipllm_how_name(zipllm_how how); /* "deduplicated", "delta", "whole" */

/* How the base model was found. */
typedef enum zipllm_found {
    ZIPLLM_FOUND_NONE = 0, /* there is no base */
    ZIPLLM_FOUND_OPTION,   /* zipllm_add_options.base */
    ZIPLLM_FOUND_CARD,     /* base_model of the model card (README.md) */
    ZIPLLM_FOUND_CONFIG,   /* _name_or_path of config.json */
    ZIPLLM_FOUND_BITS      /* its tensors are near to those of this model */
} zipllm_found;
ZIPLLM_API const char *zipllm_found_name(zipllm_found found); /* "none", "--base", "card", ... */

/* One part of one file of the model just added. */
typedef struct zipllm_add_row {
    const char *file; /* path within the model */
    zipllm_kind kind;
    const char *tensor; /* name; "" unless kind is ZIPLLM_TENSOR */
    const char *dtype;  /* as its header spells it; "BYTES" for other kinds */
    uint64_t nbytes;
    uint64_t stored_nbytes; /* added to the store for it; 0 if deduplicated */
    zipllm_how how;
    const char *base;   /* "ORG/NAME@REV" of the model coded against; NULL unless ZIPLLM_DELTA */
    zipllm_found found; /* how that model was found */
    const char *reason; /* why it was stored whole: "no base model", "not in the base", "another
                           dtype or shape in the base", "smaller without the base", ...; or what it
                           is a duplicate of; never NULL */
    const char *note;   /* once per file, on its first row: why a file is kept as one blob, that it
                           is a Git LFS pointer, ...; else NULL */
} zipllm_add_row;

typedef struct zipllm_add_options {
    size_t size;
    const char *name; /* "ORG/NAME" or "ORG/NAME@REV"; NULL: from the path (a Hugging Face cache's
                         snapshot gives ORG/NAME@REV, else the last component) */
    const char *base; /* "NAME[@REV]": must be in the store, and is obeyed; "none": no base; NULL:
                         of the models that the card and config.json name and those whose tensors
                         are near, the one with the fewest predicted bytes */
    bool follow;      /* follow symbolic links that leave the model directory */
    void (*row)(void *user, const zipllm_add_row *row); /* each part, after the model is durable */
    void *user;
} zipllm_add_options;

#define ZIPLLM_ADD_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(zipllm_add_options), NULL, NULL, false, NULL, NULL                                  \
    }

typedef struct zipllm_add_result {
    const char *name;     /* "ORG/NAME" */
    const char *revision; /* "" for none */
    const char *base;     /* "ORG/NAME[@REV]" of the base model, or NULL */
    zipllm_found found;
    const char *named_base; /* what card or config name, if that is not in the store; or NULL */
    /* --base, card or config name the first, but the bits are nearer to the second; or both NULL.
       Only --base is obeyed. The shares are predictions: of the tensors coded by themselves. */
    const char *overruled_base, *nearest;
    double named_share, nearest_share;
    bool already_stored; /* the same model with the same bytes was there: nothing was added */
    uint64_t files, tensors;
    uint64_t tensors_deduplicated, tensors_delta, tensors_whole;
    uint64_t logical_bytes; /* of all files */
    uint64_t stored_bytes;  /* of the packs and the manifest that were added */
    /* Tensors of other models that were deltas, and were stored by themselves to be bases of this
       model's; their old frames wait for gc. Included in stored_bytes. */
    uint64_t tensors_promoted;
    uint64_t rebase_models; /* relatives, and this model, that zipllm_rebase() would make smaller
                               by 3% or more, as its largest tensors predict */
} zipllm_add_result;

/*
 * Adds the model at path. ZIPLLM_ERROR where the name is taken by other bytes (remove it, or give a
 * revision), where the directory has something that is neither a file nor a directory, or where a
 * file changed while it was read. No file is refused for its contents.
 */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_add(zipllm_store *store, const char *path,
                                                       const zipllm_add_options *options,
                                                       zipllm_add_result *result,
                                                       zipllm_error *error);

/* ---- get ------------------------------------------------------------------------------------- */

typedef struct zipllm_get_options {
    size_t size;
    const char *name;   /* "NAME" (the revision added last) or "NAME@REV" */
    const char *target; /* directory to fill; made if absent */
    const char *file;   /* this file only, or NULL for all */
    bool sha256;        /* check the SHA-256 of each file besides the checksum of each block */
    bool force;         /* the target may hold other files; those of equal name are replaced */
} zipllm_get_options;

#define ZIPLLM_GET_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(zipllm_get_options), NULL, NULL, NULL, false, false                                 \
    }

typedef struct zipllm_get_result {
    uint64_t files;
    uint64_t bytes; /* written */
} zipllm_get_result;

/*
 * Writes the model's files beneath target, each under a temporary name until all of it was decoded
 * and checked. ZIPLLM_DAMAGED names the tensor, the file and the model; nothing of that file is
 * left. Files before it stay.
 */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_get(zipllm_store *store,
                                                       const zipllm_get_options *options,
                                                       zipllm_get_result *result,
                                                       zipllm_error *error);

/* ---- cat ------------------------------------------------------------------------------------- */

typedef struct zipllm_cat_options {
    size_t size;
    const char *name;    /* NAME[@REV] */
    const char *file;    /* path within the model */
    const char *tensor;  /* of that file: its bytes alone; NULL: the whole file */
    uint64_t begin, end; /* bytes [begin, end) of it; end ZIPLLM_NO_OFFSET: to its end */
    /* Takes the bytes in order; false stops (ZIPLLM_ERROR, "cancelled"). */
    bool (*write)(void *user, const void *bytes, size_t nbytes);
    void *user;
} zipllm_cat_options;

#define ZIPLLM_CAT_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(zipllm_cat_options), NULL, NULL, NULL, 0, ZIPLLM_NO_OFFSET, NULL, NULL              \
    }

/* Decodes only the blocks that hold the range, and checks each before its bytes are handed on.
 *nbytes counts them, also after an error. ZIPLLM_USAGE for a range that leaves the bytes. */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_cat(zipllm_store *store,
                                                       const zipllm_cat_options *options,
                                                       uint64_t *nbytes, zipllm_error *error);

/* ---- ls, show, stat -------------------------------------------------------------------------- */

typedef struct zipllm_model {
    const char *name;
    const char *revision; /* "" for none */
    const char *base;     /* "ORG/NAME[@REV]", or NULL */
    zipllm_found found;
    int64_t added; /* seconds since 1970 UTC */
    uint64_t files, tensors;
    uint64_t logical_bytes;
    uint64_t stored_bytes; /* of the tensors that came with this model; shared ones count where they
                              came first */
} zipllm_model;

/* Every model, by name then revision. */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_ls(zipllm_store *store,
                                                      void (*row)(void *user,
                                                                  const zipllm_model *model),
                                                      void *user, zipllm_error *error);

typedef struct zipllm_file {
    const char *path;
    uint64_t nbytes;
    uint8_t sha256[32];
    uint64_t tensors;
    bool directory; /* an empty directory */
    bool blob;      /* kept as one blob */
} zipllm_file;

typedef struct zipllm_tensor {
    const char *file;
    zipllm_kind kind;
    const char *name;  /* "" unless kind is ZIPLLM_TENSOR */
    const char *dtype; /* as its header spells it */
    const char *shape; /* "[4096,256]"; "[]" for a scalar; "" unless kind is ZIPLLM_TENSOR */
    uint64_t nbytes;
    uint64_t stored_nbytes; /* of its frame, which other parts may share */
    uint64_t shared;        /* how many parts of all models are these bytes, this one included */
    bool delta;             /* coded against a tensor of a base */
    const char *made; /* "LoRA r=16 of X", "0.5 A + 0.5 B", "BF16 cast of X", "delta of X", or "" */
    const char *pack; /* "packs/ab/....pack" */
    uint64_t offset;  /* of its frame in the pack */
} zipllm_tensor;

typedef struct zipllm_show_options {
    size_t size;
    const char *name;                                        /* NAME[@REV] */
    void (*file)(void *user, const zipllm_file *file);       /* may be NULL; in path order */
    void (*tensor)(void *user, const zipllm_tensor *tensor); /* may be NULL; all parts of a file
                                                                follow it, in order */
    void *user;
} zipllm_show_options;

#define ZIPLLM_SHOW_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(zipllm_show_options), NULL, NULL, NULL, NULL                                        \
    }

ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_show(zipllm_store *store,
                                                        const zipllm_show_options *options,
                                                        zipllm_model *model, zipllm_error *error);

typedef struct zipllm_stat_result {
    uint64_t models, files;
    uint64_t tensors;        /* of all models, each time it occurs */
    uint64_t tensors_unique; /* different ones among them */
    uint64_t tensors_delta;  /* of the unique ones: coded against a base */
    uint64_t logical_bytes;  /* of all files of all models */
    uint64_t disk_bytes;     /* sum of st_size of every regular file under the store */
    uint64_t pack_bytes, index_bytes, manifest_bytes, tmp_bytes; /* shares of disk_bytes */
    uint64_t packs;
    uint64_t dead_bytes; /* of frames that no model needs any more: gc frees about as much */
    double reduction;    /* 1 - disk_bytes / logical_bytes; 0 for an empty store */
} zipllm_stat_result;

ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_stat(zipllm_store *store,
                                                        zipllm_stat_result *result,
                                                        zipllm_error *error);

/* ---- verify ---------------------------------------------------------------------------------- */

/* One damage. Where a frame that several models use is damaged, each is told. */
typedef struct zipllm_damage {
    const char *model;  /* "NAME[@REV]", or "" where no model is concerned */
    const char *file;   /* path within the model, or "" */
    const char *tensor; /* name, or "" for headers, gaps, blobs and whole files */
    const char *path;   /* of the damaged file in the store */
    uint64_t offset;    /* in it, or ZIPLLM_NO_OFFSET */
    const char *reason; /* "checksum mismatch", ... */
} zipllm_damage;

typedef struct zipllm_verify_options {
    size_t size;
    const char *const *names; /* NAME[@REV] ... */
    size_t nnames;            /* 0: every model, and every byte of every pack */
    bool quick;               /* structure only: index, manifests, headers and footers of packs */
    double sample_percent;    /* of the blocks are decoded, chosen anew each time; 0: all */
    void (*damage)(void *user, const zipllm_damage *damage);
    void *user;
} zipllm_verify_options;

#define ZIPLLM_VERIFY_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(zipllm_verify_options), NULL, 0, false, 0, NULL, NULL                               \
    }

typedef struct zipllm_verify_result {
    uint64_t models, files, tensors;
    uint64_t bytes;   /* decoded and checked */
    uint64_t damages; /* reported */
    uint64_t models_damaged;
} zipllm_verify_result;

/* ZIPLLM_DAMAGED after going through all of it, if anything is wrong; error says what came first.
 */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_verify(zipllm_store *store,
                                                          const zipllm_verify_options *options,
                                                          zipllm_verify_result *result,
                                                          zipllm_error *error);

/* ---- rm, gc ---------------------------------------------------------------------------------- */

/* Removes one model, NAME or NAME@REV (NAME alone: an error where it has several revisions). What
   other models share with it stays; the space comes back with zipllm_gc(). */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_rm(zipllm_store *store, const char *name,
                                                      zipllm_error *error);

typedef struct zipllm_gc_result {
    uint64_t packs_removed, packs_rewritten, packs_written;
    uint64_t tensors_removed;
    uint64_t files_removed; /* leftovers: temporary files, unreferenced packs and manifests */
    uint64_t freed_bytes;   /* disk_bytes before - after; predicted for a dry run */
} zipllm_gc_result;

/* Needs a handle opened ZIPLLM_EXCLUSIVE. dry_run changes nothing. ZIPLLM_DAMAGED, and nothing is
   removed, while a manifest that the index lacks cannot be read: it may be of a model that
   zipllm_repair() left out. */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_gc(zipllm_store *store, bool dry_run,
                                                      zipllm_gc_result *result,
                                                      zipllm_error *error);

/* ---- tree, distance -------------------------------------------------------------------------- */

/* A model in its family. */
typedef struct zipllm_tree_row {
    const char *model; /* "NAME[@REV]" */
    const char *base;  /* that most of its delta bytes are coded against now; NULL: none */
    const char *named; /* the base that add found, which rebase may have changed; NULL: none */
    uint64_t logical_bytes;
    uint64_t stored_bytes;   /* of the tensors that came with it */
    uint64_t delta_bytes;    /* of its tensors that are coded against another: uncoded */
    uint64_t lowrank_bytes;  /* of these, those coded as a change of low rank: a merged LoRA */
    uint64_t lowrank_stored; /* what these take */
    unsigned rank;           /* of most of these; 0: none */
    const char *made; /* what most of delta_bytes are but for a few bits: as in zipllm_tensor; "" */
} zipllm_tree_row;

/* Every model, by name then revision. */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_tree(zipllm_store *store,
                                                        void (*row)(void *user,
                                                                    const zipllm_tree_row *row),
                                                        void *user, zipllm_error *error);

enum { ZIPLLM_DISTANCE_BITS = 64 };

/* Two tensors of one name and dtype, over the elements that both have. */
typedef struct zipllm_distance_row {
    const char *tensor; /* name; "" for the sum of a dtype */
    const char *dtype;
    uint64_t nbytes;                   /* of the first model's */
    uint64_t nelem;                    /* compared */
    unsigned bits;                     /* per element */
    uint64_t differing;                /* bits; / nelem: the bit distance */
    uint64_t unchanged;                /* elements */
    uint64_t at[ZIPLLM_DISTANCE_BITS]; /* elements that differ in bit i, the lowest first */
    /* Coded sizes per original byte of the first model's tensor, from up to four blocks of it. */
    double zstd;  /* of its bytes, no base */
    double alone; /* the best without a base */
    double bitx;  /* the paper's, given the other */
    double delta; /* ours, given the other */
    double best;  /* what a store would take: the best of all for each block */
} zipllm_distance_row;

typedef struct zipllm_distance_result {
    uint64_t tensors;   /* compared */
    uint64_t unmatched; /* of the first model: no tensor of that name, dtype and row shape */
    uint64_t nbytes;    /* of the compared ones */
    double bit_distance;
    double unchanged;                      /* share */
    double zstd, alone, bitx, delta, best; /* as above */
} zipllm_distance_result;

/* a coded given b; names as for zipllm_get(). row may be NULL. */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status
zipllm_distance(zipllm_store *store, const char *a, const char *b,
                void (*row)(void *user, const zipllm_distance_row *row), void *user,
                zipllm_distance_result *result, zipllm_error *error);

/* ---- rebase -----------------------------------------------------------------------------------
 */

/* One tensor that would be, or was, coded another way. */
typedef struct zipllm_rebase_row {
    const char *tensor;     /* a name that it has in one of its models */
    const char *model;      /* "NAME[@REV]" that it came with */
    const char *base;       /* of the tensor that it is coded against now; NULL: by itself */
    uint64_t before_nbytes; /* of its frame */
    uint64_t after_nbytes;  /* predicted for a dry run */
} zipllm_rebase_row;

typedef struct zipllm_rebase_options {
    size_t size;
    bool dry_run;                                          /* predict only */
    void (*row)(void *user, const zipllm_rebase_row *row); /* may be NULL */
    void *user;
} zipllm_rebase_options;

#define ZIPLLM_REBASE_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(zipllm_rebase_options), false, NULL, NULL                                           \
    }

typedef struct zipllm_rebase_result {
    uint64_t tensors;     /* looked at */
    uint64_t changed;     /* coded another way */
    uint64_t models;      /* that have any of these */
    uint64_t saved_bytes; /* of frames; predicted for a dry run */
    uint64_t freed_bytes; /* disk_bytes before - after */
} zipllm_rebase_result;

/*
 * Chooses anew which tensors are stored by themselves, and against which of these every relative is
 * coded: as if all models had come in the best order. Only what becomes smaller is changed, each
 * new frame is decoded and compared before the index points to it, and the old ones are removed as
 * zipllm_gc() does it. Needs a handle opened ZIPLLM_EXCLUSIVE.
 */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_rebase(zipllm_store *store,
                                                          const zipllm_rebase_options *options,
                                                          zipllm_rebase_result *result,
                                                          zipllm_error *error);

/* ---- repair ---------------------------------------------------------------------------------- */

typedef struct zipllm_repair_options {
    size_t size;
    bool dry_run;                                            /* tell what would differ */
    void (*damage)(void *user, const zipllm_damage *damage); /* may be NULL */
    /* What is no damage, but was left out: a manifest that a later one replaces, ... May be NULL.
     */
    void (*note)(void *user, const char *path, const char *text);
    void *user;
} zipllm_repair_options;

#define ZIPLLM_REPAIR_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(zipllm_repair_options), false, NULL, NULL, NULL                                     \
    }

typedef struct zipllm_repair_result {
    uint64_t models, tensors, packs; /* in the new index; tensors: also those that wait for gc */
    uint64_t packs_damaged, manifests_damaged;     /* left out */
    uint64_t models_damaged;                       /* that lack tensors, or have damaged ones */
    uint64_t manifests_superseded, models_removed; /* leftovers of killed adds and rms */
    uint64_t damages;                              /* reported */
    bool compared; /* the index that was there can be read: then the rest is right */
    uint64_t models_added, models_dropped; /* rows that it had not, that it alone had */
    uint64_t tensors_added, tensors_dropped, packs_added, packs_dropped;
} zipllm_repair_result;

/*
 * Makes index.sqlite anew from packs and manifests, whatever is there under its name: nothing,
 * damage, the index of another store. The store is taken exclusively; the new index gets its name
 * when it is complete and durable, so that a call that fails or is killed leaves the one that was
 * there, or has renewed it. Nothing else is changed or removed. options (NULL: the defaults) are
 * those of zipllm_open(), how those of repair.
 *
 * A damaged pack or manifest is left out. A model that lacks tensors for it stays, its other files
 * come back, and zipllm_verify() reports it; zipllm_gc() and zipllm_rebase() refuse to work until
 * all such models are removed or complete, which they are when their files were added again, or the
 * pack came back and repair was called again. ZIPLLM_DAMAGED after all of that, if anything is
 * wrong; error says what came first. The index is renewed all the same.
 *
 * Models come back with name, revision, base and time of their manifest; of several manifests of
 * one model the one that the index had, else the last. zipllm_model.stored_bytes is counted anew:
 * the manifest, and the frames (with their entries in a footer, and 128 bytes for one pack) that no
 * earlier model has. A model that was removed stays removed, also where rm was killed; one whose
 * add was killed after all of it was written is there. A tensor that has several frames, of which
 * gc will take all but one, gets one that needs no base if there is one.
 */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status zipllm_repair(const char *path,
                                                          const zipllm_repair_options *how,
                                                          const zipllm_options *options,
                                                          zipllm_repair_result *result,
                                                          zipllm_error *error);

/* ---- one file alone -------------------------------------------------------------------------- */

typedef struct zipllm_encode_result {
    uint64_t nbytes;       /* of the file */
    uint64_t coded_nbytes; /* of the coded one */
    uint64_t tensors;      /* zipllm_encode() only */
    uint64_t tensors_delta;
} zipllm_encode_result;

/*
 * Codes one file, without a store: tensors of a safetensors file (or another kind that is known)
 * against those of equal name, dtype and row shape in the files `bases` (nbases of them, up to
 * BITX_BASES_MAX), or of equal name and shape in another float format; everything else by itself.
 * Several bases are for what was merged from them. `out` gets its name when it is complete and
 * durable; a regular file of that name is replaced. options (NULL: the defaults) are those of
 * zipllm_open().
 */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status
zipllm_encode(const char *path, const char *const *bases, size_t nbases, const char *out,
              const zipllm_options *options, zipllm_encode_result *result, zipllm_error *error);

/* The reverse. bases: the files that were given to zipllm_encode(), in that order. ZIPLLM_DAMAGED
   where the coded file is; ZIPLLM_ERROR where it is the base that is another one. out is not made
   then.
 */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status
zipllm_decode(const char *path, const char *const *bases, size_t nbases, const char *out,
              const zipllm_options *options, zipllm_encode_result *result, zipllm_error *error);

/* ---- inspect --------------------------------------------------------------------------------- */

typedef struct zipllm_inspect_tensor {
    const char *name; /* ends in NUL, and may hold others */
    size_t name_nbytes;
    const char *dtype;
    const char *shape; /* "[4096,256]" */
    uint64_t offset;   /* in the file */
    uint64_t nbytes;
} zipllm_inspect_tensor;

typedef struct zipllm_inspect_result {
    uint64_t file_nbytes;
    uint64_t header_nbytes; /* with the eight bytes of its length */
    uint64_t tensors;
    uint64_t tensor_nbytes;
} zipllm_inspect_result;

/* Reads the header of a safetensors file. ZIPLLM_ERROR and the reason where the file is not valid
   (the reference parser's verdict). tensor may be NULL; tensors come by their offsets. */
ZIPLLM_API ZIPLLM_WARN_UNUSED zipllm_status
zipllm_inspect(const char *path, void (*tensor)(void *user, const zipllm_inspect_tensor *tensor),
               void *user, zipllm_inspect_result *result, zipllm_error *error);

#ifdef __cplusplus
}
#endif

#endif
