/*
 * Elements from those of a base, lists of symbols and raw bits, NEON: parts that stay in L1.
 * Symbols come to their elements one by one, as there is no pext for the planes of a tree of
 * groups: five instructions. All else is 16 elements at a time.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include <arm_neon.h>
#    include <string.h>

#    include "restore.h"

enum { PART = 1024, NONE = 16 };

/* bitx_delta_params in registers. */
typedef struct restore_params {
    int16x8_t zero_bits, from_zero_bits; /* shifts to the left and to the right */
    int16x8_t class_shift;
    uint16x8_t word, magnitude, top; /* masks: all of a word; without its sign; the sign alone */
    uint8x16_t class_last, groups, shifts;
    uint8x16_t large_low, large_high; /* by bits above those of the shift, one more for odd symbols:
                                         what is to be added to 15, and the high byte */
    uint8x16_t masks;                 /* of fields, by their width */
} restore_params;

typedef struct restore_part {
    uint8_t classes[PART], groups[PART], symbols[PART];
    const uint8_t *next[NONE + 1];
    uint8_t none[PART];
} restore_part;

/* The end of a string of raw bits, with zeros behind. */
typedef struct restore_tail {
    size_t from; /* of the string, SIZE_MAX: nothing is here yet */
    uint8_t bytes[2 * PART + 64];
} restore_tail;

static inline restore_params load_params(const bitx_delta_params *p, const bitx_delta_lists *lists)
{
    static const uint8_t low[16] = {0,    0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t high[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128};
    static const uint8_t masks[16] = {0, 1, 3, 7, 15, 31, 63, 127};
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
                            vld1q_u8(low),
                            vld1q_u8(high),
                            vld1q_u8(masks)};
}

static inline uint16x8_t load_words(const restore_params *p, const uint8_t *src)
{
    return vshlq_u16(vreinterpretq_u16_u8(vld1q_u8(src)), p->from_zero_bits);
}

/* ---- classes, and symbols to their elements ---- */

/* n: a multiple of 16. */
static inline void restore_classes(const restore_params *p, restore_part *part, size_t from,
                                   const uint8_t *base, size_t n, unsigned low)
{
    const uint16x8_t class_low = vdupq_n_u16((uint16_t)(low < 65535 ? low : 65535));
    for (size_t i = 0; i < n; i += 16) {
        uint16x8_t w0 = vandq_u16(load_words(p, base + 2 * i), p->magnitude);
        uint16x8_t w1 = vandq_u16(load_words(p, base + 2 * i + 16), p->magnitude);
        w0 = vqsubq_u16(vshlq_u16(w0, p->class_shift), class_low);
        w1 = vqsubq_u16(vshlq_u16(w1, p->class_shift), class_low);
        uint8x16_t c = vqmovn_high_u16(vqmovn_u16(w0), w1);
        c = vminq_u8(c, p->class_last);
        vst1q_u8(part->classes + from + i, c);
        vst1q_u8(part->groups + from + i, vqtbl1q_u8(p->groups, c));
    }
}

/* The classes and groups of a part, NONE where the words are those of the base. */
static inline void restore_part_classes(const restore_params *p, restore_part *part,
                                        const uint8_t *base, size_t from, size_t n,
                                        const bitx_delta_lists *lists,
                                        const bitx_delta_params *params)
{
    for (size_t i = 0; i < n;) {
        bitx_delta_run run = bitx_delta_run_at(lists, params, from + i, from + n);
        if (run.same) {
            memset(part->classes + i, 0, run.nelem);
            memset(part->groups + i, NONE, run.nelem);
        } else {
            restore_classes(p, part, i, base + 2 * i, run.nelem, run.class_low);
        }
        i += run.nelem;
    }
    part->next[NONE] = part->none;
}

static inline void restore_symbols(restore_part *part, size_t n)
{
    const uint8_t *groups = part->groups, **next = part->next;
    uint8_t *dst = part->symbols;
    for (size_t i = 0; i < n; i += 8) {
#    pragma GCC unroll 8
        for (unsigned k = 0; k < 8; k++) {
            const uint8_t *at = next[groups[i + k]];
            uint8_t symbol = *at;
            __asm__("" : "+r"(symbol)); /* before the pointer's sum: one instruction for both */
            next[groups[i + k]] = at + 1;
            dst[i + k] = symbol;
        }
    }
}

/* ---- raw bits ---- */

/* A string from byte `at` on: as many bytes as a part can take, and 16 behind them, are there to be
   read, in the string itself or in its tail. */
