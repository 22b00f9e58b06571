/* Elements by themselves to symbols and raw bits, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "float_string.h"
#    include "target_avx512.h"

typedef struct float_tables {
    __m128i zero_bits, unused, shift;
    __m512i low;
} float_tables;

/* 32 numbers, at the top of their words where there are zero bits. */
BITX_AVX512_INLINE __m512i float_fold(__m512i x, const float_tables *t, unsigned fold, int plain)
{
    if (!plain) /* the zero bits are at the bottom: off with them, and up again */
        x = _mm512_sll_epi16(_mm512_srl_epi16(x, t->zero_bits), t->unused);
    if (fold == FLOAT_FOLD_SIGN) {
        __m512i sign = _mm512_srli_epi16(x, 15), v = _mm512_add_epi16(x, x);
        return _mm512_or_si512(v, plain ? sign : _mm512_sll_epi16(sign, t->unused));
    }
    if (fold == FLOAT_FOLD_INTEGER) {
        __m512i v = _mm512_xor_si512(_mm512_add_epi16(x, x), _mm512_srai_epi16(x, 15));
        return plain ? v : _mm512_sll_epi16(_mm512_srl_epi16(v, t->unused), t->unused);
    }
    return x;
}

/* The low bytes of 64 words. */
BITX_AVX512_INLINE __m512i float_bytes(__m512i a, __m512i b)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi16_epi8(a)),
                              _mm512_cvtepi16_epi8(b), 1);
}

/* The shift low bits of 64 numbers. */
BITX_AVX512_INLINE void float_raw(float_string *to, __m512i a, __m512i b, unsigned shift, size_t n)
{
    uint64_t v[16];
    if (shift == 0)
        return;
    if (shift == 8) { /* as BF16 has it; nothing is ever pending */
        store512_first(to->at, float_bytes(a, b), n);
        to->at += n;
        return;
    }
    if (shift < 8) {
        const uint64_t mask = 0x0101010101010101u * ((1u << shift) - 1);
        store512((uint8_t *)v, float_bytes(a, b));
        size_t k = 0;
        for (; 8 * k + 8 <= n; k++)
            float_put(to, _pext_u64(v[k], mask), 8 * shift);
        if (n % 8)
            float_put(to, _bzhi_u64(_pext_u64(v[k], mask), (unsigned)(n % 8) * shift),
                      (unsigned)(n % 8) * shift);
        return;
    }
    const uint64_t mask = 0x0001000100010001u * ((1u << shift) - 1);
    store512((uint8_t *)v, a);
    store512((uint8_t *)(v + 8), b);
    size_t k = 0;
    for (; 4 * k + 4 <= n; k++)
        float_put(to, _pext_u64(v[k], mask), 4 * shift);
    if (n % 4)
        float_put(to, _bzhi_u64(_pext_u64(v[k], mask), (unsigned)(n % 4) * shift),
                  (unsigned)(n % 4) * shift);
}

BITX_AVX512_INLINE int float_loop(uint8_t *symbols, uint8_t *raw, const uint8_t *src, size_t nelem,
                                  const bitx_float_params *p, unsigned fold, int plain)
{
    const float_tables t = {_mm_cvtsi32_si128((int)p->zero_bits),
                            _mm_cvtsi32_si128((int)(16 - p->width)),
                            _mm_cvtsi32_si128((int)p->shift), _mm512_set1_epi16((short)p->low)};
    __m512i above = _mm512_setzero_si512();
    float_string to = {raw, 0, 0};
    for (size_t i = 0; i < nelem; i += 64) {
        size_t n = nelem - i < 64 ? nelem - i : 64, n0 = n < 32 ? n : 32;
        __m512i a, b;
        if (n == 64) {
            a = load512(src + 2 * i);
            b = load512(src + 2 * i + 64);
        } else {
            a = load512_first(src + 2 * i, 2 * n0);
            b = load512_first(src + 2 * i + (n > 32 ? 64 : 0), 2 * (n - n0));
        }
        a = float_fold(a, &t, fold, plain);
        b = float_fold(b, &t, fold, plain);
        if (!plain) {
            a = _mm512_srl_epi16(a, t.unused);
            b = _mm512_srl_epi16(b, t.unused);
        }
        __m512i s0 = _mm512_sub_epi16(_mm512_srl_epi16(a, t.shift), t.low);
        __m512i s1 = _mm512_sub_epi16(_mm512_srl_epi16(b, t.shift), t.low);
        if (n < 64) {
            s0 = _mm512_maskz_mov_epi16((__mmask32)low_mask64(n0), s0);
            s1 = _mm512_maskz_mov_epi16((__mmask32)low_mask64(n - n0), s1);
        }
        above = _mm512_or_si512(above, _mm512_or_si512(s0, s1));
        store512_first(symbols + i, float_bytes(s0, s1), n);
        float_raw(&to, a, b, p->shift, n);
    }
    float_end(&to);
    return _mm512_test_epi16_mask(above, _mm512_set1_epi16((short)0xff00)) != 0;
}

BITX_AVX512 int bitx_float_split_u16_avx512(uint8_t *symbols, uint8_t *raw, const uint8_t *src,
                                            size_t nelem, const bitx_float_params *params)
{
    if (params->width == 16 && params->fold == FLOAT_FOLD_SIGN)
        return float_loop(symbols, raw, src, nelem, params, FLOAT_FOLD_SIGN, 1);
    if (params->fold == FLOAT_FOLD_SIGN)
        return float_loop(symbols, raw, src, nelem, params, FLOAT_FOLD_SIGN, 0);
    if (params->fold == FLOAT_FOLD_INTEGER)
        return float_loop(symbols, raw, src, nelem, params, FLOAT_FOLD_INTEGER, 0);
    return float_loop(symbols, raw, src, nelem, params, FLOAT_FOLD_NONE, 0);
}

#endif
