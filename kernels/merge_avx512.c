/* Two lists into one by a bit plane, AVX-512: vpexpandb and vpexpandw. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "target_avx512.h"

/*
 * n of at most 64 bytes; bits above n are zero. A list is read exactly as far as it goes. The masks
 * are made by hand: ~bits with n < 64 would take n - 64 elements too many from low.
 */
BITX_AVX512_INLINE __m512i merge_bytes(__m512i low_value, const uint8_t **low, const uint8_t **high,
                                       int low_const, int high_const, uint64_t bits, size_t n,
                                       __m512i high_value)
{
    size_t ones = (size_t)_mm_popcnt_u64(bits);
    __m512i v = low_value;
    if (!low_const) {
        v = _mm512_maskz_expand_epi8(_cvtu64_mask64(~bits), load512_first(*low, n - ones));
        *low += n - ones;
    }
    if (high_const)
        return _mm512_mask_mov_epi8(v, _cvtu64_mask64(bits), high_value);
    v = _mm512_mask_expand_epi8(v, _cvtu64_mask64(bits), load512_first(*high, ones));
    *high += ones;
    return v;
}

BITX_AVX512_INLINE void merge_u8(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                                 int low_const, int high_const, unsigned low_value,
                                 unsigned high_value, const uint8_t *plane, size_t bit, size_t n)
{
    __m512i lv = _mm512_set1_epi8((char)low_value), hv = _mm512_set1_epi8((char)high_value);
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        uint64_t bits = bits64_at(plane, bit + i);
        store512(dst + i, merge_bytes(lv, &low, &high, low_const, high_const, bits, 64, hv));
    }
    if (i == n)
        return;
    uint64_t bits = bits_at(plane, bit + i, n - i);
    __m512i v = merge_bytes(lv, &low, &high, low_const, high_const, bits, n - i, hv);
    store512_first(dst + i, v, n - i);
}

BITX_AVX512 void bitx_merge_u8_avx512(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                                      const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u8(dst, low, high, 0, 0, 0, 0, plane, bit, nelem);
}

BITX_AVX512 void bitx_merge_lowconst_u8_avx512(uint8_t *dst, unsigned low_value,
                                               const uint8_t *high, const uint8_t *plane,
                                               size_t bit, size_t nelem)
{
    merge_u8(dst, NULL, high, 1, 0, low_value, 0, plane, bit, nelem);
}

BITX_AVX512 void bitx_merge_highconst_u8_avx512(uint8_t *dst, const uint8_t *low,
                                                unsigned high_value, const uint8_t *plane,
                                                size_t bit, size_t nelem)
{
    merge_u8(dst, low, NULL, 0, 1, 0, high_value, plane, bit, nelem);
}

BITX_AVX512 void bitx_merge_const_u8_avx512(uint8_t *dst, unsigned low_value, unsigned high_value,
                                            const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u8(dst, NULL, NULL, 1, 1, low_value, high_value, plane, bit, nelem);
}

/* 32 elements of 16 bits. */
BITX_AVX512_INLINE __m512i merge_words(__m512i low_value, const uint8_t **low, const uint8_t **high,
                                       int low_const, int high_const, uint32_t bits, size_t n,
                                       __m512i high_value)
{
    size_t ones = (size_t)_mm_popcnt_u32(bits);
    __m512i v = low_value;
    if (!low_const) {
        v = _mm512_maskz_expand_epi16(_cvtu32_mask32(~bits), load512_first(*low, 2 * (n - ones)));
        *low += 2 * (n - ones);
    }
    if (high_const)
        return _mm512_mask_mov_epi16(v, _cvtu32_mask32(bits), high_value);
    v = _mm512_mask_expand_epi16(v, _cvtu32_mask32(bits), load512_first(*high, 2 * ones));
    *high += 2 * ones;
    return v;
}

BITX_AVX512_INLINE void merge_u16(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                                  int low_const, int high_const, unsigned low_value,
                                  unsigned high_value, const uint8_t *plane, size_t bit, size_t n)
{
    __m512i lv = _mm512_set1_epi16((short)low_value), hv = _mm512_set1_epi16((short)high_value);
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        uint64_t bits = bits64_at(plane, bit + i);
        uint32_t first = (uint32_t)bits, second = (uint32_t)(bits >> 32);
        store512(dst + 2 * i, merge_words(lv, &low, &high, low_const, high_const, first, 32, hv));
        store512(dst + 2 * i + 64,
                 merge_words(lv, &low, &high, low_const, high_const, second, 32, hv));
    }
    while (i < n) {
        size_t m = n - i < 32 ? n - i : 32;
        uint32_t bits = (uint32_t)bits_at(plane, bit + i, m);
        __m512i v = merge_words(lv, &low, &high, low_const, high_const, bits, m, hv);
        store512_first(dst + 2 * i, v, 2 * m);
        i += m;
    }
}

BITX_AVX512 void bitx_merge_u16_avx512(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                                       const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u16(dst, low, high, 0, 0, 0, 0, plane, bit, nelem);
}

BITX_AVX512 void bitx_merge_lowconst_u16_avx512(uint8_t *dst, unsigned low_value,
                                                const uint8_t *high, const uint8_t *plane,
                                                size_t bit, size_t nelem)
{
    merge_u16(dst, NULL, high, 1, 0, low_value, 0, plane, bit, nelem);
}

BITX_AVX512 void bitx_merge_highconst_u16_avx512(uint8_t *dst, const uint8_t *low,
                                                 unsigned high_value, const uint8_t *plane,
                                                 size_t bit, size_t nelem)
{
    merge_u16(dst, low, NULL, 0, 1, 0, high_value, plane, bit, nelem);
}

BITX_AVX512 void bitx_merge_const_u16_avx512(uint8_t *dst, unsigned low_value, unsigned high_value,
                                             const uint8_t *plane, size_t bit, size_t nelem)
{
    merge_u16(dst, NULL, NULL, 1, 1, low_value, high_value, plane, bit, nelem);
}

#endif
