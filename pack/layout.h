/* A file as a list of parts, in order and without holes: the tensors of a safetensors or GGUF file
   or of a PyTorch archive, its raw header, bytes between; or one blob. */
#ifndef ZIPLLM_LAYOUT_H
#define ZIPLLM_LAYOUT_H

#include "index.h"
#include "zipllm.h"

/* Bases of one tensor that the store uses: each worker decodes a block of all of them. */
enum { ZIPLLM_BLEND_MAX = 4 };

typedef struct zipllm_part {
    zipllm_kind kind;
    bitx_dtype dtype; /* how to code it */
    uint64_t offset, nbytes;
    char *name; /* malloced, with dtype and shape behind it; "" unless a tensor */
    const char *dtype_text, *shape;
    uint8_t hash[ZIPLLM_HASH_NBYTES]; /* seeded, from the first pass */
    uint8_t *sketch;                  /* of a tensor, from the first pass; malloced, or NULL */

    /* What it may have been made of (blend.h), tensors in the index, and its size then. */
    int64_t blend[ZIPLLM_PARENTS_MAX];
    unsigned nblend;
    double blend_nbytes;
    int64_t adapter[2]; /* matrices A and B that may have been merged into it (adapter.h); or 0 */

    /* What became of it: one of tensor and fresh, once done. */
    bool done;
    int64_t tensor;         /* in the index */
    size_t fresh;           /* 1 + index of a tensor that this add stores; 0: none */
    uint32_t tried_ordinal; /* tensors of the index below it have other bytes */
    size_t tried_fresh;     /* fresh ones below it likewise */
    zipllm_how how;
    uint64_t stored_nbytes;
    const char *reason; /* static, never NULL once done */
    size_t base;        /* 1 + index of the name of the model coded against; 0: none */
} zipllm_part;

typedef struct zipllm_layout {
    zipllm_part *parts;
    size_t nparts;
    uint64_t ntensors;
    bool blob;
    char note[320]; /* "" or what it was taken for, why it is a blob, ... */
} zipllm_layout;

/* path: for messages. is_safetensors: by its name; other kinds by their magic numbers. What a
   parser refuses is a blob. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_layout_read(int fd, const char *path, uint64_t nbytes,
                                                    bool is_safetensors, zipllm_layout *layout,
                                                    zipllm_error *error);
void zipllm_layout_free(zipllm_layout *layout);

/* Does the path end in .safetensors? */
bool zipllm_is_safetensors(const char *path);

/* "[4096,256]" into text of cap bytes. */
void zipllm_shape_text(char *text, size_t cap, const uint64_t *dims, unsigned rank);

/* Elements of a row, "[4096,8,32]" having 4096 of 256; 0 for what has less than two dimensions. */
uint64_t zipllm_row_nelem(const char *shape);

#endif
