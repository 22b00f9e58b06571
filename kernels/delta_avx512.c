/* Elements given those of a base, AVX-512: 32 words of 16 bits at a time. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "target_avx512.h"

enum { DIRECT = 16 };

/* bitx_delta_params in registers. */
typedef struct params32 {
    __m128i zero_bits, class_shift;
    __m512i word, magnitude, top; /* masks: all of a word; without its sign; the sign alone */
    __m512i class_low, class_last;
} params32;

BITX_AVX512_INLINE params32 load_params(const bitx_delta_params *p)
{
    unsigned word = (1u << p->width) - 1, top = p->sign ? 1u << (p->width - 1) : 0;
    return (params32){
        _mm_cvtsi32_si128((int)p->zero_bits),
        _mm_cvtsi32_si128((int)p->class_shift),
        _mm512_set1_epi16((short)word),
        _mm512_set1_epi16((short)(word & ~top)),
        _mm512_set1_epi16((short)top),
        _mm512_set1_epi16((short)(p->class_low < 65535 ? p->class_low : 65535)),
        _mm512_set1_epi16((short)(p->nclasses - 1)),
    };
}

/* n of 32 words, without their zero bits. */
BITX_AVX512_INLINE __m512i load_words(const params32 *p, const uint8_t *src, size_t n)
{
    return _mm512_srl_epi16(load512_first(src, 2 * n), p->zero_bits);
}

BITX_AVX512_INLINE __m512i classes_of(const params32 *p, __m512i origin)
{
    __m512i high = _mm512_srl_epi16(origin, p->class_shift);
    return _mm512_min_epu16(_mm512_subs_epu16(high, p->class_low), p->class_last);
}

BITX_AVX512_INLINE __mmask32 low_mask32(size_t n)
{
    return _cvtu32_mask32(_bzhi_u32(~(uint32_t)0, (unsigned)n));
}

BITX_AVX512_INLINE void store_low_bytes(uint8_t *dst, __m512i words, size_t n)
{
    _mm256_mask_storeu_epi8(dst, low_mask32(n), _mm512_cvtepi16_epi8(words));
}

BITX_AVX512_INLINE __m512i load_bytes(const uint8_t *src, size_t n)
{
    return _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(low_mask32(n), src));
}

BITX_AVX512 void bitx_delta_classes_u16_avx512(uint8_t *classes, const uint8_t *base, size_t nelem,
                                               const bitx_delta_params *params)
{
    const params32 p = load_params(params);
    for (size_t i = 0; i < nelem; i += 32) {
        size_t n = nelem - i < 32 ? nelem - i : 32;
        __m512i origin = _mm512_and_si512(load_words(&p, base + 2 * i, n), p.magnitude);
        store_low_bytes(classes + i, classes_of(&p, origin), n);
    }
}

/* Sign and magnitude to two's complement, and back: the magnitude bits of negatives inverted. */
BITX_AVX512_INLINE __m512i map_floats(const params32 *p, __m512i v)
{
    __mmask32 negative = _mm512_test_epi16_mask(v, p->top);
    return _mm512_mask_blend_epi16(negative, v, _mm512_xor_si512(v, p->magnitude));
}

BITX_AVX512 void bitx_delta_diff_u16_avx512(uint8_t *differences, uint8_t *classes,
                                            const uint8_t *x, const uint8_t *base, size_t nelem,
                                            const bitx_delta_params *params)
{
    const params32 p = load_params(params);
    const __m128i unused = _mm_cvtsi32_si128((int)(16 - params->width));
    for (size_t i = 0; i < nelem; i += 32) {
        size_t n = nelem - i < 32 ? nelem - i : 32;
        __m512i word = load_words(&p, x + 2 * i, n), from = load_words(&p, base + 2 * i, n);
        __m512i origin = _mm512_and_si512(from, p.magnitude);
        word = _mm512_xor_si512(word, _mm512_and_si512(from, p.top));
        __m512i d = _mm512_sub_epi16(map_floats(&p, word), origin);
        d = _mm512_sra_epi16(_mm512_sll_epi16(d, unused), unused);
        store512_first(differences + 2 * i, d, 2 * n);
        store_low_bytes(classes + i, classes_of(&p, origin), n);
    }
}

/* floor(log2) of words that are not 0: the bits below the highest, all set, are counted. */
BITX_AVX512_INLINE __m512i log2_words(__m512i v)
{
    v = _mm512_srli_epi16(v, 1);
    v = _mm512_or_si512(v, _mm512_srli_epi16(v, 1));
    v = _mm512_or_si512(v, _mm512_srli_epi16(v, 2));
    v = _mm512_or_si512(v, _mm512_srli_epi16(v, 4));
    v = _mm512_or_si512(v, _mm512_srli_epi16(v, 8));
    return _mm512_popcnt_epi16(v);
}

typedef struct split32 {
    __m512i symbols, values, nbits;
} split32;

