/* XOR, distance, float fields and differences: streams of words. */
#include "kernel_specs.h"

#include <string.h>

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

static void plan_distance_positions(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, c->shape.width * c->nelem);
    kc_add_in(c, rng, c->shape.width * c->nelem);
    kc_make_near(c, rng);
    kc_add_out(c, 8 * c->shape.width * sizeof(uint64_t));
}

/* Added to what the output was filled with. */
static void ref_distance_positions(kc_case *c)
{
    size_t bits = 8 * c->shape.width;
    for (size_t p = 0; p < bits; p++) {
        uint64_t count;
        memcpy(&count, c->out[0] + 8 * p, 8);
        for (size_t i = p; i < bits * c->nelem; i += bits)
            count += kc_bit(c->in[0], i) != kc_bit(c->in[1], i);
        memcpy(c->out[0] + 8 * p, &count, 8);
    }
}

/* ---- scans ---- */

enum { PLACES = 331 }; /* prime: with two turns for each length, n itself would meet place 0 */

/* In every second case the places take turns, or chance would decide which of them a difference
   is ever alone at; of a byte more than vectors are, it is the one before the last vector, which
   the others have to find. Else anywhere, or beyond n. */
static size_t next_place(kc_rng *rng, size_t n, int *alone)
{
    static size_t turn;
    *alone = n > 0 && ++turn % 2;
    if (*alone && n > 32 && n % 32 == 1)
        return n - 33;
    return *alone ? turn / 2 % PLACES % n : n ? kc_below(rng, 2 * (unsigned)n) : 0;
}

/* Equal up to somewhere, often to the end, and noise from there on or one bit. */
static void make_equal(kc_case *c, kc_rng *rng)
{
    int alone;
    size_t n = c->in_nbytes[0], at = next_place(rng, n, &alone);
    memcpy(c->in[1], c->in[0], n);
    if (at < n && !alone && kc_below(rng, 2))
        kc_random_bytes(rng, c->in[1] + at, n - at);
    else if (at < n)
        c->in[1][at] ^= (uint8_t)(1u << kc_below(rng, 8));
}

static void plan_first_difference(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, c->nelem);
    kc_add_in(c, rng, c->nelem);
    make_equal(c, rng);
}

static void ref_first_difference(kc_case *c)
{
    while (c->result < c->nelem && c->in[0][c->result] == c->in[1][c->result])
        c->result++;
}

/* One element over and over, up to somewhere. */
static void plan_equal_run(kc_case *c, kc_rng *rng)
{
    size_t width = c->shape.width, n = width * c->nelem;
    kc_add_in(c, rng, n);
    int alone;
    size_t at = next_place(rng, n, &alone);
    for (size_t i = width; i < n; i++)
        if (alone || i < at || kc_below(rng, 3))
            c->in[0][i] = c->in[0][i - width];
    if (at < n)
        c->in[0][at] ^= (uint8_t)(1u << kc_below(rng, 8));
}

static void ref_equal_run(kc_case *c)
{
    size_t width = c->shape.width;
    while (c->result < c->nelem && memcmp(c->in[0], c->in[0] + width * c->result, width) == 0)
        c->result++;
}

/* ---- float fields ---- */

static void plan_split_fields(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, c->shape.width * c->nelem);
    if (c->shape.xored) {
        kc_add_in(c, rng, c->shape.width * c->nelem);
        kc_make_near(c, rng);
    }
    kc_add_out(c, c->nelem);
    kc_add_out(c, c->shape.signman * c->nelem);
}

/* The stream (0: exponents) and the bit there that bit k of element i goes to. */
static int field_of(const kc_case *c, size_t i, size_t k, size_t *place)
{
    size_t mantissa = c->shape.mantissa, sign = 8 * c->shape.width - 1;
    int is_exponent = k >= mantissa && k < sign;
    if (is_exponent)
        *place = 8 * i + k - mantissa;
    else
        *place = 8 * c->shape.signman * i + (k == sign ? mantissa : k);
    return !is_exponent;
}

