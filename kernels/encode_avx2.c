/* Elements given those of a base to symbols, classes and raw bits in one pass, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "encode.h"
#    include "partition_avx2.h"

/* Tables by class, for pshufb, and bitx_delta_params in registers. */
typedef struct encode_tables {
    __m128i zero_bits, unused, class_shift;
    __m256i magnitude, top, class_low, class_last;
    __m256i half_low, half_high; /* 2^shift / 2 at the top of a word, by bytes */
    __m256i down_low, down_high; /* 2^(15 - shift) */
    __m256i less_low, less_high; /* 14 << shift */
    __m256i shift, same;
    __m256i field_mask, wide; /* of the raw bits in string 0; whether there are 8 below */
    int any_wide, any_same;
} encode_tables;

BITX_AVX2_INLINE __m256i encode_table(const uint8_t bytes[16])
{
    return _mm256_broadcastsi128_si256(load128(bytes));
}

BITX_AVX2_INLINE encode_tables encode_load(const bitx_delta_params *p)
{
    unsigned top = p->sign ? 1u << (p->width - 1) : 0, any_wide = 0;
    uint8_t shift[16] = {0}, same[16] = {0}, field[16] = {0}, wide[16] = {0};
    uint8_t half[2][16] = {{0}}, down[2][16] = {{0}}, less[2][16] = {{0}};
    for (unsigned c = 0; c < p->nclasses; c++) {
        unsigned s = p->shift[c], h = (1u << s >> 1) << (16 - p->width), d = 1u << (15 - s);
        shift[c] = (uint8_t)s;
        half[0][c] = (uint8_t)h;
        half[1][c] = (uint8_t)(h >> 8);
        down[0][c] = (uint8_t)d;
        down[1][c] = (uint8_t)(d >> 8);
        less[0][c] = (uint8_t)((ENCODE_DIRECT - 1u) << s);
        less[1][c] = (uint8_t)((ENCODE_DIRECT - 1u) << s >> 8);
        same[c] = p->same_classes >> c & 1 ? 0xff : 0;
        field[c] = (uint8_t)((1u << s % 8) - 1);
        wide[c] = s < 8 ? 0 : 0xff;
        any_wide |= wide[c];
    }
    return (encode_tables){
        _mm_cvtsi32_si128((int)p->zero_bits),
        _mm_cvtsi32_si128((int)(16 - p->width)),
        _mm_cvtsi32_si128((int)p->class_shift),
        _mm256_set1_epi16((short)(((1u << p->width) - 1) & ~top)),
        _mm256_set1_epi16((short)top),
        _mm256_set1_epi16((short)(p->class_low < 65535 ? p->class_low : 65535)),
        _mm256_set1_epi16((short)(p->nclasses - 1)),
        encode_table(half[0]),
        encode_table(half[1]),
        encode_table(down[0]),
        encode_table(down[1]),
        encode_table(less[0]),
        encode_table(less[1]),
        encode_table(shift),
        encode_table(same),
        encode_table(field),
        encode_table(wide),
        (int)any_wide,
        p->same_classes,
    };
}

/* 16 elements as words. */
typedef struct encode_half {
    __m256i classes, difference; /* the latter at the top of its word */
    __m256i m, magnitude, negative, raw;
} encode_half;

/* Words by class from tables of their bytes: an index of 128 gives zero. */
BITX_AVX2_INLINE __m256i encode_lookup(__m256i low, __m256i high, __m256i classes)
{
    __m256i low_index = _mm256_or_si256(classes, _mm256_set1_epi16((short)0x8000));
    __m256i high_index = _mm256_or_si256(_mm256_slli_epi16(classes, 8), _mm256_set1_epi16(0x0080));
    return _mm256_or_si256(_mm256_shuffle_epi8(low, low_index),
                           _mm256_shuffle_epi8(high, high_index));
}

