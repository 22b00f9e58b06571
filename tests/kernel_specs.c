/*
 * The references: each says what kernels.h says, a bit or a byte at a time, and shares no code with
 * any kernel.
 */
#include "harness.h"

#include <string.h>

/* ---- inputs ---- */

/* Noise, constants, and few bits, since a kernel that drops a bit often passes on one of these. */
static void fill(kc_rng *rng, uint8_t *p, size_t n)
{
    unsigned kind = kc_below(rng, 8);
    if (kind == 0)
        memset(p, 0, n);
    else if (kind == 1)
        memset(p, 0xff, n);
    else
        kc_random_bytes(rng, p, n);
    if (kind == 2)
        for (size_t i = 0; i < n; i++)
            p[i] = kc_below(rng, 20) ? 0 : (uint8_t)(1u << kc_below(rng, 8));
}

static void add_in(kc_case *c, kc_rng *rng, size_t nbytes)
{
    c->in_nbytes[c->nin] = nbytes;
    fill(rng, c->in[c->nin++], nbytes);
}

static void add_out(kc_case *c, size_t nbytes)
{
    c->out_nbytes[c->nout++] = nbytes;
}

/* in[1] near in[0]: the same but for a few bytes. */
static void make_near(kc_case *c, kc_rng *rng)
{
    if (kc_below(rng, 4) != 0)
        return;
    memcpy(c->in[1], c->in[0], c->in_nbytes[1]);
    for (size_t i = 0; i < c->in_nbytes[1]; i++)
        if (kc_below(rng, 50) == 0)
            c->in[1][i] = (uint8_t)kc_random(rng);
}

static int bit(const uint8_t *p, size_t index)
{
    return p[index / 8] >> (index % 8) & 1;
}

static void set_bit(uint8_t *p, size_t index, int value)
{
    p[index / 8] = (uint8_t)((p[index / 8] & ~(1u << index % 8)) | (unsigned)value << index % 8);
}

/* ---- XOR and distance ---- */

static void plan_xor_bytes(kc_case *c, kc_rng *rng)
{
    add_in(c, rng, c->nelem);
    add_in(c, rng, c->nelem);
    make_near(c, rng);
    add_out(c, c->nelem);
}

static void ref_xor_bytes(kc_case *c)
{
    for (size_t i = 0; i < 8 * c->nelem; i++)
        set_bit(c->out[0], i, bit(c->in[0], i) != bit(c->in[1], i));
}

static void plan_distance_bits(kc_case *c, kc_rng *rng)
{
    add_in(c, rng, c->nelem);
    add_in(c, rng, c->nelem);
    make_near(c, rng);
}

static void ref_distance_bits(kc_case *c)
{
    for (size_t i = 0; i < 8 * c->nelem; i++)
        c->result += bit(c->in[0], i) != bit(c->in[1], i);
}

/* ---- float fields ---- */

static void plan_xor_split_bf16(kc_case *c, kc_rng *rng)
{
    add_in(c, rng, 2 * c->nelem);
    add_in(c, rng, 2 * c->nelem);
    make_near(c, rng);
    add_out(c, c->nelem);
    add_out(c, c->nelem);
}

static void ref_xor_split_bf16(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++) {
        for (size_t k = 0; k < 16; k++) {
            int x = bit(c->in[0], 16 * i + k) != bit(c->in[1], 16 * i + k);
            if (k >= 7 && k <= 14)
                set_bit(c->out[0], 8 * i + k - 7, x);
            else
                set_bit(c->out[1], 8 * i + (k == 15 ? 7 : k), x);
        }
    }
}

static void plan_xor_merge_bf16(kc_case *c, kc_rng *rng)
{
    add_in(c, rng, c->nelem);
    add_in(c, rng, c->nelem);
    add_in(c, rng, 2 * c->nelem);
    add_out(c, 2 * c->nelem);
}

static void ref_xor_merge_bf16(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++) {
        for (size_t k = 0; k < 16; k++) {
            int x = k >= 7 && k <= 14 ? bit(c->in[0], 8 * i + k - 7)
                                      : bit(c->in[1], 8 * i + (k == 15 ? 7 : k));
            set_bit(c->out[0], 16 * i + k, x != bit(c->in[2], 16 * i + k));
        }
    }
}

/* ---- partition and merge ---- */

