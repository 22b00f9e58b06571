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
BITX_AVX512_INLINE void add_sixteen(uint8_t *dst, const uint8_t *base, __m512i sum, __m512 scale,
                                    lowrank_kind kind)
{
    __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale);
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

BITX_AVX512_INLINE void tile_avx512(const lowrank_tile *t, const size_t rows, lowrank_kind kind)
{
    const __m512 scale = _mm512_set1_ps(power_of_half(t->shift));
    const size_t u_stride = (size_t)t->rank * 2;
    const uint8_t *v = t->v, *u = t->u;
    __m512i sums[LOWRANK_ROWS];
    for (size_t r = 0; r < rows; r++)
        sums[r] = _mm512_setzero_si512();
    for (const uint8_t *end = u + u_stride; u < end; u += 4, v += 4 * LOWRANK_TILE) {
        const __m512i both = load512(v);
#    pragma GCC unroll 4
        for (size_t r = 0; r < rows; r++)
            sums[r] =
                _mm512_add_epi32(sums[r], _mm512_madd_epi16(both, factors_of(u + r * u_stride)));
    }
    for (size_t r = 0; r < rows; r++)
        add_sixteen(t->dst + r * t->stride, t->base + r * t->stride, sums[r], scale, kind);
}

LOWRANK_FUNCTIONS(BITX_AVX512, avx512, tile_avx512)

#endif
