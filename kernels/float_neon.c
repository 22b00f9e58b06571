/* Words from symbols and raw bits of one width, NEON: eight at a time, whose raw bits are a whole
   number of bytes. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include <arm_neon.h>

/* Fields of `width` bits, at most 8, in eight words. A field is in two bytes, which tbl makes a
   word; shifted to the left, its highest bit is the word's. */
typedef struct field {
    uint8x16_t bytes;
    int16x8_t up, down;
} field;

/* Of fields that begin `from` bits inside each of the steps of `step` bits. */
static inline field make_field(unsigned step, unsigned from, unsigned width)
{
    uint8_t bytes[16];
    int16_t up[8];
    for (unsigned i = 0; i < 8; i++) {
        unsigned bit = i * step + from, offset = bit % 8;
        bytes[2 * i] = (uint8_t)(bit / 8); /* beyond the table: of no bits */
        bytes[2 * i + 1] = (uint8_t)(bit / 8 + 1);
        up[i] = (int16_t)(16 - width - offset);
    }
    return (field){vld1q_u8(bytes), vld1q_s16(up), vdupq_n_s16((int16_t)((int)width - 16))};
}

static inline uint16x8_t take(const field *f, uint8x16_t bytes)
{
    uint16x8_t v = vreinterpretq_u16_u8(vqtbl1q_u8(bytes, f->bytes));
    return vshlq_u16(vshlq_u16(v, f->up), f->down);
}

static inline uint16x8_t unfold_words(uint16x8_t v, unsigned fold, int16x8_t top, uint16x8_t word)
{
    const uint16x8_t one = vdupq_n_u16(1);
    uint16x8_t half = vshrq_n_u16(v, 1);
    if (fold == 1)
        return vorrq_u16(half, vshlq_u16(vandq_u16(v, one), top));
    if (fold == 2)
        return veorq_u16(half, vandq_u16(vtstq_u16(v, one), word));
    return v;
}

/* Words whose raw bits are `high` beyond eight; returns how many. The last are the scalar one's. */
static inline size_t join_words(uint8_t *dst, const uint8_t *symbols, const uint8_t *raw,
                                size_t nelem, const bitx_float_params *p, int high)
{
    const unsigned nlow = high ? 8 : p->shift;
    const field low_field = make_field(p->shift, 0, nlow);
    const field high_field = make_field(p->shift, 8, high ? p->shift - 8 : 0);
    const uint16x8_t word = vdupq_n_u16((uint16_t)((1u << p->width) - 1));
    const uint16x8_t low = vdupq_n_u16((uint16_t)p->low);
    const int16x8_t shift = vdupq_n_s16((int16_t)p->shift);
    const int16x8_t top = vdupq_n_s16((int16_t)(p->width - 1));
    const int16x8_t zero_bits = vdupq_n_s16((int16_t)p->zero_bits);
    const unsigned fold = p->fold;
    const size_t nbytes = (p->shift * nelem + 7) / 8;
    size_t i = 0, at = 0;
    /* The raw bits of eight words are at most 15 bytes: more than eight are left. */
    for (; nbytes - at >= 16; i += 8, at += p->shift) {
        uint8x16_t bytes = vld1q_u8(raw + at);
        uint16x8_t v = take(&low_field, bytes);
        if (high)
            v = vorrq_u16(v, vshlq_n_u16(take(&high_field, bytes), 8));
        uint16x8_t symbol = vaddq_u16(vmovl_u8(vld1_u8(symbols + i)), low);
        v = unfold_words(vorrq_u16(v, vshlq_u16(symbol, shift)), fold, top, word);
        vst1q_u8(dst + 2 * i, vreinterpretq_u8_u16(vshlq_u16(v, zero_bits)));
    }
    return i;
}

void bitx_float_join_u16_neon(uint8_t *dst, const uint8_t *symbols, const uint8_t *raw,
                              size_t nelem, const bitx_float_params *params)
{
    const bitx_float_params p = *params;
    size_t i = p.shift > 8 ? join_words(dst, symbols, raw, nelem, &p, 1)
                           : join_words(dst, symbols, raw, nelem, &p, 0);
    bitx_float_join_u16_scalar(dst + 2 * i, symbols + i, raw + i / 8 * p.shift, nelem - i, params);
}

#endif
