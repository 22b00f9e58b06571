/* Byte planes, AVX-512. 64 elements at a time; the last block overlaps the one before it. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "planes.h"
#    include "transpose_avx512.h"

/* vpermt2b: the even bytes of two vectors. */
BITX_AVX512_INLINE __m512i even_bytes(void)
{
    return _mm512_setr_epi64(0x0e0c0a0806040200, 0x1e1c1a1816141210, 0x2e2c2a2826242220,
                             0x3e3c3a3836343230, 0x4e4c4a4846444240, 0x5e5c5a5856545250,
                             0x6e6c6a6866646260, 0x7e7c7a7876747270);
}

/* vpermt2b: the odd bytes of two vectors. */
BITX_AVX512_INLINE __m512i odd_bytes(void)
{
    return _mm512_setr_epi64(0x0f0d0b0907050301, 0x1f1d1b1917151311, 0x2f2d2b2927252321,
                             0x3f3d3b3937353331, 0x4f4d4b4947454341, 0x5f5d5b5957555351,
                             0x6f6d6b6967656361, 0x7f7d7b7977757371);
}

/* vpermb: the bytes of each plane of 16 dwords together. */
BITX_AVX512_INLINE __m512i group_u32(void)
{
    return _mm512_setr_epi64(0x1c1814100c080400, 0x3c3834302c282420, 0x1d1915110d090501,
                             0x3d3935312d292521, 0x1e1a16120e0a0602, 0x3e3a36322e2a2622,
                             0x1f1b17130f0b0703, 0x3f3b37332f2b2723);
}

/* vpermb: the inverse. */
BITX_AVX512_INLINE __m512i ungroup_u32(void)
{
    return _mm512_setr_epi64(0x3121110130201000, 0x3323130332221202, 0x3525150534241404,
                             0x3727170736261606, 0x3929190938281808, 0x3b2b1b0b3a2a1a0a,
                             0x3d2d1d0d3c2c1c0c, 0x3f2f1f0f3e2e1e0e);
}

BITX_AVX512_INLINE __m512i load_xored(const uint8_t *a, const uint8_t *b, size_t at)
{
    __m512i v = load512(a + at);
    return b ? _mm512_xor_si512(v, load512(b + at)) : v;
}

BITX_AVX512_INLINE void store_xored(uint8_t *dst, const uint8_t *b, size_t at, __m512i v,
                                    int past_caches)
{
    put512(dst + at, b ? _mm512_xor_si512(v, load512(b + at)) : v, past_caches);
}

BITX_AVX512_INLINE void split_block_u16(uint8_t *planes, size_t stride, const uint8_t *a,
                                        const uint8_t *b, int past_caches)
{
    __m512i v0 = load_xored(a, b, 0), v1 = load_xored(a, b, 64);
    put512(planes, _mm512_permutex2var_epi8(v0, even_bytes(), v1), past_caches);
    put512(planes + stride, _mm512_permutex2var_epi8(v0, odd_bytes(), v1), past_caches);
}

/* The qwords come as 0 4 1 5 2 6 3 7, because unpack works within the four lanes. */
BITX_AVX512_INLINE void merge_block_u16(uint8_t *dst, const uint8_t *planes, size_t stride,
                                        const uint8_t *b, int past_caches)
{
    const __m512i lanes = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    __m512i low = _mm512_permutexvar_epi64(lanes, load512(planes));
    __m512i high = _mm512_permutexvar_epi64(lanes, load512(planes + stride));
    store_xored(dst, b, 0, _mm512_unpacklo_epi8(low, high), past_caches);
    store_xored(dst, b, 64, _mm512_unpackhi_epi8(low, high), past_caches);
}

BITX_AVX512_INLINE void split_block_u32(uint8_t *planes, size_t stride, const uint8_t *a,
                                        const uint8_t *b, int past_caches)
{
    __m512i v[4];
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        v[k] = _mm512_permutexvar_epi8(group_u32(), load_xored(a, b, 64 * k));
    transpose_lanes(v);
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        put512(planes + k * stride, v[k], past_caches);
}

