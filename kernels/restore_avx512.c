/* Elements from those of a base, lists of symbols and raw bits, AVX-512: 64 at a time. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "restore.h"
#    include "target_avx512.h"

/* What stays the same, in registers. */
typedef struct restore_tables {
    __m128i zero_bits, class_shift;
    __m512i magnitude, word, top; /* words */
    __m512i class_last;           /* bytes, as all below */
    __m512i groups, shifts, low, high, extra, masks, iota, ends;
    unsigned ngroups;
} restore_tables;

/* What moves on. */
typedef struct restore_state {
    const uint8_t *next[16];
    restore_raw raw;
    __m512i widest;
} restore_state;

BITX_AVX512_INLINE __m512i broadcast16(const uint8_t *p)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)p));
}

static inline unsigned restore_groups(const bitx_delta_lists *lists, unsigned nclasses)
{
    unsigned most = 0;
    for (unsigned c = 0; c < nclasses; c++)
        most = lists->group[c] > most ? lists->group[c] : most;
    return most + 1;
}

BITX_AVX512_INLINE restore_tables load_tables(const bitx_delta_params *p,
                                              const bitx_delta_lists *lists)
{
    unsigned word = (1u << p->width) - 1, top = p->sign ? 1u << (p->width - 1) : 0;
    return (restore_tables){
        _mm_cvtsi32_si128((int)p->zero_bits),
        _mm_cvtsi32_si128((int)p->class_shift),
        _mm512_set1_epi16((short)(word ^ top)),
        _mm512_set1_epi16((short)word),
        _mm512_set1_epi16((short)top),
        _mm512_set1_epi8((char)(p->nclasses - 1)),
        broadcast16(lists->group),
        broadcast16(p->shift),
        load512(bitx_restore_low),
        load512(bitx_restore_high),
        load512(bitx_restore_extra),
        _mm512_set1_epi64(0x7f3f1f0f07030100),
        _mm512_set1_epi64(0x0706050403020100),
        _mm512_set1_epi64(0x3f372f271f170f07),
        restore_groups(lists, p->nclasses),
    };
}

/*
 * 64 fields of `widths` bits, at most 7 each. Eight are in the qword that begins in the byte of
 * their first bit, and all in 64 bytes.
 */
BITX_AVX512_INLINE __m512i restore_fields(const restore_tables *t, restore_state *s, __m512i widths)
{
    __m512i sums = _mm512_add_epi8(widths, _mm512_slli_epi64(widths, 8));
    sums = _mm512_add_epi8(sums, _mm512_slli_epi64(sums, 16));
    sums = _mm512_add_epi8(sums, _mm512_slli_epi64(sums, 32));
    /* The sums of whole qwords to all of them, which add up those before them; qword 0 adds up
       all. */
    const __mmask64 before = _cvtu64_mask64(0x7f3f1f0f070301ff);
    __m512i start = _mm512_maskz_permutexvar_epi8(before, t->ends, sums);
    start = _mm512_sad_epu8(start, _mm512_setzero_si512());
    size_t total = (size_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(start));
    __m512i bit = _mm512_set1_epi64((long long)(s->raw.bit % 8));
    start = _mm512_mask_add_epi64(bit, 0xfe, start, bit);
    /* The byte where a qword's begin, eight times. */
    __m512i at = _mm512_multishift_epi64_epi8(_mm512_set1_epi8(3), start);
    at = _mm512_add_epi8(at, t->iota);
    size_t byte = s->raw.bit / 8;
    s->raw.bit += total;
    __m512i window;
    if (__builtin_expect(byte + 64 <= s->raw.fields_nbytes, 1))
        window = load512(s->raw.fields + byte);
    else if (byte < s->raw.fields_nbytes)
        window = load512_first(s->raw.fields + byte, s->raw.fields_nbytes - byte);
    else
        window = _mm512_setzero_si512();
    window = _mm512_permutexvar_epi8(at, window);
    window = _mm512_srlv_epi64(window, _mm512_and_si512(start, _mm512_set1_epi64(7)));
    __m512i v = _mm512_multishift_epi64_epi8(_mm512_sub_epi8(sums, widths), window);
    return _mm512_and_si512(v, _mm512_shuffle_epi8(t->masks, widths));
}

