/* Differences of words in the order of the numbers they mean, Advanced SIMD. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include "diff.h"

#    include <arm_neon.h>

/* The width, in bytes, is a constant wherever these are inlined. */

static inline uint8x16_t add(uint8x16_t a, uint8x16_t b, size_t width)
{
    switch (width) {
    case 1:
        return vaddq_u8(a, b);
    case 2:
        return vreinterpretq_u8_u16(vaddq_u16(vreinterpretq_u16_u8(a), vreinterpretq_u16_u8(b)));
    case 4:
        return vreinterpretq_u8_u32(vaddq_u32(vreinterpretq_u32_u8(a), vreinterpretq_u32_u8(b)));
    default:
        return vreinterpretq_u8_u64(vaddq_u64(vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b)));
    }
}

static inline uint8x16_t subtract(uint8x16_t a, uint8x16_t b, size_t width)
{
    switch (width) {
    case 1:
        return vsubq_u8(a, b);
    case 2:
        return vreinterpretq_u8_u16(vsubq_u16(vreinterpretq_u16_u8(a), vreinterpretq_u16_u8(b)));
    case 4:
        return vreinterpretq_u8_u32(vsubq_u32(vreinterpretq_u32_u8(a), vreinterpretq_u32_u8(b)));
    default:
        return vreinterpretq_u8_u64(vsubq_u64(vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b)));
    }
}

/* All ones where v is negative. */
static inline uint8x16_t negative(uint8x16_t v, size_t width)
{
    switch (width) {
    case 1:
        return vcltzq_s8(vreinterpretq_s8_u8(v));
    case 2:
        return vreinterpretq_u8_u16(vcltzq_s16(vreinterpretq_s16_u8(v)));
    case 4:
        return vreinterpretq_u8_u32(vcltzq_s32(vreinterpretq_s32_u8(v)));
    default:
        return vreinterpretq_u8_u64(vcltzq_s64(vreinterpretq_s64_u8(v)));
    }
}

/* The highest bit of each word. */
static inline uint8x16_t top_bits(size_t width)
{
    switch (width) {
    case 1:
        return vdupq_n_u8(0x80);
    case 2:
        return vreinterpretq_u8_u16(vdupq_n_u16(0x8000));
    case 4:
        return vreinterpretq_u8_u32(vdupq_n_u32(0x80000000u));
    default:
        return vreinterpretq_u8_u64(vdupq_n_u64(0x8000000000000000u));
    }
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
static inline uint8x16_t map(uint8x16_t v, size_t width)
{
    return veorq_u8(v, vbicq_u8(negative(v, width), top_bits(width)));
}

static inline __attribute__((always_inline)) uint8x16_t
diff_at(const uint8_t *x, const uint8_t *base, size_t i, size_t width, diff_kind kind)
{
    uint8x16_t v = vld1q_u8(x + i), b = vld1q_u8(base + i);
    if (kind == INT_DIFF)
        return subtract(v, b, width);
    if (kind == INT_UNDIFF)
        return add(v, b, width);
    uint8x16_t sign = vandq_u8(b, top_bits(width)), origin = veorq_u8(b, sign);
    if (kind == FLOAT_DIFF)
        return subtract(map(veorq_u8(v, sign), width), origin, width);
    return veorq_u8(map(add(v, origin, width), width), sign);
}

/* The last vector overlaps those before it; it is computed first, since dst may be a source. */
static inline __attribute__((always_inline)) void diff(uint8_t *dst, const uint8_t *x,
                                                       const uint8_t *base, size_t nelem,
                                                       size_t width, diff_kind kind,
                                                       diff_function *scalar)
{
    const size_t nbytes = width * nelem;
    if (nbytes < 16) {
        scalar(dst, x, base, nelem);
        return;
    }
    uint8x16_t last = diff_at(x, base, nbytes - 16, width, kind);
    for (size_t i = 0; nbytes - i > 16; i += 16)
        vst1q_u8(dst + i, diff_at(x, base, i, width, kind));
    vst1q_u8(dst + nbytes - 16, last);
}

BITX_DIFF_FUNCTIONS(, neon)

#endif
