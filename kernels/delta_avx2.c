/* Elements given those of a base, AVX2. The last few elements go to the scalar functions. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx2.h"

enum { DIRECT = 16 };

/* bitx_delta_params in registers. */
typedef struct params16 {
    __m128i zero_bits, class_shift;
    __m256i word, magnitude, top; /* masks: all of a word; without its sign; the sign alone */
    __m256i class_low, class_last;
} params16;

BITX_AVX2_INLINE params16 load_params(const bitx_delta_params *p)
{
    unsigned word = (1u << p->width) - 1, top = p->sign ? 1u << (p->width - 1) : 0;
    return (params16){
        _mm_cvtsi32_si128((int)p->zero_bits),
        _mm_cvtsi32_si128((int)p->class_shift),
        _mm256_set1_epi16((short)word),
        _mm256_set1_epi16((short)(word & ~top)),
        _mm256_set1_epi16((short)top),
        _mm256_set1_epi16((short)(p->class_low < 65535 ? p->class_low : 65535)),
        _mm256_set1_epi16((short)(p->nclasses - 1)),
    };
}

BITX_AVX2_INLINE __m256i load_words(const params16 *p, const uint8_t *src)
{
    return _mm256_srl_epi16(load256(src), p->zero_bits);
}

/* The low bytes of 16 words. */
BITX_AVX2_INLINE __m128i low_bytes(__m256i words)
{
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

BITX_AVX2_INLINE __m128i classes_of(const params16 *p, __m256i origin)
{
    __m256i high = _mm256_srl_epi16(origin, p->class_shift);
    return low_bytes(_mm256_min_epu16(_mm256_subs_epu16(high, p->class_low), p->class_last));
}

BITX_AVX2 void bitx_delta_classes_u16_avx2(uint8_t *classes, const uint8_t *base, size_t nelem,
                                           const bitx_delta_params *params)
{
    const params16 p = load_params(params);
    size_t i = 0;
    for (; nelem - i >= 16; i += 16)
        store128(classes + i,
                 classes_of(&p, _mm256_and_si256(load_words(&p, base + 2 * i), p.magnitude)));
    bitx_delta_classes_u16_scalar(classes + i, base + 2 * i, nelem - i, params);
}

/* Sign and magnitude to two's complement, and back: the magnitude bits of negatives inverted. */
BITX_AVX2_INLINE __m256i map_floats(const params16 *p, __m256i v)
{
    __m256i negative = _mm256_cmpeq_epi16(_mm256_and_si256(v, p->top), p->top);
    return _mm256_xor_si256(v, _mm256_and_si256(negative, p->magnitude));
}

/* Of integers, top is 0 and each would count as negative. */
BITX_AVX2_INLINE __m256i map_if_sign(const params16 *p, __m256i v, int sign)
{
    return sign ? map_floats(p, v) : v;
}

BITX_AVX2 void bitx_delta_diff_u16_avx2(uint8_t *differences, uint8_t *classes, const uint8_t *x,
                                        const uint8_t *base, size_t nelem,
                                        const bitx_delta_params *params)
{
    const params16 p = load_params(params);
    const __m128i unused = _mm_cvtsi32_si128((int)(16 - params->width));
    const int sign = (int)params->sign;
    size_t i = 0;
    for (; nelem - i >= 16; i += 16) {
        __m256i word = load_words(&p, x + 2 * i), from = load_words(&p, base + 2 * i);
        __m256i origin = _mm256_and_si256(from, p.magnitude);
        word = _mm256_xor_si256(word, _mm256_and_si256(from, p.top));
        __m256i d = _mm256_sub_epi16(map_if_sign(&p, word, sign), origin);
        d = _mm256_sra_epi16(_mm256_sll_epi16(d, unused), unused);
        store256(differences + 2 * i, d);
        store128(classes + i, classes_of(&p, origin));
    }
    bitx_delta_diff_u16_scalar(differences + 2 * i, classes + i, x + 2 * i, base + 2 * i, nelem - i,
                               params);
}

/* ---- symbols and raw bits of eight differences, in dwords since words have no variable shift ----
 */

typedef struct split8 {
    __m256i symbols, values, nbits;
} split8;

/* floor(log2) of numbers from 1 to 2^16: the exponent as a float. */
BITX_AVX2_INLINE __m256i log2_dwords(__m256i v)
{
    __m256i bits = _mm256_castps_si256(_mm256_cvtepi32_ps(v));
    return _mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127));
}

