/*
 * What the kernels that compute in floating point share: results are bits of the format, so they
 * must be the same on every machine, whatever its owner set.
 *
 * - F32 arithmetic, rounded to nearest, with denormals: a caller may run with other modes (a
 *   library built with -ffast-math turns denormals off for its whole process), so every such kernel
 *   sets the modes and puts them back.
 * - No contraction: compilers fuse a product and a sum where the ISA can (GCC by default, also
 *   through intrinsics), which rounds once in place of twice. rounded() hides a product from them.
 * - NaNs: payloads and signs of results differ by ISA, so every NaN that is stored is the one
 *   below.
 */
#ifndef BITX_FLOATS_H
#define BITX_FLOATS_H

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#    include <xmmintrin.h>
#endif

enum { NAN_BF16 = 0x7fc0, NAN_F16 = 0x7e00, NAN_F32 = 0x7fc00000, ONE_EXPONENT = 127 };

typedef struct float_modes {
    uint64_t saved;
} float_modes;

/* x86: exceptions masked, nearest, denormals kept. aarch64: all of FPCR zero. */
static inline float_modes float_modes_set(void)
{
    float_modes modes = {0};
#if defined(__x86_64__)
    enum { MXCSR_DEFAULT = 0x1f80, MXCSR_FLAGS = 0x3f };
    unsigned csr = _mm_getcsr();
    modes.saved = csr;
    if ((csr & ~(unsigned)MXCSR_FLAGS) != MXCSR_DEFAULT)
        _mm_setcsr(MXCSR_DEFAULT);
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, fpcr" : "=r"(modes.saved));
    if (modes.saved)
        __asm__ volatile("msr fpcr, xzr" ::: "memory");
#endif
    return modes;
}

static inline void float_modes_restore(float_modes modes)
{
#if defined(__x86_64__)
    if (_mm_getcsr() != (unsigned)modes.saved)
        _mm_setcsr((unsigned)modes.saved);
#elif defined(__aarch64__)
    if (modes.saved)
        __asm__ volatile("msr fpcr, %0" ::"r"(modes.saved) : "memory");
#else
    (void)modes;
#endif
}

static inline float rounded(float x)
{
#if defined(__x86_64__)
    __asm__("" : "+x"(x));
#elif defined(__aarch64__)
    __asm__("" : "+w"(x));
#else
    volatile float kept = x;
    x = kept;
#endif
    return x;
}

static inline uint32_t bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static inline float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static inline int is_nan_bits(uint32_t bits)
{
    return (bits & 0x7fffffff) > 0x7f800000;
}

/* 2^-n, 0 <= n <= 126. */
static inline float power_of_half(unsigned n)
{
    return float_of_bits((ONE_EXPONENT - n) << 23);
}

static inline uint16_t bf16_of_f32(uint32_t bits)
{
    if (is_nan_bits(bits))
        return NAN_BF16;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline uint32_t f32_of_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, magnitude = h & 0x7fff;
    if (magnitude > 0x7c00)
        return NAN_F32;
    if (magnitude == 0x7c00)
        return sign | 0x7f800000;
    if (magnitude >= 0x400)
        return sign | ((magnitude << 13) + ((127 - 15) << 23));
    return sign | bits_of_float((float)magnitude * power_of_half(24));
}

static inline uint16_t f16_of_f32(uint32_t bits)
{
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return NAN_F16;
    if (magnitude >= 0x47800000) /* 2^16 */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) { /* 2^-14: adding 1/2 leaves steps of 2^-24, rounded by the sum */
        uint32_t sum = bits_of_float(rounded(float_of_bits(magnitude) + 0.5F));
        return (uint16_t)(sign | (sum - 0x3f000000));
    }
    uint32_t odd = magnitude >> 13 & 1;
    return (uint16_t)(sign | ((magnitude - ((127 - 15) << 23) + 0xfff + odd) >> 13));
}

#endif
