/* Casts, low-rank sums and weighted sums: references in integers and in double, whose one rounding
   more is harmless (sums and products of floats fit, or are rounded alike: Figueroa 1995). */
#include "kernel_specs.h"

#include <math.h>
#include <string.h>

typedef struct format {
    int mantissa, least, most; /* bits; exponents of the least and the greatest normal number */
    uint32_t nan;
} format;

static const format BF16 = {7, -126, 127, 0x7fc0}, F16 = {10, -14, 15, 0x7e00},
                    F32 = {23, -126, 127, 0x7fc00000};

static uint32_t load32(const uint8_t *p, size_t width)
{
    uint32_t x = 0;
    memcpy(&x, p, width);
    return x;
}

static int total_bits(const format *f)
{
    return f == &F32 ? 32 : 16;
}

/* The number that bits mean, by the definition of the format. */
static double value_of(uint32_t bits, const format *f)
{
    const int top = total_bits(f) - 1;
    const double sign = bits >> top & 1 ? -1 : 1;
    const uint32_t magnitude = bits & (uint32_t)((UINT64_C(1) << top) - 1);
    const int exponent = (int)(magnitude >> f->mantissa);
    const double fraction = magnitude & ((1u << f->mantissa) - 1);
    if (exponent == f->most - f->least + 2)
        return fraction > 0 ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, f->least - f->mantissa);
    return sign * ldexp(fraction + ldexp(1, f->mantissa), f->least + exponent - 1 - f->mantissa);
}

/* The nearest number of the format, the even one of two. */
static uint32_t bits_nearest(double x, const format *f)
{
    const uint32_t sign = signbit(x) ? 1u << (total_bits(f) - 1) : 0;
    const uint32_t infinity = (uint32_t)(f->most - f->least + 2) << f->mantissa;
    if (isnan(x))
        return f->nan;
    x = fabs(x);
    if (x >= ldexp(1, f->most + 1))
        return sign | infinity;
    int exponent;
    (void)frexp(x, &exponent); /* x is at least 2^(exponent - 1) */
    exponent = exponent - 1 > f->least && x > 0 ? exponent - 1 : f->least;
    const double steps = ldexp(x, f->mantissa - exponent); /* exact */
    uint32_t whole = (uint32_t)steps;
    const double rest = steps - whole;
    if (rest > 0.5 || (rest == 0.5 && whole % 2))
        whole += 1;
    const uint32_t bits = (uint32_t)(exponent - f->least) * (1u << f->mantissa) + whole;
    return sign | (bits < infinity ? bits : infinity);
}

static double rounded(double x, const format *f)
{
    return value_of(bits_nearest(x, f), f);
}

static const format *format_of(const kc_case *c)
{
    return c->shape.mantissa == 7 ? &BF16 : c->shape.mantissa == 10 ? &F16 : &F32;
}

static void store(uint8_t *p, size_t i, uint32_t bits, const format *f)
{
    const size_t width = (size_t)total_bits(f) / 8;
    memcpy(p + i * width, &bits, width);
}

static double load(const uint8_t *p, size_t i, const format *f)
{
    const size_t width = (size_t)total_bits(f) / 8;
    return value_of(load32(p + i * width, width), f);
}

/* Weights, and now and then all that a float can be. */
static void fill_floats(kc_rng *rng, uint8_t *p, size_t nelem, const format *f)
{
    const unsigned kind = kc_below(rng, 4);
    const uint32_t sign = 1u << (total_bits(f) - 1), infinity = sign - (1u << f->mantissa);
    for (size_t i = 0; i < nelem; i++) {
        double x = ldexp((double)(int64_t)(kc_random(rng) >> 11) - 0x1p52, -58);
        uint32_t bits = bits_nearest(x, f);
        if (kind == 0 || (kind == 1 && kc_below(rng, 16) == 0))
            bits = (uint32_t)kc_random(rng);
        if (kind == 2 && f == &F32) /* halfway between two of 16 bits, or just beside */
            bits = (bits & ~0xffffu) | (kc_below(rng, 3) + 0x7fff) << (kc_below(rng, 2) ? 0 : 2);
        if (kind == 3 && kc_below(rng, 32) == 0) /* the greatest, infinity, the least NaN */
            bits = (infinity - 1 + kc_below(rng, 3)) | (bits & sign);
        store(p, i, bits, f);
    }
}

static void add_floats(kc_case *c, kc_rng *rng, size_t nelem, const format *f)
{
    const size_t nbytes = nelem * (size_t)total_bits(f) / 8;
    c->in_nbytes[c->nin] = nbytes;
    fill_floats(rng, c->in[c->nin++], nelem, f);
}

/* ---- casts ---- */

static void plan_cast_down(kc_case *c, kc_rng *rng)
{
    add_floats(c, rng, c->nelem, &F32);
    kc_add_out(c, 2 * c->nelem);
}

static void ref_cast_down(kc_case *c)
{
    const format *to = format_of(c);
    for (size_t i = 0; i < c->nelem; i++)
        store(c->out[0], i, bits_nearest(load(c->in[0], i, &F32), to), to);
}

static void plan_cast_up(kc_case *c, kc_rng *rng)
{
    add_floats(c, rng, c->nelem, format_of(c));
    kc_add_out(c, 4 * c->nelem);
}

static void ref_cast_up(kc_case *c)
{
    const format *from = format_of(c);
    for (size_t i = 0; i < c->nelem; i++) {
        uint32_t bits = bits_nearest(load(c->in[0], i, from), &F32);
        if (from == &BF16) /* NaNs as they are */
            bits = kc_element(c->in[0], i, 2) << 16;
        store(c->out[0], i, bits, &F32);
    }
}

