/* Nodes of wavelet trees, NEON: merges of lists with room behind them by tbl with a row for each
 * mask of eight, and whole subtrees of few elements by the same. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include <arm_neon.h>
#    include <string.h>

#    include "shuffle_tables.h"
#    include "subtree.h"

enum { MERGE_BOTH, MERGE_LOW, MERGE_HIGH, MERGE_NONE }; /* which are lists */

/* What moves on. */
typedef struct merge_state {
    uint8_t *dst;
    const uint8_t *low, *high;
    uint8x16_t low_value, high_value;
} merge_state;

/* Eight elements: the next of the lists at low and high. */
static inline uint8x8_t merge8(const merge_state *s, const uint8_t *low, const uint8_t *high,
                               size_t mask, int which)
{
    const uint8x8_t zero = vdup_n_u8(0);
    if (which == MERGE_BOTH) {
        const uint8x16x2_t both = {
            {vcombine_u8(vld1_u8(low), zero), vcombine_u8(vld1_u8(high), zero)}};
        return vqtbl2_u8(both, vcreate_u8(bitx_shuffle_merge8_far[mask]));
    }
    /* Where an index is beyond the only list, its other half is the constant. */
    const uint8x16_t both = which == MERGE_LOW
                                ? vcombine_u8(vld1_u8(low), vget_low_u8(s->high_value))
                                : vcombine_u8(vget_low_u8(s->low_value), vld1_u8(high));
    return vqtbl1_u8(both, vcreate_u8(bitx_shuffle_merge8[mask]));
}

/* 16 elements of two constants, by two bytes of the plane: k and k + 1. */
static inline uint8x16_t merge_const16(const merge_state *s, uint8x16_t bits, unsigned k)
{
    static const uint8_t bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
    const uint8x16_t bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
    bits = vqtbl1q_u8(bits, vaddq_u8(vld1q_u8(bytes), vdupq_n_u8((uint8_t)k)));
    return vbslq_u8(vtstq_u8(bits, bit), s->high_value, s->low_value);
}

/* Up to eight elements, by a byte of bits. */
static inline void merge_few(merge_state *s, unsigned mask, size_t n, int which)
{
    const size_t ones = (size_t)__builtin_popcount(mask & ((1u << n) - 1));
    const uint8x16_t bits = vdupq_n_u8((uint8_t)mask);
    if (which == MERGE_NONE)
        vst1_u8(s->dst, vget_low_u8(merge_const16(s, bits, 0)));
    else
        vst1_u8(s->dst, merge8(s, s->low, s->high, mask, which));
    s->dst += n;
    s->low += n - ones;
    s->high += ones;
}

/* 64 elements: sums of ones tell where the lists are after each eight. */
static inline void merge64(merge_state *s, const uint8_t *plane, int which)
{
    const uint8x8_t v = vld1_u8(plane);
    const uint64_t bits = vget_lane_u64(vreinterpret_u64_u8(v), 0);
    const uint64_t ones = vget_lane_u64(vreinterpret_u64_u8(vcnt_u8(v)), 0) * 0x0101010101010101;
    if (which == MERGE_NONE) {
        for (unsigned k = 0; k < 8; k += 2)
            vst1q_u8(s->dst + 8 * k, merge_const16(s, vcombine_u8(v, v), k));
    } else {
#    pragma GCC unroll 4
        for (unsigned k = 0; k < 8; k += 2) {
            const size_t n0 = k ? ones >> 8 * (k - 1) & 255 : 0, n1 = ones >> 8 * k & 255;
            const uint8_t *low = s->low + 8 * k, *high = s->high;
            const size_t mask0 = bits >> 8 * k & 255, mask1 = bits >> 8 * (k + 1) & 255;
            uint8x8_t v0 = merge8(s, low - n0, high + n0, mask0, which);
            uint8x8_t v1 = merge8(s, low + 8 - n1, high + n1, mask1, which);
            vst1q_u8(s->dst + 8 * k, vcombine_u8(v0, v1));
        }
    }
    s->dst += 64;
    s->low += 64 - (ones >> 56);
    s->high += ones >> 56;
}

static inline void merge_loop(const merge_state *from, const uint8_t *plane, size_t bit,
                              size_t nelem, int which)
{
    merge_state s = *from;
    plane += bit / 8;
    if (bit % 8 && nelem) {
        const size_t n = nelem < 8 - bit % 8 ? nelem : 8 - bit % 8;
        merge_few(&s, (unsigned)*plane++ >> bit % 8, n, which);
        nelem -= n;
    }
    for (; nelem >= 64; nelem -= 64, plane += 8)
        merge64(&s, plane, which);
    for (; nelem >= 8; nelem -= 8)
        merge_few(&s, *plane++, 8, which);
    if (nelem)
        merge_few(&s, *plane, nelem, which);
}

