/* Calls on lists of symbols: partitions, merges, trees, counts. */
#include "bench/driver_tables.h"

#include <string.h>

#include "bench/sample.h"

/* Partition and merge: half of the elements on each side, and bits from the first of a byte on. */
static unsigned pivot(const bitx_op *op)
{
    return 1U << (op->width - 1);
}

static uint64_t call_partition(bitx_fn fn, const bench_call *c)
{
    return ((bitx_fn_PARTITION *)fn)(c->w[0], c->w[1], c->w[2], 0, c->r[0], c->nelem, pivot(c->op));
}

/* The upper half of the values. */
static uint64_t call_partition_set(bitx_fn fn, const bench_call *c)
{
    static uint8_t upper8[32], upper16[8192];
    if (!upper16[8191]) {
        memset(upper8 + 16, 255, 16);
        memset(upper16 + 4096, 255, 4096);
    }
    return ((bitx_fn_PARTITION_SET *)fn)(c->w[0], c->w[1], c->w[2], 0, c->r[0], c->nelem,
                                         c->op->width == 8 ? upper8 : upper16);
}

/* The value that half of the elements have. */
static uint64_t call_partition_value(bitx_fn fn, const bench_call *c)
{
    return ((bitx_fn_PARTITION_VALUE *)fn)(c->w[0], c->w[1], 0, c->r[0], c->nelem, pivot(c->op));
}

static uint64_t call_partition_const(bitx_fn fn, const bench_call *c)
{
    return ((bitx_fn_PARTITION_CONST *)fn)(c->w[0], 0, c->r[0], c->nelem, pivot(c->op));
}

static uint64_t call_partition_plane(bitx_fn fn, const bench_call *c)
{
    return ((bitx_fn_PARTITION_PLANE *)fn)(c->w[0], c->w[1], c->r[0], c->r[1], 0, c->nelem);
}

static uint64_t call_masked_bits(bitx_fn fn, const bench_call *c)
{
    return ((bitx_fn_PACK_BITS *)fn)(c->w[0], c->r[0], c->r[1], c->nelem);
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

static uint64_t call_merge_lists(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_MERGE_LISTS *)fn)(c->w[0], c->r[0], 0, c->r[1], 0, c->r[2], 0, c->nelem);
    return 0;
}

/* A tree of eight symbols, 64 elements at a time. */
static uint64_t call_subtree(bitx_fn fn, const bench_call *c)
{
    static const uint16_t count[BITX_TREE_DEPTH_MAX + 1] = {0, 0, 0, 8}, first[21] = {0};
    static const uint8_t symbols[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const bitx_tree_shape shape = {count, first, symbols};
    size_t bit = 0;
    for (size_t i = 0; i + 64 <= c->nelem && bit != SIZE_MAX; i += 64)
        bit = ((bitx_fn_SUBTREE *)fn)(c->w[0] + i, 64, &shape, 0, 0, c->r[0], c->rbytes[0], bit);
    return bit;
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
static void fill_partition(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    (void)nread;
    (void)nbytes;
    uint8_t *dst = bench_source(c, 0);
    size_t left = c->nelem / 2, width = c->op->width / 8;
    uint64_t rng = seed;
    for (size_t i = 0; i < c->nelem; i++) {
        uint64_t x = bench_random(&rng) >> 20 & (pivot(c->op) - 1);
        x |= draw_half(&rng, &left, c->nelem - i) ? pivot(c->op) : 0;
        memcpy(dst + i * width, &x, width);
    }
}

/* Of random elements, exactly half are the pivot. */
static void fill_partition_value(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    const uint32_t value = pivot(c->op);
    const size_t width = c->op->width / 8;
    fill_partition(c, nread, nbytes, seed);
    for (size_t i = 0; i < c->nelem; i++) {
        uint8_t *at = bench_source(c, 0) + i * width;
        if (at[width - 1] & 0x80)
            memcpy(at, &value, width);
    }
}

/* Random lists, and a plane, the last source, of which exactly half of the bits are set. */
static void fill_merge(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    uint8_t *plane = bench_source(c, nread - 1);
    size_t left = c->nelem / 2;
    uint64_t rng = seed;
    bench_fill_bf16(c, nread - 1, nbytes, seed);
    memset(plane, 0, nbytes[nread - 1]);
    for (size_t i = 0; i < c->nelem; i++)
        plane[i / 8] |= (uint8_t)(draw_half(&rng, &left, c->nelem - i) << i % 8);
}

static uint64_t call_map(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_MAP *)fn)(c->w[0], c->r[0], c->r[1], c->nelem);
    return 0;
}

