/* F16 and F32 fields apart and together again, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "fields.h"
#    include "transpose_avx2.h"

BITX_AVX2_INLINE __m256i load_xored(const uint8_t *a, const uint8_t *b, size_t at)
{
    __m256i v = load256(a + at);
    return b ? _mm256_xor_si256(v, load256(b + at)) : v;
}

BITX_AVX2_INLINE void put_xored(uint8_t *dst, const uint8_t *b, __m256i v0, __m256i v1,
                                int past_caches)
{
    if (b) {
        v0 = _mm256_xor_si256(v0, load256(b));
        v1 = _mm256_xor_si256(v1, load256(b + 32));
    }
    put_line(dst, v0, v1, past_caches);
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

/* 64 elements: a line of exponents, two of signs and mantissas. */
BITX_AVX2_INLINE void split64_f16(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                  const uint8_t *b, int past_caches)
{
    __m256i x0 = load_xored(a, b, 0), x1 = load_xored(a, b, 32);
    __m256i x2 = load_xored(a, b, 64), x3 = load_xored(a, b, 96);
    __m256i e0 = _mm256_packus_epi16(exponent_f16(x0), exponent_f16(x1));
    __m256i e1 = _mm256_packus_epi16(exponent_f16(x2), exponent_f16(x3));
    put_line(exponent, _mm256_permute4x64_epi64(e0, 0xd8), _mm256_permute4x64_epi64(e1, 0xd8),
             past_caches);
    put_line(signman, signman_f16(x0), signman_f16(x1), past_caches);
    put_line(signman + 64, signman_f16(x2), signman_f16(x3), past_caches);
}

/* 16 elements: the sign, brought to bit 15, is copied down over the exponent's place and then
   masked. high: the exponents in the words' upper bytes, shifted. */
BITX_AVX2_INLINE __m256i merge16_f16(__m256i high, const uint8_t *signman)
{
    __m256i sm = _mm256_srai_epi16(_mm256_slli_epi16(load256(signman), 5), 5);
    return _mm256_or_si256(_mm256_and_si256(sm, _mm256_set1_epi16((short)0x83ff)), high);
}

BITX_AVX2_INLINE void merge64_f16(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                  const uint8_t *b, int past_caches)
{
    const __m256i zero = _mm256_setzero_si256();
#    pragma GCC unroll 2
    for (size_t k = 0; k < 64; k += 32) {
        __m256i e = _mm256_permute4x64_epi64(load256(exponent + k), 0xd8);
        e = _mm256_slli_epi16(_mm256_and_si256(e, _mm256_set1_epi8(0x1f)), 2);
        __m256i v0 = merge16_f16(_mm256_unpacklo_epi8(zero, e), signman + 2 * k);
        __m256i v1 = merge16_f16(_mm256_unpackhi_epi8(zero, e), signman + 2 * k + 32);
        put_xored(dst + 2 * k, fields_at(b, 2 * k), v0, v1, past_caches);
    }
}

/* Eight elements' signs and mantissas, 12 bytes at the bottom of each lane. */
BITX_AVX2_INLINE __m256i signman_f32(__m256i x)
{
    const __m256i close = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    __m256i sign = _mm256_and_si256(_mm256_srli_epi32(x, 8), _mm256_set1_epi32(0x800000));
    __m256i sm = _mm256_or_si256(sign, _mm256_and_si256(x, _mm256_set1_epi32(0x7fffff)));
    return _mm256_shuffle_epi8(sm, close);
}

