/*
 * safetensors.h: reads the header of a safetensors file, and gives the verdict of the reference
 * implementation (safetensors in Rust, on serde_json): which files it takes, and why not.
 *
 * The header is never held in memory: it is read twice through a window of 16 KiB, and what is kept
 * is one entry of 40 bytes per tensor. Names and shapes are read again on request. Hence the source
 * must stay readable as long as the parse is used.
 *
 * Where the reference is lenient, so are we: of two tensors with one name the last counts; unknown
 * fields are passed over; white space may follow the header's object; a tensor may be written as an
 * array ["F32",[2],[0,8]], and a dtype as {"F32":null} (both come with serde's derive).
 */
#ifndef ZIPLLM_SAFETENSORS_H
#define ZIPLLM_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bitx/codec.h" /* bitx_dtype, bitx_source */

enum {
    ZIPLLM_ST_HEADER_MAX = 100000000, /* bytes; the reference's limit */
    /* Ours. The reference takes files beyond these; we report ZIPLLM_ST_LIMIT. */
    ZIPLLM_ST_TENSORS_MAX = 1000000,
    ZIPLLM_ST_RANK_MAX = 64,
    ZIPLLM_ST_NAME_MAX = 65536, /* bytes of decoded UTF-8 */
    ZIPLLM_ST_MESSAGE_MAX = 256
};

typedef enum zipllm_st_status {
    ZIPLLM_ST_OK = 0,
    /* The reference would refuse this file for its unknown dtypes alone. All else is right, and the
       entries may be used: those tensors are marked, and are bytes. */
    ZIPLLM_ST_UNKNOWN_DTYPE,
    /* What follows is named as the reference names it. */
    ZIPLLM_ST_HEADER_TOO_SMALL,
    ZIPLLM_ST_HEADER_TOO_LARGE,
    ZIPLLM_ST_INVALID_HEADER_LENGTH,
    ZIPLLM_ST_INVALID_HEADER,    /* not UTF-8 */
    ZIPLLM_ST_INVALID_JSON,      /* InvalidHeaderDeserialization: not JSON, or not this schema */
    ZIPLLM_ST_INVALID_OFFSET,    /* a hole, an overlap, or end < begin */
    ZIPLLM_ST_OVERFLOW,          /* a shape's product, or its bits, pass 2^64 */
    ZIPLLM_ST_MISALIGNED,        /* a sub-byte dtype does not fill its last byte */
    ZIPLLM_ST_INVALID_INFO,      /* shape and dtype disagree with the offsets */
    ZIPLLM_ST_INCOMPLETE_BUFFER, /* the file is longer or shorter than its tensors */
    ZIPLLM_ST_LIMIT,             /* our limits above */
    ZIPLLM_ST_MEMORY,
    ZIPLLM_ST_READ, /* the source failed */
    ZIPLLM_ST_STATUS_COUNT
} zipllm_st_status;

/* "MisalignedSlice", ...: the reference's word where it has one. Static, never NULL. */
const char *zipllm_st_status_name(zipllm_st_status status);

typedef struct zipllm_st_error {
    zipllm_st_status status;
    uint64_t offset; /* in the file, of the byte or of the tensor's name that is at fault */
    char message[ZIPLLM_ST_MESSAGE_MAX]; /* printable ASCII, without the offset */
} zipllm_st_error;

enum { ZIPLLM_ST_FLAG_UNKNOWN_DTYPE = 1 };

/* One tensor. Offsets of text count from the start of the header (byte 8 of the file). */
typedef struct zipllm_st_entry {
    uint64_t begin, end;   /* of its data, from the start of the data section */
    uint64_t name_hash;    /* of the decoded name; equal names have equal hashes, not conversely */
    uint32_t name_offset;  /* of the first byte after the quote */
    uint32_t name_nbytes;  /* as written, escapes included */
    uint32_t value_offset; /* of the tensor's description */
    uint8_t dtype;         /* bitx_dtype; BITX_BYTES when unknown */
    uint8_t rank;
    uint16_t flags;
} zipllm_st_entry;

typedef struct zipllm_st {
    uint64_t header_nbytes; /* of the JSON text; the data section begins at 8 + header_nbytes */
    uint64_t file_nbytes;
    uint64_t metadata_offset; /* of the `__metadata__` object in the header; 0: none */
    zipllm_st_entry *entries; /* by rising offsets: they cover the data section without a gap */
    size_t nentries;
    size_t nunknown; /* entries whose dtype is unknown */
} zipllm_st;

/*
 * Parses the header of the file behind `source`. ZIPLLM_ST_OK or ZIPLLM_ST_UNKNOWN_DTYPE: *st holds
 * the entries (zipllm_st_free() releases them). Any other status: *st is empty. error is always
 * filled when the status is not ZIPLLM_ST_OK. max_tensors 0: ZIPLLM_ST_TENSORS_MAX.
 */
BITX_WARN_UNUSED zipllm_st_status zipllm_st_parse(const bitx_source *source, uint64_t file_nbytes,
                                                  size_t max_tensors, zipllm_st *st,
                                                  zipllm_st_error *error);
void zipllm_st_free(zipllm_st *st);

/* The decoded name, without a NUL at the end: it may hold any UTF-8, NUL included. *nbytes is its
   whole length; at most cap bytes are written. False when the source fails or changed. */
BITX_WARN_UNUSED bool zipllm_st_name(const zipllm_st *st, const bitx_source *source,
                                     const zipllm_st_entry *entry, char *dst, size_t cap,
                                     size_t *nbytes);

typedef struct zipllm_st_details {
    uint64_t dims[ZIPLLM_ST_RANK_MAX]; /* entry->rank of them */
    char dtype[32];                    /* as written, cut to fit, NUL at the end */
} zipllm_st_details;
/* False when the source fails or changed. */
BITX_WARN_UNUSED bool zipllm_st_read_details(const zipllm_st *st, const bitx_source *source,
                                             const zipllm_st_entry *entry,
                                             zipllm_st_details *details);

/* Calls visit() for each pair of `__metadata__`; stops when it returns false. Strings are decoded,
   each cut to 4096 bytes. False when the source fails or changed. */
typedef bool (*zipllm_st_visit_metadata)(void *user, const char *key, size_t key_nbytes,
                                         const char *value, size_t value_nbytes);
BITX_WARN_UNUSED bool zipllm_st_metadata(const zipllm_st *st, const bitx_source *source,
                                         zipllm_st_visit_metadata visit, void *user);

#endif
