/* Floats from one width to another, AVX2 and F16C. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "floats_avx2.h"

#    define CAST_DOWN(name, narrow)                                                                \
        BITX_AVX2_F16 void bitx_##name##_avx2(uint8_t *dst, const uint8_t *src, size_t nelem)      \
        {                                                                                          \
            float_modes modes = float_modes_set();                                                 \
            size_t i = 0;                                                                          \
            for (; nelem - i >= 8; i += 8)                                                         \
                store128(dst + 2 * i, narrow(_mm256_castsi256_ps(load256(src + 4 * i))));          \
            bitx_##name##_scalar(dst + 2 * i, src + 4 * i, nelem - i);                             \
            float_modes_restore(modes);                                                            \
        }

/* A CPU's vcvtph2ps has denormals in any mode (Intel SDM, VCVTPH2PS); QEMU's has not. */
#    define CAST_UP(name, widen)                                                                   \
        BITX_AVX2_F16 void bitx_##name##_avx2(uint8_t *dst, const uint8_t *src, size_t nelem)      \
        {                                                                                          \
            float_modes modes = float_modes_set();                                                 \
            size_t i = 0;                                                                          \
            for (; nelem - i >= 8; i += 8)                                                         \
                store256(dst + 4 * i, _mm256_castps_si256(widen(load128(src + 2 * i))));           \
            bitx_##name##_scalar(dst + 4 * i, src + 2 * i, nelem - i);                             \
            float_modes_restore(modes);                                                            \
        }

BITX_AVX2_F16_INLINE __m256 widen_f16_plain(__m128i x)
{
    return plain_nan256(widen_f16_256(x));
}

CAST_DOWN(cast_f32_bf16, narrow_bf16_256)
CAST_DOWN(cast_f32_f16, narrow_f16_256)
CAST_UP(cast_bf16_f32, widen_bf16_256)
CAST_UP(cast_f16_f32, widen_f16_plain)

#endif
