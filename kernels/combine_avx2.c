/* Weighted sums of several tensors, AVX2 and F16C. */
#include "combine.h"

#if defined(__x86_64__)
#    include "floats_avx2.h"

BITX_AVX2_F16_INLINE __m256 round_to(__m256 x, unsigned format)
{
    if (format == BITX_ROUND_BF16)
        return round_bf16_256(x);
    if (format == BITX_ROUND_F16)
        return widen_f16_256(narrow_f16_256(x));
    return rounded256(x);
}

#    define LOAD(k) _mm256_castsi256_ps(load256(parents[k] + 4 * i))

BITX_AVX2_F16 void bitx_combine_f32_avx2(uint8_t *dst, const uint8_t *const parents[8],
                                         size_t nelem, const bitx_combine_params *params)
{
    float_modes modes = float_modes_set();
    size_t i = 0;
    for (; nelem - i >= 8; i += 8) {
        COMBINE_STEPS(__m256, LOAD, _mm256_set1_ps, _mm256_mul_ps, _mm256_add_ps, _mm256_sub_ps,
                      round_to)
        store256(dst + 4 * i, _mm256_castps_si256(plain_nan256(sum)));
    }
    const uint8_t *rest[8] = {0};
    for (unsigned k = 0; k < params->nparents; k++)
        rest[k] = parents[k] + 4 * i;
    bitx_combine_f32_scalar(dst + 4 * i, rest, nelem - i, params);
    float_modes_restore(modes);
}

#endif
