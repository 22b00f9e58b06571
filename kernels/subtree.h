/* What the files of subtree share: nodes that wait, with the elements that reach them as a mask. */
#ifndef BITX_SUBTREE_H
#define BITX_SUBTREE_H

#include <string.h>

#include "bitx/kernels.h"

typedef struct subtree_entry {
    uint64_t mask;
    unsigned depth, node;
} subtree_entry;

/* One for each depth at most, and the one that is worked on. */
typedef struct subtree_stack {
    subtree_entry entry[BITX_TREE_DEPTH_MAX + 2];
    unsigned n;
} subtree_stack;

static inline void subtree_begin(subtree_stack *s, unsigned depth, unsigned node, size_t nelem)
{
    s->entry[0] = (subtree_entry){~(uint64_t)0 >> (64 - nelem), depth, node};
    s->n = 1;
}

/* 64 bits from bit number `bit` on, zeros beyond the end. */
static inline uint64_t subtree_peek(const uint8_t *p, size_t nbytes, size_t bit)
{
    size_t byte = bit / 8;
    unsigned shift = bit % 8;
    uint64_t v = 0;
    if (byte + 9 <= nbytes) {
        memcpy(&v, p + byte, 8);
        return v >> shift | (uint64_t)p[byte + 8] << 1 << (63 - shift);
    }
    if (byte < nbytes)
        memcpy(&v, p + byte, nbytes - byte);
    return v >> shift;
}

/* The left child comes next, the right one when all below the left is done. */
static inline void subtree_descend(subtree_stack *s, const bitx_tree_shape *shape,
                                   const subtree_entry *e, uint64_t high)
{
    unsigned child = 2 * (e->node - shape->count[e->depth]);
    uint64_t low = e->mask & ~high;
    s->entry[s->n] = (subtree_entry){high, e->depth + 1, child + 1};
    s->n += high != 0;
    s->entry[s->n] = (subtree_entry){low, e->depth + 1, child};
    s->n += low != 0;
}

#endif
