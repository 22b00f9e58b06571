/* Nodes of wavelet trees, AVX-512: vpexpandb, and pdep for subtrees. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "subtree.h"
#    include "target_avx512.h"

BITX_AVX512_INLINE void merge_lists(uint8_t *dst, const uint8_t *low, __m512i low_value,
                                    const uint8_t *high, __m512i high_value, const uint8_t *plane,
                                    size_t bit, size_t n, int low_const, int high_const)
{
    for (size_t i = 0; i < n; i += 64) {
        uint64_t bits = n - i >= 64 ? bits64_at(plane, bit + i) : bits_at(plane, bit + i, n - i);
        size_t ones = (size_t)_mm_popcnt_u64(bits);
        __mmask64 to_high = _cvtu64_mask64(bits);
        __m512i v = low_value;
        if (!low_const)
            v = _mm512_maskz_expand_epi8(_knot_mask64(to_high), load512(low));
        if (high_const)
            v = _mm512_mask_mov_epi8(v, to_high, high_value);
        else
            v = _mm512_mask_expand_epi8(v, to_high, load512(high));
        store512(dst + i, v);
        if (!low_const)
            low += 64 - ones;
        if (!high_const)
            high += ones;
    }
}

BITX_AVX512 void bitx_merge_lists_u8_avx512(uint8_t *dst, const uint8_t *low, unsigned low_value,
                                            const uint8_t *high, unsigned high_value,
                                            const uint8_t *plane, size_t bit, size_t nelem)
{
    __m512i l = _mm512_set1_epi8((char)low_value), h = _mm512_set1_epi8((char)high_value);
    if (low && high)
        merge_lists(dst, low, l, high, h, plane, bit, nelem, 0, 0);
    else if (low)
        merge_lists(dst, low, l, NULL, h, plane, bit, nelem, 0, 1);
    else if (high)
        merge_lists(dst, NULL, l, high, h, plane, bit, nelem, 1, 0);
    else
        merge_lists(dst, NULL, l, NULL, h, plane, bit, nelem, 1, 1);
}

BITX_AVX512 size_t bitx_subtree_u8_avx512(uint8_t *list, size_t nelem, const bitx_tree_shape *shape,
                                          unsigned depth, unsigned node, const uint8_t *planes,
                                          size_t nbytes, size_t bit)
{
    __m512i v = _mm512_setzero_si512();
    subtree_stack s;
    subtree_begin(&s, depth, node, nelem);
    while (s.n) {
        subtree_entry e = s.entry[--s.n];
        if (e.node < shape->count[e.depth]) {
            char symbol = (char)shape->symbol[shape->first[e.depth] + e.node];
            v = _mm512_mask_set1_epi8(v, _cvtu64_mask64(e.mask), symbol);
            continue;
        }
        size_t n = (size_t)_mm_popcnt_u64(e.mask);
        if (n > 8 * nbytes - bit)
            return SIZE_MAX;
        subtree_descend(&s, shape, &e, _pdep_u64(subtree_peek(planes, nbytes, bit), e.mask));
        bit += n;
    }
    store512(list, v);
    return bit;
}

#endif
