/* Merges of lists with room behind them, NEON: tbl with a row for each mask of eight. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include "bitstring.h"
#    include "shuffle_tables.h"
#    include <arm_neon.h>

enum { MERGE_BOTH, MERGE_LOW, MERGE_HIGH }; /* which are lists */

/* 64 elements of two lists, or of one and a constant. What a list moves on for eight elements, the
   other does not: of the low one, `at` is behind by the ones so far. */
static inline void merge64(uint8_t *dst, const uint8_t **low, const uint8_t **high,
                           uint8x8_t constant, uint64_t bits, int which)
{
    const uint8_t *at = *low, *h = *high;
    uint64_t ones = vget_lane_u64(vreinterpret_u64_u8(vcnt_u8(vcreate_u8(bits))), 0);
#    pragma GCC unroll 8
    for (unsigned k = 0; k < 8; k++) {
        const size_t mask = bits >> 8 * k & 255, n = ones >> 8 * k & 15;
        const uint8x8_t l = which == MERGE_HIGH ? constant : vld1_u8(at + 8 * k);
        uint8x16_t both = vcombine_u8(l, which == MERGE_LOW ? constant : vld1_u8(h));
        vst1_u8(dst + 8 * k, vqtbl1_u8(both, vcreate_u8(bitx_shuffle_merge8[mask])));
        at -= n;
        h += n;
    }
    *low = which == MERGE_HIGH ? *low : at + 64;
    *high = which == MERGE_LOW ? *high : h;
}

static inline void merge_loop(uint8_t *dst, const uint8_t *low, const uint8_t *high, unsigned value,
                              const uint8_t *plane, size_t bit, size_t nelem, int which)
{
    const uint8x8_t constant = vdup_n_u8((uint8_t)value);
    size_t i = 0;
    for (; nelem - i >= 64; i += 64)
        merge64(dst + i, &low, &high, constant, bits64_at(plane, bit + i), which);
    if (i < nelem)
        merge64(dst + i, &low, &high, constant, bits_at(plane, bit + i, nelem - i), which);
}

void bitx_merge_lists_u8_neon(uint8_t *dst, const uint8_t *low, unsigned low_value,
                              const uint8_t *high, unsigned high_value, const uint8_t *plane,
                              size_t bit, size_t nelem)
{
    if (low && high)
        merge_loop(dst, low, high, 0, plane, bit, nelem, MERGE_BOTH);
    else if (low)
        merge_loop(dst, low, dst, high_value, plane, bit, nelem, MERGE_LOW);
    else if (high)
        merge_loop(dst, dst, high, low_value, plane, bit, nelem, MERGE_HIGH);
    else
        bitx_merge_const_u8_neon(dst, low_value, high_value, plane, bit, nelem);
}

#endif
