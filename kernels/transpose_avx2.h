/* Transposes of bytes by eight, AVX2. Private to kernels/. */
#ifndef BITX_TRANSPOSE_AVX2_H
#define BITX_TRANSPOSE_AVX2_H

#include "target_avx2.h"

/*
 * 16 bytes from p to the lower lane and from p + upper to the upper one, so that shuffles within
 * lanes leave the elements in their order: vinserti128 from memory takes no shuffle port.
 */
BITX_AVX2_INLINE __m256i load_lanes(const uint8_t *p, size_t upper)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load128(p)), load128(p + upper), 1);
}

/*
 * v[0] as load_lanes(a, upper), v[1] as load_lanes(a + 16, upper), both XORed with the same of b
 * unless that is NULL. With b, whole vectors are XORed and their lanes exchanged: half of the
 * loads.
 */
BITX_AVX2_INLINE void load_two_lanes(__m256i v[2], const uint8_t *a, const uint8_t *b, size_t upper)
{
    if (b == NULL) {
        v[0] = load_lanes(a, upper);
        v[1] = load_lanes(a + 16, upper);
        return;
    }
    __m256i x = _mm256_xor_si256(load256(a), load256(b));
    __m256i y = _mm256_xor_si256(load256(a + upper), load256(b + upper));
    v[0] = _mm256_permute2x128_si256(x, y, 0x20);
    v[1] = _mm256_permute2x128_si256(x, y, 0x31);
}

/* 8 x 8 words in each lane, transposed; its own inverse. */
BITX_AVX2_INLINE void transpose_words(__m256i v[8])
{
    __m256i w[8];
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        w[k] = _mm256_unpacklo_epi16(v[2 * k], v[2 * k + 1]);     /* words 0 to 3 */
        w[k + 4] = _mm256_unpackhi_epi16(v[2 * k], v[2 * k + 1]); /* words 4 to 7 */
    }
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++) {
        const __m256i *x = &w[4 * h];
        __m256i lo0 = _mm256_unpacklo_epi32(x[0], x[1]), lo1 = _mm256_unpacklo_epi32(x[2], x[3]);
        __m256i hi0 = _mm256_unpackhi_epi32(x[0], x[1]), hi1 = _mm256_unpackhi_epi32(x[2], x[3]);
        v[4 * h] = _mm256_unpacklo_epi64(lo0, lo1);
        v[4 * h + 1] = _mm256_unpackhi_epi64(lo0, lo1);
        v[4 * h + 2] = _mm256_unpacklo_epi64(hi0, hi1);
        v[4 * h + 3] = _mm256_unpackhi_epi64(hi0, hi1);
    }
}

/*
 * Rows of 16 bytes in lanes, eight for each lane, two elements of eight bytes in a row: byte k of
 * the 32 elements to v[k]. The same bytes of two elements side by side are a word.
 */
BITX_AVX2_INLINE void bytes_apart(__m256i v[8])
{
    const __m256i pair = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
#pragma GCC unroll 8
    for (int k = 0; k < 8; k++)
        v[k] = _mm256_shuffle_epi8(v[k], pair);
    transpose_words(v);
}

/* The inverse: v[k] with byte k of 32 elements to rows of 16 bytes, row k of each lane in v[k]. */
BITX_AVX2_INLINE void bytes_together(__m256i v[8])
{
    __m256i w[8];
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        w[k] = _mm256_unpacklo_epi8(v[2 * k], v[2 * k + 1]);     /* elements 0 to 7 of a lane */
        w[k + 4] = _mm256_unpackhi_epi8(v[2 * k], v[2 * k + 1]); /* 8 to 15 */
    }
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++) {
        const __m256i *x = &w[4 * h];
        __m256i a0 = _mm256_unpacklo_epi16(x[0], x[1]), a1 = _mm256_unpacklo_epi16(x[2], x[3]);
        __m256i c0 = _mm256_unpackhi_epi16(x[0], x[1]), c1 = _mm256_unpackhi_epi16(x[2], x[3]);
        v[4 * h] = _mm256_unpacklo_epi32(a0, a1);
        v[4 * h + 1] = _mm256_unpackhi_epi32(a0, a1);
        v[4 * h + 2] = _mm256_unpacklo_epi32(c0, c1);
        v[4 * h + 3] = _mm256_unpackhi_epi32(c0, c1);
    }
}

#endif
