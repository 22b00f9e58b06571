/*
 * index.sqlite: which tensor lies where, which file is made of which tensors, which model has which
 * files. A cache of the packs' footers and the manifests.
 *
 * journal_mode=DELETE (WAL fails on NFS and on read-only media, and the transactions are short),
 * synchronous=EXTRA (the journal's directory entry is durable too).
 */
#ifndef ZIPLLM_INDEX_H
#define ZIPLLM_INDEX_H

#include "zipllm.h"

enum { ZIPLLM_HASH_NBYTES = 16, ZIPLLM_SHA256_NBYTES = 32, ZIPLLM_SCHEMA_VERSION = 2 };

enum {
    ZIPLLM_PARENTS_MAX = BITX_BASES_MAX,
    /* Frames between a tensor and one that is stored whole; see the triggers in index_sql.c. */
    ZIPLLM_DEPTH_MAX = 2,
    ZIPLLM_TENSOR_COLUMNS = 14 /* of every query that says "tensor columns" */
};

/* Where the bytes of one tensor (or header, gap, blob) lie. */
typedef struct zipllm_tensor_row {
    int64_t id; /* in the index; 0: none */
    uint64_t nbytes;
    uint8_t hash[ZIPLLM_HASH_NBYTES];  /* XXH3-128 with the store's seed */
    uint32_t ordinal;                  /* tells different bytes of equal length and hash apart */
    uint8_t plain[ZIPLLM_HASH_NBYTES]; /* XXH3-128 without a seed: what frames call their base */
    uint32_t dtype;                    /* bitx_dtype of the frame */
    int64_t pack;                      /* in the index */
    uint64_t offset, length;           /* of the frame in the pack */
    uint64_t check;                    /* of the stored bytes: see packfile.h */
    int64_t parent;                    /* id of the (first) base; 0: coded by itself */
    uint32_t predictor;                /* bitx_prediction_kind */
    unsigned nparents;                 /* 0 to ZIPLLM_PARENTS_MAX */
    unsigned depth;                    /* 0: whole, 1: its bases are, 2: not all of them */
} zipllm_tensor_row;

typedef struct zipllm_pack_row {
    int64_t id;
    uint64_t nbytes;
    char name[33]; /* hex; the file is packs/<first two>/<name>.pack */
} zipllm_pack_row;

typedef struct zipllm_model_row {
    int64_t id;
    char *name, *revision; /* malloced */
    char *manifest;        /* hex name: the file is models/<first two>/<manifest>.json */
    uint8_t manifest_hash[ZIPLLM_HASH_NBYTES]; /* XXH3-128 of the manifest's bytes */
    char *base;                                /* or NULL */
    int found;                                 /* zipllm_found */
    int64_t added;
    uint64_t stored_bytes;
} zipllm_model_row;
void zipllm_model_row_free(zipllm_model_row *row);

/* One part of a file; strings are valid until the cursor moves. */
typedef struct zipllm_part_row {
    int kind;
    const char *name, *dtype, *shape;
    uint64_t nbytes;
    int64_t tensor; /* 0 where nbytes is 0 */
} zipllm_part_row;

typedef struct zipllm_index zipllm_index;

/* Makes the file with its schema. path: for SQLite and messages. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_create(const char *path, zipllm_error *error);
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_open(const char *path, bool read_only,
                                                   zipllm_index **out, zipllm_error *error);
/* Makes it and keeps it open; path NULL: in a temporary file, which ends with it. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_new(const char *path, zipllm_index **out,
                                                  zipllm_error *error);
/* Gives it the temporary tables of repair. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_frames(zipllm_index *index, zipllm_error *error);
/* Makes the rows of the index at path, as it is on the disk, the tables present.*. False if it
   cannot be read or has another schema. Not within a transaction. */