/* Of 32 elements: six dwords of each, turned to where they belong in three vectors, and blended. */
BITX_AVX2_INLINE void close_f32(__m256i out[3], __m256i x0, __m256i x1, __m256i x2, __m256i x3)
{
    __m256i v0 =
        _mm256_permutevar8x32_epi32(signman_f32(x0), _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
    __m256i v1 =
        _mm256_permutevar8x32_epi32(signman_f32(x1), _mm256_setr_epi32(2, 4, 5, 6, 3, 7, 0, 1));
    __m256i v2 =
        _mm256_permutevar8x32_epi32(signman_f32(x2), _mm256_setr_epi32(5, 6, 3, 7, 0, 1, 2, 4));
    __m256i v3 =
        _mm256_permutevar8x32_epi32(signman_f32(x3), _mm256_setr_epi32(3, 7, 0, 1, 2, 4, 5, 6));
    out[0] = _mm256_blend_epi32(v0, v1, 0xc0);
    out[1] = _mm256_blend_epi32(v1, v2, 0xf0);
    out[2] = _mm256_blend_epi32(v2, v3, 0xfc);
}

/* Of 32 elements, in their order; the sign goes when two elements are a dword. */
BITX_AVX2_INLINE __m256i exponents_f32(__m256i x0, __m256i x1, __m256i x2, __m256i x3)
{
    const __m256i low8 = _mm256_set1_epi16(0xff);
    __m256i e0 = _mm256_packus_epi32(_mm256_srli_epi32(x0, 23), _mm256_srli_epi32(x1, 23));
    __m256i e1 = _mm256_packus_epi32(_mm256_srli_epi32(x2, 23), _mm256_srli_epi32(x3, 23));
    e0 = _mm256_packus_epi16(_mm256_and_si256(e0, low8), _mm256_and_si256(e1, low8));
    return _mm256_permutevar8x32_epi32(e0, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* 64 elements: a line of exponents, three of signs and mantissas. */
BITX_AVX2_INLINE void split64_f32(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                  const uint8_t *b, int past_caches)
{
    __m256i x[4], e[2], sm[6];
#    pragma GCC unroll 2
    for (size_t h = 0; h < 2; h++) {
#    pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            x[k] = load_xored(a, b, 128 * h + 32 * k);
        e[h] = exponents_f32(x[0], x[1], x[2], x[3]);
        close_f32(sm + 3 * h, x[0], x[1], x[2], x[3]);
    }
    put_line(signman, sm[0], sm[1], past_caches);
    put_line(signman + 64, sm[2], sm[3], past_caches);
    put_line(signman + 128, sm[4], sm[5], past_caches);
    put_line(exponent, e[0], e[1], past_caches);
}

/*
 * Eight elements; reads 24 bytes of signman, the upper lane's from the eighth on. The byte of the
 * sign goes to both upper bytes of its element, and one mask leaves sign and mantissa. `exponents`
 * has sixteen in each lane, of which `which` brings eight to the elements' highest bytes.
 */
BITX_AVX2_INLINE __m256i merge8_f32(__m256i exponents, __m256i which, const uint8_t *signman)
{
    const __m256i apart = _mm256_setr_epi8(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11, 4, 5,
                                           6, 6, 7, 8, 9, 9, 10, 11, 12, 12, 13, 14, 15, 15);
    __m256i sm = _mm256_shuffle_epi8(load_lanes(signman, 8), apart);
    sm = _mm256_and_si256(sm, _mm256_set1_epi32((int)0x807fffff));
    __m256i e = _mm256_srli_epi32(_mm256_shuffle_epi8(exponents, which), 1);
    return _mm256_or_si256(sm, e);
}

BITX_AVX2_INLINE void merge64_f32(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                  const uint8_t *b, int past_caches)
{
    const __m256i first8 =
        _mm256_setr_epi8(-1, -1, -1, 0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, 3, -1, -1, -1, 4,
                         -1, -1, -1, 5, -1, -1, -1, 6, -1, -1, -1, 7);
    const __m256i last8 =
        _mm256_setr_epi8(-1, -1, -1, 8, -1, -1, -1, 9, -1, -1, -1, 10, -1, -1, -1, 11, -1, -1, -1,
                         12, -1, -1, -1, 13, -1, -1, -1, 14, -1, -1, -1, 15);
#    pragma GCC unroll 4
    for (size_t k = 0; k < 64; k += 16) {
        __m256i e = _mm256_broadcastsi128_si256(load128(exponent + k));
        __m256i v0 = merge8_f32(e, first8, signman + 3 * k);
        __m256i v1 = merge8_f32(e, last8, signman + 3 * k + 24);
        put_xored(dst + 4 * k, fields_at(b, 4 * k), v0, v1, past_caches);
    }
}

/* The loops: BLOCK elements at a time; the last block overlaps the one before it, and the first,
   those that begin at a line and go past the caches. */
enum { BLOCK = 64 };
typedef void split_block(uint8_t *exponent, uint8_t *signman, const uint8_t *a, const uint8_t *b,
                         int past_caches);
typedef void merge_block(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                         const uint8_t *b, int past_caches);

BITX_AVX2_INLINE size_t split_blocks(split_block *block, size_t wide, size_t width,
                                     uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                     const uint8_t *b, size_t i, size_t nelem, int past_caches)
{
    for (; nelem - i >= BLOCK; i += BLOCK) {
        fetch_source(a + width * i, width * BLOCK, past_caches);
        fetch_source(fields_at(b, width * i), width * BLOCK, past_caches);
        block(exponent + i, signman + wide * i, a + width * i, fields_at(b, width * i),
              past_caches);
    }
    return i;
}

BITX_AVX2_INLINE void split(split_block *block, size_t wide, size_t width, uint8_t *exponent,
                            uint8_t *signman, const uint8_t *a, const uint8_t *b, size_t nelem)
{
    size_t i = 0;
    if (fields_past_caches(exponent, signman, nelem, width, wide)) {
        block(exponent, signman, a, b, 0);
        i = split_blocks(block, wide, width, exponent, signman, a, b, to_next_line(exponent), nelem,
                         1);
        _mm_sfence();
    }
    i = split_blocks(block, wide, width, exponent, signman, a, b, i, nelem, 0);
    if (i < nelem) {
        i = nelem - BLOCK;
        block(exponent + i, signman + wide * i, a + width * i, fields_at(b, width * i), 0);
    }
}

BITX_AVX2_INLINE size_t merge_blocks(merge_block *block, size_t wide, size_t width, uint8_t *dst,
                                     const uint8_t *exponent, const uint8_t *signman,
                                     const uint8_t *b, size_t i, size_t nelem, int past_caches)
{
    for (; nelem - i >= BLOCK; i += BLOCK) {
        fetch_source(exponent + i, BLOCK, past_caches);
        fetch_source(signman + wide * i, wide * BLOCK, past_caches);
        fetch_source(fields_at(b, width * i), width * BLOCK, past_caches);
        block(dst + width * i, exponent + i, signman + wide * i, fields_at(b, width * i),
              past_caches);
    }
    return i;
}

BITX_AVX2_INLINE void merge(merge_block *block, size_t wide, size_t width, uint8_t *dst,
                            const uint8_t *exponent, const uint8_t *signman, const uint8_t *b,
                            size_t nelem)
{
    size_t i = 0;
    if (merge_past_caches(dst, b, nelem, width)) {
        block(dst, exponent, signman, b, 0);
        i = merge_blocks(block, wide, width, dst, exponent, signman, b, to_next_line(dst) / width,
                         nelem, 1);
        _mm_sfence();
    }
    i = merge_blocks(block, wide, width, dst, exponent, signman, b, i, nelem, 0);
    if (i < nelem) {
        i = nelem - BLOCK;
        block(dst + width * i, exponent + i, signman + wide * i, fields_at(b, width * i), 0);
    }
}

#    define FORMAT(format, wide, width)                                                            \
        BITX_AVX2_INLINE void split_##format(uint8_t *exponent, uint8_t *signman,                  \
                                             const uint8_t *a, const uint8_t *b, size_t nelem)     \
        {                                                                                          \
            if (nelem >= BLOCK)                                                                    \
                split(split64_##format, wide, width, exponent, signman, a, b, nelem);              \
            else if (b)                                                                            \
                bitx_xor_split_##format##_scalar(exponent, signman, a, b, nelem);                  \
            else                                                                                   \
                bitx_split_##format##_scalar(exponent, signman, a, nelem);                         \
        }                                                                                          \
        BITX_AVX2_INLINE void merge_##format(uint8_t *dst, const uint8_t *exponent,                \
                                             const uint8_t *signman, const uint8_t *b,             \
                                             size_t nelem)                                         \
        {                                                                                          \
            if (nelem >= BLOCK)                                                                    \
                merge(merge64_##format, wide, width, dst, exponent, signman, b, nelem);            \
            else if (b)                                                                            \
                bitx_xor_merge_##format##_scalar(dst, exponent, signman, b, nelem);                \
            else                                                                                   \
                bitx_merge_##format##_scalar(dst, exponent, signman, nelem);                       \
        }                                                                                          \
        BITX_FIELDS_FUNCTIONS(BITX_AVX2, avx2, format)

FORMAT(f16, 2, 2)
FORMAT(f32, 3, 4)

#endif
