/* Differences of words in the order of the numbers they mean, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx2.h"

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
BITX_AVX2_INLINE __m256i map_u8(__m256i v)
{
    const __m256i top = _mm256_set1_epi8((char)0x80);
    __m256i negative = _mm256_cmpgt_epi8(_mm256_setzero_si256(), v);
    return _mm256_xor_si256(v, _mm256_andnot_si256(top, negative));
}

BITX_AVX2_INLINE __m256i float_diff_u8(__m256i x, __m256i base)
{
    __m256i sign = _mm256_and_si256(base, _mm256_set1_epi8((char)0x80));
    return _mm256_sub_epi8(map_u8(_mm256_xor_si256(x, sign)), _mm256_xor_si256(base, sign));
}

BITX_AVX2_INLINE __m256i float_undiff_u8(__m256i difference, __m256i base)
{
    __m256i sign = _mm256_and_si256(base, _mm256_set1_epi8((char)0x80));
    __m256i sum = _mm256_add_epi8(difference, _mm256_xor_si256(base, sign));
    return _mm256_xor_si256(map_u8(sum), sign);
}

BITX_AVX2_INLINE __m256i int_diff_u8(__m256i x, __m256i base)
{
    return _mm256_sub_epi8(x, base);
}

BITX_AVX2_INLINE __m256i int_undiff_u8(__m256i difference, __m256i base)
{
    return _mm256_add_epi8(difference, base);
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
BITX_AVX2_INLINE __m256i map_u16(__m256i v)
{
    const __m256i top = _mm256_set1_epi16((short)0x8000);
    __m256i negative = _mm256_cmpgt_epi16(_mm256_setzero_si256(), v);
    return _mm256_xor_si256(v, _mm256_andnot_si256(top, negative));
}

BITX_AVX2_INLINE __m256i float_diff_u16(__m256i x, __m256i base)
{
    __m256i sign = _mm256_and_si256(base, _mm256_set1_epi16((short)0x8000));
    return _mm256_sub_epi16(map_u16(_mm256_xor_si256(x, sign)), _mm256_xor_si256(base, sign));
}

BITX_AVX2_INLINE __m256i float_undiff_u16(__m256i difference, __m256i base)
{
    __m256i sign = _mm256_and_si256(base, _mm256_set1_epi16((short)0x8000));
    __m256i sum = _mm256_add_epi16(difference, _mm256_xor_si256(base, sign));
    return _mm256_xor_si256(map_u16(sum), sign);
}

BITX_AVX2_INLINE __m256i int_diff_u16(__m256i x, __m256i base)
{
    return _mm256_sub_epi16(x, base);
}

BITX_AVX2_INLINE __m256i int_undiff_u16(__m256i difference, __m256i base)
{
    return _mm256_add_epi16(difference, base);
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
BITX_AVX2_INLINE __m256i map_u32(__m256i v)
{
    const __m256i top = _mm256_set1_epi32((int)0x80000000);
    __m256i negative = _mm256_cmpgt_epi32(_mm256_setzero_si256(), v);
    return _mm256_xor_si256(v, _mm256_andnot_si256(top, negative));
}

BITX_AVX2_INLINE __m256i float_diff_u32(__m256i x, __m256i base)
{
    __m256i sign = _mm256_and_si256(base, _mm256_set1_epi32((int)0x80000000));
    return _mm256_sub_epi32(map_u32(_mm256_xor_si256(x, sign)), _mm256_xor_si256(base, sign));
}

BITX_AVX2_INLINE __m256i float_undiff_u32(__m256i difference, __m256i base)
{
    __m256i sign = _mm256_and_si256(base, _mm256_set1_epi32((int)0x80000000));
    __m256i sum = _mm256_add_epi32(difference, _mm256_xor_si256(base, sign));
    return _mm256_xor_si256(map_u32(sum), sign);
}

BITX_AVX2_INLINE __m256i int_diff_u32(__m256i x, __m256i base)
{
    return _mm256_sub_epi32(x, base);
}

BITX_AVX2_INLINE __m256i int_undiff_u32(__m256i difference, __m256i base)
{
    return _mm256_add_epi32(difference, base);
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
BITX_AVX2_INLINE __m256i map_u64(__m256i v)
{
    const __m256i top = _mm256_set1_epi64x((long long)0x8000000000000000);
    __m256i negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), v);
    return _mm256_xor_si256(v, _mm256_andnot_si256(top, negative));
}

BITX_AVX2_INLINE __m256i float_diff_u64(__m256i x, __m256i base)
{
    __m256i sign = _mm256_and_si256(base, _mm256_set1_epi64x((long long)0x8000000000000000));
    return _mm256_sub_epi64(map_u64(_mm256_xor_si256(x, sign)), _mm256_xor_si256(base, sign));
}

BITX_AVX2_INLINE __m256i float_undiff_u64(__m256i difference, __m256i base)
{
    __m256i sign = _mm256_and_si256(base, _mm256_set1_epi64x((long long)0x8000000000000000));
    __m256i sum = _mm256_add_epi64(difference, _mm256_xor_si256(base, sign));
    return _mm256_xor_si256(map_u64(sum), sign);
}

BITX_AVX2_INLINE __m256i int_diff_u64(__m256i x, __m256i base)
{
    return _mm256_sub_epi64(x, base);
}

BITX_AVX2_INLINE __m256i int_undiff_u64(__m256i difference, __m256i base)
{
    return _mm256_add_epi64(difference, base);
}

BITX_AVX2 void bitx_float_diff_u8_avx2(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                       size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = float_diff_u8(load256(x + i), load256(base + i));
        __m256i v1 = float_diff_u8(load256(x + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_float_diff_u8_scalar(dst + i, x + i, base + i, (nbytes - i) / 1);
}

BITX_AVX2 void bitx_float_undiff_u8_avx2(uint8_t *dst, const uint8_t *difference,
                                         const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = float_undiff_u8(load256(difference + i), load256(base + i));
        __m256i v1 = float_undiff_u8(load256(difference + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_float_undiff_u8_scalar(dst + i, difference + i, base + i, (nbytes - i) / 1);
}

BITX_AVX2 void bitx_int_diff_u8_avx2(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                     size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = int_diff_u8(load256(x + i), load256(base + i));
        __m256i v1 = int_diff_u8(load256(x + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_int_diff_u8_scalar(dst + i, x + i, base + i, (nbytes - i) / 1);
}

BITX_AVX2 void bitx_int_undiff_u8_avx2(uint8_t *dst, const uint8_t *difference, const uint8_t *base,
                                       size_t nelem)
{
    const size_t nbytes = 1 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = int_undiff_u8(load256(difference + i), load256(base + i));
        __m256i v1 = int_undiff_u8(load256(difference + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_int_undiff_u8_scalar(dst + i, difference + i, base + i, (nbytes - i) / 1);
}

BITX_AVX2 void bitx_float_diff_u16_avx2(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                        size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = float_diff_u16(load256(x + i), load256(base + i));
        __m256i v1 = float_diff_u16(load256(x + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_float_diff_u16_scalar(dst + i, x + i, base + i, (nbytes - i) / 2);
}

BITX_AVX2 void bitx_float_undiff_u16_avx2(uint8_t *dst, const uint8_t *difference,
                                          const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = float_undiff_u16(load256(difference + i), load256(base + i));
        __m256i v1 = float_undiff_u16(load256(difference + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_float_undiff_u16_scalar(dst + i, difference + i, base + i, (nbytes - i) / 2);
}

BITX_AVX2 void bitx_int_diff_u16_avx2(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                      size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = int_diff_u16(load256(x + i), load256(base + i));
        __m256i v1 = int_diff_u16(load256(x + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_int_diff_u16_scalar(dst + i, x + i, base + i, (nbytes - i) / 2);
}

BITX_AVX2 void bitx_int_undiff_u16_avx2(uint8_t *dst, const uint8_t *difference,
                                        const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 2 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = int_undiff_u16(load256(difference + i), load256(base + i));
        __m256i v1 = int_undiff_u16(load256(difference + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_int_undiff_u16_scalar(dst + i, difference + i, base + i, (nbytes - i) / 2);
}

BITX_AVX2 void bitx_float_diff_u32_avx2(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                        size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = float_diff_u32(load256(x + i), load256(base + i));
        __m256i v1 = float_diff_u32(load256(x + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_float_diff_u32_scalar(dst + i, x + i, base + i, (nbytes - i) / 4);
}

BITX_AVX2 void bitx_float_undiff_u32_avx2(uint8_t *dst, const uint8_t *difference,
                                          const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = float_undiff_u32(load256(difference + i), load256(base + i));
        __m256i v1 = float_undiff_u32(load256(difference + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_float_undiff_u32_scalar(dst + i, difference + i, base + i, (nbytes - i) / 4);
}

BITX_AVX2 void bitx_int_diff_u32_avx2(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                      size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = int_diff_u32(load256(x + i), load256(base + i));
        __m256i v1 = int_diff_u32(load256(x + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_int_diff_u32_scalar(dst + i, x + i, base + i, (nbytes - i) / 4);
}

BITX_AVX2 void bitx_int_undiff_u32_avx2(uint8_t *dst, const uint8_t *difference,
                                        const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 4 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = int_undiff_u32(load256(difference + i), load256(base + i));
        __m256i v1 = int_undiff_u32(load256(difference + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_int_undiff_u32_scalar(dst + i, difference + i, base + i, (nbytes - i) / 4);
}

BITX_AVX2 void bitx_float_diff_u64_avx2(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                        size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = float_diff_u64(load256(x + i), load256(base + i));
        __m256i v1 = float_diff_u64(load256(x + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_float_diff_u64_scalar(dst + i, x + i, base + i, (nbytes - i) / 8);
}

BITX_AVX2 void bitx_float_undiff_u64_avx2(uint8_t *dst, const uint8_t *difference,
                                          const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = float_undiff_u64(load256(difference + i), load256(base + i));
        __m256i v1 = float_undiff_u64(load256(difference + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_float_undiff_u64_scalar(dst + i, difference + i, base + i, (nbytes - i) / 8);
}

BITX_AVX2 void bitx_int_diff_u64_avx2(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                      size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = int_diff_u64(load256(x + i), load256(base + i));
        __m256i v1 = int_diff_u64(load256(x + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_int_diff_u64_scalar(dst + i, x + i, base + i, (nbytes - i) / 8);
}

BITX_AVX2 void bitx_int_undiff_u64_avx2(uint8_t *dst, const uint8_t *difference,
                                        const uint8_t *base, size_t nelem)
{
    const size_t nbytes = 8 * nelem;
    size_t i = 0;
    for (; nbytes - i >= 64; i += 64) {
        __m256i v0 = int_undiff_u64(load256(difference + i), load256(base + i));
        __m256i v1 = int_undiff_u64(load256(difference + i + 32), load256(base + i + 32));
        put_line(dst + i, v0, v1, 0);
    }
    bitx_int_undiff_u64_scalar(dst + i, difference + i, base + i, (nbytes - i) / 8);
}

#endif
