/*
 * Elements from the lists of their groups, AVX2: merges of two lists at a time along a tree of the
 * groups, by planes that the classes give; as many for an element as its group is deep in the tree:
 * 1.4 to 2.4, where expanding each group alone takes a table's row for each eight elements and
 * group. Private to kernels/.
 */
#ifndef BITX_GROUP_TREE_AVX2_H
#define BITX_GROUP_TREE_AVX2_H

#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "merge_avx2.h"

enum { PART = 2048, GROUPS = 16, LEAVES = GROUPS + 1, NODES = 2 * LEAVES, LEVELS = 8 };

/* A tree of the groups and, behind them, of what has none, the frequent ones near the root: nodes
   below LEAVES are groups. */
typedef struct group_tree {
    unsigned root, depth;
    uint8_t child[NODES][2];
    uint8_t paths[LEAVES]; /* of a class: bit 7 is the turn at the root, bit 6 the next ... */
    /* Inner nodes in the order of the walk, parents first. */
    unsigned ninner;
    uint8_t parent[LEAVES], turn[LEAVES], level[LEAVES];
    int has_none;
} group_tree;

static void walk(group_tree *t, unsigned node, unsigned level, unsigned path, unsigned parent,
                 unsigned turn, uint8_t leaf_paths[LEAVES])
{
    if (node < LEAVES) {
        leaf_paths[node] = (uint8_t)path;
        return;
    }
    unsigned me = t->ninner++;
    t->parent[me] = (uint8_t)parent;
    t->turn[me] = (uint8_t)turn;
    t->level[me] = (uint8_t)level;
    t->depth = t->depth > level + 1 ? t->depth : level + 1;
    if (level >= LEVELS)
        return;
    walk(t, t->child[node][0], level + 1, path, me, 0, leaf_paths);
    walk(t, t->child[node][1], level + 1, path | 128u >> level, me, 1, leaf_paths);
}

/* Huffman's, of these counts and `least` more of each. */
static void grow(group_tree *t, const uint32_t counts[LEAVES], unsigned ngroups, uint32_t least)
{
    uint32_t weight[NODES];
    unsigned alive[LEAVES], n = 0, next = LEAVES;
    for (unsigned g = 0; g < LEAVES; g++)
        if (g < ngroups || (g == GROUPS && t->has_none)) {
            weight[g] = counts[g] + least;
            alive[n++] = g;
        }
    while (n > 1) {
        for (unsigned k = 1; k <= 2; k++) /* the two least to the end */
            for (unsigned i = 0; i < n - k; i++)
                if (weight[alive[i]] < weight[alive[n - k]]) {
                    unsigned swap = alive[i];
                    alive[i] = alive[n - k];
                    alive[n - k] = swap;
                }
        t->child[next][0] = (uint8_t)alive[n - 2];
        t->child[next][1] = (uint8_t)alive[n - 1];
        weight[next] = weight[alive[n - 1]] + weight[alive[n - 2]];
        alive[n - 2] = next++;
        n--;
    }
    t->root = alive[0];
}

static void plant(group_tree *t, const uint32_t counts[LEAVES], const uint8_t group[16],
                  unsigned ngroups, int has_none)
{
    uint8_t leaf_paths[LEAVES] = {0};
    t->has_none = has_none;
    /* PART / 32 of each keeps the tree within LEVELS: one deeper would need 89 times as many. */
    for (uint32_t least = PART / 256; least <= PART / 32; least *= 8) {
        grow(t, counts, ngroups, least);
        t->ninner = t->depth = 0;
        walk(t, t->root, 0, 0, 0, 0, leaf_paths);
        if (t->depth <= LEVELS)
            break;
    }
    for (unsigned c = 0; c < 16; c++)
        t->paths[c] = leaf_paths[group[c]];
    t->paths[16] = leaf_paths[GROUPS];
}

/* The planes of a part, each a string of its own, and for each 64 elements how they turn at a
   level, and which of them come to a node. */
typedef struct group_planes {
    uint8_t bits[LEAVES][PART / 8 + 16];
    size_t ones[LEAVES];
    uint64_t turns[LEVELS][PART / 64], in[LEAVES][PART / 64];
} group_planes;

BITX_AVX2_INLINE uint64_t top_bits(__m256i first, __m256i second)
{
    return (uint32_t)_mm256_movemask_epi8(first) | (uint64_t)(uint32_t)_mm256_movemask_epi8(second)
                                                       << 32;
}