/* The bytes that hold the plane's bits. */
static size_t plane_nbytes(const kc_case *c)
{
    return c->nelem ? (c->bit + c->nelem + 7) / 8 : 0;
}

static unsigned element(const uint8_t *list, size_t index, size_t width)
{
    return width == 1 ? list[index] : list[2 * index] | (unsigned)list[2 * index + 1] << 8;
}

static void set_element(uint8_t *list, size_t index, size_t width, unsigned value)
{
    for (size_t k = 0; k < width; k++)
        list[index * width + k] = (uint8_t)(value >> 8 * k);
}

static void plan_partition(kc_case *c, kc_rng *rng, size_t width)
{
    unsigned limit = width == 1 ? 256 : 65536;
    c->bit = kc_below(rng, 8);
    add_in(c, rng, width * c->nelem);
    c->value[0] = kc_below(rng, 4) ? kc_below(rng, limit) : limit + kc_below(rng, 2);
    if (c->nelem && kc_below(rng, 3) == 0)
        c->value[0] = element(c->in[0], kc_below(rng, (unsigned)c->nelem), width);
    size_t nhigh = 0;
    for (size_t i = 0; i < c->nelem; i++)
        nhigh += element(c->in[0], i, width) >= c->value[0];
    add_out(c, width * (c->nelem - nhigh));
    add_out(c, width * nhigh);
    c->out_room[0] = c->out_room[1] = width * c->nelem;
    add_out(c, plane_nbytes(c));
}

static void ref_partition(kc_case *c, size_t width)
{
    size_t nlow = 0;
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned x = element(c->in[0], i, width);
        int high = x >= c->value[0];
        set_bit(c->out[2], c->bit + i, high);
        set_element(c->out[high], high ? c->result++ : nlow++, width, x);
    }
    if (c->nelem)
        for (size_t i = c->bit + c->nelem; i % 8; i++)
            set_bit(c->out[2], i, 0);
}

static void plan_partition_u8(kc_case *c, kc_rng *rng)
{
    plan_partition(c, rng, 1);
}

static void plan_partition_u16(kc_case *c, kc_rng *rng)
{
    plan_partition(c, rng, 2);
}

static void ref_partition_u8(kc_case *c)
{
    ref_partition(c, 1);
}

static void ref_partition_u16(kc_case *c)
{
    ref_partition(c, 2);
}

/* The plane is made first, in the input after the lists that are there. */
static void plan_merge(kc_case *c, kc_rng *rng, size_t width, int has_low, int has_high)
{
    unsigned plane = (unsigned)(has_low + has_high);
    size_t ones = 0;
    c->bit = kc_below(rng, 8);
    c->in_nbytes[plane] = plane_nbytes(c);
    fill(rng, c->in[plane], c->in_nbytes[plane]);
    for (size_t i = 0; i < c->nelem; i++)
        ones += (size_t)bit(c->in[plane], c->bit + i);
    if (has_low)
        add_in(c, rng, width * (c->nelem - ones));
    if (has_high)
        add_in(c, rng, width * ones);
    c->nin++;
    c->value[0] = kc_below(rng, width == 1 ? 256 : 65536);
    c->value[1] = kc_below(rng, width == 1 ? 256 : 65536);
    add_out(c, width * c->nelem);
}

static void ref_merge(kc_case *c, size_t width, int has_low, int has_high)
{
    size_t nlow = 0, nhigh = 0;
    const uint8_t *low = c->in[0], *high = c->in[has_low], *plane = c->in[has_low + has_high];
    unsigned low_value = c->value[0], high_value = c->value[has_low ? 0 : has_high ? 0 : 1];
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned x;
        if (bit(plane, c->bit + i))
            x = has_high ? element(high, nhigh++, width) : high_value;
        else
            x = has_low ? element(low, nlow++, width) : low_value;
        set_element(c->out[0], i, width, x);
    }
}

#define MERGE_SPEC(name, width, has_low, has_high)                                                 \
    static void plan_##name(kc_case *c, kc_rng *rng)                                               \
    {                                                                                              \
        plan_merge(c, rng, width, has_low, has_high);                                              \
    }                                                                                              \
    static void ref_##name(kc_case *c)                                                             \
    {                                                                                              \
        ref_merge(c, width, has_low, has_high);                                                    \
    }

