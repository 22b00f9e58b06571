/* Two lists into one by a bit plane, AVX2, with room behind both ends. Private to kernels/. */
#ifndef BITX_MERGE_AVX2_H
#define BITX_MERGE_AVX2_H

#include "bitstring.h"
#include "shuffle_tables.h"
#include "target_avx2.h"

/* 64 elements. */
BITX_AVX2_INLINE void merge_lists64(uint8_t *dst, const uint8_t **low, const uint8_t **high,
                                    uint64_t bits)
{
#pragma GCC unroll 8
    for (unsigned k = 0; k < 8; k++) {
        unsigned mask = bits >> 8 * k & 255;
        size_t ones = (size_t)_mm_popcnt_u32(mask);
        __m128i l = _mm_loadl_epi64((const __m128i *)(const void *)*low);
        __m128d both = _mm_loadh_pd(_mm_castsi128_pd(l), (const double *)(const void *)*high);
        __m128i row = _mm_loadl_epi64((const __m128i *)(const void *)&bitx_shuffle_merge8[mask]);
        __m128i v = _mm_shuffle_epi8(_mm_castpd_si128(both), row);
        _mm_storel_epi64((__m128i *)(void *)(dst + 8 * k), v);
        *low += 8 - ones;
        *high += ones;
    }
}

/* Reads up to 64 bytes behind each list and 8 behind the plane, and writes up to 63 behind dst. */
BITX_AVX2_INLINE void merge_lists(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                                  const uint8_t *plane, size_t bit, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        merge_lists64(dst + i, &low, &high, bits64_at(plane, bit + i));
}

#endif
