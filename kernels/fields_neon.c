/* F16 and F32 fields apart and together again, Advanced SIMD: structure loads and stores. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include "fields.h"

#    include <arm_neon.h>

static inline __attribute__((always_inline)) void
split_f16(uint8_t *exponent, uint8_t *signman, const uint8_t *a, const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    for (; nelem - i >= 16; i += 16) {
        uint8x16x2_t x = vld2q_u8(a + 2 * i), y = b ? vld2q_u8(b + 2 * i) : x;
        uint8x16_t low = b ? veorq_u8(x.val[0], y.val[0]) : x.val[0];
        uint8x16_t high = b ? veorq_u8(x.val[1], y.val[1]) : x.val[1];
        vst1q_u8(exponent + i, vandq_u8(vshrq_n_u8(high, 2), vdupq_n_u8(0x1f)));
        uint8x16_t sign = vshlq_n_u8(vshrq_n_u8(high, 7), 2);
        uint8x16x2_t sm = {{low, vorrq_u8(sign, vandq_u8(high, vdupq_n_u8(3)))}};
        vst2q_u8(signman + 2 * i, sm);
    }
    if (b)
        bitx_xor_split_f16_scalar(exponent + i, signman + 2 * i, a + 2 * i, b + 2 * i, nelem - i);
    else
        bitx_split_f16_scalar(exponent + i, signman + 2 * i, a + 2 * i, nelem - i);
}

static inline __attribute__((always_inline)) void merge_f16(uint8_t *dst, const uint8_t *exponent,
                                                            const uint8_t *signman,
                                                            const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    for (; nelem - i >= 16; i += 16) {
        uint8x16x2_t x = vld2q_u8(signman + 2 * i);
        uint8x16_t e = vandq_u8(vld1q_u8(exponent + i), vdupq_n_u8(0x1f));
        uint8x16_t sign = vshlq_n_u8(vshrq_n_u8(x.val[1], 2), 7);
        uint8x16_t mantissa = vandq_u8(x.val[1], vdupq_n_u8(3));
        x.val[1] = vorrq_u8(vorrq_u8(sign, vshlq_n_u8(e, 2)), mantissa);
        if (b) {
            uint8x16x2_t y = vld2q_u8(b + 2 * i);
            x.val[0] = veorq_u8(x.val[0], y.val[0]);
            x.val[1] = veorq_u8(x.val[1], y.val[1]);
        }
        vst2q_u8(dst + 2 * i, x);
    }
    if (b)
        bitx_xor_merge_f16_scalar(dst + 2 * i, exponent + i, signman + 2 * i, b + 2 * i, nelem - i);
    else
        bitx_merge_f16_scalar(dst + 2 * i, exponent + i, signman + 2 * i, nelem - i);
}

static inline __attribute__((always_inline)) void
split_f32(uint8_t *exponent, uint8_t *signman, const uint8_t *a, const uint8_t *b, size_t nelem)
{
    const uint8x16_t sign_bit = vdupq_n_u8(0x80);
    size_t i = 0;
    for (; nelem - i >= 16; i += 16) {
        uint8x16x4_t x = vld4q_u8(a + 4 * i);
        if (b) {
            uint8x16x4_t y = vld4q_u8(b + 4 * i);
            for (int k = 0; k < 4; k++)
                x.val[k] = veorq_u8(x.val[k], y.val[k]);
        }
        vst1q_u8(exponent + i, vsriq_n_u8(vshlq_n_u8(x.val[3], 1), x.val[2], 7));
        uint8x16x3_t sm = {{x.val[0], x.val[1], vbslq_u8(sign_bit, x.val[3], x.val[2])}};
        vst3q_u8(signman + 3 * i, sm);
    }
    if (b)
        bitx_xor_split_f32_scalar(exponent + i, signman + 3 * i, a + 4 * i, b + 4 * i, nelem - i);
    else
        bitx_split_f32_scalar(exponent + i, signman + 3 * i, a + 4 * i, nelem - i);
}

static inline __attribute__((always_inline)) void merge_f32(uint8_t *dst, const uint8_t *exponent,
                                                            const uint8_t *signman,
                                                            const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    for (; nelem - i >= 16; i += 16) {
        uint8x16x3_t sm = vld3q_u8(signman + 3 * i);
        uint8x16_t e = vld1q_u8(exponent + i);
        uint8x16x4_t x = {
            {sm.val[0], sm.val[1], vsliq_n_u8(sm.val[2], e, 7), vsriq_n_u8(sm.val[2], e, 1)}};
        if (b) {
            uint8x16x4_t y = vld4q_u8(b + 4 * i);
            for (int k = 0; k < 4; k++)
                x.val[k] = veorq_u8(x.val[k], y.val[k]);
        }
        vst4q_u8(dst + 4 * i, x);
    }
    if (b)
        bitx_xor_merge_f32_scalar(dst + 4 * i, exponent + i, signman + 3 * i, b + 4 * i, nelem - i);
    else
        bitx_merge_f32_scalar(dst + 4 * i, exponent + i, signman + 3 * i, nelem - i);
}

BITX_FIELDS_FUNCTIONS(, neon, f16)
BITX_FIELDS_FUNCTIONS(, neon, f32)

#endif
