/* Elements given those of a base to symbols, classes and raw bits in one pass, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "encode.h"
#    include "target_avx512.h"

/* Tables by class, and bitx_delta_params in registers. */
typedef struct encode_tables {
    __m128i zero_bits, unused, class_shift;
    __m512i magnitude, top, class_low, class_last;
    __m512i shift, half;            /* words */
    __m512i field_mask, wide, same; /* bytes: of the raw bits in string 0; if there are 8 below */
    uint64_t any_wide, any_same;
} encode_tables;

BITX_AVX512_INLINE encode_tables encode_load(const bitx_delta_params *p)
{
    unsigned top = p->sign ? 1u << (p->width - 1) : 0, any_wide = 0;
    uint16_t shift[32] = {0}, half[32] = {0};
    uint8_t field[16] = {0}, wide[16] = {0}, same[16] = {0};
    for (unsigned c = 0; c < p->nclasses; c++) {
        unsigned s = p->shift[c];
        shift[c] = (uint16_t)s;
        half[c] = (uint16_t)((1u << s >> 1) << (16 - p->width));
        same[c] = p->same_classes >> c & 1 ? 0xff : 0;
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
        _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)field)),
        _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)wide)),
        _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)same)),
        any_wide,
        p->same_classes,
    };
}

/* 32 elements. */
typedef struct encode_half {
    __m512i classes, difference; /* the latter at the top of its word */
    __m512i m, magnitude, shift, raw, negative;
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
    /* By shifts: comparisons to masks are port 5's, which has most to do. */
    __m512i below = _mm512_and_si512(word, t->top);
    if (!plain)
        below = _mm512_sll_epi16(below, t->unused);
    below = _mm512_srai_epi16(below, 15);
    word = _mm512_xor_si512(word, _mm512_and_si512(below, t->magnitude));
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
    h.negative = _mm512_srai_epi16(u, 15);
    h.m = _mm512_xor_si512(u, h.negative);
    h.raw = u;
    h.magnitude = _mm512_srlv_epi16(h.m, h.shift);
    return h;
}

/* Of 64 elements of classes c, those that are SYMBOL_SAME. */
BITX_AVX512_INLINE __mmask64 encode_same(const encode_tables *t, __m512i c, const encode_half *a,
                                         const encode_half *b)
{
    __mmask64 zero = _mm512_kunpackd(_mm512_testn_epi16_mask(b->difference, b->difference),
                                     _mm512_testn_epi16_mask(a->difference, a->difference));
    return _kand_mask64(zero, _mm512_movepi8_mask(_mm512_shuffle_epi8(t->same, c)));
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
    h->raw = _mm512_sub_epi16(h->m, _mm512_sllv_epi16(below, h->shift));
    h->raw = _mm512_xor_si512(h->raw, h->negative);
    return _mm512_add_epi16(h->shift, e);
}

BITX_AVX512_INLINE __m512i encode_symbols(const encode_half *h)
{
    return _mm512_sub_epi16(_mm512_add_epi16(h->magnitude, h->magnitude), h->negative);
}

/* The low bytes of 64 words. */
BITX_AVX512_INLINE __m512i encode_bytes(__m512i a, __m512i b)
{
    const __m512i even = _mm512_set_epi64(
        0x7e7c7a7876747270, 0x6e6c6a6866646260, 0x5e5c5a5856545250, 0x4e4c4a4846444240,
        0x3e3c3a3836343230, 0x2e2c2a2826242220, 0x1e1c1a1816141210, 0x0e0c0a0806040200);
    return _mm512_permutex2var_epi8(a, even, b);
}

/*
 * Fields that are not empty, as bytes and masks of at most 7 bits, on their way to a string. Most
 * classes of a tensor that changed little have none: eight elements a qword, empty or not, took a
 * third of all.
 */
enum { FIELDS = 512 };

typedef struct encode_fields {
    uint8_t value[FIELDS + 64], mask[FIELDS + 64];
    size_t n;
} encode_fields;

/* All full qwords of them; fewer than eight stay. */
BITX_AVX512_INLINE void fields_flush(encode_fields *f, field_string *to)
{
    field_string s = *to;
    size_t k = 0;
    for (; f->n - k >= 8; k += 8) {
        uint64_t v, m;
        memcpy(&v, f->value + k, 8);
        memcpy(&m, f->mask + k, 8);
        fields_put(&s, _pext_u64(v, m), (uint64_t)_mm_popcnt_u64(m));
    }
    memmove(f->value, f->value + k, 8);
    memmove(f->mask, f->mask + k, 8);
    f->n -= k;
    *to = s;
}

BITX_AVX512_INLINE void fields_add(encode_fields *f, field_string *to, __m512i values,
                                   __m512i masks)
{
    __mmask64 some = _mm512_test_epi8_mask(masks, masks);
    store512(f->value + f->n, _mm512_maskz_compress_epi8(some, values));
    store512(f->mask + f->n, _mm512_maskz_compress_epi8(some, masks));
    f->n += (size_t)_mm_popcnt_u64(_cvtmask64_u64(some));
    if (f->n > FIELDS - 8)
        fields_flush(f, to);
}