static inline const uint8_t *restore_string(const uint8_t *bytes, size_t nbytes, size_t at,
                                            restore_tail *tail)
{
    enum { NEED = PART + 16 };
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

/* Where the next raw bits are. */
typedef struct raw_place {
    const uint8_t *fields, *bytes;
    size_t bit;
} raw_place;

static inline uint64_t load_field_bits(const uint8_t *fields, size_t bit)
{
    uint64_t v;
    memcpy(&v, fields + bit / 8, 8);
    return v >> bit % 8;
}

/* Sums of the bytes up to each, in each eight. */
static inline uint8x16_t sum_eights(uint8x16_t v)
{
    uint64x2_t s = vreinterpretq_u64_u8(v);
    s = vreinterpretq_u64_u8(
        vaddq_u8(vreinterpretq_u8_u64(s), vreinterpretq_u8_u64(vshlq_n_u64(s, 8))));
    s = vreinterpretq_u64_u8(
        vaddq_u8(vreinterpretq_u8_u64(s), vreinterpretq_u8_u64(vshlq_n_u64(s, 16))));
    return vaddq_u8(vreinterpretq_u8_u64(s), vreinterpretq_u8_u64(vshlq_n_u64(s, 32)));
}

/* 16 fields of at most 7 bits: those of eight are in one qword, from its first bit on. */
static inline uint8x16_t restore_fields(const restore_params *p, raw_place *raw, uint8x16_t widths)
{
    static const uint8_t eights[16] = {0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8};
    const uint8x16_t sums = sum_eights(widths), start = vsubq_u8(sums, widths);
    uint64x2_t window = vdupq_n_u64(load_field_bits(raw->fields, raw->bit));
    raw->bit += vgetq_lane_u8(sums, 7);
    window = vsetq_lane_u64(load_field_bits(raw->fields, raw->bit), window, 1);
    raw->bit += vgetq_lane_u8(sums, 15);
    const uint8x16_t bytes = vreinterpretq_u8_u64(window);
    const uint8x16_t at = vaddq_u8(vshrq_n_u8(start, 3), vld1q_u8(eights));
    const int8x16_t down = vreinterpretq_s8_u8(vorrq_u8(start, vdupq_n_u8(0xf8))); /* less 8 */
    /* Below: the byte of the first bit, to the right; above: the next one, to the left. */
    uint8x16_t above = vqtbl1q_u8(bytes, vaddq_u8(at, vdupq_n_u8(1)));
    uint8x16_t below = vqtbl1q_u8(bytes, at);
    const int8x16_t right = vnegq_s8(vreinterpretq_s8_u8(vandq_u8(start, vdupq_n_u8(7))));
    above = vshlq_u8(above, vnegq_s8(down));
    below = vshlq_u8(below, right);
    return vandq_u8(vorrq_u8(above, below), vqtbl1q_u8(p->masks, widths));
}

/* Bytes to where `wide` is 0xff; 0 elsewhere. */
static inline uint8x16_t restore_bytes(raw_place *raw, uint8x16_t wide)
{
    const uint8x16_t none = vdupq_n_u8(0);
    uint8x16_t less = wide; /* by one for each up to here */
    less = vaddq_u8(less, vextq_u8(none, less, 15));
    less = vaddq_u8(less, vextq_u8(none, less, 14));
    less = vaddq_u8(less, vextq_u8(none, less, 12));
    less = vaddq_u8(less, vextq_u8(none, less, 8));
    const uint8x16_t bytes = vld1q_u8(raw->bytes);
    /* -1 - less: the number of those before; beyond the table where there is no byte. */
    const uint8x16_t at = vornq_u8(vmvnq_u8(less), wide);
    raw->bytes += (uint8_t)-vgetq_lane_u8(less, 15);
    return vqtbl1q_u8(bytes, at);
}

/* ---- words ---- */

static inline uint16x8_t restore_words(const restore_params *p, uint16x8_t base, uint16x8_t d)
{
    uint16x8_t v = vandq_u16(vaddq_u16(d, vandq_u16(base, p->magnitude)), p->word);
    uint16x8_t below = vandq_u16(vtstq_u16(v, p->top), p->magnitude);
    return vshlq_u16(veorq_u16(veorq_u16(v, below), vandq_u16(base, p->top)), p->zero_bits);
}

/* Differences of eight, from words. */
static inline uint16x8_t restore_differences(uint16x8_t multiple, uint8x8_t shift, uint16x8_t raw)
{
    const int16x8_t up = vreinterpretq_s16_u16(vmovl_u8(shift));
    uint16x8_t half = vshrq_n_u16(vshlq_u16(vdupq_n_u16(1), up), 1);
    return vsubq_u16(vaddq_u16(vshlq_u16(multiple, up), raw), half);
}

/* 16 elements. Returns the greatest of `widest` and of the numbers of raw bits. */
static inline uint8x16_t restore16(const restore_params *p, uint8_t *dst, const uint8_t *base,
                                   const uint8_t *classes, const uint8_t *symbols, raw_place *raw,
                                   uint8x16_t widest)
{
    const uint8x16_t direct = vdupq_n_u8(RESTORE_DIRECT / 2 - 1);
    uint8x16_t s = vld1q_u8(symbols), same = vcltzq_s8(vreinterpretq_s8_u8(s));
    s = vbicq_u8(s, same);
    uint8x16_t half = vshrq_n_u8(s, 1), extra = vqsubq_u8(half, direct);
    uint8x16_t shift = vbicq_u8(vqtbl1q_u8(p->shifts, vld1q_u8(classes)), same);
    uint8x16_t widths = vaddq_u8(shift, extra), wide = vcgtq_u8(widths, vdupq_n_u8(7));
    uint8x16_t field = restore_fields(p, raw, vandq_u8(widths, vdupq_n_u8(7)));
    uint8x16_t raw_low = vorrq_u8(vbicq_u8(field, wide), restore_bytes(raw, wide));
    uint8x16_t raw_high = vandq_u8(field, wide);
    /* Large ones are 2^e + 14, or the ones' complement of 2^(e + 1) + 13. */
    uint8x16_t odd = vandq_u8(s, vdupq_n_u8(1)), sign = vsubq_u8(vdupq_n_u8(0), odd);
    uint8x16_t large_odd = vandq_u8(odd, vtstq_u8(extra, extra));
    uint8x16_t e = vaddq_u8(extra, large_odd);
    uint8x16_t low = vsubq_u8(vminq_u8(half, direct), large_odd);
    low = veorq_u8(vaddq_u8(low, vqtbl1q_u8(p->large_low, e)), sign);
    uint8x16_t high = veorq_u8(vqtbl1q_u8(p->large_high, e), sign);
    uint16x8_t d0 =
        restore_differences(vreinterpretq_u16_u8(vzip1q_u8(low, high)), vget_low_u8(shift),
                            vreinterpretq_u16_u8(vzip1q_u8(raw_low, raw_high)));
    uint16x8_t d1 =
        restore_differences(vreinterpretq_u16_u8(vzip2q_u8(low, high)), vget_high_u8(shift),
                            vreinterpretq_u16_u8(vzip2q_u8(raw_low, raw_high)));
    vst1q_u8(dst, vreinterpretq_u8_u16(restore_words(p, load_words(p, base), d0)));
    vst1q_u8(dst + 16, vreinterpretq_u8_u16(restore_words(p, load_words(p, base + 16), d1)));
    return vmaxq_u8(widest, widths);
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
    const size_t whole = nelem / 16 * 16;
    restore_part part;
    restore_tail tails[2];
    uint8x16_t widest = vdupq_n_u8(0);
    tails[0].from = tails[1].from = SIZE_MAX;
    memcpy(part.next, lists->next, sizeof(lists->next));
    memset(part.none, RESTORE_SAME, sizeof(part.none));
    for (size_t i = 0, n; i < whole; i += n) {
        n = whole - i < PART ? whole - i : PART;
        restore_part_classes(&p, &part, base + 2 * i, i, n, lists, params);
        restore_symbols(&part, n);
        const size_t bit = raw->bit[0] % 8, byte = raw->bit[1] / 8;
        raw_place at = {restore_string(raw->bytes[0], raw->nbytes[0], raw->bit[0] / 8, &tails[0]),
                        restore_string(raw->bytes[1], raw->nbytes[1], byte, &tails[1]), bit};
        const uint8_t *bytes = at.bytes;
        for (size_t k = 0; k < n; k += 16)
            widest = restore16(&p, dst + 2 * (i + k), base + 2 * (i + k), part.classes + k,
                               part.symbols + k, &at, widest);
        raw->bit[0] += at.bit - bit;
        raw->bit[1] = 8 * (byte + (size_t)(at.bytes - bytes));
    }
    memcpy(lists->next, part.next, sizeof(lists->next));
    int bad = vmaxvq_u8(widest) > params->width - 2;
    bad |= restore_rest(dst, base, lists, raw, whole, nelem, params);
    return bad || raw->bit[0] > 8 * raw->nbytes[0] || raw->bit[1] > 8 * raw->nbytes[1];
}

#endif
