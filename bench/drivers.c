/* One call per signature class. */
#include "bench/drivers.h"

#include <stdlib.h>
#include <string.h>

#include "bench/sample.h"

/* The sources are ours to fill; the kernels get them as const. */
static uint8_t *source(const bench_call *c, unsigned i)
{
    return (uint8_t *)(uintptr_t)c->r[i];
}

/* About N(0, sigma): the sum of four uniform 16-bit numbers is near enough. */
static float normal(uint64_t r, float sigma)
{
    int32_t sum =
        (int32_t)((r & 0xffff) + (r >> 16 & 0xffff) + (r >> 32 & 0xffff) + (r >> 48)) - 2 * 65535;
    return (float)sum * (sigma / 37837.0F);
}

static uint16_t bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float bf16_value(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

void bench_fill_bf16(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    for (unsigned s = 0; s < nread; s++) {
        uint64_t rng = seed;
        for (size_t i = 0; i + 2 <= nbytes[s]; i += 2) {
            uint64_t r = bench_random(&rng), step = bench_random(&rng);
            uint16_t w = bf16(normal(r, 0.02F));
            if (s == 0) /* the fine-tune */
                w = bf16(bf16_value(w) + normal(step, 2e-4F));
            memcpy(source(c, s) + i, &w, sizeof(w));
        }
    }
}

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

static uint64_t call_split2(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_SPLIT2 *)fn)(c->w[0], c->w[1], c->r[0], c->nelem);
    return 0;
}

static uint64_t call_merge2(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_MERGE2 *)fn)(c->w[0], c->r[0], c->r[1], c->nelem);
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

static uint64_t call_scan2(bitx_fn fn, const bench_call *c)
{
    return ((bitx_fn_SCAN2 *)fn)(c->r[0], c->r[1], c->nelem);
}

static uint64_t call_scan(bitx_fn fn, const bench_call *c)
{
    return ((bitx_fn_SCAN *)fn)(c->r[0], c->nelem);
}

/* All equal: a scan reads everything. */
static void fill_equal(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    for (unsigned s = 0; s < nread; s++)
        memset(source(c, s), (int)(seed & 0xff), nbytes[s]);
}

static uint64_t call_distance_positions(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_DISTANCE_POSITIONS *)fn)((uint64_t *)(void *)c->w[0], c->r[0], c->r[1], c->nelem);
    return 0;
}

static size_t written_distance_positions(const bench_call *c, unsigned i, uint64_t value)
{
    (void)i;
    (void)value;
    return c->op->width * sizeof(uint64_t);
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
    uint8_t *dst = source(c, 0);
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
        uint8_t *at = source(c, 0) + i * width;
        if (at[width - 1] & 0x80)
            memcpy(at, &value, width);
    }
}

/* Random lists, and a plane, the last source, of which exactly half of the bits are set. */
static void fill_merge(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    uint8_t *plane = source(c, nread - 1);
    size_t left = c->nelem / 2;
    uint64_t rng = seed;
    bench_fill_bf16(c, nread - 1, nbytes, seed);
    memset(plane, 0, nbytes[nread - 1]);
    for (size_t i = 0; i < c->nelem; i++)
        plane[i / 8] |= (uint8_t)(draw_half(&rng, &left, c->nelem - i) << i % 8);
}

/* ---- the delta codec's loops -------------------------------------------------------------------
 */

/* BF16 weights N(0, 0.02) that moved by N(0, 2e-4): 12 classes from exponent 112 on, and for each a
   shift that leaves typical differences below 16. */
static const bitx_delta_params delta_params = {
    .width = 16,
    .sign = 1,
    .class_shift = 7,
    .class_low = 112,
    .nclasses = 12,
    .shift = {6, 5, 4, 3, 2, 1},
};

static uint64_t call_delta_classes(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_DELTA_CLASSES *)fn)(c->w[0], c->r[0], c->nelem, &delta_params);
    return 0;
}

static uint64_t call_delta_diff(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_DELTA_DIFF *)fn)(c->w[0], c->w[1], c->r[0], c->r[1], c->nelem, &delta_params);
    return 0;
}

