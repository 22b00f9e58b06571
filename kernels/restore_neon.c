/*
 * Elements from those of a base, lists of symbols and raw bits, NEON: parts that stay in L1, 16
 * elements at a time. Sums of bytes up to each are products: of four bytes with 0x01010101, and of
 * the four sums of four with that again.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include <arm_neon.h>
#    include <string.h>

#    include "restore.h"

enum { PART = 1024, PAIRS = 4 /* of groups, by vectors; more are taken one by one */ };

/* bitx_delta_params in registers. */
typedef struct restore_params {
    int16x8_t zero_bits, from_zero_bits; /* shifts to the left and to the right */
    int16x8_t class_shift;
    uint16x8_t word, magnitude, top; /* masks: all of a word; without its sign; the sign alone */
    uint8x16_t class_last, groups, shifts;
    uint8x16_t all, seven; /* 0xff and 7 */
    uint8x16_t of_four;    /* four sums of fields, behind where these begin, and four of bytes */
    uint8x16_t before_fields, before_bytes; /* in sums of those, what is before each word */
    uint8x16x4_t low, high, extra;          /* by symbol */
    int plain;                              /* signed words of 16 bits, 8 of them the class */
} restore_params;

typedef struct restore_part {
    uint8_t classes[PART], groups[PART], symbols[PART];
} restore_part;

/* The end of a string of raw bits, with zeros behind. */
typedef struct restore_tail {
    size_t from; /* of the string, SIZE_MAX: nothing is here yet */
    uint8_t bytes[2 * PART];
} restore_tail;

static inline restore_params load_params(const bitx_delta_params *p, const bitx_delta_lists *lists)
{
    static const uint8_t tables[3][16] = {{47, 3, 7, 11, 19, 23, 27, 31},
                                          {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3},
                                          {255, 255, 255, 255, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6}};
    const uint8_t *table = tables[0];
    uint8x16_t all = vdupq_n_u8(255), seven = vdupq_n_u8(7);
    /* gcc takes two instructions for what is in a static table, and other constants for sums and
       complements of known ones. */
    __asm__("" : "+r"(table), "+w"(all), "+w"(seven));
    const uint8x16x3_t places = vld1q_u8_x3(table);
    unsigned word = (1u << p->width) - 1, top = p->sign ? 1u << (p->width - 1) : 0;
    return (restore_params){vdupq_n_s16((int16_t)p->zero_bits),
                            vdupq_n_s16((int16_t) - (int)p->zero_bits),
                            vdupq_n_s16((int16_t) - (int)p->class_shift),
                            vdupq_n_u16((uint16_t)word),
                            vdupq_n_u16((uint16_t)(word ^ top)),
                            vdupq_n_u16((uint16_t)top),
                            vdupq_n_u8((uint8_t)(p->nclasses - 1)),
                            vld1q_u8(lists->group),
                            vld1q_u8(p->shift),
                            all,
                            seven,
                            places.val[0],
                            places.val[1],
                            places.val[2],
                            vld1q_u8_x4(bitx_restore_low),
                            vld1q_u8_x4(bitx_restore_high),
                            vld1q_u8_x4(bitx_restore_extra),
                            p->width == 16 && p->sign && p->class_shift == 7};
}

static inline uint16x8_t load_words(const restore_params *p, const uint8_t *src)
{
    return vshlq_u16(vreinterpretq_u16_u8(vld1q_u8(src)), p->from_zero_bits);
}

/* Of 16 bytes: sums of the four in each word up to each one, it included or not. */
static inline uint8x16_t sums_of_four(uint8x16_t v)
{
    return vreinterpretq_u8_u32(vmulq_n_u32(vreinterpretq_u32_u8(v), 0x01010101));
}

static inline uint8x16_t add_sums_before(uint8x16_t to, uint8x16_t v)
{
    return vreinterpretq_u8_u32(
        vmlaq_n_u32(vreinterpretq_u32_u8(to), vreinterpretq_u32_u8(v), 0x01010100));
}

/* ---- classes ---- */

