/* Elements given those of a base to symbols, classes and raw bits in one pass, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "encode.h"
#    include "target_avx512.h"

/* Tables by class, and bitx_delta_params in registers. */
typedef struct encode_tables {
    __m128i zero_bits, unused, class_shift;
    __m512i magnitude, top, class_low, class_last;
    __m512i shift, half, same; /* words */
    __m512i field_mask, wide;  /* bytes: of the raw bits in string 0; whether there are 8 below */
    uint64_t any_wide, any_same;
} encode_tables;

BITX_AVX512_INLINE encode_tables encode_load(const bitx_delta_params *p)
{
    unsigned top = p->sign ? 1u << (p->width - 1) : 0, any_wide = 0;
    uint16_t shift[32] = {0}, half[32] = {0}, same[32] = {0};
    uint8_t field[16] = {0}, wide[16] = {0};
    for (unsigned c = 0; c < p->nclasses; c++) {
        unsigned s = p->shift[c];
        shift[c] = (uint16_t)s;
        half[c] = (uint16_t)((1u << s >> 1) << (16 - p->width));
        same[c] = p->same_classes >> c & 1 ? 0xffff : 0;
        field[c] = (uint8_t)((1u << s % 8) - 1);
        wide[c] = s < 8 ? 0 : 0xff;
        any_wide |= wide[c];
    }
    return (encode_tables){
        _mm_cvtsi32_si128((int)p->zero_bits),
        _mm_cvtsi32_si128((int)(16 - p->width)),
        _mm_cvtsi32_si128((int)p->class_shift),
        _mm512_set1_epi16((short)(((1u << p->width) - 1) & ~top)),
        _mm512_set1_epi16((short)top),
        _mm512_set1_epi16((short)(p->class_low < 65535 ? p->class_low : 65535)),
        _mm512_set1_epi16((short)(p->nclasses - 1)),
        load512((const uint8_t *)shift),
        load512((const uint8_t *)half),
        load512((const uint8_t *)same),
        _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)field)),
        _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)wide)),
        any_wide,
        p->same_classes,
    };
}

/* 32 elements. */
typedef struct encode_half {
    __m512i classes, difference; /* the latter at the top of its word */
    __m512i m, magnitude, shift, raw;
    __mmask32 negative;
} encode_half;

BITX_AVX512_INLINE encode_half encode_words(const encode_tables *t, __m512i word, __m512i from,
                                            int plain)
{
    encode_half h;
    if (!plain) {
        word = _mm512_srl_epi16(word, t->zero_bits);
        from = _mm512_srl_epi16(from, t->zero_bits);
    }
    __m512i origin = _mm512_and_si512(from, t->magnitude);
    word = _mm512_xor_si512(word, _mm512_and_si512(from, t->top));
    __mmask32 below = _mm512_test_epi16_mask(word, t->top);
    word = _mm512_mask_blend_epi16(below, word, _mm512_xor_si512(word, t->magnitude));
    h.classes = _mm512_srl_epi16(origin, t->class_shift);
    h.classes = _mm512_min_epu16(_mm512_subs_epu16(h.classes, t->class_low), t->class_last);
    h.shift = _mm512_permutexvar_epi16(h.classes, t->shift);
    h.difference = _mm512_sub_epi16(word, origin);
    if (!plain)
        h.difference = _mm512_sll_epi16(h.difference, t->unused);
    __m512i half = _mm512_permutexvar_epi16(h.classes, t->half);
    __m512i u = _mm512_add_epi16(h.difference, half);
    if (!plain)
        u = _mm512_sra_epi16(u, t->unused);
    h.negative = _mm512_movepi16_mask(u);
    h.m = _mm512_xor_si512(u, _mm512_srai_epi16(u, 15));
    h.raw = u;
    h.magnitude = _mm512_srlv_epi16(h.m, h.shift);
    return h;
}

BITX_AVX512_INLINE __mmask32 encode_same(const encode_tables *t, const encode_half *h)
{
    __m512i same = _mm512_permutexvar_epi16(h->classes, t->same);
    return _mm512_mask_testn_epi16_mask(_mm512_movepi16_mask(same), h->difference, h->difference);
}

