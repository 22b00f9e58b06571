/* Elements given those of a base: codec `delta`'s loops. */
#include "kernel_specs.h"

#include <limits.h>
#include <string.h>

static int64_t power(unsigned n)
{
    return (int64_t)1 << n;
}

static int64_t modulo(int64_t v, int64_t m)
{
    return (v % m + m) % m;
}

static int64_t signed_of_width(int64_t v, unsigned width)
{
    v = modulo(v, power(width));
    return v < power(width - 1) ? v : v - power(width);
}

static void random_params(kc_case *c, kc_rng *rng)
{
    bitx_delta_params *p = &c->params;
    p->zero_bits = kc_below(rng, 3) ? 0 : kc_below(rng, 15);
    p->width = 16 - p->zero_bits;
    p->sign = kc_below(rng, 4) != 0;
    p->class_shift = kc_below(rng, p->width);
    p->class_low = kc_below(rng, 3) ? kc_below(rng, (unsigned)power(p->width - p->class_shift))
                                    : kc_below(rng, 70000);
    p->nclasses = 1 + kc_below(rng, 16);
    for (int k = 0; k < 16; k++)
        p->shift[k] = (uint8_t)kc_below(rng, kc_below(rng, 2) ? p->width - 1 : 1);
    p->same_classes = (uint16_t)kc_random(rng);
    if (kc_below(rng, 16) == 0) { /* classes at the end of what words are */
        p->zero_bits = p->class_shift = 0;
        p->width = 16;
        p->sign = kc_below(rng, 4) == 0;
        p->class_low = (p->sign ? 32768 : 65536) - kc_below(rng, 4);
    }
}

static int64_t word_at(const kc_case *c, const uint8_t *p, size_t i)
{
    return kc_element(p, i, 2) / power(c->params.zero_bits);
}

static int64_t origin_at(const kc_case *c, const uint8_t *base, size_t i)
{
    return word_at(c, base, i) % power(c->params.width - c->params.sign);
}

static uint8_t class_at(const kc_case *c, const uint8_t *base, size_t i)
{
    int64_t k = origin_at(c, base, i) / power(c->params.class_shift) - c->params.class_low;
    k = k < 0 ? 0 : k;
    return (uint8_t)(k < c->params.nclasses ? k : c->params.nclasses - 1);
}

/* A float's word as a number in the order of floats; -0 is -1. */
static int64_t ordered(int64_t word, unsigned width)
{
    return word < power(width - 1) ? word : -(word - power(width - 1)) - 1;
}

static int64_t difference_at(const kc_case *c, const uint8_t *x, const uint8_t *base, size_t i)
{
    unsigned width = c->params.width;
    int64_t word = word_at(c, x, i), from = word_at(c, base, i);
    if (!c->params.sign)
        return signed_of_width(word - from, width);
    if (from >= power(width - 1))
        word = modulo(word + power(width - 1), power(width)); /* the sign flipped */
    return signed_of_width(ordered(word, width) - origin_at(c, base, i), width);
}

static void plan_delta_classes_u16(kc_case *c, kc_rng *rng)
{
    random_params(c, rng);
    kc_add_in(c, rng, 2 * c->nelem);
    kc_add_out(c, c->nelem);
}

static void ref_delta_classes_u16(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++)
        c->out[0][i] = class_at(c, c->in[0], i);
}

static void plan_delta_diff_u16(kc_case *c, kc_rng *rng)
{
    random_params(c, rng);
    kc_add_in(c, rng, 2 * c->nelem);
    kc_add_in(c, rng, 2 * c->nelem);
    kc_make_near(c, rng);
    kc_add_out(c, 2 * c->nelem);
    kc_add_out(c, c->nelem);
}

static void ref_delta_diff_u16(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++) {
        kc_set_element(c->out[0], i, 2, (unsigned)difference_at(c, c->in[0], c->in[1], i));
        c->out[1][i] = class_at(c, c->in[1], i);
    }
}

