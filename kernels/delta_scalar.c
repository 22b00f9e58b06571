/* Elements given those of a base, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include <string.h>

#include "bitstring.h"

enum { DIRECT = 16, NO_CLASS = 0xff, SAME = 0xff };

static inline unsigned load_word(const uint8_t *p, size_t i)
{
    return p[2 * i] | (unsigned)p[2 * i + 1] << 8;
}

static inline void store_word(uint8_t *p, size_t i, unsigned v)
{
    uint16_t word = (uint16_t)v;
    memcpy(p + 2 * i, &word, 2);
}

static inline unsigned low_bits(unsigned n)
{
    return (1u << n) - 1;
}

/* The low `width` bits as a signed number. */
static inline int as_signed(unsigned v, unsigned width)
{
    return (int)(v << (32 - width)) >> (32 - width);
}

static inline unsigned log2_floor(unsigned v)
{
    return 31 - (unsigned)__builtin_clz(v);
}

static inline unsigned origin_of(const bitx_delta_params *p, unsigned base)
{
    return base & low_bits(p->width - p->sign);
}

static inline uint8_t class_of(const bitx_delta_params *p, unsigned origin)
{
    unsigned high = origin >> p->class_shift;
    unsigned index = high > p->class_low ? high - p->class_low : 0;
    return (uint8_t)(index < p->nclasses ? index : p->nclasses - 1);
}

void bitx_delta_classes_u16_scalar(uint8_t *classes, const uint8_t *base, size_t nelem,
                                   const bitx_delta_params *params)
{
    const bitx_delta_params p = *params;
    for (size_t i = 0; i < nelem; i++)
        classes[i] = class_of(&p, origin_of(&p, load_word(base, i) >> p.zero_bits));
}

static inline unsigned map_float(unsigned word, unsigned base, unsigned top)
{
    word ^= base >> top << top;
    return word ^ ((0 - (word >> top)) & low_bits(top));
}

void bitx_delta_diff_u16_scalar(uint8_t *differences, uint8_t *classes, const uint8_t *x,
                                const uint8_t *base, size_t nelem, const bitx_delta_params *params)
{
    const bitx_delta_params p = *params;
    for (size_t i = 0; i < nelem; i++) {
        unsigned word = load_word(x, i) >> p.zero_bits, from = load_word(base, i) >> p.zero_bits;
        unsigned origin = origin_of(&p, from);
        unsigned mapped = p.sign ? map_float(word, from, p.width - 1) : word;
        store_word(differences, i, (unsigned)as_signed(mapped - origin, p.width));
        classes[i] = class_of(&p, origin);
    }
}

/* At most 14 raw bits for a word of 16; returned above the symbol and their number. */
typedef struct parts {
    unsigned symbol, nraw, raw;
} parts;

static inline parts split_difference(unsigned difference, unsigned shift, unsigned width)
{
    int u = as_signed(difference + (1u << shift >> 1), width);
    unsigned m = (unsigned)(u ^ u >> 31), magnitude = m >> shift;
    unsigned e = magnitude < DIRECT ? 0 : log2_floor(magnitude - (DIRECT - 2));
    unsigned c = magnitude < DIRECT ? magnitude : DIRECT - 1 + e;
    unsigned least = (1u << e) + DIRECT - 2;
    unsigned raw = (m - (least << shift)) ^ (unsigned)(u >> 31);
    return (parts){2 * c + (u < 0), e + shift, raw & low_bits(e + shift)};
}

typedef struct bit_sink {
    uint8_t *at;
    uint64_t pending;
    unsigned fill;
} bit_sink;

static inline void sink_begin(bit_sink *s, uint8_t *bytes, size_t bit)
{
    s->at = bytes + bit / 8;
    s->fill = bit % 8;
    s->pending = s->fill ? *s->at & low_bits(s->fill) : 0;
}

static inline void sink_put(bit_sink *s, unsigned v, unsigned n)
{
    s->pending |= (uint64_t)v << s->fill;
    s->fill += n;
    if (s->fill >= 32) {
        memcpy(s->at, &s->pending, 4);
        s->at += 4;
        s->pending >>= 32;
        s->fill -= 32;
    }
}

static inline size_t sink_end(bit_sink *s, const uint8_t *bytes)
{
    memcpy(s->at, &s->pending, (s->fill + 7) / 8);
    return 8 * (size_t)(s->at - bytes) + s->fill;
}

void bitx_delta_split_u16_scalar(uint8_t *symbols, bitx_raw_sink *raw, const uint8_t *differences,
                                 const uint8_t *classes, size_t nelem,
                                 const bitx_delta_params *params)
{
    const bitx_delta_params p = *params;
    bit_sink low, high;
    sink_begin(&low, raw->bytes[0], raw->bit[0]);
    sink_begin(&high, raw->bytes[1], raw->bit[1]);
    for (size_t i = 0; i < nelem; i++) {
        unsigned c = classes[i], difference = load_word(differences, i);
        if (c == NO_CLASS || (difference == 0 && p.same_classes >> c & 1)) {
            symbols[i] = SAME;
            continue;
        }
        parts d = split_difference(difference, p.shift[c], p.width);
        symbols[i] = (uint8_t)d.symbol;
        sink_put(&low, d.nraw < 8 ? d.raw : d.raw >> 8, d.nraw & 7);
        if (d.nraw >= 8)
            sink_put(&high, d.raw & 255, 8);
    }
    raw->bit[0] = sink_end(&low, raw->bytes[0]);
    raw->bit[1] = sink_end(&high, raw->bytes[1]);
}
