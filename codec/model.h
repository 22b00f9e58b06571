/*
 * What codec `delta` knows about the differences of a tensor. Internal to codec/.
 *
 * Words are the elements' bits without `zero_bits` low ones, which are zero in all of the tensor.
 * A word's class is the exponent of its base, clipped; a class has a shift, below which the bits of
 * a difference are stored as they are, and a group, whose code has the symbols for what is above.
 */
#ifndef CODEC_MODEL_H
#define CODEC_MODEL_H

#include "block.h"
#include "code.h"

enum {
    CLASSES_MAX = 16,
    /* Symbols: 2 m + sign for magnitudes m; from MAGNITUDES on, m has m - MAGNITUDES + 1 raw bits
       of its own. SYMBOL_SAME: the word of the base, without any raw bits. */
    MAGNITUDES = 16,
    SYMBOL_SAME = 255,
    /* Scales of chunks: SCALE_MAX - scale is added to their exponents. */
    SCALES = 16,
    SCALE_MAX = 14,
    SCALE_SAME = 15, /* the chunk is that of the base */
    CHUNK_LOG2_MIN = 6,
    /* String 0 of raw bits has the high ones of every word that fill no byte, the others a byte
       each. */
    RAW_STRINGS_MAX = 8
};

/* How the bits of a dtype are seen. */
typedef struct bitx_layout {
    unsigned unit;     /* bytes of a word */
    bool sign;         /* sign and magnitude; false: an integer, whose only class is 0 */
    unsigned mantissa; /* bits */
} bitx_layout;

bitx_layout bitx_layout_of(bitx_dtype dtype);

typedef struct bitx_model {
    unsigned width;     /* bits of a word: those of a unit but zero_bits */
    unsigned zero_bits; /* at most bits of a unit - 2 */
    bool sign;
    bool scaled;
    unsigned chunk_log2;  /* elements of a scale */
    unsigned class_shift; /* exponent = magnitude >> class_shift */
    uint32_t class_low;   /* class = exponent - class_low, clipped at both ends */
    unsigned nclasses, ngroups;
    uint8_t shift[CLASSES_MAX]; /* at most width - 2 */
    uint8_t group[CLASSES_MAX];
    unsigned same_groups; /* bit g: group g has SYMBOL_SAME; encoders only */
    bitx_code scales;
    bitx_code codes[CLASSES_MAX]; /* of groups */
} bitx_model;

void bitx_model_write(bit_writer *w, const bitx_model *model);
/* Sets r->bad if it is none. */
void bitx_model_read(bit_reader *r, const bitx_layout *layout, bitx_model *model);

/* Raw bits that belong to a symbol, besides those of its class. */
static inline unsigned symbol_extra(unsigned symbol)
{
    unsigned magnitude = symbol >> 1;
    return (magnitude < MAGNITUDES ? MAGNITUDES - 1 : magnitude) - (MAGNITUDES - 1);
}

/* One more than the greatest symbol but SYMBOL_SAME. */
static inline unsigned symbols_of_width(unsigned width)
{
    return 2 * (MAGNITUDES + (width > 2 ? width - 2 : 0));
}

/* Bits of the size of a group, of `total` words that have one. */
static inline unsigned group_size_bits(size_t total)
{
    return total ? bits_log2(total) + 1 : 0;
}

/* Strings of raw bits: a word has at most width - 2. */
static inline unsigned raw_strings(unsigned width)
{
    return 1 + (width - 2) / 8;
}

/* `up`: SCALE_MAX - the chunk's scale; 0 in models without scales. */
static inline unsigned model_class(const bitx_model *model, uint64_t magnitude, unsigned up)
{
    uint64_t exponent = (magnitude >> model->class_shift) + up;
    uint64_t index = exponent > model->class_low ? exponent - model->class_low : 0;
    return index < model->nclasses ? (unsigned)index : model->nclasses - 1;
}

#endif
