/* Entropy bounds of delta coders. */
#include "bench/ideal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/codec.h"

enum { CONTEXTS = 2048, TOKENS = 512 };

int bench_is_float(bitx_dtype dtype)
{
    switch (dtype) {
    case BITX_F8_E5M2:
    case BITX_F8_E4M3:
    case BITX_F16:
    case BITX_BF16:
    case BITX_F32:
    case BITX_C64:
    case BITX_F64:
        return 1;
    default:
        return 0;
    }
}

static unsigned mantissa_bits(bitx_dtype dtype)
{
    switch (dtype) {
    case BITX_F8_E5M2:
        return 2;
    case BITX_F8_E4M3:
        return 3;
    case BITX_F16:
        return 10;
    case BITX_BF16:
        return 7;
    case BITX_F32:
    case BITX_C64:
        return 23;
    case BITX_F64:
        return 52;
    default:
        return 0;
    }
}

static unsigned bit_length(uint64_t x)
{
    return x ? 64 - (unsigned)__builtin_clzll(x) : 0;
}

typedef struct histogram {
    double fmdelta[256];
    double token[CONTEXTS][TOKENS];
    double fmdelta_raw_bits, token_raw_bits;
} histogram;

static void count_element(histogram *h, uint64_t x, uint64_t b, unsigned bits, bitx_dtype dtype)
{
    int is_float = bench_is_float(dtype);
    uint64_t sign = (uint64_t)1 << (bits - 1);
    uint64_t ox = bench_ordered(x, bits, is_float), ob = bench_ordered(b, bits, is_float);
    int negative = ox < ob;
    uint64_t size = negative ? ob - ox : ox - ob;
    unsigned k = bit_length(size);
    h->fmdelta[k ? 2 * k - 1 + (unsigned)negative : 0]++;
    h->fmdelta_raw_bits += k ? k - 1 : 0;
    /* Towards or away from zero, rather than up or down. */
    int away = size && (is_float && (b & sign) ? !negative : negative);
    unsigned token, raw = 0;
    if (size < 4) {
        token = (unsigned)size;
    } else {
        token = 4 + 2 * (k - 3) + (unsigned)(size >> (k - 2) & 1);
        raw = k - 2;
    }
    uint64_t exponent = is_float ? (b & ~sign) >> mantissa_bits(dtype) : 0;
    h->token[exponent % CONTEXTS][2 * token + (unsigned)away]++;
    h->token_raw_bits += raw;
}

static double entropy_bits(const double *counts, size_t n)
{
    double total = 0, bits = 0;
    for (size_t i = 0; i < n; i++)
        total += counts[i];
    for (size_t i = 0; i < n; i++)
        if (counts[i] > 0)
            bits -= counts[i] * log2(counts[i] / total);
    return bits;
}

static void add_tensor(const bench_tensor *t, size_t unit, histogram *h, bench_ideal *out)
{
    memset(h, 0, sizeof(*h));
    for (size_t j = 0; j + unit <= t->nbytes; j += unit) {
        uint64_t x = 0, b = 0;
        memcpy(&x, t->data + j, unit);
        memcpy(&b, t->base + j, unit);
        count_element(h, x, b, (unsigned)(8 * unit), t->dtype);
        out->nchanged += x != b;
        out->nelem++;
    }
    double token_bits = h->token_raw_bits;
    for (size_t c = 0; c < CONTEXTS; c++)
        token_bits += entropy_bits(h->token[c], TOKENS);
    out->fmdelta_nbytes += (entropy_bits(h->fmdelta, 256) + h->fmdelta_raw_bits) / 8;
    out->exponent_nbytes += token_bits / 8;
    out->nbytes += (double)t->nbytes;
}

void bench_ideal_measure(const bench_family *f, bitx_dtype dtype, bench_ideal *out)
{
    memset(out, 0, sizeof(*out));
    histogram *h = malloc(sizeof(*h));
    for (size_t i = 0; i < f->n && h; i++)
        if (f->at[i].dtype == dtype && f->at[i].base)
            add_tensor(&f->at[i], bench_unit_nbytes(dtype), h, out);
    free(h);
}
