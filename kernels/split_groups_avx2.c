/* Elements to the lists of their groups, and a table for each byte, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "partition_avx2.h"

/* ---- groups: partitions of a part in L1, as many for an element as its group is deep ---- */

/* Elements of which a part takes less time than the scalar loop (Sapphire Rapids). A test sets
 * less. */
#    ifndef BITX_GROUPS_SPLIT_MIN
#        define BITX_GROUPS_SPLIT_MIN 2048
#    endif

enum { PART = 3072, GROUPS = 16, SLACK = 64, BESIDE = PART + SLACK };

typedef struct group_split {
    uint8_t **lists;
    unsigned ngroups;
    uint32_t below[GROUPS + 2]; /* of the first part, elements of all groups before */
} group_split;

/* The group at which [first, end) falls into the most even halves. */
static unsigned middle_of(const group_split *s, unsigned first, unsigned end)
{
    unsigned best = first + 1;
    uint32_t least = UINT32_MAX;
    for (unsigned g = first + 1; g < end; g++) {
        uint32_t low = s->below[g] - s->below[first], high = s->below[end] - s->below[g];
        uint32_t most = low > high ? low : high;
        best = most < least ? g : best;
        least = most < least ? most : least;
    }
    return best;
}

/* x: n elements in place, with their groups BESIDE; y: room for as many. SLACK bytes behind each
   may be read and written: what lies there was looked at before, or is room. */
BITX_AVX2_INLINE size_t split_lists(uint8_t *x, uint8_t *y, size_t n, unsigned pivot,
                                    int with_groups)
{
    const __m256i p = _mm256_set1_epi8((char)pivot);
    uint8_t *low = x, *high = y;
    for (size_t i = 0; i < n; i += 32) {
        uint32_t bits = at_least_u8(x + BESIDE + i, p);
        bits = n - i < 32 ? _bzhi_u32(bits, (uint32_t)(n - i)) : bits;
        for (size_t k = 0; k < 32; k += 16, bits >>= 16) {
            partition_rows r = partition_masks(bits);
            partition16(low, high, x + i + k, &r);
            if (with_groups)
                partition16(low + BESIDE, high + BESIDE, x + BESIDE + i + k, &r);
            low += 16 - r.ones;
            high += r.ones;
        }
    }
    return (size_t)(high - y);
}

BITX_AVX2 static void split_node(const group_split *s, unsigned first, unsigned end, uint8_t *x,
                                 uint8_t *y, size_t n)
{
    if (n == 0)
        return;
    if (end - first == 1) {
        if (first < s->ngroups) {
            memcpy(s->lists[first], x, n);
            s->lists[first] += n;
        }
        return;
    }
    unsigned middle = middle_of(s, first, end);
    size_t nhigh =
        end - first > 2 ? split_lists(x, y, n, middle, 1) : split_lists(x, y, n, middle, 0);
    size_t nlow = n - nhigh;
    split_node(s, first, middle, x, y + nhigh, nlow);
    split_node(s, middle, end, y, x + nlow, nhigh);
}

/* Groups of 32 classes, ngroups for the class 0xff, for which vpshufb gives 0. Returns whether
   there is one. */
BITX_AVX2_INLINE int load_groups(uint8_t *groups, const uint8_t *classes, size_t n, __m256i table,
                                 unsigned ngroups)
{
    const __m256i last = _mm256_set1_epi8((char)ngroups);
    __m256i any = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i += 32) {
        __m256i c = load256(classes + i), none = _mm256_cmpgt_epi8(_mm256_setzero_si256(), c);
        __m256i g = _mm256_or_si256(_mm256_shuffle_epi8(table, c), none);
        store256(groups + i, _mm256_min_epu8(g, last));
        any = _mm256_or_si256(any, none);
    }
    return _mm256_movemask_epi8(any) != 0;
}

BITX_AVX2_INLINE void count_below(group_split *s, const uint8_t *classes, const uint8_t group[16],
                                  size_t n)
{
    uint32_t counts[GROUPS];
    bitx_groups_count_u8_avx2(counts, classes, group, n);
    s->below[0] = s->ngroups = 0;
    for (unsigned c = 0; c < GROUPS; c++)
        s->ngroups = group[c] >= s->ngroups ? group[c] + 1u : s->ngroups;
    for (unsigned g = 0; g < s->ngroups; g++)
        s->below[g + 1] = s->below[g] + counts[g];
    s->below[s->ngroups + 1] = (uint32_t)n;
}

/*
 * A partition takes 0.3 cycles an element with its group and 0.2 without; packing the members of
 * each group out of all elements, a table's row for eight elements and group, took 2.3 for eight
 * groups.
 */
