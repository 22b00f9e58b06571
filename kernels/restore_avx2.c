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
    int plain;
} restore_params;

/* Where fewer than a FEW-th of the elements are coded, the next part takes them one by one. */
enum { FEW = 20 };

/* A part, between its stages. */
typedef struct restore_part {
    uint8_t classes[PART], symbols[PART + 64];
    uint8_t shifts[PART], wide[PART]; /* wide: 0xff for words with a byte */
    size_t ncoded;
    size_t nbits, nbytes; /* raw: in string 0, in string 1 */
    uint64_t masks[PART / 8], fields[PART / 8], bytes[PART / 8];
    uint8_t fields_pad[PART + 64], bytes_pad[PART + 64];
} restore_part;

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
        p->width == 16 && p->sign,
    };
}

BITX_AVX2_INLINE __m256i load_words(const restore_params *p, const uint8_t *src)
{
    return _mm256_srl_epi16(load256(src), p->zero_bits);
}

/* n: a multiple of 64. */
BITX_AVX2_INLINE void restore_classes(const restore_params *p, uint8_t *classes,
                                      const uint8_t *base, size_t n, unsigned low)
{
    const __m256i class_low = _mm256_set1_epi16((short)(low < 65535 ? low : 65535));
    const __m256i most = _mm256_set1_epi16(255);
    for (size_t i = 0; i < n; i += 32) {
        __m256i w0 = _mm256_and_si256(load_words(p, base + 2 * i), p->magnitude);
        __m256i w1 = _mm256_and_si256(load_words(p, base + 2 * i + 32), p->magnitude);
        w0 = _mm256_subs_epu16(_mm256_srl_epi16(w0, p->class_shift), class_low);
        w1 = _mm256_subs_epu16(_mm256_srl_epi16(w1, p->class_shift), class_low);
        __m256i c = _mm256_packus_epi16(_mm256_min_epu16(w0, most), _mm256_min_epu16(w1, most));
        c = _mm256_permute4x64_epi64(c, 0xd8);
        store256(classes + i, _mm256_min_epu8(c, p->class_last));
    }
}

BITX_AVX2_INLINE size_t sum_qwords(__m256i v)
{
    __m128i both = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return (size_t)(_mm_cvtsi128_si64(both) + _mm_extract_epi64(both, 1));
}

/* Symbols and classes to shifts, masks of fields and which are wide, and how many bits and bytes
   that asks for. Returns the greatest of `widest` and of the numbers of raw bits. */
BITX_AVX2_INLINE __m256i restore_widths(const restore_params *p, restore_part *part,
                                        const uint8_t *symbols, size_t n, __m256i widest)
{
    __m256i nbits = _mm256_setzero_si256(), nbytes = nbits;
    size_t ncoded = 0;
    const __m256i zero = _mm256_setzero_si256(), seven = _mm256_set1_epi8(7);
    const __m256i last_direct = _mm256_set1_epi8(RESTORE_DIRECT - 1);
    const __m256i table = _mm256_set1_epi64x(0x7f3f1f0f07030100);
    for (size_t i = 0; i < n; i += 32) {
        __m256i s = load256(symbols + i), same = _mm256_cmpgt_epi8(zero, s);
        ncoded += 32 - (size_t)_mm_popcnt_u32((unsigned)_mm256_movemask_epi8(s));
        __m256i shift = _mm256_shuffle_epi8(p->shifts, load256(part->classes + i));
        shift = _mm256_andnot_si256(same, shift);
        __m256i widths = shift, large = _mm256_cmpgt_epi8(s, last_direct);
        if (!_mm256_testz_si256(large, large)) {
            __m256i c = _mm256_and_si256(_mm256_srli_epi16(s, 1), _mm256_set1_epi8(127));
            __m256i e = _mm256_sub_epi8(c, _mm256_set1_epi8(RESTORE_DIRECT / 2 - 1));
            widths = _mm256_add_epi8(widths, _mm256_and_si256(e, large));
            widest = _mm256_max_epu8(widest, widths);
        }
        store256(part->shifts + i, shift);
        __m256i wide = _mm256_cmpgt_epi8(widths, seven);
        nbits = _mm256_add_epi64(nbits, _mm256_sad_epu8(_mm256_and_si256(widths, seven), zero));
        nbytes = _mm256_add_epi64(nbytes, _mm256_sad_epu8(_mm256_sub_epi8(zero, wide), zero));
        store256(part->wide + i, wide);
        store256((uint8_t *)part->masks + i, _mm256_shuffle_epi8(table, widths));
    }
    part->ncoded = ncoded;
    part->nbits = sum_qwords(nbits);
    part->nbytes = sum_qwords(nbytes);
    return widest;
}