/* Any difference of the width, small ones mostly; any class, none sometimes. */
static void plan_delta_split_u16(kc_case *c, kc_rng *rng)
{
    random_params(c, rng);
    c->bit = kc_below(rng, 20);
    c->value[0] = 8 * kc_below(rng, 20); /* the bit where string 1 begins */
    kc_add_in(c, rng, 2 * c->nelem);
    kc_add_in(c, rng, c->nelem);
    unsigned any = kc_below(rng, 2);
    for (size_t i = 0; i < c->nelem; i++) {
        int64_t d = (int64_t)kc_element(c->in[0], i, 2);
        if (kc_below(rng, 8) && !any)
            d = d % 40 - 20;
        kc_set_element(c->in[0], i, 2, (unsigned)signed_of_width(d, c->params.width));
        c->in[1][i] = kc_below(rng, 10) ? c->in[1][i] % c->params.nclasses : 0xff;
    }
    kc_add_out(c, c->nelem);
    kc_add_out(c, 0); /* the reference knows */
    kc_add_out(c, 0);
    c->out_room[1] = c->bit / 8 + c->nelem + 8;
    c->out_room[2] = c->value[0] / 8 + c->nelem + 8;
}

/* The symbol of magnitude v without its sign, and the bits and the least magnitude that it has. */
static unsigned coded_magnitude(int64_t v, unsigned *e, int64_t *least)
{
    *e = 0;
    *least = v;
    if (v < 16)
        return (unsigned)v;
    while (power(*e + 1) + 14 <= v)
        ++*e;
    *least = power(*e) + 14;
    return 15 + *e;
}

/* The symbol of an element, and its raw bits to both strings. */
static void split_one(kc_case *c, size_t i, int64_t d, unsigned k, size_t bits[2])
{
    unsigned e;
    int64_t least;
    c->out[0][i] = 255;
    if (k == 0xff || (d == 0 && c->params.same_classes >> k & 1))
        return;
    int64_t unit = power(c->params.shift[k]);
    int64_t u = signed_of_width(d + unit / 2, c->params.width), m = u < 0 ? -u - 1 : u;
    c->out[0][i] = (uint8_t)(2 * coded_magnitude(m / unit, &e, &least) + (u < 0));
    unsigned w = c->params.shift[k] + e, low = w >= 8 ? 8 : 0;
    for (unsigned b = 0; b < w; b++)
        kc_set_bit(c->out[1 + (b < low)], bits[b < low]++,
                   (int)((m - least * unit) >> b & 1) ^ (u < 0));
}

static void end_strings(kc_case *c, const size_t bits[2])
{
    for (unsigned k = 0; k < 2; k++) {
        for (size_t b = bits[k]; b % 8; b++)
            kc_set_bit(c->out[1 + k], b, 0);
        c->out_nbytes[1 + k] = (bits[k] + 7) / 8;
        /* Bytes before the string are not the kernel's. */
        memset(c->out[1 + k], 0xa5, (k ? c->value[0] : c->bit) / 8);
    }
    c->result = bits[0] | (uint64_t)bits[1] << 32;
}

static void ref_delta_split_u16(kc_case *c)
{
    size_t bits[2] = {c->bit, c->value[0]};
    for (size_t i = 0; i < c->nelem; i++)
        split_one(c, i, signed_of_width(kc_element(c->in[0], i, 2), 16), c->in[1][i], bits);
    end_strings(c, bits);
}