static uint64_t call_delta_split(bitx_fn fn, const bench_call *c)
{
    bitx_raw_sink raw = {{c->w[1], c->w[2]}, {0, 0}};
    ((bitx_fn_DELTA_SPLIT *)fn)(c->w[0], &raw, c->r[0], c->r[1], c->nelem, &delta_params);
    return raw.bit[0] | (uint64_t)raw.bit[1] << 32;
}

static uint64_t call_delta_encode(bitx_fn fn, const bench_call *c)
{
    bitx_raw_sink raw = {{c->w[1], c->w[2]}, {0, 0}};
    ((bitx_fn_DELTA_ENCODE *)fn)(c->w[0], c->w[3], &raw, c->r[0], c->r[1], c->nelem, &delta_params);
    return raw.bit[0] | (uint64_t)raw.bit[1] << 32;
}

static _Thread_local size_t listed[4]; /* of the last call */

/* Four of the classes. */
static const uint8_t four_groups[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 3, 3, 3};

static uint64_t call_delta_lists(bitx_fn fn, const bench_call *c)
{
    uint8_t *lists[16] = {c->w[2], c->w[3], c->w[4], c->w[5]};
    bitx_raw_sink raw = {{c->w[0], c->w[1]}, {0, 0}};
    ((bitx_fn_DELTA_LISTS *)fn)(lists, &raw, c->r[0], c->r[1], c->nelem, &delta_params,
                                four_groups);
    for (unsigned k = 0; k < 4; k++)
        listed[k] = (size_t)(lists[k] - c->w[2 + k]);
    return raw.bit[0] | (uint64_t)raw.bit[1] << 32;
}

static size_t written_delta_lists(const bench_call *c, unsigned i, uint64_t value)
{
    (void)c;
    uint64_t bits = i == 0 ? value & UINT32_MAX : value >> 32;
    return i < 2 ? (size_t)(bits + 7) / 8 : listed[i - 2];
}

/* A plane for each of four groups. */
static uint64_t call_delta_sift(bitx_fn fn, const bench_call *c)
{
    bitx_plane_sinks planes = {.bytes = {c->w[2], c->w[3], c->w[4], c->w[5]}};
    memcpy(planes.group, four_groups, sizeof(planes.group));
    size_t n = ((bitx_fn_DELTA_SIFT *)fn)(c->w[0], c->w[1], &planes, c->r[0], c->r[1], c->nelem,
                                          &delta_params);
    for (unsigned k = 0; k < 4; k++)
        listed[k] = (planes.bit[k] + 7) / 8;
    return n;
}

static size_t written_delta_sift(const bench_call *c, unsigned i, uint64_t value)
{
    (void)c;
    return i < 2 ? 2 * (size_t)value : listed[i - 2];
}

/* Places have 16 bits, so that a call has at most 65536 elements. */
static uint64_t call_delta_places(bitx_fn fn, const bench_call *c)
{
    bitx_plane_sources planes = {.bytes = {c->r[1], c->r[2], c->r[3], c->r[4]}};
    size_t n = 0, step = 65536;
    memcpy(planes.group, four_groups, sizeof(planes.group));
    for (size_t i = 0; i < c->nelem; i += step) {
        step = c->nelem - i < step ? c->nelem - i : step;
        n += ((bitx_fn_DELTA_PLACES *)fn)(c->w[0] + 2 * n, &planes, c->r[0] + 2 * i, step,
                                          &delta_params);
    }
    return n;
}

static size_t written_delta_places(const bench_call *c, unsigned i, uint64_t value)
{
    (void)c;
    (void)i;
    return 2 * (size_t)value;
}

static size_t written_delta_encode(const bench_call *c, unsigned i, uint64_t value)
{
    uint64_t bits = i == 1 ? value & UINT32_MAX : value >> 32;
    return i % 3 == 0 ? c->nelem : (size_t)(bits + 7) / 8;
}

static size_t written_delta_split(const bench_call *c, unsigned i, uint64_t value)
{
    uint64_t bits = i == 1 ? value & UINT32_MAX : value >> 32;
    return i == 0 ? c->nelem : (size_t)(bits + 7) / 8;
}

