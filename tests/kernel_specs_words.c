/* XOR, distance, float fields and differences: streams of words. */
#include "kernel_specs.h"

/* ---- XOR and distance ---- */

static void plan_xor_bytes(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, c->nelem);
    kc_add_in(c, rng, c->nelem);
    kc_make_near(c, rng);
    kc_add_out(c, c->nelem);
}

static void ref_xor_bytes(kc_case *c)
{
    for (size_t i = 0; i < 8 * c->nelem; i++)
        kc_set_bit(c->out[0], i, kc_bit(c->in[0], i) != kc_bit(c->in[1], i));
}

static void plan_distance_bits(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, c->nelem);
    kc_add_in(c, rng, c->nelem);
    kc_make_near(c, rng);
}

static void ref_distance_bits(kc_case *c)
{
    for (size_t i = 0; i < 8 * c->nelem; i++)
        c->result += kc_bit(c->in[0], i) != kc_bit(c->in[1], i);
}

/* ---- float fields ---- */

static void plan_xor_split_bf16(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, 2 * c->nelem);
    kc_add_in(c, rng, 2 * c->nelem);
    kc_make_near(c, rng);
    kc_add_out(c, c->nelem);
    kc_add_out(c, c->nelem);
}

static void ref_xor_split_bf16(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++) {
        for (size_t k = 0; k < 16; k++) {
            int x = kc_bit(c->in[0], 16 * i + k) != kc_bit(c->in[1], 16 * i + k);
            if (k >= 7 && k <= 14)
                kc_set_bit(c->out[0], 8 * i + k - 7, x);
            else
                kc_set_bit(c->out[1], 8 * i + (k == 15 ? 7 : k), x);
        }
    }
}

static void plan_xor_merge_bf16(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, c->nelem);
    kc_add_in(c, rng, c->nelem);
    kc_add_in(c, rng, 2 * c->nelem);
    kc_add_out(c, 2 * c->nelem);
}

static void ref_xor_merge_bf16(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++) {
        for (size_t k = 0; k < 16; k++) {
            int x = k >= 7 && k <= 14 ? kc_bit(c->in[0], 8 * i + k - 7)
                                      : kc_bit(c->in[1], 8 * i + (k == 15 ? 7 : k));
            kc_set_bit(c->out[0], 16 * i + k, x != kc_bit(c->in[2], 16 * i + k));
        }
    }
}

/* ---- differences in the order of numbers ---- */

static uint64_t wide_element(const uint8_t *p, size_t i, size_t width)
{
    uint64_t v = 0;
    for (size_t k = 0; k < width; k++)
        v |= (uint64_t)p[i * width + k] << 8 * k;
    return v;
}

static void plan_diff(kc_case *c, kc_rng *rng)
{
    size_t width = c->shape.width;
    kc_add_in(c, rng, width * c->nelem);
    kc_add_in(c, rng, width * c->nelem);
    kc_make_near(c, rng);
    kc_add_out(c, width * c->nelem);
}

/* The place of a float among all of its width, from -2^(bits-1) on; -0 is before 0. */
static uint64_t float_order(uint64_t v, unsigned bits)
{
    uint64_t top = (uint64_t)1 << (bits - 1);
    return v & top ? 0 - (v - top) - 1 : v;
}

static void ref_diff(kc_case *c)
{
    size_t width = c->shape.width;
    int is_float = c->shape.is_float, inverse = c->shape.inverse;
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

/* clang-format off */
const kc_spec kc_specs_words[] = {
    {"xor_bytes", plan_xor_bytes, ref_xor_bytes, 3, NULL, {0}},
    {"xor_split_bf16", plan_xor_split_bf16, ref_xor_split_bf16, 0, "xor_merge_bf16", {0}},
    {"xor_merge_bf16", plan_xor_merge_bf16, ref_xor_merge_bf16, 4, NULL, {0}},
    {"distance_bits", plan_distance_bits, ref_distance_bits, 0, NULL, {0}},
    {"float_diff_u8", plan_diff, ref_diff, 3, "float_undiff_u8", {.width = 1, .is_float = 1}},
    {"float_undiff_u8", plan_diff, ref_diff, 3, NULL, {.width = 1, .is_float = 1, .inverse = 1}},
    {"float_diff_u16", plan_diff, ref_diff, 3, "float_undiff_u16", {.width = 2, .is_float = 1}},
    {"float_undiff_u16", plan_diff, ref_diff, 3, NULL, {.width = 2, .is_float = 1, .inverse = 1}},
    {"float_diff_u32", plan_diff, ref_diff, 3, "float_undiff_u32", {.width = 4, .is_float = 1}},
    {"float_undiff_u32", plan_diff, ref_diff, 3, NULL, {.width = 4, .is_float = 1, .inverse = 1}},
    {"float_diff_u64", plan_diff, ref_diff, 3, "float_undiff_u64", {.width = 8, .is_float = 1}},
    {"float_undiff_u64", plan_diff, ref_diff, 3, NULL, {.width = 8, .is_float = 1, .inverse = 1}},
    {"int_diff_u8", plan_diff, ref_diff, 3, "int_undiff_u8", {.width = 1, .is_float = 0}},
    {"int_undiff_u8", plan_diff, ref_diff, 3, NULL, {.width = 1, .is_float = 0, .inverse = 1}},
    {"int_diff_u16", plan_diff, ref_diff, 3, "int_undiff_u16", {.width = 2, .is_float = 0}},
    {"int_undiff_u16", plan_diff, ref_diff, 3, NULL, {.width = 2, .is_float = 0, .inverse = 1}},
    {"int_diff_u32", plan_diff, ref_diff, 3, "int_undiff_u32", {.width = 4, .is_float = 0}},
    {"int_undiff_u32", plan_diff, ref_diff, 3, NULL, {.width = 4, .is_float = 0, .inverse = 1}},
    {"int_diff_u64", plan_diff, ref_diff, 3, "int_undiff_u64", {.width = 8, .is_float = 0}},
    {"int_undiff_u64", plan_diff, ref_diff, 3, NULL, {.width = 8, .is_float = 0, .inverse = 1}},
    {0},
};
/* clang-format on */
