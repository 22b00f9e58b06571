/*
 * Bit planes, AVX-512. gf2p8affineqb multiplies 8 x 8 bit matrices: with the rows of the identity
 * as vectors and the data as matrix it transposes each qword (8 elements x 8 bits). The bytes of a
 * plane are then brought together, 512 elements at a time: by vpermb and a transpose of 8 x 8
 * qwords, or, for words, within lanes.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitplanes.h"
#    include "transpose_avx512.h"

/* Of each qword: the result's bit r of byte c is the data's bit c of byte 7 - r, since the
   instruction takes the rows of its matrix from the last byte to the first. */
BITX_AVX512_INLINE __m512i transpose_reversed(__m512i v)
{
    return _mm512_gf2p8affine_epi64_epi8(_mm512_set1_epi64((long long)0x8040201008040201), v, 0);
}

BITX_AVX512_INLINE __m512i transpose_bits(__m512i v)
{
    const __m512i reverse =
        _mm512_broadcast_i32x4(_mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
    return transpose_reversed(_mm512_shuffle_epi8(v, reverse));
}

/* A chunk of bytes to eight planes of 64 bytes. */
BITX_AVX512 static void split_chunk(uint8_t *planes, size_t stride, const uint8_t *src,
                                    int past_caches)
{
    __m512i v[8];
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        v[k] = transpose_bytes(transpose_bits(load512(src + 64 * k)));
    transpose_qwords(v);
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        put512(planes + k * stride, v[k], past_caches);
}

BITX_AVX512 static void merge_chunk(uint8_t *dst, const uint8_t *planes, size_t stride,
                                    int past_caches)
{
    __m512i v[8];
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        v[k] = load512(planes + k * stride);
    transpose_qwords(v);
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        put512(dst + 64 * k, transpose_bits(transpose_bytes(v[k])), past_caches);
}

/* Sixteen vectors, each lane of 16 x 16 bytes transposed: four perfect shuffles, each of which
   makes the highest bit of a byte's place the lowest of its vector's number, and that one's highest
   the place's lowest. */
BITX_AVX512_INLINE void transpose_in_lanes(__m512i v[16])
{
    __m512i t[16];
#    pragma GCC unroll 2
    for (int round = 0; round < 2; round++) {
#    pragma GCC unroll 8
        for (int k = 0; k < 8; k++) {
            t[2 * k] = _mm512_unpacklo_epi8(v[k], v[k + 8]);
            t[2 * k + 1] = _mm512_unpackhi_epi8(v[k], v[k + 8]);
        }
#    pragma GCC unroll 8
        for (int k = 0; k < 8; k++) {
            v[2 * k] = _mm512_unpacklo_epi8(t[k], t[k + 8]);
            v[2 * k + 1] = _mm512_unpackhi_epi8(t[k], t[k + 8]);
        }
    }
}

/*
 * A chunk of words: lane l of vector k holds words 128 l + 8 k and the seven that follow, so that
 * the bits of eight words, transposed, are one byte of each of the 16 planes, and a transpose
 * within lanes brings those of a plane together. Seven shuffles for 32 words; by way of byte planes
 * there are as many, and a store and a load besides.
 */
enum { QUARTER = 2 * BITPLANES_CHUNK / 4 }; /* bytes of the words of a lane */

BITX_AVX512 static void split_words(uint8_t *planes, size_t stride, const uint8_t *a,
                                    const uint8_t *b, int past_caches)
{
    const __m512i bytes =
        _mm512_broadcast_i32x4(_mm_setr_epi8(14, 12, 10, 8, 6, 4, 2, 0, 15, 13, 11, 9, 7, 5, 3, 1));
    __m512i v[16];
#    pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++) {
#    pragma GCC unroll 4
        for (size_t l = 0; l < 4; l++) {
            size_t at = QUARTER * l + 64 * j;
            v[4 * j + l] = b ? _mm512_xor_si512(load512(a + at), load512(b + at)) : load512(a + at);
        }
        transpose_lanes(v + 4 * j);
    }
#    pragma GCC unroll 16
    for (size_t k = 0; k < 16; k++)
        v[k] = transpose_reversed(_mm512_shuffle_epi8(v[k], bytes));
    transpose_in_lanes(v);
#    pragma GCC unroll 16
    for (size_t k = 0; k < 16; k++)
        put512(planes + k * stride, v[k], past_caches);
}

/* The planes of each byte are loaded in reverse. */
BITX_AVX512 static void merge_words(uint8_t *dst, const uint8_t *planes, size_t stride,
                                    const uint8_t *b, int past_caches)
{
    const __m512i words =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    __m512i v[16];
#    pragma GCC unroll 16
    for (size_t k = 0; k < 16; k++)
        v[k] = load512(planes + (k ^ 7) * stride);
    transpose_in_lanes(v);
#    pragma GCC unroll 16
    for (size_t k = 0; k < 16; k++)
        v[k] = _mm512_shuffle_epi8(transpose_reversed(v[k]), words);
#    pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++) {
        transpose_lanes(v + 4 * j);
#    pragma GCC unroll 4
        for (size_t l = 0; l < 4; l++) {
            size_t at = QUARTER * l + 64 * j;
            put512(dst + at, b ? _mm512_xor_si512(v[4 * j + l], load512(b + at)) : v[4 * j + l],
                   past_caches);
        }
    }
}

#    define BITPLANES_SPLIT_WORDS split_words
#    define BITPLANES_MERGE_WORDS merge_words
/* L2, Sapphire Rapids: 0.90 becomes 1.06 of the roofline for bytes; for 16 bits no change, and for
   32 0.75 became 0.63. */
#    define BITPLANES_FETCH_WIDTH 1
#    define BITPLANES_PAST_CACHES 1
BITX_BITPLANES_FUNCTIONS(BITX_AVX512, avx512)

#endif
