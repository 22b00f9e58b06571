/* Models with an adapter merged into them, for tests and golden frames. */
#ifndef TESTS_ADAPTER_CASES_H
#define TESTS_ADAPTER_CASES_H

#include "predict_cases.h"

typedef struct adapter_case {
    const char *name;
    bitx_dtype dtype, factor_dtype;
    unsigned rows, columns, rank;
    float scale;
    bitx_dtype product; /* what the product was rounded to before it was added; F32: to nothing */
} adapter_case;

static const adapter_case adapter_cases[] = {
    {"adapter-bf16", BITX_BF16, BITX_F32, 96, 80, 5, 2, BITX_F32},
    {"adapter-rounded", BITX_BF16, BITX_BF16, 96, 80, 8, 16.0F / 8, BITX_BF16},
    {"adapter-f16", BITX_F16, BITX_F16, 80, 96, 3, 16.0F / 3, BITX_F32},
    {"adapter-f32", BITX_F32, BITX_BF16, 64, 96, 4, 0.5F, BITX_F32},
};
enum { NADAPTERS = sizeof(adapter_cases) / sizeof(adapter_cases[0]) };

typedef struct adapter_data {
    uint8_t *tensor, *base, *a, *b;
    size_t nbytes, a_nbytes, b_nbytes;
} adapter_data;

/* To a narrower format and back. */
static inline void case_round(float *x, size_t n, bitx_dtype dtype)
{
    uint8_t *narrow = malloc(4 * n);
    if (!narrow)
        abort();
    case_narrow(narrow, x, n, dtype);
    case_widen(x, narrow, n, dtype);
    free(narrow);
}

/* As PEFT merges: a product in F32, times the scale, rounded to a format, and added. */
static inline void adapter_make(const adapter_case *c, uint64_t seed, adapter_data *d)
{
    const size_t n = (size_t)c->rows * c->columns, na = (size_t)c->rank * c->columns;
    const size_t nb = (size_t)c->rank * c->rows;
    float *w = malloc(4 * n), *p = malloc(4 * n), *a = malloc(4 * na), *b = malloc(4 * nb);
    uint64_t state = 2 * seed + 1;
    d->nbytes = n * case_unit(c->dtype);
    d->a_nbytes = na * case_unit(c->factor_dtype);
    d->b_nbytes = nb * case_unit(c->factor_dtype);
    d->tensor = malloc(d->nbytes);
    d->base = malloc(d->nbytes);
    d->a = malloc(d->a_nbytes);
    d->b = malloc(d->b_nbytes);
    if (!w || !p || !a || !b || !d->tensor || !d->base || !d->a || !d->b)
        abort();
    for (size_t i = 0; i < n; i++)
        w[i] = 0.02F * case_normal(&state);
    for (size_t i = 0; i < na; i++)
        a[i] = 0.1F * case_normal(&state);
    for (size_t i = 0; i < nb; i++)
        b[i] = 0.003F * case_normal(&state);
    case_narrow(d->base, w, n, c->dtype);
    case_widen(w, d->base, n, c->dtype);
    case_narrow(d->a, a, na, c->factor_dtype);
    case_widen(a, d->a, na, c->factor_dtype);
    case_narrow(d->b, b, nb, c->factor_dtype);
    case_widen(b, d->b, nb, c->factor_dtype);
    for (size_t i = 0; i < c->rows; i++)
        for (size_t j = 0; j < c->columns; j++) {
            float sum = 0;
            for (size_t k = 0; k < c->rank; k++)
                sum += b[i * c->rank + k] * a[k * c->columns + j];
            p[i * c->columns + j] = c->scale * sum;
        }
    case_round(p, n, c->product);
    for (size_t i = 0; i < n; i++)
        w[i] += p[i];
    case_narrow(d->tensor, w, n, c->dtype);
    free(w);
    free(p);
    free(a);
    free(b);
}

static inline void adapter_free(adapter_data *d)
{
    free(d->tensor);
    free(d->base);
    free(d->a);
    free(d->b);
}

typedef struct adapter_memory {
    const uint8_t *data;
} adapter_memory;

static inline int adapter_read(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    memcpy(dst, ((const adapter_memory *)user)->data + offset, nbytes);
    return 0;
}

#endif