BITX_AVX512_INLINE void merge_block_u32(uint8_t *dst, const uint8_t *planes, size_t stride,
                                        const uint8_t *b, int past_caches)
{
    __m512i v[4];
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        v[k] = load512(planes + k * stride);
    transpose_lanes(v);
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        store_xored(dst, b, 64 * k, _mm512_permutexvar_epi8(ungroup_u32(), v[k]), past_caches);
}

BITX_AVX512_INLINE void split_block_u64(uint8_t *planes, size_t stride, const uint8_t *a,
                                        const uint8_t *b, int past_caches)
{
    __m512i v[8];
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        v[k] = transpose_bytes(load_xored(a, b, 64 * k));
    transpose_qwords(v);
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        put512(planes + k * stride, v[k], past_caches);
}

BITX_AVX512_INLINE void merge_block_u64(uint8_t *dst, const uint8_t *planes, size_t stride,
                                        const uint8_t *b, int past_caches)
{
    __m512i v[8];
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        v[k] = load512(planes + k * stride);
    transpose_qwords(v);
#    pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++)
        store_xored(dst, b, 64 * k, transpose_bytes(v[k]), past_caches);
}

BITX_AVX512_INLINE void split_block(uint8_t *planes, size_t stride, const uint8_t *a,
                                    const uint8_t *b, size_t width, int past_caches)
{
    if (width == 2)
        split_block_u16(planes, stride, a, b, past_caches);
    else if (width == 4)
        split_block_u32(planes, stride, a, b, past_caches);
    else
        split_block_u64(planes, stride, a, b, past_caches);
}

BITX_AVX512_INLINE void merge_block(uint8_t *dst, const uint8_t *planes, size_t stride,
                                    const uint8_t *b, size_t width, int past_caches)
{
    if (width == 2)
        merge_block_u16(dst, planes, stride, b, past_caches);
    else if (width == 4)
        merge_block_u32(dst, planes, stride, b, past_caches);
    else
        merge_block_u64(dst, planes, stride, b, past_caches);
}

/* As many whole blocks from i on as there are; returns where they end. */
BITX_AVX512_INLINE size_t split_blocks(uint8_t *planes, size_t stride, const uint8_t *a,
                                       const uint8_t *b, size_t i, size_t nelem, size_t width,
                                       int past_caches)
{
    for (; nelem - i >= 64; i += 64)
        split_block(planes + i, stride, a + width * i, b ? b + width * i : NULL, width,
                    past_caches);
    return i;
}

BITX_AVX512_INLINE size_t merge_blocks(uint8_t *dst, const uint8_t *planes, size_t stride,
                                       const uint8_t *b, size_t i, size_t nelem, size_t width,
                                       int past_caches)
{
    for (; nelem - i >= 64; i += 64)
        merge_block(dst + width * i, planes + i, stride, b ? b + width * i : NULL, width,
                    past_caches);
    return i;
}

/* The last block overlaps the one before it; and the first, those that begin at a cache line. */
BITX_AVX512_INLINE void split(uint8_t *planes, size_t stride, const uint8_t *a, const uint8_t *b,
                              size_t nelem, size_t width)
{
    size_t i = 0;
    if (planes_past_caches(stride, nelem, width)) {
        split_block(planes, stride, a, b, width, 0);
        i = split_blocks(planes, stride, a, b, to_next_line(planes), nelem, width, 1);
        _mm_sfence();
    }
    i = split_blocks(planes, stride, a, b, i, nelem, width, 0);
    if (i < nelem) {
        i = nelem - 64;
        split_block(planes + i, stride, a + width * i, b ? b + width * i : NULL, width, 0);
    }
}

BITX_AVX512_INLINE void merge(uint8_t *dst, const uint8_t *planes, size_t stride, const uint8_t *b,
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
        i = nelem - 64;
        merge_block(dst + width * i, planes + i, stride, b ? b + width * i : NULL, width, 0);
    }
}

BITX_PLANES_FUNCTIONS(BITX_AVX512, avx512, 64)

#endif
