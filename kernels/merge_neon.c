/* Two lists into one by a bit plane, Advanced SIMD: tbl with a row for each mask of eight, eight at
 * a time. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include "bitstring.h"
#    include "lists.h"
#    include "shuffle_tables.h"
#    include <arm_neon.h>

/* The next eight of each list, side by side, and the row takes from both. */
static inline uint8x8_t merge8(const uint8_t *low, const uint8_t *high, int low_const,
                               int high_const, uint8x16_t low_value, uint8x16_t high_value,
                               unsigned mask)
{
    uint8x8_t l = low_const ? vget_low_u8(low_value) : vld1_u8(low);
    uint8x8_t h = high_const ? vget_low_u8(high_value) : vld1_u8(high);
    return vqtbl1_u8(vcombine_u8(l, h), vcreate_u8(bitx_shuffle_merge8[mask]));
}

/* The ones of each byte of bits, in the bytes of the result. */
static inline uint64_t ones_of_bytes(uint64_t bits)
{
    return vget_lane_u64(vreinterpret_u64_u8(vcnt_u8(vcreate_u8(bits))), 0);
}

/* 64 elements, or as many steps of 8 as n needs. */
static inline void merge_block_u8(uint8_t *dst, const uint8_t **low, const uint8_t **high,
                                  int low_const, int high_const, uint8x16_t lv, uint8x16_t hv,
                                  uint64_t bits, size_t n)
{
    uint64_t ones = ones_of_bytes(bits);
    for (size_t k = 0; k < n; k += 8, bits >>= 8, ones >>= 8) {
        vst1_u8(dst + k, merge8(*low, *high, low_const, high_const, lv, hv, bits & 255));
        *low += 8 - (ones & 15);
        *high += ones & 15;
    }
}

/* Where a list has none of an element, expand16 gives zero, and so the other's comes through. */
static inline void merge_block_u16(uint8_t *dst, const uint8_t **low, const uint8_t **high,
                                   int low_const, int high_const, uint8x16_t lv, uint8x16_t hv,
                                   uint64_t bits, size_t n)
{
    uint64_t ones = ones_of_bytes(bits);
    for (size_t k = 0; k < n; k += 8, bits >>= 8, ones >>= 8) {
        unsigned mask = bits & 255;
        uint8x16_t l = low_const ? lv : vld1q_u8(*low);
        uint8x16_t h = high_const ? hv : vld1q_u8(*high);
        l = vqtbl1q_u8(l, vreinterpretq_u8_u64(vld1q_u64(bitx_shuffle_expand16[mask ^ 255])));
        h = vqtbl1q_u8(h, vreinterpretq_u8_u64(vld1q_u64(bitx_shuffle_expand16[mask])));
        vst1q_u8(dst + 2 * k, vorrq_u8(l, h));
        *low += 2 * (8 - (ones & 15));
        *high += 2 * (ones & 15);
    }
}

static inline void merge_u8(uint8_t *dst, const uint8_t *low_bytes, const uint8_t *high_bytes,
                            int low_const, int high_const, unsigned low_value, unsigned high_value,
                            const uint8_t *plane, size_t bit, size_t n)
{
    enum { STEP = 64 * 1 };
    uint8x16_t lv = vdupq_n_u8((uint8_t)(low_value)), hv = vdupq_n_u8((uint8_t)(high_value));
    size_t ones = low_const && high_const ? 0 : (size_t)bitx_count_ones_neon(plane, bit, n);
    padded_list low, high;
    list_begin(&low, low_bytes, (n - ones));
    list_begin(&high, high_bytes, ones);
    for (size_t i = 0; i < n; i += 64) {
        if (!low_const)
            list_keep_readable(&low, STEP);
        if (!high_const)
            list_keep_readable(&high, STEP);
        const uint8_t *l = low.next, *h = high.next;
        if (n - i < 64) {
            uint8_t last[STEP];
            uint64_t bits = bits_at(plane, bit + i, n - i);
            merge_block_u8(last, &l, &h, low_const, high_const, lv, hv, bits, n - i);
            memcpy(dst + i, last, (n - i));
            return;
        }
        uint64_t bits = bits64_at(plane, bit + i);
        merge_block_u8(dst + i, &l, &h, low_const, high_const, lv, hv, bits, 64);
        if (!low_const)
            list_move(&low, l);
        if (!high_const)
            list_move(&high, h);
    }
}