MERGE_SPEC(merge_u8, 1, 1, 1)
MERGE_SPEC(merge_u16, 2, 1, 1)
MERGE_SPEC(merge_lowconst_u8, 1, 0, 1)
MERGE_SPEC(merge_lowconst_u16, 2, 0, 1)
MERGE_SPEC(merge_highconst_u8, 1, 1, 0)
MERGE_SPEC(merge_highconst_u16, 2, 1, 0)
MERGE_SPEC(merge_const_u8, 1, 0, 0)
MERGE_SPEC(merge_const_u16, 2, 0, 0)

static void plan_count_ones(kc_case *c, kc_rng *rng)
{
    c->bit = kc_below(rng, 20);
    add_in(c, rng, plane_nbytes(c) ? plane_nbytes(c) : 0);
}

static void ref_count_ones(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++)
        c->result += (uint64_t)bit(c->in[0], c->bit + i);
}

/* ---- elements given those of a base ---- */

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
}

static int64_t word_at(const kc_case *c, const uint8_t *p, size_t i)
{
    return element(p, i, 2) / power(c->params.zero_bits);
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
    add_in(c, rng, 2 * c->nelem);
    add_out(c, c->nelem);
}

static void ref_delta_classes_u16(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++)
        c->out[0][i] = class_at(c, c->in[0], i);
}

static void plan_delta_diff_u16(kc_case *c, kc_rng *rng)
{
    random_params(c, rng);
    add_in(c, rng, 2 * c->nelem);
    add_in(c, rng, 2 * c->nelem);
    make_near(c, rng);
    add_out(c, 2 * c->nelem);
    add_out(c, c->nelem);
}

static void ref_delta_diff_u16(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++) {
        set_element(c->out[0], i, 2, (unsigned)difference_at(c, c->in[0], c->in[1], i));
        c->out[1][i] = class_at(c, c->in[1], i);
    }
}

/* Any difference of the width, small ones mostly; any class, none sometimes. */
static void plan_delta_split_u16(kc_case *c, kc_rng *rng)
{
    random_params(c, rng);
    c->bit = kc_below(rng, 20);
    add_in(c, rng, 2 * c->nelem);
    add_in(c, rng, c->nelem);
    unsigned any = kc_below(rng, 2);
    for (size_t i = 0; i < c->nelem; i++) {
        int64_t d = (int64_t)element(c->in[0], i, 2);
        if (kc_below(rng, 8) && !any)
            d = d % 40 - 20;
        set_element(c->in[0], i, 2, (unsigned)signed_of_width(d, c->params.width));
        c->in[1][i] = kc_below(rng, 10) ? c->in[1][i] % c->params.nclasses : 0xff;
    }
    add_out(c, c->nelem);
    add_out(c, 0); /* the reference knows */
    c->out_room[1] = c->bit / 8 + 2 * c->nelem + 8;
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

static void ref_delta_split_u16(kc_case *c)
{
    size_t bits = c->bit;
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned k = c->in[1][i], e;
        int64_t least, d = signed_of_width(element(c->in[0], i, 2), 16);
        c->out[0][i] = 255;
        if (k == 0xff || (d == 0 && c->params.same_classes >> k & 1))
            continue;
        int64_t unit = power(c->params.shift[k]);
        int64_t u = signed_of_width(d + unit / 2, c->params.width), m = u < 0 ? -u - 1 : u;
        c->out[0][i] = (uint8_t)(2 * coded_magnitude(m / unit, &e, &least) + (u < 0));
        for (unsigned b = 0; b < c->params.shift[k] + e; b++)
            set_bit(c->out[1], bits++, (int)((m - least * unit) >> b & 1));
    }
    for (size_t b = bits; b % 8; b++)
        set_bit(c->out[1], b, 0);
    c->out_nbytes[1] = (bits + 7) / 8;
    c->result = bits;
    /* Bytes before the string are not the kernel's. */
    memset(c->out[1], 0xa5, c->bit / 8);
}

