/* Elements given those of a base, AVX2. The last few elements go to the scalar functions. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "shuffle_tables.h"
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
    __m256i raw = _mm256_xor_si256(_mm256_sub_epi32(m, _mm256_sllv_epi32(least, shift)), sign);
    raw = _mm256_andnot_si256(_mm256_sllv_epi32(_mm256_set1_epi32(-1), nbits), raw);
    __m256i symbols = _mm256_sub_epi32(_mm256_add_epi32(c, c), sign);
    return (split8){
        _mm256_or_si256(_mm256_and_si256(symbols, coded),
                        _mm256_andnot_si256(coded, _mm256_set1_epi32(255))),
        _mm256_and_si256(raw, coded),
        _mm256_and_si256(nbits, coded),
    };
}

/* The low byte of each of eight dwords. */
BITX_AVX2_INLINE uint64_t low_bytes_of_dwords(__m256i v)
{
    v = _mm256_permute4x64_epi64(_mm256_packus_epi32(v, v), 0xd8);
    return (uint64_t)_mm_cvtsi128_si64(low_bytes(v));
}

/* Eight fields of at most 7 bits. */
BITX_AVX2_INLINE void put_fields(field_string *to, __m256i values, __m256i nbits)
{
    const __m256i one = _mm256_set1_epi32(1);
    __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, nbits), one);
    uint64_t masks = low_bytes_of_dwords(mask);
    uint64_t bits = _pext_u64(low_bytes_of_dwords(_mm256_and_si256(values, mask)), masks);
    fields_put(to, bits, (uint64_t)_mm_popcnt_u64(masks));
}

BITX_AVX2 void bitx_delta_split_u16_avx2(uint8_t *symbols, bitx_raw_sink *raw,
                                         const uint8_t *differences, const uint8_t *classes,
                                         size_t nelem, const bitx_delta_params *params)
{
    const __m128i shifts = load128(params->shift);
    const __m128i unused = _mm_cvtsi32_si128((int)(32 - params->width));
    const __m256i seven = _mm256_set1_epi32(7);
    uint8_t same_table[16];
    for (unsigned c = 0; c < 16; c++)
        same_table[c] = params->same_classes >> c & 1 ? 0xff : 0;
    const __m128i sames = load128(same_table);
    uint8_t *bytes = raw->bytes[1] + raw->bit[1] / 8;
    field_string low = fields_at(raw->bytes[0], raw->bit[0]);
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
        store64(symbols + i, low_bytes_of_dwords(s.symbols));
        __m256i wide = _mm256_cmpgt_epi32(s.nbits, seven), fields = s.values;
        if (!_mm256_testz_si256(wide, wide)) {
            unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(wide));
            uint64_t low_bytes =
                low_bytes_of_dwords(_mm256_and_si256(s.values, _mm256_set1_epi32(0xff)));
            __m128i row = _mm_loadl_epi64((const __m128i *)(const void *)&bitx_shuffle_pack8[mask]);
            __m128i packed = _mm_shuffle_epi8(_mm_cvtsi64_si128((long long)low_bytes), row);
            store64(bytes, (uint64_t)_mm_cvtsi128_si64(packed));
            bytes += _mm_popcnt_u32(mask);
            fields = _mm256_blendv_epi8(fields, _mm256_srli_epi32(fields, 8), wide);
        }
        put_fields(&low, fields, _mm256_and_si256(s.nbits, seven));
    }
    raw->bit[0] = fields_end(&low, raw->bytes[0]);
    raw->bit[1] = 8 * (size_t)(bytes - raw->bytes[1]);
    bitx_delta_split_u16_scalar(symbols + i, raw, differences + 2 * i, classes + i, nelem - i,
                                params);
}

#endif
