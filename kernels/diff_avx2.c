/* Differences of words in the order of the numbers they mean, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "diff.h"
#    include "target_avx2.h"

/* The width, in bytes, is a constant wherever these are inlined. */

BITX_AVX2_INLINE __m256i add(__m256i a, __m256i b, size_t width)
{
    switch (width) {
    case 1:
        return _mm256_add_epi8(a, b);
    case 2:
        return _mm256_add_epi16(a, b);
    case 4:
        return _mm256_add_epi32(a, b);
    default:
        return _mm256_add_epi64(a, b);
    }
}

BITX_AVX2_INLINE __m256i subtract(__m256i a, __m256i b, size_t width)
{
    switch (width) {
    case 1:
        return _mm256_sub_epi8(a, b);
    case 2:
        return _mm256_sub_epi16(a, b);
    case 4:
        return _mm256_sub_epi32(a, b);
    default:
        return _mm256_sub_epi64(a, b);
    }
}

/* All ones where v is negative. */
BITX_AVX2_INLINE __m256i negative(__m256i v, size_t width)
{
    const __m256i zero = _mm256_setzero_si256();
    switch (width) {
    case 1:
        return _mm256_cmpgt_epi8(zero, v);
    case 2:
        return _mm256_cmpgt_epi16(zero, v);
    case 4:
        return _mm256_cmpgt_epi32(zero, v);
    default:
        return _mm256_cmpgt_epi64(zero, v);
    }
}

/* The highest bit of each word. */
BITX_AVX2_INLINE __m256i top_bits(size_t width)
{
    switch (width) {
    case 1:
        return _mm256_set1_epi8((char)0x80);
    case 2:
        return _mm256_set1_epi16((short)0x8000);
    case 4:
        return _mm256_set1_epi32((int)0x80000000);
    default:
        return _mm256_set1_epi64x((long long)0x8000000000000000);
    }
}

/*
 * With both signs as they are, in five operations: magnitude bits are inverted where the signs
 * differ, and the sign bits of the sum or difference then come out right by themselves, since
 * nothing is carried out of them.
 */
BITX_AVX2_INLINE __m256i inverted_where(__m256i differing, __m256i v, size_t width)
{
    return _mm256_xor_si256(v, _mm256_andnot_si256(top_bits(width), negative(differing, width)));
}

BITX_AVX2_INLINE __m256i diff_at(const uint8_t *x, const uint8_t *base, size_t i, size_t width,
                                 diff_kind kind)
{
    __m256i v = kept(load256(x + i)), b = kept(load256(base + i));
    if (kind == INT_DIFF)
        return subtract(v, b, width);
    if (kind == FLOAT_DIFF)
        return subtract(inverted_where(_mm256_xor_si256(v, b), v, width), b, width);
    v = add(v, b, width);
    return kind == INT_UNDIFF ? v : inverted_where(_mm256_xor_si256(v, b), v, width);
}

/* As many lines from i on as there are; returns where they end. */
BITX_AVX2_INLINE size_t diff_lines(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t i,
                                   size_t nbytes, size_t width, diff_kind kind, int past_caches)
{
    for (; nbytes - i >= 64; i += 64) {
        fetch_source(x + i, 64, past_caches);
        fetch_source(base + i, 64, past_caches);
        put_line(dst + i, diff_at(x, base, i, width, kind), diff_at(x, base, i + 32, width, kind),
                 past_caches);
    }
    return i;
}

/* The last vector overlaps those before it; it is computed first, since dst may be a source. */
BITX_AVX2_INLINE void diff(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem,
                           size_t width, diff_kind kind, diff_function *scalar)
{
    const size_t nbytes = width * nelem;
    size_t i = 0;
    if (nbytes < 32) {
        scalar(dst, x, base, nelem);
        return;
    }
    __m256i last = diff_at(x, base, nbytes - 32, width, kind);
    if (diff_past_caches(dst, x, base, nbytes, width)) {
        diff_lines(dst, x, base, 0, 64, width, kind, 0);
        i = diff_lines(dst, x, base, to_next_line(dst), nbytes, width, kind, 1);
        _mm_sfence();
    }
    i = diff_lines(dst, x, base, i, nbytes, width, kind, 0);
    if (nbytes - i > 32)
        store256(dst + i, diff_at(x, base, i, width, kind));
    store256(dst + nbytes - 32, last);
}

BITX_DIFF_FUNCTIONS(BITX_AVX2, avx2)

#endif