/* Possible symbols mostly, and as many raw bytes as they need; sometimes fewer or more. */
static void plan_delta_join_u16(kc_case *c, kc_rng *rng)
{
    random_params(c, rng);
    c->bit = kc_below(rng, 20);
    add_in(c, rng, 2 * c->nelem);
    add_in(c, rng, c->nelem);
    add_in(c, rng, c->nelem);
    unsigned large = kc_below(rng, 3), impossible = kc_below(rng, 20) == 0;
    size_t bits = c->bit;
    for (size_t i = 0; i < c->nelem; i++) {
        c->in[1][i] = kc_below(rng, 30) ? c->in[1][i] % 16 : 0xff;
        unsigned shift = c->params.shift[c->in[1][i] % 16], most = 15;
        if (large)
            most += c->params.width - 2 - shift;
        c->in[2][i] %= (uint8_t)(2 * (most + 1));
        unsigned e = c->in[2][i] / 2 > 15 ? c->in[2][i] / 2 - 15u : 0;
        if (c->in[1][i] == 0xff || kc_below(rng, 20) == 0)
            c->in[2][i] = 255;
        else
            bits += shift + e;
    }
    if (impossible && c->nelem)
        c->in[2][kc_below(rng, (unsigned)c->nelem)] = (uint8_t)kc_random(rng);
    size_t nbytes = (bits + 7) / 8;
    if (kc_below(rng, 10) == 0)
        nbytes = kc_below(rng, (unsigned)nbytes + 20);
    add_in(c, rng, nbytes);
    add_out(c, 2 * c->nelem);
}

static void ref_delta_join_u16(kc_case *c)
{
    const bitx_delta_params *p = &c->params;
    size_t bits = c->bit;
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned symbol = c->in[2][i], shift = p->shift[c->in[1][i] % 16];
        unsigned e = symbol / 2 > 15 ? symbol / 2 - 15 : 0;
        int64_t d = 0, unit = power(shift), raw = 0;
        if (symbol != 255) {
            if (e && shift + e > p->width - 2)
                goto bad;
            for (unsigned b = 0; b < shift + e; b++, bits++)
                raw += bits < 8 * c->in_nbytes[3] ? (int64_t)bit(c->in[3], bits) << b : 0;
            int64_t least = e ? power(e) + 14 : symbol / 2;
            int64_t m = least * unit + raw;
            d = (symbol % 2 ? -m - 1 : m) - unit / 2;
        }
        /* The word whose difference this is. */
        int64_t base = word_at(c, c->in[0], i), half = power(p->width - 1);
        int64_t word = modulo(d + origin_at(c, c->in[0], i), power(p->width));
        if (p->sign) {
            word = word < half ? word : half + (power(p->width) - 1 - word);
            word = base < half ? word : modulo(word + half, 2 * half);
        }
        set_element(c->out[0], i, 2, (unsigned)(word * power(p->zero_bits)));
    }
    c->result = bits;
    if (bits <= 8 * c->in_nbytes[3])
        return;
bad:
    c->result = SIZE_MAX;
    c->out_nbytes[0] = 0;
}

/* ---- groups and tables ---- */

/* Classes and the sizes of their groups. */
static size_t random_groups(kc_case *c, kc_rng *rng, uint8_t *classes)
{
    size_t sizes[16] = {0}, total = 0;
    unsigned ngroups = 1 + kc_below(rng, 16);
    for (int k = 0; k < 16; k++)
        c->group[k] = (uint8_t)kc_below(rng, ngroups);
    for (size_t i = 0; i < c->nelem; i++) {
        classes[i] = kc_below(rng, 20) ? (uint8_t)kc_below(rng, 16) : 0xff;
        if (classes[i] != 0xff)
            sizes[c->group[classes[i]]]++;
    }
    for (int g = 0; g < 16; g++) {
        c->group_start[g] = total;
        total += sizes[g];
    }
    return total;
}

static void plan_groups_split_u8(kc_case *c, kc_rng *rng)
{
    add_in(c, rng, c->nelem);
    add_in(c, rng, c->nelem);
    add_out(c, random_groups(c, rng, c->in[1]));
}

static void ref_groups_split_u8(kc_case *c)
{
    size_t at = 0;
    for (unsigned g = 0; g < 16; g++) {
        for (size_t i = 0; i < c->nelem; i++)
            if (c->in[1][i] != 0xff && c->group[c->in[1][i]] == g)
                c->out[0][at++] = c->in[0][i];
        c->result = c->result * 1000003 + at;
    }
}

static void plan_groups_merge_u8(kc_case *c, kc_rng *rng)
{
    size_t total = random_groups(c, rng, c->in[1]);
    add_in(c, rng, total);
    c->in_nbytes[c->nin++] = c->nelem;
    add_out(c, c->nelem);
}

