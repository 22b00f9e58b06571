/* Elements given those of a base, AVX-512: 32 words of 16 bits at a time. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
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

/* Each pair of fields becomes one: the upper one moves down onto the bits of the lower one. */
BITX_AVX512_INLINE void join_pairs_of_words(__m512i *values, __m512i *nbits)
{
    const __m512i low = _mm512_set1_epi32(0xffff);
    __m512i n = _mm512_and_si512(*nbits, low);
    __m512i high = _mm512_sllv_epi32(_mm512_srli_epi32(*values, 16), n);
    *values = _mm512_or_si512(_mm512_and_si512(*values, low), high);
    *nbits = _mm512_add_epi32(n, _mm512_srli_epi32(*nbits, 16));
}

BITX_AVX512_INLINE void join_pairs_of_dwords(__m512i *values, __m512i *nbits)
{
    const __m512i low = _mm512_set1_epi64(0xffffffff);
    __m512i n = _mm512_and_si512(*nbits, low);
    __m512i high = _mm512_sllv_epi64(_mm512_srli_epi64(*values, 32), n);
    *values = _mm512_or_si512(_mm512_and_si512(*values, low), high);
    *nbits = _mm512_add_epi64(n, _mm512_srli_epi64(*nbits, 32));
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
    __m512i raw = _mm512_sub_epi16(m, _mm512_sllv_epi16(least, shift));
    raw = _mm512_andnot_si512(_mm512_sllv_epi16(_mm512_set1_epi16(-1), nbits), raw);
    __m512i symbols = _mm512_sub_epi16(_mm512_add_epi16(c, c), sign);
    __mmask32 coded = _knot_mask32(_kor_mask32(none, same));
    return (split32){_mm512_mask_mov_epi16(_mm512_set1_epi16(255), coded, symbols),
                     _mm512_maskz_mov_epi16(coded, raw), _mm512_maskz_mov_epi16(coded, nbits)};
}

/* Sums of all lanes before each. */
BITX_AVX512_INLINE __m512i sums_before(__m512i v)
{
    const __m512i zero = _mm512_setzero_si512();
    v = _mm512_alignr_epi64(v, zero, 7);
    v = _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 7));
    v = _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 6));
    return _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 4));
}

/*
 * A word has at most 14 raw bits, so four have at most 56, and with 7 pending from before they fit
 * a qword: each is stored whole, and the next begins in its last byte. Where, is computed for eight
 * at once, so that from one to the next there is a shift and an or (2.3 -> 1.9 cycles a word).
 */
BITX_AVX512 size_t bitx_delta_split_u16_avx512(uint8_t *symbols, uint8_t *raw, size_t bit,
                                               const uint8_t *differences, const uint8_t *classes,
                                               size_t nelem, const bitx_delta_params *params)
{
    uint16_t shift_table[32] = {0}, same_table[32] = {0};
    for (unsigned c = 0; c < 16; c++) {
        shift_table[c] = params->shift[c];
        same_table[c] = params->same_classes >> c & 1;
    }
    const __m512i shifts = load512((const uint8_t *)shift_table);
    const __m512i sames = load512((const uint8_t *)same_table), seven = _mm512_set1_epi64(7);
    const __m128i unused = _mm_cvtsi32_si128((int)(16 - params->width));
    uint8_t *at = raw + bit / 8;
    uint64_t fill = bit % 8;
    uint64_t pending = fill ? *at & ((1u << fill) - 1) : 0;
    for (size_t i = 0; i < nelem; i += 32) {
        size_t n = nelem - i < 32 ? nelem - i : 32;
        __m512i c = load_bytes(classes + i, n);
        c = _mm512_mask_mov_epi16(_mm512_set1_epi16(255), low_mask32(n), c);
        __m512i d = load512_first(differences + 2 * i, 2 * n);
        split32 s = split_words(d, c, shifts, sames, unused);
        store_low_bytes(symbols + i, s.symbols, n);
        join_pairs_of_words(&s.values, &s.nbits);
        join_pairs_of_dwords(&s.values, &s.nbits);
        __m512i begin = _mm512_add_epi64(sums_before(s.nbits), _mm512_set1_epi64((long long)fill));
        __m512i end = _mm512_add_epi64(begin, s.nbits);
        __m512i whole_bits =
            _mm512_sub_epi64(_mm512_andnot_si512(seven, end), _mm512_andnot_si512(seven, begin));
        uint64_t values[8], moves[8];
        store512((uint8_t *)values, _mm512_sllv_epi64(s.values, _mm512_and_si512(begin, seven)));
        store512((uint8_t *)moves, whole_bits);
        for (unsigned k = 0; k < 8; k++) {
            pending |= values[k];
            memcpy(at, &pending, 8);
            at += moves[k] / 8;
            pending >>= moves[k];
        }
        fill = (uint64_t)_mm_extract_epi64(_mm512_extracti64x2_epi64(end, 3), 1) % 8;
    }
    if (fill)
        *at = (uint8_t)pending;
    return 8 * (size_t)(at - raw) + fill;
}

