/* Ones of a bit plane, Advanced SIMD. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include <arm_neon.h>

/* Whole vectors from the byte of the first bit on, less the bits of that byte below it. */
uint64_t bitx_count_ones_neon(const uint8_t *plane, size_t bit, size_t nbits)
{
    if (nbits == 0)
        return 0;
    plane += bit / 8;
    bit %= 8;
    size_t end = bit + nbits, i = 0;
    uint64x2_t total = vdupq_n_u64(0);
    for (; end - i >= 512; i += 512) { /* of four vectors, a byte has at most 32 */
        const uint8x16x4_t v = vld1q_u8_x4(plane + i / 8);
        uint8x16_t counts = vaddq_u8(vcntq_u8(v.val[0]), vcntq_u8(v.val[1]));
        counts = vaddq_u8(counts, vaddq_u8(vcntq_u8(v.val[2]), vcntq_u8(v.val[3])));
        total = vpadalq_u32(total, vpaddlq_u16(vpaddlq_u8(counts)));
    }
    for (; end - i >= 128; i += 128) {
        uint8x16_t counts = vcntq_u8(vld1q_u8(plane + i / 8));
        total = vpadalq_u32(total, vpaddlq_u16(vpaddlq_u8(counts)));
    }
    uint64_t below = bit ? bitx_count_ones_scalar(plane, 0, bit) : 0;
    return vaddvq_u64(total) + bitx_count_ones_scalar(plane, i, end - i) - below;
}

#endif