BITX_AVX2_INLINE encode_half encode_words(const encode_tables *t, __m256i word, __m256i from,
                                          int plain)
{
    encode_half h;
    if (!plain) {
        word = _mm256_srl_epi16(word, t->zero_bits);
        from = _mm256_srl_epi16(from, t->zero_bits);
    }
    __m256i origin = _mm256_and_si256(from, t->magnitude);
    word = _mm256_xor_si256(word, _mm256_and_si256(from, t->top));
    __m256i below = _mm256_and_si256(word, t->top);
    if (!plain)
        below = _mm256_sll_epi16(below, t->unused);
    below = _mm256_srai_epi16(below, 15);
    word = _mm256_xor_si256(word, _mm256_and_si256(below, t->magnitude));
    h.classes = _mm256_srl_epi16(origin, t->class_shift);
    h.classes = _mm256_min_epu16(_mm256_subs_epu16(h.classes, t->class_low), t->class_last);
    h.difference = _mm256_sub_epi16(word, origin);
    if (!plain)
        h.difference = _mm256_sll_epi16(h.difference, t->unused);
    __m256i u = _mm256_add_epi16(h.difference, encode_lookup(t->half_low, t->half_high, h.classes));
    if (!plain)
        u = _mm256_sra_epi16(u, t->unused);
    h.negative = _mm256_srai_epi16(u, 15);
    h.m = _mm256_xor_si256(u, h.negative);
    h.raw = u;
    /* Words have no variable shift: 2 m 2^(15 - shift) / 2^16. */
    __m256i down = encode_lookup(t->down_low, t->down_high, h.classes);
    h.magnitude = _mm256_mulhi_epu16(_mm256_add_epi16(h.m, h.m), down);
    return h;
}

/* The low bytes of words of which the first has 0-7 and 16-23, the second 8-15 and 24-31. */
BITX_AVX2_INLINE __m256i encode_bytes(__m256i a, __m256i b)
{
    const __m256i low = _mm256_set1_epi16(0xff);
    return _mm256_packus_epi16(_mm256_and_si256(a, low), _mm256_and_si256(b, low));
}

BITX_AVX2_INLINE __m256i encode_load_words(const uint8_t *p)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load128(p)), load128(p + 32), 1);
}

/*
 * Of 32 bytes, the bits that their masks have: at most 7 each, so eight bytes and what is pending
 * fit a qword. All 32 often do, as most classes of a tensor that changed little have no raw bits.
 */
BITX_AVX2_INLINE void encode_put(field_string *to, __m256i values, __m256i masks)
{
    uint64_t v[4], m[4], n[4];
    store256((uint8_t *)v, values);
    store256((uint8_t *)m, masks);
    stores_in_order(); /* and loads: gcc would take qwords out of registers, on port 5 */
    for (unsigned k = 0; k < 4; k++) {
        n[k] = (uint64_t)_mm_popcnt_u64(m[k]);
        v[k] = _pext_u64(v[k], m[k]);
    }
    uint64_t n01 = n[0] + n[1], n23 = n[2] + n[3];
    if (n01 + n23 <= 56) {
        uint64_t high = v[2] | v[3] << n[2];
        fields_put(to, v[0] | v[1] << n[0] | high << n01, n01 + n23);
        return;
    }
    for (unsigned k = 0; k < 4; k++)
        fields_put(to, v[k], n[k]);
}

/* The bytes that a mask has; stores eight where fewer are wanted. */
BITX_AVX2_INLINE uint8_t *encode_pack(uint8_t *to, __m256i values, uint32_t mask)
{
    __m128i half = _mm256_castsi256_si128(values);
    for (unsigned k = 0; k < 4; k++, mask >>= 8) {
        __m128i row =
            _mm_loadl_epi64((const __m128i *)(const void *)&bitx_shuffle_pack8[mask & 255]);
        _mm_storel_epi64((__m128i *)(void *)to, _mm_shuffle_epi8(half, row));
        to += _mm_popcnt_u32(mask & 255);
        half = k == 1 ? _mm256_extracti128_si256(values, 1) : _mm_unpackhi_epi64(half, half);
    }
    return to;
}

