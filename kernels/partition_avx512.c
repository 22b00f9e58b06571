/* One list into two by a pivot, AVX-512: vpcompressb and vpcompressw. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "target_avx512.h"

/*
 * Compressed into a register and stored whole: to memory, vpcompressb is microcode on Zen 4. A list
 * is never ahead of the source, so that a whole vector stays within nelem, and low may be src.
 *
 * Stores to two lists wait for their lines in turn, so these are fetched ahead: 11 elements a ns
 * become 19 in L2 (8 bits, Sapphire Rapids), 16 become 20 in L1.
 */
BITX_AVX512_INLINE void fetch_ahead(const uint8_t *p)
{
    _mm_prefetch((const char *)(p + 384), _MM_HINT_T0);
}

/* 64 elements, whole vectors stored; returns the number of ones. */
BITX_AVX512_INLINE size_t partition64_u8(uint8_t *low, uint8_t *high, __m512i x, uint64_t bits)
{
    fetch_ahead(high);
    fetch_ahead(low);
    store512(high, _mm512_maskz_compress_epi8(_cvtu64_mask64(bits), x));
    store512(low, _mm512_maskz_compress_epi8(_cvtu64_mask64(~bits), x));
    return (size_t)_mm_popcnt_u64(bits);
}

/* n <= 64 elements, and no byte beyond them. */
BITX_AVX512_INLINE size_t partition_first_u8(uint8_t *low, uint8_t *high, __m512i x, uint64_t bits,
                                             size_t n)
{
    uint64_t zeros = _cvtmask64_u64(low_mask64(n)) & ~bits;
    size_t ones = (size_t)_mm_popcnt_u64(bits);
    store512_first(high, _mm512_maskz_compress_epi8(_cvtu64_mask64(bits), x), ones);
    store512_first(low, _mm512_maskz_compress_epi8(_cvtu64_mask64(zeros), x), n - ones);
    return ones;
}

/* 32 elements of 16 bits, and n <= 32 of them. */
BITX_AVX512_INLINE size_t partition32_u16(uint8_t *low, uint8_t *high, __m512i x, uint32_t bits)
{
    fetch_ahead(high);
    fetch_ahead(low);
    store512(high, _mm512_maskz_compress_epi16(_cvtu32_mask32(bits), x));
    store512(low, _mm512_maskz_compress_epi16(_cvtu32_mask32(~bits), x));
    return (size_t)_mm_popcnt_u32(bits);
}

BITX_AVX512_INLINE size_t partition_first_u16(uint8_t *low, uint8_t *high, __m512i x, uint32_t bits,
                                              size_t n)
{
    uint32_t zeros = _bzhi_u32(~bits, (unsigned)n);
    size_t ones = (size_t)_mm_popcnt_u32(bits);
    store512_first(high, _mm512_maskz_compress_epi16(_cvtu32_mask32(bits), x), 2 * ones);
    store512_first(low, _mm512_maskz_compress_epi16(_cvtu32_mask32(zeros), x), 2 * (n - ones));
    return ones;
}

/* No byte reaches a pivot of 256 and more. */
BITX_AVX512_INLINE uint64_t at_least_u8(__m512i x, unsigned pivot)
{
    uint64_t bits = _cvtmask64_u64(_mm512_cmpge_epu8_mask(x, _mm512_set1_epi8((char)pivot)));
    return pivot > 255 ? 0 : bits;
}

BITX_AVX512 size_t bitx_partition_u8_avx512(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                            const uint8_t *src, size_t nelem, unsigned pivot)
{
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    size_t i = 0, nhigh = 0;
    for (; nelem - i >= 64; i += 64) {
        __m512i x = load512(src + i);
        uint64_t bits = at_least_u8(x, pivot);
        append64(&w, bits);
        nhigh += partition64_u8(low + i - nhigh, high + nhigh, x, bits);
    }
    size_t n = nelem - i;
    __m512i x = load512_first(src + i, n);
    uint64_t bits = at_least_u8(x, pivot) & _cvtmask64_u64(low_mask64(n));
    append_last(&w, bits, n);
    return nhigh + partition_first_u8(low + i - nhigh, high + nhigh, x, bits, n);
}

BITX_AVX512_INLINE uint32_t at_least_u16(__m512i x, unsigned pivot)
{
    uint32_t bits = _cvtmask32_u32(_mm512_cmpge_epu16_mask(x, _mm512_set1_epi16((short)pivot)));
    return pivot > 65535 ? 0 : bits;
}