BITX_AVX2_APART void split_many(uint8_t *lists[16], const uint8_t *src, const uint8_t *classes,
                                const uint8_t group[16], size_t nelem)
{
    const __m256i table = _mm256_broadcastsi128_si256(load128(group));
    uint8_t x[2 * BESIDE], y[2 * BESIDE];
    group_split s = {.lists = lists};
    size_t i = 0;
    while (nelem - i >= BITX_GROUPS_SPLIT_MIN) {
        size_t n = nelem - i < PART ? (nelem - i) / 32 * 32 : PART;
        if (i == 0)
            count_below(&s, classes, group, n);
        unsigned none = load_groups(x + BESIDE, classes + i, n, table, s.ngroups) != 0;
        memcpy(x, src + i, n);
        split_node(&s, 0, s.ngroups + none, x, y, n);
        i += n;
    }
    bitx_groups_split_u8_scalar(lists, src + i, classes + i, group, nelem - i);
}

BITX_AVX2 void bitx_groups_split_u8_avx2(uint8_t *lists[16], const uint8_t *src,
                                         const uint8_t *classes, const uint8_t group[16],
                                         size_t nelem)
{
    if (nelem < BITX_GROUPS_SPLIT_MIN)
        bitx_groups_split_u8_scalar(lists, src, classes, group, nelem);
    else
        split_many(lists, src, classes, group, nelem);
}

/* ---- a table for each byte ---- */

/* 16 bytes of a table where the upper digit of x is r, 0 elsewhere. */
BITX_AVX2_INLINE __m256i map_row(const uint8_t *table, __m256i x, unsigned r)
{
    __m256i row = _mm256_broadcastsi128_si256(load128(table + 16 * (size_t)r));
    __m256i index = _mm256_xor_si256(x, _mm256_set1_epi8((char)(16 * r)));
    return _mm256_shuffle_epi8(row, _mm256_adds_epu8(index, _mm256_set1_epi8(0x70)));
}

/* What a list has: bytes of a window, and perhaps 255. */
typedef struct map_window {
    unsigned first; /* at most 192 */
    int narrow;     /* all are below first + 64, or 255 */
} map_window;

BITX_AVX2_INLINE map_window find_window(const uint8_t *src, size_t n)
{
    __m256i least = _mm256_set1_epi8(-1), most = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i += 32) {
        __m256i x = load256(src + i), last = _mm256_cmpeq_epi8(x, _mm256_set1_epi8(-1));
        least = _mm256_min_epu8(least, x);
        most = _mm256_max_epu8(most, _mm256_andnot_si256(last, x));
    }
    uint8_t low[32], high[32], first = 255, end = 0;
    store256(low, least);
    store256(high, most);
    for (unsigned k = 0; k < 32; k++) {
        first = low[k] < first ? low[k] : first;
        end = high[k] > end ? high[k] : end;
    }
    first = first < 192 ? first : 192;
    return (map_window){first, end < first + 64};
}

BITX_AVX2_INLINE void map_narrow(uint8_t *dst, const uint8_t *src, const uint8_t table[256],
                                 size_t n, unsigned first)
{
    const __m256i from = _mm256_set1_epi8((char)first), same = _mm256_set1_epi8(-1);
    const __m256i of_last = _mm256_set1_epi8((char)table[255]);
    const uint8_t *t = table + first;
    for (size_t i = 0; i < n; i += 32) {
        __m256i v = load256(src + i), x = _mm256_sub_epi8(v, from);
        __m256i y = _mm256_or_si256(map_row(t, x, 0), map_row(t, x, 1));
        y = _mm256_or_si256(y, _mm256_or_si256(map_row(t, x, 2), map_row(t, x, 3)));
        store256(dst + i, _mm256_blendv_epi8(y, of_last, _mm256_cmpeq_epi8(v, same)));
    }
}

BITX_AVX2_INLINE void map_wide(uint8_t *dst, const uint8_t *src, const uint8_t table[256], size_t n)
{
    for (size_t i = 0; i < n; i += 32) {
        __m256i x = load256(src + i), y = map_row(table, x, 0);
        for (unsigned r = 1; r < 16; r++)
            y = _mm256_or_si256(y, map_row(table, x, r));
        store256(dst + i, y);
    }
}

/* Symbols are mostly of a few: four rows of the table then, else all. */
BITX_AVX2_APART void map_many(uint8_t *dst, const uint8_t *src, const uint8_t table[256],
                              size_t nelem)
{
    size_t i = 0;
    while (nelem - i >= 32) {
        size_t n = nelem - i < PART ? (nelem - i) / 32 * 32 : PART;
        map_window w = find_window(src + i, n);
        if (w.narrow)
            map_narrow(dst + i, src + i, table, n, w.first);
        else
            map_wide(dst + i, src + i, table, n);
        i += n;
    }
    bitx_map_u8_scalar(dst + i, src + i, table, nelem - i);
}

BITX_AVX2 void bitx_map_u8_avx2(uint8_t *dst, const uint8_t *src, const uint8_t table[256],
                                size_t nelem)
{
    if (nelem < 96) /* the window takes longer than it saves */
        bitx_map_u8_scalar(dst, src, table, nelem);
    else
        map_many(dst, src, table, nelem);
}

#endif
