/* Calls on streams of whole elements: XOR, fields, distances, scans, casts, sums of models. */
#include "bench/driver_tables.h"

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
        memset(bench_source(c, s), (int)(seed & 0xff), nbytes[s]);
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

static uint64_t call_cast(bitx_fn fn, const bench_call *c)
{
    ((bitx_fn_CAST_DOWN *)fn)(c->w[0], c->r[0], c->nelem);
    return 0;
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
        bench_fill_floats(c, 1, nbytes, seed);
    nbytes[1] = (c->nelem + LOWRANK_COLUMNS - 1) / LOWRANK_COLUMNS * LOWRANK_RANK * 2;
    nbytes[2] = LOWRANK_COLUMNS * LOWRANK_RANK * 2;
    for (unsigned s = 1; s < 3; s++)
        for (size_t i = 0; i + 2 <= nbytes[s]; i += 2) {
            int16_t factor = (int16_t)bench_normal(bench_random(&seed), 100.0F);
            memcpy(bench_source(c, s) + i, &factor, sizeof(factor));
        }
}

static uint64_t call_combine(bitx_fn fn, const bench_call *c)
{
    const bitx_combine_params params = {2, 0, 0, 0, {0.3F, 0.7F}};
    const uint8_t *const parents[8] = {c->r[0], c->r[1]};
    ((bitx_fn_COMBINE *)fn)(c->w[0], parents, c->nelem, &params);
    return 0;
}

const bench_driver bench_drivers_words[BITX_SIG_COUNT] = {
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
    [BITX_SIG_REDUCE2] = {"WW", "", call_reduce2, NULL, NULL},
    [BITX_SIG_CAST_DOWN] = {"W", "H", call_cast, bench_fill_floats, NULL},
    [BITX_SIG_CAST_UP] = {"H", "W", call_cast, NULL, NULL},
    [BITX_SIG_LOWRANK_ADD] = {"WHK", "W", call_lowrank_add, fill_lowrank, NULL},
    [BITX_SIG_COMBINE] = {"WW", "W", call_combine, bench_fill_floats, NULL},
};