/* floor(log2) of words that are not 0, by their four digits. */
BITX_AVX2_INLINE __m256i encode_log2(__m256i v)
{
    const __m256i digit = _mm256_set1_epi16(15);
    const __m256i t0 =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
    const __m256i t1 =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 7));
    const __m256i t2 = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 8, 9, 9, 10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 11, 11));
    const __m256i t3 = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 12, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15, 15, 15, 15, 15));
    __m256i e0 = _mm256_shuffle_epi8(t0, _mm256_and_si256(v, digit));
    __m256i e1 = _mm256_shuffle_epi8(t1, _mm256_and_si256(_mm256_srli_epi16(v, 4), digit));
    __m256i e2 = _mm256_shuffle_epi8(t2, _mm256_and_si256(_mm256_srli_epi16(v, 8), digit));
    __m256i e3 = _mm256_shuffle_epi8(t3, _mm256_srli_epi16(v, 12));
    return _mm256_max_epu8(_mm256_max_epu8(e0, e1), _mm256_max_epu8(e2, e3));
}

/* Magnitudes above 15 become 15 + e, their raw bits are those of m - (14 << shift); returns the
   number of raw bits. */
BITX_AVX2_INLINE __m256i encode_large(const encode_tables *t, encode_half *h)
{
    const __m256i below = _mm256_set1_epi16(ENCODE_DIRECT - 1);
    const __m256i direct = _mm256_set1_epi16(ENCODE_DIRECT);
    __m256i e = encode_log2(_mm256_sub_epi16(_mm256_max_epi16(h->magnitude, direct), below));
    h->magnitude = _mm256_min_epi16(h->magnitude, _mm256_add_epi16(direct, e));
    h->raw = _mm256_sub_epi16(h->m, encode_lookup(t->less_low, t->less_high, h->classes));
    h->raw = _mm256_xor_si256(h->raw, h->negative);
    __m256i index = _mm256_or_si256(h->classes, _mm256_set1_epi16((short)0x8000));
    return _mm256_add_epi16(_mm256_shuffle_epi8(t->shift, index), e);
}

/* The lowest n % 8 bits of each byte, n up to 15, set. */
BITX_AVX2_INLINE __m256i encode_masks(__m256i nbits)
{
    const __m256i table = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 3, 7, 15, 31, 63, 127, 0, 1, 3, 7, 15, 31, 63, 127));
    return _mm256_shuffle_epi8(table, nbits);
}

/* Where raw bits go. */
typedef struct encode_sink {
    field_string low;
    uint8_t *bytes; /* string 1 */
} encode_sink;

BITX_AVX2_INLINE encode_sink sink_open(const bitx_raw_sink *raw)
{
    return (encode_sink){fields_at(raw->bytes[0], raw->bit[0]), raw->bytes[1] + raw->bit[1] / 8};
}

BITX_AVX2_INLINE void sink_close(const encode_sink *to, bitx_raw_sink *raw)
{
    raw->bit[0] = fields_end(&to->low, raw->bytes[0]);
    raw->bit[1] = 8 * (size_t)(to->bytes - raw->bytes[1]);
}

/* 32 symbols and classes. */
typedef struct encode_bytes32 {
    __m256i symbols, classes;
} encode_bytes32;