void bitx_merge_lists_u8_neon(uint8_t *dst, const uint8_t *low, unsigned low_value,
                              const uint8_t *high, unsigned high_value, const uint8_t *plane,
                              size_t bit, size_t nelem)
{
    const merge_state s = {dst, low ? low : dst, high ? high : dst, vdupq_n_u8((uint8_t)low_value),
                           vdupq_n_u8((uint8_t)high_value)};
    if (low && high)
        merge_loop(&s, plane, bit, nelem, MERGE_BOTH);
    else if (low)
        merge_loop(&s, plane, bit, nelem, MERGE_LOW);
    else if (high)
        merge_loop(&s, plane, bit, nelem, MERGE_HIGH);
    else
        merge_loop(&s, plane, bit, nelem, MERGE_NONE);
}

/* ---- subtrees ---- */

typedef struct subtree_reader {
    const bitx_tree_shape *shape;
    const uint8_t *planes;
    size_t nbytes, bit; /* SIZE_MAX: there were too few */
} subtree_reader;

/* n of at most 64 elements, by bits; up to 15 more are written. */
static inline void merge_bits(merge_state s, uint64_t bits, size_t n, int which)
{
    uint64_t ones = vget_lane_u64(vreinterpret_u64_u8(vcnt_u8(vcreate_u8(bits))), 0);
    const uint8x16_t v = vreinterpretq_u8_u64(vdupq_n_u64(bits));
    if (which == MERGE_NONE) {
        for (size_t k = 0; k < n; k += 16)
            vst1q_u8(s.dst + k, merge_const16(&s, v, (unsigned)k / 8));
        return;
    }
    for (size_t k = 0; k < n; k += 8, bits >>= 8, ones >>= 8) {
        vst1_u8(s.dst + k, merge8(&s, s.low + k, s.high, bits & 255, which));
        s.low -= ones & 15;
        s.high += ones & 15;
    }
}

/* dst and other: n bytes each, of which up to 15 behind may be overwritten, as left children come
   first. */
static void subtree_node(subtree_reader *r, unsigned depth, unsigned node, uint8_t *dst,
                         uint8_t *other, size_t n)
{
    const bitx_tree_shape *shape = r->shape;
    if (n == 0 || r->bit == SIZE_MAX)
        return;
    if (n > 8 * r->nbytes - r->bit) {
        r->bit = SIZE_MAX;
        return;
    }
    const uint64_t bits = subtree_peek(r->planes, r->nbytes, r->bit);
    const size_t nhigh = vaddv_u8(vcnt_u8(vcreate_u8(bits << (64 - n)))), nlow = n - nhigh;
    const unsigned low = 2 * (node - shape->count[depth]), leaves = shape->count[depth + 1];
    r->bit += n;
    if (low >= leaves)
        subtree_node(r, depth + 1, low, other, dst, nlow);
    if (low + 1 >= leaves)
        subtree_node(r, depth + 1, low + 1, other + nlow, dst + nlow, nhigh);
    const uint8_t *leaf = shape->symbol + shape->first[depth + 1] + low;
    merge_state s = {.dst = dst, .low = other, .high = other + nlow};
    if (low >= leaves) {
        merge_bits(s, bits, n, MERGE_BOTH);
        return;
    }
    s.low_value = vdupq_n_u8(leaf[0]);
    if (low + 1 >= leaves) {
        merge_bits(s, bits, n, MERGE_HIGH);
        return;
    }
    s.high_value = vdupq_n_u8(leaf[1]);
    merge_bits(s, bits, n, MERGE_NONE);
}

size_t bitx_subtree_u8_neon(uint8_t *list, size_t nelem, const bitx_tree_shape *shape,
                            unsigned depth, unsigned node, const uint8_t *planes, size_t nbytes,
                            size_t bit)
{
    uint8_t lists[2][64 + 16];
    subtree_reader r = {shape, planes, nbytes, bit};
    if (node < shape->count[depth]) {
        memset(list, shape->symbol[shape->first[depth] + node], 64);
        return bit;
    }
    subtree_node(&r, depth, node, lists[0], lists[1], nelem);
    memcpy(list, lists[0], 64);
    return r.bit;
}

#endif
