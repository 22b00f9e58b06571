/* Floats from one width to another, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "floats_avx512.h"

#    define CAST_DOWN(name, narrow)                                                                \
        BITX_AVX512 void bitx_##name##_avx512(uint8_t *dst, const uint8_t *src, size_t nelem)      \
        {                                                                                          \
            float_modes modes = float_modes_set();                                                 \
            size_t i = 0;                                                                          \
            for (; nelem - i >= 16; i += 16)                                                       \
                store256(dst + 2 * i, narrow(_mm512_castsi512_ps(load512(src + 4 * i))));          \
            const __mmask16 m = low_mask16(nelem - i);                                             \
            __m512i x = _mm512_maskz_loadu_epi32(m, (const void *)(src + 4 * i));                  \
            _mm256_mask_storeu_epi16((void *)(dst + 2 * i), m, narrow(_mm512_castsi512_ps(x)));    \
            float_modes_restore(modes);                                                            \
        }

#    define CAST_UP(name, widen)                                                                   \
        BITX_AVX512 void bitx_##name##_avx512(uint8_t *dst, const uint8_t *src, size_t nelem)      \
        {                                                                                          \
            size_t i = 0;                                                                          \
            for (; nelem - i >= 16; i += 16)                                                       \
                store512(dst + 4 * i, _mm512_castps_si512(widen(load256(src + 2 * i))));           \
            const __mmask16 m = low_mask16(nelem - i);                                             \
            __m256i x = _mm256_maskz_loadu_epi16(m, (const void *)(src + 2 * i));                  \
            _mm512_mask_storeu_ps((void *)(dst + 4 * i), m, widen(x));                             \
        }

BITX_AVX512_INLINE __m256i load256(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

BITX_AVX512_INLINE void store256(uint8_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
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