/* The turns of those that come to node k, one after the other. */
BITX_AVX2_INLINE void make_plane(const group_tree *t, unsigned k, size_t nwords,
                                 group_planes *planes)
{
    const unsigned parent = t->parent[k];
    const uint64_t *turns = planes->turns[t->level[k]], *outer = planes->in[parent];
    const uint64_t *there = planes->turns[t->level[parent]];
    const uint64_t other_way = t->turn[k] ? 0 : ~(uint64_t)0;
    uint8_t *to = planes->bits[k];
    uint64_t pending = 0, fill = 0;
    size_t ones = 0;
    for (size_t i = 0; i < nwords; i++) {
        uint64_t in = k ? outer[i] & (there[i] ^ other_way) : ~(uint64_t)0;
        uint64_t bits = _pext_u64(turns[i], in);
        planes->in[k][i] = in;
        ones += (size_t)_mm_popcnt_u64(bits);
        uint64_t word = pending | bits << fill, over = bits >> 1 >> (63 - fill);
        store64(to, word);
        fill += (uint64_t)_mm_popcnt_u64(in);
        pending = fill >= 64 ? over : word;
        to += fill / 64 * 8;
        fill %= 64;
    }
    store64(to, pending);
    planes->ones[k] = ones;
}

/* n: a multiple of 64. */
BITX_AVX2_INLINE void make_turns(const group_tree *t, const uint8_t *classes, size_t n,
                                 group_planes *planes, int has_none)
{
    const __m256i table = _mm256_broadcastsi128_si256(load128(t->paths));
    const __m256i of_none = _mm256_set1_epi8((char)t->paths[16]);
    for (size_t i = 0; i < n; i += 64) {
        __m256i c0 = load256(classes + i), c1 = load256(classes + i + 32);
        __m256i path0 = _mm256_shuffle_epi8(table, c0), path1 = _mm256_shuffle_epi8(table, c1);
        if (has_none) {
            path0 = _mm256_blendv_epi8(path0, of_none, c0);
            path1 = _mm256_blendv_epi8(path1, of_none, c1);
        }
        for (unsigned d = 0; d < t->depth; d++) {
            planes->turns[d][i / 64] = top_bits(path0, path1);
            path0 = _mm256_add_epi8(path0, path0);
            path1 = _mm256_add_epi8(path1, path1);
        }
    }
}

/* n: a multiple of 64. */
BITX_AVX2_INLINE void make_planes(const group_tree *t, const uint8_t *classes, size_t n,
                                  group_planes *planes)
{
    if (t->has_none)
        make_turns(t, classes, n, planes, 1);
    else
        make_turns(t, classes, n, planes, 0);
    for (unsigned k = 0; k < t->ninner; k++)
        make_plane(t, k, n / 64, planes);
}

/* dst and other: as many bytes as the node has elements, and 64. Returns where they are: dst, or a
   list. */
BITX_AVX2 static const uint8_t *merge_node(const group_tree *t, const group_planes *planes,
                                           unsigned node, unsigned *inner, size_t n,
                                           const uint8_t *lists[LEAVES], uint8_t *dst,
                                           uint8_t *other)
{
    if (node < LEAVES) {
        const uint8_t *at = lists[node];
        lists[node] += n;
        return at;
    }
    unsigned me = (*inner)++;
    size_t nhigh = planes->ones[me], nlow = n - nhigh;
    const uint8_t *low = merge_node(t, planes, t->child[node][0], inner, nlow, lists, other, dst);
    const uint8_t *high =
        merge_node(t, planes, t->child[node][1], inner, nhigh, lists, other + nlow, dst + nlow);
    merge_lists(dst, low, high, planes->bits[me], n);
    return dst;
}

/* The lists of a part, of n elements: a multiple of 64, at most PART. */
typedef struct group_merger {
    group_tree tree;
    group_planes planes;
    const uint8_t *from[LEAVES];
    uint8_t other[PART + 64], none[PART + 64];
    unsigned ngroups;
    int planted;
} group_merger;

BITX_AVX2_INLINE void merger_begin(group_merger *m, const uint8_t *const lists[16],
                                   unsigned ngroups)
{
    m->ngroups = ngroups;
    m->planted = 0;
    for (unsigned g = 0; g < ngroups; g++)
        m->from[g] = lists[g];
}

/* Where they are: dst, of n + 64 bytes, or a list. */
BITX_AVX2_INLINE const uint8_t *merger_next(group_merger *m, uint8_t *dst, const uint8_t *classes,
                                            const uint8_t group[16], size_t n, int has_none)
{
    if (!m->planted || (has_none && !m->tree.has_none)) {
        uint32_t counts[LEAVES] = {0};
        bitx_groups_count_u8_avx2(counts, classes, group, n);
        counts[GROUPS] = (uint32_t)n;
        for (unsigned g = 0; g < m->ngroups; g++)
            counts[GROUPS] -= counts[g];
        plant(&m->tree, counts, group, m->ngroups, has_none);
        m->planted = 1;
        if (has_none)
            memset(m->none, 0xff, sizeof(m->none));
    }
    m->from[GROUPS] = m->none;
    if (m->tree.root >= LEAVES)
        make_planes(&m->tree, classes, n, &m->planes);
    unsigned inner = 0;
    return merge_node(&m->tree, &m->planes, m->tree.root, &inner, n, m->from, dst, m->other);
}

#endif
