/* F16 and F32 fields apart and together again, AVX-512. Elements beyond the last of a vector are
   neither read nor written. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "fields.h"
#    include "target_avx512.h"

/* vpternlog's table for m ? a : b with the operands in the order a, b, m. */
enum { SELECT_A_WHERE_M = 0xe4 };

BITX_AVX512_INLINE __m512i load_xored(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    __m512i v = load512_first(a, nbytes);
    return b ? _mm512_xor_si512(v, load512_first(b, nbytes)) : v;
}

BITX_AVX512_INLINE void store_xored(uint8_t *dst, const uint8_t *b, __m512i v, size_t nbytes)
{
    store512_first(dst, b ? _mm512_xor_si512(v, load512_first(b, nbytes)) : v, nbytes);
}

/* n <= 32 elements. */
BITX_AVX512_INLINE void split32_f16(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                    const uint8_t *b, size_t n)
{
    __m512i x = load_xored(a, b, 2 * n);
    __m512i e = _mm512_and_si512(_mm512_srli_epi16(x, 10), _mm512_set1_epi16(0x1f));
    __m512i sign = _mm512_and_si512(_mm512_srli_epi16(x, 5), _mm512_set1_epi16(0x400));
    __m512i sm = _mm512_ternarylogic_epi32(x, sign, _mm512_set1_epi16(0x3ff), SELECT_A_WHERE_M);
    store512_first(exponent, _mm512_castsi256_si512(_mm512_cvtepi16_epi8(e)), n);
    store512_first(signman, sm, 2 * n);
}

BITX_AVX512_INLINE void merge32_f16(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                    const uint8_t *b, size_t n)
{
    __m512i e = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(load512_first(exponent, n)));
    __m512i sm = load512_first(signman, 2 * n);
    __m512i sign = _mm512_slli_epi16(_mm512_and_si512(sm, _mm512_set1_epi16(0x400)), 5);
    e = _mm512_slli_epi16(_mm512_and_si512(e, _mm512_set1_epi16(0x1f)), 10);
    __m512i high = _mm512_or_si512(sign, e);
    __m512i v = _mm512_ternarylogic_epi32(sm, high, _mm512_set1_epi16(0x3ff), SELECT_A_WHERE_M);
    store_xored(dst, b, v, 2 * n);
}

BITX_AVX512_INLINE void split_f16(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                  const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    for (; nelem - i >= 32; i += 32)
        split32_f16(exponent + i, signman + 2 * i, a + 2 * i, fields_at(b, 2 * i), 32);
    split32_f16(exponent + i, signman + 2 * i, a + 2 * i, fields_at(b, 2 * i), nelem - i);
}

BITX_AVX512_INLINE void merge_f16(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                  const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    for (; nelem - i >= 32; i += 32)
        merge32_f16(dst + 2 * i, exponent + i, signman + 2 * i, fields_at(b, 2 * i), 32);
    merge32_f16(dst + 2 * i, exponent + i, signman + 2 * i, fields_at(b, 2 * i), nelem - i);
}

/* n <= 16 elements. vpermb closes up three bytes of each dword, or brings them apart. */
BITX_AVX512_INLINE void split16_f32(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                    const uint8_t *b, size_t n)
{
    const __m512i close =
        _mm512_setr_epi64(0x0908060504020100, 0x141211100e0d0c0a, 0x1e1d1c1a19181615,
                          0x2928262524222120, 0x343231302e2d2c2a, 0x3e3d3c3a39383635, 0, 0);
    __m512i x = load_xored(a, b, 4 * n);
    __m512i e = _mm512_srli_epi32(_mm512_slli_epi32(x, 1), 24);
    __m512i sm = _mm512_ternarylogic_epi32(x, _mm512_srli_epi32(x, 8), _mm512_set1_epi32(0x7fffff),
                                           SELECT_A_WHERE_M);
    store512_first(exponent, _mm512_castsi128_si512(_mm512_cvtepi32_epi8(e)), n);
    store512_first(signman, _mm512_permutexvar_epi8(close, sm), 3 * n);
}

BITX_AVX512_INLINE void merge16_f32(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                    const uint8_t *b, size_t n)
{
    const __m512i apart = _mm512_setr_epi64(
        0x0005040300020100, 0x000b0a0900080706, 0x0011100f000e0d0c, 0x0017161500141312,
        0x001d1c1b001a1918, 0x0023222100201f1e, 0x0029282700262524, 0x002f2e2d002c2b2a);
    __m512i e = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(load512_first(exponent, n)));
    __m512i sm = _mm512_permutexvar_epi8(apart, load512_first(signman, 3 * n));
    __m512i sign = _mm512_slli_epi32(_mm512_and_si512(sm, _mm512_set1_epi32(0x800000)), 8);
    __m512i high = _mm512_or_si512(sign, _mm512_slli_epi32(e, 23));
    __m512i v = _mm512_ternarylogic_epi32(sm, high, _mm512_set1_epi32(0x7fffff), SELECT_A_WHERE_M);
    store_xored(dst, b, v, 4 * n);
}

BITX_AVX512_INLINE void split_f32(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                  const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    for (; nelem - i >= 16; i += 16)
        split16_f32(exponent + i, signman + 3 * i, a + 4 * i, fields_at(b, 4 * i), 16);
    split16_f32(exponent + i, signman + 3 * i, a + 4 * i, fields_at(b, 4 * i), nelem - i);
}

BITX_AVX512_INLINE void merge_f32(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                  const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    for (; nelem - i >= 16; i += 16)
        merge16_f32(dst + 4 * i, exponent + i, signman + 3 * i, fields_at(b, 4 * i), 16);
    merge16_f32(dst + 4 * i, exponent + i, signman + 3 * i, fields_at(b, 4 * i), nelem - i);
}

BITX_FIELDS_FUNCTIONS(BITX_AVX512, avx512, f16)
BITX_FIELDS_FUNCTIONS(BITX_AVX512, avx512, f32)

#endif
