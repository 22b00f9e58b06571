/* F16 and F32 fields apart and together again, AVX-512. Elements beyond the last of a vector are
   neither read nor written. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "fields.h"
#    include "target_avx512.h"

/* vpternlog's table for m ? a : b with the operands in the order a, b, m. */
enum { SELECT_A_WHERE_M = 0xe4 };

/* Where the number is a constant 64, without a mask. */
BITX_AVX512_INLINE __m512i load_first(const uint8_t *p, size_t nbytes)
{
    return __builtin_constant_p(nbytes) && nbytes == 64 ? load512(p) : load512_first(p, nbytes);
}

BITX_AVX512_INLINE __m256i load256(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

BITX_AVX512_INLINE __m512i load_xored(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    __m512i v = load_first(a, nbytes);
    return b ? _mm512_xor_si512(v, load_first(b, nbytes)) : v;
}

/* The end of a stream: n <= 32 elements. */
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

BITX_AVX512_INLINE __m512i merge_vector_f16(const uint8_t *exponent, const uint8_t *signman,
                                            const uint8_t *b, size_t n)
{
    __m512i e = n == 32 ? _mm512_cvtepu8_epi16(load256(exponent))
                        : _mm512_cvtepu8_epi16(_mm512_castsi512_si256(load512_first(exponent, n)));
    __m512i sm = load_first(signman, 2 * n);
    __m512i sign = _mm512_slli_epi16(_mm512_and_si512(sm, _mm512_set1_epi16(0x400)), 5);
    e = _mm512_slli_epi16(_mm512_and_si512(e, _mm512_set1_epi16(0x1f)), 10);
    __m512i high = _mm512_or_si512(sign, e);
    __m512i v = _mm512_ternarylogic_epi32(sm, high, _mm512_set1_epi16(0x3ff), SELECT_A_WHERE_M);
    return b ? _mm512_xor_si512(v, load_first(b, 2 * n)) : v;
}

BITX_AVX512_INLINE void merge32_f16(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                    const uint8_t *b, size_t n)
{
    store512_first(dst, merge_vector_f16(exponent, signman, b, n), 2 * n);
}

/* 64 elements, in whole lines. */
BITX_AVX512_INLINE void split64_f16(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                    const uint8_t *b, int past_caches)
{
    const __m512i even = _mm512_setr_epi64(
        0x0e0c0a0806040200, 0x1e1c1a1816141210, 0x2e2c2a2826242220, 0x3e3c3a3836343230,
        0x4e4c4a4846444240, 0x5e5c5a5856545250, 0x6e6c6a6866646260, 0x7e7c7a7876747270);
    __m512i x[2], e[2];
#    pragma GCC unroll 2
    for (size_t k = 0; k < 2; k++) {
        x[k] = load_xored(a + 64 * k, fields_at(b, 64 * k), 64);
        e[k] = _mm512_and_si512(_mm512_srli_epi16(x[k], 10), _mm512_set1_epi16(0x1f));
        __m512i sign = _mm512_and_si512(_mm512_srli_epi16(x[k], 5), _mm512_set1_epi16(0x400));
        x[k] = _mm512_ternarylogic_epi32(x[k], sign, _mm512_set1_epi16(0x3ff), SELECT_A_WHERE_M);
    }
    put512(exponent, _mm512_permutex2var_epi8(e[0], even, e[1]), past_caches);
    put512(signman, x[0], past_caches);
    put512(signman + 64, x[1], past_caches);
}

BITX_AVX512_INLINE void merge64_f16(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                    const uint8_t *b, int past_caches)
{
#    pragma GCC unroll 2
    for (size_t k = 0; k < 2; k++)
        put512(dst + 64 * k,
               merge_vector_f16(exponent + 32 * k, signman + 64 * k, fields_at(b, 64 * k), 32),
               past_caches);
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

/* 16 elements of dwords with sign and mantissa in the lower three bytes, anything above. */
BITX_AVX512_INLINE __m512i join_f32(__m512i sm, __m512i e)
{
    __m512i high = _mm512_ternarylogic_epi32(_mm512_slli_epi32(sm, 8), _mm512_slli_epi32(e, 23),
                                             _mm512_set1_epi32((int)0x80000000), SELECT_A_WHERE_M);
    return _mm512_ternarylogic_epi32(sm, high, _mm512_set1_epi32(0x7fffff), SELECT_A_WHERE_M);
}

/* vpermb: three bytes to each dword. */
BITX_AVX512_INLINE __m512i apart_f32(void)
{
    return _mm512_setr_epi64(0x0505040302020100, 0x0b0b0a0908080706, 0x1111100f0e0e0d0c,
                             0x1717161514141312, 0x1d1d1c1b1a1a1918, 0x2323222120201f1e,
                             0x2929282726262524, 0x2f2f2e2d2c2c2b2a);
}

BITX_AVX512_INLINE void merge16_f32(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                    const uint8_t *b, size_t n)
{
    __m512i e = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(load512_first(exponent, n)));
    __m512i v = join_f32(_mm512_permutexvar_epi8(apart_f32(), load512_first(signman, 3 * n)), e);
    if (b)
        v = _mm512_xor_si512(v, load512_first(b, 4 * n));
    store512_first(dst, v, 4 * n);
}

/* 64 elements: vpermt2b takes three bytes of each dword of two vectors, and the top ones. */
BITX_AVX512_INLINE void split64_f32(uint8_t *exponent, uint8_t *signman, const uint8_t *a,
                                    const uint8_t *b, int past_caches)
{
    const __m512i line0 = _mm512_setr_epi64(
        0x0908060504020100, 0x141211100e0d0c0a, 0x1e1d1c1a19181615, 0x2928262524222120,
        0x343231302e2d2c2a, 0x3e3d3c3a39383635, 0x4948464544424140, 0x545251504e4d4c4a);
    const __m512i line1 = _mm512_setr_epi64(
        0x1e1d1c1a19181615, 0x2928262524222120, 0x343231302e2d2c2a, 0x3e3d3c3a39383635,
        0x4948464544424140, 0x545251504e4d4c4a, 0x5e5d5c5a59585655, 0x6968666564626160);
    const __m512i line2 = _mm512_setr_epi64(
        0x343231302e2d2c2a, 0x3e3d3c3a39383635, 0x4948464544424140, 0x545251504e4d4c4a,
        0x5e5d5c5a59585655, 0x6968666564626160, 0x747271706e6d6c6a, 0x7e7d7c7a79787675);
    const __m512i tops = _mm512_setr_epi64(0x1f1b17130f0b0703, 0x3f3b37332f2b2723,
                                           0x5f5b57534f4b4743, 0x7f7b77736f6b6763, 0, 0, 0, 0);
    __m512i e[4], sm[4];
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) {
        __m512i x = load_xored(a + 64 * k, fields_at(b, 64 * k), 64);
        e[k] = _mm512_slli_epi32(x, 1);
        sm[k] = _mm512_ternarylogic_epi32(x, _mm512_srli_epi32(x, 8), _mm512_set1_epi32(0x7fffff),
                                          SELECT_A_WHERE_M);
    }
    put512(signman, _mm512_permutex2var_epi8(sm[0], line0, sm[1]), past_caches);
    put512(signman + 64, _mm512_permutex2var_epi8(sm[1], line1, sm[2]), past_caches);
    put512(signman + 128, _mm512_permutex2var_epi8(sm[2], line2, sm[3]), past_caches);
    __m512i low = _mm512_permutex2var_epi8(e[0], tops, e[1]);
    __m512i high = _mm512_permutex2var_epi8(e[2], tops, e[3]);
    put512(exponent, _mm512_inserti64x4(low, _mm512_castsi512_si256(high), 1), past_caches);
}

