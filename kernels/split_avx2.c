/* Float fields apart and together again, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx2.h"

/* 32 elements: low and high bytes apart, in the order of the elements but for the lanes:
 * the qwords come as 0 2 1 3. */
BITX_AVX2_INLINE void low_high(__m256i x0, __m256i x1, __m256i *low, __m256i *high)
{
    const __m256i even_odd = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
    x0 = _mm256_shuffle_epi8(x0, even_odd);
    x1 = _mm256_shuffle_epi8(x1, even_odd);
    *low = _mm256_unpacklo_epi64(x0, x1);
    *high = _mm256_unpackhi_epi64(x0, x1);
}

BITX_AVX2_INLINE void split32(uint8_t *exponent, uint8_t *signman, __m256i x0, __m256i x1)
{
    __m256i low, high;
    low_high(x0, x1, &low, &high);
    __m256i sign = _mm256_and_si256(high, _mm256_set1_epi8((char)0x80));
    __m256i man = _mm256_and_si256(low, _mm256_set1_epi8(0x7f));
    __m256i last = _mm256_and_si256(_mm256_srli_epi16(low, 7), _mm256_set1_epi8(1));
    __m256i exp = _mm256_or_si256(_mm256_add_epi8(high, high), last);
    store256(exponent, _mm256_permute4x64_epi64(exp, 0xd8));
    store256(signman, _mm256_permute4x64_epi64(_mm256_or_si256(sign, man), 0xd8));
}

BITX_AVX2_INLINE void xor_split32(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                  const uint8_t *b)
{
    split32(exponent, signman, _mm256_xor_si256(load256(a), load256(b)),
            _mm256_xor_si256(load256(a + 32), load256(b + 32)));
}

BITX_AVX2 void bitx_xor_split_bf16_avx2(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                        const uint8_t *b, size_t nelem)
{
    if (nelem < 32) {
        bitx_xor_split_bf16_scalar(exponent, signman, a, b, nelem);
        return;
    }
    for (size_t i = 0; nelem - i >= 32; i += 32)
        xor_split32(exponent + i, signman + i, a + 2 * i, b + 2 * i);
    size_t i = nelem - 32;
    xor_split32(exponent + i, signman + i, a + 2 * i, b + 2 * i);
}

BITX_AVX2_INLINE void merge32(__m256i *x0, __m256i *x1, const uint8_t *exponent,
                              const uint8_t *signman)
{
    const __m256i sign_bit = _mm256_set1_epi8((char)0x80);
    __m256i exp = _mm256_permute4x64_epi64(load256(exponent), 0xd8);
    __m256i sm = _mm256_permute4x64_epi64(load256(signman), 0xd8);
    __m256i last = _mm256_and_si256(_mm256_slli_epi16(exp, 7), sign_bit);
    __m256i low = _mm256_or_si256(_mm256_andnot_si256(sign_bit, sm), last);
    __m256i top = _mm256_andnot_si256(sign_bit, _mm256_srli_epi16(exp, 1));
    __m256i high = _mm256_or_si256(_mm256_and_si256(sm, sign_bit), top);
    *x0 = _mm256_unpacklo_epi8(low, high);
    *x1 = _mm256_unpackhi_epi8(low, high);
}

/* The last vectors are computed first and stored last, so that dst may be b. */
BITX_AVX2 void bitx_xor_merge_bf16_avx2(uint8_t *dst, const uint8_t *exponent,
                                        const uint8_t *signman, const uint8_t *b, size_t nelem)
{
    if (nelem < 32) {
        bitx_xor_merge_bf16_scalar(dst, exponent, signman, b, nelem);
        return;
    }
    __m256i x0, x1, t0, t1;
    size_t last = nelem - 32;
    merge32(&t0, &t1, exponent + last, signman + last);
    t0 = _mm256_xor_si256(t0, load256(b + 2 * last));
    t1 = _mm256_xor_si256(t1, load256(b + 2 * last + 32));
    for (size_t i = 0; nelem - i >= 32; i += 32) {
        merge32(&x0, &x1, exponent + i, signman + i);
        store256(dst + 2 * i, _mm256_xor_si256(x0, load256(b + 2 * i)));
        store256(dst + 2 * i + 32, _mm256_xor_si256(x1, load256(b + 2 * i + 32)));
    }
    store256(dst + 2 * last, t0);
    store256(dst + 2 * last + 32, t1);
}

#endif
