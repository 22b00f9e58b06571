/* The generator of families: its numbers against floating point, its models against their shapes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "family.h"
#include "random_weights.h"

static const uint32_t quantiles[] = {
#include "normal_quantiles.def"
};

Test(datasets, quantiles_are_the_normal_distributions)
{
    for (int i = 0; i < 1024; i++) {
        const double p = ldexp(0.5 + (i % 32) / 64.0, i / 32 - 31);
        const double z = ldexp(quantiles[i], -28);
        /* one unit of the table moves erfc by about this much */
        const double slope = sqrt(2 / acos(-1)) * exp(-z * z / 2);
        cr_assert_lt(fabs(erfc(z / sqrt(2)) - p), slope * ldexp(1, -28), "entry %d", i);
    }
    cr_assert_eq(quantiles[1024], 0);
}

/* erfc at the words' own z gives back their probability: interpolation and indexing are right. */
Test(datasets, normal_inverts_the_tail_everywhere)
{
    for (uint64_t i = 0; i < 200000; i++) {
        const uint32_t word = (uint32_t)(random_word(1, i) >> (i % 33));
        const double z = ldexp((double)normal_q28(word), -28);
        const double p = ldexp(word | 1, -32);
        cr_assert_eq(z < 0, (word & 1) != 0 && z != 0);
        cr_assert_float_eq(erfc(fabs(z) / sqrt(2)), p, p * 2e-3, "word %08x: z %g", word, z);
    }
}

/* The float of a word of that type, by the machine's own F32. */
static double value_of(weight_type type, uint32_t bits)
{
    if (type == WEIGHT_F16) {
        const int exponent = (int)((bits >> 10) & 31);
        const double m = exponent == 0 ? bits & 1023 : (bits & 1023) | 1024;
        return (bits >> 15 ? -1 : 1) * ldexp(m, (exponent == 0 ? 1 : exponent) - 25);
    }
    const uint32_t word = type == WEIGHT_BF16 ? bits << 16 : bits;
    float x;
    memcpy(&x, &word, sizeof x);
    return (double)x;
}

static void check_rounding(weight_type type, int64_t q48)
{
    const double x = ldexp((double)q48, -48);
    const uint32_t bits = weight_encode(type, q48);
    const double got = value_of(type, bits);
    /* The neighbours in magnitude are no nearer; at a tie the last bit is 0. */
    const double error = fabs(got - x);
    const double up = fabs(value_of(type, bits + 1) - x);
    const uint32_t sign = 1u << (8 * weight_type_nbytes(type) - 1);
    const double down = (bits & ~sign) == 0 ? up : fabs(value_of(type, bits - 1) - x);
    cr_assert(error <= up && error <= down, "%s of %a is %a", weight_type_name(type), x, got);
    cr_assert((error < up && error < down) || (bits & 1) == 0, "tie: %s of %a is %a",
              weight_type_name(type), x, got);
    if (type != WEIGHT_F16 || fabs(x) < 65504)
        cr_assert_eq(ldexp((double)weight_decode(type, bits), -48), got, "decode %x", bits);
}

Test(datasets, weights_round_to_the_nearest_even)
{
    for (unsigned t = 0; t < WEIGHT_TYPE_COUNT; t++) {
        cr_assert_eq(weight_encode((weight_type)t, 0), 0);
        for (uint64_t i = 0; i < 400000; i++) {
            const uint64_t word = random_word(2, i);
            int64_t q48 = (int64_t)(word >> (1 + i % 62));
            if (i % 3 == 0) /* few bits: ties and exact values */
                q48 &= (int64_t)(UINT64_MAX << (i % 40));
            if (q48 >= INT64_C(1) << 62)
                continue;
            check_rounding((weight_type)t, q48);
            if (q48 != 0)
                check_rounding((weight_type)t, -q48);
        }
    }
}

enum { SAMPLE = 1 << 18 };

typedef struct moments {
    double mean, sigma, kurtosis, lag1; /* lag1: correlation of neighbours */
} moments;

static moments moments_of(const double *x, size_t n)
{
    double mean = 0, m2 = 0, m4 = 0, product = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double square = (x[i] - mean) * (x[i] - mean);
        m2 += square / (double)n;
        m4 += square * square / (double)n;
        product += (x[i] - mean) * (x[i == 0 ? n - 1 : i - 1] - mean) / (double)n;
    }
    return (moments){mean, sqrt(m2), m4 / (m2 * m2), product / m2};
}

