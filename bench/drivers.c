/* One call per signature class. */
#include "bench/drivers.h"

#include <string.h>

#include "bench/sample.h"

static uint64_t call_binary(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_BINARY *)fn)(c->w[0], c->r[0], c->r[1], c->nelem);
    return 0;
}

static uint64_t call_split2_xor(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_SPLIT2_XOR *)fn)(c->w[0], c->w[1], c->r[0], c->r[1], c->nelem);
    return 0;
}

static uint64_t call_merge2_xor(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_MERGE2_XOR *)fn)(c->w[0], c->r[0], c->r[1], c->r[2], c->nelem);
    return 0;
}

static uint64_t call_reduce2(bitx_fn fn, const bench_call *c)
{
    return ((bitx_fn_REDUCE2 *)fn)(c->r[0], c->r[1], c->nelem);
}

static const bench_driver drivers[] = {
    [BITX_SIG_BINARY] = {"WW", "W", call_binary, NULL},
    [BITX_SIG_SPLIT2_XOR] = {"WW", "HH", call_split2_xor, NULL},
    [BITX_SIG_MERGE2_XOR] = {"HHW", "W", call_merge2_xor, NULL},
    [BITX_SIG_REDUCE2] = {"WW", "", call_reduce2, NULL},
};

const bench_driver *bench_driver_for(bitx_sig sig)
{
    size_t i = (size_t)sig;
    return i < sizeof(drivers) / sizeof(drivers[0]) && drivers[i].call ? &drivers[i] : NULL;
}

static int add_streams(const char *letters, unsigned width, size_t nelem, unsigned *n,
                       unsigned before, size_t *nbytes)
{
    for (; *letters; letters++) {
        size_t each = 0, count = 1;
        switch (*letters) {
        case 'W':
            each = nelem * width / 8;
            break;
        case 'H':
            each = nelem * width / 16;
            break;
        case 'Q':
            each = nelem * width / 32;
            break;
        case 'B':
            each = nelem;
            break;
        case '1':
            each = (nelem + 7) / 8;
            break;
        case 'P':
            each = (nelem + 7) / 8;
            count = width;
            break;
        case 'Y':
            each = nelem;
            count = width / 8;
            break;
        case 'K':
            each = 4096;
            break;
        }
        for (; count; count--) {
            if (before + *n >= BENCH_STREAMS_MAX)
                return -1;
            nbytes[before + (*n)++] = each;
        }
    }
    return 0;
}

int bench_driver_shape(const bench_driver *d, const bitx_op *op, size_t nelem, unsigned *nread,
                       unsigned *nwrite, size_t *nbytes)
{
    *nread = *nwrite = 0;
    if (add_streams(d->reads, op->width, nelem, nread, 0, nbytes) != 0)
        return -1;
    return add_streams(d->writes, op->width, nelem, nwrite, *nread, nbytes);
}

void bench_driver_bind(const bitx_op *op, const bench_set *set, size_t slice, size_t nelem,
                       bench_call *c)
{
    c->op = op;
    c->nelem = nelem;
    for (unsigned i = 0; i < set->nread; i++)
        c->r[i] = bench_set_at(set, i, slice);
    for (unsigned i = 0; i < set->nwrite; i++)
        c->w[i] = bench_set_at(set, set->nread + i, slice);
}

/* A BF16 weight of about N(0, 0.02): the sum of four uniform 16-bit numbers is near enough. */
static uint16_t bf16_weight(uint64_t r)
{
    int32_t sum =
        (int32_t)((r & 0xffff) + (r >> 16 & 0xffff) + (r >> 32 & 0xffff) + (r >> 48)) - 2 * 65535;
    float w = (float)sum * (0.02F / 37837.0F);
    uint32_t bits;
    memcpy(&bits, &w, sizeof(bits));
    return (uint16_t)(bits >> 16);
}

void bench_fill_bf16(const bench_call *c, const size_t *nbytes, unsigned nread, uint64_t seed)
{
    for (unsigned s = 0; s < nread; s++) {
        /* The sources are ours to fill; the kernels get them as const. */
        uint8_t *dst = (uint8_t *)(uintptr_t)c->r[s];
        uint64_t rng = seed;
        for (size_t i = 0; i + 2 <= nbytes[s]; i += 2) {
            uint64_t r = bench_random(&rng);
            uint16_t w = bf16_weight(r);
            if (s == 0)
                w = (uint16_t)(w + (r >> 7 & 7)); /* the fine-tune: a small step from the base */
            memcpy(dst + i, &w, sizeof(w));
        }
    }
}
