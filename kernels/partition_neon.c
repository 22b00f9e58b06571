/* One list into two by a pivot, Advanced SIMD: tbl with a row for each mask of eight. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include <arm_neon.h>
#    include "bitstring.h"
#    include "shuffle_tables.h"

/* Bit k of the result: element k of eight comparisons. */
static inline unsigned mask8(uint8x8_t all_ones_or_zero)
{
    return vaddv_u8(vand_u8(all_ones_or_zero, vcreate_u8(0x8040201008040201u)));
}

/* Eight elements. A list is never ahead of the source, so that eight stay within nelem. */
static inline void partition8_u8(uint8_t **low, uint8_t **high, uint8x8_t x, unsigned mask)
{
    uint8x16_t xx = vcombine_u8(x, x);
    vst1_u8(*high, vqtbl1_u8(xx, vcreate_u8(bitx_shuffle_pack8[mask])));
    vst1_u8(*low, vqtbl1_u8(xx, vcreate_u8(bitx_shuffle_pack8[mask ^ 255])));
    size_t ones = vaddv_u8(vcnt_u8(vcreate_u8(mask)));
    *low += 8 - ones;
    *high += ones;
}

static inline void partition8_u16(uint8_t **low, uint8_t **high, uint8x16_t x, unsigned mask)
{
    const uint64_t *ones_row = bitx_shuffle_pack16[mask];
    const uint64_t *zeros_row = bitx_shuffle_pack16[mask ^ 255];
    vst1q_u8(*high, vqtbl1q_u8(x, vreinterpretq_u8_u64(vld1q_u64(ones_row))));
    vst1q_u8(*low, vqtbl1q_u8(x, vreinterpretq_u8_u64(vld1q_u64(zeros_row))));
    size_t ones = vaddv_u8(vcnt_u8(vcreate_u8(mask)));
    *low += 2 * (8 - ones);
    *high += 2 * ones;
}

size_t bitx_partition_u8_neon(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                              const uint8_t *src, size_t nelem, unsigned pivot)
{
    const uint8x8_t p = vdup_n_u8((uint8_t)pivot);
    uint8_t *h = high;
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    size_t i = 0;
    for (; pivot <= 255 && nelem - i >= 64; i += 64) {
        uint64_t bits = 0;
        for (unsigned k = 0; k < 64; k += 8) {
            uint8x8_t x = vld1_u8(src + i + k);
            unsigned mask = mask8(vcge_u8(x, p));
            partition8_u8(&low, &h, x, mask);
            bits |= (uint64_t)mask << k;
        }
        append64(&w, bits);
    }
    size_t at = i + bit;
    if (i)
        append_last(&w, 0, 0);
    return (size_t)(h - high) +
           bitx_partition_u8_scalar(low, h, plane, at, src + i, nelem - i, pivot);
}

size_t bitx_partition_u16_neon(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                               const uint8_t *src, size_t nelem, unsigned pivot)
{
    const uint16x8_t p = vdupq_n_u16((uint16_t)pivot);
    uint8_t *h = high;
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    size_t i = 0;
    for (; pivot <= 65535 && nelem - i >= 64; i += 64) {
        uint64_t bits = 0;
        for (unsigned k = 0; k < 64; k += 8) {
            uint8x16_t x = vld1q_u8(src + 2 * (i + k));
            unsigned mask = mask8(vmovn_u16(vcgeq_u16(vreinterpretq_u16_u8(x), p)));
            partition8_u16(&low, &h, x, mask);
            bits |= (uint64_t)mask << k;
        }
        append64(&w, bits);
    }
    size_t at = i + bit;
    if (i)
        append_last(&w, 0, 0);
    return (size_t)(h - high) / 2 +
           bitx_partition_u16_scalar(low, h, plane, at, src + 2 * i, nelem - i, pivot);
}

/* Which of eight elements are in the set: its byte v / 8 by tbl, then bit v % 8 of that. */
static inline unsigned members(uint8x8_t x, uint8x16x2_t set)
{
    uint8x8_t byte = vqtbl2_u8(set, vshr_n_u8(x, 3));
    uint8x8_t bit = vshl_u8(vdup_n_u8(1), vreinterpret_s8_u8(vand_u8(x, vdup_n_u8(7))));
    return mask8(vtst_u8(byte, bit));
}

size_t bitx_partition_set_u8_neon(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                  const uint8_t *src, size_t nelem, const uint8_t *set)
{
    const uint8x16x2_t table = {{vld1q_u8(set), vld1q_u8(set + 16)}};
    uint8_t *h = high;
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    size_t i = 0;
    for (; nelem - i >= 64; i += 64) {
        uint64_t bits = 0;
        for (unsigned k = 0; k < 64; k += 8) {
            uint8x8_t x = vld1_u8(src + i + k);
            unsigned mask = members(x, table);
            partition8_u8(&low, &h, x, mask);
            bits |= (uint64_t)mask << k;
        }
        append64(&w, bits);
    }
    if (i)
        append_last(&w, 0, 0);
    return (size_t)(h - high) +
           bitx_partition_set_u8_scalar(low, h, plane, i + bit, src + i, nelem - i, set);
}

size_t bitx_partition_plane_u8_neon(uint8_t *low, uint8_t *high, const uint8_t *src,
                                    const uint8_t *plane, size_t bit, size_t nelem)
{
    uint8_t *h = high;
    size_t i = 0;
    for (; nelem - i >= 64; i += 64) {
        uint64_t bits = bits64_at(plane, bit + i);
        for (unsigned k = 0; k < 64; k += 8)
            partition8_u8(&low, &h, vld1_u8(src + i + k), bits >> k & 255);
    }
    return (size_t)(h - high) +
           bitx_partition_plane_u8_scalar(low, h, src + i, plane, bit + i, nelem - i);
}

size_t bitx_partition_plane_u16_neon(uint8_t *low, uint8_t *high, const uint8_t *src,
                                     const uint8_t *plane, size_t bit, size_t nelem)
{
    uint8_t *h = high;
    size_t i = 0;
    for (; nelem - i >= 64; i += 64) {
        uint64_t bits = bits64_at(plane, bit + i);
        for (unsigned k = 0; k < 64; k += 8)
            partition8_u16(&low, &h, vld1q_u8(src + 2 * (i + k)), bits >> k & 255);
    }
    return (size_t)(h - high) / 2 +
           bitx_partition_plane_u16_scalar(low, h, src + 2 * i, plane, bit + i, nelem - i);
}

#endif
