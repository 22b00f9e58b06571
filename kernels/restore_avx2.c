/* Elements from those of a base, lists of symbols and raw bits, AVX2: parts that stay in L1, a
 * stage at a time. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "group_tree_avx2.h"
#    include "restore.h"
#    include "target_avx2.h"

/* bitx_delta_params in registers. */
typedef struct restore_params {
    __m128i zero_bits, class_shift;
    __m256i word, magnitude, top; /* masks: all of a word; without its sign; the sign alone */
    __m256i class_last, shifts;
    __m256i powers_low, powers_high; /* of 2, 0 to 15: bytes of words */
    __m256i large_low;               /* the low ones less 1; of 2^0, 0 */
    int plain;
} restore_params;

/* Where fewer than a FEW-th of the elements are coded, the next part takes them one by one. */
enum { FEW = 20 };

/* A part, between its stages. */
typedef struct restore_part {
    uint8_t classes[PART], symbols[PART + 64];
    uint8_t shifts[PART], wide[PART]; /* wide: 0xff for words with a byte */
    size_t ncoded;
    uint64_t masks[PART / 8], fields[PART / 8], bytes[PART / 8];
} restore_part;

/* The end of a string of raw bits, with zeros behind. */
typedef struct restore_tail {
    size_t from; /* of the string, SIZE_MAX: nothing is here yet */
    uint8_t bytes[2 * PART + 64];
} restore_tail;

BITX_AVX2_INLINE restore_params load_params(const bitx_delta_params *p)
{
    const long long powers = (long long)0x8040201008040201;
    unsigned word = (1u << p->width) - 1, top = p->sign ? 1u << (p->width - 1) : 0;
    return (restore_params){
        _mm_cvtsi32_si128((int)p->zero_bits),
        _mm_cvtsi32_si128((int)p->class_shift),
        _mm256_set1_epi16((short)word),
        _mm256_set1_epi16((short)(word ^ top)),
        _mm256_set1_epi16((short)top),
        _mm256_set1_epi8((char)(p->nclasses - 1)),
        _mm256_broadcastsi128_si256(load128(p->shift)),
        _mm256_setr_epi64x(powers, 0, powers, 0),
        _mm256_setr_epi64x(0, powers, 0, powers),
        _mm256_setr_epi64x(0x7f3f1f0f07030100, -1, 0x7f3f1f0f07030100, -1),
        p->width == 16 && p->sign,
    };
}

BITX_AVX2_INLINE __m256i load_words(const restore_params *p, const uint8_t *src)
{
    return _mm256_srl_epi16(load256(src), p->zero_bits);
}

/* n: a multiple of 64. plain: classes are of at most 8 bits, and there are no zero bits. */
BITX_AVX2_INLINE void restore_classes(const restore_params *p, uint8_t *classes,
                                      const uint8_t *base, size_t n, unsigned low, int plain)
{
    const __m256i class_low = _mm256_set1_epi16((short)(low < 65535 ? low : 65535));
    const __m256i most = _mm256_set1_epi16(255);
    for (size_t i = 0; i < n; i += 32) {
        __m256i w0 = plain ? load256(base + 2 * i) : load_words(p, base + 2 * i);
        __m256i w1 = plain ? load256(base + 2 * i + 32) : load_words(p, base + 2 * i + 32);
        w0 = _mm256_srl_epi16(_mm256_and_si256(w0, p->magnitude), p->class_shift);
        w1 = _mm256_srl_epi16(_mm256_and_si256(w1, p->magnitude), p->class_shift);
        w0 = _mm256_subs_epu16(w0, class_low);
        w1 = _mm256_subs_epu16(w1, class_low);
        if (!plain) { /* vpackuswb takes words for signed */
            w0 = _mm256_min_epu16(w0, most);
            w1 = _mm256_min_epu16(w1, most);
        }
        __m256i c = _mm256_permute4x64_epi64(_mm256_packus_epi16(w0, w1), 0xd8);
        store256(classes + i, _mm256_min_epu8(c, p->class_last));
    }
}

/* Of 32 symbols: 0 for RESTORE_SAME, whose shift is to be 0; what they are without the sign; and of
   that, what is beyond the direct ones: the bits above those of the shift. */