/* Near the base in one case of two: by steps of many sizes. */
static void plan_pair(kc_case *c, kc_rng *rng)
{
    c->bit = kc_below(rng, 20);
    c->value[0] = 8 * kc_below(rng, 20);
    kc_add_in(c, rng, 2 * c->nelem);
    kc_add_in(c, rng, 2 * c->nelem);
    unsigned near = kc_below(rng, 2), size = 1 + kc_below(rng, 9);
    for (size_t i = 0; i < c->nelem && near; i++) {
        unsigned step = kc_below(rng, 1u << size) << c->params.zero_bits;
        unsigned base = kc_element(c->in[1], i, 2);
        kc_set_element(c->in[0], i, 2, base + (kc_below(rng, 3) ? step : 0));
    }
    kc_add_out(c, c->nelem);
    kc_add_out(c, 0);
    kc_add_out(c, 0);
    c->out_room[1] = c->bit / 8 + c->nelem + 8;
    c->out_room[2] = c->value[0] / 8 + c->nelem + 8;
}

static void plan_delta_encode_u16(kc_case *c, kc_rng *rng)
{
    random_params(c, rng);
    plan_pair(c, rng);
    kc_add_out(c, c->nelem);
}

static void ref_delta_encode_u16(kc_case *c)
{
    size_t bits[2] = {c->bit, c->value[0]};
    for (size_t i = 0; i < c->nelem; i++) {
        c->out[3][i] = class_at(c, c->in[1], i);
        split_one(c, i, difference_at(c, c->in[0], c->in[1], i), c->out[3][i], bits);
    }
    end_strings(c, bits);
}

/* Classes that split the words that there are, in half of all cases. */
static void plan_delta_lists_u16(kc_case *c, kc_rng *rng)
{
    random_params(c, rng);
    if (kc_below(rng, 2) && c->params.width > 6) {
        c->params.class_shift = c->params.width - 5;
        c->params.class_low = kc_below(rng, 4);
    }
    plan_pair(c, rng);
    unsigned ngroups = 1 + kc_below(rng, kc_below(rng, 2) ? 8 : 16);
    for (unsigned k = 0; k < 16; k++)
        c->group[k] = (uint8_t)kc_below(rng, ngroups);
}

static void ref_delta_lists_u16(kc_case *c)
{
    static uint8_t symbols[KC_MAX_NELEM];
    size_t bits[2] = {c->bit, c->value[0]}, at = 0;
    for (size_t i = 0; i < c->nelem; i++)
        split_one(c, i, difference_at(c, c->in[0], c->in[1], i), class_at(c, c->in[1], i), bits);
    memcpy(symbols, c->out[0], c->nelem);
    end_strings(c, bits);
    for (unsigned g = 0; g < 16; g++) {
        size_t start = at;
        for (size_t i = 0; i < c->nelem; i++)
            if (c->group[class_at(c, c->in[1], i)] == g)
                c->out[0][at++] = symbols[i];
        c->result = c->result * 1000003 + (at - start);
    }
}

/* Of element i: what its chunk's scale takes off the classes, or -1 where it is that of the base.
 */
static int up_at(const kc_case *c, size_t i)
{
    if (!c->value[1])
        return 0;
    int scale = c->in[2][i >> c->value[1]];
    return scale == 15 ? -1 : 14 - scale;
}

static uint8_t class_scaled(const kc_case *c, size_t i, int up)
{
    int64_t k = origin_at(c, c->in[0], i) / power(c->params.class_shift);
    k -= (int64_t)c->params.class_low - up;
    k = k < 0 ? 0 : k;
    return (uint8_t)(k < c->params.nclasses ? k : c->params.nclasses - 1);
}

/* The least symbol whose element has more raw bits than it may, or the last symbol that there is.
 */
static uint8_t first_impossible(const bitx_delta_params *p, unsigned shift)
{
    unsigned e = p->width - 1 - shift;
    return (uint8_t)(e < 14 ? 2 * (15 + e) : 58);
}