/* 64 bytes of signman from 48 k on; of the last ones, which end there, the upper 48. */
BITX_AVX512_INLINE void merge64_f32(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                                    const uint8_t *b, int past_caches)
{
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) {
        __m512i apart = k < 3 ? apart_f32() : _mm512_add_epi8(apart_f32(), _mm512_set1_epi8(16));
        __m512i sm = _mm512_permutexvar_epi8(apart, load512(signman + (k < 3 ? 48 * k : 128)));
        __m512i e = _mm512_cvtepu8_epi32(
            _mm_loadu_si128((const __m128i *)(const void *)(exponent + 16 * k)));
        __m512i v = join_f32(sm, e);
        if (b)
            v = _mm512_xor_si512(v, load512(b + 64 * k));
        put512(dst + 64 * k, v, past_caches);
    }
}

/* The loops: BLOCK elements at a time, what is left STEP at a time under masks; the first block
   overlaps those that begin at a line and go past the caches. */
enum { BLOCK = 64 };

#    define FORMAT(format, step, wide, width)                                                      \
        BITX_AVX512_INLINE size_t split_blocks_##format(uint8_t *exponent, uint8_t *signman,       \
                                                        const uint8_t *a, const uint8_t *b,        \
                                                        size_t i, size_t nelem, int past_caches)   \
        {                                                                                          \
            for (; nelem - i >= BLOCK; i += BLOCK) {                                               \
                fetch_source(a + width * i, width * BLOCK, past_caches);                           \
                fetch_source(fields_at(b, width *i), width *BLOCK, past_caches);                   \
                split64_##format(exponent + i, signman + wide * i, a + width * i,                  \
                                 fields_at(b, width * i), past_caches);                            \
            }                                                                                      \
            return i;                                                                              \
        }                                                                                          \
        BITX_AVX512_INLINE void split_##format(uint8_t *exponent, uint8_t *signman,                \
                                               const uint8_t *a, const uint8_t *b, size_t nelem)   \
        {                                                                                          \
            size_t i = 0;                                                                          \
            if (fields_past_caches(exponent, signman, nelem, width, wide)) {                       \
                split64_##format(exponent, signman, a, b, 0);                                      \
                i = split_blocks_##format(exponent, signman, a, b, to_next_line(exponent), nelem,  \
                                          1);                                                      \
                _mm_sfence();                                                                      \
            }                                                                                      \
            i = split_blocks_##format(exponent, signman, a, b, i, nelem, 0);                       \
            for (; i < nelem; i += step)                                                           \
                split##step##_##format(exponent + i, signman + wide * i, a + width * i,            \
                                       fields_at(b, width * i),                                    \
                                       nelem - i < step ? nelem - i : step);                       \
        }                                                                                          \
        BITX_AVX512_INLINE size_t merge_blocks_##format(uint8_t *dst, const uint8_t *exponent,     \
                                                        const uint8_t *signman, const uint8_t *b,  \
                                                        size_t i, size_t nelem, int past_caches)   \
        {                                                                                          \
            for (; nelem - i >= BLOCK; i += BLOCK) {                                               \
                fetch_source(exponent + i, BLOCK, past_caches);                                    \
                fetch_source(signman + wide * i, wide * BLOCK, past_caches);                       \
                fetch_source(fields_at(b, width *i), width *BLOCK, past_caches);                   \
                merge64_##format(dst + width * i, exponent + i, signman + wide * i,                \
                                 fields_at(b, width * i), past_caches);                            \
            }                                                                                      \
            return i;                                                                              \
        }                                                                                          \
        BITX_AVX512_INLINE void merge_##format(uint8_t *dst, const uint8_t *exponent,              \
                                               const uint8_t *signman, const uint8_t *b,           \
                                               size_t nelem)                                       \
        {                                                                                          \
            size_t i = 0;                                                                          \
            if (merge_past_caches(dst, b, nelem, width)) {                                         \
                merge64_##format(dst, exponent, signman, b, 0);                                    \
                i = merge_blocks_##format(dst, exponent, signman, b, to_next_line(dst) / width,    \
                                          nelem, 1);                                               \
                _mm_sfence();                                                                      \
            }                                                                                      \
            i = merge_blocks_##format(dst, exponent, signman, b, i, nelem, 0);                     \
            for (; i < nelem; i += step)                                                           \
                merge##step##_##format(dst + width * i, exponent + i, signman + wide * i,          \
                                       fields_at(b, width * i),                                    \
                                       nelem - i < step ? nelem - i : step);                       \
        }                                                                                          \
        BITX_FIELDS_FUNCTIONS(BITX_AVX512, avx512, format)

FORMAT(f16, 32, 2, 2)
FORMAT(f32, 16, 3, 4)

#endif