typedef struct restore_sizes {
    __m256i symbols, half, extra;
} restore_sizes;

BITX_AVX2_INLINE restore_sizes restore_sizes_of(__m256i symbols, __m256i same)
{
    restore_sizes v;
    v.symbols = _mm256_andnot_si256(same, symbols);
    v.half = _mm256_and_si256(_mm256_srli_epi16(v.symbols, 1), _mm256_set1_epi8(127));
    v.extra = _mm256_subs_epu8(v.half, _mm256_set1_epi8(RESTORE_DIRECT / 2 - 1));
    return v;
}

/* Symbols and classes to shifts, masks of fields and which are wide. Returns the greatest of
   `widest` and of the numbers of raw bits. Nothing depends on a branch: one of six vectors of a
   fine-tune has a large symbol. */
BITX_AVX2_INLINE __m256i restore_widths(const restore_params *p, restore_part *part,
                                        const uint8_t *symbols, size_t n, __m256i widest)
{
    size_t ncoded = 0;
    const __m256i zero = _mm256_setzero_si256(), seven = _mm256_set1_epi8(7);
    const __m256i table = _mm256_set1_epi64x(0x7f3f1f0f07030100);
    for (size_t i = 0; i < n; i += 32) {
        __m256i s = load256(symbols + i), same = _mm256_cmpgt_epi8(zero, s);
        ncoded += 32 - (size_t)_mm_popcnt_u32((unsigned)_mm256_movemask_epi8(s));
        __m256i shift = _mm256_shuffle_epi8(p->shifts, load256(part->classes + i));
        shift = _mm256_andnot_si256(same, shift);
        __m256i widths = _mm256_add_epi8(shift, restore_sizes_of(s, same).extra);
        widest = _mm256_max_epu8(widest, widths);
        store256(part->shifts + i, shift);
        store256(part->wide + i, _mm256_cmpgt_epi8(widths, seven));
        store256((uint8_t *)part->masks + i, _mm256_shuffle_epi8(table, widths));
    }
    part->ncoded = ncoded;
    return widest;
}

/* A string from byte `at` on: as many bytes as a part can take, and eight behind them, are there to
   be read, in the string itself or in its tail. */
BITX_AVX2_INLINE const uint8_t *restore_string(const uint8_t *bytes, size_t nbytes, size_t at,
                                               restore_tail *tail)
{
    enum { NEED = PART + 8 };
    if (at <= nbytes && nbytes - at >= NEED)
        return bytes + at;
    if (tail->from == SIZE_MAX) {
        size_t n = nbytes < NEED ? nbytes : NEED;
        tail->from = nbytes - n;
        memset(tail->bytes, 0, sizeof(tail->bytes));
        if (n)
            memcpy(tail->bytes, bytes + tail->from, n);
    }
    return tail->bytes + (at < nbytes ? at : nbytes) - tail->from;
}

/* Fields of at most 7 bits and bytes to where there are any, eight at a time. Returns where the
   next begin. */
BITX_AVX2_INLINE void restore_fields(restore_part *part, const uint8_t *fields,
                                     const uint8_t *bytes, size_t *bit, size_t *byte, size_t n)
{
    size_t at = *bit;
    const uint8_t *from = bytes;
    for (size_t k = 0; k < n / 8; k++) {
        uint64_t mask = part->masks[k], wide = load64(part->wide + 8 * k);
        part->fields[k] = _pdep_u64(load64(fields + at / 8) >> at % 8, mask);
        at += (size_t)_mm_popcnt_u64(mask);
        part->bytes[k] = _pdep_u64(load64(from), wide);
        from += _mm_popcnt_u64(wide) / 8;
    }
    *bit = at;
    *byte = (size_t)(from - bytes);
}

/* Words from their low and high bytes, lane by lane. */
BITX_AVX2_INLINE __m256i unpack_half(__m256i low, __m256i high, int second)
{
    return second ? _mm256_unpackhi_epi8(low, high) : _mm256_unpacklo_epi8(low, high);
}