/* The next bytes to where the mask is, over `fields`. */
BITX_AVX512_INLINE __m512i restore_bytes(restore_state *s, __m512i fields, __mmask64 wide)
{
    size_t count = (size_t)_mm_popcnt_u64(_cvtmask64_u64(wide)), byte = s->raw.byte;
    __m512i bytes;
    if (__builtin_expect(byte + 64 <= s->raw.bytes_nbytes, 1))
        bytes = load512(s->raw.bytes + byte);
    else if (byte < s->raw.bytes_nbytes)
        bytes = load512_first(s->raw.bytes + byte, s->raw.bytes_nbytes - byte);
    else
        bytes = _mm512_setzero_si512();
    s->raw.byte += count;
    return _mm512_mask_expand_epi8(fields, wide, bytes);
}

/* The next of each list where its group is. */
BITX_AVX512_INLINE __m512i restore_symbols(const restore_tables *t, restore_state *s,
                                           __m512i classes, __mmask64 there)
{
    __m512i groups = _mm512_shuffle_epi8(t->groups, classes), v = _mm512_setzero_si512();
    for (unsigned g = 0; g < t->ngroups; g++) {
        __mmask64 in = _mm512_mask_cmpeq_epi8_mask(there, groups, _mm512_set1_epi8((char)g));
        v = _mm512_mask_expand_epi8(v, in, load512(s->next[g]));
        s->next[g] += _mm_popcnt_u64(_cvtmask64_u64(in));
    }
    return v;
}

/* Differences of 32 elements, from words in lanes; the order is that of the lanes. */
BITX_AVX512_INLINE __m512i restore_differences(__m512i multiple, __m512i shift, __m512i raw)
{
    __m512i half = _mm512_srli_epi16(_mm512_sllv_epi16(_mm512_set1_epi16(1), shift), 1);
    return _mm512_sub_epi16(_mm512_add_epi16(_mm512_sllv_epi16(multiple, shift), raw), half);
}

BITX_AVX512_INLINE __m512i restore_words(const restore_tables *t, __m512i base, __m512i d,
                                         int plain)
{
    enum { A_XOR_B_AND_C = 0x78 };
    __m512i v = _mm512_add_epi16(d, _mm512_and_si512(base, t->magnitude)), below;
    if (plain) {
        below = _mm512_srai_epi16(v, 15);
    } else {
        v = _mm512_and_si512(v, t->word);
        below = _mm512_movm_epi16(_mm512_test_epi16_mask(v, t->top));
    }
    /* The magnitude of negatives is inverted. */
    v = _mm512_ternarylogic_epi64(v, below, t->magnitude, A_XOR_B_AND_C);
    v = _mm512_ternarylogic_epi64(v, base, t->top, A_XOR_B_AND_C);
    return plain ? v : _mm512_sll_epi16(v, t->zero_bits);
}

BITX_AVX512_INLINE __m512i restore_classes(const restore_tables *t, __m512i w0, __m512i w1,
                                           __m512i class_low, int plain)
{
    const __m512i in_order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    w0 = _mm512_srl_epi16(_mm512_and_si512(w0, t->magnitude), t->class_shift);
    w1 = _mm512_srl_epi16(_mm512_and_si512(w1, t->magnitude), t->class_shift);
    w0 = _mm512_subs_epu16(w0, class_low);
    w1 = _mm512_subs_epu16(w1, class_low);
    if (!plain) { /* vpackuswb takes words for signed */
        w0 = _mm512_min_epu16(w0, _mm512_set1_epi16(255));
        w1 = _mm512_min_epu16(w1, _mm512_set1_epi16(255));
    }
    __m512i c = _mm512_permutexvar_epi64(in_order, _mm512_packus_epi16(w0, w1));
    return _mm512_min_epu8(c, t->class_last);
}

/* Differences of 64 elements, none of which is 0 for sure; in order. */
BITX_AVX512_INLINE void restore_join(const restore_tables *t, restore_state *s, __m512i classes,
                                     __m512i symbols, __m512i *d0, __m512i *d1)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    __mmask64 coded = _mm512_testn_epi8_mask(symbols, _mm512_set1_epi8((char)128));
    __m512i shift = _mm512_maskz_shuffle_epi8(coded, t->shifts, classes), widths;
    __m512i low = _mm512_permutexvar_epi8(symbols, t->low);
    __m512i high = _mm512_permutexvar_epi8(symbols, t->high);
    widths = _mm512_add_epi8(shift, _mm512_permutexvar_epi8(symbols, t->extra));
    s->widest = _mm512_max_epu8(s->widest, widths);
    __mmask64 wide = _mm512_cmpgt_epu8_mask(widths, _mm512_set1_epi8(7));
    __m512i fields = restore_fields(t, s, _mm512_and_si512(widths, _mm512_set1_epi8(7)));
    __m512i raw_high = _mm512_maskz_mov_epi8(wide, fields);
    __m512i raw_low = restore_bytes(s, fields, wide);
    __m512i a =
        restore_differences(_mm512_unpacklo_epi8(low, high), _mm512_unpacklo_epi8(shift, zero),
                            _mm512_unpacklo_epi8(raw_low, raw_high));
    __m512i b =
        restore_differences(_mm512_unpackhi_epi8(low, high), _mm512_unpackhi_epi8(shift, zero),
                            _mm512_unpackhi_epi8(raw_low, raw_high));
    *d0 = _mm512_permutex2var_epi64(a, first, b);
    *d1 = _mm512_permutex2var_epi64(a, second, b);
}

