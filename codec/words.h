/*
 * Differences of words: an element seen as a word of its unit's size, given its base. Internal to
 * codec/.
 *
 * With sign and magnitude, the word is flipped if its base is negative, and mapped to two's
 * complement in the order of the numbers it means; the base is then its magnitude. A step towards
 * larger numbers is a positive difference on both sides of zero, and there are no carries.
 */
#ifndef CODEC_WORDS_H
#define CODEC_WORDS_H

#include "model.h"

/* Copies of constant size: a copy into a part of a wider number would stall the load behind it. */
static inline uint64_t word_load(const uint8_t *p, size_t i, unsigned unit)
{
    uint16_t v2;
    uint32_t v4;
    uint64_t v8;
    switch (unit) {
    case 1:
        return p[i];
    case 2:
        memcpy(&v2, p + 2 * i, 2);
        return v2;
    case 4:
        memcpy(&v4, p + 4 * i, 4);
        return v4;
    default:
        memcpy(&v8, p + 8 * i, 8);
        return v8;
    }
}

static inline void word_store(uint8_t *p, size_t i, unsigned unit, uint64_t v)
{
    uint16_t v2 = (uint16_t)v;
    uint32_t v4 = (uint32_t)v;
    switch (unit) {
    case 1:
        p[i] = (uint8_t)v;
        break;
    case 2:
        memcpy(p + 2 * i, &v2, 2);
        break;
    case 4:
        memcpy(p + 4 * i, &v4, 4);
        break;
    default:
        memcpy(p + 8 * i, &v, 8);
        break;
    }
}

/* The low `width` bits as a signed number. */
static inline int64_t word_signed(uint64_t v, unsigned width)
{
    return (int64_t)(v << (64 - width)) >> (64 - width);
}

/* What the difference is taken from, and the class with it: the magnitude of a float. */
static inline uint64_t word_origin(const bitx_model *model, uint64_t base)
{
    return bits_low(base, model->width - model->sign);
}

/* x and base without their zero_bits. */
static inline int64_t word_difference(const bitx_model *model, uint64_t x, uint64_t base)
{
    if (!model->sign)
        return word_signed(x - base, model->width);
    unsigned top = model->width - 1;
    uint64_t y = x ^ (base >> top << top);
    uint64_t mapped = y ^ ((0 - (y >> top)) & ~((uint64_t)1 << top));
    return word_signed(mapped - bits_low(base, top), model->width);
}

static inline uint64_t word_restore(const bitx_model *model, int64_t difference, uint64_t base)
{
    if (!model->sign)
        return bits_low((uint64_t)difference + base, model->width);
    unsigned top = model->width - 1;
    uint64_t mapped = bits_low((uint64_t)difference + bits_low(base, top), model->width);
    uint64_t y = mapped ^ bits_low(0 - (mapped >> top), top);
    return y ^ (base >> top << top);
}

/*
 * A difference given its shift: rounded to a multiple of 2^shift, so that the middle of the
 * distribution is the middle of a symbol; sign, and magnitude of the ones' complement.
 */
static inline int64_t shift_half(unsigned shift)
{
    return (int64_t)(((uint64_t)1 << shift) >> 1);
}

typedef struct difference_parts {
    unsigned symbol, nraw;
    uint64_t raw;
} difference_parts;

static inline difference_parts difference_split(int64_t difference, unsigned shift, unsigned width)
{
    int64_t u = word_signed((uint64_t)difference + (uint64_t)shift_half(shift), width);
    uint64_t m = (uint64_t)(u ^ u >> 63), magnitude = m >> shift;
    unsigned extra = bits_log2(magnitude > MAGNITUDES - 2 ? magnitude - (MAGNITUDES - 2) : 1);
    uint64_t least = ((uint64_t)1 << extra) + (MAGNITUDES - 2); /* of those with this symbol */
    uint64_t coded = magnitude < MAGNITUDES ? magnitude : MAGNITUDES - 1 + extra;
    difference_parts parts = {(unsigned)(2 * coded) + (u < 0), extra + shift, 0};
    parts.raw = bits_low((m - (least << shift)) ^ (uint64_t)(u >> 63), extra + shift);
    return parts;
}

/* The inverse; raw has extra + shift bits. */
static inline int64_t difference_join(unsigned symbol, unsigned extra, uint64_t raw, unsigned shift)
{
    uint64_t least = (symbol >> 1) - extra + ((uint64_t)1 << extra) - 1;
    uint64_t multiple = symbol & 1 ? 0 - (least + ((uint64_t)1 << extra)) : least;
    return (int64_t)((multiple << shift) + raw - (uint64_t)shift_half(shift));
}

#endif
