/*
 * Included before every kernel of the bare image: what bochs 2.7 (Debian 12) computes wrong, in
 * other instructions with the same result. instructions.c shows each fault, which the CPUs tried do
 * not have; later versions of bochs mend the compressions, expansions, GFNI and rounding:
 *
 *   vpcompressb, vpcompressw  with every mask bit set: zeros (1 << 64 is no mask)
 *   vpexpandb, vpexpandw      from memory: element i of memory where the next one is due
 *   vpbroadcastb              from memory under a mask: some other byte
 *   vgf2p8affineqb            the complement
 *   vcvtps2ph                 halfway between two: not to the even one
 *   vpgatherqq, vpscatterqq   with an index in register 16 or above: #UD. No kernel asks for the
 * latter; gcc 12 makes it of two stores, so the image is built without the compiler's own vectors
 */
#ifndef TESTS_BARE_EMULATOR_H
#define TESTS_BARE_EMULATOR_H

#if defined(__x86_64__)
#    include "target_avx512.h"

BITX_AVX512_INLINE __m512i right_compress_epi8(__mmask64 k, __m512i x)
{
    return k == UINT64_MAX ? x : _mm512_maskz_compress_epi8(k, x);
}

BITX_AVX512_INLINE __m512i right_compress_epi16(__mmask32 k, __m512i x)
{
    return k == UINT32_MAX ? x : _mm512_maskz_compress_epi16(k, x);
}

/* Where the compiler would rather have memory. */
BITX_AVX512_INLINE __m512i in_register(__m512i x)
{
    __asm__("" : "+v"(x));
    return x;
}

BITX_AVX512_INLINE __m512i right_set1_epi8(__m512i x, __mmask64 k, char value)
{
    return _mm512_mask_mov_epi8(x, k, in_register(_mm512_set1_epi8(value)));
}

/* An affine map less its value at zero. */
BITX_AVX512_INLINE __m512i right_gf2p8affine(__m512i x, __m512i matrix)
{
    const __m512i zero = in_register(_mm512_setzero_si512());
    return _mm512_xor_si512(_mm512_gf2p8affine_epi64_epi8(x, matrix, 0),
                            _mm512_gf2p8affine_epi64_epi8(zero, matrix, 0));
}

BITX_AVX512_INLINE __m512i right_gather(__m512i index, const void *base, size_t scale)
{
    uint64_t v[8];
    memcpy(v, &index, sizeof(v));
    for (size_t i = 0; i < 8; i++)
        memcpy(v + i, (const void *)((uintptr_t)base + v[i] * scale), sizeof(v[i]));
    return load512((const uint8_t *)v);
}

/* Rounded before, by adding: at the bit that will be the lowest, or as multiples of 2^-24. */
BITX_AVX512_INLINE __m256i right_cvtps_ph(__m512 x)
{
    const __m512i bits = _mm512_castps_si512(x), sign = _mm512_set1_epi32(INT32_MIN);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 13), _mm512_set1_epi32(1));
    __m512i r = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0xfff));
    r = _mm512_and_si512(r, _mm512_set1_epi32(~0x1fff));
    const __m512 half = _mm512_castsi512_ps(in_register(_mm512_castps_si512(_mm512_set1_ps(0.5f))));
    const __m512 small = _mm512_sub_ps(_mm512_add_ps(_mm512_abs_ps(x), half), half);
    const __mmask16 subnormal =
        _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(0x1p-14f), _CMP_LT_OQ);
    r = _mm512_mask_or_epi32(r, subnormal, _mm512_castps_si512(small),
                             _mm512_and_si512(bits, sign));
    return _mm512_cvtps_ph(_mm512_castsi512_ps(r), _MM_FROUND_TO_NEAREST_INT);
}

#    define _mm512_maskz_compress_epi8(k, x) right_compress_epi8(k, x)
#    define _mm512_maskz_compress_epi16(k, x) right_compress_epi16(k, x)
#    define _mm512_maskz_expand_epi8(k, x) _mm512_maskz_expand_epi8(k, in_register(x))
#    define _mm512_maskz_expand_epi16(k, x) _mm512_maskz_expand_epi16(k, in_register(x))
#    define _mm512_mask_expand_epi8(a, k, x) _mm512_mask_expand_epi8(a, k, in_register(x))
#    define _mm512_mask_expand_epi16(a, k, x) _mm512_mask_expand_epi16(a, k, in_register(x))
#    define _mm512_mask_set1_epi8(x, k, value) right_set1_epi8(x, k, value)
#    undef _mm512_gf2p8affine_epi64_epi8
#    define _mm512_gf2p8affine_epi64_epi8(x, matrix, zero) right_gf2p8affine(x, matrix)
#    undef _mm512_i64gather_epi64
#    define _mm512_i64gather_epi64(index, base, scale) right_gather(index, base, scale)
#    undef _mm512_cvtps_ph
#    define _mm512_cvtps_ph(x, nearest) right_cvtps_ph(x)
#endif

#endif
