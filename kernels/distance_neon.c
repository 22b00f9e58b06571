/* Bit distance, Advanced SIMD. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include "distance.h"

#    include <arm_neon.h>

static inline uint8x16_t differing(const uint8_t *a, const uint8_t *b)
{
    return vcntq_u8(veorq_u8(vld1q_u8(a), vld1q_u8(b)));
}

uint64_t bitx_distance_bits_neon(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    uint64x2_t total = vdupq_n_u64(0);
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        /* At most 32 per byte. */
        uint8x16_t v0 = vaddq_u8(differing(a + i, b + i), differing(a + i + 16, b + i + 16));
        uint8x16_t v1 =
            vaddq_u8(differing(a + i + 32, b + i + 32), differing(a + i + 48, b + i + 48));
        total = vpadalq_u32(total, vpaddlq_u16(vpaddlq_u8(vaddq_u8(v0, v1))));
    }
    return vaddvq_u64(total) + bitx_distance_bits_scalar(a + i, b + i, nbytes - i);
}

typedef uint16x8_t lanes;

static inline uint16x8_t load_xored(const uint8_t *a, const uint8_t *b)
{
    uint8x16_t v = vld1q_u8(a);
    return vreinterpretq_u16_u8(b ? veorq_u8(v, vld1q_u8(b)) : v);
}

static inline uint16x8_t carry_save(uint16x8_t *sum, uint16x8_t b, uint16x8_t c)
{
    uint16x8_t half = veorq_u16(*sum, b), carry = vbslq_u16(half, c, b);
    *sum = veorq_u16(half, c);
    return carry;
}

/* Shifts by a variable are to the left, or by a negative number. */
static inline uint16x8_t positions(uint16x8_t v, unsigned p)
{
    return vandq_u16(vshlq_u16(v, vdupq_n_s16((int16_t)-p)), vdupq_n_u16(0x101));
}

static inline uint16x8_t low_bytes(uint16x8_t v)
{
    return vandq_u16(v, vdupq_n_u16(0xff));
}

static inline uint16x8_t high_bytes(uint16x8_t v)
{
    return vshrq_n_u16(v, 8);
}

static inline uint16x8_t add(uint16x8_t a, uint16x8_t b)
{
    return vaddq_u16(a, b);
}

static inline uint16x8_t times(uint16x8_t v, int shift)
{
    return vshlq_u16(v, vdupq_n_s16((int16_t)shift));
}

static inline uint64_t even_sum(uint16x8_t v)
{
    return vaddlvq_u16(vandq_u16(v, vreinterpretq_u16_u32(vdupq_n_u32(0xffff))));
}

static inline uint64_t odd_sum(uint16x8_t v)
{
    return vaddvq_u32(vshrq_n_u32(vreinterpretq_u32_u16(v), 16));
}

BITX_DISTANCE_POSITIONS(static inline, neon)
BITX_DISTANCE_POSITIONS_FUNCTION(, neon, 16, 16, scalar)
BITX_DISTANCE_POSITIONS_FUNCTION(, neon, 32, 16, scalar)

#endif