bool zipllm_index_attach(zipllm_index *index, const char *path);
void zipllm_index_close(zipllm_index *index);

ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_begin(zipllm_index *index, zipllm_error *error);
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_commit(zipllm_index *index, zipllm_error *error);
void zipllm_index_rollback(zipllm_index *index);
/* A read transaction, so that several statements see one state. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_begin_read(zipllm_index *index, zipllm_error *error);

/* "none found" is ZIPLLM_OK with id 0, here and below. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_tensor(zipllm_index *index, int64_t id,
                                                     zipllm_tensor_row *row, zipllm_error *error);
/* The ids of a tensor's bases, in order; ZIPLLM_DAMAGED if they are not row->nparents. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_parents(zipllm_index *index,
                                                      const zipllm_tensor_row *row,
                                                      int64_t parents[ZIPLLM_PARENTS_MAX],
                                                      zipllm_error *error);
/* The tensor of that length and hash with the lowest ordinal >= from. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_find_tensor(zipllm_index *index, uint64_t nbytes,
                                                          const uint8_t *hash, uint32_t from,
                                                          zipllm_tensor_row *row,
                                                          zipllm_error *error);
/* A model's tensor of that name and dtype; shape is malloced. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_model_tensor(zipllm_index *index, int64_t model,
                                                           const char *name, zipllm_tensor_row *row,
                                                           char **dtype, char **shape,
                                                           zipllm_error *error);
/* "NAME[@REV]" of the model that first had this tensor, malloced; NULL if no model has it. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_tensor_model(zipllm_index *index, int64_t tensor,
                                                           char **name, zipllm_error *error);
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_pack(zipllm_index *index, int64_t id,
                                                   zipllm_pack_row *row, zipllm_error *error);
/* revision NULL: the one added last. *count (may be NULL): how many revisions match. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_model(zipllm_index *index, const char *name,
                                                    const char *revision, zipllm_model_row *row,
                                                    uint64_t *count, zipllm_error *error);
/* One that has bytes in no pack is not found. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_find_file(zipllm_index *index, uint64_t nbytes,
                                                        const uint8_t *sha256, int64_t *id,
                                                        zipllm_error *error);
/* Is there any file of that length? */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_has_length(zipllm_index *index, uint64_t nbytes,
                                                         bool *has, zipllm_error *error);

/* Inserts; within a transaction. Those that make a row give its id. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_put_pack(zipllm_index *index, const char *name,
                                                       uint64_t nbytes, int64_t *id,
                                                       zipllm_error *error);
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_put_tensor(zipllm_index *index,
                                                         zipllm_tensor_row *row,
                                                         zipllm_error *error);
/* The bases of row->id, of which there are row->nparents, in order. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_put_parents(zipllm_index *index,
                                                          const zipllm_tensor_row *row,
                                                          const int64_t *parents,
                                                          zipllm_error *error);
/* A file of these bytes that has some in no pack is given whole parts again: its row is taken. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_put_file(zipllm_index *index, uint64_t nbytes,
                                                       const uint8_t *sha256, int64_t *id,
                                                       zipllm_error *error);
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_put_part(zipllm_index *index, int64_t file,
                                                       uint64_t position,
                                                       const zipllm_part_row *part,
                                                       zipllm_error *error);
/* row->id 0: a new one. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_put_model(zipllm_index *index, zipllm_model_row *row,
                                                        zipllm_error *error);
/* file 0: an empty directory. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_put_model_file(zipllm_index *index, int64_t model,
                                                             const char *path, int64_t file,
                                                             zipllm_error *error);
/* The rows of a model; those of its files and tensors stay. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_delete_model(zipllm_index *index, int64_t model,
                                                           zipllm_error *error);
/* The rows of files that no model has, and of their parts; those of tensors stay. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_delete_orphans(zipllm_index *index,
                                                             zipllm_error *error);

/*
 * A query of the list in index.c, bound and stepped by the caller: the cursor of everything that
 * goes through many rows. NULL (and error) on failure; it stays valid until the same query is begun
 * again, so a query is not re-entered within its own loop.
 */