/* d signed; coded: all ones where there is a symbol other than 255. */
BITX_AVX2_INLINE split8 split_dwords(__m256i d, __m256i shift, __m256i coded, __m128i unused)
{
    const __m256i one = _mm256_set1_epi32(1), direct = _mm256_set1_epi32(DIRECT - 1);
    const __m256i below = _mm256_set1_epi32(DIRECT - 2);
    __m256i half = _mm256_srli_epi32(_mm256_sllv_epi32(one, shift), 1);
    __m256i u = _mm256_sll_epi32(_mm256_add_epi32(d, half), unused);
    u = _mm256_sra_epi32(u, unused);
    __m256i sign = _mm256_srai_epi32(u, 31), m = _mm256_xor_si256(u, sign);
    __m256i magnitude = _mm256_srlv_epi32(m, shift);
    __m256i e = log2_dwords(_mm256_sub_epi32(_mm256_max_epi32(magnitude, direct), below));
    __m256i c = _mm256_min_epi32(magnitude, _mm256_add_epi32(direct, e));
    __m256i least = _mm256_add_epi32(_mm256_sllv_epi32(one, e), below);
    __m256i nbits = _mm256_add_epi32(e, shift);
    __m256i raw = _mm256_sub_epi32(m, _mm256_sllv_epi32(least, shift));
    raw = _mm256_andnot_si256(_mm256_sllv_epi32(_mm256_set1_epi32(-1), nbits), raw);
    __m256i symbols = _mm256_sub_epi32(_mm256_add_epi32(c, c), sign);
    return (split8){
        _mm256_or_si256(_mm256_and_si256(symbols, coded),
                        _mm256_andnot_si256(coded, _mm256_set1_epi32(255))),
        _mm256_and_si256(raw, coded),
        _mm256_and_si256(nbits, coded),
    };
}

/* Eight fields become two of at most 56 bits, in qwords 0 and 2. */
BITX_AVX2_INLINE void join_fields(__m256i *values, __m256i *nbits)
{
    const __m256i low = _mm256_set1_epi64x(0xffffffff);
    __m256i n = _mm256_and_si256(*nbits, low), v = _mm256_and_si256(*values, low);
    v = _mm256_or_si256(v, _mm256_sllv_epi64(_mm256_srli_epi64(*values, 32), n));
    n = _mm256_add_epi64(n, _mm256_srli_epi64(*nbits, 32));
    *values = _mm256_or_si256(v, _mm256_sllv_epi64(_mm256_unpackhi_epi64(v, v), n));
    *nbits = _mm256_add_epi64(n, _mm256_unpackhi_epi64(n, n));
}

/* A string that is stored a qword at a time; fewer than 8 bits are pending in between. */
typedef struct writer {
    uint8_t *at;
    uint64_t pending, fill;
} writer;

BITX_AVX2_INLINE void put(writer *w, uint64_t value, uint64_t nbits)
{
    w->pending |= value << w->fill;
    store64(w->at, w->pending);
    w->fill += nbits;
    w->at += w->fill / 8;
    w->pending >>= w->fill & ~(uint64_t)7;
    w->fill &= 7;
}

BITX_AVX2 size_t bitx_delta_split_u16_avx2(uint8_t *symbols, uint8_t *raw, size_t bit,
                                           const uint8_t *differences, const uint8_t *classes,
                                           size_t nelem, const bitx_delta_params *params)
{
    const __m128i shifts = load128(params->shift);
    const __m128i unused = _mm_cvtsi32_si128((int)(32 - params->width));
    uint8_t same_table[16];
    for (unsigned c = 0; c < 16; c++)
        same_table[c] = params->same_classes >> c & 1 ? 0xff : 0;
    const __m128i sames = load128(same_table);
    writer w = {raw + bit / 8, 0, bit % 8};
    if (w.fill)
        w.pending = *w.at & ((1u << w.fill) - 1);
    size_t i = 0;
    for (; nelem - i >= 8; i += 8) {
        __m128i c = _mm_loadl_epi64((const __m128i *)(const void *)(classes + i));
        __m128i d16 = load128(differences + 2 * i);
        __m256i d = _mm256_cvtepi16_epi32(d16);
        __m256i shift = _mm256_cvtepu8_epi32(_mm_shuffle_epi8(shifts, c));
        __m256i zero = _mm256_cmpeq_epi32(d, _mm256_setzero_si256());
        __m256i same = _mm256_and_si256(zero, _mm256_cvtepi8_epi32(_mm_shuffle_epi8(sames, c)));
        __m256i none = _mm256_cmpgt_epi32(_mm256_setzero_si256(), _mm256_cvtepi8_epi32(c));
        __m256i coded = _mm256_cmpeq_epi32(_mm256_or_si256(same, none), _mm256_setzero_si256());
        split8 s = split_dwords(d, shift, coded, unused);
        store64(symbols + i, (uint64_t)_mm_cvtsi128_si64(low_bytes(_mm256_permute4x64_epi64(
                                 _mm256_packus_epi32(s.symbols, s.symbols), 0xd8))));
        join_fields(&s.values, &s.nbits);
        put(&w, (uint64_t)_mm256_extract_epi64(s.values, 0),
            (uint64_t)_mm256_extract_epi64(s.nbits, 0));
        put(&w, (uint64_t)_mm256_extract_epi64(s.values, 2),
            (uint64_t)_mm256_extract_epi64(s.nbits, 2));
    }
    if (w.fill)
        *w.at = (uint8_t)w.pending;
    bit = 8 * (size_t)(w.at - raw) + w.fill;
    return bitx_delta_split_u16_scalar(symbols + i, raw, bit, differences + 2 * i, classes + i,
                                       nelem - i, params);
}

