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
    __m512i shift, half, same;   /* words */
    __m512i low_mask, high_mask; /* bytes: of the 7 low raw bits, and of those above */
    uint64_t any_high, any_same;
} encode_tables;

BITX_AVX512_INLINE encode_tables encode_load(const bitx_delta_params *p)
{
    unsigned top = p->sign ? 1u << (p->width - 1) : 0, any_high = 0;
    uint16_t shift[32] = {0}, half[32] = {0}, same[32] = {0};
    uint8_t low[16] = {0}, high[16] = {0};
    for (unsigned c = 0; c < p->nclasses; c++) {
        unsigned s = p->shift[c];
        shift[c] = (uint16_t)s;
        half[c] = (uint16_t)((1u << s >> 1) << (16 - p->width));
        same[c] = p->same_classes >> c & 1 ? 0xffff : 0;
        low[c] = (uint8_t)((1u << (s < 7 ? s : 7)) - 1);
        high[c] = (uint8_t)((1u << (s < 7 ? 0 : s - 7)) - 1);
        any_high |= high[c];
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
        _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)low)),
        _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)high)),
        any_high,
        p->same_classes,
    };
}

/* 32 elements. */
typedef struct encode_half {
    __m512i classes, difference; /* the latter at the top of its word */
    __m512i m, magnitude, shift;
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

/* Magnitudes above 15 become 15 + e; returns the number of raw bits, the 14 << shift taken off m.
 */
BITX_AVX512_INLINE __m512i encode_large(encode_half *h)
{
    const __m512i below = _mm512_set1_epi16(ENCODE_DIRECT - 1);
    const __m512i direct = _mm512_set1_epi16(ENCODE_DIRECT);
    __m512i e = encode_log2(_mm512_sub_epi16(_mm512_max_epu16(h->magnitude, direct), below));
    h->magnitude = _mm512_min_epu16(h->magnitude, _mm512_add_epi16(direct, e));
    h->m = _mm512_sub_epi16(h->m, _mm512_sllv_epi16(below, h->shift));
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

/* The lowest n of each mask, n bytes up to 7, set. */
BITX_AVX512_INLINE __m512i encode_masks(__m512i nbits)
{
    const __m512i table = _mm512_set4_epi32(0, 0, 0x7f3f1f0f, 0x07030100);
    return _mm512_shuffle_epi8(table, nbits);
}

BITX_AVX512_INLINE void encode_loop(uint8_t *symbols, uint8_t *classes, bitx_raw_sink *raw,
                                    const uint8_t *x, const uint8_t *base, size_t nelem,
                                    const bitx_delta_params *params, int plain)
{
    const encode_tables t = encode_load(params);
    const __m512i seven = _mm512_set1_epi8(7), direct = _mm512_set1_epi16(ENCODE_DIRECT);
    encode_string low = encode_begin(raw->bytes[0], raw->bit[0]);
    encode_string high = encode_begin(raw->bytes[1], raw->bit[1]);
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
        __m512i low_mask = _mm512_shuffle_epi8(t.low_mask, c);
        __m512i high_mask = _mm512_shuffle_epi8(t.high_mask, c);
        uint64_t any_high = t.any_high;
        __mmask32 large = _mm512_cmpgt_epu16_mask(a.magnitude, direct);
        large = _kor_mask32(large, _mm512_cmpgt_epu16_mask(b.magnitude, direct));
        if (large) {
            __m512i nbits = encode_bytes(encode_large(&a), encode_large(&b));
            low_mask = encode_masks(_mm512_min_epu8(nbits, seven));
            high_mask = encode_masks(_mm512_subs_epu8(nbits, seven));
            any_high = 1;
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
            low_mask = _mm512_maskz_mov_epi8(coded, low_mask);
            high_mask = _mm512_maskz_mov_epi8(coded, high_mask);
        }
        store512_first(symbols + i, v, n);
        store512_first(classes + i, c, n);
        encode_put(&low, encode_bytes(a.m, b.m), low_mask, n);
        if (any_high)
            encode_put(&high, encode_bytes(_mm512_srli_epi16(a.m, 7), _mm512_srli_epi16(b.m, 7)),
                       high_mask, n);
    }
    raw->bit[0] = encode_end(&low, raw->bytes[0]);
    raw->bit[1] = encode_end(&high, raw->bytes[1]);
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
