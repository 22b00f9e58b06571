/* Differences of words in the order of the numbers they mean, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include <string.h>

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
#define MAP(v, top) ((v) ^ ((0 - ((v) >> (top))) & (((uint64_t)1 << (top)) - 1)))

#define WORDS(TYPE, first, result)                                                                 \
    for (size_t i = 0; i < nelem; i++) {                                                           \
        TYPE w, b;                                                                                 \
        memcpy(&w, (first) + i * sizeof(TYPE), sizeof(TYPE));                                      \
        memcpy(&b, base + i * sizeof(TYPE), sizeof(TYPE));                                         \
        const unsigned top = 8 * sizeof(TYPE) - 1;                                                 \
        TYPE sign = (TYPE)((TYPE)(b >> top) << top);                                               \
        w = (TYPE)(result);                                                                        \
        (void)sign;                                                                                \
        memcpy(dst + i * sizeof(TYPE), &w, sizeof(TYPE));                                          \
    }

void bitx_float_diff_u8_scalar(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    WORDS(uint8_t, x, MAP((uint8_t)(w ^ sign), top) - (uint8_t)(b ^ sign))
}

void bitx_float_undiff_u8_scalar(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                 size_t nelem)
{
    WORDS(uint8_t, difference, MAP((uint8_t)(w + (uint8_t)(b ^ sign)), top) ^ sign)
}

void bitx_int_diff_u8_scalar(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    WORDS(uint8_t, x, w - b)
}

void bitx_int_undiff_u8_scalar(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                               size_t nelem)
{
    WORDS(uint8_t, difference, w + b)
}

void bitx_float_diff_u16_scalar(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    WORDS(uint16_t, x, MAP((uint16_t)(w ^ sign), top) - (uint16_t)(b ^ sign))
}

void bitx_float_undiff_u16_scalar(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                  size_t nelem)
{
    WORDS(uint16_t, difference, MAP((uint16_t)(w + (uint16_t)(b ^ sign)), top) ^ sign)
}

void bitx_int_diff_u16_scalar(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    WORDS(uint16_t, x, w - b)
}

void bitx_int_undiff_u16_scalar(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                size_t nelem)
{
    WORDS(uint16_t, difference, w + b)
}

void bitx_float_diff_u32_scalar(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    WORDS(uint32_t, x, MAP((uint32_t)(w ^ sign), top) - (uint32_t)(b ^ sign))
}

void bitx_float_undiff_u32_scalar(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                  size_t nelem)
{
    WORDS(uint32_t, difference, MAP((uint32_t)(w + (uint32_t)(b ^ sign)), top) ^ sign)
}

void bitx_int_diff_u32_scalar(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    WORDS(uint32_t, x, w - b)
}

void bitx_int_undiff_u32_scalar(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                size_t nelem)
{
    WORDS(uint32_t, difference, w + b)
}

void bitx_float_diff_u64_scalar(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    WORDS(uint64_t, x, MAP((uint64_t)(w ^ sign), top) - (uint64_t)(b ^ sign))
}

void bitx_float_undiff_u64_scalar(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                  size_t nelem)
{
    WORDS(uint64_t, difference, MAP((uint64_t)(w + (uint64_t)(b ^ sign)), top) ^ sign)
}

void bitx_int_diff_u64_scalar(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    WORDS(uint64_t, x, w - b)
}

void bitx_int_undiff_u64_scalar(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                size_t nelem)
{
    WORDS(uint64_t, difference, w + b)
}
