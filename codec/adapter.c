/*
 * A merged LoRA adapter whose matrices are tensors of their own: the integers of a prediction of
 * low rank follow from their floats, one IEEE operation at a time, so that every machine has the
 * same. FORMAT.md 2.6 has the arithmetic.
 */
#include <string.h>

#include "bytes.h"
#include "carve.h"
#include "factors.h"
#include "predict.h"

#if defined(__clang__)
#    pragma STDC FP_CONTRACT OFF /* gcc's -std=c11 does as much */
#endif

uint64_t bitx_adapter_nbytes(const bitx_prediction *p, unsigned which)
{
    return (which ? p->rows : p->columns) * p->rank * bitx_unit_nbytes(p->factor_dtype);
}

static float power_of_two(int exponent) /* -126 to 126 */
{
    const uint32_t bits = (uint32_t)(exponent + 127) << 23;
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* To the nearest integer, ties to even; what is no number is 0. */
static int16_t as_integer(float x)
{
    const float magic = 0x1.8p23F; /* its step is 1 */
    if (!(x > -32767))
        return x < 0 ? -32767 : 0;
    if (x > 32767)
        return 32767;
    x += magic;
    return (int16_t)(x - magic);
}

enum { PIECE = 512 };

void bitx_adapter_load(bitx_prediction *p, const uint8_t *a, const uint8_t *b, uint8_t *memory)
{
    const size_t rank = p->rank + p->rank % 2, unit = bitx_unit_nbytes(p->factor_dtype);
    const size_t rows = (size_t)p->rows, columns = (size_t)p->columns;
    float x[PIECE];
    memset(memory, 0, bitx_prediction_memory(p));
    p->u = carve(&memory, rows * rank * sizeof(int16_t));
    p->v = memory;
    int16_t *u, *v;
    memcpy(&u, &p->u, sizeof(u)); /* they are const for all others */
    memcpy(&v, &p->v, sizeof(v));
    for (size_t i = 0; i < rows; i++) {
        bitx_widen(x, b + i * p->rank * unit, p->rank, p->factor_dtype);
        for (size_t k = 0; k < p->rank; k++) {
            const float scaled = p->scale * x[k];
            u[bitx_factor_place(false, i, k, rank)] =
                as_integer(scaled * power_of_two(p->exponents[k]));
        }
    }
    for (size_t k = 0; k < p->rank; k++) {
        const float times = power_of_two((int)p->shift - p->exponents[k]);
        for (size_t j = 0; j < columns; j += PIECE) {
            const size_t n = columns - j < PIECE ? columns - j : PIECE;
            bitx_widen(x, a + (k * columns + j) * unit, n, p->factor_dtype);
            for (size_t m = 0; m < n; m++)
                v[bitx_factor_place(true, j + m, k, rank)] = as_integer(x[m] * times);
        }
    }
}

size_t bitx_adapter_write(const bitx_prediction *p, uint8_t *dst)
{
    uint8_t *at = store_varint(store_varint(dst, p->columns), p->rank);
    *at++ = (uint8_t)p->shift;
    *at++ = (uint8_t)p->factor_dtype;
    *at++ = (uint8_t)p->round_product;
    memcpy(at, &p->scale, 4);
    memcpy(at + 4, p->exponents, p->rank);
    at += 4 + p->rank;
    memcpy(at, p->hashes, 2 * (size_t)BITX_HASH_NBYTES);
    return (size_t)(at - dst) + 2 * (size_t)BITX_HASH_NBYTES;
}
