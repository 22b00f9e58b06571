/* Elements to the lists of their groups and back, AVX2: pshufb with a row for each mask of eight.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "shuffle_tables.h"
#    include "target_avx2.h"

enum { GROUPS = 16 };

static inline unsigned groups_of(const uint8_t group[16])
{
    unsigned most = 0;
    for (unsigned c = 0; c < 16; c++)
        most = group[c] > most ? group[c] : most;
    return most + 1;
}

/* Groups of 32 classes: vpshufb gives 0 for the class 0xff, and the or makes it 0xff. */
BITX_AVX2_INLINE __m256i groups32(const uint8_t group[16], const uint8_t *classes)
{
    __m256i table = _mm256_broadcastsi128_si256(load128(group)), c = load256(classes);
    __m256i none = _mm256_cmpgt_epi8(_mm256_setzero_si256(), c);
    return _mm256_or_si256(_mm256_shuffle_epi8(table, c), none);
}

/* Ones of each byte count its members, up to 255 times, and vpsadbw sums them. */
BITX_AVX2 void bitx_groups_count_u8_avx2(uint32_t counts[16], const uint8_t *classes,
                                         const uint8_t group[16], size_t nelem)
{
    const unsigned ngroups = groups_of(group);
    const __m256i zero = _mm256_setzero_si256();
    size_t whole = nelem / 32 * 32;
    bitx_groups_count_u8_scalar(counts, classes + whole, group, nelem - whole);
    for (size_t at = 0; at < whole; at += (size_t)32 * 255) {
        size_t n = whole - at < (size_t)32 * 255 ? whole - at : (size_t)32 * 255;
        for (unsigned g = 0; g < ngroups; g += 4) {
            __m256i seen[4] = {zero, zero, zero, zero};
            for (size_t i = 0; i < n; i += 32) {
                __m256i of = groups32(group, classes + at + i);
                for (unsigned k = 0; k < 4; k++) {
                    __m256i in = _mm256_cmpeq_epi8(of, _mm256_set1_epi8((char)(g + k)));
                    seen[k] = _mm256_sub_epi8(seen[k], in);
                }
            }
            for (unsigned k = 0; k < 4; k++) {
                __m256i sums = _mm256_sad_epu8(seen[k], zero);
                uint64_t of[4];
                store256((uint8_t *)of, sums);
                counts[g + k] += (uint32_t)(of[0] + of[1] + of[2] + of[3]);
            }
        }
    }
}

/* ---- lists to elements: merges of two at a time, by planes that the classes give ---- */

enum { PART = 8192, LEAVES = GROUPS + 1, NODES = 2 * LEAVES, LEVELS = 8 };

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
    for (size_t i = 0; i < nwords; i++) {
        uint64_t in = k ? outer[i] & (there[i] ^ other_way) : ~(uint64_t)0;
        uint64_t bits = _pext_u64(turns[i], in);
        planes->in[k][i] = in;
        uint64_t word = pending | bits << fill, over = bits >> 1 >> (63 - fill);
        store64(to, word);
        fill += (uint64_t)_mm_popcnt_u64(in);
        pending = fill >= 64 ? over : word;
        to += fill / 64 * 8;
        fill %= 64;
    }
    store64(to, pending);
}

/* n: a multiple of 64. */
BITX_AVX2_INLINE void make_planes(const group_tree *t, const uint8_t *classes, size_t n,
                                  group_planes *planes)
{
    const __m256i table = _mm256_broadcastsi128_si256(load128(t->paths));
    const __m256i of_none = _mm256_set1_epi8((char)t->paths[16]);
    for (size_t i = 0; i < n; i += 64) {
        __m256i c0 = load256(classes + i), c1 = load256(classes + i + 32);
        __m256i path0 = _mm256_blendv_epi8(_mm256_shuffle_epi8(table, c0), of_none, c0);
        __m256i path1 = _mm256_blendv_epi8(_mm256_shuffle_epi8(table, c1), of_none, c1);
        for (unsigned d = 0; d < t->depth; d++) {
            planes->turns[d][i / 64] = top_bits(path0, path1);
            path0 = _mm256_add_epi8(path0, path0);
            path1 = _mm256_add_epi8(path1, path1);
        }
    }
    for (unsigned k = 0; k < t->ninner; k++)
        make_plane(t, k, n / 64, planes);
}

/* dst and other: as many bytes as the node has elements. Returns where they are: dst, or a list. */
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
    size_t nhigh = (size_t)bitx_count_ones_avx2(planes->bits[me], 0, n), nlow = n - nhigh;
    const uint8_t *low = merge_node(t, planes, t->child[node][0], inner, nlow, lists, other, dst);
    const uint8_t *high =
        merge_node(t, planes, t->child[node][1], inner, nhigh, lists, other + nlow, dst + nlow);
    bitx_merge_u8_avx2(dst, low, high, planes->bits[me], 0, n);
    return dst;
}

BITX_AVX2_INLINE int any_none(const uint8_t *classes, size_t n)
{
    __m256i any = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i += 32)
        any = _mm256_or_si256(any, load256(classes + i));
    return _mm256_movemask_epi8(any) != 0;
}

/*
 * Merges of two lists at a time, as many for an element as its group is deep in a tree of them: 1.4
 * to 2.4, where expanding each group alone takes a table's row for each eight elements and group.
 */
BITX_AVX2 void bitx_groups_merge_u8_avx2(uint8_t *dst, const uint8_t *lists[16],
                                         const uint8_t *classes, const uint8_t group[16],
                                         size_t nelem)
{
    const unsigned ngroups = groups_of(group);
    uint8_t other[PART], none[PART];
    const uint8_t *from[LEAVES];
    group_planes planes;
    group_tree tree;
    int planted = 0;
    size_t i = 0;
    for (unsigned g = 0; g < ngroups; g++)
        from[g] = lists[g];
    while (nelem - i >= 256) {
        size_t n = nelem - i < PART ? (nelem - i) / 64 * 64 : PART;
        int has_none = any_none(classes + i, n);
        if (!planted || (has_none && !tree.has_none)) {
            uint32_t counts[LEAVES] = {0};
            bitx_groups_count_u8_avx2(counts, classes + i, group, n);
            counts[GROUPS] = (uint32_t)n;
            for (unsigned g = 0; g < ngroups; g++)
                counts[GROUPS] -= counts[g];
            plant(&tree, counts, group, ngroups, has_none);
            planted = 1;
            if (has_none)
                memset(none, 0xff, sizeof(none));
        }
        from[GROUPS] = none;
        if (tree.root < LEAVES) {
            memcpy(dst + i, from[tree.root], n);
            from[tree.root] += n;
        } else {
            unsigned inner = 0;
            make_planes(&tree, classes + i, n, &planes);
            merge_node(&tree, &planes, tree.root, &inner, n, from, dst + i, other);
        }
        i += n;
    }
    for (unsigned g = 0; g < ngroups; g++)
        lists[g] = from[g];
    bitx_groups_merge_u8_scalar(dst + i, lists, classes + i, group, nelem - i);
}

#endif