BITX_AVX512 size_t bitx_partition_u16_avx512(uint8_t *low, uint8_t *high, uint8_t *plane,
                                             size_t bit, const uint8_t *src, size_t nelem,
                                             unsigned pivot)
{
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    size_t i = 0, nhigh = 0;
    for (; nelem - i >= 64; i += 64) {
        __m512i x0 = load512(src + 2 * i), x1 = load512(src + 2 * i + 64);
        uint32_t bits0 = at_least_u16(x0, pivot), bits1 = at_least_u16(x1, pivot);
        append64(&w, bits0 | (uint64_t)bits1 << 32);
        nhigh += partition32_u16(low + 2 * (i - nhigh), high + 2 * nhigh, x0, bits0);
        nhigh += partition32_u16(low + 2 * (i + 32 - nhigh), high + 2 * nhigh, x1, bits1);
    }
    uint64_t bits = 0;
    for (size_t k = 0, left = nelem - i; k < left; k += 32) {
        size_t n = left - k < 32 ? left - k : 32;
        __m512i x = load512_first(src + 2 * (i + k), 2 * n);
        uint32_t word = _bzhi_u32(at_least_u16(x, pivot), (unsigned)n);
        bits |= (uint64_t)word << k;
        nhigh += partition_first_u16(low + 2 * (i + k - nhigh), high + 2 * nhigh, x, word, n);
    }
    append_last(&w, bits, nelem - i);
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

BITX_AVX512 size_t bitx_partition_set_u8_avx512(uint8_t *low, uint8_t *high, uint8_t *plane,
                                                size_t bit, const uint8_t *src, size_t nelem,
                                                const uint8_t *set)
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

/* Which of 32 elements of 16 bits are in the set: its dwords v / 32 gathered, bit v % 32 tested. */
BITX_AVX512_INLINE uint32_t members_u16(__m512i x, const uint8_t *set)
{
    uint32_t bits = 0;
#    pragma GCC unroll 2
    for (int half = 0; half < 2; half++) {
        __m512i v = _mm512_cvtepu16_epi32(half ? _mm512_extracti64x4_epi64(x, 1)
                                               : _mm512_castsi512_si256(x));
        __m512i word = _mm512_i32gather_epi32(_mm512_srli_epi32(v, 5), (const void *)set, 4);
        __m512i one =
            _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(v, _mm512_set1_epi32(31)));
        bits |= (uint32_t)_cvtmask16_u32(_mm512_test_epi32_mask(word, one)) << 16 * half;
    }
    return bits;
}

BITX_AVX512 size_t bitx_partition_set_u16_avx512(uint8_t *low, uint8_t *high, uint8_t *plane,
                                                 size_t bit, const uint8_t *src, size_t nelem,
                                                 const uint8_t *set)
{
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    size_t i = 0, nhigh = 0;
    for (; nelem - i >= 64; i += 64) {
        __m512i x0 = load512(src + 2 * i), x1 = load512(src + 2 * i + 64);
        uint32_t bits0 = members_u16(x0, set), bits1 = members_u16(x1, set);
        append64(&w, bits0 | (uint64_t)bits1 << 32);
        nhigh += partition32_u16(low + 2 * (i - nhigh), high + 2 * nhigh, x0, bits0);
        nhigh += partition32_u16(low + 2 * (i + 32 - nhigh), high + 2 * nhigh, x1, bits1);
    }
    uint64_t bits = 0;
    for (size_t k = 0, left = nelem - i; k < left; k += 32) {
        size_t n = left - k < 32 ? left - k : 32;
        __m512i x = load512_first(src + 2 * (i + k), 2 * n);
        uint32_t word = _bzhi_u32(members_u16(x, set), (unsigned)n);
        bits |= (uint64_t)word << k;
        nhigh += partition_first_u16(low + 2 * (i + k - nhigh), high + 2 * nhigh, x, word, n);
    }
    append_last(&w, bits, nelem - i);
    return nhigh;
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
    size_t i = 0, nhigh = 0;
    for (; nelem - i >= 64; i += 64) {
        __m512i x0 = load512(src + 2 * i), x1 = load512(src + 2 * i + 64);
        uint64_t bits = bits64_at(plane, bit + i);
        nhigh += partition32_u16(low + 2 * (i - nhigh), high + 2 * nhigh, x0, (uint32_t)bits);
        nhigh += partition32_u16(low + 2 * (i + 32 - nhigh), high + 2 * nhigh, x1,
                                 (uint32_t)(bits >> 32));
    }
    for (; i < nelem; i += 32) {
        size_t n = nelem - i < 32 ? nelem - i : 32;
        uint32_t bits = (uint32_t)bits_at(plane, bit + i, n);
        nhigh += partition_first_u16(low + 2 * (i - nhigh), high + 2 * nhigh,
                                     load512_first(src + 2 * i, 2 * n), bits, n);
    }
    return nhigh;
}

#endif
