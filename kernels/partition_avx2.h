/* One list into two by a pivot, eight elements at a time: what AVX2 files share. Private to
   kernels/. */
#ifndef BITX_PARTITION_AVX2_H
#define BITX_PARTITION_AVX2_H

#include "shuffle_tables.h"
#include "target_avx2.h"

BITX_AVX2_INLINE uint32_t at_least_u8(const uint8_t *p, __m256i pivot)
{
    __m256i x = load256(p);
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(x, pivot), x));
}

/* A number at any address: _mm_storeh_pd() is the same movhps, but the sanitizer holds its argument
   to the alignment of a double. */
typedef double __attribute__((aligned(1), may_alias)) any_double;

BITX_AVX2_INLINE void store_high(uint8_t *p, __m128d x)
{
    *(any_double *)(void *)p = _mm_cvtsd_f64(_mm_unpackhi_pd(x, x));
}

/* Eight elements to the ends of two lists, where 8 bytes are stored. */
BITX_AVX2_INLINE void partition8(uint8_t *low, uint8_t *high, const uint8_t *src, unsigned mask)
{
    __m128i x = _mm_set1_epi64x((long long)load64(src));
    x = _mm_shuffle_epi8(x, load128((const uint8_t *)bitx_shuffle_split8[mask]));
    _mm_storel_epi64((__m128i *)(void *)low, x);
    store_high(high, _mm_castsi128_pd(x));
}

/* For 16 elements: rows of the masks of eight, where their zeros go below and their ones above. */
typedef struct partition_rows {
    __m128i first, second;
    size_t ones_first, ones;
} partition_rows;

BITX_AVX2_INLINE partition_rows partition_masks(unsigned bits)
{
    const uint8_t *table = (const uint8_t *)bitx_shuffle_split8;
    size_t first = (bits & 255) * 16, second = (bits >> 8 & 255) * 16;
    return (partition_rows){load128(table + first), load128(table + second),
                            (size_t)_mm_popcnt_u64(first), (size_t)_mm_popcnt_u32(bits & 0xffff)};
}

/* Eight elements twice. */
BITX_AVX2_INLINE __m128i load_twice(const uint8_t *p)
{
    return _mm_broadcastq_epi64(_mm_loadl_epi64((const void *)p));
}

/* 16 elements to the ends of two lists; 8 bytes are stored at each of four places, those of a list
   one after the other, as they mostly share a cache line. */
BITX_AVX2_INLINE void partition16(uint8_t *low, uint8_t *high, const uint8_t *src,
                                  const partition_rows *r)
{
    __m128i first = _mm_shuffle_epi8(load_twice(src), r->first);
    __m128i second = _mm_shuffle_epi8(load_twice(src + 8), r->second);
    _mm_storel_epi64((__m128i *)(void *)low, first);
    _mm_storel_epi64((__m128i *)(void *)(low + 8 - r->ones_first), second);
    store_high(high, _mm_castsi128_pd(first));
    store_high(high + r->ones_first, _mm_castsi128_pd(second));
}

#endif
