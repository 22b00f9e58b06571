/* Byte planes, AVX2. 32 elements at a time; the last block overlaps the one before it. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "planes.h"
#    include "transpose_avx2.h"

BITX_AVX2_INLINE void store_lane(uint8_t *dst, __m128i v, int past_caches)
{
    if (past_caches)
        _mm_stream_si128((__m128i *)(void *)dst, v);
    else
        store128(dst, v);
}

BITX_AVX2_INLINE void store_xored(uint8_t *dst, const uint8_t *b, __m256i v, int past_caches)
{
    v = _mm256_xor_si256(v, load256(b));
    if (past_caches)
        _mm256_stream_si256((__m256i *)(void *)dst, v);
    else
        store256(dst, v);
}

/* The lower lanes to one place, then the upper ones to another; the inverse of load_two_lanes(). */
BITX_AVX2_INLINE void store_two_lanes(uint8_t *dst, const uint8_t *b, size_t upper, __m256i v0,
                                      __m256i v1, int past_caches)
{
    if (b) {
        store_xored(dst, b, _mm256_permute2x128_si256(v0, v1, 0x20), past_caches);
        store_xored(dst + upper, b + upper, _mm256_permute2x128_si256(v0, v1, 0x31), past_caches);
        return;
    }
    store_lane(dst, _mm256_castsi256_si128(v0), past_caches);
    store_lane(dst + 16, _mm256_castsi256_si128(v1), past_caches);
    store_lane(dst + upper, _mm256_extracti128_si256(v0, 1), past_caches);
    store_lane(dst + upper + 16, _mm256_extracti128_si256(v1, 1), past_caches);
}

/* The lower lanes to one line of 64 bytes, then the upper ones to another. */
BITX_AVX2_INLINE void store_lines(uint8_t *dst, const uint8_t *b, size_t upper, __m256i v0,
                                  __m256i v1, __m256i v2, __m256i v3, int past_caches)
{
    if (b) {
        store_xored(dst, b, _mm256_permute2x128_si256(v0, v1, 0x20), past_caches);
        store_xored(dst + 32, b + 32, _mm256_permute2x128_si256(v2, v3, 0x20), past_caches);
        stores_in_order();
        store_xored(dst + upper, b + upper, _mm256_permute2x128_si256(v0, v1, 0x31), past_caches);
        store_xored(dst + upper + 32, b + upper + 32, _mm256_permute2x128_si256(v2, v3, 0x31),
                    past_caches);
        stores_in_order();
        return;
    }
    store_lane(dst, _mm256_castsi256_si128(v0), past_caches);
    store_lane(dst + 16, _mm256_castsi256_si128(v1), past_caches);
    store_lane(dst + 32, _mm256_castsi256_si128(v2), past_caches);
    store_lane(dst + 48, _mm256_castsi256_si128(v3), past_caches);
    stores_in_order();
    store_lane(dst + upper, _mm256_extracti128_si256(v0, 1), past_caches);
    store_lane(dst + upper + 16, _mm256_extracti128_si256(v1, 1), past_caches);
    store_lane(dst + upper + 32, _mm256_extracti128_si256(v2, 1), past_caches);
    store_lane(dst + upper + 48, _mm256_extracti128_si256(v3, 1), past_caches);
    stores_in_order();
}

/* Low bytes to *low and high bytes to *high. */
BITX_AVX2_INLINE void split32_u16(__m256i *low, __m256i *high, const uint8_t *a, const uint8_t *b)
{
    const __m256i group = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
    __m256i v[2];
    load_two_lanes(v, a, b, 32);
    v[0] = _mm256_shuffle_epi8(v[0], group);
    v[1] = _mm256_shuffle_epi8(v[1], group);
    *low = _mm256_unpacklo_epi64(v[0], v[1]);
    *high = _mm256_unpackhi_epi64(v[0], v[1]);
}

BITX_AVX2_INLINE void split_block_u16(uint8_t *planes, size_t stride, const uint8_t *a,
                                      const uint8_t *b)
{
    __m256i low, high;
    split32_u16(&low, &high, a, b);
    store256(planes, low);
    store256(planes + stride, high);
}