void bitx_merge_u8_neon(uint8_t *dst, const uint8_t *low, const uint8_t *high, const uint8_t *plane,
                        size_t bit, size_t nelem)
{
    merge_u8(dst, low, high, 0, 0, 0, 0, plane, bit, nelem);
}

void bitx_merge_lowconst_u8_neon(uint8_t *dst, unsigned low_value, const uint8_t *high,
                                 const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u8(dst, NULL, high, 1, 0, low_value, 0, plane, bit, nelem);
}

void bitx_merge_highconst_u8_neon(uint8_t *dst, const uint8_t *low, unsigned high_value,
                                  const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u8(dst, low, NULL, 0, 1, 0, high_value, plane, bit, nelem);
}

void bitx_merge_const_u8_neon(uint8_t *dst, unsigned low_value, unsigned high_value,
                              const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u8(dst, NULL, NULL, 1, 1, low_value, high_value, plane, bit, nelem);
}

static inline void merge_u16(uint8_t *dst, const uint8_t *low_bytes, const uint8_t *high_bytes,
                             int low_const, int high_const, unsigned low_value, unsigned high_value,
                             const uint8_t *plane, size_t bit, size_t n)
{
    enum { STEP = 64 * 2 };
    uint8x16_t lv = vreinterpretq_u8_u16(vdupq_n_u16((uint16_t)(low_value))),
               hv = vreinterpretq_u8_u16(vdupq_n_u16((uint16_t)(high_value)));
    size_t ones = low_const && high_const ? 0 : (size_t)bitx_count_ones_neon(plane, bit, n);
    padded_list low, high;
    list_begin(&low, low_bytes, 2 * (n - ones));
    list_begin(&high, high_bytes, 2 * ones);
    for (size_t i = 0; i < n; i += 64) {
        if (!low_const)
            list_keep_readable(&low, STEP);
        if (!high_const)
            list_keep_readable(&high, STEP);
        const uint8_t *l = low.next, *h = high.next;
        if (n - i < 64) {
            uint8_t last[STEP];
            uint64_t bits = bits_at(plane, bit + i, n - i);
            merge_block_u16(last, &l, &h, low_const, high_const, lv, hv, bits, n - i);
            memcpy(dst + 2 * i, last, 2 * (n - i));
            return;
        }
        uint64_t bits = bits64_at(plane, bit + i);
        merge_block_u16(dst + 2 * i, &l, &h, low_const, high_const, lv, hv, bits, 64);
        if (!low_const)
            list_move(&low, l);
        if (!high_const)
            list_move(&high, h);
    }
}

void bitx_merge_u16_neon(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                         const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u16(dst, low, high, 0, 0, 0, 0, plane, bit, nelem);
}

void bitx_merge_lowconst_u16_neon(uint8_t *dst, unsigned low_value, const uint8_t *high,
                                  const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u16(dst, NULL, high, 1, 0, low_value, 0, plane, bit, nelem);
}

void bitx_merge_highconst_u16_neon(uint8_t *dst, const uint8_t *low, unsigned high_value,
                                   const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u16(dst, low, NULL, 0, 1, 0, high_value, plane, bit, nelem);
}

void bitx_merge_const_u16_neon(uint8_t *dst, unsigned low_value, unsigned high_value,
                               const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u16(dst, NULL, NULL, 1, 1, low_value, high_value, plane, bit, nelem);
}

#endif