static inline uint8x16_t restore_classes16(const restore_params *p, const uint8_t *base,
                                           unsigned low, int plain)
{
    if (plain) {
        const uint8x16_t class_low = vdupq_n_u8((uint8_t)(low < 255 ? low : 255));
        uint16x8_t w0 = vreinterpretq_u16_u8(vld1q_u8(base));
        uint16x8_t w1 = vreinterpretq_u16_u8(vld1q_u8(base + 16));
        /* Without the sign, the high byte. */
        uint8x16_t c = vaddhn_high_u16(vaddhn_u16(w0, w0), w1, w1);
        return vminq_u8(vqsubq_u8(c, class_low), p->class_last);
    }
    const uint16x8_t class_low = vdupq_n_u16((uint16_t)(low < 65535 ? low : 65535));
    uint16x8_t w0 = vandq_u16(load_words(p, base), p->magnitude);
    uint16x8_t w1 = vandq_u16(load_words(p, base + 16), p->magnitude);
    w0 = vqsubq_u16(vshlq_u16(w0, p->class_shift), class_low);
    w1 = vqsubq_u16(vshlq_u16(w1, p->class_shift), class_low);
    return vminq_u8(vqmovn_high_u16(vqmovn_u16(w0), w1), p->class_last);
}

/* ---- symbols to their elements, of up to 8 groups ---- */

/*
 * Two groups are a pair: which elements are in one is the low or the high half of a byte, and the
 * sums of those are the places of elements in the 16 that come next in each list.
 */
typedef struct restore_pairs {
    uint8x16_t mask[PAIRS];  /* by class: 0x0f for the first of a pair, 0xf0 for the second */
    uint8x16_t place[PAIRS]; /* the sums of the pair before each word */
    uint8x16_t table;        /* by class: 16 times the group */
    uint8x16_t quarters;     /* the sums of each word of each pair */
    unsigned n;
} restore_pairs;

static inline restore_pairs load_pairs(const uint8_t group[16], unsigned nclasses)
{
    static const uint8_t place[16] = {255, 255, 255, 255, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2};
    static const uint8_t quarters[16] = {3,  7,  11, 15, 19, 23, 27, 31,
                                         35, 39, 43, 47, 51, 55, 59, 63};
    const uint8x16_t groups = vld1q_u8(group);
    restore_pairs v = {.table = vshlq_n_u8(groups, 4), .quarters = vld1q_u8(quarters)};
    for (unsigned c = 0; c < nclasses; c++)
        if (group[c] / 2u >= v.n)
            v.n = group[c] / 2u + 1;
    for (unsigned j = 0; j < PAIRS; j++) {
        uint8x16_t first = vceqq_u8(groups, vdupq_n_u8((uint8_t)(2 * j)));
        uint8x16_t second = vceqq_u8(groups, vdupq_n_u8((uint8_t)(2 * j + 1)));
        v.mask[j] = vsliq_n_u8(first, second, 4);
        v.place[j] = vqaddq_u8(vld1q_u8(place), vdupq_n_u8((uint8_t)(4 * j)));
    }
    return v;
}

/*
 * The bytes that `at` asks for of 16 of each of four lists, and the same over v, of which those
 * stay that are beyond; lists move on by n. gcc 12 brings the registers of such a table together
 * through memory (ten instructions more for 16 elements), so they are named here.
 */
static inline uint8x16_t take_of_four(const uint8_t **list, const size_t n[4], uint8x16_t at)
{
    uint8x16_t v;
    __asm__("ld1 {v16.16b}, [%1], %6\n\t"
            "ld1 {v17.16b}, [%2], %7\n\t"
            "ld1 {v18.16b}, [%3], %8\n\t"
            "ld1 {v19.16b}, [%4], %9\n\t"
            "tbl %0.16b, {v16.16b - v19.16b}, %5.16b"
            : "=w"(v), "+r"(list[0]), "+r"(list[1]), "+r"(list[2]), "+r"(list[3])
            : "w"(at), "r"(n[0]), "r"(n[1]), "r"(n[2]), "r"(n[3])
            : "v16", "v17", "v18", "v19", "memory");
    return v;
}

