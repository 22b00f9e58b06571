/* Weighted sums of several tensors, AVX-512. */
#include "combine.h"

#if defined(__x86_64__)
#    include "floats_avx512.h"

BITX_AVX512_INLINE __m512 round_to(__m512 x, unsigned format)
{
    if (format == BITX_ROUND_BF16)
        return round_bf16_512(x);
    if (format == BITX_ROUND_F16)
        return widen_f16_512(narrow_f16_512(x));
    return rounded512(x);
}

#    define LOAD(k) _mm512_maskz_loadu_ps(m, (const void *)(parents[k] + 4 * i))

BITX_AVX512 void bitx_combine_f32_avx512(uint8_t *dst, const uint8_t *const parents[8],
                                         size_t nelem, const bitx_combine_params *params)
{
    float_modes modes = float_modes_set();
    for (size_t i = 0; i < nelem; i += 16) {
        const __mmask16 m = low_mask16(nelem - i < 16 ? nelem - i : 16);
        COMBINE_STEPS(__m512, LOAD, _mm512_set1_ps, _mm512_mul_ps, _mm512_add_ps, _mm512_sub_ps,
                      round_to)
        _mm512_mask_storeu_ps((void *)(dst + 4 * i), m, plain_nan512(sum));
    }
    float_modes_restore(modes);
}

#endif
