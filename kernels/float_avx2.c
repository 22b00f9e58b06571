/* Words from symbols and raw bits of one width, AVX2: 16 at a time, whose raw bits are a whole
   number of bytes. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx2.h"

/*
 * Fields of `width` bits, at most 8, in eight words of each lane. A field is in two bytes, which
 * vpshufb makes a word; multiplied, its highest bit is the word's.
 */
typedef struct field {
    __m256i bytes, factors;
    __m128i down;
} field;

/* Of fields that begin `from` bits inside each of the steps of `step` bits. */
BITX_AVX2_INLINE field make_field(unsigned step, unsigned from, unsigned width)
{
    uint8_t bytes[16];
    uint16_t factors[8];
    for (unsigned i = 0; i < 8; i++) {
        unsigned bit = i * step + from, offset = bit % 8;
        /* Of no bits, any byte will do, and those behind the last are none of the load's. */
        bytes[2 * i] = (uint8_t)(bit / 8 < 16 ? bit / 8 : 0x80);
        bytes[2 * i + 1] = (uint8_t)(bit / 8 + 1 < 16 ? bit / 8 + 1 : 0x80);
        factors[i] = (uint16_t)(1u << (16 - width - offset));
    }
    return (field){_mm256_broadcastsi128_si256(load128(bytes)),
                   _mm256_broadcastsi128_si256(load128((const uint8_t *)factors)),
                   _mm_cvtsi32_si128((int)(16 - width))};
}

BITX_AVX2_INLINE __m256i take(const field *f, __m256i bytes)
{
    __m256i v = _mm256_mullo_epi16(_mm256_shuffle_epi8(bytes, f->bytes), f->factors);
    return _mm256_srl_epi16(v, f->down);
}

BITX_AVX2_INLINE __m256i unfold_words(__m256i v, unsigned fold, __m128i top, __m256i word)
{
    const __m256i one = _mm256_set1_epi16(1);
    __m256i half = _mm256_srli_epi16(v, 1), odd = _mm256_and_si256(v, one);
    if (fold == 1)
        return _mm256_or_si256(half, _mm256_sll_epi16(odd, top));
    if (fold == 2)
        return _mm256_xor_si256(half, _mm256_and_si256(_mm256_cmpeq_epi16(odd, one), word));
    return v;
}

/* Two loads of 16 bytes, of which each half takes `shift`; the last words are the scalar one's. */
BITX_AVX2 void bitx_float_join_u16_avx2(uint8_t *dst, const uint8_t *symbols, const uint8_t *raw,
                                        size_t nelem, const bitx_float_params *params)
{
    const bitx_float_params p = *params;
    const unsigned nlow = p.shift < 8 ? p.shift : 8, nhigh = p.shift - nlow;
    const field low_field = make_field(p.shift, 0, nlow),
                high_field = make_field(p.shift, 8, nhigh);
    const __m256i word = _mm256_set1_epi16((short)((1u << p.width) - 1));
    const __m256i low = _mm256_set1_epi16((short)p.low);
    const __m128i shift = _mm_cvtsi32_si128((int)p.shift);
    const __m128i top = _mm_cvtsi32_si128((int)p.width - 1);
    const __m128i zero_bits = _mm_cvtsi32_si128((int)p.zero_bits);
    const size_t nbytes = (p.shift * nelem + 7) / 8;
    size_t i = 0, at = 0;
    for (; nelem - i >= 16 && nbytes - at >= p.shift + 16; i += 16, at += 2 * (size_t)p.shift) {
        __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(load128(raw + at)),
                                                load128(raw + at + p.shift), 1);
        __m256i v = take(&low_field, bytes);
        if (nhigh)
            v = _mm256_or_si256(v, _mm256_slli_epi16(take(&high_field, bytes), 8));
        __m256i symbol = _mm256_cvtepu8_epi16(load128(symbols + i));
        v = _mm256_or_si256(v, _mm256_sll_epi16(_mm256_add_epi16(symbol, low), shift));
        v = _mm256_sll_epi16(unfold_words(v, p.fold, top, word), zero_bits);
        store256(dst + 2 * i, v);
    }
    bitx_float_join_u16_scalar(dst + 2 * i, symbols + i, raw + at, nelem - i, params);
}

#endif