static inline uint8x16_t take_of_four_over(uint8x16_t v, const uint8_t **list, const size_t n[4],
                                           uint8x16_t at)
{
    __asm__("ld1 {v16.16b}, [%1], %6\n\t"
            "ld1 {v17.16b}, [%2], %7\n\t"
            "ld1 {v18.16b}, [%3], %8\n\t"
            "ld1 {v19.16b}, [%4], %9\n\t"
            "tbx %0.16b, {v16.16b - v19.16b}, %5.16b"
            : "+w"(v), "+r"(list[0]), "+r"(list[1]), "+r"(list[2]), "+r"(list[3])
            : "w"(at), "r"(n[0]), "r"(n[1]), "r"(n[2]), "r"(n[3])
            : "v16", "v17", "v18", "v19", "memory");
    return v;
}

static inline uint8x16_t take_of_two_over(uint8x16_t v, const uint8_t **list, const size_t n[2],
                                          uint8x16_t at)
{
    __asm__("ld1 {v16.16b}, [%1], %4\n\t"
            "ld1 {v17.16b}, [%2], %5\n\t"
            "tbx %0.16b, {v16.16b - v17.16b}, %3.16b"
            : "+w"(v), "+r"(list[0]), "+r"(list[1])
            : "w"(at), "r"(n[0]), "r"(n[1])
            : "v16", "v17", "memory");
    return v;
}

static inline uint8x16_t restore_symbols16(const restore_pairs *t, const uint8_t **next,
                                           uint8x16_t classes, unsigned npairs)
{
    const uint8x16_t ones = vdupq_n_u8(0x11), low = vdupq_n_u8(0x0f);
    uint8x16_t mask[PAIRS], in[PAIRS], at = low;
    uint8x16x4_t sums;
    for (unsigned j = 0; j < npairs; j++) {
        mask[j] = vqtbl1q_u8(t->mask[j], classes);
        in[j] = vandq_u8(mask[j], ones);
        sums.val[j] = sums_of_four(in[j]);
    }
    for (unsigned j = npairs; j < PAIRS; j++)
        sums.val[j] = sums.val[0];
    /* In word j, those of pair j. At most 12 are in three quarters. */
    const uint8x16_t quarter = vqtbl4q_u8(sums, t->quarters), before = sums_of_four(quarter);
    for (unsigned j = 0; j < npairs; j++) {
        uint8x16_t v = add_sums_before(vqtbl1q_u8(before, t->place[j]), in[j]);
        at = j ? vbslq_u8(mask[j], v, at) : vandq_u8(v, mask[j]);
    }
    uint8x16_t place = vaddq_u8(vqtbl1q_u8(t->table, classes), vandq_u8(at, low));
    place = vsraq_n_u8(place, at, 4);
    const uint8x16_t n0 = sums_of_four(vandq_u8(quarter, low));
    const uint8x16_t n1 = sums_of_four(vshrq_n_u8(quarter, 4));
    const size_t n[2 * PAIRS] = {
        vgetq_lane_u8(n0, 3),  vgetq_lane_u8(n1, 3),  vgetq_lane_u8(n0, 7),  vgetq_lane_u8(n1, 7),
        vgetq_lane_u8(n0, 11), vgetq_lane_u8(n1, 11), vgetq_lane_u8(n0, 15), vgetq_lane_u8(n1, 15)};
    const uint8x16_t v = take_of_four(next, n, place);
    place = vsubq_u8(place, vdupq_n_u8(64));
    if (npairs == 3)
        return take_of_two_over(v, next + 4, n + 4, place);
    if (npairs == 4)
        return take_of_four_over(v, next + 4, n + 4, place);
    return v;
}

static inline void restore_run(const restore_params *p, const restore_pairs *pairs,
                               uint8_t *classes, uint8_t *symbols, const uint8_t **lists,
                               const uint8_t *base, size_t n, unsigned low, int plain,
                               unsigned npairs)
{
    /* Copies, which stay in registers. */
    const uint8_t *next[] = {lists[0], lists[1], lists[2], lists[3],
                             lists[4], lists[5], lists[6], lists[7]};
    const restore_pairs t = *pairs;
    for (size_t i = 0; i < n; i += 16) {
        uint8x16_t c = restore_classes16(p, base + 2 * i, low, plain);
        vst1q_u8(classes + i, c);
        vst1q_u8(symbols + i, restore_symbols16(&t, next, c, npairs));
    }
    for (unsigned g = 0; g < 2 * npairs; g++)
        lists[g] = next[g];
}

