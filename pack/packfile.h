/*
 * Packs: append-once files of frames, which say themselves what they hold.
 *
 *     header    64 bytes: magic, version, store id, pack id, XXH3-64 of the 56 bytes before it
 *     frames    one per tensor (bitx/codec.h), without holes
 *     footer    112 bytes per frame, see zipllm_pack_entry
 *     trailer   64 bytes: magic, version, entries, offset of the footer, length of the pack,
 *               XXH3-128 of header, footer and the trailer's 40 bytes before it
 *
 * All little-endian. A frame's `check` covers its stored bytes, so that every bit of a pack is
 * under some checksum, also those that do not change what is decoded: c = XXH3-64(frame header),
 * then for each payload in order c = XXH3-64(little-endian XXH3-64(payload), seed c).
 */
#ifndef ZIPLLM_PACKFILE_H
#define ZIPLLM_PACKFILE_H

#include "index.h"
#include "io.h"
#include "zipllm.h"

enum {
    ZIPLLM_PACK_VERSION = 2,
    ZIPLLM_PACK_HEADER = 64,
    ZIPLLM_PACK_ENTRY = 112,
    ZIPLLM_PACK_TRAILER = 64,
    ZIPLLM_PACK_PATH = 64 /* room for "packs/ab/<32 hex>.pack" */
};

typedef struct zipllm_pack_entry {
    uint64_t offset, length;           /* of the frame */
    uint64_t nbytes;                   /* of the tensor */
    uint8_t hash[ZIPLLM_HASH_NBYTES];  /* XXH3-128 with the store's seed */
    uint8_t plain[ZIPLLM_HASH_NBYTES]; /* XXH3-128 without a seed */
    uint64_t check;
    uint32_t ordinal;
    uint32_t dtype;    /* bitx_dtype */
    uint32_t nparents; /* 0 to ZIPLLM_PARENTS_MAX */
    /* Of the first one; the others have its length, and the frame has their XXH3-128 without a
       seed, as every entry has it of its tensor. */
    uint32_t parent_ordinal;
    uint64_t parent_nbytes;
    uint8_t parent_hash[ZIPLLM_HASH_NBYTES];
    uint32_t predictor; /* bitx_prediction_kind; 4 bytes of zeros follow */
} zipllm_pack_entry;

/* The entry of a row; first: its first base, NULL without one. */
zipllm_pack_entry zipllm_pack_entry_of(const zipllm_tensor_row *row,
                                       const zipllm_tensor_row *first);

/* "packs/ab/abcd....pack" of a name in hex. */
void zipllm_pack_path(char path[ZIPLLM_PACK_PATH], const char *name);

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct zipllm_pack_writer {
    const zipllm_dir *dir;
    int fd;
    char name[ZIPLLM_ID_TEXT];
    char tmp[ZIPLLM_PACK_PATH]; /* path now; after publishing the final one */
    uint8_t header[ZIPLLM_PACK_HEADER];
    uint64_t size; /* where the next frame begins; the writer of frames moves it on */
    zipllm_pack_entry *entries;
    size_t nentries, cap;
    bool published;
} zipllm_pack_writer;

/* Begins a pack in tmp/. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_pack_create(const zipllm_dir *dir,
                                                    const uint8_t store_id[ZIPLLM_ID_NBYTES],
                                                    zipllm_pack_writer **out, zipllm_error *error);
ZIPLLM_WARN_UNUSED zipllm_status zipllm_pack_enter(zipllm_pack_writer *writer,
                                                   const zipllm_pack_entry *entry,
                                                   zipllm_error *error);
/* Footer, fsync. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_pack_finish(zipllm_pack_writer *writer,
                                                    zipllm_error *error);
/* Gives it its name, durably. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_pack_publish(zipllm_pack_writer *writer,
                                                     zipllm_error *error);
/* Closes it; the file is unlinked if `remove`. NULL is allowed. */
void zipllm_pack_free(zipllm_pack_writer *writer, bool remove);

/* ---- reading --------------------------------------------------------------------------------- */

/*
 * Checks header, footer and trailer, and that the frames lie without holes. visit (may be NULL)
 * gets each entry, before all of it is checked; it returns false to stop, with error set. nbytes:
 * what the index says, 0: anything. ZIPLLM_DAMAGED names what is wrong.
 */
typedef bool (*zipllm_pack_visit)(void *user, const zipllm_pack_entry *entry, zipllm_error *error);
ZIPLLM_WARN_UNUSED zipllm_status zipllm_pack_check(int fd, const char *path, const char *name,
                                                   const uint8_t store_id[ZIPLLM_ID_NBYTES],
                                                   uint64_t nbytes, zipllm_pack_visit visit,
                                                   void *user, zipllm_error *error);

#endif
