/* Which bits of the weights a fine-tune changed. */
#include "bench/bits.h"

#include <string.h>

#include "bench/codec.h"
#include "bitx/kernels.h"

static void set_fields(bench_bits *b, bitx_dtype dtype)
{
    static const struct {
        bitx_dtype dtype;
        unsigned exponent, mantissa;
    } floats[] = {{BITX_F8_E5M2, 5, 2}, {BITX_F8_E4M3, 4, 3}, {BITX_F16, 5, 10},
                  {BITX_BF16, 8, 7},    {BITX_F32, 8, 23},    {BITX_C64, 8, 23}};
    for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++)
        if (floats[i].dtype == dtype) {
            b->exponent_bits = floats[i].exponent;
            b->mantissa_bits = floats[i].mantissa;
        }
}

static uint64_t count_changed(const bench_tensor *t, size_t unit)
{
    uint64_t n = 0;
    for (size_t i = 0; i + unit <= t->nbytes; i += unit)
        n += memcmp(t->data + i, t->base + i, unit) != 0;
    return n;
}

/* Bytes go through the kernel in pairs: positions 8 to 15 are the odd ones'. */
static void count_bytes(bench_bits *b, const bench_tensor *t)
{
    uint64_t pairs[16] = {0};
    bitx_distance_positions_u16(pairs, t->data, t->base, t->nbytes / 2);
    if (t->nbytes % 2)
        for (unsigned p = 0; p < 8; p++)
            pairs[p] += (t->data[t->nbytes - 1] ^ t->base[t->nbytes - 1]) >> p & 1;
    for (unsigned p = 0; p < 8; p++)
        b->changed[p] += pairs[p] + pairs[8 + p];
}

int bench_bits_count(const bench_family *f, bitx_dtype dtype, bench_bits *out)
{
    memset(out, 0, sizeof(*out));
    snprintf(out->data, sizeof(out->data), "%s", f->label);
    out->dtype = bitx_dtype_name(dtype);
    set_fields(out, dtype);
    size_t unit = dtype == BITX_C64 ? 4 : bench_unit_nbytes(dtype);
    if (unit != 1 && unit != 2 && unit != 4)
        return -1;
    out->nbits = (unsigned)(8 * unit);
    for (size_t i = 0; i < f->n; i++) {
        const bench_tensor *t = &f->at[i];
        size_t nelem = t->nbytes / unit;
        if (t->dtype != dtype || !t->base)
            continue;
        if (unit == 1)
            count_bytes(out, t);
        else if (unit == 2)
            bitx_distance_positions_u16(out->changed, t->data, t->base, nelem);
        else
            bitx_distance_positions_u32(out->changed, t->data, t->base, nelem);
        out->nelem += nelem;
        out->nchanged += count_changed(t, unit);
    }
    return out->nelem ? 0 : -1;
}

void bench_bits_print(const bench_bits *b, FILE *out)
{
    fprintf(out, "%s: changed bits in %%, most significant first:", b->dtype);
    for (unsigned i = b->nbits; i-- > 0;) {
        fprintf(out, " %.2g", 100 * (double)b->changed[i] / (double)b->nelem);
        if (b->exponent_bits && (i + 1 == b->nbits || i == b->mantissa_bits))
            fputs(" |", out);
    }
    fputc('\n', out);
}