/* ---- symbols to their elements, of any groups ---- */

static inline void restore_run_any(const restore_params *p, restore_part *part, size_t from,
                                   const uint8_t **next, const uint8_t *base, size_t n,
                                   unsigned low)
{
    for (size_t i = 0; i < n; i += 16) {
        uint8x16_t c = restore_classes16(p, base + 2 * i, low, 0);
        vst1q_u8(part->classes + from + i, c);
        vst1q_u8(part->groups + from + i, vqtbl1q_u8(p->groups, c));
    }
    for (size_t i = from; i < from + n; i += 8) {
#    pragma GCC unroll 8
        for (unsigned k = 0; k < 8; k++) {
            const uint8_t *at = next[part->groups[i + k]];
            uint8_t symbol = *at;
            __asm__("" : "+r"(symbol)); /* before the pointer's sum: one instruction for both */
            next[part->groups[i + k]] = at + 1;
            part->symbols[i + k] = symbol;
        }
    }
}

/* The classes and symbols of a part. n: a multiple of 16. */
static inline void restore_part_symbols(const restore_params *p, const restore_pairs *t,
                                        restore_part *part, const uint8_t **next,
                                        const uint8_t *base, size_t from, size_t n,
                                        const bitx_delta_lists *lists,
                                        const bitx_delta_params *params)
{
    for (size_t i = 0; i < n;) {
        bitx_delta_run run = bitx_delta_run_at(lists, params, from + i, from + n);
        const uint8_t *b = base + 2 * i;
        uint8_t *c = part->classes + i, *s = part->symbols + i;
        if (run.same) {
            memset(c, 0, run.nelem);
            memset(s, RESTORE_SAME, run.nelem);
        } else if (t->n > PAIRS) {
            restore_run_any(p, part, i, next, b, run.nelem, run.class_low);
        } else if (!p->plain) {
            restore_run(p, t, c, s, next, b, run.nelem, run.class_low, 0, 4);
        } else if (t->n > 3) {
            restore_run(p, t, c, s, next, b, run.nelem, run.class_low, 1, 4);
        } else if (t->n > 2) {
            restore_run(p, t, c, s, next, b, run.nelem, run.class_low, 1, 3);
        } else {
            restore_run(p, t, c, s, next, b, run.nelem, run.class_low, 1, 2);
        }
        i += run.nelem;
    }
}

/* ---- raw bits ---- */

/* A string from byte `at` on: as many bytes as a part can take are there to be read, in the string
   itself or in its tail. Each 16 elements read 16 bytes and take no more. */
static inline const uint8_t *restore_string(const uint8_t *bytes, size_t nbytes, size_t at,
                                            restore_tail *tail)
{
    if (at <= nbytes && nbytes - at >= PART)
        return bytes + at;
    if (tail->from == SIZE_MAX) {
        size_t n = nbytes < PART ? nbytes : PART;
        tail->from = nbytes - n;
        memset(tail->bytes, 0, sizeof(tail->bytes));
        if (n)
            memcpy(tail->bytes, bytes + tail->from, n);
    }
    return tail->bytes + (at < nbytes ? at : nbytes) - tail->from;
}

/* Where the next raw bits are. */
typedef struct raw_place {
    const uint8_t *fields, *bytes;
    uint8x16_t bit; /* in its last byte: the first bit in the first byte of `fields` */
} raw_place;

/* 16 fields of at most 7 bits, which are in 16 bytes, from bit numbers `start` on. */
static inline uint8x16_t restore_fields(const restore_params *p, uint8x16_t window,
                                        uint8x16_t start, uint8x16_t widths)
{
    const uint8x16_t at = vshrq_n_u8(start, 3);
    /* Below: the byte of the first bit, to the right; above: the next one, to the left, by one less
       than what is missing in the first and then by one. */
    const uint8x16_t left = vbicq_u8(p->seven, start), right = vsubq_u8(left, p->seven);
    uint8x16_t below = vshlq_u8(vqtbl1q_u8(window, at), vreinterpretq_s8_u8(right));
    uint8x16_t above = vqtbl1q_u8(window, vsubq_u8(at, p->all));
    above = vshlq_u8(vaddq_u8(above, above), vreinterpretq_s8_u8(left));
    return vbicq_u8(vorrq_u8(above, below), vshlq_u8(p->all, vreinterpretq_s8_u8(widths)));
}