static void ref_groups_merge_u8(kc_case *c)
{
    size_t at = 0;
    memset(c->out[0], 0xff, c->nelem);
    for (unsigned g = 0; g < 16; g++) {
        for (size_t i = 0; i < c->nelem; i++)
            if (c->in[1][i] != 0xff && c->group[c->in[1][i]] == g)
                c->out[0][i] = c->in[0][at++];
        c->result = c->result * 1000003 + at;
    }
}

static void plan_map_u8(kc_case *c, kc_rng *rng)
{
    kc_random_bytes(rng, c->table, sizeof(c->table));
    add_in(c, rng, c->nelem);
    add_out(c, c->nelem);
}

static void ref_map_u8(kc_case *c)
{
    for (unsigned v = 0; v < 256; v++)
        for (size_t i = 0; i < c->nelem; i++)
            if (c->in[0][i] == v)
                c->out[0][i] = c->table[v];
}

static void plan_histogram_u8(kc_case *c, kc_rng *rng)
{
    add_in(c, rng, c->nelem);
    add_out(c, 256 * sizeof(uint32_t));
}

static void ref_histogram_u8(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++) {
        uint32_t count;
        memcpy(&count, c->out[0] + 4 * (size_t)c->in[0][i], 4);
        count++;
        memcpy(c->out[0] + 4 * (size_t)c->in[0][i], &count, 4);
    }
}

/* ---- byte planes ---- */

/* Often the planes lie apart, and what is between them must stay. */
static void plan_planes(kc_case *c, kc_rng *rng, size_t width, int xored, int split)
{
    c->stride = c->nelem + (kc_below(rng, 2) ? kc_below(rng, 80) : 0);
    size_t planes = c->nelem ? (width - 1) * c->stride + c->nelem : 0;
    add_in(c, rng, split ? width * c->nelem : planes);
    if (xored)
        add_in(c, rng, width * c->nelem);
    if (xored && split)
        make_near(c, rng);
    add_out(c, split ? planes : width * c->nelem);
}

static void ref_planes(kc_case *c, size_t width, int xored, int split)
{
    for (size_t i = 0; i < c->nelem; i++) {
        for (size_t k = 0; k < width; k++) {
            size_t word = i * width + k, plane = k * c->stride + i;
            int b = xored ? c->in[1][word] : 0;
            if (split)
                c->out[0][plane] = (uint8_t)(c->in[0][word] ^ b);
            else
                c->out[0][word] = (uint8_t)(c->in[0][plane] ^ b);
        }
    }
}

#define PLANES_SPEC(name, width, xored, split)                                                     \
    static void plan_##name(kc_case *c, kc_rng *rng)                                               \
    {                                                                                              \
        plan_planes(c, rng, width, xored, split);                                                  \
    }                                                                                              \
    static void ref_##name(kc_case *c)                                                             \
    {                                                                                              \
        ref_planes(c, width, xored, split);                                                        \
    }

PLANES_SPEC(split_planes_u16, 2, 0, 1)
PLANES_SPEC(xor_split_planes_u16, 2, 1, 1)
PLANES_SPEC(merge_planes_u16, 2, 0, 0)
PLANES_SPEC(xor_merge_planes_u16, 2, 1, 0)
PLANES_SPEC(split_planes_u32, 4, 0, 1)
PLANES_SPEC(xor_split_planes_u32, 4, 1, 1)
PLANES_SPEC(merge_planes_u32, 4, 0, 0)
PLANES_SPEC(xor_merge_planes_u32, 4, 1, 0)
PLANES_SPEC(split_planes_u64, 8, 0, 1)
PLANES_SPEC(xor_split_planes_u64, 8, 1, 1)
PLANES_SPEC(merge_planes_u64, 8, 0, 0)
PLANES_SPEC(xor_merge_planes_u64, 8, 1, 0)

/* ---- differences in the order of numbers ---- */

static uint64_t wide_element(const uint8_t *p, size_t i, size_t width)
{
    uint64_t v = 0;
    for (size_t k = 0; k < width; k++)
        v |= (uint64_t)p[i * width + k] << 8 * k;
    return v;
}

static void plan_diff(kc_case *c, kc_rng *rng, size_t width)
{
    add_in(c, rng, width * c->nelem);
    add_in(c, rng, width * c->nelem);
    make_near(c, rng);
    add_out(c, width * c->nelem);
}

/* The place of a float among all of its width, from -2^(bits-1) on; -0 is before 0. */
static uint64_t float_order(uint64_t v, unsigned bits)
{
    uint64_t top = (uint64_t)1 << (bits - 1);
    return v & top ? 0 - (v - top) - 1 : v;
}

