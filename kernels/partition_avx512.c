/* One list into two by a pivot, AVX-512: vpcompressb and vpcompressw. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "target_avx512.h"

/*
 * Compressed into a register and stored whole: to memory, vpcompressb is microcode on Zen 4. A list
 * is never ahead of the source, so that a whole vector stays within nelem, and low may be src.
 */
BITX_AVX512 size_t bitx_partition_u8_avx512(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                            const uint8_t *src, size_t nelem, unsigned pivot)
{
    if (nelem == 0)
        return 0;
    const __m512i p = _mm512_set1_epi8((char)pivot);
    bit_appender w = append_at(plane, bit);
    size_t i = 0, nhigh = 0;
    /* No byte reaches a pivot of 256 and more. */
    const uint64_t none = pivot > 255 ? 0 : ~(uint64_t)0;
    for (; nelem - i >= 64; i += 64) {
        __m512i x = load512(src + i);
        uint64_t bits = _cvtmask64_u64(_mm512_cmpge_epu8_mask(x, p)) & none;
        append64(&w, bits);
        store512(high + nhigh, _mm512_maskz_compress_epi8(_cvtu64_mask64(bits), x));
        store512(low + i - nhigh, _mm512_maskz_compress_epi8(_cvtu64_mask64(~bits), x));
        nhigh += (size_t)_mm_popcnt_u64(bits);
    }
    size_t n = nelem - i;
    uint64_t all = _cvtmask64_u64(low_mask64(n));
    __m512i x = load512_first(src + i, n);
    uint64_t bits = _cvtmask64_u64(_mm512_cmpge_epu8_mask(x, p)) & none & all;
    append_last(&w, bits, n);
    size_t ones = (size_t)_mm_popcnt_u64(bits);
    store512_first(high + nhigh, _mm512_maskz_compress_epi8(_cvtu64_mask64(bits), x), ones);
    __m512i zeros = _mm512_maskz_compress_epi8(_cvtu64_mask64(all & ~bits), x);
    store512_first(low + i - nhigh, zeros, n - ones);
    return nhigh + ones;
}

/* 32 elements, n of them there. */
BITX_AVX512_INLINE uint32_t partition_words(uint8_t *low, uint8_t *high, const uint8_t *src,
                                            size_t n, __m512i pivot, uint32_t none)
{
    uint32_t all = _bzhi_u32(~(uint32_t)0, (unsigned)n);
    __m512i x = load512_first(src, 2 * n);
    uint32_t bits = _cvtmask32_u32(_mm512_cmpge_epu16_mask(x, pivot)) & none & all;
    size_t ones = (size_t)_mm_popcnt_u32(bits);
    __m512i h = _mm512_maskz_compress_epi16(_cvtu32_mask32(bits), x);
    __m512i l = _mm512_maskz_compress_epi16(_cvtu32_mask32(all & ~bits), x);
    store512_first(high, h, 2 * ones);
    store512_first(low, l, 2 * (n - ones));
    return bits;
}

BITX_AVX512 size_t bitx_partition_u16_avx512(uint8_t *low, uint8_t *high, uint8_t *plane,
                                             size_t bit, const uint8_t *src, size_t nelem,
                                             unsigned pivot)
{
    if (nelem == 0)
        return 0;
    const __m512i p = _mm512_set1_epi16((short)pivot);
    const uint32_t none = pivot > 65535 ? 0 : ~(uint32_t)0;
    bit_appender w = append_at(plane, bit);
    size_t i = 0, nhigh = 0;
    while (i < nelem) {
        size_t n = nelem - i < 64 ? nelem - i : 64;
        size_t n0 = n < 32 ? n : 32;
        uint64_t b0 =
            partition_words(low + 2 * (i - nhigh), high + 2 * nhigh, src + 2 * i, n0, p, none);
        nhigh += (size_t)_mm_popcnt_u64(b0);
        i += n0;
        uint64_t b1 =
            partition_words(low + 2 * (i - nhigh), high + 2 * nhigh, src + 2 * i, n - n0, p, none);
        nhigh += (size_t)_mm_popcnt_u64(b1);
        i += n - n0;
        if (n == 64)
            append64(&w, b0 | b1 << 32);
        else
            append_last(&w, b0 | b1 << 32, n);
    }
    if (nelem % 64 == 0)
        append_last(&w, 0, 0);
    return nhigh;
}

/* Which of 64 elements are in the set, whose 32 bytes are there twice: vpermb takes byte v / 8, and
   bit v % 8 of it is tested. */