/* Any symbol that fits, in the lists of their groups; returns the raw bits of both strings. */
static void plan_lists(kc_case *c, kc_rng *rng, size_t bits[2], unsigned all_wide)
{
    size_t n[16] = {0}, at = 0;
    const int many = c->nelem >= 4096;
    unsigned large = kc_below(rng, 3), impossible = kc_below(rng, many ? 4 : 10) == 0;
    const size_t wrong = impossible ? kc_below(rng, (unsigned)c->nelem + 1) : SIZE_MAX;
    for (size_t i = 0; i < c->nelem; i++)
        if (up_at(c, i) >= 0)
            n[c->group[class_scaled(c, i, up_at(c, i))]]++;
    for (unsigned g = 0; g < 16; g++) {
        c->group_start[g] = at;
        at += n[g];
        n[g] = c->group_start[g];
    }
    unsigned sames = kc_below(rng, 3) ? 20 : 1 + kc_below(rng, 2);
    unsigned sparse = kc_below(rng, many ? 2 : 3) || all_wide ? 0 : 10 + kc_below(rng, 90);
    sames = all_wide ? UINT_MAX : sames;
    for (size_t i = 0; i < c->nelem; i++) {
        if (up_at(c, i) < 0)
            continue;
        unsigned k = class_scaled(c, i, up_at(c, i)), shift = c->params.shift[k], most = 15;
        if (large)
            most += c->params.width - 2 - shift;
        uint8_t *symbol = &c->in[1][n[c->group[k]]++];
        *symbol = (uint8_t)kc_below(rng, 2 * (most + 1));
        if (i == wrong)
            *symbol = first_impossible(&c->params, shift) + (uint8_t)kc_below(rng, 2);
        else if (kc_below(rng, sames) == 0 || (sparse && kc_below(rng, sparse)))
            *symbol = 255;
        if (*symbol == 255)
            continue;
        unsigned w = shift + (*symbol / 2 > 15 ? *symbol / 2 - 15u : 0);
        bits[0] += w % 8;
        bits[1] += w >= 8 ? 8 : 0;
    }
}

/* BF16, which kernels may have a way of their own for; or nearly. */
static void bf16_params(kc_case *c, kc_rng *rng)
{
    bitx_delta_params *p = &c->params;
    p->zero_bits = 0;
    p->width = 16;
    p->sign = 1;
    p->class_shift = 7;
    p->class_low = kc_below(rng, 4) ? 14 + kc_below(rng, 260) : 252 + kc_below(rng, 5);
    const unsigned nearly = kc_below(rng, 10);
    if (nearly == 0)
        p->class_shift = 6;
    if (nearly == 1)
        p->width = 16 - ++p->zero_bits;
    for (unsigned k = 0; k < 16; k++)
        p->shift[k] = p->shift[k] < p->width - 2 ? p->shift[k] : (uint8_t)(p->width - 2);
}

/* Exponents of BF16 that are in all classes. */
static void spread_exponents(kc_case *c, kc_rng *rng)
{
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned e = c->params.class_low - 2 + kc_below(rng, c->params.nclasses + 4);
        unsigned word = (unsigned)kc_element(c->in[0], i, 2) & 0x807f;
        kc_set_element(c->in[0], i, 2, word | (e & 255) << 7);
    }
}

/* Classes at the end of what words are, and words there. */
static void last_classes(kc_case *c)
{
    bitx_delta_params *p = &c->params;
    p->zero_bits = p->sign = p->class_shift = 0;
    p->width = 16;
    p->class_low = 65535 - c->nelem % 3;
}

static void last_words(kc_case *c, kc_rng *rng)
{
    for (size_t i = 0; i < c->nelem; i++)
        kc_set_element(c->in[0], i, 2, 65535 - kc_below(rng, 5));
}