/* A base and a fine-tune of it, in memory of their own. NULL when out of memory. */
static uint8_t *make_pair(const bench_call *c, uint64_t seed)
{
    size_t each = 2 * c->nelem, nbytes[2] = {each, each};
    uint8_t *pair = malloc(2 * each + 64);
    bench_call both = {.r = {pair, pair + each}, .nelem = c->nelem};
    if (pair)
        bench_fill_bf16(&both, 2, nbytes, seed);
    return pair;
}

/* Of a hundred elements one is not the base's. */
static void fill_sparse(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    bench_fill_bf16(c, nread, nbytes, seed);
    for (size_t i = 0; i < c->nelem; i++)
        if (bench_random(&seed) % 100)
            memcpy(source(c, 0) + 2 * i, c->r[1] + 2 * i, 2);
}

/* The planes of such a pair. */
static void fill_delta_places(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    (void)nread;
    size_t each = 2 * c->nelem, pair_nbytes[2] = {each, each};
    uint8_t *pair = malloc(2 * each + 64), *coded = malloc(2 * (each + 128));
    bench_call both = {.r = {pair, pair + each}, .nelem = c->nelem};
    bitx_plane_sinks planes = {.bytes = {source(c, 1), source(c, 2), source(c, 3), source(c, 4)}};
    memcpy(planes.group, four_groups, sizeof(planes.group));
    if (pair && coded) {
        fill_sparse(&both, 2, pair_nbytes, seed);
        memcpy(source(c, 0), pair + each, each);
        bitx_delta_sift_u16(coded, coded + each + 128, &planes, pair, pair + each, c->nelem,
                            &delta_params);
        for (unsigned k = 0; k < 4; k++)
            nbytes[1 + k] = (planes.bit[k] + 7) / 8;
    }
    free(pair);
    free(coded);
}

static void fill_delta_split(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    (void)nread;
    (void)nbytes;
    uint8_t *tuned = make_pair(c, seed);
    if (tuned)
        bitx_delta_diff_u16(source(c, 0), source(c, 1), tuned, tuned + 2 * c->nelem, c->nelem,
                            &delta_params);
    free(tuned);
}

