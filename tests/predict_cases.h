/* Tensors that arithmetic made from others: for tests of predictions and for their golden frames.
 */
#ifndef TESTS_PREDICT_CASES_H
#define TESTS_PREDICT_CASES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bitx/codec.h"
#include "bitx/kernels.h"

enum { CASE_BASES = 3, CASE_MAX = 1 << 20 };

typedef struct predict_case {
    const char *name;
    bitx_dtype dtype, base_dtype;
    unsigned rows, columns, nbases;
    unsigned rank;    /* of a change in the first `changed` rows; 0: none */
    unsigned changed; /* rows; 0: all */
    float coefficients[CASE_BASES];
    unsigned relative, rounded; /* as in bitx_combine_params; to the dtype at every step */
    bitx_prediction_kind want;
} predict_case;

static const predict_case predict_cases[] = {
    {"lowrank-bf16", BITX_BF16, BITX_BF16, 96, 80, 1, 2, 0, {0}, 0, 0, BITX_PREDICT_LOWRANK},
    {"lowrank-f16", BITX_F16, BITX_F16, 100, 72, 1, 3, 0, {0}, 0, 0, BITX_PREDICT_LOWRANK},
    {"lowrank-f32", BITX_F32, BITX_F32, 64, 96, 1, 2, 0, {0}, 0, 0, BITX_PREDICT_LOWRANK},
    {"lowrank-part", BITX_BF16, BITX_BF16, 128, 64, 1, 2, 40, {0}, 0, 0, BITX_PREDICT_LOWRANK},
    {"cast-f32-bf16", BITX_BF16, BITX_F32, 50, 41, 1, 0, 0, {1}, 0, 0, BITX_PREDICT_CAST},
    {"cast-f32-f16", BITX_F16, BITX_F32, 50, 41, 1, 0, 0, {1}, 0, 0, BITX_PREDICT_CAST},
    {"cast-bf16-f32", BITX_F32, BITX_BF16, 50, 41, 1, 0, 0, {1}, 0, 0, BITX_PREDICT_CAST},
    {"cast-f16-bf16", BITX_BF16, BITX_F16, 50, 41, 1, 0, 0, {1}, 0, 0, BITX_PREDICT_CAST},
    {"merge-mean", BITX_BF16, BITX_BF16, 60, 64, 2, 0, 0, {0.5F, 0.5F}, 0, 0, BITX_PREDICT_MERGE},
    {"merge-three",
     BITX_F16,
     BITX_F16,
     60,
     64,
     3,
     0,
     0,
     {0.2F, 0.3F, 0.5F},
     0,
     1,
     BITX_PREDICT_MERGE},
    {"merge-task",
     BITX_BF16,
     BITX_BF16,
     60,
     64,
     3,
     0,
     0,
     {0, 0.7F, 0.4F},
     1,
     1,
     BITX_PREDICT_MERGE},
    {"merge-f32", BITX_F32, BITX_F32, 40, 64, 2, 0, 0, {0.3F, 0.7F}, 0, 0, BITX_PREDICT_MERGE},
    {"merge-cast", BITX_BF16, BITX_F32, 60, 64, 2, 0, 0, {0.3F, 0.7F}, 0, 0, BITX_PREDICT_MERGE},
};
enum { NCASES = sizeof(predict_cases) / sizeof(predict_cases[0]) };

static inline float case_normal(uint64_t *state)
{
    float sum = 0;
    for (int i = 0; i < 8; i++) {
        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        sum += (float)(*state >> 40) / 16777216.0F - 0.5F;
    }
    return sum * 1.2247449F; /* variance 8 / 12 to 1 */
}

static inline void case_narrow(uint8_t *dst, const float *src, size_t n, bitx_dtype dtype)
{
    if (dtype == BITX_BF16)
        bitx_cast_f32_bf16(dst, (const void *)src, n);
    else if (dtype == BITX_F16)
        bitx_cast_f32_f16(dst, (const void *)src, n);
    else
        memcpy(dst, src, 4 * n);
}

static inline void case_widen(float *dst, const uint8_t *src, size_t n, bitx_dtype dtype)
{
    if (dtype == BITX_BF16)
        bitx_cast_bf16_f32((void *)dst, src, n);
    else if (dtype == BITX_F16)
        bitx_cast_f16_f32((void *)dst, src, n);
    else
        memcpy(dst, src, 4 * n);
}

static inline size_t case_nelem(const predict_case *c)
{
    return (size_t)c->rows * c->columns;
}

/* Weights of width 0.02, bases that differ by a tenth of that, and a change of a twentieth. */
static inline void case_make(const predict_case *c, uint64_t seed, uint8_t *tensor,
                             uint8_t *bases[CASE_BASES])
{
    const size_t n = case_nelem(c);
    float *first = malloc(4 * n), *each = malloc(4 * n), *wide = malloc(4 * n * CASE_BASES);
    float *u = malloc(4 * (size_t)c->rows * 16), *v = malloc(4 * (size_t)c->columns * 16);
    uint64_t state = seed * 2 + 1;
    if (!first || !each || !wide || !u || !v)
        abort();
    for (size_t i = 0; i < n; i++)
        first[i] = 0.02F * case_normal(&state);
    for (unsigned k = 0; k < c->nbases; k++) {
        for (size_t i = 0; i < n; i++)
            each[i] = first[i] + (k ? 0.002F * case_normal(&state) : 0);
        case_narrow(bases[k], each, n, c->base_dtype);
        case_widen(wide + k * n, bases[k], n, c->base_dtype);
    }
    memcpy(each, wide, 4 * n);
    for (unsigned i = 0; i < c->rows * c->rank; i++)
        u[i] = case_normal(&state);
    for (unsigned i = 0; i < c->columns * c->rank; i++)
        v[i] = 0.001F * case_normal(&state);
    for (size_t i = 0; i < (c->changed ? (size_t)c->changed * c->columns : n); i++)
        for (unsigned k = 0; k < c->rank; k++)
            each[i] += u[i / c->columns * c->rank + k] * v[i % c->columns * c->rank + k];
    if (c->want == BITX_PREDICT_MERGE) {
        const unsigned step = !c->rounded            ? BITX_ROUND_NONE
                              : c->dtype == BITX_F16 ? BITX_ROUND_F16
                                                     : BITX_ROUND_BF16;
        bitx_combine_params p = {c->nbases, c->relative, step, step, {0}};
        const uint8_t *parents[8] = {0};
        for (unsigned k = 0; k < c->nbases; k++) {
            p.coefficients[k] = c->coefficients[k];
            parents[k] = (const uint8_t *)(wide + k * n);
        }
        bitx_combine_f32((void *)each, parents, n, &p);
    }
    case_narrow(tensor, each, n, c->dtype);
    free(first);
    free(each);
    free(wide);
    free(u);
    free(v);
}

static inline size_t case_unit(bitx_dtype dtype)
{
    return bitx_dtype_bits(dtype) / 8;
}

static inline bitx_params case_params(const predict_case *c)
{
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = c->dtype;
    params.block_nbytes = BITX_BLOCK_MIN;
    params.effort = BITX_EFFORT_MAX;
    params.row_nelem = c->columns;
    return params;
}

#endif
