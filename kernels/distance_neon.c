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

BITX_DISTANCE_POSITIONS(neon, neon)

#endif