/* Possible symbols mostly, and as many raw bytes as they need; sometimes fewer or more. */
static void plan_delta_restore_u16(kc_case *c, kc_rng *rng)
{
    const int bf16 = kc_below(rng, 2) != 0;
    if (c->nelem > 150 && c->nelem < 300 && kc_below(rng, 8) == 0) /* whole parts */
        c->nelem = 2048 * (size_t)(1 + kc_below(rng, 2));
    const int whole = c->nelem && c->nelem % 2048 == 0;
    random_params(c, rng);
    c->bit = kc_below(rng, 20);
    c->value[0] = 8 * kc_below(rng, 3); /* the bit where string 1 begins */
    c->value[1] = kc_below(rng, 3) ? 0 : 6 + kc_below(rng, 3);
    if (c->value[1])
        c->params.class_low = 14 + kc_below(rng, 40000);
    const int last = !bf16 && !c->value[1] && kc_below(rng, 8) == 0;
    if (bf16)
        bf16_params(c, rng);
    else if (last)
        last_classes(c);
    const unsigned all_wide = c->params.width > 10 && kc_below(rng, whole ? 2 : 4) == 0;
    for (unsigned k = 0; k < 16 && all_wide; k++)
        c->params.shift[k] = (uint8_t)(8 + kc_below(rng, c->params.width - 9));
    unsigned ngroups = 1 + kc_below(rng, kc_below(rng, 2) ? 16 : 8);
    const int all_groups = c->nelem >= 4096 && kc_below(rng, 3) == 0;
    c->params.nclasses = all_groups ? 16 : c->params.nclasses;
    for (unsigned k = 0; k < 16; k++)
        c->group[k] = (uint8_t)(all_groups ? k : kc_below(rng, ngroups));
    kc_add_in(c, rng, 2 * c->nelem);
    if (bf16)
        spread_exponents(c, rng);
    else if (last)
        last_words(c, rng);
    kc_add_in(c, rng, c->nelem + 64);
    kc_add_in(c, rng, c->value[1] ? (c->nelem + (1u << c->value[1]) - 1) >> c->value[1] : 0);
    const unsigned changed = kc_below(rng, 3) ? 2 : 200; /* of so many chunks one */
    for (size_t i = 0; i < c->in_nbytes[2]; i++)
        c->in[2][i] = kc_below(rng, changed) ? 15 : c->in[2][i] % 16;
    size_t bits[2] = {c->bit, c->value[0]};
    plan_lists(c, rng, bits, all_wide);
    for (unsigned k = 0; k < 2; k++) {
        size_t nbytes = (bits[k] + 7) / 8;
        unsigned fewer = kc_below(rng, whole ? 4 : 20);
        if (fewer == 0)
            nbytes = kc_below(rng, (unsigned)nbytes + 20);
        else if (fewer == 1 && nbytes)
            nbytes--;
        kc_add_in(c, rng, nbytes);
    }
    kc_add_out(c, 2 * c->nelem);
}

/* The next raw bits of an element, or -1 if it has more than an element may. */
static int64_t raw_of(const kc_case *c, unsigned w, size_t bits[2])
{
    int64_t raw = 0;
    unsigned low = w >= 8 ? 8 : 0;
    if (w > c->params.width - 2)
        return -1;
    for (unsigned b = 0; b < w; b++) {
        unsigned k = b < low;
        size_t at = bits[k]++;
        raw += at < 8 * c->in_nbytes[3 + k] ? (int64_t)kc_bit(c->in[3 + k], at) << b : 0;
    }
    return raw;
}

