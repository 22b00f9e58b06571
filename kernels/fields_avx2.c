/* F16 and F32 fields apart and together again, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "fields.h"
#    include "target_avx2.h"

BITX_AVX2_INLINE __m256i load_xored(const uint8_t *a, const uint8_t *b, size_t at)
{
    __m256i v = load256(a + at);
    return b ? _mm256_xor_si256(v, load256(b + at)) : v;
}

BITX_AVX2_INLINE void store_xored(uint8_t *dst, const uint8_t *b, size_t at, __m256i v)
{
    store256(dst + at, b ? _mm256_xor_si256(v, load256(b + at)) : v);
}

/* Sign and mantissa: bits 15 to bit 10, the mantissa below. */
BITX_AVX2_INLINE __m256i signman_f16(__m256i x)
{
    __m256i sign = _mm256_and_si256(_mm256_srli_epi16(x, 5), _mm256_set1_epi16(0x400));
    return _mm256_or_si256(sign, _mm256_and_si256(x, _mm256_set1_epi16(0x3ff)));
}

BITX_AVX2_INLINE __m256i exponent_f16(__m256i x)
{
    return _mm256_and_si256(_mm256_srli_epi16(x, 10), _mm256_set1_epi16(0x1f));
}

BITX_AVX2_INLINE void split32_f16(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                  const uint8_t *b)
{
    __m256i x0 = load_xored(a, b, 0), x1 = load_xored(a, b, 32);
    __m256i e = _mm256_packus_epi16(exponent_f16(x0), exponent_f16(x1));
    store256(exponent, _mm256_permute4x64_epi64(e, 0xd8));
    put_line(signman, signman_f16(x0), signman_f16(x1), 0);
}

/* 16 elements. */
BITX_AVX2_INLINE __m256i merge16_f16(const uint8_t *exponent, const uint8_t *signman)
{
    __m256i e = _mm256_cvtepu8_epi16(load128(exponent)), sm = load256(signman);
    e = _mm256_slli_epi16(_mm256_and_si256(e, _mm256_set1_epi16(0x1f)), 10);
    __m256i sign = _mm256_slli_epi16(_mm256_and_si256(sm, _mm256_set1_epi16(0x400)), 5);
    __m256i mantissa = _mm256_and_si256(sm, _mm256_set1_epi16(0x3ff));
    return _mm256_or_si256(_mm256_or_si256(sign, e), mantissa);
}

/* The last block overlaps the one before it. */
BITX_AVX2_INLINE void split_f16(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                const uint8_t *b, size_t nelem)
{
    if (nelem < 32) {
        if (b)
            bitx_xor_split_f16_scalar(exponent, signman, a, b, nelem);
        else
            bitx_split_f16_scalar(exponent, signman, a, nelem);
        return;
    }
    for (size_t i = 0; i < nelem; i += 32) {
        i = i < nelem - 32 ? i : nelem - 32;
        split32_f16(exponent + i, signman + 2 * i, a + 2 * i, fields_at(b, 2 * i));
    }
}

BITX_AVX2_INLINE void merge_f16(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                const uint8_t *b, size_t nelem)
{
    if (nelem < 16) {
        if (b)
            bitx_xor_merge_f16_scalar(dst, exponent, signman, b, nelem);
        else
            bitx_merge_f16_scalar(dst, exponent, signman, nelem);
        return;
    }
    for (size_t i = 0; i < nelem; i += 16) {
        i = i < nelem - 16 ? i : nelem - 16;
        store_xored(dst, b, 2 * i, merge16_f16(exponent + i, signman + 2 * i));
    }
}

/* Eight elements' sign and mantissa: 24 bits each, 12 bytes from each lane. */
BITX_AVX2_INLINE void store_signman_f32(uint8_t *dst, __m256i x)
{
    const __m256i close = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    __m256i sign = _mm256_and_si256(_mm256_srli_epi32(x, 8), _mm256_set1_epi32(0x800000));
    __m256i sm = _mm256_or_si256(sign, _mm256_and_si256(x, _mm256_set1_epi32(0x7fffff)));
    sm = _mm256_shuffle_epi8(sm, close);
    sm = _mm256_permutevar8x32_epi32(sm, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
    store128(dst, _mm256_castsi256_si128(sm));
    store64(dst + 16, (uint64_t)_mm256_extract_epi64(sm, 2));
}

BITX_AVX2_INLINE __m256i exponent_f32(__m256i x)
{
    return _mm256_srli_epi32(_mm256_slli_epi32(x, 1), 24);
}

BITX_AVX2_INLINE void split32_f32(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                  const uint8_t *b)
{
    __m256i x0 = load_xored(a, b, 0), x1 = load_xored(a, b, 32);
    __m256i x2 = load_xored(a, b, 64), x3 = load_xored(a, b, 96);
    __m256i e0 = _mm256_packus_epi32(exponent_f32(x0), exponent_f32(x1));
    __m256i e1 = _mm256_packus_epi32(exponent_f32(x2), exponent_f32(x3));
    __m256i e = _mm256_packus_epi16(e0, e1);
    store256(exponent, _mm256_permutevar8x32_epi32(e, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
    store_signman_f32(signman, x0);
    store_signman_f32(signman + 24, x1);
    store_signman_f32(signman + 48, x2);
    store_signman_f32(signman + 72, x3);
}

/* Eight elements; reads 24 bytes of signman, the upper lane's from the eighth on. */
BITX_AVX2_INLINE __m256i merge8_f32(const uint8_t *exponent, const uint8_t *signman)
{
    const __m256i apart = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 4,
                                           5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1);
    __m256i sm =
        _mm256_inserti128_si256(_mm256_castsi128_si256(load128(signman)), load128(signman + 8), 1);
    sm = _mm256_shuffle_epi8(sm, apart);
    __m256i e = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)load64(exponent)));
    __m256i sign = _mm256_slli_epi32(_mm256_and_si256(sm, _mm256_set1_epi32(0x800000)), 8);
    __m256i mantissa = _mm256_and_si256(sm, _mm256_set1_epi32(0x7fffff));
    return _mm256_or_si256(_mm256_or_si256(sign, _mm256_slli_epi32(e, 23)), mantissa);
}

BITX_AVX2_INLINE void split_f32(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                const uint8_t *b, size_t nelem)
{
    if (nelem < 32) {
        if (b)
            bitx_xor_split_f32_scalar(exponent, signman, a, b, nelem);
        else
            bitx_split_f32_scalar(exponent, signman, a, nelem);
        return;
    }
    for (size_t i = 0; i < nelem; i += 32) {
        i = i < nelem - 32 ? i : nelem - 32;
        split32_f32(exponent + i, signman + 3 * i, a + 4 * i, fields_at(b, 4 * i));
    }
}

BITX_AVX2_INLINE void merge_f32(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                const uint8_t *b, size_t nelem)
{
    if (nelem < 8) {
        if (b)
            bitx_xor_merge_f32_scalar(dst, exponent, signman, b, nelem);
        else
            bitx_merge_f32_scalar(dst, exponent, signman, nelem);
        return;
    }
    for (size_t i = 0; i < nelem; i += 8) {
        i = i < nelem - 8 ? i : nelem - 8;
        store_xored(dst, b, 4 * i, merge8_f32(exponent + i, signman + 3 * i));
    }
}

BITX_FIELDS_FUNCTIONS(BITX_AVX2, avx2, f16)
BITX_FIELDS_FUNCTIONS(BITX_AVX2, avx2, f32)

#endif
