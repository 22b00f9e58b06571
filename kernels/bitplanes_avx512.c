/*
 * Bit planes, AVX-512. gf2p8affineqb multiplies 8 x 8 bit matrices: with the rows of the identity
 * as vectors and the data as matrix it transposes each qword (8 elements x 8 bits); vpermb and a
 * transpose of 8 x 8 qwords then bring the bytes of a plane together, 512 elements at a time.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx512.h"

enum { CHUNK = 512 }; /* elements */

/* vpermb: 8 x 8 bytes transposed, its own inverse. */
BITX_AVX512_INLINE __m512i transpose_8x8(__m512i v)
{
    const __m512i index = _mm512_setr_epi64(
        0x3830282018100800, 0x3931292119110901, 0x3a322a221a120a02, 0x3b332b231b130b03,
        0x3c342c241c140c04, 0x3d352d251d150d05, 0x3e362e261e160e06, 0x3f372f271f170f07);
    return _mm512_permutexvar_epi8(index, v);
}

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

BITX_AVX512_INLINE void transpose_lanes(__m512i v[4])
{
    __m512i x0 = _mm512_shuffle_i32x4(v[0], v[1], 0x44),
            x1 = _mm512_shuffle_i32x4(v[2], v[3], 0x44);
    __m512i y0 = _mm512_shuffle_i32x4(v[0], v[1], 0xee),
            y1 = _mm512_shuffle_i32x4(v[2], v[3], 0xee);
    v[0] = _mm512_shuffle_i32x4(x0, x1, 0x88);
    v[1] = _mm512_shuffle_i32x4(x0, x1, 0xdd);
    v[2] = _mm512_shuffle_i32x4(y0, y1, 0x88);
    v[3] = _mm512_shuffle_i32x4(y0, y1, 0xdd);
}

BITX_AVX512_INLINE void transpose_qwords(__m512i v[8])
{
    __m512i even[4], odd[4];
#    pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        even[k] = _mm512_unpacklo_epi64(v[2 * k], v[2 * k + 1]);
        odd[k] = _mm512_unpackhi_epi64(v[2 * k], v[2 * k + 1]);
    }
    transpose_lanes(even);
    transpose_lanes(odd);
#    pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        v[2 * k] = even[k];
        v[2 * k + 1] = odd[k];
    }
}

/* CHUNK bytes to eight planes of 64 bytes. */
BITX_AVX512_INLINE void split_chunk(uint8_t *planes, size_t stride, const uint8_t *src)
{
    __m512i v[8];
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        v[k] = transpose_8x8(transpose_bits(load512(src + 64 * k)));
    transpose_qwords(v);
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        store512(planes + k * stride, v[k]);
}

BITX_AVX512_INLINE void merge_chunk(uint8_t *dst, const uint8_t *planes, size_t stride)
{
    __m512i v[8];
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        v[k] = load512(planes + k * stride);
    transpose_qwords(v);
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        store512(dst + 64 * k, transpose_bits(transpose_8x8(v[k])));
}

/* Bytes of elements to byte planes in `bytes`, CHUNK apart. */
BITX_AVX512_INLINE void to_bytes(uint8_t *bytes, const uint8_t *a, const uint8_t *b, size_t width,
                                 size_t n)
{
    if (width == 1 && b)
        bitx_xor_bytes_avx512(bytes, a, b, n);
    else if (width == 1)
        memcpy(bytes, a, n);
    else if (width == 2 && b)
        bitx_xor_split_planes_u16_avx512(bytes, CHUNK, a, b, n);
    else if (width == 2)
        bitx_split_planes_u16_avx512(bytes, CHUNK, a, n);
    else if (b)
        bitx_xor_split_planes_u32_avx512(bytes, CHUNK, a, b, n);
    else
        bitx_split_planes_u32_avx512(bytes, CHUNK, a, n);
}

BITX_AVX512_INLINE void from_bytes(uint8_t *dst, const uint8_t *bytes, const uint8_t *b,
                                   size_t width, size_t n)
{
    if (width == 1 && b)
        bitx_xor_bytes_avx512(dst, bytes, b, n);
    else if (width == 1)
        memcpy(dst, bytes, n);
    else if (width == 2 && b)
        bitx_xor_merge_planes_u16_avx512(dst, bytes, CHUNK, b, n);
    else if (width == 2)
        bitx_merge_planes_u16_avx512(dst, bytes, CHUNK, n);
    else if (b)
        bitx_xor_merge_planes_u32_avx512(dst, bytes, CHUNK, b, n);
    else
        bitx_merge_planes_u32_avx512(dst, bytes, CHUNK, n);
}

/* Byte planes of a chunk that stays in L1, then the bit planes of each; the last chunk is filled up
   with zeros, and only the bytes that hold its bits are copied out. */
