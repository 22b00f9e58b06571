/* XOR of two streams, Advanced SIMD. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include <arm_neon.h>

void bitx_xor_bytes_neon(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        uint8x16x4_t x = vld1q_u8_x4(a + i), y = vld1q_u8_x4(b + i);
        for (int k = 0; k < 4; k++)
            x.val[k] = veorq_u8(x.val[k], y.val[k]);
        vst1q_u8_x4(dst + i, x);
    }
    for (; nbytes - i >= 16; i += 16)
        vst1q_u8(dst + i, veorq_u8(vld1q_u8(a + i), vld1q_u8(b + i)));
    bitx_xor_bytes_scalar(dst + i, a + i, b + i, nbytes - i);
}

#endif