/* ---- the inverse ---- */

/* 2^v of 16 bytes from 0 to 15, as words: tables of their low and high bytes. */
BITX_AVX2_INLINE __m256i power_words(__m128i v)
{
    const __m128i low = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i high = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, (char)128);
    __m128i l = _mm_shuffle_epi8(low, v), h = _mm_shuffle_epi8(high, v);
    return _mm256_set_m128i(_mm_unpackhi_epi8(l, h), _mm_unpacklo_epi8(l, h));
}

/* Fields of at most 14 bits each to the words of `masks`, four at a time. */
BITX_AVX2_INLINE __m256i deposit(const uint8_t *raw, size_t *bit, __m256i masks)
{
    uint64_t mask[4], v[4];
    store256((uint8_t *)mask, masks);
    for (unsigned k = 0; k < 4; k++) {
        v[k] = _pdep_u64(load64(raw + *bit / 8) >> *bit % 8, mask[k]);
        *bit += (size_t)_mm_popcnt_u64(mask[k]);
    }
    return _mm256_set_epi64x((long long)v[3], (long long)v[2], (long long)v[1], (long long)v[0]);
}

/* Four times 56 bits and then eight bytes must be there; the scalar function does the others. */
BITX_AVX2 size_t bitx_delta_join_u16_avx2(uint8_t *dst, const uint8_t *base, const uint8_t *classes,
                                          const uint8_t *symbols, const uint8_t *raw,
                                          size_t raw_nbytes, size_t bit, size_t nelem,
                                          const bitx_delta_params *params)
{
    const params16 p = load_params(params);
    const __m128i shifts = load128(params->shift), all = _mm_set1_epi8(-1);
    const __m128i most = _mm_set1_epi8((char)(params->width - 2));
    const __m256i one = _mm256_set1_epi16(1);
    const int sign = (int)params->sign;
    size_t i = 0;
    for (; nelem - i >= 16 && raw_nbytes >= 36 && bit / 8 <= raw_nbytes - 36; i += 16) {
        __m128i symbol = load128(symbols + i);
        __m128i class16 = _mm_and_si128(load128(classes + i), _mm_set1_epi8(15));
        __m128i shift = _mm_shuffle_epi8(shifts, class16);
        __m128i same = _mm_cmpeq_epi8(symbol, all);
        __m128i c = _mm_and_si128(_mm_srli_epi16(symbol, 1), _mm_set1_epi8(127));
        __m128i e = _mm_andnot_si128(same, _mm_subs_epu8(c, _mm_set1_epi8(DIRECT - 1)));
        __m128i width = _mm_andnot_si128(same, _mm_add_epi8(shift, e));
        __m128i extra = _mm_cmpgt_epi8(e, _mm_setzero_si128());
        __m128i excess = _mm_and_si128(extra, _mm_subs_epu8(width, most));
        if (!_mm_testz_si128(excess, excess))
            return SIZE_MAX;
        __m256i field = deposit(raw, &bit, _mm256_sub_epi16(power_words(width), one));
        __m256i least = _mm256_add_epi16(_mm256_cvtepu8_epi16(_mm_sub_epi8(c, e)),
                                         _mm256_sub_epi16(power_words(e), one));
        __m256i unit = power_words(shift);
        __m256i m = _mm256_add_epi16(_mm256_mullo_epi16(least, unit), field);
        __m128i odd = _mm_and_si128(symbol, _mm_set1_epi8(1));
        __m256i minus = _mm256_cvtepi8_epi16(_mm_sub_epi8(_mm_setzero_si128(), odd));
        __m256i d = _mm256_sub_epi16(_mm256_xor_si256(m, minus), _mm256_srli_epi16(unit, 1));
        d = _mm256_andnot_si256(_mm256_cvtepi8_epi16(same), d);
        __m256i from = load_words(&p, base + 2 * i);
        __m256i v = _mm256_add_epi16(d, _mm256_and_si256(from, p.magnitude));
        v = map_if_sign(&p, _mm256_and_si256(v, p.word), sign);
        v = _mm256_xor_si256(v, _mm256_and_si256(from, p.top));
        store256(dst + 2 * i, _mm256_sll_epi16(v, p.zero_bits));
    }
    return bitx_delta_join_u16_scalar(dst + 2 * i, base + 2 * i, classes + i, symbols + i, raw,
                                      raw_nbytes, bit, nelem - i, params);
}

#endif