/* Every class has a group of its own. */
static const uint8_t groups[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The lists lie one behind the other; where, is in the block of parameters. */
static uint64_t call_groups_split(bitx_fn fn, const bench_call *c)
{
    size_t offsets[16];
    uint8_t *lists[16];
    memcpy(offsets, c->r[2], sizeof(offsets));
    for (int g = 0; g < 16; g++)
        lists[g] = c->w[0] + offsets[g];
    ((bitx_fn_GROUPS_SPLIT *)fn)(lists, c->r[0], c->r[1], groups, c->nelem);
    return 0;
}

static uint64_t call_groups_merge(bitx_fn fn, const bench_call *c)
{
    size_t offsets[16];
    const uint8_t *lists[16];
    memcpy(offsets, c->r[2], sizeof(offsets));
    for (int g = 0; g < 16; g++)
        lists[g] = c->r[0] + offsets[g];
    ((bitx_fn_GROUPS_MERGE *)fn)(c->w[0], lists, c->r[1], groups, c->nelem);
    return 0;
}

/* Elements of any value; classes as Gaussian weights have them. */
static void fill_groups(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    (void)nread;
    uint8_t *tuned = make_pair(c, seed);
    size_t counts[16] = {0}, offsets[16] = {0};
    bench_fill_bf16(c, 1, nbytes, seed + 1);
    if (!tuned)
        return;
    bitx_delta_classes_u16(source(c, 1), tuned, c->nelem, &delta_params);
    for (size_t i = 0; i < c->nelem; i++)
        counts[c->r[1][i]]++;
    for (int g = 1; g < 16; g++)
        offsets[g] = offsets[g - 1] + counts[g - 1];
    memcpy(source(c, 2), offsets, sizeof(offsets));
    free(tuned);
}

static uint64_t call_delta_restore(bitx_fn fn, const bench_call *c)
{
    size_t offsets[16];
    bitx_raw_source raw = {{c->r[2], c->r[3]}, {c->rbytes[2], c->rbytes[3]}, {0, 0}};
    bitx_delta_lists lists = {.scales = NULL};
    memcpy(offsets, c->r[4], sizeof(offsets));
    memcpy(lists.group, groups, sizeof(lists.group));
    for (int g = 0; g < 16; g++)
        lists.next[g] = c->r[1] + offsets[g];
    return (uint64_t)((bitx_fn_DELTA_RESTORE *)fn)(c->w[0], c->r[0], &lists, &raw, c->nelem,
                                                   &delta_params);
}

/* The symbols of a pair, in the lists of their groups, and their raw bits. */
static void fill_delta_restore(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    (void)nread;
    uint8_t *tuned = make_pair(c, seed), *symbols = malloc(2 * c->nelem + 64);
    size_t counts[16] = {0}, offsets[16] = {0};
    uint8_t *lists[16];
    if (tuned && symbols) {
        uint8_t *classes = symbols + c->nelem;
        memcpy(source(c, 0), tuned + 2 * c->nelem, 2 * c->nelem);
        bitx_raw_sink raw = {{source(c, 2), source(c, 3)}, {0, 0}};
        bitx_delta_encode_u16(symbols, classes, &raw, tuned, c->r[0], c->nelem, &delta_params);
        nbytes[1] = c->nelem;
        nbytes[2] = (raw.bit[0] + 7) / 8;
        nbytes[3] = (raw.bit[1] + 7) / 8;
        for (size_t i = 0; i < c->nelem; i++)
            counts[classes[i]]++;
        for (int g = 1; g < 16; g++)
            offsets[g] = offsets[g - 1] + counts[g - 1];
        for (int g = 0; g < 16; g++)
            lists[g] = source(c, 1) + offsets[g];
        bitx_groups_split_u8(lists, symbols, classes, groups, c->nelem);
        memcpy(source(c, 4), offsets, sizeof(offsets));
    }
    free(tuned);
    free(symbols);
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
        source(c, 1)[i] = (uint8_t)(i * 77 + 1);
}

static uint64_t call_groups_count(bitx_fn fn, const bench_call *c)
{
    uint32_t counts[16];
    ((bitx_fn_GROUPS_COUNT *)fn)(counts, c->r[0], groups, c->nelem);
    uint64_t sum = 0;
    for (unsigned g = 0; g < 16; g++)
        sum = sum * 1000003 + counts[g];
    return sum;
}

static void fill_classes(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    (void)nread;
    (void)nbytes;
    uint8_t *tuned = make_pair(c, seed);
    if (tuned)
        bitx_delta_classes_u16(source(c, 0), tuned, c->nelem, &delta_params);
    free(tuned);
}

/* BF16 whose exponents are symbols: 8 raw bits, the sign the lowest. */
static const bitx_float_params float_params = {.width = 16, .fold = 1, .shift = 8};

static uint64_t call_float_split(bitx_fn fn, const bench_call *c)
{
    return (uint64_t)((bitx_fn_FLOAT_SPLIT *)fn)(c->w[0], c->w[1], c->r[0], c->nelem,
                                                 &float_params);
}

static uint64_t call_float_join(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_FLOAT_JOIN *)fn)(c->w[0], c->r[0], c->r[1], c->nelem, &float_params);
    return 0;
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
        source(c, 0)[i] = (uint8_t)(i * 7 % 12);
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

/* ---- byte planes --------------------------------------------------------------------------------
 */

static uint64_t call_split_planes(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_SPLIT_PLANES *)fn)(c->w[0], (size_t)(c->w[1] - c->w[0]), c->r[0], c->nelem);
    return 0;
}

static uint64_t call_xor_split_planes(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_XOR_SPLIT_PLANES *)fn)(c->w[0], (size_t)(c->w[1] - c->w[0]), c->r[0], c->r[1],
                                     c->nelem);
    return 0;
}

static uint64_t call_merge_planes(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_MERGE_PLANES *)fn)(c->w[0], c->r[0], (size_t)(c->r[1] - c->r[0]), c->nelem);
    return 0;
}

static uint64_t call_xor_merge_planes(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_XOR_MERGE_PLANES *)fn)(c->w[0], c->r[0], (size_t)(c->r[1] - c->r[0]),
                                     c->r[c->op->width / 8], c->nelem);
    return 0;
}