/* n of at most 64 elements. */
BITX_AVX512_INLINE void restore64(const restore_tables *t, restore_state *s, uint8_t *dst,
                                  const uint8_t *base, size_t n, __m512i class_low, int plain)
{
    const size_t n0 = n < 32 ? n : 32;
    const __mmask64 there = low_mask64(n);
    __m512i w0, w1, d0, d1;
    if (n == 64) {
        w0 = load512(base);
        w1 = load512(base + 64);
    } else {
        w0 = load512_first(base, 2 * n0);
        w1 = _mm512_setzero_si512();
        if (n > 32)
            w1 = load512_first(base + 64, 2 * (n - 32));
    }
    if (!plain) {
        w0 = _mm512_srl_epi16(w0, t->zero_bits);
        w1 = _mm512_srl_epi16(w1, t->zero_bits);
    }
    __m512i classes = restore_classes(t, w0, w1, class_low, plain);
    __m512i symbols = restore_symbols(t, s, classes, there);
    if (n < 64)
        symbols = _mm512_mask_mov_epi8(_mm512_set1_epi8(-1), there, symbols);
    restore_join(t, s, classes, symbols, &d0, &d1);
    w0 = restore_words(t, w0, d0, plain);
    w1 = restore_words(t, w1, d1, plain);
    if (n == 64) {
        store512(dst, w0);
        store512(dst + 64, w1);
        return;
    }
    store512_first(dst, w0, 2 * n0);
    if (n > 32)
        store512_first(dst + 64, w1, 2 * (n - 32));
}

BITX_AVX512_INLINE void restore_run(const restore_tables *t, restore_state *state, uint8_t *dst,
                                    const uint8_t *base, size_t n, unsigned low, int plain)
{
    const __m512i class_low = _mm512_set1_epi16((short)(low < 65535 ? low : 65535));
    restore_state s = *state;
    size_t i = 0;
    for (; n - i >= 64; i += 64)
        restore64(t, &s, dst + 2 * i, base + 2 * i, 64, class_low, plain);
    if (i < n)
        restore64(t, &s, dst + 2 * i, base + 2 * i, n - i, class_low, plain);
    *state = s;
}

/* Elements that are those of the base, but for their zero bits. */
BITX_AVX512_INLINE void restore_same(const restore_tables *t, uint8_t *dst, const uint8_t *base,
                                     size_t n)
{
    for (size_t i = 0; i < n; i += 32) {
        size_t nbytes = 2 * (n - i < 32 ? n - i : 32);
        __m512i v = _mm512_srl_epi16(load512_first(base + 2 * i, nbytes), t->zero_bits);
        store512_first(dst + 2 * i, _mm512_sll_epi16(v, t->zero_bits), nbytes);
    }
}

BITX_AVX512 int bitx_delta_restore_u16_avx512(uint8_t *dst, const uint8_t *base,
                                              bitx_delta_lists *lists, bitx_raw_source *raw,
                                              size_t nelem, const bitx_delta_params *params)
{
    const restore_tables t = load_tables(params, lists);
    restore_state s = {.raw = restore_begin(raw), .widest = _mm512_setzero_si512()};
    memcpy(s.next, lists->next, sizeof(s.next));
    const int plain = params->width == 16 && params->sign;
    for (size_t i = 0; i < nelem;) {
        bitx_delta_run run = bitx_delta_run_at(lists, params, i, nelem);
        if (run.same)
            restore_same(&t, dst + 2 * i, base + 2 * i, run.nelem);
        else if (plain)
            restore_run(&t, &s, dst + 2 * i, base + 2 * i, run.nelem, run.class_low, 1);
        else
            restore_run(&t, &s, dst + 2 * i, base + 2 * i, run.nelem, run.class_low, 0);
        i += run.nelem;
    }
    memcpy(lists->next, s.next, sizeof(s.next));
    int bad = restore_end(&s.raw, raw, params);
    return bad |
           (_mm512_cmpgt_epu8_mask(s.widest, _mm512_set1_epi8((char)(params->width - 2))) != 0);
}

#endif