/* The raw bits of 16 elements, as low and high bytes. wide: 0xff where there is a byte of them. */
static inline uint8x16_t restore_raw16(const restore_params *p, raw_place *raw, uint8x16_t widths,
                                       uint8x16_t wide, uint8x16_t *high)
{
    const uint8x16_t w = vandq_u8(widths, p->seven), one = vshrq_n_u8(wide, 7);
    const uint8x16x3_t sums = {{sums_of_four(w), sums_of_four(one), raw->bit}};
    const uint8x16_t before = sums_of_four(vqtbl3q_u8(sums, p->of_four));
    const uint8x16_t start = add_sums_before(vqtbl1q_u8(before, p->before_fields), w);
    uint8x16_t at = add_sums_before(vqtbl1q_u8(before, p->before_bytes), one);
    const uint8x16_t field = restore_fields(p, vld1q_u8(raw->fields), start, w);
    const uint8x16_t end = vaddq_u8(start, w);
    raw->fields += vgetq_lane_u64(vreinterpretq_u64_u8(end), 1) >> 59; /* the last byte, by 8 */
    raw->bit = vandq_u8(end, p->seven);
    at = vornq_u8(at, wide); /* beyond the table where there is no byte */
    *high = vandq_u8(field, wide);
    const uint8x16_t low = vqtbx1q_u8(field, vld1q_u8(raw->bytes), at);
    raw->bytes += vgetq_lane_u8(before, 7);
    return low;
}

/* ---- words ---- */

static inline uint16x8_t restore_words(const restore_params *p, uint16x8_t base, uint16x8_t d,
                                       int plain)
{
    uint16x8_t v = vaddq_u16(d, vandq_u16(base, p->magnitude));
    if (plain) {
        /* The sign of the base, and the magnitude of negatives is inverted. */
        uint16x8_t below = vreinterpretq_u16_s16(vshrq_n_s16(vreinterpretq_s16_u16(v), 15));
        return veorq_u16(v, vbslq_u16(p->magnitude, below, base));
    }
    v = vandq_u16(v, p->word);
    uint16x8_t below = vandq_u16(vtstq_u16(v, p->top), p->magnitude);
    return vshlq_u16(veorq_u16(veorq_u16(v, below), vandq_u16(base, p->top)), p->zero_bits);
}

/* Differences of eight, from words. */
static inline uint16x8_t restore_differences(const restore_params *p, uint8x16_t multiple,
                                             uint8x8_t shift, uint8x16_t raw)
{
    const int16x8_t up = vreinterpretq_s16_u16(vmovl_u8(shift));
    const int16x8_t power = vshlq_s16(vreinterpretq_s16_u8(p->all), up); /* of 2, negative */
    int16x8_t d = vmlsq_s16(vreinterpretq_s16_u8(raw), vreinterpretq_s16_u8(multiple), power);
    /* Less half of it, and that of 2^0 is 0: rounded to above. */
    return vreinterpretq_u16_s16(vrsraq_n_s16(d, power, 1));
}

/* Of 16 elements: the multiples that symbols stand for, and the numbers of raw bits. */
typedef struct restore_sizes {
    uint8x16_t low, high, shift, widths;
} restore_sizes;

static inline restore_sizes restore_sizes16(const restore_params *p, uint8x16_t symbols,
                                            uint8x16_t classes)
{
    const uint8x16_t same = vcltzq_s8(vreinterpretq_s8_u8(symbols));
    const uint8x16_t shift = vbicq_u8(vqtbl1q_u8(p->shifts, classes), same);
    return (restore_sizes){vqtbl4q_u8(p->low, symbols), vqtbl4q_u8(p->high, symbols), shift,
                           vaddq_u8(shift, vqtbl4q_u8(p->extra, symbols))};
}

