/* Floats from one width to another, AVX2 and F16C. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "floats_avx2.h"

/* The last vector overlaps the one before it. */
#    define CAST_LOOP(name, step)                                                                  \
        if (nelem < 8) {                                                                           \
            bitx_##name##_scalar(dst, src, nelem);                                                 \
            return;                                                                                \
        }                                                                                          \
        for (size_t i = 0; nelem - i > 8; i += 8)                                                  \
            step(dst, src, i);                                                                     \
        step(dst, src, nelem - 8);

BITX_AVX2_F16_INLINE void f32_bf16(uint8_t *dst, const uint8_t *src, size_t i)
{
    store128(dst + 2 * i, narrow_bf16_256(_mm256_castsi256_ps(load256(src + 4 * i))));
}

BITX_AVX2_F16_INLINE void f32_f16(uint8_t *dst, const uint8_t *src, size_t i)
{
    store128(dst + 2 * i, narrow_f16_256(_mm256_castsi256_ps(load256(src + 4 * i))));
}

BITX_AVX2_F16_INLINE void bf16_f32(uint8_t *dst, const uint8_t *src, size_t i)
{
    store256(dst + 4 * i, _mm256_castps_si256(widen_bf16_256(load128(src + 2 * i))));
}

BITX_AVX2_F16_INLINE void f16_f32(uint8_t *dst, const uint8_t *src, size_t i)
{
    __m256 x = plain_nan256(widen_f16_256(load128(src + 2 * i)));
    store256(dst + 4 * i, _mm256_castps_si256(x));
}

/* A shift: no mode matters. */
BITX_AVX2_F16 void bitx_cast_bf16_f32_avx2(uint8_t *dst, const uint8_t *src,
                                           size_t nelem){CAST_LOOP(cast_bf16_f32, bf16_f32)}

/* A CPU's vcvtph2ps has denormals in any mode (Intel SDM, VCVTPH2PS); QEMU's has not. */
#    define CAST_IN_MODES(name, step)                                                              \
        BITX_AVX2_F16_INLINE void name##_loop(uint8_t *dst, const uint8_t *src, size_t nelem){     \
            CAST_LOOP(name, step)} BITX_AVX2_F16 void bitx_##name##_avx2(uint8_t *dst,             \
                                                                         const uint8_t *src,       \
                                                                         size_t nelem)             \
        {                                                                                          \
            float_modes modes = float_modes_set();                                                 \
            name##_loop(dst, src, nelem);                                                          \
            float_modes_restore(modes);                                                            \
        }

CAST_IN_MODES(cast_f32_bf16, f32_bf16) CAST_IN_MODES(cast_f32_f16, f32_f16)
    CAST_IN_MODES(cast_f16_f32, f16_f32)

#endif
