/* Two lists into one by a bit plane, AVX2: pshufb with rows for each mask of eight, sixteen bytes
 * or eight elements of 16 bits at a time. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "lists.h"
#    include "shuffle_tables.h"
#    include "target_avx2.h"

BITX_AVX2_INLINE __m128i loadq(const void *p)
{
    return _mm_loadl_epi64((const __m128i *)p);
}

/* The next eight of each list, side by side, and the row takes from both. */
BITX_AVX2_INLINE __m128i merge8(const uint8_t *low, const uint8_t *high, int low_const,
                                int high_const, __m128i low_value, __m128i high_value,
                                unsigned mask)
{
    __m128i l = low_const ? low_value : loadq(low);
    __m128i h = high_const ? high_value : loadq(high);
    return _mm_shuffle_epi8(_mm_unpacklo_epi64(l, h), loadq(&bitx_shuffle_merge8[mask]));
}

/* What the zeros of the lower mask add to the upper eight, by its ones. */
static const uint64_t zeros_of_first[9][2] = {
    {0, 0x0808080808080808}, {0, 0x0707070707070707}, {0, 0x0606060606060606},
    {0, 0x0505050505050505}, {0, 0x0404040404040404}, {0, 0x0303030303030303},
    {0, 0x0202020202020202}, {0, 0x0101010101010101}, {0, 0},
};

/*
 * The next sixteen of both lists. Where an element comes from low, its index there is how many
 * zeros the mask has below it, z; where from high, its place less z. The rows have 0x80 there, so
 * that pshufb gives zero of low; place + 0x80 - z has it where high shall give zero.
 */
BITX_AVX2_INLINE __m128i merge16(const uint8_t *low, const uint8_t *high, unsigned m0, unsigned m1)
{
    const __m128i places = _mm_setr_epi8(-128, -127, -126, -125, -124, -123, -122, -121, -120, -119,
                                         -118, -117, -116, -115, -114, -113);
    __m128i z =
        _mm_unpacklo_epi64(loadq(&bitx_shuffle_merge16[m0]), loadq(&bitx_shuffle_merge16[m1]));
    z = _mm_add_epi8(z, load128((const uint8_t *)zeros_of_first[_mm_popcnt_u32(m0)]));
    __m128i of_low = _mm_shuffle_epi8(load128(low), z);
    return _mm_or_si128(of_low, _mm_shuffle_epi8(load128(high), _mm_sub_epi8(places, z)));
}

/* 64 elements, or as many steps of 16 as n needs. */
BITX_AVX2_INLINE void merge_block_u8(uint8_t *dst, const uint8_t **low, const uint8_t **high,
                                     int low_const, int high_const, __m128i lv, __m128i hv,
                                     uint64_t bits, size_t n)
{
    for (size_t k = 0; k < n; k += 16, bits >>= 16) {
        unsigned m0 = bits & 255, m1 = bits >> 8 & 255;
        if (!low_const && !high_const) {
            size_t ones = (size_t)_mm_popcnt_u32(bits & 0xffff);
            store128(dst + k, merge16(*low, *high, m0, m1));
            *low += 16 - ones;
            *high += ones;
            continue;
        }
        size_t ones0 = (size_t)_mm_popcnt_u32(m0), ones1 = (size_t)_mm_popcnt_u32(m1);
        __m128i v0 = merge8(*low, *high, low_const, high_const, lv, hv, m0);
        *low += 8 - ones0;
        *high += ones0;
        __m128i v1 = merge8(*low, *high, low_const, high_const, lv, hv, m1);
        *low += 8 - ones1;
        *high += ones1;
        store128(dst + k, _mm_unpacklo_epi64(v0, v1));
    }
}

/* Where a list has none of an element, expand16 gives zero, and so the other's comes through. */
BITX_AVX2_INLINE void merge_block_u16(uint8_t *dst, const uint8_t **low, const uint8_t **high,
                                      int low_const, int high_const, __m128i lv, __m128i hv,
                                      uint64_t bits, size_t n)
{
    for (size_t k = 0; k < n; k += 8, bits >>= 8) {
        unsigned mask = bits & 255;
        size_t ones = (size_t)_mm_popcnt_u32(mask);
        __m128i l = low_const ? lv : load128(*low);
        __m128i h = high_const ? hv : load128(*high);
        l = _mm_shuffle_epi8(l, load128((const uint8_t *)bitx_shuffle_expand16[mask ^ 255]));
        h = _mm_shuffle_epi8(h, load128((const uint8_t *)bitx_shuffle_expand16[mask]));
        store128(dst + 2 * k, _mm_or_si128(l, h));
        *low += 2 * (8 - ones);
        *high += 2 * ones;
    }
}

/* Steps that may be taken now, of a list that was kept readable for one. */
static inline size_t list_steps(const padded_list *l, size_t step)
{
    return (l->left - 16) / step;
}