/* Sums of 32 words and all before them. */
BITX_AVX512_INLINE __m512i prefix_sums(__m512i v)
{
    v = _mm512_add_epi16(v, _mm512_bslli_epi128(v, 2));
    v = _mm512_add_epi16(v, _mm512_bslli_epi128(v, 4));
    v = _mm512_add_epi16(v, _mm512_bslli_epi128(v, 8));
    /* The last word of lane 0 to lane 1 and of 2 to 3, then of 1 to 2 and 3. */
    const __m512i last = _mm512_set1_epi16(0x0f0e);
    __m512i sums = _mm512_shuffle_epi8(v, last);
    v = _mm512_add_epi16(v, _mm512_maskz_shuffle_i64x2(0xcc, sums, sums, 0xa0));
    sums = _mm512_shuffle_epi8(v, last);
    return _mm512_add_epi16(v, _mm512_maskz_shuffle_i64x2(0xf0, sums, sums, 0x55));
}

/*
 * Field i of `widths` bits from bit offsets[i] of the 64 bytes on: vpermb brings its four bytes to
 * two words, and vpshrdvw takes 16 bits out of the 32.
 */
BITX_AVX512_INLINE __m512i fields(__m512i bytes, __m512i offsets, __m512i widths)
{
    __m512i index = _mm512_mullo_epi16(_mm512_srli_epi16(offsets, 3), _mm512_set1_epi16(0x0101));
    index = _mm512_add_epi16(index, _mm512_set1_epi16(0x0100));
    __m512i low = _mm512_permutexvar_epi8(index, bytes);
    index = _mm512_add_epi16(index, _mm512_set1_epi16(0x0202));
    __m512i high = _mm512_permutexvar_epi8(index, bytes);
    __m512i v = _mm512_shrdv_epi16(low, high, _mm512_and_si512(offsets, _mm512_set1_epi16(7)));
    return _mm512_andnot_si512(_mm512_sllv_epi16(_mm512_set1_epi16(-1), widths), v);
}

BITX_AVX512_INLINE __m512i restore_words(const params32 *p, __m512i difference, __m512i base)
{
    __m512i origin = _mm512_and_si512(base, p->magnitude);
    __m512i v = _mm512_and_si512(_mm512_add_epi16(difference, origin), p->word);
    v = _mm512_xor_si512(map_floats(p, v), _mm512_and_si512(base, p->top));
    return _mm512_sll_epi16(v, p->zero_bits);
}

/* 32 fields of at most 14 bits, after at most 7 bits of others, are in 57 bytes. */
BITX_AVX512 size_t bitx_delta_join_u16_avx512(uint8_t *dst, const uint8_t *base,
                                              const uint8_t *classes, const uint8_t *symbols,
                                              const uint8_t *raw, size_t raw_nbytes, size_t bit,
                                              size_t nelem, const bitx_delta_params *params)
{
    const params32 p = load_params(params);
    const __m512i one = _mm512_set1_epi16(1), most = _mm512_set1_epi16((short)(params->width - 2));
    const __m128i shifts = _mm_loadu_si128((const void *)params->shift);
    for (size_t i = 0; i < nelem; i += 32) {
        size_t n = nelem - i < 32 ? nelem - i : 32;
        __m256i classes8 = _mm256_maskz_loadu_epi8(low_mask32(n), classes + i);
        __m256i symbols8 = _mm256_mask_loadu_epi8(_mm256_set1_epi8(-1), low_mask32(n), symbols + i);
        classes8 = _mm256_and_si256(classes8, _mm256_set1_epi8(15));
        __m256i shifts8 = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(shifts), classes8);
        __m512i symbol = _mm512_cvtepu8_epi16(symbols8), shift = _mm512_cvtepu8_epi16(shifts8);
        __mmask32 coded = _mm512_cmpneq_epu16_mask(symbol, _mm512_set1_epi16(255));
        __m512i c = _mm512_srli_epi16(symbol, 1);
        __m512i e = _mm512_maskz_subs_epu16(coded, c, _mm512_set1_epi16(DIRECT - 1));
        __m512i width = _mm512_maskz_add_epi16(coded, shift, e);
        if (_mm512_mask_cmpgt_epu16_mask(_mm512_test_epi16_mask(e, e), width, most))
            return SIZE_MAX;
        __m512i sums = prefix_sums(width);
        __m512i offsets =
            _mm512_add_epi16(_mm512_sub_epi16(sums, width), _mm512_set1_epi16((short)(bit % 8)));
        size_t byte = bit / 8 < raw_nbytes ? bit / 8 : raw_nbytes;
        size_t left = raw_nbytes - byte < 64 ? raw_nbytes - byte : 64;
        __m512i field = fields(load512_first(raw + byte, left), offsets, width);
        __m512i least = _mm512_add_epi16(_mm512_sub_epi16(c, e),
                                         _mm512_sub_epi16(_mm512_sllv_epi16(one, e), one));
        __m512i m = _mm512_add_epi16(_mm512_sllv_epi16(least, shift), field);
        __mmask32 negative = _mm512_test_epi16_mask(symbol, one);
        __m512i minus = _mm512_movm_epi16(negative);
        __m512i half = _mm512_srli_epi16(_mm512_sllv_epi16(one, shift), 1);
        __m512i d = _mm512_maskz_sub_epi16(coded, _mm512_xor_si512(m, minus), half);
        store512_first(dst + 2 * i, restore_words(&p, d, load_words(&p, base + 2 * i, n)), 2 * n);
        bit += (unsigned)_mm_extract_epi16(_mm512_extracti32x4_epi32(sums, 3), 7);
    }
    return bit <= 8 * raw_nbytes ? bit : SIZE_MAX;
}

#endif
