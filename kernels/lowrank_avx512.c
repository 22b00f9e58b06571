/* A base and a product of two matrices of low rank, AVX-512. */
#include "lowrank.h"

#if defined(__x86_64__)
#    include "floats_avx512.h"

BITX_AVX512_INLINE __m512i factors_of(const uint8_t *u)
{
    int32_t pair;
    memcpy(&pair, u, sizeof(pair));
    return _mm512_set1_epi32(pair);
}

/* A fused product and sum would be the same here: the product is exact. */
BITX_AVX512_INLINE __m512 scaled(__m512i sum, __m512 scale)
{
    return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale);
}

BITX_AVX512_INLINE void add_sixteen(uint8_t *dst, const uint8_t *base, __m512i sum, __m512 scale,
                                    lowrank_kind kind)
{
    __m512 x = scaled(sum, scale);
    if (kind == LOWRANK_BF16) {
        x = _mm512_add_ps(widen_bf16_512(_mm256_loadu_si256((const void *)base)), x);
        _mm256_storeu_si256((void *)dst, narrow_bf16_512(x));
    } else if (kind == LOWRANK_F16) {
        x = _mm512_add_ps(widen_f16_512(_mm256_loadu_si256((const void *)base)), x);
        _mm256_storeu_si256((void *)dst, narrow_f16_512(x));
    } else {
        x = _mm512_add_ps(_mm512_castsi512_ps(load512(base)), x);
        store512(dst, _mm512_castps_si512(plain_nan512(x)));
    }
}

/* What a pair of rows is rounded and taken apart with; hidden from gcc, which would make each anew
   wherever it is used. */
typedef struct pair_constants {
    __m512i odd, half, one, high, apart;
} pair_constants;

BITX_AVX512_INLINE __m512i kept(__m512i x)
{
    __asm__("" : "+v"(x));
    return x;
}

BITX_AVX512_INLINE pair_constants constants_of_pairs(void)
{
    const pair_constants c = {
        .odd = kept(_mm512_set1_epi32(0x10000)),
        .half = kept(_mm512_set1_epi32(0x7fff)),
        .one = kept(_mm512_set1_epi32(1)),
        .high = kept(_mm512_set1_epi32(~0xffff)),
        .apart = kept(_mm512_set_epi16(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1,
                                       30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0)),
    };
    return c;
}

BITX_AVX512_INLINE __m512i rounding_bf16(__m512i bits, const pair_constants *c)
{
    const __m512i sum = _mm512_add_epi32(bits, c->half);
    return _mm512_mask_add_epi32(sum, _mm512_test_epi32_mask(bits, c->odd), sum, c->one);
}

/* Two rows at once: one's words between the other's, then apart. */
BITX_AVX512_INLINE void add_bf16_pair(uint8_t *dst, const uint8_t *base, size_t stride,
                                      const __m512i *sums, __m512 scale, const pair_constants *c)
{
    enum { OR_AND = 0xf8 }; /* of ternary logic: x or (y and z) */
    const __m512 x = _mm512_add_ps(widen_bf16_512(_mm256_loadu_si256((const void *)base)),
                                   scaled(sums[0], scale));
    const __m512 y = _mm512_add_ps(
        widen_bf16_512(_mm256_loadu_si256((const void *)(base + stride))), scaled(sums[1], scale));
    __m512i a = rounding_bf16(_mm512_castps_si512(x), c);
    __m512i b = rounding_bf16(_mm512_castps_si512(y), c);
    if (__builtin_expect(_mm512_cmp_ps_mask(x, y, _CMP_UNORD_Q) != 0, 0)) {
        const __m512i nan = _mm512_set1_epi32(NAN_F32);
        a = _mm512_mask_mov_epi32(a, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), nan);
        b = _mm512_mask_mov_epi32(b, _mm512_cmp_ps_mask(y, y, _CMP_UNORD_Q), nan);
    }
    a = _mm512_ternarylogic_epi32(_mm512_srli_epi32(a, 16), b, c->high, OR_AND);
    a = _mm512_permutexvar_epi16(c->apart, a);
    _mm256_storeu_si256((void *)dst, _mm512_castsi512_si256(a));
    _mm256_storeu_si256((void *)(dst + stride), _mm512_extracti64x4_epi64(a, 1));
}

BITX_AVX512_INLINE void tile_avx512(const lowrank_tile *t, const size_t rows, lowrank_kind kind)
{
    const __m512 scale = _mm512_set1_ps(power_of_half(t->shift));
    const size_t u_stride = (size_t)t->rank * 2;
    const uint8_t *v = t->v, *u = t->u;
    const pair_constants c = constants_of_pairs();
    __m512i sums[LOWRANK_ROWS_MAX];
    for (size_t r = 0; r < rows; r++)
        sums[r] = _mm512_setzero_si512();
    for (const uint8_t *end = u + u_stride; u < end; u += 4, v += 4 * LOWRANK_TILE) {
        const __m512i both = load512(v);
#    pragma GCC unroll 8
        for (size_t r = 0; r < rows; r++)
            sums[r] = kept(_mm512_dpwssd_epi32(sums[r], both, factors_of(u + r * u_stride)));
    }
    for (size_t r = 0; r < rows; r++) {
        uint8_t *dst = t->dst + r * t->stride;
        const uint8_t *base = t->base + r * t->stride;
        if (kind == LOWRANK_BF16 && rows % 2 == 0)
            add_bf16_pair(dst, base, t->stride, &sums[r++], scale, &c);
        else
            add_sixteen(dst, base, sums[r], scale, kind);
    }
}

LOWRANK_FUNCTIONS(BITX_AVX512, avx512, tile_avx512, LOWRANK_ROWS_MAX)

#endif