BITX_AVX2_INLINE encode_bytes32 encode_some(encode_sink *to, const encode_tables *t,
                                            const uint8_t *w, const uint8_t *f, int plain)
{
    const __m256i direct = _mm256_set1_epi16(ENCODE_DIRECT);
    encode_half a = encode_words(t, encode_load_words(w), encode_load_words(f), plain);
    encode_half b = encode_words(t, encode_load_words(w + 16), encode_load_words(f + 16), plain);
    __m256i c = _mm256_packus_epi16(a.classes, b.classes);
    __m256i field_mask = _mm256_shuffle_epi8(t->field_mask, c);
    __m256i wide = _mm256_shuffle_epi8(t->wide, c);
    int any_wide = t->any_wide;
    __m256i large = _mm256_max_epi16(a.magnitude, b.magnitude);
    large = _mm256_cmpgt_epi16(large, direct);
    if (!_mm256_testz_si256(large, large)) {
        __m256i n0 = encode_large(t, &a), n1 = encode_large(t, &b);
        __m256i nbits = _mm256_packus_epi16(n0, n1), seven = _mm256_set1_epi8(7);
        field_mask = encode_masks(nbits);
        wide = _mm256_cmpgt_epi8(nbits, seven);
        any_wide = 1;
    }
    __m256i v = _mm256_packus_epi16(a.magnitude, b.magnitude);
    v = _mm256_sub_epi8(_mm256_add_epi8(v, v), _mm256_packs_epi16(a.negative, b.negative));
    if (t->any_same) {
        __m256i zero = _mm256_setzero_si256();
        __m256i same = _mm256_packs_epi16(_mm256_cmpeq_epi16(a.difference, zero),
                                          _mm256_cmpeq_epi16(b.difference, zero));
        same = _mm256_and_si256(same, _mm256_shuffle_epi8(t->same, c));
        v = _mm256_or_si256(v, same);
        field_mask = _mm256_andnot_si256(same, field_mask);
        wide = _mm256_andnot_si256(same, wide);
    }
    __m256i fields = encode_bytes(a.raw, b.raw);
    uint32_t wide_bits = any_wide ? (uint32_t)_mm256_movemask_epi8(wide) : 0;
    if (wide_bits) {
        __m256i above =
            _mm256_packus_epi16(_mm256_srli_epi16(a.raw, 8), _mm256_srli_epi16(b.raw, 8));
        to->bytes = encode_pack(to->bytes, fields, wide_bits);
        fields = _mm256_blendv_epi8(fields, above, wide);
    }
    encode_put(&to->low, fields, field_mask);
    return (encode_bytes32){v, c};
}

BITX_AVX2_INLINE void encode_loop(uint8_t *symbols, uint8_t *classes, bitx_raw_sink *raw,
                                  const uint8_t *x, const uint8_t *base, size_t nelem,
                                  const bitx_delta_params *params, int plain)
{
    const encode_tables t = encode_load(params);
    encode_sink to = sink_open(raw);
    size_t i = 0;
    for (; nelem - i >= 32; i += 32) {
        encode_bytes32 v = encode_some(&to, &t, x + 2 * i, base + 2 * i, plain);
        store256(symbols + i, v.symbols);
        store256(classes + i, v.classes);
    }
    sink_close(&to, raw);
    bitx_delta_encode_u16_scalar(symbols + i, classes + i, raw, x + 2 * i, base + 2 * i, nelem - i,
                                 params);
}

BITX_AVX2 void bitx_delta_encode_u16_avx2(uint8_t *symbols, uint8_t *classes, bitx_raw_sink *raw,
                                          const uint8_t *x, const uint8_t *base, size_t nelem,
                                          const bitx_delta_params *params)
{
    if (params->width == 16)
        encode_loop(symbols, classes, raw, x, base, nelem, params, 1);
    else
        encode_loop(symbols, classes, raw, x, base, nelem, params, 0);
}

/*
 * ---- to lists ----
 *
 * Symbols are below 60, or SYMBOL_SAME, so that six bits have them, and two above say which of four
 * groups: a list of such bytes is parted by comparing them, in L1, and the bytes are symbols again
 * when they go to their list. With more groups than four, the first partition is by a mask of its
 * own. (Symbols and groups in two lists took twice the partitions, and a third of an encoding.)
 */
enum { LISTS_PART = 3072, LISTS_ROOM = LISTS_PART + 64, HALF_GROUPS = 4, SAME_6BIT = 63 };