static void ref_delta_restore_u16(kc_case *c)
{
    const bitx_delta_params *p = &c->params;
    size_t bits[2] = {c->bit, c->value[0]}, n[16];
    memcpy(n, c->group_start, sizeof(n));
    for (size_t i = 0; i < c->nelem; i++) {
        int up = up_at(c, i);
        unsigned k = class_scaled(c, i, up), shift = p->shift[k];
        unsigned symbol = up < 0 ? 255 : c->in[1][n[c->group[k]]++];
        int64_t d = 0, unit = power(shift);
        if (symbol != 255) {
            unsigned e = symbol / 2 > 15 ? symbol / 2 - 15 : 0;
            int64_t raw = raw_of(c, shift + e, bits), least = e ? power(e) + 14 : symbol / 2;
            if (raw < 0)
                goto bad;
            d = (symbol % 2 ? -least - power(e) : least) * unit + raw - unit / 2;
        }
        /* The word whose difference this is. */
        int64_t base = word_at(c, c->in[0], i), half = power(p->width - 1);
        int64_t word = modulo(d + origin_at(c, c->in[0], i), power(p->width));
        if (p->sign) {
            word = word < half ? word : half + (power(p->width) - 1 - word);
            word = base < half ? word : modulo(word + half, 2 * half);
        }
        kc_set_element(c->out[0], i, 2, (unsigned)(word * power(p->zero_bits)));
    }
    c->result = bits[0] | (uint64_t)bits[1] << 32;
    for (unsigned g = 0; g < 16; g++)
        c->result = c->result * 1000003 + n[g];
    if (bits[0] <= 8 * c->in_nbytes[3] && bits[1] <= 8 * c->in_nbytes[4])
        return;
bad:
    c->result = UINT64_MAX;
    c->out_nbytes[0] = 0;
}

/* The word of a folded number. */
static unsigned unfolded(const bitx_float_params *p, int64_t v)
{
    int64_t half = v / 2;
    if (p->fold == 1)
        v = half + v % 2 * power(p->width - 1);
    else if (p->fold == 2)
        v = v % 2 ? power(p->width) - 1 - half : half;
    return (unsigned)(v * power(p->zero_bits));
}

/* Symbols that fit, and exactly the bytes of their raw bits. */
static void plan_float_join_u16(kc_case *c, kc_rng *rng)
{
    bitx_float_params *p = &c->float_params;
    p->zero_bits = kc_below(rng, 3) ? 0 : kc_below(rng, 15);
    p->width = 16 - p->zero_bits;
    p->fold = kc_below(rng, 3);
    p->shift = kc_below(rng, p->width);
    unsigned values = 1u << (p->width - p->shift);
    p->low = kc_below(rng, values);
    kc_add_in(c, rng, c->nelem);
    for (size_t i = 0; i < c->nelem; i++)
        if (c->in[0][i] >= values - p->low)
            c->in[0][i] = (uint8_t)kc_below(rng, values - p->low);
    kc_add_in(c, rng, (c->nelem * p->shift + 7) / 8);
    kc_add_out(c, 2 * c->nelem);
}

static void ref_float_join_u16(kc_case *c)
{
    const bitx_float_params *p = &c->float_params;
    for (size_t i = 0; i < c->nelem; i++) {
        int64_t v = (p->low + c->in[0][i]) * power(p->shift);
        for (unsigned b = 0; b < p->shift; b++)
            v += (int64_t)kc_bit(c->in[1], i * p->shift + b) * power(b);
        kc_set_element(c->out[0], i, 2, unfolded(p, v));
    }
}

/* In every second case all symbols fit a byte, or are the least that does not, and zeros. */
static void plan_float_split_u16(kc_case *c, kc_rng *rng)
{
    bitx_float_params *p = &c->float_params;
    p->zero_bits = kc_below(rng, 3) ? 0 : kc_below(rng, 15);
    p->width = 16 - p->zero_bits;
    p->fold = kc_below(rng, 3) ? 1 : kc_below(rng, 3);
    p->shift = kc_below(rng, 3) ? p->width / 2 : kc_below(rng, p->width);
    p->low = kc_below(rng, 3) ? 0 : kc_below(rng, (unsigned)power(p->width - p->shift));
    kc_add_in(c, rng, 2 * c->nelem);
    unsigned values = (unsigned)power(p->width - p->shift) - p->low;
    const int least = values > 256 && kc_below(rng, 2);
    if (kc_below(rng, 2))
        for (size_t i = 0; i < c->nelem; i++) {
            int64_t symbol = p->low + (least ? 256 * kc_below(rng, 2)
                                             : kc_below(rng, values < 256 ? values : 256));
            unsigned raw = kc_below(rng, (unsigned)power(p->shift));
            kc_set_element(c->in[0], i, 2, unfolded(p, symbol * power(p->shift) + raw));
        }
    kc_add_out(c, c->nelem);
    kc_add_out(c, (c->nelem * p->shift + 7) / 8);
}

