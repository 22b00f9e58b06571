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

/* clang-format off */
static const kc_spec specs[] = {
    {"xor_bytes", plan_xor_bytes, ref_xor_bytes, 3, NULL},
    {"xor_split_bf16", plan_xor_split_bf16, ref_xor_split_bf16, 0, "xor_merge_bf16"},
    {"xor_merge_bf16", plan_xor_merge_bf16, ref_xor_merge_bf16, 4, NULL},
    {"distance_bits", plan_distance_bits, ref_distance_bits, 0, NULL},
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
