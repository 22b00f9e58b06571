/*
 * Bit planes, AVX2: a byte for each place of a group of eight in a vector of its own, and then the
 * bits transposed between the eight vectors, so that each ends as 32 bytes of one plane. vpmovmskb
 * and doubling, one plane of 32 elements at a time, took twice as long (Zen 5), and the inverse, by
 * broadcasting four bytes of a plane and testing bits, three times.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitplanes.h"
#    include "transpose_avx2.h"

/* Bits of x under mask << shift and of y under mask change places. */
BITX_AVX2_INLINE void swap_bits(__m256i *x, __m256i *y, int shift, int mask)
{
    __m256i differ = _mm256_and_si256(_mm256_xor_si256(_mm256_srli_epi16(*x, shift), *y),
                                      _mm256_set1_epi8((char)mask));
    *y = _mm256_xor_si256(*y, differ);
    *x = _mm256_xor_si256(*x, _mm256_slli_epi16(differ, shift));
}

/* Bit p of byte i of v[j] to bit j of byte i of v[p] (Hacker's Delight 7-3, between vectors). */
BITX_AVX2_INLINE void transpose_bits(__m256i v[8])
{
#    pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        swap_bits(&v[j], &v[j + 4], 4, 0x0f);
#    pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        swap_bits(&v[j / 2 * 4 + j % 2], &v[j / 2 * 4 + j % 2 + 2], 2, 0x33);
#    pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        swap_bits(&v[2 * j], &v[2 * j + 1], 1, 0x55);
}

/* A chunk of bytes to eight planes of BITPLANES_CHUNK / 8 bytes, 256 at a time. */
BITX_AVX2 static void split_chunk(uint8_t *planes, size_t stride, const uint8_t *src,
                                  int past_caches)
{
    (void)past_caches;
    for (size_t i = 0; i < BITPLANES_CHUNK; i += 256) {
        __m256i v[8];
#    pragma GCC unroll 8
        for (size_t k = 0; k < 8; k++)
            v[k] = load_lanes(src + i + 16 * k, 128);
        bytes_apart(v);
        transpose_bits(v);
#    pragma GCC unroll 8
        for (size_t k = 0; k < 8; k++)
            store256(planes + k * stride + i / 8, v[k]);
    }
}

BITX_AVX2 static void merge_chunk(uint8_t *dst, const uint8_t *planes, size_t stride,
                                  int past_caches)
{
    (void)past_caches;
    for (size_t i = 0; i < BITPLANES_CHUNK; i += 256) {
        __m256i v[8];
#    pragma GCC unroll 8
        for (size_t k = 0; k < 8; k++)
            v[k] = load256(planes + k * stride + i / 8);
        transpose_bits(v);
        bytes_together(v);
#    pragma GCC unroll 8
        for (size_t k = 0; k < 8; k++) {
            store128(dst + i + 16 * k, _mm256_castsi256_si128(v[k]));
            store128(dst + i + 128 + 16 * k, _mm256_extracti128_si256(v[k], 1));
        }
    }
}

/*
 * 256 elements of 16 bits in sixteen vectors, a row of eight in each lane. Low bytes of a row come
 * before its high ones; the bytes of two rows side by side are words, which are transposed.
 */
BITX_AVX2_INLINE void split_256_u16(uint8_t *planes, size_t stride, const uint8_t *a,
                                    const uint8_t *b)
{
    const __m256i even_odd = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
    __m256i v[2][8];
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++) {
        __m256i x = load_lanes(a + 32 * k, 256), y = load_lanes(a + 32 * k + 16, 256);
        if (b) {
            x = _mm256_xor_si256(x, load_lanes(b + 32 * k, 256));
            y = _mm256_xor_si256(y, load_lanes(b + 32 * k + 16, 256));
        }
        x = _mm256_shuffle_epi8(x, even_odd);
        y = _mm256_shuffle_epi8(y, even_odd);
        v[0][k] = _mm256_unpacklo_epi8(x, y);
        v[1][k] = _mm256_unpackhi_epi8(x, y);
    }
#    pragma GCC unroll 2
    for (size_t h = 0; h < 2; h++) {
        transpose_words(v[h]);
        transpose_bits(v[h]);
#    pragma GCC unroll 8
        for (size_t k = 0; k < 8; k++)
            store256(planes + (8 * h + k) * stride, v[h][k]);
    }
}

BITX_AVX2_INLINE void merge_256_u16(uint8_t *dst, const uint8_t *planes, size_t stride,
                                    const uint8_t *b)
{
    const __m256i low_byte = _mm256_set1_epi16(0xff);
    __m256i v[2][8];
#    pragma GCC unroll 2
    for (size_t h = 0; h < 2; h++) {
#    pragma GCC unroll 8
        for (size_t k = 0; k < 8; k++)
            v[h][k] = load256(planes + (8 * h + k) * stride);
        transpose_bits(v[h]);
        transpose_words(v[h]);
    }
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++) {
        __m256i low = v[0][k], high = v[1][k];
        __m256i x = _mm256_or_si256(_mm256_and_si256(low, low_byte), _mm256_slli_epi16(high, 8));
        __m256i y = _mm256_or_si256(_mm256_srli_epi16(low, 8), _mm256_andnot_si256(low_byte, high));
        if (b) { /* lanes exchanged, and so half of the loads and stores */
            __m256i first = _mm256_permute2x128_si256(x, y, 0x20);
            __m256i second = _mm256_permute2x128_si256(x, y, 0x31);
            store256(dst + 32 * k, _mm256_xor_si256(first, load256(b + 32 * k)));
            store256(dst + 256 + 32 * k, _mm256_xor_si256(second, load256(b + 256 + 32 * k)));
            continue;
        }
        store128(dst + 32 * k, _mm256_castsi256_si128(x));
        store128(dst + 32 * k + 16, _mm256_castsi256_si128(y));
        store128(dst + 256 + 32 * k, _mm256_extracti128_si256(x, 1));
        store128(dst + 256 + 32 * k + 16, _mm256_extracti128_si256(y, 1));
    }
}

BITX_AVX2 static void split_words(uint8_t *planes, size_t stride, const uint8_t *a,
                                  const uint8_t *b, int past_caches)
{
    (void)past_caches;
    for (size_t i = 0; i < BITPLANES_CHUNK; i += 256) {
        if (b)
            split_256_u16(planes + i / 8, stride, a + 2 * i, b + 2 * i);
        else
            split_256_u16(planes + i / 8, stride, a + 2 * i, NULL);
    }
}

BITX_AVX2 static void merge_words(uint8_t *dst, const uint8_t *planes, size_t stride,
                                  const uint8_t *b, int past_caches)
{
    (void)past_caches;
    for (size_t i = 0; i < BITPLANES_CHUNK; i += 256) {
        if (b)
            merge_256_u16(dst + 2 * i, planes + i / 8, stride, b + 2 * i);
        else
            merge_256_u16(dst + 2 * i, planes + i / 8, stride, NULL);
    }
}

#    define BITPLANES_SPLIT_WORDS split_words
#    define BITPLANES_MERGE_WORDS merge_words
#    define BITPLANES_FETCH_WIDTH 0
/* Neither is written by whole lines: elements merged past the caches, 16 bytes at a time, were 0.30
   of the DRAM roofline in place of 0.44. */
#    define BITPLANES_PAST_CACHES 0
BITX_BITPLANES_FUNCTIONS(BITX_AVX2, avx2)

#endif