BITX_AVX512_INLINE uint64_t members(__m512i x, __m512i set)
{
    const __m512i ones = _mm512_set1_epi64((long long)0x8040201008040201);
    __m512i index = _mm512_and_si512(_mm512_srli_epi16(x, 3), _mm512_set1_epi8(31));
    __m512i one = _mm512_shuffle_epi8(ones, _mm512_and_si512(x, _mm512_set1_epi8(7)));
    return _cvtmask64_u64(_mm512_test_epi8_mask(_mm512_permutexvar_epi8(index, set), one));
}

/* n <= 64 elements by bits; returns the number of ones. */
BITX_AVX512_INLINE size_t partition_first_u8(uint8_t *low, uint8_t *high, __m512i x, uint64_t bits,
                                             size_t n)
{
    uint64_t zeros = _cvtmask64_u64(low_mask64(n)) & ~bits;
    size_t ones = (size_t)_mm_popcnt_u64(bits);
    store512_first(high, _mm512_maskz_compress_epi8(_cvtu64_mask64(bits), x), ones);
    store512_first(low, _mm512_maskz_compress_epi8(_cvtu64_mask64(zeros), x), n - ones);
    return ones;
}

/* 64, whole vectors stored. */
BITX_AVX512_INLINE size_t partition64_u8(uint8_t *low, uint8_t *high, __m512i x, uint64_t bits)
{
    store512(high, _mm512_maskz_compress_epi8(_cvtu64_mask64(bits), x));
    store512(low, _mm512_maskz_compress_epi8(_cvtu64_mask64(~bits), x));
    return (size_t)_mm_popcnt_u64(bits);
}

BITX_AVX512 size_t bitx_partition_set_u8_avx512(uint8_t *low, uint8_t *high, uint8_t *plane,
                                                size_t bit, const uint8_t *src, size_t nelem,
                                                const uint8_t set[32])
{
    if (nelem == 0)
        return 0;
    const __m512i table =
        _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)(const void *)set));
    bit_appender w = append_at(plane, bit);
    size_t i = 0, nhigh = 0;
    for (; nelem - i >= 64; i += 64) {
        __m512i x = load512(src + i);
        uint64_t bits = members(x, table);
        append64(&w, bits);
        nhigh += partition64_u8(low + i - nhigh, high + nhigh, x, bits);
    }
    size_t n = nelem - i;
    __m512i x = load512_first(src + i, n);
    uint64_t bits = members(x, table) & _cvtmask64_u64(low_mask64(n));
    append_last(&w, bits, n);
    return nhigh + partition_first_u8(low + i - nhigh, high + nhigh, x, bits, n);
}

BITX_AVX512 size_t bitx_partition_plane_u8_avx512(uint8_t *low, uint8_t *high, const uint8_t *src,
                                                  const uint8_t *plane, size_t bit, size_t nelem)
{
    size_t i = 0, nhigh = 0;
    for (; nelem - i >= 64; i += 64)
        nhigh += partition64_u8(low + i - nhigh, high + nhigh, load512(src + i),
                                bits64_at(plane, bit + i));
    size_t n = nelem - i;
    if (n == 0)
        return nhigh;
    return nhigh + partition_first_u8(low + i - nhigh, high + nhigh, load512_first(src + i, n),
                                      bits_at(plane, bit + i, n), n);
}

BITX_AVX512 size_t bitx_partition_plane_u16_avx512(uint8_t *low, uint8_t *high, const uint8_t *src,
                                                   const uint8_t *plane, size_t bit, size_t nelem)
{
    size_t nhigh = 0;
    for (size_t i = 0; i < nelem; i += 32) {
        size_t n = nelem - i < 32 ? nelem - i : 32;
        uint32_t bits = (uint32_t)bits_at(plane, bit + i, n), all = _bzhi_u32(~0u, (unsigned)n);
        __m512i x = load512_first(src + 2 * i, 2 * n);
        size_t ones = (size_t)_mm_popcnt_u32(bits);
        __m512i h = _mm512_maskz_compress_epi16(_cvtu32_mask32(bits), x);
        __m512i l = _mm512_maskz_compress_epi16(_cvtu32_mask32(all & ~bits), x);
        store512_first(high + 2 * nhigh, h, 2 * ones);
        store512_first(low + 2 * (i - nhigh), l, 2 * (n - ones));
        nhigh += ones;
    }
    return nhigh;
}

#endif