/* The multiples that 32 symbols stand for: bytes, and their high bytes. */
BITX_AVX2_INLINE __m256i restore_multiples(const restore_params *p, const uint8_t *symbols,
                                           __m256i *high)
{
    const __m256i zero = _mm256_setzero_si256(), s = load256(symbols);
    const restore_sizes v = restore_sizes_of(s, _mm256_cmpgt_epi8(zero, s));
    __m256i odd = _mm256_and_si256(v.symbols, _mm256_set1_epi8(1));
    __m256i sign = _mm256_sub_epi8(zero, odd);
    /* Large ones are 2^e + 14, or the ones' complement of 2^(e + 1) + 13: with 15 of that from
       `half`, neither carries into the high byte. */
    __m256i large_odd = _mm256_and_si256(odd, _mm256_cmpgt_epi8(v.extra, zero));
    __m256i e = _mm256_add_epi8(v.extra, large_odd);
    __m256i low = _mm256_min_epu8(v.half, _mm256_set1_epi8(RESTORE_DIRECT / 2 - 1));
    low = _mm256_sub_epi8(low, large_odd);
    low = _mm256_add_epi8(low, _mm256_shuffle_epi8(p->large_low, e));
    *high = _mm256_xor_si256(_mm256_shuffle_epi8(p->powers_high, e), sign);
    return _mm256_xor_si256(low, sign);
}

BITX_AVX2_INLINE void restore_16(const restore_params *p, uint8_t *dst, const uint8_t *base,
                                 __m256i d, int plain)
{
    __m256i from = plain ? load256(base) : load_words(p, base), below;
    __m256i v = _mm256_add_epi16(d, _mm256_and_si256(from, p->magnitude));
    if (plain) {
        below = _mm256_srai_epi16(v, 15);
    } else {
        v = _mm256_and_si256(v, p->word);
        below = _mm256_cmpeq_epi16(_mm256_and_si256(v, p->top), _mm256_setzero_si256());
        below = _mm256_xor_si256(below, _mm256_set1_epi16(-1));
    }
    v = _mm256_xor_si256(v, _mm256_and_si256(below, p->magnitude));
    v = _mm256_xor_si256(v, _mm256_and_si256(from, p->top));
    store256(dst, plain ? v : _mm256_sll_epi16(v, p->zero_bits));
}

BITX_AVX2_INLINE void restore_join(const restore_params *p, const restore_part *part, uint8_t *dst,
                                   const uint8_t *base, const uint8_t *symbols, size_t n, int plain)
{
    for (size_t i = 0; i < n; i += 32) {
        __m256i high, d[2], v = restore_multiples(p, symbols + i, &high);
        __m256i shift = load256(part->shifts + i), wide = load256(part->wide + i);
        __m256i field = load256((const uint8_t *)part->fields + i);
        __m256i byte = load256((const uint8_t *)part->bytes + i);
        __m256i raw_low = _mm256_or_si256(_mm256_andnot_si256(wide, field), byte);
        __m256i raw_high = _mm256_and_si256(wide, field);
        __m256i power_low = _mm256_shuffle_epi8(p->powers_low, shift);
        __m256i power_high = _mm256_shuffle_epi8(p->powers_high, shift);
        for (int k = 0; k < 2; k++) {
            __m256i power = unpack_half(power_low, power_high, k);
            __m256i m = _mm256_mullo_epi16(unpack_half(v, high, k), power);
            m = _mm256_add_epi16(m, unpack_half(raw_low, raw_high, k));
            d[k] = _mm256_sub_epi16(m, _mm256_srli_epi16(power, 1));
        }
        restore_16(p, dst + 2 * i, base + 2 * i, _mm256_permute2x128_si256(d[0], d[1], 0x20),
                   plain);
        restore_16(p, dst + 2 * i + 32, base + 2 * i + 32,
                   _mm256_permute2x128_si256(d[0], d[1], 0x31), plain);
    }
}

BITX_AVX2_INLINE void restore_run(const restore_params *p, uint8_t *classes, const uint8_t *base,
                                  size_t n, unsigned low)
{
    if (p->plain)
        restore_classes(p, classes, base, n, low, 1);
    else
        restore_classes(p, classes, base, n, low, 0);
}

