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

/* Ones of 512 bytes, 64 at the weights of `low`: 1, 2, 4, 8; returns the sixteens. */
BITX_AVX2_INLINE __m256i add_512(__m256i low[4], const uint8_t *a, const uint8_t *b)
{
    __m256i twos[2], fours[2], eights[2];
#    pragma GCC unroll 2
    for (size_t h = 0; h < 2; h++) {
#    pragma GCC unroll 2
        for (size_t q = 0; q < 2; q++) {
            const uint8_t *p = a + 256 * h + 128 * q, *r = b + 256 * h + 128 * q;
            twos[0] = carry_save(&low[0], differing(p, r), differing(p + 32, r + 32));
            twos[1] = carry_save(&low[0], differing(p + 64, r + 64), differing(p + 96, r + 96));
            fours[q] = carry_save(&low[1], twos[0], twos[1]);
        }
        eights[h] = carry_save(&low[2], fours[0], fours[1]);
    }
    return carry_save(&low[3], eights[0], eights[1]);
}

BITX_AVX2_INLINE uint64_t differing64(const uint8_t *a, const uint8_t *b, size_t i)
{
    return (uint64_t)_mm_popcnt_u64(load64(a + i) ^ load64(b + i));
}

/*
 * Harley and Seal: sixteen vectors go through carry-save adders, and only one in sixteen is counted
 * in the loop (Mula, Kurz, Lemire, arXiv 1611.07612). Beside them, the scalar units, idle else,
 * count 64 bytes: with 192, loads were the limit.
 */
BITX_AVX2 uint64_t bitx_distance_bits_avx2(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    enum { VECTORS = 512, SCALARS = 64 };
    __m256i zero = _mm256_setzero_si256();
    __m256i low[4] = {zero, zero, zero, zero}, total = zero;
    uint64_t bits = 0, more = 0;
    size_t i = 0;
    for (; nbytes - i >= VECTORS + SCALARS; i += VECTORS + SCALARS) {
        fetch_source(a + i, VECTORS + SCALARS, nbytes >= BITX_NONTEMPORAL_MIN / 2);
        fetch_source(b + i, VECTORS + SCALARS, nbytes >= BITX_NONTEMPORAL_MIN / 2);
        total = _mm256_add_epi64(total, popcount_qwords(add_512(low, a + i, b + i)));
#    pragma GCC unroll 4
        for (size_t k = 0; k < SCALARS; k += 16) {
            bits += differing64(a, b, i + VECTORS + k);
            more += differing64(a, b, i + VECTORS + k + 8);
        }
    }
    if (i > 0) {
        total = _mm256_slli_epi64(total, 4);
        total = _mm256_add_epi64(total, _mm256_slli_epi64(popcount_qwords(low[3]), 3));
        total = _mm256_add_epi64(total, _mm256_slli_epi64(popcount_qwords(low[2]), 2));
        total = _mm256_add_epi64(total, _mm256_slli_epi64(popcount_qwords(low[1]), 1));
        total = _mm256_add_epi64(total, popcount_qwords(low[0]));
        bits += sum_qwords(total);
    }
    for (; nbytes - i >= 32; i += 32) {
        bits += differing64(a, b, i) + differing64(a, b, i + 8);
        more += differing64(a, b, i + 16) + differing64(a, b, i + 24);
    }
    for (; nbytes - i >= 8; i += 8)
        bits += differing64(a, b, i);
    for (; i < nbytes; i++)
        bits += (uint64_t)_mm_popcnt_u32((unsigned)(a[i] ^ b[i]));
    return bits + more;
}

typedef __m256i lanes;

BITX_AVX2_INLINE __m256i load_xored(const uint8_t *a, const uint8_t *b)
{
    return b ? differing(a, b) : load256(a);
}

BITX_AVX2_INLINE __m256i positions(__m256i v, unsigned p)
{
    return _mm256_and_si256(_mm256_srli_epi16(v, (int)p), _mm256_set1_epi8(1));
}

BITX_AVX2_INLINE __m256i low_bytes(__m256i v)
{
    return _mm256_and_si256(v, _mm256_set1_epi16(0xff));
}

BITX_AVX2_INLINE __m256i high_bytes(__m256i v)
{
    return _mm256_srli_epi16(v, 8);
}

BITX_AVX2_INLINE __m256i add(__m256i a, __m256i b)
{
    return _mm256_add_epi16(a, b);
}

BITX_AVX2_INLINE __m256i times(__m256i v, int shift)
{
    return _mm256_slli_epi16(v, shift);
}

/* Of lanes below 2^15, as madd has them signed. */
BITX_AVX2_INLINE uint64_t sum_where(__m256i v, __m256i weights)
{
    __m256i pairs = _mm256_madd_epi16(v, weights);
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    s = _mm_add_epi32(s, _mm_srli_si128(s, 8));
    return (uint32_t)_mm_cvtsi128_si32(s) + (uint64_t)(uint32_t)_mm_extract_epi32(s, 1);
}

BITX_AVX2_INLINE uint64_t even_sum(__m256i v)
{
    return sum_where(v, _mm256_set1_epi32(1));
}

BITX_AVX2_INLINE uint64_t odd_sum(__m256i v)
{
    return sum_where(v, _mm256_set1_epi32(0x10000));
}

BITX_DISTANCE_POSITIONS(BITX_AVX2_INLINE, avx2)
BITX_DISTANCE_POSITIONS_FUNCTION(BITX_AVX2, avx2, 16, 16, scalar)
BITX_DISTANCE_POSITIONS_FUNCTION(BITX_AVX2, avx2, 32, 16, scalar)

#endif