/* Bit planes have the same function types; their base comes after as many planes as there are bits.
 */
static uint64_t call_xor_merge_bits(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_XOR_MERGE_BITS *)fn)(c->w[0], c->r[0], (size_t)(c->r[1] - c->r[0]),
                                   c->r[c->op->width], c->nelem);
    return 0;
}

static uint64_t call_cast(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_CAST_DOWN *)fn)(c->w[0], c->r[0], c->nelem);
    return 0;
}

static void fill_floats(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    for (unsigned s = 0; s < nread; s++)
        for (size_t i = 0; i + 4 <= nbytes[s]; i += 4) {
            float w = normal(bench_random(&seed), 0.02F);
            memcpy(source(c, s) + i, &w, sizeof(w));
        }
}

/* Rank 16 and rows of 64, so that v fits a block of parameters; u lies in a stream of its own. */
enum { LOWRANK_RANK = 16, LOWRANK_COLUMNS = 64 };

static uint64_t call_lowrank_add(bitx_fn fn, const bench_call *c)
{
    const bitx_lowrank_params params = {LOWRANK_COLUMNS, 0, LOWRANK_RANK, 24};
    ((bitx_fn_LOWRANK_ADD *)fn)(c->w[0], c->r[0], c->r[1], c->r[2], c->nelem, &params);
    return 0;
}

static void fill_lowrank(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    (void)nread;
    if (c->op->width == 16)
        bench_fill_bf16(c, 1, nbytes, seed);
    else
        fill_floats(c, 1, nbytes, seed);
    nbytes[1] = (c->nelem + LOWRANK_COLUMNS - 1) / LOWRANK_COLUMNS * LOWRANK_RANK * 2;
    nbytes[2] = LOWRANK_COLUMNS * LOWRANK_RANK * 2;
    for (unsigned s = 1; s < 3; s++)
        for (size_t i = 0; i + 2 <= nbytes[s]; i += 2) {
            int16_t factor = (int16_t)normal(bench_random(&seed), 100.0F);
            memcpy(source(c, s) + i, &factor, sizeof(factor));
        }
}

static uint64_t call_combine(bitx_fn fn, const bench_call *c)
{
    const bitx_combine_params params = {2, 0, 0, 0, {0.3F, 0.7F}};
    const uint8_t *const parents[8] = {c->r[0], c->r[1]};
    ((bitx_fn_COMBINE *)fn)(c->w[0], parents, c->nelem, &params);
    return 0;
}

