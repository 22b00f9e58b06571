/* Two lists into one by a bit plane, AVX2, with room behind both ends. Private to kernels/. */
#ifndef BITX_MERGE_AVX2_H
#define BITX_MERGE_AVX2_H

#include "bitstring.h"
#include "shuffle_tables.h"
#include "target_avx2.h"

/* The masks of 64 elements, eight at a time: from the plane byte by byte where the bits begin with
   a byte, else two bytes a mask. */
BITX_AVX2_INLINE size_t merge_mask(const uint8_t *plane, unsigned shift, unsigned k)
{
    uint16_t both;
    if (shift == 0)
        return plane[k];
    memcpy(&both, plane + k, 2);
    return (uint8_t)(both >> shift);
}

/* Eight elements of each list to the eight of the mask. The row is loaded with eight bytes of the
   next, but for the last: those lanes come to nothing. */
BITX_AVX2_INLINE void merge_put8(uint8_t *dst, __m128i both, size_t mask)
{
    __m128i row = load128((const uint8_t *)&bitx_shuffle_merge8[mask]);
    _mm_storel_epi64((__m128i *)(void *)dst, _mm_shuffle_epi8(both, row));
}

BITX_AVX2_INLINE __m128i merge_pair(__m128i low, const uint8_t *high)
{
    return _mm_castpd_si128(
        _mm_loadh_pd(_mm_castsi128_pd(low), (const double *)(const void *)high));
}

/*
 * 64 elements, whose bits begin `shift` bits inside of plane: 0, or any as `shift` where that is
 * not a constant. The lists move on: the low one as far as the high one does not, and so an element
 * costs two sums for eight.
 */
BITX_AVX2_INLINE void merge_lists64(uint8_t *dst, const uint8_t **low, const uint8_t **high,
                                    const uint8_t *plane, unsigned shift)
{
    const uint8_t *l = *low, *h = *high;
#pragma GCC unroll 8
    for (unsigned k = 0; k < 8; k++) {
        size_t mask = merge_mask(plane, shift, k), ones = (size_t)_mm_popcnt_u64(mask);
        __m128i from = _mm_loadl_epi64((const __m128i *)(const void *)(l + 8 * k));
        merge_put8(dst + 8 * k, merge_pair(from, h), mask);
        l -= ones;
        h += ones;
    }
    *low = l + 64;
    *high = h;
}

/* Reads up to 64 bytes behind each list and 8 behind the plane, and writes up to 63 behind dst. */
BITX_AVX2_INLINE void merge_lists(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                                  const uint8_t *plane, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        merge_lists64(dst + i, &low, &high, plane + i / 8, 0);
}

#endif
