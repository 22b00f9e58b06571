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
    c->value[0] = kc_below(rng, limit + 2);
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
