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

static inline uint64_t word_load(const uint8_t *p, size_t i, unsigned unit)
{
    uint64_t v = 0;
    memcpy(&v, p + i * unit, unit);
    return v;
}

static inline void word_store(uint8_t *p, size_t i, unsigned unit, uint64_t v)
{
    memcpy(p + i * unit, &v, unit);
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
    uint64_t mapped = y >> top ? ~bits_low(y, top) : y;
    return word_signed(mapped - bits_low(base, top), model->width);
}

static inline uint64_t word_restore(const bitx_model *model, int64_t difference, uint64_t base)
{
    if (!model->sign)
        return bits_low((uint64_t)difference + base, model->width);
    unsigned top = model->width - 1;
    uint64_t mapped = bits_low((uint64_t)difference + bits_low(base, top), model->width);
    uint64_t y = mapped >> top ? ~bits_low(mapped, top) & (((uint64_t)2 << top) - 1) : mapped;
    return y ^ (base >> top << top);
}

/*
 * A difference given its shift: rounded to a multiple of 2^shift, so that the middle of the
 * distribution is the middle of a symbol; sign, and magnitude of the ones' complement.
 */
static inline int64_t shift_half(unsigned shift)
{
    return shift ? (int64_t)1 << (shift - 1) : 0;
}

typedef struct difference_parts {
    unsigned symbol, nraw;
    uint64_t raw;
} difference_parts;

static inline difference_parts difference_split(int64_t difference, unsigned shift, unsigned width)
{
    int64_t u = word_signed((uint64_t)(difference + shift_half(shift)), width);
    uint64_t m = (uint64_t)(u < 0 ? ~u : u);
    uint64_t magnitude = m >> shift;
    unsigned extra = 0;
    if (magnitude >= MAGNITUDES) {
        extra = bits_log2(magnitude - (MAGNITUDES - 2));
        m -= (((uint64_t)1 << extra) + (MAGNITUDES - 2)) << shift;
        magnitude = MAGNITUDES - 1 + extra;
    }
    difference_parts parts = {(unsigned)(2 * magnitude) + (u < 0), extra + shift, 0};
    parts.raw = extra ? m : bits_low(m, shift);
    return parts;
}

/* The inverse; raw has extra + shift bits. */
static inline int64_t difference_join(unsigned symbol, unsigned extra, uint64_t raw, unsigned shift)
{
    uint64_t least = (symbol >> 1) - extra + ((uint64_t)1 << extra) - 1;
    uint64_t m = (least << shift) + raw;
    return (int64_t)((symbol & 1 ? ~m : m) - (uint64_t)shift_half(shift));
}

#endif
