/* Float fields apart and together again, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "fields.h"
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

/* exponent: high << 1 with the top bit of low, which cmpgt makes -1. */
BITX_AVX2_INLINE void split32(__m256i *exponent, __m256i *signman, __m256i x0, __m256i x1)
{
    const __m256i sign_bit = _mm256_set1_epi8((char)0x80);
    __m256i low, high;
    low_high(x0, x1, &low, &high);
    __m256i last = _mm256_cmpgt_epi8(_mm256_setzero_si256(), low);
    __m256i exp = _mm256_sub_epi8(_mm256_add_epi8(high, high), last);
    __m256i differing_sign = _mm256_and_si256(_mm256_xor_si256(low, high), sign_bit);
    *exponent = _mm256_permute4x64_epi64(exp, 0xd8);
    *signman = _mm256_permute4x64_epi64(_mm256_xor_si256(low, differing_sign), 0xd8);
}

BITX_AVX2_INLINE __m256i load_xored(const uint8_t *a, const uint8_t *b, size_t at)
{
    __m256i v = load256(a + at);
    return b ? _mm256_xor_si256(v, load256(b + at)) : v;
}

BITX_AVX2_INLINE void xor_split32(__m256i *exponent, __m256i *signman, const uint8_t *a,
                                  const uint8_t *b)
{
    split32(exponent, signman, load_xored(a, b, 0), load_xored(a, b, 32));
}

/*
 * As many whole blocks of 128 elements as there are; returns the elements done. Two cache lines go
 * to one stream, then two to the other: alternating 32-byte stores ran at 0.6 of this speed in L2.
 */
BITX_AVX2_INLINE size_t xor_split_blocks(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                         const uint8_t *b, size_t n, int past_caches)
{
    size_t i = 0;
    for (; n - i >= 128; i += 128) {
        const uint8_t *p = a + 2 * i, *q = fields_at(b, 2 * i);
        __m256i e0, e1, e2, e3, s0, s1, s2, s3;
        fetch_source(p, 256, past_caches);
        fetch_source(q, 256, past_caches);
        xor_split32(&e0, &s0, p, q);
        xor_split32(&e1, &s1, p + 64, fields_at(q, 64));
        xor_split32(&e2, &s2, p + 128, fields_at(q, 128));
        xor_split32(&e3, &s3, p + 192, fields_at(q, 192));
        put_line(exponent + i, e0, e1, past_caches);
        put_line(exponent + i + 64, e2, e3, past_caches);
        put_line(signman + i, s0, s1, past_caches);
        put_line(signman + i + 64, s2, s3, past_caches);
    }
    return i;
}

BITX_AVX2_INLINE void xor_split_one(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                    const uint8_t *b)
{
    __m256i e, s;
    xor_split32(&e, &s, a, b);
    store256(exponent, e);
    store256(signman, s);
}

/* The last vector overlaps the one before it. */
BITX_AVX2_INLINE void xor_split_cached(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                       const uint8_t *b, size_t n)
{
    if (n < 32) {
        if (b)
            bitx_xor_split_bf16_scalar(exponent, signman, a, b, n);
        else
            bitx_split_bf16_scalar(exponent, signman, a, n);
        return;
    }
    size_t i = xor_split_blocks(exponent, signman, a, b, n, 0);
    for (; n - i >= 32; i += 32)
        xor_split_one(exponent + i, signman + i, a + 2 * i, fields_at(b, 2 * i));
    i = n - 32;
    xor_split_one(exponent + i, signman + i, a + 2 * i, fields_at(b, 2 * i));
}

BITX_AVX2_INLINE void split_bf16(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                 const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    if (nelem >= BITX_NONTEMPORAL_MIN / 2 && same_line_offset(exponent, signman)) {
        i = to_next_line(exponent);
        xor_split_cached(exponent, signman, a, b, i);
        i += xor_split_blocks(exponent + i, signman + i, a + 2 * i, fields_at(b, 2 * i), nelem - i,
                              1);
        _mm_sfence();
    }
    xor_split_cached(exponent + i, signman + i, a + 2 * i, fields_at(b, 2 * i), nelem - i);
}

/* 16 elements. Sign extension carries bit 7 to bit 15, and the mask removes its copies. */
BITX_AVX2_INLINE __m256i xor_merge16(const uint8_t *exponent, const uint8_t *signman,
                                     const uint8_t *b)
{
    __m256i exp = _mm256_slli_epi16(_mm256_cvtepu8_epi16(load128(exponent)), 7);
    __m256i sm = _mm256_cvtepi8_epi16(load128(signman));
    sm = _mm256_and_si256(sm, _mm256_set1_epi16((short)0x807f));
    __m256i v = _mm256_or_si256(exp, sm);
    return b ? _mm256_xor_si256(v, load256(b)) : v;
}

/* As many whole lines of 32 elements as there are; returns the elements done. */
BITX_AVX2_INLINE size_t xor_merge_lines(uint8_t *dst, const uint8_t *exponent,
                                        const uint8_t *signman, const uint8_t *b, size_t n,
                                        int past_caches)
{
    size_t i = 0;
    for (; n - i >= 32; i += 32) {
        fetch_source(exponent + i, 32, past_caches);
        fetch_source(signman + i, 32, past_caches);
        fetch_source(fields_at(b, 2 * i), 64, past_caches);
        __m256i v0 = xor_merge16(exponent + i, signman + i, fields_at(b, 2 * i));
        __m256i v1 = xor_merge16(exponent + i + 16, signman + i + 16, fields_at(b, 2 * i + 32));
        put_line(dst + 2 * i, v0, v1, past_caches);
    }
    return i;
}

/* The last vector is computed first and stored last, so that dst may be b. */
BITX_AVX2_INLINE void xor_merge_cached(uint8_t *dst, const uint8_t *exponent,
                                       const uint8_t *signman, const uint8_t *b, size_t n)
{
    if (n < 16) {
        if (b)
            bitx_xor_merge_bf16_scalar(dst, exponent, signman, b, n);
        else
            bitx_merge_bf16_scalar(dst, exponent, signman, n);
        return;
    }
    size_t last = n - 16;
    __m256i tail = xor_merge16(exponent + last, signman + last, fields_at(b, 2 * last));
    size_t i = xor_merge_lines(dst, exponent, signman, b, n, 0);
    if (n - i >= 16)
        store256(dst + 2 * i, xor_merge16(exponent + i, signman + i, fields_at(b, 2 * i)));
    store256(dst + 2 * last, tail);
}

BITX_AVX2_INLINE void merge_bf16(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                 const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    /* An odd address never comes to a line; in place, the line was read already. */
    if (nelem >= BITX_NONTEMPORAL_MIN / 2 && (uintptr_t)dst % 2 == 0 && dst != b) {
        i = to_next_line(dst) / 2;
        xor_merge_cached(dst, exponent, signman, b, i);
        i += xor_merge_lines(dst + 2 * i, exponent + i, signman + i, fields_at(b, 2 * i), nelem - i,
                             1);
        _mm_sfence();
    }
    xor_merge_cached(dst + 2 * i, exponent + i, signman + i, fields_at(b, 2 * i), nelem - i);
}

BITX_FIELDS_FUNCTIONS(BITX_AVX2, avx2, bf16)

#endif
