/* What encoder and decoder of codec `delta` share. Internal to codec/. */
#ifndef CODEC_DELTA_H
#define CODEC_DELTA_H

#include "plan.h"
#include "sparse.h"
#include "tree.h"

enum { FORM_SHARED = 0, FORM_OWN = 1, FORM_UNCHANGED = 2, MODEL_MAX_NBYTES = 1 << 11 };

enum { DELTA_PIECE_NBYTES = 1 << 13 /* so much, with its base, stays in L1 */ };

/* Encoders list words in parts, for which each list needs room, and LIST_ROOM behind it. */
enum { LIST_PART = 1 << 13, LIST_ROOM = 64 };

enum { LIST_SLACK = CLASSES_MAX * (LIST_PART + LIST_ROOM) /* of which kernels may read 128 */ };

typedef struct delta_memory {
    bitx_diffs diffs;
    uint8_t *base;  /* nelem units: one that is shorter than the tensor, and zeros */
    uint8_t *list;  /* 2 nelem + LIST_SLACK: a damaged group's may run on for nelem, and encoders
                       leave room between lists */
    uint8_t *other; /* nelem */
    bitx_progress *progress; /* or NULL */
    uint8_t *sifted;         /* 3 lists of elements of a piece; units of 16 bits only */
    bitx_arena arena;
} delta_memory;

size_t bitx_delta_scratch_nbytes(bitx_dtype dtype, size_t block_nbytes);

/* The elements of a block, with a base for every one. */
bitx_words bitx_delta_words(const bitx_span *span, const uint8_t *src, const bitx_work *work,
                            delta_memory *m);

/* The group's code, or a copy with SYMBOL_SAME for a symbol 0 that means the same. */
const bitx_code *bitx_delta_with_sames(const bitx_model *model, unsigned group, bitx_code *copy);

/* Elements of every group, from the classes. */
void bitx_delta_count_groups(const bitx_model *model, const uint8_t *classes, size_t nelem,
                             size_t sizes[CLASSES_MAX]);

/* As bitx_block_codec has them. */
bitx_status bitx_delta_encode(const bitx_work *work, const bitx_tuning *tuning,
                              const bitx_span *span, const uint8_t *src, uint8_t *dst, size_t cap,
                              size_t *payload_nbytes);
size_t bitx_delta_tables_plan(const bitx_work *work, const bitx_tuning *tuning,
                              const bitx_sample *sample, uint8_t *section);

#endif
