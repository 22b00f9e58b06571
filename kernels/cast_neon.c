/* Floats from one width to another, NEON. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include "floats_neon.h"

static inline float32x4_t load_f32(const uint8_t *p)
{
    return vreinterpretq_f32_u8(vld1q_u8(p));
}

static inline uint16x4_t load_u16x4(const uint8_t *p)
{
    return vreinterpret_u16_u8(vld1_u8(p));
}

static inline float32x4_t widen_f16_plain(uint16x4_t x)
{
    return plain_nan_neon(widen_f16_neon(x));
}

#    define CAST_DOWN(name, narrow)                                                                \
        void bitx_##name##_neon(uint8_t *dst, const uint8_t *src, size_t nelem)                    \
        {                                                                                          \
            float_modes modes = float_modes_set();                                                 \
            size_t i = 0;                                                                          \
            for (; nelem - i >= 4; i += 4)                                                         \
                vst1_u8(dst + 2 * i, vreinterpret_u8_u16(narrow(load_f32(src + 4 * i))));          \
            bitx_##name##_scalar(dst + 2 * i, src + 4 * i, nelem - i);                             \
            float_modes_restore(modes);                                                            \
        }

#    define CAST_UP(name, widen)                                                                   \
        void bitx_##name##_neon(uint8_t *dst, const uint8_t *src, size_t nelem)                    \
        {                                                                                          \
            float_modes modes = float_modes_set();                                                 \
            size_t i = 0;                                                                          \
            for (; nelem - i >= 4; i += 4)                                                         \
                vst1q_u8(dst + 4 * i, vreinterpretq_u8_f32(widen(load_u16x4(src + 2 * i))));       \
            bitx_##name##_scalar(dst + 4 * i, src + 2 * i, nelem - i);                             \
            float_modes_restore(modes);                                                            \
        }

CAST_DOWN(cast_f32_bf16, narrow_bf16_neon)
CAST_DOWN(cast_f32_f16, narrow_f16_neon)
CAST_UP(cast_bf16_f32, widen_bf16_neon)
CAST_UP(cast_f16_f32, widen_f16_plain)

#endif
