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
    return (parts){2 * c + (u < 0), e + shift, (m - (least << shift)) & low_bits(e + shift)};
}

size_t bitx_delta_split_u16_scalar(uint8_t *symbols, uint8_t *raw, size_t bit,
                                   const uint8_t *differences, const uint8_t *classes, size_t nelem,
                                   const bitx_delta_params *params)
{
    const bitx_delta_params p = *params;
    uint8_t *at = raw + bit / 8;
    unsigned fill = bit % 8;
    uint64_t pending = fill ? *at & low_bits(fill) : 0;
    for (size_t i = 0; i < nelem; i++) {
        unsigned c = classes[i], difference = load_word(differences, i);
        if (c == NO_CLASS || (difference == 0 && p.same_classes >> c & 1)) {
            symbols[i] = SAME;
            continue;
        }
        parts d = split_difference(difference, p.shift[c], p.width);
        symbols[i] = (uint8_t)d.symbol;
        pending |= (uint64_t)d.raw << fill;
        fill += d.nraw;
        if (fill >= 32) {
            memcpy(at, &pending, 4);
            at += 4;
            pending >>= 32;
            fill -= 32;
        }
    }
    memcpy(at, &pending, (fill + 7) / 8);
    return 8 * (size_t)(at - raw) + fill;
}

/* 57 and more bits from bit number `bit` on, zeros beyond the end. */
static inline uint64_t peek(const uint8_t *raw, size_t raw_nbytes, size_t bit)
{
    uint64_t v = 0;
    size_t byte = bit / 8;
    if (byte < raw_nbytes && raw_nbytes - byte >= 8)
        memcpy(&v, raw + byte, 8);
    else if (byte < raw_nbytes)
        memcpy(&v, raw + byte, raw_nbytes - byte);
    return v >> bit % 8;
}

static inline unsigned restore(const bitx_delta_params *p, unsigned difference, unsigned base)
{
    unsigned sum = (difference + origin_of(p, base)) & low_bits(p->width);
    return p->sign ? map_float(sum, 0, p->width - 1) ^ (base >> (p->width - 1) << (p->width - 1))
                   : sum;
}

size_t bitx_delta_join_u16_scalar(uint8_t *dst, const uint8_t *base, const uint8_t *classes,
                                  const uint8_t *symbols, const uint8_t *raw, size_t raw_nbytes,
                                  size_t bit, size_t nelem, const bitx_delta_params *params)
{
    const bitx_delta_params p = *params;
    unsigned impossible = 0;
    for (size_t i = 0; i < nelem; i++) {
        unsigned from = load_word(base, i) >> p.zero_bits, symbol = symbols[i];
        unsigned coded = 0 - (unsigned)(symbol != SAME);
        unsigned c = symbol >> 1, shift = p.shift[classes[i] & 15];
        unsigned e = (c < DIRECT ? 0 : c - (DIRECT - 1)) & coded;
        unsigned nraw = (shift + e) & coded;
        impossible |= e && nraw > p.width - 2;
        nraw &= 31; /* of impossible ones */
        unsigned least = c - e + (1u << (e & 31)) - 1;
        unsigned m = (least << shift) + (unsigned)(peek(raw, raw_nbytes, bit) & low_bits(nraw));
        unsigned difference = ((m ^ (0 - (symbol & 1))) - (1u << shift >> 1)) & coded;
        bit += nraw;
        store_word(dst, i, restore(&p, difference, from) << p.zero_bits);
    }
    if (impossible)
        return SIZE_MAX;
    return bit <= 8 * raw_nbytes ? bit : SIZE_MAX;
}
