/*
 * Bit planes, AVX-512. gf2p8affineqb multiplies 8 x 8 bit matrices: with the rows of the identity
 * as vectors and the data as matrix it transposes each qword (8 elements x 8 bits); vpermb and a
 * transpose of 8 x 8 qwords then bring the bytes of a plane together, 512 elements at a time.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitplanes.h"
#    include "transpose_avx512.h"

/*
 * The result's bit r of byte c is the data's bit c of byte r. The instruction takes the rows of its
 * matrix from the last byte to the first, so the bytes of each qword are reversed before.
 */
BITX_AVX512_INLINE __m512i transpose_bits(__m512i v)
{
    const __m512i identity = _mm512_set1_epi64((long long)0x8040201008040201);
    const __m512i reverse =
        _mm512_broadcast_i32x4(_mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
    return _mm512_gf2p8affine_epi64_epi8(identity, _mm512_shuffle_epi8(v, reverse), 0);
}

/* A chunk of bytes to eight planes of 64 bytes. */
BITX_AVX512 static void split_chunk(uint8_t *planes, size_t stride, const uint8_t *src)
{
    __m512i v[8];
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        v[k] = transpose_bytes(transpose_bits(load512(src + 64 * k)));
    transpose_qwords(v);
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        store512(planes + k * stride, v[k]);
}

BITX_AVX512 static void merge_chunk(uint8_t *dst, const uint8_t *planes, size_t stride)
{
    __m512i v[8];
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        v[k] = load512(planes + k * stride);
    transpose_qwords(v);
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        store512(dst + 64 * k, transpose_bits(transpose_bytes(v[k])));
}

#    define BITPLANES_SPLIT_WORDS NULL
#    define BITPLANES_MERGE_WORDS NULL
/* L2, Sapphire Rapids: 0.90 becomes 1.06 of the roofline for bytes, 0.55 0.62 for 16 bits; for 32
   bits 0.75 became 0.63. */
#    define BITPLANES_FETCH_WIDTH 2
BITX_BITPLANES_FUNCTIONS(BITX_AVX512, avx512)

#endif
