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

/* Partition and merge: half of the elements on each side, and bits from the first of a byte on. */
static unsigned pivot(const bitx_op *op)
{
    return 1U << (op->width - 1);
}

static uint64_t call_partition(bitx_fn fn, const bench_call *c)
{
    return ((bitx_fn_PARTITION *)fn)(c->w[0], c->w[1], c->w[2], 0, c->r[0], c->nelem, pivot(c->op));
}

static uint64_t call_merge(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_MERGE *)fn)(c->w[0], c->r[0], c->r[1], c->r[2], 0, c->nelem);
    return 0;
}

static uint64_t call_merge_lowconst(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_MERGE_LOWCONST *)fn)(c->w[0], 7, c->r[0], c->r[1], 0, c->nelem);
    return 0;
}

static uint64_t call_merge_highconst(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_MERGE_HIGHCONST *)fn)(c->w[0], c->r[0], 7, c->r[1], 0, c->nelem);
    return 0;
}

static uint64_t call_merge_const(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_MERGE_CONST *)fn)(c->w[0], 3, 7, c->r[0], 0, c->nelem);
    return 0;
}

static uint64_t call_count_bits(bitx_fn fn, const bench_call *c)
{
    return ((bitx_fn_COUNT_BITS *)fn)(c->r[0], 0, c->nelem);
}

/* Exactly half of n draws are 1, in random order: `left` of `rest` are still to come. */
static int draw_half(uint64_t *rng, size_t *left, size_t rest)
{
    int one = bench_random(rng) % rest < *left;
    *left -= (size_t)one;
    return one;
}

/* Random elements of which exactly half are at or above the pivot. */
static void fill_partition(const bench_call *c, unsigned nread, const size_t *nbytes, uint64_t seed)
{
    (void)nread;
    (void)nbytes;
    uint8_t *dst = (uint8_t *)(uintptr_t)c->r[0];
    size_t left = c->nelem / 2, width = c->op->width / 8;
    uint64_t rng = seed;
    for (size_t i = 0; i < c->nelem; i++) {
        uint64_t x = bench_random(&rng) >> 20 & (pivot(c->op) - 1);
        x |= draw_half(&rng, &left, c->nelem - i) ? pivot(c->op) : 0;
        memcpy(dst + i * width, &x, width);
    }
}

/* Random lists, and a plane, the last source, of which exactly half of the bits are set. */
static void fill_merge(const bench_call *c, unsigned nread, const size_t *nbytes, uint64_t seed)
{
    uint8_t *plane = (uint8_t *)(uintptr_t)c->r[nread - 1];
    size_t left = c->nelem / 2;
    uint64_t rng = seed;
    bench_fill_bf16(c, nread - 1, nbytes, seed);
    memset(plane, 0, nbytes[nread - 1]);
    for (size_t i = 0; i < c->nelem; i++)
        plane[i / 8] |= (uint8_t)(draw_half(&rng, &left, c->nelem - i) << i % 8);
}

static const bench_driver drivers[BITX_SIG_COUNT] = {
    [BITX_SIG_BINARY] = {"WW", "W", call_binary, NULL},
    [BITX_SIG_SPLIT2_XOR] = {"WW", "HH", call_split2_xor, NULL},
    [BITX_SIG_MERGE2_XOR] = {"HHW", "W", call_merge2_xor, NULL},
    [BITX_SIG_REDUCE2] = {"WW", "", call_reduce2, NULL},
    [BITX_SIG_PARTITION] = {"W", "HH1", call_partition, fill_partition},
    [BITX_SIG_MERGE] = {"HH1", "W", call_merge, fill_merge},
    [BITX_SIG_MERGE_LOWCONST] = {"H1", "W", call_merge_lowconst, fill_merge},
    [BITX_SIG_MERGE_HIGHCONST] = {"H1", "W", call_merge_highconst, fill_merge},
    [BITX_SIG_MERGE_CONST] = {"1", "W", call_merge_const, fill_merge},
    [BITX_SIG_COUNT_BITS] = {"1", "", call_count_bits, NULL},
};

const bench_driver *bench_driver_for(bitx_sig sig)
{
    return (size_t)sig < BITX_SIG_COUNT && drivers[sig].call ? &drivers[sig] : NULL;
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

void bench_fill_bf16(const bench_call *c, unsigned nread, const size_t *nbytes, uint64_t seed)
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