typedef struct lists_tree {
    uint8_t **lists;
    unsigned ngroups, upper; /* the first group of the second half, or ngroups */
    uint32_t below[2 * HALF_GROUPS + 1];
    __m256i code, half; /* by class: the bits above, all of them if in the upper half */
} lists_tree;

/* The group at which [first, end) falls into the most even halves, each of them small enough. */
static unsigned lists_middle(const lists_tree *t, unsigned first, unsigned end)
{
    unsigned best = first + 1;
    uint32_t least = UINT32_MAX;
    for (unsigned g = first + 1; g < end; g++) {
        uint32_t low = t->below[g] - t->below[first], high = t->below[end] - t->below[g];
        uint32_t most = low > high ? low : high;
        if (g - first > HALF_GROUPS || end - g > HALF_GROUPS || most >= least)
            continue;
        best = g;
        least = most;
    }
    return best;
}

/* The shape of the tree comes from the first elements. */
BITX_AVX2_INLINE void lists_plan(lists_tree *t, const uint8_t *base, size_t nelem,
                                 const bitx_delta_params *params, const uint8_t group[16])
{
    enum { FIRST = 512 };
    uint8_t classes[FIRST], code[16] = {0}, half[16] = {0};
    uint32_t counts[16];
    nelem = nelem < FIRST ? nelem : FIRST;
    bitx_delta_classes_u16_avx2(classes, base, nelem, params);
    bitx_groups_count_u8_avx2(counts, classes, group, nelem);
    t->below[0] = 0;
    for (unsigned g = 0; g < t->ngroups; g++)
        t->below[g + 1] = t->below[g] + counts[g];
    t->upper = t->ngroups > HALF_GROUPS ? lists_middle(t, 0, t->ngroups) : t->ngroups;
    for (unsigned c = 0; c < params->nclasses; c++) {
        unsigned g = group[c];
        half[c] = g < t->upper ? 0 : 0xff;
        code[c] = (uint8_t)((g < t->upper ? g : g - t->upper) << 6);
    }
    t->code = encode_table(code);
    t->half = encode_table(half);
}

/* 32 elements at a time of x, of which n are left, to the ends of two lists. */
BITX_AVX2_INLINE void lists_part(uint8_t **low, uint8_t **high, const uint8_t *x, uint32_t bits,
                                 size_t n)
{
    uint8_t *l = *low, *h = *high;
    bits = n < 32 ? _bzhi_u32(bits, (uint32_t)n) : bits;
    for (size_t k = 0; k < 32; k += 16, bits >>= 16) {
        partition_rows r = partition_masks(bits);
        partition16(l, h, x + k, &r);
        l += 16 - r.ones;
        h += r.ones;
    }
    *low = l;
    *high = h;
}

/* To the end of a list, as symbols. */
BITX_AVX2_INLINE void lists_end(uint8_t **list, const uint8_t *x, size_t n)
{
    const __m256i six = _mm256_set1_epi8(SAME_6BIT);
    for (size_t i = 0; i < n; i += 32) {
        __m256i v = _mm256_and_si256(load256(x + i), six);
        store256(*list + i, _mm256_or_si256(v, _mm256_cmpeq_epi8(v, six)));
    }
    *list += n;
}

/* x: n elements of groups [first, end) in place; y: room for as many. */
BITX_AVX2 static void lists_node(const lists_tree *t, unsigned first, unsigned end, uint8_t *x,
                                 uint8_t *y, size_t n)
{
    if (n == 0)
        return;
    if (end - first == 1) {
        lists_end(&t->lists[first], x, n);
        return;
    }
    unsigned middle = lists_middle(t, first, end), from = first < t->upper ? 0 : t->upper;
    const __m256i pivot = _mm256_set1_epi8((char)((middle - from) << 6));
    uint8_t *low = x, *high = y;
    for (size_t i = 0; i < n; i += 32)
        lists_part(&low, &high, x + i, at_least_u8(x + i, pivot), n - i);
    size_t nhigh = (size_t)(high - y), nlow = n - nhigh;
    lists_node(t, first, middle, x, y + nhigh, nlow);
    lists_node(t, middle, end, y, x + nlow, nhigh);
}