/* floor(log2) of words that are not 0. */
BITX_AVX512_INLINE __m512i encode_log2(__m512i v)
{
    v = _mm512_srli_epi16(v, 1);
    v = _mm512_or_si512(v, _mm512_srli_epi16(v, 1));
    v = _mm512_or_si512(v, _mm512_srli_epi16(v, 2));
    v = _mm512_or_si512(v, _mm512_srli_epi16(v, 4));
    v = _mm512_or_si512(v, _mm512_srli_epi16(v, 8));
    return _mm512_popcnt_epi16(v);
}

/* Magnitudes above 15 become 15 + e, their raw bits are those of m - (14 << shift); returns the
   number of raw bits. */
BITX_AVX512_INLINE __m512i encode_large(encode_half *h)
{
    const __m512i below = _mm512_set1_epi16(ENCODE_DIRECT - 1);
    const __m512i direct = _mm512_set1_epi16(ENCODE_DIRECT);
    __m512i e = encode_log2(_mm512_sub_epi16(_mm512_max_epu16(h->magnitude, direct), below));
    h->magnitude = _mm512_min_epu16(h->magnitude, _mm512_add_epi16(direct, e));
    __m512i sign = _mm512_xor_si512(h->m, h->raw);
    h->raw = _mm512_sub_epi16(h->m, _mm512_sllv_epi16(below, h->shift));
    h->raw = _mm512_xor_si512(h->raw, sign);
    return _mm512_add_epi16(h->shift, e);
}

/* The low bytes of 64 words. */
BITX_AVX512_INLINE __m512i encode_bytes(__m512i a, __m512i b)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi16_epi8(a)),
                              _mm512_cvtepi16_epi8(b), 1);
}

/* A string that is stored a qword at a time; fewer than 8 bits are pending in between. */
typedef struct encode_string {
    uint8_t *at;
    uint64_t pending, fill;
} encode_string;

static inline encode_string encode_begin(uint8_t *bytes, size_t bit)
{
    encode_string s = {bytes + bit / 8, 0, bit % 8};
    if (s.fill)
        s.pending = *s.at & ((1u << s.fill) - 1);
    return s;
}

static inline size_t encode_end(const encode_string *s, const uint8_t *bytes)
{
    if (s->fill)
        *s->at = (uint8_t)s->pending;
    return 8 * (size_t)(s->at - bytes) + s->fill;
}

/* Of n bytes, the bits that their masks have: at most 7 each, so eight bytes and what is pending
   fit a qword. */
BITX_AVX512_INLINE void encode_put(encode_string *to, __m512i values, __m512i masks, size_t n)
{
    encode_string s = *to;
    uint64_t v[8], m[8];
    store512((uint8_t *)v, values);
    store512((uint8_t *)m, masks);
    for (size_t k = 0; 8 * k < n; k++) {
        s.pending |= _pext_u64(v[k], m[k]) << s.fill;
        memcpy(s.at, &s.pending, 8);
        s.fill += (uint64_t)_mm_popcnt_u64(m[k]);
        s.at += s.fill / 8;
        s.pending >>= s.fill & 56;
        s.fill &= 7;
    }
    *to = s;
}

/* The lowest n % 8 bits of each byte, n up to 15, set. */
BITX_AVX512_INLINE __m512i encode_masks(__m512i nbits)
{
    const __m512i table = _mm512_set4_epi32(0x7f3f1f0f, 0x07030100, 0x7f3f1f0f, 0x07030100);
    return _mm512_shuffle_epi8(table, nbits);
}