/* The classes of a part, 0xff where the words are those of the base. Returns how many are. */
BITX_AVX2_INLINE size_t restore_part_classes(const restore_params *p, restore_part *part,
                                             const uint8_t *base, size_t from, size_t n,
                                             const bitx_delta_lists *lists,
                                             const bitx_delta_params *params)
{
    size_t same = 0;
    for (size_t i = 0; i < n;) {
        bitx_delta_run run = bitx_delta_run_at(lists, params, from + i, from + n);
        if (run.same)
            memset(part->classes + i, 0xff, run.nelem);
        else
            restore_run(p, part->classes + i, base + 2 * i, run.nelem, run.class_low);
        same += run.same ? run.nelem : 0;
        i += run.nelem;
    }
    return same;
}

BITX_AVX2_INLINE void restore_same(const restore_params *p, uint8_t *dst, const uint8_t *base,
                                   size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        store256(dst + 2 * i, _mm256_sll_epi16(load_words(p, base + 2 * i), p->zero_bits));
}

/* Groups of 32 classes, 0xff for the class 0xff. */
BITX_AVX2_INLINE __m256i restore_groups(const uint8_t group[16], const uint8_t *classes)
{
    __m256i table = _mm256_broadcastsi128_si256(load128(group)), c = load256(classes);
    __m256i none = _mm256_cmpgt_epi8(_mm256_setzero_si256(), c);
    return _mm256_or_si256(_mm256_shuffle_epi8(table, c), none);
}

/* Which of the next n symbols, at most 64, are not RESTORE_SAME. */
BITX_AVX2_INLINE uint64_t restore_coded(const uint8_t *list, size_t n)
{
    return _bzhi_u64(~top_bits(load256(list), load256(list + 32)), (unsigned)n);
}

/* 64 elements: which are in each group, and where its symbols begin. */
typedef struct restore_places {
    uint64_t in[GROUPS];
    const uint8_t *from[GROUPS];
} restore_places;

/* Returns which are coded. */
BITX_AVX2_INLINE uint64_t restore_find(group_merger *m, const uint8_t group[16],
                                       const uint8_t *classes, restore_places *places)
{
    const __m256i g0 = restore_groups(group, classes), g1 = restore_groups(group, classes + 32);
    uint64_t changed = 0;
    for (unsigned g = 0; g < m->ngroups; g++) {
        const __m256i same = _mm256_set1_epi8((char)g);
        uint64_t in = top_bits(_mm256_cmpeq_epi8(g0, same), _mm256_cmpeq_epi8(g1, same));
        size_t n = (size_t)_mm_popcnt_u64(in);
        places->in[g] = in;
        places->from[g] = m->from[g];
        changed |= _pdep_u64(restore_coded(m->from[g], n), in);
        m->from[g] += n;
    }
    return changed;
}

/* A part of which few elements are coded, over the base that is there. Returns how many. */
BITX_AVX2_INLINE size_t restore_sparse(group_merger *m, const restore_part *part, uint8_t *dst,
                                       const uint8_t *base, size_t n, const uint8_t group[16],
                                       restore_raw *raw, const bitx_delta_params *params)
{
    size_t ncoded = 0;
    for (size_t i = 0; i < n; i += 64) {
        restore_places places;
        uint64_t coded = restore_find(m, group, part->classes + i, &places);
        ncoded += (size_t)_mm_popcnt_u64(coded);
        for (; coded; coded &= coded - 1) {
            unsigned at = (unsigned)__builtin_ctzll(coded), c = part->classes[i + at] & 15u;
            const unsigned g = group[c];
            size_t before = (size_t)_mm_popcnt_u64(_bzhi_u64(places.in[g], at)), e = i + at;
            uint16_t word;
            memcpy(&word, base + 2 * e, 2);
            unsigned difference = restore_difference(raw, places.from[g][before], params->shift[c]);
            word = restore_word(params, (unsigned)word >> params->zero_bits, difference);
            memcpy(dst + 2 * e, &word, 2);
        }
    }
    return ncoded;
}

static unsigned groups_of(const bitx_delta_lists *lists, unsigned nclasses)
{
    unsigned most = 0;
    for (unsigned c = 0; c < nclasses; c++)
        most = lists->group[c] > most ? lists->group[c] : most;
    return most + 1;
}