BITX_AVX512_INLINE split32 split_words(__m512i d, __m512i classes, __m512i shifts, __m512i sames,
                                       __m128i unused)
{
    const __m512i one = _mm512_set1_epi16(1), direct = _mm512_set1_epi16(DIRECT - 1);
    __mmask32 none = _mm512_cmpgt_epu16_mask(classes, direct);
    __m512i shift = _mm512_permutexvar_epi16(classes, shifts);
    __m512i same_class = _mm512_permutexvar_epi16(classes, sames);
    __mmask32 same =
        _mm512_mask_testn_epi16_mask(_mm512_test_epi16_mask(same_class, same_class), d, d);
    __m512i half = _mm512_srli_epi16(_mm512_sllv_epi16(one, shift), 1);
    __m512i u = _mm512_sll_epi16(_mm512_add_epi16(d, half), unused);
    u = _mm512_sra_epi16(u, unused);
    __m512i sign = _mm512_srai_epi16(u, 15), m = _mm512_xor_si512(u, sign);
    __m512i magnitude = _mm512_srlv_epi16(m, shift), c = magnitude;
    __m512i e = _mm512_setzero_si512();
    if (_mm512_cmpgt_epu16_mask(magnitude, direct)) {
        const __m512i below = _mm512_set1_epi16(DIRECT - 2);
        e = log2_words(_mm512_sub_epi16(_mm512_max_epu16(magnitude, direct), below));
        c = _mm512_min_epu16(magnitude, _mm512_add_epi16(direct, e));
    }
    __m512i least = _mm512_add_epi16(_mm512_sllv_epi16(one, e), _mm512_set1_epi16(DIRECT - 2));
    __m512i nbits = _mm512_add_epi16(e, shift);
    __m512i raw = _mm512_xor_si512(_mm512_sub_epi16(m, _mm512_sllv_epi16(least, shift)), sign);
    raw = _mm512_andnot_si512(_mm512_sllv_epi16(_mm512_set1_epi16(-1), nbits), raw);
    __m512i symbols = _mm512_sub_epi16(_mm512_add_epi16(c, c), sign);
    __mmask32 coded = _knot_mask32(_kor_mask32(none, same));
    return (split32){_mm512_mask_mov_epi16(_mm512_set1_epi16(255), coded, symbols),
                     _mm512_maskz_mov_epi16(coded, raw), _mm512_maskz_mov_epi16(coded, nbits)};
}

/* 32 fields of at most 7 bits: eight of them, and what is pending, fit a qword. */
BITX_AVX512_INLINE void put_fields(field_string *to, __m512i values, __m512i nbits)
{
    const __m512i one = _mm512_set1_epi16(1);
    __m512i masks = _mm512_sub_epi16(_mm512_sllv_epi16(one, nbits), one);
    uint64_t v[4], m[4];
    _mm256_storeu_si256((void *)v, _mm512_cvtepi16_epi8(values));
    _mm256_storeu_si256((void *)m, _mm512_cvtepi16_epi8(masks));
    for (unsigned k = 0; k < 4; k++)
        fields_put(to, _pext_u64(v[k], m[k]), (uint64_t)_mm_popcnt_u64(m[k]));
}

BITX_AVX512 void bitx_delta_split_u16_avx512(uint8_t *symbols, bitx_raw_sink *raw,
                                             const uint8_t *differences, const uint8_t *classes,
                                             size_t nelem, const bitx_delta_params *params)
{
    const __m128i table = _mm_loadu_si128((const void *)params->shift);
    const __m512i shifts = _mm512_cvtepu8_epi16(_mm256_zextsi128_si256(table));
    const __m512i sames = _mm512_maskz_set1_epi16((__mmask32)params->same_classes, 1);
    const __m512i seven = _mm512_set1_epi16(7);
    const __m128i unused = _mm_cvtsi32_si128((int)(16 - params->width));
    uint8_t *bytes = raw->bytes[1] + raw->bit[1] / 8;
    field_string low = fields_at(raw->bytes[0], raw->bit[0]);
    for (size_t i = 0; i < nelem; i += 32) {
        size_t n = nelem - i < 32 ? nelem - i : 32;
        __m512i c = load_bytes(classes + i, n);
        c = _mm512_mask_mov_epi16(_mm512_set1_epi16(255), low_mask32(n), c);
        __m512i d = load512_first(differences + 2 * i, 2 * n);
        split32 s = split_words(d, c, shifts, sames, unused);
        store_low_bytes(symbols + i, s.symbols, n);
        __mmask32 wide = _mm512_cmpgt_epu16_mask(s.nbits, seven);
        __m256i low_bytes = _mm512_cvtepi16_epi8(s.values);
        size_t count = (size_t)_mm_popcnt_u32(_cvtmask32_u32(wide));
        _mm256_mask_storeu_epi8(bytes, low_mask32(count),
                                _mm256_maskz_compress_epi8(wide, low_bytes));
        bytes += count;
        __m512i fields = _mm512_mask_srli_epi16(s.values, wide, s.values, 8);
        put_fields(&low, fields, _mm512_and_si512(s.nbits, seven));
    }
    raw->bit[0] = fields_end(&low, raw->bytes[0]);
    raw->bit[1] = 8 * (size_t)(bytes - raw->bytes[1]);
}

#endif