static void read_weights(const weight_source *s, double *x)
{
    const size_t width = weight_type_nbytes(s->type);
    uint8_t *bytes = malloc(SAMPLE * width);
    cr_assert_not_null(bytes);
    weight_fill(s, 0, SAMPLE, bytes);
    for (size_t i = 0; i < SAMPLE; i++) {
        uint32_t bits = 0;
        for (size_t b = 0; b < width; b++)
            bits |= (uint32_t)bytes[i * width + b] << (8 * b);
        x[i] = value_of(s->type, bits);
    }
    free(bytes);
}

Test(datasets, weights_and_deltas_are_gaussian)
{
    static double base[SAMPLE], tuned[SAMPLE];
    for (unsigned t = 0; t < WEIGHT_TYPE_COUNT; t++) {
        weight_source s = {.type = (weight_type)t,
                           .base_key = random_key(3, "w"),
                           .sigma_q32 = 1u << 26,
                           .delta_key = random_key(3, "d"),
                           .changed_q32 = UINT32_MAX};
        read_weights(&s, base);
        s.delta_q32 = 1u << 25; /* large, so that rounding to the type does not hide it */
        read_weights(&s, tuned);
        for (size_t i = 0; i < SAMPLE; i++)
            tuned[i] -= base[i];
        const moments w = moments_of(base, SAMPLE), d = moments_of(tuned, SAMPLE);
        /* five standard errors of each estimate */
        const double n = SAMPLE;
        cr_assert_lt(fabs(w.mean), 5 * ldexp(1, -6) / sqrt(n));
        cr_assert_float_eq(w.sigma, ldexp(1, -6), 5 * ldexp(1, -6) / sqrt(2 * n));
        cr_assert_float_eq(w.kurtosis, 3, 5 * sqrt(24 / n));
        cr_assert_float_eq(d.sigma, ldexp(1, -7), 5 * ldexp(1, -7) / sqrt(2 * n));
        cr_assert_float_eq(d.kurtosis, 3, 5 * sqrt(24 / n));
        cr_assert_lt(fabs(w.lag1), 5 / sqrt(n));
        cr_assert_lt(fabs(d.lag1), 5 / sqrt(n));
    }
}

Test(datasets, the_changed_share_is_as_asked)
{
    static double base[SAMPLE], tuned[SAMPLE];
    weight_source s = {.type = WEIGHT_F32,
                       .base_key = 4,
                       .sigma_q32 = 85899346,
                       .delta_key = 5,
                       .changed_q32 = UINT32_MAX / 16};
    read_weights(&s, base);
    s.delta_q32 = 858993;
    read_weights(&s, tuned);
    double changed = 0;
    for (size_t i = 0; i < SAMPLE; i++)
        changed += base[i] != tuned[i];
    cr_assert_float_eq(changed / SAMPLE, 1 / 16.0, 5 * sqrt(15.0 / 256 / SAMPLE));
}

/* Any part of a tensor can be made alone: the stream is addressed, not replayed. */
Test(datasets, parts_equal_the_whole)
{
    uint8_t whole[400], part[400];
    for (unsigned t = 0; t < WEIGHT_TYPE_COUNT; t++) {
        const size_t width = weight_type_nbytes((weight_type)t);
        const weight_source s = {(weight_type)t, 6, 0, 85899346, 7, 858993, UINT32_MAX / 2};
        weight_fill(&s, 0, 99, whole);
        for (size_t first = 0; first < 99; first += 2) {
            weight_fill(&s, first, 99 - first, part);
            cr_assert_arr_eq(part, whole + first * width, (99 - first) * width);
        }
    }
}

Test(datasets, models_have_the_size_asked_for)
{
    size_t count;
    const model *models = family_models(&count);
    cr_assert_geq(count, 4);
    for (uint64_t nbytes = 100000; nbytes < UINT64_C(1) << 37; nbytes *= 3) {
        const family f = {.type = WEIGHT_BF16, .arch = architecture_of_size(nbytes, WEIGHT_BF16)};
        for (size_t m = 0; m < count; m++) {
            size_t n;
            tensor *tensors = model_tensors(&f, &models[m], &n);
            cr_assert_not_null(tensors);
            uint64_t total = 0, end = 0;
            unsigned shards = 0;
            for (size_t i = 0; i < n; i++) {
                const int first = i == 0 || tensors[i].shard != tensors[i - 1].shard;
                cr_assert_eq(tensors[i].offset, first ? 0 : end);
                cr_assert(first || strcmp(tensors[i - 1].name, tensors[i].name) < 0);
                end = tensors[i].offset + tensors[i].nbytes;
                total += tensors[i].nbytes;
                shards += (unsigned)first;
            }
            cr_assert_geq(total, nbytes);
            cr_assert(nbytes < 1000000 || total < nbytes + nbytes / 4);
            cr_assert_eq(shards, models[m].nshards);
            free(tensors);
        }
    }
}
