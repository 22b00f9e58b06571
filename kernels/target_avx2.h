/* What the avx2 files share. The ISA is an attribute, so that plain cc -O2 builds every file. */
#ifndef BITX_TARGET_AVX2_H
#define BITX_TARGET_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nontemporal.h"

#define BITX_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))
#define BITX_AVX2_INLINE                                                                           \
    static inline __attribute__((always_inline, target("avx2,bmi,bmi2,popcnt,lzcnt")))

/* The long way of a function that has a short one: a frame is made for neither before it is known
   which (0.93 to 0.95 of scalar in short calls becomes 0.97 and more, Sapphire Rapids). */
#define BITX_AVX2_APART static __attribute__((noinline, target("avx2,bmi,bmi2,popcnt,lzcnt")))

BITX_AVX2_INLINE __m256i load256(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* In a register from here on: gcc 12 would rather load a vector again for each of its uses. */
BITX_AVX2_INLINE __m256i kept(__m256i v)
{
    __asm__("" : "+x"(v));
    return v;
}

BITX_AVX2_INLINE void store256(uint8_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

/*
 * Keeps the compiler from mixing the stores before and after, of different cache lines: stores
 * merge on their way to the cache only while those of one line are neighbours. gcc 12 does mix
 * them: 51 GB/s of XOR in L2 in place of 80 (Sapphire Rapids).
 */
BITX_AVX2_INLINE void stores_in_order(void)
{
    __asm__ volatile("" ::: "memory");
}

/*
 * 64 bytes to one cache line, and only then the next store.
 * p on a 32-byte boundary if past the caches; end such a loop with _mm_sfence().
 */
BITX_AVX2_INLINE void put_line(uint8_t *p, __m256i v0, __m256i v1, int past_caches)
{
    if (past_caches) {
        _mm256_stream_si256((__m256i *)(void *)p, v0);
        _mm256_stream_si256((__m256i *)(void *)(p + 32), v1);
    } else {
        store256(p, v0);
        store256(p + 32, v1);
    }
    stores_in_order();
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
