/* Four floats from and to narrower formats, NEON. Modes, contraction and NaNs: floats.h. */
#ifndef BITX_FLOATS_NEON_H
#define BITX_FLOATS_NEON_H

#if defined(__aarch64__)
#    include <arm_neon.h>

#    include "floats.h"

static inline float32x4_t rounded_neon(float32x4_t x)
{
    __asm__("" : "+w"(x));
    return x;
}

static inline float32x4_t plain_nan_neon(float32x4_t x)
{
    return vbslq_f32(vceqq_f32(x, x), x, vreinterpretq_f32_u32(vdupq_n_u32(NAN_F32)));
}

static inline float32x4_t widen_bf16_neon(uint16x4_t x)
{
    return vreinterpretq_f32_u32(vshll_n_u16(x, 16));
}

static inline float32x4_t widen_f16_neon(uint16x4_t x)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(x));
}

static inline uint16x4_t narrow_bf16_neon(float32x4_t x)
{
    uint32x4_t bits = vreinterpretq_u32_f32(x);
    uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t sum = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    return vshrn_n_u32(vbslq_u32(vceqq_f32(x, x), sum, vdupq_n_u32(NAN_F32)), 16);
}

static inline float32x4_t round_bf16_neon(float32x4_t x)
{
    return widen_bf16_neon(narrow_bf16_neon(x));
}

static inline uint16x4_t narrow_f16_neon(float32x4_t x)
{
    return vreinterpret_u16_f16(vcvt_f16_f32(plain_nan_neon(x)));
}

#endif

#endif