/* ---- low rank ---- */

static void plan_lowrank(kc_case *c, kc_rng *rng)
{
    bitx_lowrank_params *p = &c->lowrank;
    p->columns = 1 + kc_below(rng, kc_below(rng, 2) ? 40 : 1500);
    if (kc_below(rng, 3) == 0)
        p->columns = 16 * (1 + kc_below(rng, 12));
    p->first = kc_below(rng, 2) ? 0 : kc_below(rng, 3 * (unsigned)p->columns);
    p->shift = kc_below(rng, 8) ? 10 + kc_below(rng, 30) : kc_below(rng, 127);
    const size_t rows = (p->first + c->nelem + p->columns - 1) / p->columns + 1;
    const size_t most = (KC_CAP / 2) / (2 * rows);
    p->rank = 2 * (1 + kc_below(rng, kc_below(rng, 4) ? 4 : 40));
    while (p->rank > 2 && p->rank > most)
        p->rank -= 2;
    const format *f = format_of(c);
    add_floats(c, rng, c->nelem, f);
    const size_t used = c->nelem ? (p->first + c->nelem - 1) / p->columns + 1 : 0;
    kc_add_in(c, rng, used * p->rank * 2);
    kc_add_in(c, rng, (p->columns + 15) / 16 * p->rank * 32);
    if (kc_below(rng, 2)) /* factors as they are: below a few hundred */
        for (unsigned k = 1; k < 3; k++)
            for (size_t i = 0; i < c->in_nbytes[k]; i += 2)
                kc_set_element(c->in[k], i / 2, 2, kc_below(rng, 600) - 300);
    kc_add_out(c, c->nelem * (size_t)total_bits(f) / 8);
}

static int64_t factor(const uint8_t *p, size_t i)
{
    return (int16_t)kc_element(p, i, 2);
}

static void ref_lowrank(kc_case *c)
{
    const bitx_lowrank_params *p = &c->lowrank;
    const format *f = format_of(c);
    for (size_t e = 0; e < c->nelem; e++) {
        const size_t i = (p->first + e) / p->columns, j = (p->first + e) % p->columns;
        uint32_t sum = 0;
        for (size_t k = 0; k < p->rank; k++)
            sum += (uint32_t)(factor(c->in[1], i * p->rank + k) *
                              factor(c->in[2],
                                     (j / 16 * p->rank + k / 2 * 2) * 16 + j % 16 * 2 + k % 2));
        const double step = ldexp(rounded((int32_t)sum, &F32), -(int)p->shift);
        store(c->out[0], e, bits_nearest(rounded(load(c->in[0], e, f) + step, &F32), f), f);
    }
}

/* ---- weighted sums ---- */

static void plan_combine(kc_case *c, kc_rng *rng)
{
    bitx_combine_params *p = &c->combine;
    p->relative = kc_below(rng, 2);
    p->nparents = 1 + p->relative + kc_below(rng, 8 - p->relative);
    while (p->nparents > 2 && p->nparents * c->nelem * 4 > KC_CAP / 2)
        p->nparents--;
    p->round_products = kc_below(rng, 3);
    p->round_sums = kc_below(rng, 3);
    for (int k = 0; k < 8; k++)
        p->coefficients[k] = (float)(int)kc_below(rng, 400) / 100 - 2;
    add_floats(c, rng, p->nparents * c->nelem, &F32);
    kc_add_out(c, 4 * c->nelem);
}

static double step_of(double x, unsigned how)
{
    x = rounded(x, &F32);
    return how == BITX_ROUND_BF16  ? rounded(x, &BF16)
           : how == BITX_ROUND_F16 ? rounded(x, &F16)
                                   : x;
}

static void ref_combine(kc_case *c)
{
    const bitx_combine_params *p = &c->combine;
    for (size_t i = 0; i < c->nelem; i++) {
        const double origin = load(c->in[0], i, &F32);
        double sum = 0;
        for (unsigned k = p->relative; k < p->nparents; k++) {
            double x = load(c->in[0], k * c->nelem + i, &F32);
            if (p->relative)
                x = step_of(x - origin, p->round_products);
            x = step_of((double)p->coefficients[k] * x, p->round_products);
            sum = k == p->relative ? x : step_of(sum + x, p->round_sums);
        }
        if (p->relative)
            sum = step_of(origin + sum, p->round_sums);
        store(c->out[0], i, bits_nearest(sum, &F32), &F32);
    }
}

/* clang-format off */
const kc_spec kc_specs_floats[] = {
    {"cast_f32_bf16", plan_cast_down, ref_cast_down, 0, NULL, {.mantissa = 7}},
    {"cast_f32_f16", plan_cast_down, ref_cast_down, 0, NULL, {.mantissa = 10}},
    {"cast_bf16_f32", plan_cast_up, ref_cast_up, 0, NULL, {.mantissa = 7}},
    {"cast_f16_f32", plan_cast_up, ref_cast_up, 0, NULL, {.mantissa = 10}},
    {"lowrank_add_bf16", plan_lowrank, ref_lowrank, 1, NULL, {.mantissa = 7}},
    {"lowrank_add_f16", plan_lowrank, ref_lowrank, 1, NULL, {.mantissa = 10}},
    {"lowrank_add_f32", plan_lowrank, ref_lowrank, 1, NULL, {.mantissa = 23}},
    {"combine_f32", plan_combine, ref_combine, 0, NULL, {0}},
    {0},
};
/* clang-format on */
