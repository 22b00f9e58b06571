/* One list into two by a pivot, AVX2: pshufb with a row for each mask of eight, eight at a time. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "partition_avx2.h"

/* Stores to two lists wait for their lines in turn. */
BITX_AVX2_INLINE void fetch_ahead(const uint8_t *p)
{
    _mm_prefetch((const char *)(p + 384), _MM_HINT_T0);
}

/* 64 elements. A list is never ahead of the source, so that eight elements stay within nelem, and
   both lists of 16 are loaded before they are stored. */
BITX_AVX2_INLINE void partition64_u8(uint8_t **low, uint8_t **high, const uint8_t *src,
                                     uint64_t bits)
{
    uint8_t *l = *low, *h = *high;
    fetch_ahead(l);
    fetch_ahead(h);
    for (size_t k = 0; k < 64; k += 16, bits >>= 16) {
        partition_rows r = partition_masks((unsigned)bits);
        partition16(l, h, src + k, &r);
        l += 16 - r.ones;
        h += r.ones;
    }
    *low = l;
    *high = h;
}

/* The last n elements, below 64. Returns their plane. */
BITX_AVX2_INLINE uint64_t partition_last_u8(uint8_t *low, uint8_t *high, const uint8_t *src,
                                            size_t n, __m128i pivot)
{
    const uint8_t at_least = (uint8_t)_mm_extract_epi8(pivot, 0);
    uint64_t bits = 0;
    size_t k = 0;
    for (; n - k >= 8; k += 8) {
        __m128i x = _mm_loadl_epi64((const __m128i *)(const void *)(src + k));
        unsigned mask =
            (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(x, pivot), x)) & 255;
        size_t ones = (size_t)_mm_popcnt_u32(mask);
        partition8(low, high, src + k, mask);
        low += 8 - ones;
        high += ones;
        bits |= (uint64_t)mask << k;
    }
    for (; k < n; k++) {
        uint8_t x = src[k];
        size_t one = x >= at_least;
        *(one ? high : low) = x;
        high += one;
        low += 1 - one;
        bits |= (uint64_t)one << k;
    }
    return bits;
}

BITX_AVX2 size_t bitx_partition_u8_avx2(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                        const uint8_t *src, size_t nelem, unsigned pivot)
{
    if (pivot > 255)
        return bitx_partition_u8_scalar(low, high, plane, bit, src, nelem, pivot);
    if (nelem == 0)
        return 0;
    const __m256i p = _mm256_set1_epi8((char)pivot);
    uint8_t *h = high;
    bit_appender w = append_at(plane, bit);
    size_t i = 0;
    for (; nelem - i >= 64; i += 64) {
        uint64_t bits = at_least_u8(src + i, p) | (uint64_t)at_least_u8(src + i + 32, p) << 32;
        append64(&w, bits);
        partition64_u8(&low, &h, src + i, bits);
    }
    uint64_t bits = partition_last_u8(low, h, src + i, nelem - i, _mm256_castsi256_si128(p));
    append_last(&w, bits, nelem - i);
    return (size_t)(h - high) + (size_t)_mm_popcnt_u64(bits);
}

BITX_AVX2_INLINE uint32_t at_least_u16(const uint8_t *p, __m256i pivot)
{
    __m256i x0 = load256(p), x1 = load256(p + 32);
    x0 = _mm256_cmpeq_epi16(_mm256_max_epu16(x0, pivot), x0);
    x1 = _mm256_cmpeq_epi16(_mm256_max_epu16(x1, pivot), x1);
    __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi16(x0, x1), 0xd8);
    return (uint32_t)_mm256_movemask_epi8(packed);
}

BITX_AVX2_INLINE void partition64_u16(uint8_t **low, uint8_t **high, const uint8_t *src,
                                      uint64_t bits)
{
    uint8_t *l = *low, *h = *high;
    for (size_t k = 0; k < 64; k += 8, bits >>= 8) {
        unsigned mask = bits & 255;
        __m128i x = load128(src + 2 * k);
        __m128i ones_row = load128((const uint8_t *)bitx_shuffle_pack16[mask]);
        __m128i zeros_row = load128((const uint8_t *)bitx_shuffle_pack16[mask ^ 255]);
        store128(h, _mm_shuffle_epi8(x, ones_row));
        store128(l, _mm_shuffle_epi8(x, zeros_row));
        size_t ones = (size_t)_mm_popcnt_u32(mask);
        l += 2 * (8 - ones);
        h += 2 * ones;
    }
    *low = l;
    *high = h;
}

