/* Calls of the loops of the codecs delta and float. */
#include "bench/driver_tables.h"

#include <stdlib.h>
#include <string.h>

#include "bench/sample.h"

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
            memcpy(bench_source(c, 0) + 2 * i, c->r[1] + 2 * i, 2);
}

/* The planes of such a pair. */
static void fill_delta_places(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    (void)nread;
    size_t each = 2 * c->nelem, pair_nbytes[2] = {each, each};
    uint8_t *pair = malloc(2 * each + 64), *coded = malloc(2 * (each + 128));
    bench_call both = {.r = {pair, pair + each}, .nelem = c->nelem};
    bitx_plane_sinks planes = {
        .bytes = {bench_source(c, 1), bench_source(c, 2), bench_source(c, 3), bench_source(c, 4)}};
    memcpy(planes.group, four_groups, sizeof(planes.group));
    if (pair && coded) {
        fill_sparse(&both, 2, pair_nbytes, seed);
        memcpy(bench_source(c, 0), pair + each, each);
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
        bitx_delta_diff_u16(bench_source(c, 0), bench_source(c, 1), tuned, tuned + 2 * c->nelem,
                            c->nelem, &delta_params);
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
    bitx_delta_classes_u16(bench_source(c, 1), tuned, c->nelem, &delta_params);
    for (size_t i = 0; i < c->nelem; i++)
        counts[c->r[1][i]]++;
    for (int g = 1; g < 16; g++)
        offsets[g] = offsets[g - 1] + counts[g - 1];
    memcpy(bench_source(c, 2), offsets, sizeof(offsets));
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
        memcpy(bench_source(c, 0), tuned + 2 * c->nelem, 2 * c->nelem);
        bitx_raw_sink raw = {{bench_source(c, 2), bench_source(c, 3)}, {0, 0}};
        bitx_delta_encode_u16(symbols, classes, &raw, tuned, c->r[0], c->nelem, &delta_params);
        nbytes[1] = c->nelem;
        nbytes[2] = (raw.bit[0] + 7) / 8;
        nbytes[3] = (raw.bit[1] + 7) / 8;
        for (size_t i = 0; i < c->nelem; i++)
            counts[classes[i]]++;
        for (int g = 1; g < 16; g++)
            offsets[g] = offsets[g - 1] + counts[g - 1];
        for (int g = 0; g < 16; g++)
            lists[g] = bench_source(c, 1) + offsets[g];
        bitx_groups_split_u8(lists, symbols, classes, groups, c->nelem);
        memcpy(bench_source(c, 4), offsets, sizeof(offsets));
    }
    free(tuned);
    free(symbols);
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
        bitx_delta_classes_u16(bench_source(c, 0), tuned, c->nelem, &delta_params);
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

const bench_driver bench_drivers_delta[BITX_SIG_COUNT] = {
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
    [BITX_SIG_GROUPS_COUNT] = {"W", "", call_groups_count, fill_classes, NULL},
    [BITX_SIG_FLOAT_SPLIT] = {"W", "HH", call_float_split, NULL, NULL},
    [BITX_SIG_FLOAT_JOIN] = {"HH", "W", call_float_join, NULL, NULL},
};