BITX_AVX512_INLINE void fields_finish(encode_fields *f, field_string *to)
{
    fields_flush(f, to);
    memset(f->mask + f->n, 0, 8);
    f->n = 8;
    fields_flush(f, to);
}

/* The lowest n % 8 bits of each byte, n up to 15, set. */
BITX_AVX512_INLINE __m512i encode_masks(__m512i nbits)
{
    const __m512i table = _mm512_set4_epi32(0x7f3f1f0f, 0x07030100, 0x7f3f1f0f, 0x07030100);
    return _mm512_shuffle_epi8(table, nbits);
}

/* Where raw bits go. */
typedef struct encode_sink {
    uint8_t *bytes; /* string 1 */
    field_string string;
    encode_fields fields;
} encode_sink;

/* 64 symbols and classes. */
typedef struct encode_bytes64 {
    __m512i symbols, classes;
} encode_bytes64;

/* n elements, 64 if `whole`. */
BITX_AVX512_INLINE encode_bytes64 encode_some(encode_sink *to, const encode_tables *t,
                                              const uint8_t *x, const uint8_t *base, size_t n,
                                              int whole, int plain)
{
    const __m512i seven = _mm512_set1_epi8(7), direct = _mm512_set1_epi16(ENCODE_DIRECT);
    size_t n0 = n < 32 ? n : 32;
    __m512i w0 = load512_first(x, 2 * n0), f0 = load512_first(base, 2 * n0);
    __m512i w1 = load512_first(x + 2 * n0, 2 * (n - n0));
    __m512i f1 = load512_first(base + 2 * n0, 2 * (n - n0));
    if (whole) {
        w0 = load512(x);
        w1 = load512(x + 64);
        f0 = load512(base);
        f1 = load512(base + 64);
    }
    encode_half a = encode_words(t, w0, f0, plain), b = encode_words(t, w1, f1, plain);
    __m512i c = encode_bytes(a.classes, b.classes);
    __m512i field_mask = _mm512_shuffle_epi8(t->field_mask, c);
    __mmask64 wide = _mm512_movepi8_mask(_mm512_shuffle_epi8(t->wide, c));
    uint64_t any_wide = t->any_wide;
    __m512i greater = _mm512_max_epu16(a.magnitude, b.magnitude);
    if (_mm512_cmpgt_epu16_mask(greater, direct)) {
        __m512i nbits = encode_bytes(encode_large(&a), encode_large(&b));
        field_mask = encode_masks(nbits);
        wide = _mm512_cmpgt_epu8_mask(nbits, seven);
        any_wide = 1;
    }
    __m512i v = encode_bytes(encode_symbols(&a), encode_symbols(&b));
    __mmask64 coded = low_mask64(n);
    if (t->any_same) {
        __mmask64 same = encode_same(t, c, &a, &b);
        v = _mm512_mask_mov_epi8(v, same, _mm512_set1_epi8(-1));
        coded = _kandn_mask64(same, coded);
    }
    if (t->any_same || !whole) {
        field_mask = _mm512_maskz_mov_epi8(coded, field_mask);
        wide = _kand_mask64(wide, coded);
    }
    __m512i fields = encode_bytes(a.raw, b.raw);
    size_t nwide = any_wide ? (size_t)_mm_popcnt_u64(_cvtmask64_u64(wide)) : 0;
    if (nwide) {
        __m512i bytes = _mm512_maskz_compress_epi8(wide, fields);
        __m512i above = encode_bytes(_mm512_srli_epi16(a.raw, 8), _mm512_srli_epi16(b.raw, 8));
        fields = _mm512_mask_mov_epi8(fields, wide, above);
        if (whole) /* there is room: string 1 is not ahead of the elements */
            store512(to->bytes, bytes);
        else
            store512_first(to->bytes, bytes, nwide);
        to->bytes += nwide;
    }
    fields_add(&to->fields, &to->string, fields, field_mask);
    return (encode_bytes64){v, c};
}

BITX_AVX512_INLINE encode_sink sink_open(const bitx_raw_sink *raw)
{
    encode_sink to;
    to.bytes = raw->bytes[1] + raw->bit[1] / 8;
    to.string = fields_at(raw->bytes[0], raw->bit[0]);
    to.fields.n = 0;
    return to;
}

BITX_AVX512_INLINE void sink_close(encode_sink *to, bitx_raw_sink *raw)
{
    fields_finish(&to->fields, &to->string);
    raw->bit[0] = fields_end(&to->string, raw->bytes[0]);
    raw->bit[1] = 8 * (size_t)(to->bytes - raw->bytes[1]);
}