static inline void restore16(const restore_params *p, uint8_t *dst, const uint8_t *base,
                             const restore_sizes *v, raw_place *raw, int plain)
{
    uint8x16_t high, low;
    low = restore_raw16(p, raw, v->widths, vcgtq_u8(v->widths, p->seven), &high);
    uint16x8_t d0 = restore_differences(p, vzip1q_u8(v->low, v->high), vget_low_u8(v->shift),
                                        vzip1q_u8(low, high));
    uint16x8_t d1 = restore_differences(p, vzip2q_u8(v->low, v->high), vget_high_u8(v->shift),
                                        vzip2q_u8(low, high));
    const uint8x16x2_t words = vld1q_u8_x2(base);
    uint16x8_t w0 = vreinterpretq_u16_u8(words.val[0]), w1 = vreinterpretq_u16_u8(words.val[1]);
    if (!plain) {
        w0 = vshlq_u16(w0, p->from_zero_bits);
        w1 = vshlq_u16(w1, p->from_zero_bits);
    }
    vst1q_u8(dst, vreinterpretq_u8_u16(restore_words(p, w0, d0, plain)));
    vst1q_u8(dst + 16, vreinterpretq_u8_u16(restore_words(p, w1, d1, plain)));
}

/* Returns the greatest of `widest` and of the numbers of raw bits. n: a multiple of 16. */
static inline uint8x16_t restore_join(const restore_params *params, uint8_t *dst,
                                      const uint8_t *base, const restore_part *part, size_t n,
                                      raw_place *raw, uint8x16_t widest, int plain)
{
    const restore_params p = *params;
    const uint8_t *classes = part->classes, *symbols = part->symbols;
    raw_place at = *raw;
    for (size_t i = 0; i < n; i += 16) {
        const restore_sizes v = restore_sizes16(&p, vld1q_u8(symbols + i), vld1q_u8(classes + i));
        restore16(&p, dst + 2 * i, base + 2 * i, &v, &at, plain);
        widest = vmaxq_u8(widest, v.widths);
    }
    *raw = at;
    return widest;
}

/* The last elements, fewer than 16 and of one chunk, are the scalar one's. */
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

int bitx_delta_restore_u16_neon(uint8_t *dst, const uint8_t *base, bitx_delta_lists *lists,
                                bitx_raw_source *raw, size_t nelem, const bitx_delta_params *params)
{
    const restore_params p = load_params(params, lists);
    const restore_pairs pairs = load_pairs(lists->group, params->nclasses);
    const size_t whole = nelem / 16 * 16;
    static const uint8_t nothing[16] = {0};
    const uint8_t *next[16]; /* that may be read */
    restore_part part;
    restore_tail tails[2];
    uint8x16_t widest = vdupq_n_u8(0);
    tails[0].from = tails[1].from = SIZE_MAX;
    for (unsigned g = 0; g < 16; g++)
        next[g] = nothing;
    for (unsigned c = 0; c < params->nclasses; c++)
        next[lists->group[c]] = lists->next[lists->group[c]];
    for (size_t i = 0, n; i < whole; i += n) {
        n = whole - i < PART ? whole - i : PART;
        const uint8_t *from = base + 2 * i;
        restore_part_symbols(&p, &pairs, &part, next, from, i, n, lists, params);
        const size_t bit = raw->bit[0] % 8, byte = raw->bit[1] / 8;
        const uint8_t *fields =
            restore_string(raw->bytes[0], raw->nbytes[0], raw->bit[0] / 8, &tails[0]);
        const uint8_t *bytes = restore_string(raw->bytes[1], raw->nbytes[1], byte, &tails[1]);
        raw_place at = {fields, bytes, vdupq_n_u8((uint8_t)bit)};
        if (p.plain)
            widest = restore_join(&p, dst + 2 * i, from, &part, n, &at, widest, 1);
        else
            widest = restore_join(&p, dst + 2 * i, from, &part, n, &at, widest, 0);
        raw->bit[0] += 8 * (size_t)(at.fields - fields) + vgetq_lane_u8(at.bit, 15) - bit;
        raw->bit[1] = 8 * (byte + (size_t)(at.bytes - bytes));
    }
    for (unsigned c = 0; c < params->nclasses; c++)
        lists->next[lists->group[c]] = next[lists->group[c]];
    /* Of no elements, it still says whether the strings are too short. */
    const int bad = restore_rest(dst, base, lists, raw, whole, nelem, params);
    return bad || vmaxvq_u8(widest) > params->width - 2;
}

#endif
