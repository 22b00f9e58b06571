/* What the avx2 files share. The ISA is an attribute, so that plain cc -O2 builds every file. */
#ifndef BITX_TARGET_AVX2_H
#define BITX_TARGET_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BITX_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))
#define BITX_AVX2_INLINE                                                                           \
    static inline __attribute__((always_inline, target("avx2,bmi,bmi2,popcnt,lzcnt")))

BITX_AVX2_INLINE __m256i load256(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

BITX_AVX2_INLINE void store256(uint8_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

BITX_AVX2_INLINE __m128i load128(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

BITX_AVX2_INLINE void store128(uint8_t *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

BITX_AVX2_INLINE uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

BITX_AVX2_INLINE void store64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof(v));
}

#endif