/* n bytes of a string from `at` on, n at most PART, and eight that are read besides: in the string
   itself, or a copy with zeros behind its end. */
BITX_AVX2_INLINE const uint8_t *restore_string(const uint8_t *bytes, size_t nbytes, size_t at,
                                               size_t n, uint8_t pad[PART + 64])
{
    if (at <= nbytes && nbytes - at >= n + 8)
        return bytes + at;
    size_t left = at < nbytes ? nbytes - at : 0;
    left = left < n ? left : n;
    if (left)
        memcpy(pad, bytes + at, left);
    memset(pad + left, 0, n + 8 - left);
    return pad;
}

/* Fields of at most 7 bits, eight at a time. Returns where the next begins. */
BITX_AVX2_INLINE size_t restore_fields(restore_part *part, const uint8_t *raw, size_t bit, size_t n)
{
    for (size_t k = 0; k < n / 8; k++) {
        uint64_t mask = part->masks[k];
        part->fields[k] = _pdep_u64(load64(raw + bit / 8) >> bit % 8, mask);
        bit += (size_t)_mm_popcnt_u64(mask);
    }
    return bit;
}

/* Bytes to where there are any. Returns how many. */
BITX_AVX2_INLINE size_t restore_bytes(restore_part *part, const uint8_t *raw, size_t n)
{
    const uint8_t *from = raw;
    for (size_t k = 0; k < n / 32; k++) {
        uint32_t mask = (uint32_t)_mm256_movemask_epi8(load256(part->wide + 32 * k));
        for (size_t j = 0; j < 4; j++, mask >>= 8) {
            __m128i v = _mm_loadl_epi64((const __m128i *)(const void *)from);
            __m128i row =
                _mm_loadl_epi64((const __m128i *)(const void *)&bitx_shuffle_expand8[mask & 255]);
            _mm_storel_epi64((__m128i *)(void *)&part->bytes[4 * k + j], _mm_shuffle_epi8(v, row));
            from += _mm_popcnt_u32(mask & 255);
        }
    }
    return (size_t)(from - raw);
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
    const __m256i large = _mm256_cmpgt_epi8(s, _mm256_set1_epi8(RESTORE_DIRECT - 1));
    const __m256i one = _mm256_set1_epi8(1);
    __m256i odd = _mm256_and_si256(s, one), sign = _mm256_sub_epi8(zero, odd);
    __m256i c = _mm256_and_si256(_mm256_srli_epi16(s, 1), _mm256_set1_epi8(127));
    __m256i v = _mm256_andnot_si256(_mm256_cmpgt_epi8(zero, s), _mm256_xor_si256(c, sign));
    *high = _mm256_cmpgt_epi8(zero, v);
    if (_mm256_testz_si256(large, large))
        return v;
    /* 2^e + 14, or the ones' complement of 2^(e + 1) + 13: neither carries into the high byte. */
    __m256i e = _mm256_sub_epi8(c, _mm256_set1_epi8(RESTORE_DIRECT / 2 - 1));
    e = _mm256_add_epi8(e, odd);
    __m256i more = _mm256_sub_epi8(_mm256_set1_epi8(14), odd);
    __m256i low = _mm256_add_epi8(_mm256_shuffle_epi8(p->powers_low, e), more);
    low = _mm256_xor_si256(low, sign);
    *high = _mm256_blendv_epi8(
        *high, _mm256_xor_si256(_mm256_shuffle_epi8(p->powers_high, e), sign), large);
    return _mm256_blendv_epi8(v, low, large);
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
            restore_classes(p, part->classes + i, base + 2 * i, run.nelem, run.class_low);
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

BITX_AVX2 int bitx_delta_restore_u16_avx2(uint8_t *dst, const uint8_t *base,
                                          bitx_delta_lists *lists, bitx_raw_source *raw,
                                          size_t nelem, const bitx_delta_params *params)
{
    const restore_params p = load_params(params);
    const size_t whole = nelem / 64 * 64;
    restore_part part;
    group_merger merger;
    __m256i widest = _mm256_setzero_si256();
    int few = 0, bad = 0;
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
        size_t field = raw->bit[0], byte = raw->bit[1] / 8;
        const uint8_t *fields = restore_string(raw->bytes[0], raw->nbytes[0], field / 8,
                                               (part.nbits + 14) / 8, part.fields_pad);
        const uint8_t *bytes =
            restore_string(raw->bytes[1], raw->nbytes[1], byte, part.nbytes, part.bytes_pad);
        raw->bit[0] = field / 8 * 8 + restore_fields(&part, fields, field % 8, n);
        raw->bit[1] = 8 * (byte + restore_bytes(&part, bytes, n));
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

#endif