static void ref_float_split_u16(kc_case *c)
{
    const bitx_float_params *p = &c->float_params;
    int64_t half = power(p->width - 1);
    memset(c->out[1], 0, c->out_nbytes[1]);
    for (size_t i = 0; i < c->nelem; i++) {
        int64_t v = kc_element(c->in[0], i, 2) / power(p->zero_bits);
        if (p->fold == 1)
            v = v < half ? 2 * v : 2 * (v - half) + 1;
        else if (p->fold == 2)
            v = v < half ? 2 * v : 2 * (2 * half - 1 - v) + 1;
        int64_t symbol = v / power(p->shift) - p->low;
        c->out[0][i] = (uint8_t)modulo(symbol, 256);
        if (symbol < 0 || symbol > 255)
            c->result = 1;
        for (unsigned b = 0; b < p->shift; b++)
            kc_set_bit(c->out[1], i * p->shift + b, (int)(v >> b & 1));
    }
}

/* Classes to a few groups; those without a plane, and those of ones. */
static void random_groups(kc_case *c, kc_rng *rng)
{
    unsigned ngroups = 1 + kc_below(rng, 16);
    for (unsigned k = 0; k < 16; k++)
        c->group[k] = (uint8_t)kc_below(rng, ngroups);
    if (kc_below(rng, 2)) /* groups as they come in models: of some exponents */
        c->params.class_low = kc_below(rng, 8);
    c->value[0] = kc_below(rng, 2) ? 0 : kc_below(rng, 1 << 16);
    c->value[1] = kc_below(rng, 2) ? 0 : kc_below(rng, 1 << 16);
}

/* What lies behind a group's bits is undefined, as is the byte where those of a group without
   elements would begin: zeros, for the comparison. */
void kc_end_planes(kc_case *c, const size_t bits[16])
{
    for (unsigned g = 0; g < 16; g++) {
        size_t end = bits[g] > c->bit + g ? (bits[g] + 7) / 8 : bits[g] / 8;
        if (end < c->stride)
            memset(c->out[2] + g * c->stride + end, 0, c->stride - end);
        c->result = c->result * 1000003 + bits[g];
    }
}

/* Planes begin at bit g of c->bit on, end to end at strides that are their rooms. */
static void plan_delta_sift_u16(kc_case *c, kc_rng *rng)
{
    random_params(c, rng);
    random_groups(c, rng);
    c->value[0] = kc_below(rng, 2) ? 0 : c->value[0];
    c->bit = kc_below(rng, 20);
    kc_add_in(c, rng, 2 * c->nelem);
    kc_add_in(c, rng, 2 * c->nelem);
    unsigned changed = kc_below(rng, 4) ? 1 + kc_below(rng, 150) : 0;
    for (size_t i = 0; i < c->nelem && changed; i++)
        if (kc_below(rng, changed))
            kc_set_element(c->in[0], i, 2, kc_element(c->in[1], i, 2));
    c->stride = (c->bit + 15) / 8 + c->nelem / 8 + 16;
    for (unsigned k = 0; k < 2; k++) {
        kc_add_out(c, 0); /* the reference knows */
        c->out_room[k] = 2 * (c->nelem + 64);
    }
    kc_add_out(c, 16 * c->stride);
}

