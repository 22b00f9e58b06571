/* Floats from one width to another, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "floats_avx512.h"

#    define CAST_DOWN(name, narrow)                                                                \
        BITX_AVX512 void bitx_##name##_avx512(uint8_t *dst, const uint8_t *src, size_t nelem)      \
        {                                                                                          \
            float_modes modes = float_modes_set();                                                 \
            for (size_t i = 0; i < nelem; i += 16) {                                               \
                const __mmask16 m = low_mask16(nelem - i < 16 ? nelem - i : 16);                   \
                __m512i x = _mm512_maskz_loadu_epi32(m, (const void *)(src + 4 * i));              \
                __m256i y = narrow(_mm512_castsi512_ps(x));                                        \
                _mm256_mask_storeu_epi16((void *)(dst + 2 * i), m, y);                             \
            }                                                                                      \
            float_modes_restore(modes);                                                            \
        }

#    define CAST_UP(name, widen)                                                                   \
        BITX_AVX512 void bitx_##name##_avx512(uint8_t *dst, const uint8_t *src, size_t nelem)      \
        {                                                                                          \
            for (size_t i = 0; i < nelem; i += 16) {                                               \
                const __mmask16 m = low_mask16(nelem - i < 16 ? nelem - i : 16);                   \
                __m256i x = _mm256_maskz_loadu_epi16(m, (const void *)(src + 2 * i));              \
                _mm512_mask_storeu_ps((void *)(dst + 4 * i), m, widen(x));                         \
            }                                                                                      \
        }

BITX_AVX512_INLINE __m512 widen_f16_plain(__m256i x)
{
    return plain_nan512(widen_f16_512(x));
}

CAST_DOWN(cast_f32_bf16, narrow_bf16_512)
CAST_DOWN(cast_f32_f16, narrow_f16_512)
CAST_UP(cast_bf16_f32, widen_bf16_512)
CAST_UP(cast_f16_f32, widen_f16_plain)

#endif
