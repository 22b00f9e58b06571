/* Nodes of wavelet trees: merges of lists with room behind them, and whole subtrees of few
 * elements. Any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include "subtree.h"

void bitx_merge_lists_u8_scalar(uint8_t *dst, const uint8_t *low, unsigned low_value,
                                const uint8_t *high, unsigned high_value, const uint8_t *plane,
                                size_t bit, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        size_t at = bit + i;
        if (plane[at / 8] >> at % 8 & 1)
            dst[i] = high ? *high++ : (uint8_t)high_value;
        else
            dst[i] = low ? *low++ : (uint8_t)low_value;
    }
}

/* Bit i of v to where the mask has its i-th one. */
static uint64_t deposit(uint64_t v, uint64_t mask)
{
    uint64_t to = 0;
    for (; mask; mask &= mask - 1, v >>= 1)
        to |= v & 1 ? mask & (0 - mask) : 0;
    return to;
}

size_t bitx_subtree_u8_scalar(uint8_t *list, size_t nelem, const bitx_tree_shape *shape,
                              unsigned depth, unsigned node, const uint8_t *planes, size_t nbytes,
                              size_t bit)
{
    subtree_stack s;
    subtree_begin(&s, depth, node, nelem);
    while (s.n) {
        subtree_entry e = s.entry[--s.n];
        if (e.node < shape->count[e.depth]) {
            uint8_t symbol = shape->symbol[shape->first[e.depth] + e.node];
            for (uint64_t m = e.mask; m; m &= m - 1)
                list[__builtin_ctzll(m)] = symbol;
            continue;
        }
        size_t n = (size_t)__builtin_popcountll(e.mask);
        if (n > 8 * nbytes - bit)
            return SIZE_MAX;
        subtree_descend(&s, shape, &e, deposit(subtree_peek(planes, nbytes, bit), e.mask));
        bit += n;
    }
    return bit;
}