typedef enum zipllm_query {
    ZIPLLM_Q_BEGIN,
    ZIPLLM_Q_BEGIN_READ,
    ZIPLLM_Q_COMMIT,
    ZIPLLM_Q_ROLLBACK,
    ZIPLLM_Q_TENSOR_BY_ID,
    ZIPLLM_Q_TENSOR_BY_HASH,
    ZIPLLM_Q_MODEL_TENSOR,
    ZIPLLM_Q_ADAPTERS, /* ?1 how many: models that are LoRA adapters as PEFT keeps them, latest
                          first */
    ZIPLLM_Q_TENSOR_MODEL,
    ZIPLLM_Q_PACK_BY_ID,
    ZIPLLM_Q_MODEL_EXACT,
    ZIPLLM_Q_MODEL_LAST,
    ZIPLLM_Q_MODEL_COUNT,
    ZIPLLM_Q_FILE_BY_SHA,
    ZIPLLM_Q_FILE_BY_LENGTH,
    ZIPLLM_Q_PUT_PACK,
    ZIPLLM_Q_PUT_TENSOR,
    ZIPLLM_Q_PUT_PARENT,
    ZIPLLM_Q_PARENTS,
    ZIPLLM_Q_PUT_FILE,
    ZIPLLM_Q_PUT_PART,
    ZIPLLM_Q_PUT_MODEL,
    ZIPLLM_Q_PUT_MODEL_FILE,
    ZIPLLM_Q_DELETE_MODEL_FILES,
    ZIPLLM_Q_DELETE_MODEL,
    ZIPLLM_Q_DELETE_PARTS,
    ZIPLLM_Q_DELETE_FILES,
    ZIPLLM_Q_MODELS,       /* every model, ordered by name and revision */
    ZIPLLM_Q_MODEL_TOTALS, /* ?1 model: files, tensors, bytes */
    ZIPLLM_Q_MODEL_FILES,  /* ?1 model: path, file, nbytes, sha256 */
    ZIPLLM_Q_MODEL_FILE,   /* ?1 model, ?2 path: the same */
    ZIPLLM_Q_FILE_PARTS,   /* ?1 file: kind, name, dtype, shape, nbytes, tensor */
    ZIPLLM_Q_TENSOR_USES,  /* ?1 tensor: how many parts of all models */
    ZIPLLM_Q_FILE_USERS,   /* ?1 file: model id, name, revision, path */
    ZIPLLM_Q_TENSOR_USERS, /* ?1 tensor, itself or in a chain of bases: the same, and the part's
                              name */
    ZIPLLM_Q_PACK_USERS,   /* ?1 pack: model id, name, revision */
    ZIPLLM_Q_TENSOR_USED,  /* ?1 tensor: 1 if a part of a file has it */
    ZIPLLM_Q_STAT,         /* models, files, tensors, unique, delta, logical */
    ZIPLLM_Q_DEAD_BYTES,   /* frames that nothing needs */
    ZIPLLM_Q_FILE,         /* ?1 id: nbytes, sha256, tensors */
    ZIPLLM_Q_PACK_IDS,
    ZIPLLM_Q_PACK_COUNT,   /* ?1 pack: tensors in it */
    ZIPLLM_Q_PACKS,        /* every pack: id, name, nbytes, bytes of its tensors' frames, tensors */
    ZIPLLM_Q_PACK_TENSORS, /* ?1 pack: tensor columns, by offset */
    ZIPLLM_Q_TENSOR_AT,    /* ?1 pack, ?2 offset: tensor columns */
    ZIPLLM_Q_TOO_DEEP,     /* tensors that need more frames than is allowed */
    ZIPLLM_Q_MANIFESTS,    /* manifest names */
    ZIPLLM_Q_MANIFEST_MODEL, /* ?1 manifest: model id */
    ZIPLLM_Q_PACK_BY_NAME,   /* ?1 name: id */
    ZIPLLM_Q_MOVE_TENSOR,    /* ?1 id, ?2 pack, ?3 offset */
    ZIPLLM_Q_DELETE_DEAD_PARENTS,
    ZIPLLM_Q_DELETE_DEAD_SKETCHES,
    ZIPLLM_Q_DELETE_DEAD_TENSORS,
    ZIPLLM_Q_DELETE_EMPTY_PACKS,
    ZIPLLM_Q_PUT_SKETCH,    /* ?1 tensor, ?2 version, ?3 data; nothing where there is one */
    ZIPLLM_Q_SKETCH,        /* ?1 tensor, ?2 version: data */
    ZIPLLM_Q_PUT_PROBES,    /* ?1 model, ?2 version, ?3 data */
    ZIPLLM_Q_PROBES,        /* ?1 version: model, data */
    ZIPLLM_Q_DELETE_PROBES, /* ?1 model */
    ZIPLLM_Q_MODEL_BY_ID,   /* ?1 model: its columns */
    ZIPLLM_Q_MODEL_OWN,     /* ?1 model: tensor columns of those that came with it */
    ZIPLLM_Q_SKETCHED,      /* ?1 version: tensor columns, name, shape; by name, dtype, size */
    ZIPLLM_Q_CHILDREN,      /* ?1 tensor: how many are coded against it */
    ZIPLLM_Q_DELETE_PARENT, /* ?1 tensor */
    ZIPLLM_Q_REPLACE_FRAME, /* ?1 tensor, ?2 pack, ?3 offset, ?4 length, ?5 check */
    ZIPLLM_Q_MODEL_GREW,    /* ?1 tensor, ?2 bytes: the model that it came with */
    ZIPLLM_Q_INTEGRITY,
    ZIPLLM_Q_VACUUM,
    ZIPLLM_Q_LOST_FILE,         /* ?1 nbytes, ?2 sha256: id of a file with bytes in no pack */
    ZIPLLM_Q_DELETE_FILE_PARTS, /* ?1 file */
    ZIPLLM_Q_ANY_LOST,          /* 1 if there is such a file */

    /* Of repair, with the tables of zipllm_index_frames() or another index attached. */
    ZIPLLM_Q_PUT_FRAME,
    ZIPLLM_Q_PUT_FRAME_BASE,   /* ?1 frame, ?2 position, ?3 XXH3-128 without a seed, ?4 nbytes */
    ZIPLLM_Q_TAKE_WHOLE,       /* of each tensor the shortest frame that needs no base */
    ZIPLLM_Q_CODED_FRAMES,     /* frame columns of tensors that have none yet, the shortest first */
    ZIPLLM_Q_OTHER_FRAMES,     /* frame columns, tensor: frames that were not taken */
    ZIPLLM_Q_FRAME_BASES,      /* ?1 frame: position, XXH3-128 without a seed, nbytes */
    ZIPLLM_Q_TENSORS_BY_PLAIN, /* ?1 nbytes, ?2 XXH3-128 without a seed: tensor columns */
    ZIPLLM_Q_STORED_BYTES,     /* adds the frames that came with it to every model's */
    ZIPLLM_Q_LOST,             /* every model: id, name, revision, manifest, parts in no pack */
    ZIPLLM_Q_TENSOR_NBYTES,    /* of all tensors, decoded */
    ZIPLLM_Q_COUNTS,           /* models, tensors, packs */
    ZIPLLM_Q_ATTACH,           /* ?1 URI of the index that was there */
    ZIPLLM_Q_MODELS_CHANGED,   /* rows that it has not, rows that only it has */
    ZIPLLM_Q_TENSORS_CHANGED,
    ZIPLLM_Q_PACKS_CHANGED,
    ZIPLLM_Q_PRESENT_VERSION,
    ZIPLLM_Q_COUNT
} zipllm_query;

