/* Bit distance, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "distance.h"
#    include "target_avx2.h"

/* Set bits of each byte: two look-ups of four bits (Mula,
 * http://0x80.pl/articles/sse-popcount.html). */
BITX_AVX2_INLINE __m256i popcount_bytes(__m256i v)
{
    const __m256i counts =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m256i low4 = _mm256_set1_epi8(15);
    __m256i lo = _mm256_shuffle_epi8(counts, _mm256_and_si256(v, low4));
    __m256i hi = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(v, 4), low4));
    return _mm256_add_epi8(lo, hi);
}

/* sum + carry * 2 = a + b + c, bit by bit: a carry-save adder. */
BITX_AVX2_INLINE __m256i carry_save(__m256i *sum, __m256i b, __m256i c)
{
    __m256i half = _mm256_xor_si256(*sum, b);
    __m256i carry = _mm256_or_si256(_mm256_and_si256(*sum, b), _mm256_and_si256(half, c));
    *sum = _mm256_xor_si256(half, c);
    return carry;
}

BITX_AVX2_INLINE __m256i differing(const uint8_t *a, const uint8_t *b)
{
    return _mm256_xor_si256(load256(a), load256(b));
}

BITX_AVX2_INLINE __m256i popcount_qwords(__m256i v)
{
    return _mm256_sad_epu8(popcount_bytes(v), _mm256_setzero_si256());
}

BITX_AVX2_INLINE uint64_t sum_qwords(__m256i v)
{
    __m128i s = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return (uint64_t)_mm_cvtsi128_si64(s) + (uint64_t)_mm_extract_epi64(s, 1);
}

/*
 * Harley and Seal: eight vectors go through carry-save adders, and only one in eight (the eights)
 * is counted in the loop (Mula, Kurz, Lemire, arXiv 1611.07612).
 */
BITX_AVX2 uint64_t bitx_distance_bits_avx2(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    __m256i zero = _mm256_setzero_si256();
    __m256i ones = zero, twos = zero, fours = zero, total = zero;
    size_t i = 0;
    for (; nbytes - i >= 256; i += 256) {
        const uint8_t *p = a + i, *q = b + i;
        __m256i two0 = carry_save(&ones, differing(p, q), differing(p + 32, q + 32));
        __m256i two1 = carry_save(&ones, differing(p + 64, q + 64), differing(p + 96, q + 96));
        __m256i four0 = carry_save(&twos, two0, two1);
        two0 = carry_save(&ones, differing(p + 128, q + 128), differing(p + 160, q + 160));
        two1 = carry_save(&ones, differing(p + 192, q + 192), differing(p + 224, q + 224));
        __m256i four1 = carry_save(&twos, two0, two1);
        __m256i eight = carry_save(&fours, four0, four1);
        total = _mm256_add_epi64(total, popcount_qwords(eight));
    }
    total = _mm256_slli_epi64(total, 3);
    total = _mm256_add_epi64(total, _mm256_slli_epi64(popcount_qwords(fours), 2));
    total = _mm256_add_epi64(total, _mm256_slli_epi64(popcount_qwords(twos), 1));
    total = _mm256_add_epi64(total, popcount_qwords(ones));
    for (; nbytes - i >= 32; i += 32)
        total = _mm256_add_epi64(total, popcount_qwords(differing(a + i, b + i)));
    uint64_t bits = sum_qwords(total);
    for (; nbytes - i >= 8; i += 8)
        bits += (uint64_t)_mm_popcnt_u64(load64(a + i) ^ load64(b + i));
    for (; i < nbytes; i++)
        bits += (uint64_t)_mm_popcnt_u32((unsigned)(a[i] ^ b[i]));
    return bits;
}

BITX_DISTANCE_POSITIONS(avx2, avx2)

#endif
