/* Nodes of wavelet trees, AVX2: pshufb with a row for each mask of eight, and pdep for subtrees. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "merge_avx2.h"
#    include "subtree.h"

/* Of each of 32 bytes, whether its bit of the mask is set. */
BITX_AVX2_INLINE __m256i bytes_of_bits(uint32_t mask)
{
    const __m256i byte =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
    __m256i v = _mm256_shuffle_epi8(_mm256_set1_epi32((int)mask), byte);
    return _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
}

BITX_AVX2_INLINE void put_constants(uint8_t *dst, __m256i low, __m256i high, uint64_t bits)
{
    store256(dst, _mm256_blendv_epi8(low, high, bytes_of_bits((uint32_t)bits)));
    store256(dst + 32, _mm256_blendv_epi8(low, high, bytes_of_bits((uint32_t)(bits >> 32))));
}

BITX_AVX2_INLINE uint64_t plane_bits(const uint8_t *plane, size_t bit, size_t n)
{
    return n >= 64 ? bits64_at(plane, bit) : bits_at(plane, bit, n);
}

/* 64 elements; a constant is read over and over. */
BITX_AVX2_INLINE void merge_either64(uint8_t *dst, const uint8_t *constant, const uint8_t **list,
                                     int high, uint64_t bits)
{
    const uint8_t *same = constant;
    merge_lists64(dst, high ? &same : list, high ? list : &same, bits);
}

BITX_AVX2 void bitx_merge_lists_u8_avx2(uint8_t *dst, const uint8_t *low, unsigned low_value,
                                        const uint8_t *high, unsigned high_value,
                                        const uint8_t *plane, size_t bit, size_t nelem)
{
    uint8_t constant[64 + 8];
    size_t i = 0;
    if (low && high) {
        for (; i < nelem; i += 64)
            merge_lists64(dst + i, &low, &high, plane_bits(plane, bit + i, nelem - i));
        return;
    }
    if (!low && !high) {
        __m256i l = _mm256_set1_epi8((char)low_value), h = _mm256_set1_epi8((char)high_value);
        for (; i < nelem; i += 64)
            put_constants(dst + i, l, h, plane_bits(plane, bit + i, nelem - i));
        return;
    }
    memset(constant, (int)(low ? high_value : low_value), sizeof(constant));
    if (low)
        for (; i < nelem; i += 64)
            merge_either64(dst + i, constant, &low, 0, plane_bits(plane, bit + i, nelem - i));
    else
        for (; i < nelem; i += 64)
            merge_either64(dst + i, constant, &high, 1, plane_bits(plane, bit + i, nelem - i));
}

BITX_AVX2 size_t bitx_subtree_u8_avx2(uint8_t *list, size_t nelem, const bitx_tree_shape *shape,
                                      unsigned depth, unsigned node, const uint8_t *planes,
                                      size_t nbytes, size_t bit)
{
    __m256i v0 = _mm256_setzero_si256(), v1 = v0;
    subtree_stack s;
    subtree_begin(&s, depth, node, nelem);
    while (s.n) {
        subtree_entry e = s.entry[--s.n];
        if (e.node < shape->count[e.depth]) {
            __m256i symbol = _mm256_set1_epi8((char)shape->symbol[shape->first[e.depth] + e.node]);
            v0 = _mm256_or_si256(v0, _mm256_and_si256(symbol, bytes_of_bits((uint32_t)e.mask)));
            v1 = _mm256_or_si256(v1,
                                 _mm256_and_si256(symbol, bytes_of_bits((uint32_t)(e.mask >> 32))));
            continue;
        }
        size_t n = (size_t)_mm_popcnt_u64(e.mask);
        if (n > 8 * nbytes - bit)
            return SIZE_MAX;
        subtree_descend(&s, shape, &e, _pdep_u64(subtree_peek(planes, nbytes, bit), e.mask));
        bit += n;
    }
    store256(list, v0);
    store256(list + 32, v1);
    return bit;
}

#endif