/* 64 elements, a cache line of each plane (put_line says why). */
BITX_AVX2_INLINE void split_lines_u16(uint8_t *planes, size_t stride, const uint8_t *a,
                                      const uint8_t *b, int past_caches)
{
    __m256i low0, high0, low1, high1;
    split32_u16(&low0, &high0, a, b);
    split32_u16(&low1, &high1, a + 64, b ? b + 64 : NULL);
    put_line(planes, low0, low1, past_caches);
    put_line(planes + stride, high0, high1, past_caches);
}

BITX_AVX2_INLINE void merge_block_u16(uint8_t *dst, const uint8_t *planes, size_t stride,
                                      const uint8_t *b, int past_caches)
{
    __m256i low = load256(planes), high = load256(planes + stride);
    __m256i v0 = _mm256_unpacklo_epi8(low, high), v1 = _mm256_unpackhi_epi8(low, high);
    store_two_lanes(dst, b, 32, v0, v1, past_caches);
}

/* Bytes of a plane together, four of each; then a transpose of 4 x 4 dwords in each lane. */
BITX_AVX2_INLINE void split32_u32(__m256i p[4], const uint8_t *a, const uint8_t *b)
{
    const __m256i group = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m256i v[4];
    load_two_lanes(v, a, b, 64);
    load_two_lanes(v + 2, a + 32, b ? b + 32 : NULL, 64);
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        v[k] = _mm256_shuffle_epi8(v[k], group);
    __m256i x0 = _mm256_unpacklo_epi32(v[0], v[1]), x1 = _mm256_unpacklo_epi32(v[2], v[3]);
    __m256i y0 = _mm256_unpackhi_epi32(v[0], v[1]), y1 = _mm256_unpackhi_epi32(v[2], v[3]);
    p[0] = _mm256_unpacklo_epi64(x0, x1);
    p[1] = _mm256_unpackhi_epi64(x0, x1);
    p[2] = _mm256_unpacklo_epi64(y0, y1);
    p[3] = _mm256_unpackhi_epi64(y0, y1);
}

BITX_AVX2_INLINE void split_block_u32(uint8_t *planes, size_t stride, const uint8_t *a,
                                      const uint8_t *b)
{
    __m256i p[4];
    split32_u32(p, a, b);
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        store256(planes + k * stride, p[k]);
}

/* 64 elements, a cache line of each plane. */
BITX_AVX2_INLINE void split_lines_u32(uint8_t *planes, size_t stride, const uint8_t *a,
                                      const uint8_t *b, int past_caches)
{
    __m256i p[4], q[4];
    split32_u32(p, a, b);
    split32_u32(q, a + 128, b ? b + 128 : NULL);
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        put_line(planes + k * stride, p[k], q[k], past_caches);
}

BITX_AVX2_INLINE void merge_block_u32(uint8_t *dst, const uint8_t *planes, size_t stride,
                                      const uint8_t *b, int past_caches)
{
    __m256i p0 = load256(planes), p1 = load256(planes + stride);
    __m256i p2 = load256(planes + 2 * stride), p3 = load256(planes + 3 * stride);
    __m256i x0 = _mm256_unpacklo_epi8(p0, p1), x1 = _mm256_unpacklo_epi8(p2, p3);
    __m256i y0 = _mm256_unpackhi_epi8(p0, p1), y1 = _mm256_unpackhi_epi8(p2, p3);
    store_lines(dst, b, 64, _mm256_unpacklo_epi16(x0, x1), _mm256_unpackhi_epi16(x0, x1),
                _mm256_unpacklo_epi16(y0, y1), _mm256_unpackhi_epi16(y0, y1), past_caches);
}

BITX_AVX2_INLINE void split32_u64(__m256i v[8], const uint8_t *a, const uint8_t *b)
{
#    pragma GCC unroll 4
    for (size_t k = 0; k < 8; k += 2)
        load_two_lanes(v + k, a + 16 * k, b ? b + 16 * k : NULL, 128);
    bytes_apart(v);
}

BITX_AVX2_INLINE void split_block_u64(uint8_t *planes, size_t stride, const uint8_t *a,
                                      const uint8_t *b)
{
    __m256i v[8];
    split32_u64(v, a, b);
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        store256(planes + k * stride, v[k]);
}

/* 64 elements, a cache line of each plane; the first half waits in L1. */
BITX_AVX2_INLINE void split_lines_u64(uint8_t *planes, size_t stride, const uint8_t *a,
                                      const uint8_t *b, int past_caches)
{
    __m256i first[8], v[8];
    split32_u64(first, a, b);
    split32_u64(v, a + 256, b ? b + 256 : NULL);
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        put_line(planes + k * stride, first[k], v[k], past_caches);
}

