/*
 * gguf.h: where the tensors of a GGUF file lie (versions 2 and 3, little-endian;
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
 *
 * The header is read once through a window; what is kept is one entry per tensor. Metadata is
 * checked and passed over, but for general.alignment. A file that the parser refuses is not damaged
 * by that: it is kept as one blob.
 *
 * Stricter than the specification: no nested arrays deeper than ZIPLLM_GGUF_DEPTH_MAX, names are
 * UTF-8 without NUL and unlike each other, tensors do not overlap, alignment is a power of two (as
 * ggml wants it).
 */
#ifndef ZIPLLM_GGUF_H
#define ZIPLLM_GGUF_H

#include "cursor.h"

enum {
    ZIPLLM_GGUF_RANK_MAX = 4,
    ZIPLLM_GGUF_NAME_MAX = 1024,
    ZIPLLM_GGUF_TENSORS_MAX = 1000000,
    ZIPLLM_GGUF_DEPTH_MAX = 4
};

/* How a type packs its elements: blocks of `block_nelem` elements in `block_nbytes` bytes. */
typedef struct zipllm_gguf_type {
    const char *name; /* "Q4_K", as ggml spells it */
    uint16_t block_nelem;
    uint16_t block_nbytes;
    bitx_dtype dtype; /* BITX_BYTES for the quantised ones */
} zipllm_gguf_type;

/* NULL for a number that is not known. */
const zipllm_gguf_type *zipllm_gguf_type_at(uint32_t number);

typedef struct zipllm_gguf_tensor {
    uint64_t begin, end; /* in the file */
    uint64_t name_offset;
    uint64_t name_hash;
    uint64_t dims[ZIPLLM_GGUF_RANK_MAX]; /* fastest first: the reverse of safetensors' shape */
    uint16_t name_nbytes;
    uint8_t rank;
    uint8_t type; /* zipllm_gguf_type_at() knows it */
} zipllm_gguf_tensor;

typedef struct zipllm_gguf {
    uint32_t version;
    uint32_t alignment;
    uint64_t header_nbytes; /* up to the data section, padding included; at most the file's size */
    zipllm_gguf_tensor *tensors; /* by rising offsets, without overlaps; holes are possible */
    size_t ntensors;
} zipllm_gguf;

/*
 * ZIPLLM_PARSE_OK: *gguf is filled (zipllm_gguf_free()). Otherwise it is empty, and *error says
 * why. Holds at most 80 bytes per tensor, and never more than six times the header's size.
 */
BITX_WARN_UNUSED zipllm_parse_status zipllm_gguf_parse(const bitx_source *source,
                                                       uint64_t file_nbytes, zipllm_gguf *gguf,
                                                       zipllm_parse_error *error);
void zipllm_gguf_free(zipllm_gguf *gguf);

/* Writes the name and a NUL; dst has ZIPLLM_GGUF_NAME_MAX + 1 bytes. False when the source fails.
 */
BITX_WARN_UNUSED bool zipllm_gguf_name(const bitx_source *source, const zipllm_gguf_tensor *tensor,
                                       char *dst);

#endif