/* Blocks of 64 elements, `step` bytes, that may be taken before the lists must be looked at again.
 */
BITX_AVX2_INLINE size_t whole_blocks(size_t n, const padded_list *low, const padded_list *high,
                                     size_t step)
{
    size_t blocks = n / 64;
    if (low && list_steps(low, step) < blocks)
        blocks = list_steps(low, step);
    if (high && list_steps(high, step) < blocks)
        blocks = list_steps(high, step);
    return blocks;
}

BITX_AVX2_INLINE void merge_u8(uint8_t *dst, const uint8_t *low_bytes, const uint8_t *high_bytes,
                               int low_const, int high_const, unsigned low_value,
                               unsigned high_value, const uint8_t *plane, size_t bit, size_t n)
{
    enum { STEP = 64 * 1 };
    __m128i lv = _mm_set1_epi8((char)(low_value)), hv = _mm_set1_epi8((char)(high_value));
    size_t ones = low_const && high_const ? 0 : (size_t)bitx_count_ones_avx2(plane, bit, n);
    padded_list low, high;
    list_begin(&low, low_bytes, (n - ones));
    list_begin(&high, high_bytes, ones);
    for (size_t i = 0; i < n;) {
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
        size_t blocks =
            whole_blocks(n - i, low_const ? NULL : &low, high_const ? NULL : &high, STEP);
        for (size_t end = i + 64 * blocks; i < end; i += 64)
            merge_block_u8(dst + i, &l, &h, low_const, high_const, lv, hv,
                           bits64_at(plane, bit + i), 64);
        if (!low_const)
            list_move(&low, l);
        if (!high_const)
            list_move(&high, h);
    }
}

BITX_AVX2 void bitx_merge_u8_avx2(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                                  const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u8(dst, low, high, 0, 0, 0, 0, plane, bit, nelem);
}

BITX_AVX2 void bitx_merge_lowconst_u8_avx2(uint8_t *dst, unsigned low_value, const uint8_t *high,
                                           const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u8(dst, NULL, high, 1, 0, low_value, 0, plane, bit, nelem);
}

BITX_AVX2 void bitx_merge_highconst_u8_avx2(uint8_t *dst, const uint8_t *low, unsigned high_value,
                                            const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u8(dst, low, NULL, 0, 1, 0, high_value, plane, bit, nelem);
}

BITX_AVX2 void bitx_merge_const_u8_avx2(uint8_t *dst, unsigned low_value, unsigned high_value,
                                        const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u8(dst, NULL, NULL, 1, 1, low_value, high_value, plane, bit, nelem);
}

BITX_AVX2_INLINE void merge_u16(uint8_t *dst, const uint8_t *low_bytes, const uint8_t *high_bytes,
                                int low_const, int high_const, unsigned low_value,
                                unsigned high_value, const uint8_t *plane, size_t bit, size_t n)
{
    enum { STEP = 64 * 2 };
    __m128i lv = _mm_set1_epi16((short)(low_value)), hv = _mm_set1_epi16((short)(high_value));
    size_t ones = low_const && high_const ? 0 : (size_t)bitx_count_ones_avx2(plane, bit, n);
    padded_list low, high;
    list_begin(&low, low_bytes, 2 * (n - ones));
    list_begin(&high, high_bytes, 2 * ones);
    for (size_t i = 0; i < n;) {
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
        size_t blocks =
            whole_blocks(n - i, low_const ? NULL : &low, high_const ? NULL : &high, STEP);
        for (size_t end = i + 64 * blocks; i < end; i += 64)
            merge_block_u16(dst + 2 * i, &l, &h, low_const, high_const, lv, hv,
                            bits64_at(plane, bit + i), 64);
        if (!low_const)
            list_move(&low, l);
        if (!high_const)
            list_move(&high, h);
    }
}

BITX_AVX2 void bitx_merge_u16_avx2(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                                   const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u16(dst, low, high, 0, 0, 0, 0, plane, bit, nelem);
}

BITX_AVX2 void bitx_merge_lowconst_u16_avx2(uint8_t *dst, unsigned low_value, const uint8_t *high,
                                            const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u16(dst, NULL, high, 1, 0, low_value, 0, plane, bit, nelem);
}

BITX_AVX2 void bitx_merge_highconst_u16_avx2(uint8_t *dst, const uint8_t *low, unsigned high_value,
                                             const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u16(dst, low, NULL, 0, 1, 0, high_value, plane, bit, nelem);
}

BITX_AVX2 void bitx_merge_const_u16_avx2(uint8_t *dst, unsigned low_value, unsigned high_value,
                                         const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u16(dst, NULL, NULL, 1, 1, low_value, high_value, plane, bit, nelem);
}

#endif
