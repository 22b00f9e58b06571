/* Float fields apart and together again, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "fields.h"
#    include "target_avx512.h"

/* vpternlog's table for m ? a : b with the operands in the order a, b, m. */
enum { SELECT_A_WHERE_M = 0xe4 };

/* The index of vpermt2b that takes the even bytes of two vectors. */
BITX_AVX512_INLINE __m512i even_bytes(void)
{
    return _mm512_set_epi64(0x7e7c7a7876747270, 0x6e6c6a6866646260, 0x5e5c5a5856545250,
                            0x4e4c4a4846444240, 0x3e3c3a3836343230, 0x2e2c2a2826242220,
                            0x1e1c1a1816141210, 0x0e0c0a0806040200);
}

/* 64 elements. */
BITX_AVX512_INLINE void split64(__m512i *exponent, __m512i *signman, __m512i x0, __m512i x1)
{
    const __m512i mantissa = _mm512_set1_epi16(0x7f);
    __m512i sm0 =
        _mm512_ternarylogic_epi32(x0, _mm512_srli_epi16(x0, 8), mantissa, SELECT_A_WHERE_M);
    __m512i sm1 =
        _mm512_ternarylogic_epi32(x1, _mm512_srli_epi16(x1, 8), mantissa, SELECT_A_WHERE_M);
    *exponent =
        _mm512_permutex2var_epi8(_mm512_srli_epi16(x0, 7), even_bytes(), _mm512_srli_epi16(x1, 7));
    *signman = _mm512_permutex2var_epi8(sm0, even_bytes(), sm1);
}

BITX_AVX512_INLINE __m512i load_xored(const uint8_t *a, const uint8_t *b, size_t at)
{
    __m512i v = load512(a + at);
    return b ? _mm512_xor_si512(v, load512(b + at)) : v;
}

/* Elements beyond the first n of 64 are neither read nor written. */
BITX_AVX512_INLINE void xor_split_first(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                        const uint8_t *b, size_t n)
{
    size_t n0 = n < 32 ? n : 32, n1 = n - n0;
    __m512i x0 = load512_first(a, 2 * n0), x1 = load512_first(a + 64, 2 * n1);
    if (b) {
        x0 = _mm512_xor_si512(x0, load512_first(b, 2 * n0));
        x1 = _mm512_xor_si512(x1, load512_first(b + 64, 2 * n1));
    }
    __m512i e, s;
    split64(&e, &s, x0, x1);
    store512_first(exponent, e, n);
    store512_first(signman, s, n);
}

/* As many whole blocks of 64 elements as there are; returns the elements done. */
BITX_AVX512_INLINE size_t xor_split_blocks(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                           const uint8_t *b, size_t n, int past_caches)
{
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        __m512i e, s;
        fetch_source(a + 2 * i, 128, past_caches);
        fetch_source(fields_at(b, 2 * i), 128, past_caches);
        split64(&e, &s, load_xored(a, b, 2 * i), load_xored(a, b, 2 * i + 64));
        put512(exponent + i, e, past_caches);
        put512(signman + i, s, past_caches);
    }
    return i;
}

BITX_AVX512_INLINE void split_bf16(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                   const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    if (nelem >= BITX_NONTEMPORAL_MIN / 2 && same_line_offset(exponent, signman)) {
        i = to_next_line(exponent);
        xor_split_first(exponent, signman, a, b, i);
        i += xor_split_blocks(exponent + i, signman + i, a + 2 * i, fields_at(b, 2 * i), nelem - i,
                              1);
        _mm_sfence();
    }
    i += xor_split_blocks(exponent + i, signman + i, a + 2 * i, fields_at(b, 2 * i), nelem - i, 0);
    if (i < nelem)
        xor_split_first(exponent + i, signman + i, a + 2 * i, fields_at(b, 2 * i), nelem - i);
}

/* 64 elements from 64 exponents and 64 sign+mantissas. */
BITX_AVX512_INLINE void merge64(__m512i *x0, __m512i *x1, __m512i exp, __m512i sm)
{
    const __m512i sign_bit = _mm512_set1_epi8((char)0x80);
    /* Qword order 0 4 1 5 2 6 3 7, because unpack works within the four lanes. */
    const __m512i lanes = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    exp = _mm512_permutexvar_epi64(lanes, exp);
    sm = _mm512_permutexvar_epi64(lanes, sm);
    __m512i low =
        _mm512_ternarylogic_epi32(_mm512_slli_epi16(exp, 7), sm, sign_bit, SELECT_A_WHERE_M);
    __m512i high =
        _mm512_ternarylogic_epi32(sm, _mm512_srli_epi16(exp, 1), sign_bit, SELECT_A_WHERE_M);
    *x0 = _mm512_unpacklo_epi8(low, high);
    *x1 = _mm512_unpackhi_epi8(low, high);
}

/* As many whole blocks of 64 elements as there are; returns the elements done. */
BITX_AVX512_INLINE size_t xor_merge_blocks(uint8_t *dst, const uint8_t *exponent,
                                           const uint8_t *signman, const uint8_t *b, size_t n,
                                           int past_caches)
{
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        __m512i x0, x1;
        fetch_source(exponent + i, 64, past_caches);
        fetch_source(signman + i, 64, past_caches);
        fetch_source(fields_at(b, 2 * i), 128, past_caches);
        merge64(&x0, &x1, load512(exponent + i), load512(signman + i));
        if (b) {
            x0 = _mm512_xor_si512(x0, load512(b + 2 * i));
            x1 = _mm512_xor_si512(x1, load512(b + 2 * i + 64));
        }
        put512(dst + 2 * i, x0, past_caches);
        put512(dst + 2 * i + 64, x1, past_caches);
    }
    return i;
}

/* Elements beyond the first n of 64 are neither read nor written. */
BITX_AVX512_INLINE void xor_merge_first(uint8_t *dst, const uint8_t *exponent,
                                        const uint8_t *signman, const uint8_t *b, size_t n)
{
    size_t n0 = n < 32 ? n : 32, n1 = n - n0;
    __m512i x0, x1;
    merge64(&x0, &x1, load512_first(exponent, n), load512_first(signman, n));
    if (b) {
        x0 = _mm512_xor_si512(x0, load512_first(b, 2 * n0));
        x1 = _mm512_xor_si512(x1, load512_first(b + 64, 2 * n1));
    }
    store512_first(dst, x0, 2 * n0);
    store512_first(dst + 64, x1, 2 * n1);
}

BITX_AVX512_INLINE void merge_bf16(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                   const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    /* An odd address never comes to a line; in place, the line was read already. */
    if (nelem >= BITX_NONTEMPORAL_MIN / 2 && (uintptr_t)dst % 2 == 0 && dst != b) {
        i = to_next_line(dst) / 2;
        xor_merge_first(dst, exponent, signman, b, i);
        i += xor_merge_blocks(dst + 2 * i, exponent + i, signman + i, fields_at(b, 2 * i),
                              nelem - i, 1);
        _mm_sfence();
    }
    i +=
        xor_merge_blocks(dst + 2 * i, exponent + i, signman + i, fields_at(b, 2 * i), nelem - i, 0);
    if (i < nelem)
        xor_merge_first(dst + 2 * i, exponent + i, signman + i, fields_at(b, 2 * i), nelem - i);
}

BITX_FIELDS_FUNCTIONS(BITX_AVX512, avx512, bf16)

#endif
