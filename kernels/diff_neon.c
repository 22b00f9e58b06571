/* Differences of words in the order of the numbers they mean, Advanced SIMD. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include <arm_neon.h>

static inline uint8x16_t top_u8(void)
{
    return vdupq_n_u8(0x80);
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
static inline uint8x16_t map_u8(uint8x16_t v)
{
    uint8x16_t negative = vcltzq_s8(vreinterpretq_s8_u8(v));
    return veorq_u8(v, vbicq_u8(negative, top_u8()));
}

static inline uint8x16_t int_diff_u8(uint8x16_t x, uint8x16_t base)
{
    return vsubq_u8(x, base);
}

static inline uint8x16_t int_undiff_u8(uint8x16_t difference, uint8x16_t base)
{
    return vaddq_u8(difference, base);
}

static inline uint8x16_t float_diff_u8(uint8x16_t x, uint8x16_t base)
{
    uint8x16_t sign = vandq_u8(base, top_u8());
    return int_diff_u8(map_u8(veorq_u8(x, sign)), veorq_u8(base, sign));
}

static inline uint8x16_t float_undiff_u8(uint8x16_t difference, uint8x16_t base)
{
    uint8x16_t sign = vandq_u8(base, top_u8());
    return veorq_u8(map_u8(int_undiff_u8(difference, veorq_u8(base, sign))), sign);
}

static inline uint8x16_t top_u16(void)
{
    return vreinterpretq_u8_u16(vdupq_n_u16(0x8000));
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
static inline uint8x16_t map_u16(uint8x16_t v)
{
    uint8x16_t negative = vreinterpretq_u8_u16(vcltzq_s16(vreinterpretq_s16_u8(v)));
    return veorq_u8(v, vbicq_u8(negative, top_u16()));
}

static inline uint8x16_t int_diff_u16(uint8x16_t x, uint8x16_t base)
{
    return vreinterpretq_u8_u16(vsubq_u16(vreinterpretq_u16_u8(x), vreinterpretq_u16_u8(base)));
}

static inline uint8x16_t int_undiff_u16(uint8x16_t difference, uint8x16_t base)
{
    return vreinterpretq_u8_u16(
        vaddq_u16(vreinterpretq_u16_u8(difference), vreinterpretq_u16_u8(base)));
}

static inline uint8x16_t float_diff_u16(uint8x16_t x, uint8x16_t base)
{
    uint8x16_t sign = vandq_u8(base, top_u16());
    return int_diff_u16(map_u16(veorq_u8(x, sign)), veorq_u8(base, sign));
}

static inline uint8x16_t float_undiff_u16(uint8x16_t difference, uint8x16_t base)
{
    uint8x16_t sign = vandq_u8(base, top_u16());
    return veorq_u8(map_u16(int_undiff_u16(difference, veorq_u8(base, sign))), sign);
}

static inline uint8x16_t top_u32(void)
{
    return vreinterpretq_u8_u32(vdupq_n_u32(0x80000000u));
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
static inline uint8x16_t map_u32(uint8x16_t v)
{
    uint8x16_t negative = vreinterpretq_u8_u32(vcltzq_s32(vreinterpretq_s32_u8(v)));
    return veorq_u8(v, vbicq_u8(negative, top_u32()));
}

static inline uint8x16_t int_diff_u32(uint8x16_t x, uint8x16_t base)
{
    return vreinterpretq_u8_u32(vsubq_u32(vreinterpretq_u32_u8(x), vreinterpretq_u32_u8(base)));
}

static inline uint8x16_t int_undiff_u32(uint8x16_t difference, uint8x16_t base)
{
    return vreinterpretq_u8_u32(
        vaddq_u32(vreinterpretq_u32_u8(difference), vreinterpretq_u32_u8(base)));
}

static inline uint8x16_t float_diff_u32(uint8x16_t x, uint8x16_t base)
{
    uint8x16_t sign = vandq_u8(base, top_u32());
    return int_diff_u32(map_u32(veorq_u8(x, sign)), veorq_u8(base, sign));
}

static inline uint8x16_t float_undiff_u32(uint8x16_t difference, uint8x16_t base)
{
    uint8x16_t sign = vandq_u8(base, top_u32());
    return veorq_u8(map_u32(int_undiff_u32(difference, veorq_u8(base, sign))), sign);
}

static inline uint8x16_t top_u64(void)
{
    return vreinterpretq_u8_u64(vdupq_n_u64(0x8000000000000000u));
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
static inline uint8x16_t map_u64(uint8x16_t v)
{
    uint8x16_t negative = vreinterpretq_u8_u64(vcltzq_s64(vreinterpretq_s64_u8(v)));
    return veorq_u8(v, vbicq_u8(negative, top_u64()));
}

static inline uint8x16_t int_diff_u64(uint8x16_t x, uint8x16_t base)
{
    return vreinterpretq_u8_u64(vsubq_u64(vreinterpretq_u64_u8(x), vreinterpretq_u64_u8(base)));
}

static inline uint8x16_t int_undiff_u64(uint8x16_t difference, uint8x16_t base)
{
    return vreinterpretq_u8_u64(
        vaddq_u64(vreinterpretq_u64_u8(difference), vreinterpretq_u64_u8(base)));
}

static inline uint8x16_t float_diff_u64(uint8x16_t x, uint8x16_t base)
{
    uint8x16_t sign = vandq_u8(base, top_u64());
    return int_diff_u64(map_u64(veorq_u8(x, sign)), veorq_u8(base, sign));
}

static inline uint8x16_t float_undiff_u64(uint8x16_t difference, uint8x16_t base)
{
    uint8x16_t sign = vandq_u8(base, top_u64());
    return veorq_u8(map_u64(int_undiff_u64(difference, veorq_u8(base, sign))), sign);
}

void bitx_float_diff_u8_neon(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, float_diff_u8(vld1q_u8(x + i), vld1q_u8(base + i)));
    bitx_float_diff_u8_scalar(dst + i, x + i, base + i, (nbytes - i) / 1);
}

void bitx_float_undiff_u8_neon(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                               size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, float_undiff_u8(vld1q_u8(difference + i), vld1q_u8(base + i)));
    bitx_float_undiff_u8_scalar(dst + i, difference + i, base + i, (nbytes - i) / 1);
}

void bitx_int_diff_u8_neon(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, int_diff_u8(vld1q_u8(x + i), vld1q_u8(base + i)));
    bitx_int_diff_u8_scalar(dst + i, x + i, base + i, (nbytes - i) / 1);
}

void bitx_int_undiff_u8_neon(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                             size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, int_undiff_u8(vld1q_u8(difference + i), vld1q_u8(base + i)));
    bitx_int_undiff_u8_scalar(dst + i, difference + i, base + i, (nbytes - i) / 1);
}

void bitx_float_diff_u16_neon(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, float_diff_u16(vld1q_u8(x + i), vld1q_u8(base + i)));
    bitx_float_diff_u16_scalar(dst + i, x + i, base + i, (nbytes - i) / 2);
}

void bitx_float_undiff_u16_neon(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, float_undiff_u16(vld1q_u8(difference + i), vld1q_u8(base + i)));
    bitx_float_undiff_u16_scalar(dst + i, difference + i, base + i, (nbytes - i) / 2);
}

void bitx_int_diff_u16_neon(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, int_diff_u16(vld1q_u8(x + i), vld1q_u8(base + i)));
    bitx_int_diff_u16_scalar(dst + i, x + i, base + i, (nbytes - i) / 2);
}

void bitx_int_undiff_u16_neon(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                              size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, int_undiff_u16(vld1q_u8(difference + i), vld1q_u8(base + i)));
    bitx_int_undiff_u16_scalar(dst + i, difference + i, base + i, (nbytes - i) / 2);
}

void bitx_float_diff_u32_neon(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, float_diff_u32(vld1q_u8(x + i), vld1q_u8(base + i)));
    bitx_float_diff_u32_scalar(dst + i, x + i, base + i, (nbytes - i) / 4);
}

void bitx_float_undiff_u32_neon(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, float_undiff_u32(vld1q_u8(difference + i), vld1q_u8(base + i)));
    bitx_float_undiff_u32_scalar(dst + i, difference + i, base + i, (nbytes - i) / 4);
}

void bitx_int_diff_u32_neon(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, int_diff_u32(vld1q_u8(x + i), vld1q_u8(base + i)));
    bitx_int_diff_u32_scalar(dst + i, x + i, base + i, (nbytes - i) / 4);
}

void bitx_int_undiff_u32_neon(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                              size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, int_undiff_u32(vld1q_u8(difference + i), vld1q_u8(base + i)));
    bitx_int_undiff_u32_scalar(dst + i, difference + i, base + i, (nbytes - i) / 4);
}

void bitx_float_diff_u64_neon(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, float_diff_u64(vld1q_u8(x + i), vld1q_u8(base + i)));
    bitx_float_diff_u64_scalar(dst + i, x + i, base + i, (nbytes - i) / 8);
}

void bitx_float_undiff_u64_neon(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, float_undiff_u64(vld1q_u8(difference + i), vld1q_u8(base + i)));
    bitx_float_undiff_u64_scalar(dst + i, difference + i, base + i, (nbytes - i) / 8);
}

void bitx_int_diff_u64_neon(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, int_diff_u64(vld1q_u8(x + i), vld1q_u8(base + i)));
    bitx_int_diff_u64_scalar(dst + i, x + i, base + i, (nbytes - i) / 8);
}

void bitx_int_undiff_u64_neon(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                              size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, int_undiff_u64(vld1q_u8(difference + i), vld1q_u8(base + i)));
    bitx_int_undiff_u64_scalar(dst + i, difference + i, base + i, (nbytes - i) / 8);
}

#endif
