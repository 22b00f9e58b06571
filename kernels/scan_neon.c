/* First difference and equal runs, Advanced SIMD. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include "scan.h"

#    include <arm_neon.h>

static inline uint8x16_t differing(const uint8_t *a, const uint8_t *b, size_t i)
{
    return veorq_u8(vld1q_u8(a + i), vld1q_u8(b + i));
}

/* 64 bytes for each branch; the place of a difference is left to words. */
size_t bitx_first_difference_neon(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        uint8x16_t d0 = vorrq_u8(differing(a, b, i), differing(a, b, i + 16));
        uint8x16_t d1 = vorrq_u8(differing(a, b, i + 32), differing(a, b, i + 48));
        if (vmaxvq_u32(vreinterpretq_u32_u8(vorrq_u8(d0, d1))))
            break;
    }
    return i + bitx_first_difference_scalar(a + i, b + i, nbytes - i);
}

BITX_EQUAL_RUNS(neon)

#endif
