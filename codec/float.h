/* What encoder and decoder of codec `float` share. Internal to codec/. */
#ifndef CODEC_FLOAT_H
#define CODEC_FLOAT_H

#include "plan.h"
#include "tree.h"

enum {
    FORM_SHARED = 0,
    FORM_OWN = 1,
    FLOAT_MODEL_MAX_NBYTES = 1 << 10,
    FINE_COUNTS = 1 << 14 /* numbers that an encoder counts */
};

/* How words become numbers whose high bits say much: sign and magnitude get the sign lowest, signed
   integers are folded (0, -1, 1, -2 ...). */
typedef enum word_fold { FOLD_NONE, FOLD_SIGN, FOLD_INTEGER } word_fold;

typedef struct float_model {
    unsigned width, zero_bits;
    word_fold fold;
    unsigned shift; /* raw bits of an element */
    uint64_t low;   /* symbol = (number >> shift) - low */
    bitx_code code;
} float_model;

typedef struct float_memory {
    uint8_t *list, *other; /* nelem and one */
    uint8_t *raw;          /* nelem units and 8 bytes */
    uint32_t *counts;      /* FINE_COUNTS */
    bitx_arena arena;
} float_memory;

word_fold bitx_float_fold_of(bitx_dtype dtype);
size_t bitx_float_scratch_nbytes(bitx_dtype dtype, size_t block_nbytes);
float_memory bitx_float_divide(const bitx_work *work, size_t nelem, size_t unit);
bitx_words bitx_float_words(const bitx_span *span, const uint8_t *src);

/* As bitx_block_codec has them. */
bitx_status bitx_float_encode(const bitx_work *work, const bitx_tuning *tuning,
                              const bitx_span *span, const uint8_t *src, uint8_t *dst, size_t cap,
                              size_t *payload_nbytes);
size_t bitx_float_tables_plan(const bitx_work *work, const bitx_tuning *tuning,
                              const bitx_sample *sample, uint8_t *section);

#endif