static const bench_driver drivers[BITX_SIG_COUNT] = {
    [BITX_SIG_BINARY] = {"WW", "W", call_binary, NULL, NULL},
    [BITX_SIG_SPLIT2_XOR] = {"WW", "HH", call_split2_xor, NULL, NULL},
    [BITX_SIG_MERGE2_XOR] = {"HHW", "W", call_merge2_xor, NULL, NULL},
    [BITX_SIG_SPLIT2] = {"W", "HH", call_split2, NULL, NULL},
    [BITX_SIG_MERGE2] = {"HH", "W", call_merge2, NULL, NULL},
    [BITX_SIG_SPLIT_F16] = {"W", "HW", call_split2, NULL, NULL},
    [BITX_SIG_MERGE_F16] = {"HW", "W", call_merge2, NULL, NULL},
    [BITX_SIG_XOR_SPLIT_F16] = {"WW", "HW", call_split2_xor, NULL, NULL},
    [BITX_SIG_XOR_MERGE_F16] = {"HWW", "W", call_merge2_xor, NULL, NULL},
    [BITX_SIG_SPLIT_F32] = {"W", "QT", call_split2, NULL, NULL},
    [BITX_SIG_MERGE_F32] = {"QT", "W", call_merge2, NULL, NULL},
    [BITX_SIG_XOR_SPLIT_F32] = {"WW", "QT", call_split2_xor, NULL, NULL},
    [BITX_SIG_XOR_MERGE_F32] = {"QTW", "W", call_merge2_xor, NULL, NULL},
    [BITX_SIG_DISTANCE_POSITIONS] = {"WW", "K", call_distance_positions, NULL,
                                     written_distance_positions},
    [BITX_SIG_SCAN2] = {"WW", "", call_scan2, fill_equal, NULL},
    [BITX_SIG_SCAN] = {"W", "", call_scan, fill_equal, NULL},
    [BITX_SIG_PARTITION_SET] = {"W", "LL1", call_partition_set, fill_partition, NULL},
    [BITX_SIG_PARTITION_VALUE] = {"W", "L1", call_partition_value, fill_partition_value, NULL},
    [BITX_SIG_PARTITION_CONST] = {"W", "1", call_partition_const, fill_partition_value, NULL},
    [BITX_SIG_PARTITION_PLANE] = {"W1", "LL", call_partition_plane, fill_merge, NULL},
    [BITX_SIG_PACK_BITS] = {"11", "B", call_masked_bits, fill_merge, NULL},
    [BITX_SIG_UNPACK_BITS] = {"B1", "1", call_masked_bits, fill_merge, NULL},
    [BITX_SIG_HISTOGRAM_PAIRS] = {"WW", "A", call_histogram_pairs, fill_histogram_pairs,
                                  written_histogram_pairs},
    [BITX_SIG_REDUCE2] = {"WW", "", call_reduce2, NULL, NULL},
    [BITX_SIG_PARTITION] = {"W", "LL1", call_partition, fill_partition, NULL},
    [BITX_SIG_MERGE] = {"HH1", "W", call_merge, fill_merge, NULL},
    [BITX_SIG_MERGE_LOWCONST] = {"H1", "W", call_merge_lowconst, fill_merge, NULL},
    [BITX_SIG_MERGE_HIGHCONST] = {"H1", "W", call_merge_highconst, fill_merge, NULL},
    [BITX_SIG_MERGE_CONST] = {"1", "W", call_merge_const, fill_merge, NULL},
    [BITX_SIG_MERGE_LISTS] = {"HH1", "W", call_merge_lists, fill_merge, NULL},
    [BITX_SIG_SUBTREE] = {"W", "W", call_subtree, NULL, NULL},
    [BITX_SIG_COUNT_BITS] = {"1", "", call_count_bits, NULL, NULL},
    [BITX_SIG_DELTA_CLASSES] = {"W", "H", call_delta_classes, NULL, NULL},
    [BITX_SIG_DELTA_DIFF] = {"WW", "WH", call_delta_diff, NULL, NULL},
    [BITX_SIG_DELTA_SPLIT] = {"WH", "HRR", call_delta_split, fill_delta_split, written_delta_split},
    [BITX_SIG_DELTA_ENCODE] = {"WW", "HRRH", call_delta_encode, NULL, written_delta_encode},
    [BITX_SIG_DELTA_LISTS] = {"WW", "RRRRRR", call_delta_lists, NULL, written_delta_lists},
    [BITX_SIG_DELTA_SIFT] = {"WW", "RRRRRR", call_delta_sift, fill_sparse, written_delta_sift},
    [BITX_SIG_DELTA_PLACES] = {"WRRRR", "R", call_delta_places, fill_delta_places,
                               written_delta_places},
    [BITX_SIG_DELTA_RESTORE] = {"WWRRK", "W", call_delta_restore, fill_delta_restore, NULL},
    [BITX_SIG_GROUPS_SPLIT] = {"WWK", "W", call_groups_split, fill_groups, NULL},
    [BITX_SIG_GROUPS_MERGE] = {"WWK", "W", call_groups_merge, fill_groups, NULL},
    [BITX_SIG_MAP] = {"WK", "W", call_map, fill_map, NULL},
    [BITX_SIG_GROUPS_COUNT] = {"W", "", call_groups_count, fill_classes, NULL},
    [BITX_SIG_FLOAT_SPLIT] = {"W", "HH", call_float_split, NULL, NULL},
    [BITX_SIG_FLOAT_JOIN] = {"HH", "W", call_float_join, NULL, NULL},
    [BITX_SIG_HISTOGRAM] = {"W", "K", call_histogram, NULL, written_histogram},
    [BITX_SIG_SPLIT_PLANES] = {"W", "Y", call_split_planes, NULL, NULL},
    [BITX_SIG_XOR_SPLIT_PLANES] = {"WW", "Y", call_xor_split_planes, NULL, NULL},
    [BITX_SIG_MERGE_PLANES] = {"Y", "W", call_merge_planes, NULL, NULL},
    [BITX_SIG_XOR_MERGE_PLANES] = {"YW", "W", call_xor_merge_planes, NULL, NULL},
    [BITX_SIG_SPLIT_BITS] = {"W", "P", call_split_planes, NULL, NULL},
    [BITX_SIG_XOR_SPLIT_BITS] = {"WW", "P", call_xor_split_planes, NULL, NULL},
    [BITX_SIG_MERGE_BITS] = {"P", "W", call_merge_planes, NULL, NULL},
    [BITX_SIG_XOR_MERGE_BITS] = {"PW", "W", call_xor_merge_bits, NULL, NULL},
    [BITX_SIG_CAST_DOWN] = {"W", "H", call_cast, fill_floats, NULL},
    [BITX_SIG_CAST_UP] = {"H", "W", call_cast, NULL, NULL},
    [BITX_SIG_LOWRANK_ADD] = {"WHK", "W", call_lowrank_add, fill_lowrank, NULL},
    [BITX_SIG_COMBINE] = {"WW", "W", call_combine, fill_floats, NULL},
};