static void ref_split_fields(kc_case *c)
{
    size_t bits = 8 * c->shape.width, place;
    memset(c->out[0], 0, c->out_nbytes[0]);
    memset(c->out[1], 0, c->out_nbytes[1]);
    for (size_t i = 0; i < c->nelem; i++) {
        for (size_t k = 0; k < bits; k++) {
            int x = kc_bit(c->in[0], bits * i + k);
            if (c->shape.xored)
                x ^= kc_bit(c->in[1], bits * i + k);
            int stream = field_of(c, i, k, &place);
            kc_set_bit(c->out[stream], place, x);
        }
    }
}

static void plan_merge_fields(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, c->nelem);
    kc_add_in(c, rng, c->shape.signman * c->nelem);
    if (c->shape.xored)
        kc_add_in(c, rng, c->shape.width * c->nelem);
    kc_add_out(c, c->shape.width * c->nelem);
}

static void ref_merge_fields(kc_case *c)
{
    size_t bits = 8 * c->shape.width, place;
    for (size_t i = 0; i < c->nelem; i++) {
        for (size_t k = 0; k < bits; k++) {
            int stream = field_of(c, i, k, &place), x = kc_bit(c->in[stream], place);
            if (c->shape.xored)
                x ^= kc_bit(c->in[2], bits * i + k);
            kc_set_bit(c->out[0], bits * i + k, x);
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
    {"split_bf16", plan_split_fields, ref_split_fields, 0, "merge_bf16", {.width = 2, .mantissa = 7, .signman = 1, .xored = 0}},
    {"merge_bf16", plan_merge_fields, ref_merge_fields, 0, NULL, {.width = 2, .mantissa = 7, .signman = 1, .xored = 0}},
    {"xor_split_bf16", plan_split_fields, ref_split_fields, 0, "xor_merge_bf16", {.width = 2, .mantissa = 7, .signman = 1, .xored = 1}},
    {"xor_merge_bf16", plan_merge_fields, ref_merge_fields, 4, NULL, {.width = 2, .mantissa = 7, .signman = 1, .xored = 1}},
    {"split_f16", plan_split_fields, ref_split_fields, 0, "merge_f16", {.width = 2, .mantissa = 10, .signman = 2, .xored = 0}},
    {"merge_f16", plan_merge_fields, ref_merge_fields, 0, NULL, {.width = 2, .mantissa = 10, .signman = 2, .xored = 0}},
    {"xor_split_f16", plan_split_fields, ref_split_fields, 0, "xor_merge_f16", {.width = 2, .mantissa = 10, .signman = 2, .xored = 1}},
    {"xor_merge_f16", plan_merge_fields, ref_merge_fields, 0, NULL, {.width = 2, .mantissa = 10, .signman = 2, .xored = 1}},
    {"split_f32", plan_split_fields, ref_split_fields, 0, "merge_f32", {.width = 4, .mantissa = 23, .signman = 3, .xored = 0}},
    {"merge_f32", plan_merge_fields, ref_merge_fields, 0, NULL, {.width = 4, .mantissa = 23, .signman = 3, .xored = 0}},
    {"xor_split_f32", plan_split_fields, ref_split_fields, 0, "xor_merge_f32", {.width = 4, .mantissa = 23, .signman = 3, .xored = 1}},
    {"xor_merge_f32", plan_merge_fields, ref_merge_fields, 0, NULL, {.width = 4, .mantissa = 23, .signman = 3, .xored = 1}},
    {"distance_bits", plan_distance_bits, ref_distance_bits, 0, NULL, {0}},
    {"distance_positions_u16", plan_distance_positions, ref_distance_positions, 0, NULL, {.width = 2}},
    {"distance_positions_u32", plan_distance_positions, ref_distance_positions, 0, NULL, {.width = 4}},
    {"first_difference", plan_first_difference, ref_first_difference, 0, NULL, {.many = 2 * PLACES}},
    {"equal_run_u8", plan_equal_run, ref_equal_run, 0, NULL, {.width = 1, .many = 2 * PLACES}},
    {"equal_run_u16", plan_equal_run, ref_equal_run, 0, NULL, {.width = 2, .many = 2 * PLACES}},
    {"equal_run_u32", plan_equal_run, ref_equal_run, 0, NULL, {.width = 4, .many = 2 * PLACES}},
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
