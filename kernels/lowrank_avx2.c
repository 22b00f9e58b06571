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
    if (kind == LOWRANK_F16) {
        x = _mm256_add_ps(widen_f16_256(load128(base)), x);
        store128(dst, narrow_f16_256(x));
    } else {
        x = _mm256_add_ps(_mm256_castsi256_ps(load256(base)), x);
        store256(dst, _mm256_castps_si256(plain_nan256(x)));
    }
}

BITX_AVX2_F16_INLINE __m256i rounding_bf16(__m256i bits)
{
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    return _mm256_add_epi32(_mm256_add_epi32(bits, odd), _mm256_set1_epi32(0x7fff));
}

/* Sixteen at once, in the order of unpack and pack: elements 0-3 and 8-11, then 4-7 and 12-15. */
BITX_AVX2_F16_INLINE void add_bf16(uint8_t *dst, const uint8_t *base, __m256i sum0, __m256i sum1,
                                   __m256 scale)
{
    const __m256i own = load256(base), zero = _mm256_setzero_si256();
    const __m256i first = _mm256_permute2x128_si256(sum0, sum1, 0x20);
    const __m256i second = _mm256_permute2x128_si256(sum0, sum1, 0x31);
    const __m256 x = _mm256_add_ps(_mm256_castsi256_ps(_mm256_unpacklo_epi16(zero, own)),
                                   _mm256_mul_ps(_mm256_cvtepi32_ps(first), scale));
    const __m256 y = _mm256_add_ps(_mm256_castsi256_ps(_mm256_unpackhi_epi16(zero, own)),
                                   _mm256_mul_ps(_mm256_cvtepi32_ps(second), scale));
    __m256i a = rounding_bf16(_mm256_castps_si256(x)), b = rounding_bf16(_mm256_castps_si256(y));
    if (_mm256_movemask_ps(_mm256_cmp_ps(x, y, _CMP_UNORD_Q))) { /* no weight should be */
        const __m256i nan = _mm256_set1_epi32(NAN_F32);
        a = _mm256_blendv_epi8(a, nan, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
        b = _mm256_blendv_epi8(b, nan, _mm256_castps_si256(_mm256_cmp_ps(y, y, _CMP_UNORD_Q)));
    }
    store256(dst, _mm256_packus_epi32(_mm256_srli_epi32(a, 16), _mm256_srli_epi32(b, 16)));
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
            /* Row after row: gcc would load all pairs first, and have no room for half the sums. */
            __asm__ volatile("" : "+x"(sums[r][0]), "+x"(sums[r][1]));
        }
    }
    for (size_t r = 0; r < rows; r++) {
        uint8_t *dst = t->dst + r * t->stride;
        const uint8_t *base = t->base + r * t->stride;
        if (kind == LOWRANK_BF16) {
            add_bf16(dst, base, sums[r][0], sums[r][1], scale);
        } else {
            add_eight(dst, base, sums[r][0], scale, kind);
            add_eight(dst + 8 * width, base + 8 * width, sums[r][1], scale, kind);
        }
    }
}

LOWRANK_FUNCTIONS(BITX_AVX2_F16, avx2, tile_avx2, LOWRANK_ROWS)

#endif
