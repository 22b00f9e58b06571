/* Float fields apart and together again, Advanced SIMD. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include "fields.h"

#    include <arm_neon.h>

static inline __attribute__((always_inline)) void
split_bf16(uint8_t *exponent, uint8_t *signman, const uint8_t *a, const uint8_t *b, size_t nelem)
{
    const uint8x16_t sign_bit = vdupq_n_u8(0x80);
    size_t i = 0;
    for (; nelem - i >= 16; i += 16) {
        uint8x16x2_t x = vld2q_u8(a + 2 * i), y = b ? vld2q_u8(b + 2 * i) : x;
        uint8x16_t low = b ? veorq_u8(x.val[0], y.val[0]) : x.val[0];
        uint8x16_t high = b ? veorq_u8(x.val[1], y.val[1]) : x.val[1];
        vst1q_u8(exponent + i, vsriq_n_u8(vshlq_n_u8(high, 1), low, 7));
        vst1q_u8(signman + i, vbslq_u8(sign_bit, high, low));
    }
    if (b)
        bitx_xor_split_bf16_scalar(exponent + i, signman + i, a + 2 * i, b + 2 * i, nelem - i);
    else
        bitx_split_bf16_scalar(exponent + i, signman + i, a + 2 * i, nelem - i);
}

static inline __attribute__((always_inline)) void merge_bf16(uint8_t *dst, const uint8_t *exponent,
                                                             const uint8_t *signman,
                                                             const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    for (; nelem - i >= 16; i += 16) {
        uint8x16_t exp = vld1q_u8(exponent + i), sm = vld1q_u8(signman + i);
        uint8x16x2_t x = {{vsliq_n_u8(sm, exp, 7), vsriq_n_u8(sm, exp, 1)}};
        if (b) {
            uint8x16x2_t y = vld2q_u8(b + 2 * i);
            x.val[0] = veorq_u8(x.val[0], y.val[0]);
            x.val[1] = veorq_u8(x.val[1], y.val[1]);
        }
        vst2q_u8(dst + 2 * i, x);
    }
    if (b)
        bitx_xor_merge_bf16_scalar(dst + 2 * i, exponent + i, signman + i, b + 2 * i, nelem - i);
    else
        bitx_merge_bf16_scalar(dst + 2 * i, exponent + i, signman + i, nelem - i);
}

BITX_FIELDS_FUNCTIONS(, neon, bf16)

#endif