BITX_AVX512_INLINE void encode_loop(uint8_t *symbols, uint8_t *classes, bitx_raw_sink *raw,
                                    const uint8_t *x, const uint8_t *base, size_t nelem,
                                    const bitx_delta_params *params, int plain)
{
    const encode_tables t = encode_load(params);
    const __m512i seven = _mm512_set1_epi8(7), direct = _mm512_set1_epi16(ENCODE_DIRECT);
    uint8_t *bytes = raw->bytes[1] + raw->bit[1] / 8;
    encode_string low = encode_begin(raw->bytes[0], raw->bit[0]);
    for (size_t i = 0; i < nelem; i += 64) {
        size_t n = nelem - i < 64 ? nelem - i : 64, n0 = n < 32 ? n : 32;
        __m512i w0, w1, f0, f1;
        if (n == 64) {
            w0 = load512(x + 2 * i);
            w1 = load512(x + 2 * i + 64);
            f0 = load512(base + 2 * i);
            f1 = load512(base + 2 * i + 64);
        } else {
            w0 = load512_first(x + 2 * i, 2 * n0);
            f0 = load512_first(base + 2 * i, 2 * n0);
            w1 = f1 = _mm512_setzero_si512();
            if (n > 32) {
                w1 = load512_first(x + 2 * i + 64, 2 * (n - 32));
                f1 = load512_first(base + 2 * i + 64, 2 * (n - 32));
            }
        }
        encode_half a = encode_words(&t, w0, f0, plain), b = encode_words(&t, w1, f1, plain);
        __m512i c = encode_bytes(a.classes, b.classes);
        __m512i field_mask = _mm512_shuffle_epi8(t.field_mask, c);
        __mmask64 wide = _mm512_movepi8_mask(_mm512_shuffle_epi8(t.wide, c));
        uint64_t any_wide = t.any_wide;
        __mmask32 large = _mm512_cmpgt_epu16_mask(a.magnitude, direct);
        large = _kor_mask32(large, _mm512_cmpgt_epu16_mask(b.magnitude, direct));
        if (large) {
            __m512i nbits = encode_bytes(encode_large(&a), encode_large(&b));
            field_mask = encode_masks(nbits);
            wide = _mm512_cmpgt_epu8_mask(nbits, seven);
            any_wide = 1;
        }
        __mmask64 negative = _mm512_kunpackd(b.negative, a.negative);
        __m512i v = encode_bytes(a.magnitude, b.magnitude);
        v = _mm512_add_epi8(v, v);
        v = _mm512_sub_epi8(v, _mm512_movm_epi8(negative));
        __mmask64 coded = low_mask64(n);
        if (t.any_same) {
            __mmask64 same = _mm512_kunpackd(encode_same(&t, &b), encode_same(&t, &a));
            v = _mm512_mask_mov_epi8(v, same, _mm512_set1_epi8(-1));
            coded = _kandn_mask64(same, coded);
        }
        if (t.any_same || n < 64) {
            field_mask = _mm512_maskz_mov_epi8(coded, field_mask);
            wide = _kand_mask64(wide, coded);
        }
        store512_first(symbols + i, v, n);
        store512_first(classes + i, c, n);
        __m512i fields = encode_bytes(a.raw, b.raw);
        if (any_wide) {
            size_t count = (size_t)_mm_popcnt_u64(_cvtmask64_u64(wide));
            store512_first(bytes, _mm512_maskz_compress_epi8(wide, fields), count);
            bytes += count;
            __m512i above = encode_bytes(_mm512_srli_epi16(a.raw, 8), _mm512_srli_epi16(b.raw, 8));
            fields = _mm512_mask_mov_epi8(fields, wide, above);
        }
        encode_put(&low, fields, field_mask, n);
    }
    raw->bit[0] = encode_end(&low, raw->bytes[0]);
    raw->bit[1] = 8 * (size_t)(bytes - raw->bytes[1]);
}

BITX_AVX512 void bitx_delta_encode_u16_avx512(uint8_t *symbols, uint8_t *classes,
                                              bitx_raw_sink *raw, const uint8_t *x,
                                              const uint8_t *base, size_t nelem,
                                              const bitx_delta_params *params)
{
    if (params->width == 16)
        encode_loop(symbols, classes, raw, x, base, nelem, params, 1);
    else
        encode_loop(symbols, classes, raw, x, base, nelem, params, 0);
}

#endif