static void ref_delta_sift_u16(kc_case *c)
{
    size_t bits[16], n = 0;
    for (unsigned g = 0; g < 16; g++)
        bits[g] = c->bit + g;
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned g = c->group[class_at(c, c->in[1], i)];
        int is = (c->value[0] >> g & 1) || word_at(c, c->in[0], i) != word_at(c, c->in[1], i);
        kc_set_bit(c->out[2] + g * c->stride, bits[g]++, is);
        for (unsigned k = 0; k < 2 && is; k++)
            kc_set_element(c->out[k], n, 2, kc_element(c->in[k], i, 2));
        n += (size_t)is;
    }
    for (unsigned g = 0; g < 16; g++)
        for (size_t b = bits[g]; b % 8; b++)
            kc_set_bit(c->out[2] + g * c->stride, b, 0);
    c->out_nbytes[0] = c->out_nbytes[1] = 2 * n;
    c->result = n;
    kc_end_planes(c, bits);
}

/* Planes of just so many bits as there are elements, and 16 bytes. */
static void plan_delta_places_u16(kc_case *c, kc_rng *rng)
{
    size_t n[16] = {0}, at = 0;
    c->nelem = c->nelem < 65536 ? c->nelem : 65536;
    random_params(c, rng);
    random_groups(c, rng);
    c->bit = kc_below(rng, 20);
    kc_add_in(c, rng, 2 * c->nelem);
    for (size_t i = 0; i < c->nelem; i++)
        n[c->group[class_at(c, c->in[0], i)]]++;
    for (unsigned g = 0; g < 16; g++) {
        c->group_start[g] = at;
        at += (c->bit + g + n[g] + 7) / 8 + 16;
    }
    kc_add_in(c, rng, at);
    unsigned few = kc_below(rng, 3) ? 1 + kc_below(rng, 20) : 1;
    for (size_t i = 0; i < at; i++)
        if (kc_below(rng, few))
            c->in[1][i] = 0;
    kc_add_out(c, 0);
    c->out_room[0] = 2 * (c->nelem + 64);
}

static void ref_delta_places_u16(kc_case *c)
{
    size_t bits[16], n = 0;
    for (unsigned g = 0; g < 16; g++)
        bits[g] = c->bit + g;
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned g = c->group[class_at(c, c->in[0], i)];
        size_t bit = bits[g]++;
        int plain = c->value[1] >> g & 1, is = (int)(c->value[0] >> g & 1);
        is = plain ? is : kc_bit(c->in[1] + c->group_start[g], bit);
        if (is)
            kc_set_element(c->out[0], n++, 2, (unsigned)i);
    }
    c->out_nbytes[0] = 2 * n;
    c->result = n;
    for (unsigned g = 0; g < 16; g++)
        c->result = c->result * 1000003 + bits[g];
}

/* clang-format off */
const kc_spec kc_specs_delta[] = {
    {"delta_classes_u16", plan_delta_classes_u16, ref_delta_classes_u16, 0, NULL, {0}},
    {"delta_diff_u16", plan_delta_diff_u16, ref_delta_diff_u16, 0, NULL, {0}},
    {"delta_split_u16", plan_delta_split_u16, ref_delta_split_u16, 0, NULL, {0}},
    {"delta_encode_u16", plan_delta_encode_u16, ref_delta_encode_u16, 0, NULL, {0}},
    {"delta_lists_u16", plan_delta_lists_u16, ref_delta_lists_u16, 0, NULL, {0}},
    {"delta_restore_u16", plan_delta_restore_u16, ref_delta_restore_u16, 0, NULL, {0}},
    {"delta_sift_u16", plan_delta_sift_u16, ref_delta_sift_u16, 0, NULL, {.many = 20}},
    {"delta_places_u16", plan_delta_places_u16, ref_delta_places_u16, 0, NULL, {.many = 20}},
    {"float_split_u16", plan_float_split_u16, ref_float_split_u16, 0, NULL, {0}},
    {"float_join_u16", plan_float_join_u16, ref_float_join_u16, 0, NULL, {0}},
    {0},
};
/* clang-format on */
