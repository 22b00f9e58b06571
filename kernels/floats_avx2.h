/* Eight floats from and to narrower formats, AVX2. Modes, contraction and NaNs: floats.h. */
#ifndef BITX_FLOATS_AVX2_H
#define BITX_FLOATS_AVX2_H

#include "floats.h"
#include "target_avx2.h"

#define BITX_AVX2_F16 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt,f16c")))
#define BITX_AVX2_F16_INLINE                                                                       \
    static inline __attribute__((always_inline, target("avx2,bmi,bmi2,popcnt,lzcnt,f16c")))

BITX_AVX2_F16_INLINE __m256 rounded256(__m256 x)
{
    __asm__("" : "+x"(x));
    return x;
}

BITX_AVX2_F16_INLINE __m256 plain_nan256(__m256 x)
{
    const __m256 plain = _mm256_castsi256_ps(_mm256_set1_epi32(NAN_F32));
    return _mm256_blendv_ps(x, plain, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}

BITX_AVX2_F16_INLINE __m256 widen_bf16_256(__m128i x)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
}

/* Quiets NaNs, and keeps their payloads, unlike f32_of_f16(). */
BITX_AVX2_F16_INLINE __m256 widen_f16_256(__m128i x)
{
    return _mm256_cvtph_ps(x);
}

/* BF16 in the high half of each lane, zeros below: the rounded value as a float. */
BITX_AVX2_F16_INLINE __m256 round_bf16_256(__m256 x)
{
    const __m256i bits = _mm256_castps_si256(x), bias = _mm256_set1_epi32(0x7fff);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i sum = _mm256_add_epi32(bits, _mm256_add_epi32(odd, bias));
    __m256 high = _mm256_castsi256_ps(_mm256_and_si256(sum, _mm256_set1_epi32(~0xffff)));
    const __m256 plain = _mm256_castsi256_ps(_mm256_set1_epi32(NAN_F32));
    return _mm256_blendv_ps(high, plain, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}

BITX_AVX2_F16_INLINE __m128i narrow_bf16_256(__m256 x)
{
    __m256i bits = _mm256_srli_epi32(_mm256_castps_si256(round_bf16_256(x)), 16);
    __m256i packed = _mm256_packus_epi32(bits, bits);
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08));
}

BITX_AVX2_F16_INLINE __m128i narrow_f16_256(__m256 x)
{
    /* A NaN of payload 0 becomes 0x7e00 with its sign, which the plain one does not have. */
    return _mm256_cvtps_ph(plain_nan256(x), _MM_FROUND_TO_NEAREST_INT);
}

#endif