/* The last elements, fewer than 64 and of one chunk, are the scalar one's. */
static int restore_rest(uint8_t *dst, const uint8_t *base, bitx_delta_lists *lists,
                        bitx_raw_source *raw, size_t from, size_t nelem,
                        const bitx_delta_params *params)
{
    bitx_delta_lists rest = *lists;
    if (rest.scales)
        rest.scales += from >> rest.chunk_log2;
    int bad = bitx_delta_restore_u16_scalar(dst + 2 * from, base + 2 * from, &rest, raw,
                                            nelem - from, params);
    memcpy(lists->next, rest.next, sizeof(lists->next));
    return bad;
}

BITX_AVX2_APART int restore_many(uint8_t *dst, const uint8_t *base, bitx_delta_lists *lists,
                                 bitx_raw_source *raw, size_t nelem,
                                 const bitx_delta_params *params)
{
    const restore_params p = load_params(params);
    const size_t whole = nelem / 64 * 64;
    restore_part part;
    restore_tail tails[2];
    group_merger merger;
    __m256i widest = _mm256_setzero_si256();
    int few = 0, bad = 0;
    tails[0].from = tails[1].from = SIZE_MAX;
    merger_begin(&merger, lists->next, groups_of(lists, params->nclasses));
    for (size_t i = 0, n; i < whole; i += n) {
        n = whole - i < PART ? whole - i : PART;
        const uint8_t *from = base + 2 * i;
        size_t same = restore_part_classes(&p, &part, from, i, n, lists, params);
        if (same == n) {
            restore_same(&p, dst + 2 * i, from, n);
            continue;
        }
        if (few) {
            restore_raw one = restore_begin(raw);
            restore_same(&p, dst + 2 * i, from, n);
            size_t ncoded =
                restore_sparse(&merger, &part, dst + 2 * i, from, n, lists->group, &one, params);
            bad |= one.widest > params->width - 2;
            raw->bit[0] = one.bit;
            raw->bit[1] = 8 * one.byte;
            few = ncoded * FEW < n;
            continue;
        }
        const uint8_t *symbols =
            merger_next(&merger, part.symbols, part.classes, lists->group, n, same != 0);
        widest = restore_widths(&p, &part, symbols, n, widest);
        size_t bit = raw->bit[0] % 8, byte = raw->bit[1] / 8, nbytes;
        const uint8_t *fields =
            restore_string(raw->bytes[0], raw->nbytes[0], raw->bit[0] / 8, &tails[0]);
        const uint8_t *bytes = restore_string(raw->bytes[1], raw->nbytes[1], byte, &tails[1]);
        raw->bit[0] -= bit;
        restore_fields(&part, fields, bytes, &bit, &nbytes, n);
        raw->bit[0] += bit;
        raw->bit[1] = 8 * (byte + nbytes);
        few = part.ncoded * FEW < n;
        if (p.plain)
            restore_join(&p, &part, dst + 2 * i, from, symbols, n, 1);
        else
            restore_join(&p, &part, dst + 2 * i, from, symbols, n, 0);
    }
    for (unsigned g = 0; g < merger.ngroups; g++)
        lists->next[g] = merger.from[g];
    const __m256i most = _mm256_set1_epi8((char)(params->width - 2));
    const __m256i excess = _mm256_subs_epu8(widest, most);
    bad |= restore_rest(dst, base, lists, raw, whole, nelem, params);
    return bad || !_mm256_testz_si256(excess, excess) || raw->bit[0] > 8 * raw->nbytes[0] ||
           raw->bit[1] > 8 * raw->nbytes[1];
}

BITX_AVX2 int bitx_delta_restore_u16_avx2(uint8_t *dst, const uint8_t *base,
                                          bitx_delta_lists *lists, bitx_raw_source *raw,
                                          size_t nelem, const bitx_delta_params *params)
{
    if (nelem < 128) /* the tree of the groups takes longer than it saves */
        return bitx_delta_restore_u16_scalar(dst, base, lists, raw, nelem, params);
    return restore_many(dst, base, lists, raw, nelem, params);
}

#endif