BITX_AVX2 size_t bitx_partition_u16_avx2(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                         const uint8_t *src, size_t nelem, unsigned pivot)
{
    const __m256i p = _mm256_set1_epi16((short)pivot);
    uint8_t *h = high;
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    size_t i = 0;
    if (pivot <= 65535) {
        for (; nelem - i >= 64; i += 64) {
            uint64_t bits =
                at_least_u16(src + 2 * i, p) | (uint64_t)at_least_u16(src + 2 * i + 64, p) << 32;
            append64(&w, bits);
            partition64_u16(&low, &h, src + 2 * i, bits);
        }
    }
    size_t at = i + bit;
    if (i)
        append_last(&w, 0, 0);
    return (size_t)(h - high) / 2 +
           bitx_partition_u16_scalar(low, h, plane, at, src + 2 * i, nelem - i, pivot);
}

/* Which of 32 elements are in the set: its byte v / 8 by a table of 32 in two halves, bit v % 8 of
   that by another table. */
BITX_AVX2_INLINE uint32_t members(const uint8_t *src, __m256i set0, __m256i set1)
{
    const __m256i ones = _mm256_set1_epi64x((long long)0x8040201008040201);
    __m256i x = load256(src);
    __m256i byte = _mm256_and_si256(_mm256_srli_epi16(x, 3), _mm256_set1_epi8(31));
    __m256i upper = _mm256_slli_epi16(byte, 3); /* bit 4 to bit 7 */
    byte =
        _mm256_blendv_epi8(_mm256_shuffle_epi8(set0, byte), _mm256_shuffle_epi8(set1, byte), upper);
    __m256i one = _mm256_shuffle_epi8(ones, _mm256_and_si256(x, _mm256_set1_epi8(7)));
    byte = _mm256_cmpeq_epi8(_mm256_and_si256(byte, one), one);
    return (uint32_t)_mm256_movemask_epi8(byte);
}

BITX_AVX2 size_t bitx_partition_set_u8_avx2(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                            const uint8_t *src, size_t nelem, const uint8_t *set)
{
    const __m256i set0 = _mm256_broadcastsi128_si256(load128(set));
    const __m256i set1 = _mm256_broadcastsi128_si256(load128(set + 16));
    uint8_t *h = high;
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    size_t i = 0;
    for (; nelem - i >= 64; i += 64) {
        uint64_t bits = members(src + i, set0, set1);
        bits |= (uint64_t)members(src + i + 32, set0, set1) << 32;
        append64(&w, bits);
        partition64_u8(&low, &h, src + i, bits);
    }
    if (i)
        append_last(&w, 0, 0);
    return (size_t)(h - high) +
           bitx_partition_set_u8_scalar(low, h, plane, i + bit, src + i, nelem - i, set);
}

/* Which of eight elements of 16 bits are in the set: its dwords v / 32 gathered, and bit v % 32 of
   each shifted to the sign. */
BITX_AVX2_INLINE unsigned members_u16(const uint8_t *src, const uint8_t *set)
{
    __m256i x = _mm256_cvtepu16_epi32(load128(src));
    __m256i word =
        _mm256_i32gather_epi32((const int *)(const void *)set, _mm256_srli_epi32(x, 5), 4);
    __m256i left = _mm256_andnot_si256(x, _mm256_set1_epi32(31));
    word = _mm256_sllv_epi32(word, left);
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(word));
}

BITX_AVX2 size_t bitx_partition_set_u16_avx2(uint8_t *low, uint8_t *high, uint8_t *plane,
                                             size_t bit, const uint8_t *src, size_t nelem,
                                             const uint8_t *set)
{
    uint8_t *h = high;
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    size_t i = 0;
    for (; nelem - i >= 64; i += 64) {
        uint64_t bits = 0;
        for (size_t k = 0; k < 64; k += 8)
            bits |= (uint64_t)members_u16(src + 2 * (i + k), set) << k;
        append64(&w, bits);
        partition64_u16(&low, &h, src + 2 * i, bits);
    }
    if (i)
        append_last(&w, 0, 0);
    return (size_t)(h - high) / 2 +
           bitx_partition_set_u16_scalar(low, h, plane, i + bit, src + 2 * i, nelem - i, set);
}

BITX_AVX2 size_t bitx_partition_plane_u8_avx2(uint8_t *low, uint8_t *high, const uint8_t *src,
                                              const uint8_t *plane, size_t bit, size_t nelem)
{
    uint8_t *h = high;
    size_t i = 0;
    for (; nelem - i >= 64; i += 64)
        partition64_u8(&low, &h, src + i, bits64_at(plane, bit + i));
    return (size_t)(h - high) +
           bitx_partition_plane_u8_scalar(low, h, src + i, plane, bit + i, nelem - i);
}

BITX_AVX2 size_t bitx_partition_plane_u16_avx2(uint8_t *low, uint8_t *high, const uint8_t *src,
                                               const uint8_t *plane, size_t bit, size_t nelem)
{
    uint8_t *h = high;
    size_t i = 0;
    for (; nelem - i >= 64; i += 64)
        partition64_u16(&low, &h, src + 2 * i, bits64_at(plane, bit + i));
    return (size_t)(h - high) / 2 +
           bitx_partition_plane_u16_scalar(low, h, src + 2 * i, plane, bit + i, nelem - i);
}

#endif