static void ref_diff(kc_case *c, size_t width, int is_float, int inverse)
{
    unsigned bits = (unsigned)(8 * width);
    uint64_t top = (uint64_t)1 << (bits - 1);
    for (size_t i = 0; i < c->nelem; i++) {
        uint64_t x = wide_element(c->in[0], i, width), b = wide_element(c->in[1], i, width), r;
        if (!is_float) {
            r = inverse ? x + b : x - b;
        } else if (!inverse) {
            r = float_order(x, bits) - float_order(b, bits);
            r = b & top ? 0 - r : r;
        } else {
            r = float_order(b, bits) + (b & top ? 0 - x : x);
            r = r & top ? top + ~r : r; /* the float at that place */
            r = (r & (top - 1)) | ((float_order(b, bits) + (b & top ? 0 - x : x)) & top);
        }
        for (size_t k = 0; k < width; k++)
            c->out[0][i * width + k] = (uint8_t)(r >> 8 * k);
    }
}

#define DIFF_SPEC(name, width, is_float, inverse)                                                  \
    static void plan_##name(kc_case *c, kc_rng *rng)                                               \
    {                                                                                              \
        plan_diff(c, rng, width);                                                                  \
    }                                                                                              \
    static void ref_##name(kc_case *c)                                                             \
    {                                                                                              \
        ref_diff(c, width, is_float, inverse);                                                     \
    }

DIFF_SPEC(float_diff_u8, 1, 1, 0)
DIFF_SPEC(float_diff_u16, 2, 1, 0)
DIFF_SPEC(float_diff_u32, 4, 1, 0)
DIFF_SPEC(float_diff_u64, 8, 1, 0)
DIFF_SPEC(float_undiff_u8, 1, 1, 1)
DIFF_SPEC(float_undiff_u16, 2, 1, 1)
DIFF_SPEC(float_undiff_u32, 4, 1, 1)
DIFF_SPEC(float_undiff_u64, 8, 1, 1)
DIFF_SPEC(int_diff_u8, 1, 0, 0)
DIFF_SPEC(int_diff_u16, 2, 0, 0)
DIFF_SPEC(int_diff_u32, 4, 0, 0)
DIFF_SPEC(int_diff_u64, 8, 0, 0)
DIFF_SPEC(int_undiff_u8, 1, 0, 1)
DIFF_SPEC(int_undiff_u16, 2, 0, 1)
DIFF_SPEC(int_undiff_u32, 4, 0, 1)
DIFF_SPEC(int_undiff_u64, 8, 0, 1)

/* ---- bit planes ---- */

static void plan_bit_planes(kc_case *c, kc_rng *rng, size_t width, int xored, int split)
{
    size_t nbytes = (c->nelem + 7) / 8;
    c->stride = nbytes + (kc_below(rng, 2) ? kc_below(rng, 80) : 0);
    size_t planes = c->nelem ? (8 * width - 1) * c->stride + nbytes : 0;
    add_in(c, rng, split ? width * c->nelem : planes);
    if (xored)
        add_in(c, rng, width * c->nelem);
    if (xored && split)
        make_near(c, rng);
    add_out(c, split ? planes : width * c->nelem);
}

static void ref_bit_planes(kc_case *c, size_t width, int xored, int split)
{
    for (size_t p = 0; p < 8 * width; p++) {
        for (size_t i = 0; i < (c->nelem + 7) / 8 * 8; i++) {
            size_t in_word = 8 * width * i + p, in_plane = 8 * p * c->stride + i;
            int there = i < c->nelem;
            int b = xored && there ? bit(c->in[1], in_word) : 0;
            if (split)
                set_bit(c->out[0], in_plane, there && bit(c->in[0], in_word) != b);
            else if (there)
                set_bit(c->out[0], in_word, bit(c->in[0], in_plane) != b);
        }
    }
}

#define BIT_PLANES_SPEC(name, width, xored, split)                                                 \
    static void plan_##name(kc_case *c, kc_rng *rng)                                               \
    {                                                                                              \
        plan_bit_planes(c, rng, width, xored, split);                                              \
    }                                                                                              \
    static void ref_##name(kc_case *c)                                                             \
    {                                                                                              \
        ref_bit_planes(c, width, xored, split);                                                    \
    }

