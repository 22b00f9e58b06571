/* Differences of words in the order of the numbers they mean, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx512.h"

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
BITX_AVX512_INLINE __m512i map_u8(__m512i v)
{
    const __m512i top = _mm512_set1_epi8((char)0x80);
    __m512i negative = _mm512_movm_epi8(_mm512_movepi8_mask(v));
    return _mm512_xor_si512(v, _mm512_andnot_si512(top, negative));
}

BITX_AVX512_INLINE __m512i float_diff_u8(__m512i x, __m512i base)
{
    __m512i sign = _mm512_and_si512(base, _mm512_set1_epi8((char)0x80));
    return _mm512_sub_epi8(map_u8(_mm512_xor_si512(x, sign)), _mm512_xor_si512(base, sign));
}

BITX_AVX512_INLINE __m512i float_undiff_u8(__m512i difference, __m512i base)
{
    __m512i sign = _mm512_and_si512(base, _mm512_set1_epi8((char)0x80));
    __m512i sum = _mm512_add_epi8(difference, _mm512_xor_si512(base, sign));
    return _mm512_xor_si512(map_u8(sum), sign);
}

BITX_AVX512_INLINE __m512i int_diff_u8(__m512i x, __m512i base)
{
    return _mm512_sub_epi8(x, base);
}

BITX_AVX512_INLINE __m512i int_undiff_u8(__m512i difference, __m512i base)
{
    return _mm512_add_epi8(difference, base);
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
BITX_AVX512_INLINE __m512i map_u16(__m512i v)
{
    const __m512i top = _mm512_set1_epi16((short)0x8000);
    __m512i negative = _mm512_movm_epi16(_mm512_movepi16_mask(v));
    return _mm512_xor_si512(v, _mm512_andnot_si512(top, negative));
}

BITX_AVX512_INLINE __m512i float_diff_u16(__m512i x, __m512i base)
{
    __m512i sign = _mm512_and_si512(base, _mm512_set1_epi16((short)0x8000));
    return _mm512_sub_epi16(map_u16(_mm512_xor_si512(x, sign)), _mm512_xor_si512(base, sign));
}

BITX_AVX512_INLINE __m512i float_undiff_u16(__m512i difference, __m512i base)
{
    __m512i sign = _mm512_and_si512(base, _mm512_set1_epi16((short)0x8000));
    __m512i sum = _mm512_add_epi16(difference, _mm512_xor_si512(base, sign));
    return _mm512_xor_si512(map_u16(sum), sign);
}

BITX_AVX512_INLINE __m512i int_diff_u16(__m512i x, __m512i base)
{
    return _mm512_sub_epi16(x, base);
}

BITX_AVX512_INLINE __m512i int_undiff_u16(__m512i difference, __m512i base)
{
    return _mm512_add_epi16(difference, base);
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
BITX_AVX512_INLINE __m512i map_u32(__m512i v)
{
    const __m512i top = _mm512_set1_epi32((int)0x80000000);
    __m512i negative = _mm512_movm_epi32(_mm512_movepi32_mask(v));
    return _mm512_xor_si512(v, _mm512_andnot_si512(top, negative));
}

BITX_AVX512_INLINE __m512i float_diff_u32(__m512i x, __m512i base)
{
    __m512i sign = _mm512_and_si512(base, _mm512_set1_epi32((int)0x80000000));
    return _mm512_sub_epi32(map_u32(_mm512_xor_si512(x, sign)), _mm512_xor_si512(base, sign));
}

BITX_AVX512_INLINE __m512i float_undiff_u32(__m512i difference, __m512i base)
{
    __m512i sign = _mm512_and_si512(base, _mm512_set1_epi32((int)0x80000000));
    __m512i sum = _mm512_add_epi32(difference, _mm512_xor_si512(base, sign));
    return _mm512_xor_si512(map_u32(sum), sign);
}

BITX_AVX512_INLINE __m512i int_diff_u32(__m512i x, __m512i base)
{
    return _mm512_sub_epi32(x, base);
}

BITX_AVX512_INLINE __m512i int_undiff_u32(__m512i difference, __m512i base)
{
    return _mm512_add_epi32(difference, base);
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
BITX_AVX512_INLINE __m512i map_u64(__m512i v)
{
    const __m512i top = _mm512_set1_epi64((long long)0x8000000000000000);
    __m512i negative = _mm512_movm_epi64(_mm512_movepi64_mask(v));
    return _mm512_xor_si512(v, _mm512_andnot_si512(top, negative));
}

BITX_AVX512_INLINE __m512i float_diff_u64(__m512i x, __m512i base)
{
    __m512i sign = _mm512_and_si512(base, _mm512_set1_epi64((long long)0x8000000000000000));
    return _mm512_sub_epi64(map_u64(_mm512_xor_si512(x, sign)), _mm512_xor_si512(base, sign));
}

BITX_AVX512_INLINE __m512i float_undiff_u64(__m512i difference, __m512i base)
{
    __m512i sign = _mm512_and_si512(base, _mm512_set1_epi64((long long)0x8000000000000000));
    __m512i sum = _mm512_add_epi64(difference, _mm512_xor_si512(base, sign));
    return _mm512_xor_si512(map_u64(sum), sign);
}

BITX_AVX512_INLINE __m512i int_diff_u64(__m512i x, __m512i base)
{
    return _mm512_sub_epi64(x, base);
}

BITX_AVX512_INLINE __m512i int_undiff_u64(__m512i difference, __m512i base)
{
    return _mm512_add_epi64(difference, base);
}

BITX_AVX512 void bitx_float_diff_u8_avx512(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                           size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, float_diff_u8(load512(x + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last = float_diff_u8(load512_first(x + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_float_undiff_u8_avx512(uint8_t *dst, const uint8_t *difference,
                                             const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, float_undiff_u8(load512(difference + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last =
        float_undiff_u8(load512_first(difference + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_int_diff_u8_avx512(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                         size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, int_diff_u8(load512(x + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last = int_diff_u8(load512_first(x + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_int_undiff_u8_avx512(uint8_t *dst, const uint8_t *difference,
                                           const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, int_undiff_u8(load512(difference + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last =
        int_undiff_u8(load512_first(difference + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_float_diff_u16_avx512(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                            size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, float_diff_u16(load512(x + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last = float_diff_u16(load512_first(x + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_float_undiff_u16_avx512(uint8_t *dst, const uint8_t *difference,
                                              const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, float_undiff_u16(load512(difference + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last =
        float_undiff_u16(load512_first(difference + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_int_diff_u16_avx512(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                          size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, int_diff_u16(load512(x + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last = int_diff_u16(load512_first(x + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_int_undiff_u16_avx512(uint8_t *dst, const uint8_t *difference,
                                            const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, int_undiff_u16(load512(difference + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last =
        int_undiff_u16(load512_first(difference + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_float_diff_u32_avx512(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                            size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, float_diff_u32(load512(x + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last = float_diff_u32(load512_first(x + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_float_undiff_u32_avx512(uint8_t *dst, const uint8_t *difference,
                                              const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, float_undiff_u32(load512(difference + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last =
        float_undiff_u32(load512_first(difference + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_int_diff_u32_avx512(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                          size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, int_diff_u32(load512(x + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last = int_diff_u32(load512_first(x + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_int_undiff_u32_avx512(uint8_t *dst, const uint8_t *difference,
                                            const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, int_undiff_u32(load512(difference + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last =
        int_undiff_u32(load512_first(difference + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_float_diff_u64_avx512(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                            size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, float_diff_u64(load512(x + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last = float_diff_u64(load512_first(x + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_float_undiff_u64_avx512(uint8_t *dst, const uint8_t *difference,
                                              const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, float_undiff_u64(load512(difference + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last =
        float_undiff_u64(load512_first(difference + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_int_diff_u64_avx512(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                          size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, int_diff_u64(load512(x + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last = int_diff_u64(load512_first(x + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

BITX_AVX512 void bitx_int_undiff_u64_avx512(uint8_t *dst, const uint8_t *difference,
                                            const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, int_undiff_u64(load512(difference + i), load512(base + i)));
    size_t left = nbytes - i;
    __m512i last =
        int_undiff_u64(load512_first(difference + i, left), load512_first(base + i, left));
    store512_first(dst + i, last, left);
}

#endif
