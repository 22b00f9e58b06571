/* Elements given those of a base to symbols, classes and raw bits in one pass, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include <string.h>

#include "encode.h"

typedef struct raw_writer {
    uint8_t *at;
    uint64_t pending;
    unsigned fill;
} raw_writer;

static inline void raw_begin(raw_writer *w, uint8_t *bytes, size_t bit)
{
    *w = (raw_writer){bytes + bit / 8, 0, bit % 8};
    if (w->fill)
        w->pending = *w->at & ((1u << w->fill) - 1);
}

static inline void raw_put(raw_writer *w, unsigned v, unsigned n)
{
    w->pending |= (uint64_t)(v & ((1u << n) - 1)) << w->fill;
    w->fill += n;
    if (w->fill < 32)
        return;
    uint32_t whole = (uint32_t)w->pending;
    memcpy(w->at, &whole, 4);
    w->at += 4;
    w->pending >>= 32;
    w->fill -= 32;
}

static inline size_t raw_end(const raw_writer *w, const uint8_t *bytes)
{
    memcpy(w->at, &w->pending, (w->fill + 7) / 8);
    return 8 * (size_t)(w->at - bytes) + w->fill;
}

void bitx_delta_encode_u16_scalar(uint8_t *symbols, uint8_t *classes, bitx_raw_sink *raw,
                                  const uint8_t *x, const uint8_t *base, size_t nelem,
                                  const bitx_delta_params *params)
{
    const bitx_delta_params p = *params;
    const unsigned unused = 16 - p.width, top = p.sign ? 1u << (p.width - 1) : 0;
    const unsigned magnitude = ((1u << p.width) - 1) & ~top;
    raw_writer low, high;
    raw_begin(&low, raw->bytes[0], raw->bit[0]);
    raw_begin(&high, raw->bytes[1], raw->bit[1]);
    for (size_t i = 0; i < nelem; i++) {
        uint16_t word, from;
        memcpy(&word, x + 2 * i, 2);
        memcpy(&from, base + 2 * i, 2);
        word = (uint16_t)(word >> p.zero_bits);
        from = (uint16_t)(from >> p.zero_bits);
        unsigned origin = from & magnitude, flipped = word ^ (from & top);
        unsigned mapped = flipped & top ? flipped ^ magnitude : flipped;
        unsigned exponent = origin >> p.class_shift;
        unsigned c = exponent > p.class_low ? exponent - p.class_low : 0;
        c = c < p.nclasses ? c : p.nclasses - 1;
        classes[i] = (uint8_t)c;
        unsigned difference = (mapped - origin) << unused & 0xffff;
        if (difference == 0 && p.same_classes >> c & 1) {
            symbols[i] = 255;
            continue;
        }
        unsigned shift = p.shift[c];
        int u = (int16_t)(difference + ((1u << shift >> 1) << unused)) >> unused;
        unsigned m = (unsigned)(u ^ u >> 31), v = m >> shift, e = 0;
        if (v > ENCODE_DIRECT) {
            e = 31 - (unsigned)__builtin_clz(v - (ENCODE_DIRECT - 1));
            v = ENCODE_DIRECT + e;
        }
        symbols[i] = (uint8_t)(2 * v + (u < 0));
        unsigned n = shift + e, bits = m - ((ENCODE_DIRECT - 1u) << shift);
        bits ^= (unsigned)(u >> 31);
        raw_put(&low, n < 8 ? bits : bits >> 8, n & 7);
        if (n >= 8)
            raw_put(&high, bits, 8);
    }
    raw->bit[0] = raw_end(&low, raw->bytes[0]);
    raw->bit[1] = raw_end(&high, raw->bytes[1]);
}