BITX_AVX2_INLINE void lists_loop(uint8_t *lists[16], bitx_raw_sink *raw, const uint8_t *x,
                                 const uint8_t *base, size_t nelem, lists_tree *tree,
                                 const bitx_delta_params *params, int plain)
{
    const encode_tables t = encode_load(params);
    const __m256i six = _mm256_set1_epi8(SAME_6BIT);
    uint8_t all[LISTS_ROOM], other[LISTS_ROOM];
    uint32_t halves[LISTS_PART / 32];
    encode_sink to = sink_open(raw);
    tree->lists = lists;
    for (size_t i = 0, n; i < nelem; i += n) {
        n = nelem - i < LISTS_PART ? nelem - i : LISTS_PART;
        for (size_t k = 0; k < n; k += 32) {
            encode_bytes32 v = encode_some(&to, &t, x + 2 * (i + k), base + 2 * (i + k), plain);
            __m256i code = _mm256_shuffle_epi8(tree->code, v.classes);
            store256(all + k, _mm256_or_si256(_mm256_and_si256(v.symbols, six), code));
            __m256i half = _mm256_shuffle_epi8(tree->half, v.classes);
            halves[k / 32] = (uint32_t)_mm256_movemask_epi8(half);
        }
        uint8_t *low = all, *high = other;
        for (size_t k = 0; k < n && tree->upper < tree->ngroups; k += 32)
            lists_part(&low, &high, all + k, halves[k / 32], 32);
        size_t nhigh = (size_t)(high - other), nlow = n - nhigh;
        lists_node(tree, 0, tree->upper, all, other + nhigh, nlow);
        lists_node(tree, tree->upper, tree->ngroups, other, all + nlow, nhigh);
    }
    sink_close(&to, raw);
}

/* More groups than two halves have. */
BITX_AVX2_INLINE void lists_many(uint8_t *lists[16], bitx_raw_sink *raw, const uint8_t *x,
                                 const uint8_t *base, size_t nelem, const bitx_delta_params *params,
                                 const uint8_t group[16])
{
    uint8_t symbols[LISTS_PART], classes[LISTS_PART];
    for (size_t i = 0, n; i < nelem; i += n) {
        n = nelem - i < LISTS_PART ? nelem - i : LISTS_PART;
        bitx_delta_encode_u16_avx2(symbols, classes, raw, x + 2 * i, base + 2 * i, n, params);
        bitx_groups_split_u8_avx2(lists, symbols, classes, group, n);
    }
}

BITX_AVX2 void bitx_delta_lists_u16_avx2(uint8_t *lists[16], bitx_raw_sink *raw, const uint8_t *x,
                                         const uint8_t *base, size_t nelem,
                                         const bitx_delta_params *params, const uint8_t group[16])
{
    lists_tree tree = {.ngroups = 0};
    size_t whole = nelem / 32 * 32;
    for (unsigned c = 0; c < params->nclasses; c++)
        tree.ngroups = group[c] >= tree.ngroups ? group[c] + 1u : tree.ngroups;
    if (tree.ngroups > 2 * HALF_GROUPS) {
        lists_many(lists, raw, x, base, whole, params, group);
    } else {
        lists_plan(&tree, base, whole, params, group);
        if (params->width == 16)
            lists_loop(lists, raw, x, base, whole, &tree, params, 1);
        else
            lists_loop(lists, raw, x, base, whole, &tree, params, 0);
    }
    bitx_delta_lists_u16_scalar(lists, raw, x + 2 * whole, base + 2 * whole, nelem - whole, params,
                                group);
}

#endif
