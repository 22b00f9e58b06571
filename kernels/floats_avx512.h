/* Sixteen floats from and to narrower formats, AVX-512. Modes, contraction and NaNs: floats.h. */
#ifndef BITX_FLOATS_AVX512_H
#define BITX_FLOATS_AVX512_H

#include "floats.h"
#include "target_avx512.h"

BITX_AVX512_INLINE __m512 rounded512(__m512 x)
{
    __asm__("" : "+v"(x));
    return x;
}

BITX_AVX512_INLINE __mmask16 low_mask16(size_t n)
{
    return (__mmask16)_bzhi_u32(0xffff, (unsigned)n);
}

BITX_AVX512_INLINE __m512 plain_nan512(__m512 x)
{
    const __m512 plain = _mm512_castsi512_ps(_mm512_set1_epi32(NAN_F32));
    return _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), plain);
}

BITX_AVX512_INLINE __m512 widen_bf16_512(__m256i x)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

BITX_AVX512_INLINE __m512 widen_f16_512(__m256i x)
{
    return _mm512_cvtph_ps(x);
}

/* BF16 in the high half of each lane, and anything below. */
BITX_AVX512_INLINE __m512i high_bf16_512(__m512 x)
{
    const __m512i bits = _mm512_castps_si512(x), bias = _mm512_set1_epi32(0x7fff);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i sum = _mm512_add_epi32(bits, _mm512_add_epi32(odd, bias));
    return _mm512_mask_mov_epi32(sum, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q),
                                 _mm512_set1_epi32(NAN_F32));
}

/* The rounded value as a float. */
BITX_AVX512_INLINE __m512 round_bf16_512(__m512 x)
{
    return _mm512_castsi512_ps(_mm512_and_si512(high_bf16_512(x), _mm512_set1_epi32(~0xffff)));
}

BITX_AVX512_INLINE __m256i narrow_bf16_512(__m512 x)
{
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(high_bf16_512(x), 16));
}

BITX_AVX512_INLINE __m256i narrow_f16_512(__m512 x)
{
    return _mm512_cvtps_ph(plain_nan512(x), _MM_FROUND_TO_NEAREST_INT);
}

#endif
