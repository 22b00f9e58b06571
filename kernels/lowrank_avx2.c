/* A base and a product of two matrices of low rank, AVX2 and F16C. */
#include "lowrank.h"

#if defined(__x86_64__)
#    include "floats_avx2.h"

BITX_AVX2_F16_INLINE __m256i factors_of(const uint8_t *u)
{
    int32_t pair;
    memcpy(&pair, u, sizeof(pair));
    return _mm256_set1_epi32(pair);
}

BITX_AVX2_F16_INLINE void add_eight(uint8_t *dst, const uint8_t *base, __m256i sum, __m256 scale,
                                    lowrank_kind kind)
{
    __m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale);
    if (kind == LOWRANK_BF16) {
        x = _mm256_add_ps(widen_bf16_256(load128(base)), x);
        store128(dst, narrow_bf16_256(x));
    } else if (kind == LOWRANK_F16) {
        x = _mm256_add_ps(widen_f16_256(load128(base)), x);
        store128(dst, narrow_f16_256(x));
    } else {
        x = _mm256_add_ps(_mm256_castsi256_ps(load256(base)), x);
        store256(dst, _mm256_castps_si256(plain_nan256(x)));
    }
}

BITX_AVX2_F16_INLINE void tile_avx2(const lowrank_tile *t, const size_t rows, lowrank_kind kind)
{
    const __m256 scale = _mm256_set1_ps(power_of_half(t->shift));
    const size_t width = LOWRANK_WIDTH(kind), u_stride = (size_t)t->rank * 2;
    const uint8_t *v = t->v, *u = t->u;
    __m256i sums[LOWRANK_ROWS][2];
    for (size_t r = 0; r < rows; r++)
        sums[r][0] = sums[r][1] = _mm256_setzero_si256();
    for (const uint8_t *end = u + u_stride; u < end; u += 4, v += 4 * LOWRANK_TILE) {
        const __m256i v0 = load256(v), v1 = load256(v + 32);
#    pragma GCC unroll 4
        for (size_t r = 0; r < rows; r++) {
            const __m256i pair = factors_of(u + r * u_stride);
            sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(v0, pair));
            sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(v1, pair));
        }
    }
    for (size_t r = 0; r < rows; r++) {
        uint8_t *dst = t->dst + r * t->stride;
        const uint8_t *base = t->base + r * t->stride;
        add_eight(dst, base, sums[r][0], scale, kind);
        add_eight(dst + 8 * width, base + 8 * width, sums[r][1], scale, kind);
    }
}

LOWRANK_FUNCTIONS(BITX_AVX2_F16, avx2, tile_avx2)

#endif