BITX_AVX512_INLINE void encode_loop(uint8_t *symbols, uint8_t *classes, bitx_raw_sink *raw,
                                    const uint8_t *x, const uint8_t *base, size_t nelem,
                                    const bitx_delta_params *params, int plain)
{
    const encode_tables t = encode_load(params);
    encode_sink to = sink_open(raw);
    size_t i = 0;
    for (; nelem - i >= 64; i += 64) {
        encode_bytes64 v = encode_some(&to, &t, x + 2 * i, base + 2 * i, 64, 1, plain);
        store512(symbols + i, v.symbols);
        store512(classes + i, v.classes);
    }
    if (i < nelem) {
        size_t n = nelem - i;
        encode_bytes64 v = encode_some(&to, &t, x + 2 * i, base + 2 * i, n, 0, plain);
        store512_first(symbols + i, v.symbols, n);
        store512_first(classes + i, v.classes, n);
    }
    sink_close(&to, raw);
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

/* ---- to lists ---- */

enum { LISTS_PART = 2048, LISTS_AT_ONCE = 4 };

/* `count` lists, a constant, so that their ends are in registers: each group's members compressed,
   and whole vectors stored. */
BITX_AVX512_INLINE void lists_add(uint8_t **lists, unsigned first, unsigned count,
                                  const uint8_t *symbols, const uint8_t *groups, size_t nvectors)
{
    uint8_t *at[LISTS_AT_ONCE] = {0};
    for (unsigned k = 0; k < count; k++)
        at[k] = lists[first + k];
    for (size_t i = 0; i < nvectors; i++) {
        __m512i v = load512(symbols + 64 * i), g = load512(groups + 64 * i);
#    pragma GCC unroll 4
        for (unsigned k = 0; k < count; k++) {
            __mmask64 in = _mm512_cmpeq_epi8_mask(g, _mm512_set1_epi8((char)(first + k)));
            store512(at[k], _mm512_maskz_compress_epi8(in, v));
            at[k] += _mm_popcnt_u64(_cvtmask64_u64(in));
        }
    }
    for (unsigned k = 0; k < count; k++)
        lists[first + k] = at[k];
}

BITX_AVX512_INLINE void lists_part(uint8_t **lists, unsigned ngroups, const uint8_t *symbols,
                                   const uint8_t *groups, size_t nvectors)
{
    unsigned g = 0;
    for (; ngroups - g >= LISTS_AT_ONCE; g += LISTS_AT_ONCE)
        lists_add(lists, g, LISTS_AT_ONCE, symbols, groups, nvectors);
    if (ngroups - g == 3)
        lists_add(lists, g, 3, symbols, groups, nvectors);
    else if (ngroups - g == 2)
        lists_add(lists, g, 2, symbols, groups, nvectors);
    else if (ngroups - g == 1)
        lists_add(lists, g, 1, symbols, groups, nvectors);
}

/* A part at a time: symbols and groups of all its elements, no group behind the last. */
BITX_AVX512_INLINE void lists_loop(uint8_t *lists[16], bitx_raw_sink *raw, const uint8_t *x,
                                   const uint8_t *base, size_t nelem,
                                   const bitx_delta_params *params, const uint8_t group[16],
                                   int plain)
{
    const encode_tables t = encode_load(params);
    const __m512i of_class = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)group));
    uint8_t symbols[LISTS_PART], groups[LISTS_PART];
    encode_sink to = sink_open(raw);
    unsigned ngroups = 0;
    for (unsigned c = 0; c < params->nclasses; c++)
        ngroups = group[c] >= ngroups ? group[c] + 1u : ngroups;
    for (size_t i = 0; i < nelem; i += LISTS_PART) {
        size_t n = nelem - i < LISTS_PART ? nelem - i : LISTS_PART, k = 0;
        for (; n - k >= 64; k += 64) {
            size_t at = 2 * (i + k);
            encode_bytes64 v = encode_some(&to, &t, x + at, base + at, 64, 1, plain);
            store512(symbols + k, v.symbols);
            store512(groups + k, _mm512_shuffle_epi8(of_class, v.classes));
        }
        if (k < n) {
            size_t at = 2 * (i + k);
            encode_bytes64 v = encode_some(&to, &t, x + at, base + at, n - k, 0, plain);
            __m512i g = _mm512_shuffle_epi8(of_class, v.classes);
            store512(symbols + k, v.symbols);
            store512(groups + k, _mm512_mask_mov_epi8(_mm512_set1_epi8(-1), low_mask64(n - k), g));
        }
        lists_part(lists, ngroups, symbols, groups, (n + 63) / 64);
    }
    sink_close(&to, raw);
}

BITX_AVX512 void bitx_delta_lists_u16_avx512(uint8_t *lists[16], bitx_raw_sink *raw,
                                             const uint8_t *x, const uint8_t *base, size_t nelem,
                                             const bitx_delta_params *params,
                                             const uint8_t group[16])
{
    if (params->width == 16)
        lists_loop(lists, raw, x, base, nelem, params, group, 1);
    else
        lists_loop(lists, raw, x, base, nelem, params, group, 0);
}

#endif
