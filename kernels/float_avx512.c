/* Words from symbols and raw bits of one width, AVX-512: 32 at a time, whose raw bits are a whole
   number of bytes. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx512.h"

BITX_AVX512_INLINE __m512i unfold_words(__m512i v, unsigned fold, __m128i top, __m512i word)
{
    const __m512i one = _mm512_set1_epi16(1);
    __m512i half = _mm512_srli_epi16(v, 1);
    if (fold == 1)
        return _mm512_or_si512(half, _mm512_sll_epi16(_mm512_and_si512(v, one), top));
    if (fold == 2)
        return _mm512_xor_si512(half, _mm512_maskz_mov_epi16(_mm512_test_epi16_mask(v, one), word));
    return v;
}

/* vpermb brings the four bytes of each field to two words, and vpshrdvw takes 16 bits of them. */
BITX_AVX512 void bitx_float_join_u16_avx512(uint8_t *dst, const uint8_t *symbols,
                                            const uint8_t *raw, size_t nelem,
                                            const bitx_float_params *params)
{
    const bitx_float_params p = *params;
    uint8_t first[64], second[64];
    uint16_t offsets[32];
    for (unsigned i = 0; i < 32; i++) {
        for (unsigned k = 0; k < 2; k++) {
            first[2 * i + k] = (uint8_t)(i * p.shift / 8 + k);
            second[2 * i + k] = (uint8_t)(i * p.shift / 8 + 2 + k);
        }
        offsets[i] = (uint16_t)(i * p.shift % 8);
    }
    const __m512i low_bytes = load512(first), high_bytes = load512(second);
    const __m512i offset = load512((const uint8_t *)offsets);
    const __m512i field = _mm512_set1_epi16((short)((1u << p.shift) - 1));
    const __m512i word = _mm512_set1_epi16((short)((1u << p.width) - 1));
    const __m512i low = _mm512_set1_epi16((short)p.low);
    const __m128i shift = _mm_cvtsi32_si128((int)p.shift);
    const __m128i top = _mm_cvtsi32_si128((int)p.width - 1);
    const __m128i zero_bits = _mm_cvtsi32_si128((int)p.zero_bits);
    const size_t step = 4 * (size_t)p.shift, nbytes = (p.shift * nelem + 7) / 8;
    size_t at = 0;
    for (size_t i = 0; i < nelem; i += 32, at += step) {
        size_t n = nelem - i < 32 ? nelem - i : 32;
        size_t left = nbytes - at < 64 ? nbytes - at : 64;
        __m512i bytes = left == 64 ? load512(raw + at) : load512_first(raw + at, left);
        __m512i v = _mm512_shrdv_epi16(_mm512_permutexvar_epi8(low_bytes, bytes),
                                       _mm512_permutexvar_epi8(high_bytes, bytes), offset);
        __mmask32 present = _cvtu32_mask32((uint32_t)_cvtmask64_u64(low_mask64(n)));
        __m512i symbol =
            _mm512_cvtepu8_epi16(n == 32 ? _mm256_loadu_si256((const void *)(symbols + i))
                                         : _mm256_maskz_loadu_epi8(present, symbols + i));
        symbol = _mm512_sll_epi16(_mm512_add_epi16(symbol, low), shift);
        v = _mm512_or_si512(symbol, _mm512_and_si512(v, field));
        v = _mm512_sll_epi16(unfold_words(v, p.fold, top, word), zero_bits);
        if (n == 32)
            store512(dst + 2 * i, v);
        else
            store512_first(dst + 2 * i, v, 2 * n);
    }
}

#endif