BIT_PLANES_SPEC(split_bits_u8, 1, 0, 1)
BIT_PLANES_SPEC(xor_split_bits_u8, 1, 1, 1)
BIT_PLANES_SPEC(merge_bits_u8, 1, 0, 0)
BIT_PLANES_SPEC(xor_merge_bits_u8, 1, 1, 0)
BIT_PLANES_SPEC(split_bits_u16, 2, 0, 1)
BIT_PLANES_SPEC(xor_split_bits_u16, 2, 1, 1)
BIT_PLANES_SPEC(merge_bits_u16, 2, 0, 0)
BIT_PLANES_SPEC(xor_merge_bits_u16, 2, 1, 0)
BIT_PLANES_SPEC(split_bits_u32, 4, 0, 1)
BIT_PLANES_SPEC(xor_split_bits_u32, 4, 1, 1)
BIT_PLANES_SPEC(merge_bits_u32, 4, 0, 0)
BIT_PLANES_SPEC(xor_merge_bits_u32, 4, 1, 0)

/* clang-format off */
static const kc_spec specs[] = {
    {"xor_bytes", plan_xor_bytes, ref_xor_bytes, 3, NULL},
    {"xor_split_bf16", plan_xor_split_bf16, ref_xor_split_bf16, 0, "xor_merge_bf16"},
    {"xor_merge_bf16", plan_xor_merge_bf16, ref_xor_merge_bf16, 4, NULL},
    {"distance_bits", plan_distance_bits, ref_distance_bits, 0, NULL},
    {"partition_u8", plan_partition_u8, ref_partition_u8, 1, "merge_u8"},
    {"partition_u16", plan_partition_u16, ref_partition_u16, 1, "merge_u16"},
    {"merge_u8", plan_merge_u8, ref_merge_u8, 0, NULL},
    {"merge_u16", plan_merge_u16, ref_merge_u16, 0, NULL},
    {"merge_lowconst_u8", plan_merge_lowconst_u8, ref_merge_lowconst_u8, 0, NULL},
    {"merge_lowconst_u16", plan_merge_lowconst_u16, ref_merge_lowconst_u16, 0, NULL},
    {"merge_highconst_u8", plan_merge_highconst_u8, ref_merge_highconst_u8, 0, NULL},
    {"merge_highconst_u16", plan_merge_highconst_u16, ref_merge_highconst_u16, 0, NULL},
    {"merge_const_u8", plan_merge_const_u8, ref_merge_const_u8, 0, NULL},
    {"merge_const_u16", plan_merge_const_u16, ref_merge_const_u16, 0, NULL},
    {"count_ones", plan_count_ones, ref_count_ones, 0, NULL},
    {"delta_classes_u16", plan_delta_classes_u16, ref_delta_classes_u16, 0, NULL},
    {"delta_diff_u16", plan_delta_diff_u16, ref_delta_diff_u16, 0, NULL},
    {"delta_split_u16", plan_delta_split_u16, ref_delta_split_u16, 0, NULL},
    {"delta_join_u16", plan_delta_join_u16, ref_delta_join_u16, 1, NULL},
    {"groups_split_u8", plan_groups_split_u8, ref_groups_split_u8, 0, NULL},
    {"groups_merge_u8", plan_groups_merge_u8, ref_groups_merge_u8, 0, NULL},
    {"histogram_u8", plan_histogram_u8, ref_histogram_u8, 0, NULL},
    {"split_planes_u16", plan_split_planes_u16, ref_split_planes_u16, 0, "merge_planes_u16"},
    {"xor_split_planes_u16", plan_xor_split_planes_u16, ref_xor_split_planes_u16, 0, "xor_merge_planes_u16"},
    {"merge_planes_u16", plan_merge_planes_u16, ref_merge_planes_u16, 0, NULL},
    {"xor_merge_planes_u16", plan_xor_merge_planes_u16, ref_xor_merge_planes_u16, 0, NULL},
    {"split_planes_u32", plan_split_planes_u32, ref_split_planes_u32, 0, "merge_planes_u32"},
    {"xor_split_planes_u32", plan_xor_split_planes_u32, ref_xor_split_planes_u32, 0, "xor_merge_planes_u32"},
    {"merge_planes_u32", plan_merge_planes_u32, ref_merge_planes_u32, 0, NULL},
    {"xor_merge_planes_u32", plan_xor_merge_planes_u32, ref_xor_merge_planes_u32, 0, NULL},
    {"split_planes_u64", plan_split_planes_u64, ref_split_planes_u64, 0, "merge_planes_u64"},
    {"xor_split_planes_u64", plan_xor_split_planes_u64, ref_xor_split_planes_u64, 0, "xor_merge_planes_u64"},
    {"merge_planes_u64", plan_merge_planes_u64, ref_merge_planes_u64, 0, NULL},
    {"xor_merge_planes_u64", plan_xor_merge_planes_u64, ref_xor_merge_planes_u64, 0, NULL},
    {"float_diff_u8", plan_float_diff_u8, ref_float_diff_u8, 3, "float_undiff_u8"},
    {"float_diff_u16", plan_float_diff_u16, ref_float_diff_u16, 3, "float_undiff_u16"},
    {"float_diff_u32", plan_float_diff_u32, ref_float_diff_u32, 3, "float_undiff_u32"},
    {"float_diff_u64", plan_float_diff_u64, ref_float_diff_u64, 3, "float_undiff_u64"},
    {"float_undiff_u8", plan_float_undiff_u8, ref_float_undiff_u8, 3, NULL},
    {"float_undiff_u16", plan_float_undiff_u16, ref_float_undiff_u16, 3, NULL},
    {"float_undiff_u32", plan_float_undiff_u32, ref_float_undiff_u32, 3, NULL},
    {"float_undiff_u64", plan_float_undiff_u64, ref_float_undiff_u64, 3, NULL},
    {"int_diff_u8", plan_int_diff_u8, ref_int_diff_u8, 3, "int_undiff_u8"},
    {"int_diff_u16", plan_int_diff_u16, ref_int_diff_u16, 3, "int_undiff_u16"},
    {"int_diff_u32", plan_int_diff_u32, ref_int_diff_u32, 3, "int_undiff_u32"},
    {"int_diff_u64", plan_int_diff_u64, ref_int_diff_u64, 3, "int_undiff_u64"},
    {"int_undiff_u8", plan_int_undiff_u8, ref_int_undiff_u8, 3, NULL},
    {"int_undiff_u16", plan_int_undiff_u16, ref_int_undiff_u16, 3, NULL},
    {"int_undiff_u32", plan_int_undiff_u32, ref_int_undiff_u32, 3, NULL},
    {"int_undiff_u64", plan_int_undiff_u64, ref_int_undiff_u64, 3, NULL},
    {"split_bits_u8", plan_split_bits_u8, ref_split_bits_u8, 0, "merge_bits_u8"},
    {"xor_split_bits_u8", plan_xor_split_bits_u8, ref_xor_split_bits_u8, 0, "xor_merge_bits_u8"},
    {"merge_bits_u8", plan_merge_bits_u8, ref_merge_bits_u8, 0, NULL},
    {"xor_merge_bits_u8", plan_xor_merge_bits_u8, ref_xor_merge_bits_u8, 0, NULL},
    {"split_bits_u16", plan_split_bits_u16, ref_split_bits_u16, 0, "merge_bits_u16"},
    {"xor_split_bits_u16", plan_xor_split_bits_u16, ref_xor_split_bits_u16, 0, "xor_merge_bits_u16"},
    {"merge_bits_u16", plan_merge_bits_u16, ref_merge_bits_u16, 0, NULL},
    {"xor_merge_bits_u16", plan_xor_merge_bits_u16, ref_xor_merge_bits_u16, 0, NULL},
    {"split_bits_u32", plan_split_bits_u32, ref_split_bits_u32, 0, "merge_bits_u32"},
    {"xor_split_bits_u32", plan_xor_split_bits_u32, ref_xor_split_bits_u32, 0, "xor_merge_bits_u32"},
    {"merge_bits_u32", plan_merge_bits_u32, ref_merge_bits_u32, 0, NULL},
    {"xor_merge_bits_u32", plan_xor_merge_bits_u32, ref_xor_merge_bits_u32, 0, NULL},
    {"map_u8", plan_map_u8, ref_map_u8, 1, NULL},
};
/* clang-format on */

const kc_spec *kc_spec_at(size_t index)
{
    return index < sizeof(specs) / sizeof(specs[0]) ? &specs[index] : NULL;
}

const kc_spec *kc_spec_find(const char *op)
{
    for (size_t i = 0; kc_spec_at(i); i++)
        if (strcmp(specs[i].op, op) == 0)
            return &specs[i];
    return NULL;
}
