/* Differences of words in the order of the numbers they mean, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "diff.h"
#    include "target_avx512.h"

/* The width, in bytes, is a constant wherever these are inlined. */

BITX_AVX512_INLINE __m512i add(__m512i a, __m512i b, size_t width)
{
    switch (width) {
    case 1:
        return _mm512_add_epi8(a, b);
    case 2:
        return _mm512_add_epi16(a, b);
    case 4:
        return _mm512_add_epi32(a, b);
    default:
        return _mm512_add_epi64(a, b);
    }
}

BITX_AVX512_INLINE __m512i subtract(__m512i a, __m512i b, size_t width)
{
    switch (width) {
    case 1:
        return _mm512_sub_epi8(a, b);
    case 2:
        return _mm512_sub_epi16(a, b);
    case 4:
        return _mm512_sub_epi32(a, b);
    default:
        return _mm512_sub_epi64(a, b);
    }
}

/* All ones where v is negative. */
BITX_AVX512_INLINE __m512i negative(__m512i v, size_t width)
{
    switch (width) {
    case 1:
        return _mm512_movm_epi8(_mm512_movepi8_mask(v));
    case 2:
        return _mm512_movm_epi16(_mm512_movepi16_mask(v));
    case 4:
        return _mm512_srai_epi32(v, 31);
    default:
        return _mm512_srai_epi64(v, 63);
    }
}

/* The highest bit of each word. */
BITX_AVX512_INLINE __m512i top_bits(size_t width)
{
    switch (width) {
    case 1:
        return _mm512_set1_epi8((char)0x80);
    case 2:
        return _mm512_set1_epi16((short)0x8000);
    case 4:
        return _mm512_set1_epi32((int)0x80000000);
    default:
        return _mm512_set1_epi64((long long)0x8000000000000000);
    }
}

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
BITX_AVX512_INLINE __m512i map(__m512i v, size_t width)
{
    return _mm512_xor_si512(v, _mm512_andnot_si512(top_bits(width), negative(v, width)));
}

BITX_AVX512_INLINE __m512i diff_vector(__m512i v, __m512i b, size_t width, diff_kind kind)
{
    if (kind == INT_DIFF)
        return subtract(v, b, width);
    if (kind == INT_UNDIFF)
        return add(v, b, width);
    __m512i sign = _mm512_and_si512(b, top_bits(width)), origin = _mm512_xor_si512(b, sign);
    if (kind == FLOAT_DIFF)
        return subtract(map(_mm512_xor_si512(v, sign), width), origin, width);
    return _mm512_xor_si512(map(add(v, origin, width), width), sign);
}

/* As many vectors from i on as there are; returns where they end. */
BITX_AVX512_INLINE size_t diff_vectors(uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                       size_t i, size_t nbytes, size_t width, diff_kind kind,
                                       int past_caches)
{
    for (; nbytes - i >= 64; i += 64) {
        fetch_source(x + i, 64, past_caches);
        fetch_source(base + i, 64, past_caches);
        put512(dst + i, diff_vector(load512(x + i), load512(base + i), width, kind), past_caches);
    }
    return i;
}

BITX_AVX512_INLINE void diff(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem,
                             size_t width, diff_kind kind, diff_function *scalar)
{
    const size_t nbytes = width * nelem;
    size_t i = 0;
    (void)scalar; /* a mask does the rest */
    if (diff_past_caches(dst, x, base, nbytes, width)) {
        diff_vectors(dst, x, base, 0, 64, width, kind, 0);
        i = diff_vectors(dst, x, base, to_next_line(dst), nbytes, width, kind, 1);
        _mm_sfence();
    }
    i = diff_vectors(dst, x, base, i, nbytes, width, kind, 0);
    size_t left = nbytes - i;
    __m512i v = load512_first(x + i, left), b = load512_first(base + i, left);
    store512_first(dst + i, diff_vector(v, b, width, kind), left);
}

BITX_DIFF_FUNCTIONS(BITX_AVX512, avx512)

#endif
