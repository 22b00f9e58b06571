/* Byte planes and bit planes. */
#include "kernel_specs.h"

/* ---- byte planes ---- */

/* Often the planes lie apart, and what is between them must stay. */
static void plan_planes(kc_case *c, kc_rng *rng)
{
    size_t width = c->shape.width;
    int xored = c->shape.xored, split = c->shape.split;
    c->stride = c->nelem + (kc_below(rng, 2) ? kc_below(rng, 80) : 0);
    size_t planes = c->nelem ? (width - 1) * c->stride + c->nelem : 0;
    kc_add_in(c, rng, split ? width * c->nelem : planes);
    if (xored)
        kc_add_in(c, rng, width * c->nelem);
    if (xored && split)
        kc_make_near(c, rng);
    kc_add_out(c, split ? planes : width * c->nelem);
}

static void ref_planes(kc_case *c)
{
    size_t width = c->shape.width;
    int xored = c->shape.xored, split = c->shape.split;
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

/* ---- bit planes ---- */

static void plan_bit_planes(kc_case *c, kc_rng *rng)
{
    size_t width = c->shape.width;
    int xored = c->shape.xored, split = c->shape.split;
    size_t nbytes = (c->nelem + 7) / 8;
    c->stride = nbytes + (kc_below(rng, 2) ? kc_below(rng, 80) : 0);
    size_t planes = c->nelem ? (8 * width - 1) * c->stride + nbytes : 0;
    kc_add_in(c, rng, split ? width * c->nelem : planes);
    if (xored)
        kc_add_in(c, rng, width * c->nelem);
    if (xored && split)
        kc_make_near(c, rng);
    kc_add_out(c, split ? planes : width * c->nelem);
}

static void ref_bit_planes(kc_case *c)
{
    size_t width = c->shape.width;
    int xored = c->shape.xored, split = c->shape.split;
    for (size_t p = 0; p < 8 * width; p++) {
        for (size_t i = 0; i < (c->nelem + 7) / 8 * 8; i++) {
            size_t in_word = 8 * width * i + p, in_plane = 8 * p * c->stride + i;
            int there = i < c->nelem;
            int b = xored && there ? kc_bit(c->in[1], in_word) : 0;
            if (split)
                kc_set_bit(c->out[0], in_plane, there && kc_bit(c->in[0], in_word) != b);
            else if (there)
                kc_set_bit(c->out[0], in_word, kc_bit(c->in[0], in_plane) != b);
        }
    }
}

/* clang-format off */
const kc_spec kc_specs_planes[] = {
    {"split_planes_u16", plan_planes, ref_planes, 0, "merge_planes_u16", {.width = 2, .xored = 0, .split = 1}},
    {"merge_planes_u16", plan_planes, ref_planes, 0, NULL, {.width = 2, .xored = 0}},
    {"xor_split_planes_u16", plan_planes, ref_planes, 0, "xor_merge_planes_u16", {.width = 2, .xored = 1, .split = 1}},
    {"xor_merge_planes_u16", plan_planes, ref_planes, 0, NULL, {.width = 2, .xored = 1}},
    {"split_planes_u32", plan_planes, ref_planes, 0, "merge_planes_u32", {.width = 4, .xored = 0, .split = 1}},
    {"merge_planes_u32", plan_planes, ref_planes, 0, NULL, {.width = 4, .xored = 0}},
    {"xor_split_planes_u32", plan_planes, ref_planes, 0, "xor_merge_planes_u32", {.width = 4, .xored = 1, .split = 1}},
    {"xor_merge_planes_u32", plan_planes, ref_planes, 0, NULL, {.width = 4, .xored = 1}},
    {"split_planes_u64", plan_planes, ref_planes, 0, "merge_planes_u64", {.width = 8, .xored = 0, .split = 1}},
    {"merge_planes_u64", plan_planes, ref_planes, 0, NULL, {.width = 8, .xored = 0}},
    {"xor_split_planes_u64", plan_planes, ref_planes, 0, "xor_merge_planes_u64", {.width = 8, .xored = 1, .split = 1}},
    {"xor_merge_planes_u64", plan_planes, ref_planes, 0, NULL, {.width = 8, .xored = 1}},
    {"split_bits_u8", plan_bit_planes, ref_bit_planes, 0, "merge_bits_u8", {.width = 1, .xored = 0, .split = 1}},
    {"merge_bits_u8", plan_bit_planes, ref_bit_planes, 0, NULL, {.width = 1, .xored = 0}},
    {"xor_split_bits_u8", plan_bit_planes, ref_bit_planes, 0, "xor_merge_bits_u8", {.width = 1, .xored = 1, .split = 1}},
    {"xor_merge_bits_u8", plan_bit_planes, ref_bit_planes, 0, NULL, {.width = 1, .xored = 1}},
    {"split_bits_u16", plan_bit_planes, ref_bit_planes, 0, "merge_bits_u16", {.width = 2, .xored = 0, .split = 1}},
    {"merge_bits_u16", plan_bit_planes, ref_bit_planes, 0, NULL, {.width = 2, .xored = 0}},
    {"xor_split_bits_u16", plan_bit_planes, ref_bit_planes, 0, "xor_merge_bits_u16", {.width = 2, .xored = 1, .split = 1}},
    {"xor_merge_bits_u16", plan_bit_planes, ref_bit_planes, 0, NULL, {.width = 2, .xored = 1}},
    {"split_bits_u32", plan_bit_planes, ref_bit_planes, 0, "merge_bits_u32", {.width = 4, .xored = 0, .split = 1}},
    {"merge_bits_u32", plan_bit_planes, ref_bit_planes, 0, NULL, {.width = 4, .xored = 0}},
    {"xor_split_bits_u32", plan_bit_planes, ref_bit_planes, 0, "xor_merge_bits_u32", {.width = 4, .xored = 1, .split = 1}},
    {"xor_merge_bits_u32", plan_bit_planes, ref_bit_planes, 0, NULL, {.width = 4, .xored = 1}},
    {0},
};
/* clang-format on */