const bench_driver *bench_driver_for(bitx_sig sig)
{
    return (size_t)sig < BITX_SIG_COUNT && drivers[sig].call ? &drivers[sig] : NULL;
}

/* Bytes of one stream of this letter, the room it needs, and how many there are. */
static size_t letter_nbytes(char letter, unsigned width, size_t nelem, size_t *stride,
                            size_t *count)
{
    *stride = 0;
    *count = 1;
    switch (letter) {
    case 'W':
        return nelem * width / 8;
    case 'H':
        return nelem * width / 16;
    case 'Q':
        return nelem * width / 32;
    case 'T':
        return nelem * width * 3 / 32;
    case 'B': /* half of a plane */
        *stride = nelem / 8 + 64;
        return nelem / 16;
    case 'A':
        *stride = 16384;
        return 0;
    case 'P':
        *count = width;
        return (nelem + 7) / 8;
    case 'Y':
        *count = width / 8;
        return nelem;
    case 'L':
        *stride = nelem * width / 8 + 64;
        return nelem * width / 16;
    case 'R': /* until the data is known: half a byte for each element */
        *stride = 2 * nelem + 128;
        return nelem / 2;
    case 'K':
        *stride = 4096;
        return 0;
    default: /* '1' */
        return (nelem + 7) / 8;
    }
}

static int add_streams(const char *letters, unsigned width, size_t nelem, unsigned before,
                       bench_set *set, unsigned *n)
{
    for (*n = 0; *letters; letters++) {
        size_t stride, count, each = letter_nbytes(*letters, width, nelem, &stride, &count);
        if (count > 1) {
            set->planes = before + *n;
            set->nplanes = (unsigned)count;
        }
        for (; count; count--, (*n)++) {
            if (before + *n >= BENCH_STREAMS_MAX)
                return -1;
            set->nbytes[before + *n] = each;
            set->stride[before + *n] = stride;
        }
    }
    return 0;
}

int bench_driver_shape(const bench_driver *d, const bitx_op *op, size_t nelem, bench_set *set)
{
    if (add_streams(d->reads, op->width, nelem, 0, set, &set->nread) != 0)
        return -1;
    return add_streams(d->writes, op->width, nelem, set->nread, set, &set->nwrite);
}

void bench_driver_bind(const bitx_op *op, const bench_set *set, size_t slice, size_t nelem,
                       bench_call *c)
{
    c->op = op;
    c->nelem = nelem;
    c->rbytes = set->nbytes;
    for (unsigned i = 0; i < set->nread; i++)
        c->r[i] = bench_set_at(set, i, slice);
    for (unsigned i = 0; i < set->nwrite; i++)
        c->w[i] = bench_set_at(set, set->nread + i, slice);
}
