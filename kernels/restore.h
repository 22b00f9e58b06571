/* What the files of delta_restore share. Private to kernels/. */
#ifndef BITX_RESTORE_H
#define BITX_RESTORE_H

#include "bitx/kernels.h"

enum { RESTORE_SAME = 255, RESTORE_DIRECT = 32, RESTORE_TOP_SCALE = 14, RESTORE_SAME_SCALE = 15 };

/*
 * Of a symbol below 60: the least multiple of 2^shift that it stands for, and how many bits its
 * raw bits have above those of the shift. Those of RESTORE_SAME, by its low six bits, are 0.
 */
extern const uint8_t bitx_restore_low[64];  /* of the multiple, modulo 2^16 */
extern const uint8_t bitx_restore_high[64]; /* its high byte */
extern const uint8_t bitx_restore_extra[64];

/* ---- one element at a time ---- */

typedef struct restore_raw {
    const uint8_t *fields, *bytes;
    size_t fields_nbytes, bytes_nbytes;
    size_t bit, byte;
    unsigned widest; /* the most raw bits of an element */
} restore_raw;

static inline restore_raw restore_begin(const bitx_raw_source *raw)
{
    return (restore_raw){raw->bytes[0],
                         raw->bytes[1],
                         raw->nbytes[0],
                         raw->nbytes[1],
                         raw->bit[0],
                         raw->bit[1] / 8,
                         0};
}

/* Returns whether there was something wrong. */
static inline int restore_end(const restore_raw *r, bitx_raw_source *raw,
                              const bitx_delta_params *p)
{
    raw->bit[0] = r->bit;
    raw->bit[1] = 8 * r->byte;
    return r->widest > p->width - 2 || r->bit > 8 * r->fields_nbytes || r->byte > r->bytes_nbytes;
}

/* At least 9 bits from bit number `bit` on, zeros beyond the end. */
static inline unsigned restore_peek(const uint8_t *raw, size_t nbytes, size_t bit)
{
    size_t byte = bit / 8;
    unsigned v = byte < nbytes ? raw[byte] : 0;
    if (byte < nbytes && nbytes - byte > 1)
        v |= (unsigned)raw[byte + 1] << 8;
    return v >> bit % 8;
}

/* Of a symbol that is not RESTORE_SAME. */
static inline unsigned restore_difference(restore_raw *r, unsigned symbol, unsigned shift)
{
    unsigned k = symbol & 63, width = shift + bitx_restore_extra[k], low = 0;
    unsigned multiple = bitx_restore_low[k] | (unsigned)bitx_restore_high[k] << 8;
    unsigned field = restore_peek(r->fields, r->fields_nbytes, r->bit) & ((1u << width % 8) - 1);
    r->widest = width > r->widest ? width : r->widest;
    r->bit += width % 8;
    if (width >= 8) {
        low = r->byte < r->bytes_nbytes ? r->bytes[r->byte] : 0;
        r->byte++;
        field <<= 8;
    }
    return (multiple << shift) + field + low - (1u << shift >> 1);
}

/* base: a word without its zero bits. */
static inline uint16_t restore_word(const bitx_delta_params *p, unsigned base, unsigned difference)
{
    unsigned top = p->sign ? 1u << (p->width - 1) : 0, word = (1u << p->width) - 1;
    unsigned v = (difference + (base & (word ^ top))) & word;
    return (uint16_t)(((v & top ? v ^ (word ^ top) : v) ^ (base & top)) << p->zero_bits);
}

/* ---- runs of one scale ---- */

/* Elements from one on whose chunks have one scale. */
typedef struct bitx_delta_run {
    size_t nelem;
    unsigned class_low;
    int same;
} bitx_delta_run;

static inline bitx_delta_run bitx_delta_run_at(const bitx_delta_lists *lists,
                                               const bitx_delta_params *params, size_t from,
                                               size_t nelem)
{
    if (!lists->scales)
        return (bitx_delta_run){nelem - from, params->class_low, 0};
    const size_t chunk = from >> lists->chunk_log2;
    const unsigned scale = lists->scales[chunk];
    size_t end = chunk + 1;
    while (end << lists->chunk_log2 < nelem && lists->scales[end] == scale)
        end++;
    end = end << lists->chunk_log2 < nelem ? end << lists->chunk_log2 : nelem;
    return (bitx_delta_run){end - from, params->class_low - (RESTORE_TOP_SCALE - scale),
                            scale == RESTORE_SAME_SCALE};
}

#endif
