/* Weighted sums of several tensors, NEON. */
#include "combine.h"

#if defined(__aarch64__)
#    include "floats_neon.h"

static inline float32x4_t round_to(float32x4_t x, unsigned format)
{
    if (format == BITX_ROUND_BF16)
        return round_bf16_neon(x);
    if (format == BITX_ROUND_F16)
        return widen_f16_neon(narrow_f16_neon(x));
    return rounded_neon(x);
}

#    define LOAD(k) vreinterpretq_f32_u8(vld1q_u8(parents[k] + 4 * i))

void bitx_combine_f32_neon(uint8_t *dst, const uint8_t *const parents[8], size_t nelem,
                           const bitx_combine_params *params)
{
    float_modes modes = float_modes_set();
    size_t i = 0;
    for (; nelem - i >= 4; i += 4) {
        COMBINE_STEPS(float32x4_t, LOAD, vdupq_n_f32, vmulq_f32, vaddq_f32, vsubq_f32, round_to)
        vst1q_u8(dst + 4 * i, vreinterpretq_u8_f32(plain_nan_neon(sum)));
    }
    const uint8_t *rest[8] = {0};
    for (unsigned k = 0; k < params->nparents; k++)
        rest[k] = parents[k] + 4 * i;
    bitx_combine_f32_scalar(dst + 4 * i, rest, nelem - i, params);
    float_modes_restore(modes);
}

#endif
