/* Bit planes, AVX2: vpmovmskb takes the top bit of 32 bytes, and doubling brings the next one
 * there. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx2.h"

enum { CHUNK = 512 }; /* elements */

/* CHUNK bytes to eight planes of CHUNK / 8 bytes; 64 of a plane before the next. */
BITX_AVX2_INLINE void split_chunk(uint8_t *planes, size_t stride, const uint8_t *src)
{
    for (size_t i = 0; i < CHUNK; i += 64) {
        __m256i v0 = load256(src + i), v1 = load256(src + i + 32);
#    pragma GCC unroll 8
        for (size_t p = 8; p-- > 0;) {
            uint64_t low = (uint32_t)_mm256_movemask_epi8(v0);
            store64(planes + p * stride + i / 8, low | (uint64_t)(uint32_t)_mm256_movemask_epi8(v1)
                                                           << 32);
            v0 = _mm256_add_epi8(v0, v0);
            v1 = _mm256_add_epi8(v1, v1);
        }
    }
}

/* Four bytes of a plane to the 32 bytes that have bit `one` where they have a one. */
BITX_AVX2_INLINE __m256i spread(uint32_t bits, __m256i one)
{
    const __m256i source = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                            2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i place = _mm256_set1_epi64x((long long)0x8040201008040201);
    __m256i v = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), source);
    v = _mm256_cmpeq_epi8(_mm256_and_si256(v, place), place);
    return _mm256_and_si256(v, one);
}

BITX_AVX2_INLINE void merge_chunk(uint8_t *dst, const uint8_t *planes, size_t stride)
{
    for (size_t i = 0; i < CHUNK; i += 32) {
        __m256i v = _mm256_setzero_si256(), one = _mm256_set1_epi8(1);
#    pragma GCC unroll 8
        for (size_t p = 0; p < 8; p++) {
            uint32_t bits;
            memcpy(&bits, planes + p * stride + i / 8, 4);
            v = _mm256_or_si256(v, spread(bits, one));
            one = _mm256_add_epi8(one, one);
        }
        store256(dst + i, v);
    }
}

/* Bytes of elements to byte planes in `bytes`, CHUNK apart. */
BITX_AVX2_INLINE void to_bytes(uint8_t *bytes, const uint8_t *a, const uint8_t *b, size_t width,
                               size_t n)
{
    if (width == 1 && b)
        bitx_xor_bytes_avx2(bytes, a, b, n);
    else if (width == 1)
        memcpy(bytes, a, n);
    else if (width == 2 && b)
        bitx_xor_split_planes_u16_avx2(bytes, CHUNK, a, b, n);
    else if (width == 2)
        bitx_split_planes_u16_avx2(bytes, CHUNK, a, n);
    else if (b)
        bitx_xor_split_planes_u32_avx2(bytes, CHUNK, a, b, n);
    else
        bitx_split_planes_u32_avx2(bytes, CHUNK, a, n);
}

BITX_AVX2_INLINE void from_bytes(uint8_t *dst, const uint8_t *bytes, const uint8_t *b, size_t width,
                                 size_t n)
{
    if (width == 1 && b)
        bitx_xor_bytes_avx2(dst, bytes, b, n);
    else if (width == 1)
        memcpy(dst, bytes, n);
    else if (width == 2 && b)
        bitx_xor_merge_planes_u16_avx2(dst, bytes, CHUNK, b, n);
    else if (width == 2)
        bitx_merge_planes_u16_avx2(dst, bytes, CHUNK, n);
    else if (b)
        bitx_xor_merge_planes_u32_avx2(dst, bytes, CHUNK, b, n);
    else
        bitx_merge_planes_u32_avx2(dst, bytes, CHUNK, n);
}

/* Byte planes of a chunk that stays in L1, then the bit planes of each; the last chunk is filled up
   with zeros, and only the bytes that hold its bits are copied out. */
BITX_AVX2_INLINE void split(uint8_t *planes, size_t stride, const uint8_t *a, const uint8_t *b,
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

BITX_AVX2_INLINE void merge(uint8_t *dst, const uint8_t *planes, size_t stride, const uint8_t *b,
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

BITX_AVX2 void bitx_split_bits_u8_avx2(uint8_t *planes, size_t stride, const uint8_t *src,
                                       size_t nelem)
{
    split(planes, stride, src, NULL, 1, nelem);
}

BITX_AVX2 void bitx_xor_split_bits_u8_avx2(uint8_t *planes, size_t stride, const uint8_t *a,
                                           const uint8_t *b, size_t nelem)
{
    split(planes, stride, a, b, 1, nelem);
}

BITX_AVX2 void bitx_merge_bits_u8_avx2(uint8_t *dst, const uint8_t *planes, size_t stride,
                                       size_t nelem)
{
    merge(dst, planes, stride, NULL, 1, nelem);
}

BITX_AVX2 void bitx_xor_merge_bits_u8_avx2(uint8_t *dst, const uint8_t *planes, size_t stride,
                                           const uint8_t *b, size_t nelem)
{
    merge(dst, planes, stride, b, 1, nelem);
}

BITX_AVX2 void bitx_split_bits_u16_avx2(uint8_t *planes, size_t stride, const uint8_t *src,
                                        size_t nelem)
{
    split(planes, stride, src, NULL, 2, nelem);
}

BITX_AVX2 void bitx_xor_split_bits_u16_avx2(uint8_t *planes, size_t stride, const uint8_t *a,
                                            const uint8_t *b, size_t nelem)
{
    split(planes, stride, a, b, 2, nelem);
}

BITX_AVX2 void bitx_merge_bits_u16_avx2(uint8_t *dst, const uint8_t *planes, size_t stride,
                                        size_t nelem)
{
    merge(dst, planes, stride, NULL, 2, nelem);
}

BITX_AVX2 void bitx_xor_merge_bits_u16_avx2(uint8_t *dst, const uint8_t *planes, size_t stride,
                                            const uint8_t *b, size_t nelem)
{
    merge(dst, planes, stride, b, 2, nelem);
}

BITX_AVX2 void bitx_split_bits_u32_avx2(uint8_t *planes, size_t stride, const uint8_t *src,
                                        size_t nelem)
{
    split(planes, stride, src, NULL, 4, nelem);
}

BITX_AVX2 void bitx_xor_split_bits_u32_avx2(uint8_t *planes, size_t stride, const uint8_t *a,
                                            const uint8_t *b, size_t nelem)
{
    split(planes, stride, a, b, 4, nelem);
}

BITX_AVX2 void bitx_merge_bits_u32_avx2(uint8_t *dst, const uint8_t *planes, size_t stride,
                                        size_t nelem)
{
    merge(dst, planes, stride, NULL, 4, nelem);
}

BITX_AVX2 void bitx_xor_merge_bits_u32_avx2(uint8_t *dst, const uint8_t *planes, size_t stride,
                                            const uint8_t *b, size_t nelem)
{
    merge(dst, planes, stride, b, 4, nelem);
}

#endif