BITX_AVX2_INLINE void merge_block_u64(uint8_t *dst, const uint8_t *planes, size_t stride,
                                      const uint8_t *b, int past_caches)
{
    __m256i v[8];
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        v[k] = load256(planes + k * stride);
    bytes_together(v);
    store_lines(dst, b, 128, v[0], v[1], v[2], v[3], past_caches);
    store_lines(dst + 64, b ? b + 64 : NULL, 128, v[4], v[5], v[6], v[7], past_caches);
}

BITX_AVX2_INLINE void split_block(uint8_t *planes, size_t stride, const uint8_t *a,
                                  const uint8_t *b, size_t width)
{
    if (width == 2)
        split_block_u16(planes, stride, a, b);
    else if (width == 4)
        split_block_u32(planes, stride, a, b);
    else
        split_block_u64(planes, stride, a, b);
}

BITX_AVX2_INLINE void merge_block(uint8_t *dst, const uint8_t *planes, size_t stride,
                                  const uint8_t *b, size_t width, int past_caches)
{
    if (width == 2)
        merge_block_u16(dst, planes, stride, b, past_caches);
    else if (width == 4)
        merge_block_u32(dst, planes, stride, b, past_caches);
    else
        merge_block_u64(dst, planes, stride, b, past_caches);
}

/* As many lines of 64 elements from i on as there are; returns where they end. */
BITX_AVX2_INLINE size_t split_lines(uint8_t *planes, size_t stride, const uint8_t *a,
                                    const uint8_t *b, size_t i, size_t nelem, size_t width,
                                    int past_caches)
{
    for (; nelem - i >= 64; i += 64) {
        const uint8_t *x = a + width * i, *y = b ? b + width * i : NULL;
        if (width == 2)
            split_lines_u16(planes + i, stride, x, y, past_caches);
        else if (width == 4)
            split_lines_u32(planes + i, stride, x, y, past_caches);
        else
            split_lines_u64(planes + i, stride, x, y, past_caches);
    }
    return i;
}

/* The last block overlaps the one before it; and the first two, the lines past the caches. */
BITX_AVX2_INLINE void split(uint8_t *planes, size_t stride, const uint8_t *a, const uint8_t *b,
                            size_t nelem, size_t width)
{
    size_t i = 0;
    if (planes_past_caches(stride, nelem, width)) {
        split_lines(planes, stride, a, b, 0, 64, width, 0);
        i = split_lines(planes, stride, a, b, to_next_line(planes), nelem, width, 1);
        _mm_sfence();
    }
    i = split_lines(planes, stride, a, b, i, nelem, width, 0);
    for (; nelem - i >= 32; i += 32)
        split_block(planes + i, stride, a + width * i, b ? b + width * i : NULL, width);
    if (i < nelem) {
        i = nelem - 32;
        split_block(planes + i, stride, a + width * i, b ? b + width * i : NULL, width);
    }
}

BITX_AVX2_INLINE size_t merge_blocks(uint8_t *dst, const uint8_t *planes, size_t stride,
                                     const uint8_t *b, size_t i, size_t nelem, size_t width,
                                     int past_caches)
{
    for (; nelem - i >= 32; i += 32)
        merge_block(dst + width * i, planes + i, stride, b ? b + width * i : NULL, width,
                    past_caches);
    return i;
}

BITX_AVX2_INLINE void merge(uint8_t *dst, const uint8_t *planes, size_t stride, const uint8_t *b,
                            size_t nelem, size_t width)
{
    size_t i = 0;
    if (words_past_caches(dst, nelem, width)) {
        merge_block(dst, planes, stride, b, width, 0);
        i = merge_blocks(dst, planes, stride, b, to_next_line(dst) / width, nelem, width, 1);
        _mm_sfence();
    }
    i = merge_blocks(dst, planes, stride, b, i, nelem, width, 0);
    if (i < nelem) {
        i = nelem - 32;
        merge_block(dst + width * i, planes + i, stride, b ? b + width * i : NULL, width, 0);
    }
}

BITX_PLANES_FUNCTIONS(BITX_AVX2, avx2, 32)

#endif
