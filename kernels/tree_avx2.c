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

/* 64 elements of one list, the others being in the high half of `constant` (or, with `high`, in its
   low half). */
BITX_AVX2_INLINE void merge_either64(uint8_t *dst, __m128i constant, const uint8_t **list, int high,
                                     const uint8_t *plane, unsigned shift)
{
    const uint8_t *at = *list;
#    pragma GCC unroll 8
    for (unsigned k = 0; k < 8; k++) {
        size_t mask = merge_mask(plane, shift, k), ones = (size_t)_mm_popcnt_u64(mask);
        __m128i both;
        if (high) {
            both = merge_pair(constant, at);
            at += ones;
        } else {
            both = _mm_loadl_epi64((const __m128i *)(const void *)(at + 8 * k));
            both = _mm_unpacklo_epi64(both, constant);
            at -= ones;
        }
        merge_put8(dst + 8 * k, both, mask);
    }
    *list = high ? at : at + 64;
}

enum { MERGE_BOTH, MERGE_LOW, MERGE_HIGH }; /* which are lists */

BITX_AVX2_INLINE void merge_64(uint8_t *dst, const uint8_t **low, const uint8_t **high,
                               __m128i constant, const uint8_t *plane, unsigned shift, int which)
{
    if (which == MERGE_BOTH)
        merge_lists64(dst, low, high, plane, shift);
    else
        merge_either64(dst, constant, which == MERGE_LOW ? low : high, which == MERGE_HIGH, plane,
                       shift);
}

/* shift: of the first byte of plane, 0 or variable. */
BITX_AVX2_INLINE void merge_loop(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                                 unsigned value, const uint8_t *plane, unsigned shift, size_t nelem,
                                 int which)
{
    const __m128i constant = _mm_set1_epi8((char)value);
    size_t i = 0;
    for (; nelem - i >= 64; i += 64)
        merge_64(dst + i, &low, &high, constant, plane + i / 8, shift, which);
    if (i < nelem) {
        uint8_t last[16] = {0};
        memcpy(last, plane + i / 8, (shift + nelem - i + 7) / 8);
        merge_64(dst + i, &low, &high, constant, last, shift, which);
    }
}

BITX_AVX2_INLINE void merge_lists_of(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                                     unsigned value, const uint8_t *plane, size_t bit, size_t nelem,
                                     int which)
{
    if (bit % 8)
        merge_loop(dst, low, high, value, plane + bit / 8, bit % 8, nelem, which);
    else
        merge_loop(dst, low, high, value, plane + bit / 8, 0, nelem, which);
}

BITX_AVX2 void bitx_merge_lists_u8_avx2(uint8_t *dst, const uint8_t *low, unsigned low_value,
                                        const uint8_t *high, unsigned high_value,
                                        const uint8_t *plane, size_t bit, size_t nelem)
{
    if (low && high) {
        merge_lists_of(dst, low, high, 0, plane, bit, nelem, MERGE_BOTH);
    } else if (low) {
        merge_lists_of(dst, low, NULL, high_value, plane, bit, nelem, MERGE_LOW);
    } else if (high) {
        merge_lists_of(dst, NULL, high, low_value, plane, bit, nelem, MERGE_HIGH);
    } else {
        __m256i l = _mm256_set1_epi8((char)low_value), h = _mm256_set1_epi8((char)high_value);
        for (size_t i = 0; i < nelem; i += 64)
            put_constants(dst + i, l, h, plane_bits(plane, bit + i, nelem - i));
    }
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