BITX_AVX512_INLINE void split(uint8_t *planes, size_t stride, const uint8_t *a, const uint8_t *b,
                              size_t width, size_t nelem)
{
    uint8_t bytes[4 * CHUNK], bits[CHUNK];
    for (size_t i = 0; i < nelem; i += CHUNK) {
        size_t n = nelem - i < CHUNK ? nelem - i : CHUNK, nbytes = (n + 7) / 8;
        to_bytes(bytes, a + width * i, b ? b + width * i : NULL, width, n);
        for (size_t k = 0; k < width; k++) {
            uint8_t *to = planes + 8 * k * stride + i / 8;
            if (n == CHUNK) {
                split_chunk(to, stride, bytes + k * CHUNK);
                continue;
            }
            memset(bytes + k * CHUNK + n, 0, CHUNK - n);
            split_chunk(bits, CHUNK / 8, bytes + k * CHUNK);
            for (size_t p = 0; p < 8; p++)
                memcpy(to + p * stride, bits + p * (CHUNK / 8), nbytes);
        }
    }
}

BITX_AVX512_INLINE void merge(uint8_t *dst, const uint8_t *planes, size_t stride, const uint8_t *b,
                              size_t width, size_t nelem)
{
    uint8_t bytes[4 * CHUNK], bits[CHUNK] = {0};
    for (size_t i = 0; i < nelem; i += CHUNK) {
        size_t n = nelem - i < CHUNK ? nelem - i : CHUNK, nbytes = (n + 7) / 8;
        for (size_t k = 0; k < width; k++) {
            const uint8_t *from = planes + 8 * k * stride + i / 8;
            if (n == CHUNK) {
                merge_chunk(bytes + k * CHUNK, from, stride);
                continue;
            }
            for (size_t p = 0; p < 8; p++)
                memcpy(bits + p * (CHUNK / 8), from + p * stride, nbytes);
            merge_chunk(bytes + k * CHUNK, bits, CHUNK / 8);
        }
        from_bytes(dst + width * i, bytes, b ? b + width * i : NULL, width, n);
    }
}

BITX_AVX512 void bitx_split_bits_u8_avx512(uint8_t *planes, size_t stride, const uint8_t *src,
                                           size_t nelem)
{
    split(planes, stride, src, NULL, 1, nelem);
}

BITX_AVX512 void bitx_xor_split_bits_u8_avx512(uint8_t *planes, size_t stride, const uint8_t *a,
                                               const uint8_t *b, size_t nelem)
{
    split(planes, stride, a, b, 1, nelem);
}

BITX_AVX512 void bitx_merge_bits_u8_avx512(uint8_t *dst, const uint8_t *planes, size_t stride,
                                           size_t nelem)
{
    merge(dst, planes, stride, NULL, 1, nelem);
}

BITX_AVX512 void bitx_xor_merge_bits_u8_avx512(uint8_t *dst, const uint8_t *planes, size_t stride,
                                               const uint8_t *b, size_t nelem)
{
    merge(dst, planes, stride, b, 1, nelem);
}

BITX_AVX512 void bitx_split_bits_u16_avx512(uint8_t *planes, size_t stride, const uint8_t *src,
                                            size_t nelem)
{
    split(planes, stride, src, NULL, 2, nelem);
}

BITX_AVX512 void bitx_xor_split_bits_u16_avx512(uint8_t *planes, size_t stride, const uint8_t *a,
                                                const uint8_t *b, size_t nelem)
{
    split(planes, stride, a, b, 2, nelem);
}

BITX_AVX512 void bitx_merge_bits_u16_avx512(uint8_t *dst, const uint8_t *planes, size_t stride,
                                            size_t nelem)
{
    merge(dst, planes, stride, NULL, 2, nelem);
}

BITX_AVX512 void bitx_xor_merge_bits_u16_avx512(uint8_t *dst, const uint8_t *planes, size_t stride,
                                                const uint8_t *b, size_t nelem)
{
    merge(dst, planes, stride, b, 2, nelem);
}

BITX_AVX512 void bitx_split_bits_u32_avx512(uint8_t *planes, size_t stride, const uint8_t *src,
                                            size_t nelem)
{
    split(planes, stride, src, NULL, 4, nelem);
}

BITX_AVX512 void bitx_xor_split_bits_u32_avx512(uint8_t *planes, size_t stride, const uint8_t *a,
                                                const uint8_t *b, size_t nelem)
{
    split(planes, stride, a, b, 4, nelem);
}

BITX_AVX512 void bitx_merge_bits_u32_avx512(uint8_t *dst, const uint8_t *planes, size_t stride,
                                            size_t nelem)
{
    merge(dst, planes, stride, NULL, 4, nelem);
}

BITX_AVX512 void bitx_xor_merge_bits_u32_avx512(uint8_t *dst, const uint8_t *planes, size_t stride,
                                                const uint8_t *b, size_t nelem)
{
    merge(dst, planes, stride, b, 4, nelem);
}

#endif