struct sqlite3_stmt;
struct sqlite3_stmt *zipllm_index_query(zipllm_index *index, zipllm_query query,
                                        zipllm_error *error);
void zipllm_index_bind(struct sqlite3_stmt *statement, int position, int64_t value);
/* text must stay as it is until the statement is reset. */
void zipllm_index_bind_text(struct sqlite3_stmt *statement, int position, const char *text);
int64_t zipllm_index_number(struct sqlite3_stmt *statement, int column);
const char *zipllm_index_string(struct sqlite3_stmt *statement, int column); /* never NULL */
/* Exactly nbytes of a blob, or zeros. */
void zipllm_index_bytes(struct sqlite3_stmt *statement, int column, uint8_t *dst, size_t nbytes);
/* 1: a row, 0: the end (the statement is reset), -1: error is set. */
int zipllm_index_step(zipllm_index *index, struct sqlite3_stmt *statement, zipllm_error *error);
/* Ends a cursor before its end, so that it holds no lock. */
void zipllm_index_reset(struct sqlite3_stmt *statement);
/* Rows that the last statement changed. */
uint64_t zipllm_index_changes(const zipllm_index *index);
/* Runs a statement without rows. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_index_run(zipllm_index *index,
                                                  struct sqlite3_stmt *statement,
                                                  zipllm_error *error);
/* From the columns of ZIPLLM_Q_PACK_TENSORS and ZIPLLM_Q_TENSOR_AT. */
void zipllm_index_tensor_columns(struct sqlite3_stmt *statement, zipllm_tensor_row *row);
/* From the columns of ZIPLLM_Q_FILE_PARTS. */
void zipllm_index_part_columns(struct sqlite3_stmt *statement, zipllm_part_row *part);
/* From the columns of ZIPLLM_Q_MODELS; false when out of memory. */
bool zipllm_index_model_columns(struct sqlite3_stmt *statement, zipllm_model_row *row);

#endif