static void fill_map(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    (void)nread;
    bench_fill_bf16(c, 1, nbytes, seed);
    for (int i = 0; i < 256; i++)
        bench_source(c, 1)[i] = (uint8_t)(i * 77 + 1);
}

static uint64_t call_histogram(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_HISTOGRAM *)fn)((uint32_t *)(void *)c->w[0], c->r[0], c->nelem);
    return 0;
}

static uint64_t call_histogram_pairs(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_HISTOGRAM_PAIRS *)fn)((uint32_t *)(void *)c->w[0], c->r[0], c->r[1], c->nelem);
    return 0;
}

/* Twelve contexts by turns of a multiplier, and BF16 noise. */
static void fill_histogram_pairs(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    bench_fill_bf16(c, nread, nbytes, seed);
    for (size_t i = 0; i < c->nelem; i++)
        bench_source(c, 0)[i] = (uint8_t)(i * 7 % 12);
}

static size_t written_histogram_pairs(const bench_call *c, unsigned i, uint64_t value)
{
    (void)i;
    (void)value;
    return c->nelem ? 12 * 256 * sizeof(uint32_t) : 0;
}

static size_t written_histogram(const bench_call *c, unsigned i, uint64_t value)
{
    (void)c;
    (void)i;
    (void)value;
    return 256 * sizeof(uint32_t);
}

const bench_driver bench_drivers_lists[BITX_SIG_COUNT] = {
    [BITX_SIG_PARTITION_SET] = {"W", "LL1", call_partition_set, fill_partition, NULL},
    [BITX_SIG_PARTITION_VALUE] = {"W", "L1", call_partition_value, fill_partition_value, NULL},
    [BITX_SIG_PARTITION_CONST] = {"W", "1", call_partition_const, fill_partition_value, NULL},
    [BITX_SIG_PARTITION_PLANE] = {"W1", "LL", call_partition_plane, fill_merge, NULL},
    [BITX_SIG_PACK_BITS] = {"11", "B", call_masked_bits, fill_merge, NULL},
    [BITX_SIG_UNPACK_BITS] = {"B1", "1", call_masked_bits, fill_merge, NULL},
    [BITX_SIG_HISTOGRAM_PAIRS] = {"WW", "A", call_histogram_pairs, fill_histogram_pairs,
                                  written_histogram_pairs},
    [BITX_SIG_PARTITION] = {"W", "LL1", call_partition, fill_partition, NULL},
    [BITX_SIG_MERGE] = {"HH1", "W", call_merge, fill_merge, NULL},
    [BITX_SIG_MERGE_LOWCONST] = {"H1", "W", call_merge_lowconst, fill_merge, NULL},
    [BITX_SIG_MERGE_HIGHCONST] = {"H1", "W", call_merge_highconst, fill_merge, NULL},
    [BITX_SIG_MERGE_CONST] = {"1", "W", call_merge_const, fill_merge, NULL},
    [BITX_SIG_MERGE_LISTS] = {"HH1", "W", call_merge_lists, fill_merge, NULL},
    [BITX_SIG_SUBTREE] = {"W", "W", call_subtree, NULL, NULL},
    [BITX_SIG_COUNT_BITS] = {"1", "", call_count_bits, NULL, NULL},
    [BITX_SIG_MAP] = {"WK", "W", call_map, fill_map, NULL},
    [BITX_SIG_HISTOGRAM] = {"W", "K", call_histogram, NULL, written_histogram},
};
