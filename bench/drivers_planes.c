/* Calls on planes of bytes and of bits. */
#include "bench/driver_tables.h"

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

const bench_driver bench_drivers_planes[BITX_SIG_COUNT] = {
    [BITX_SIG_SPLIT_PLANES] = {"W", "Y", call_split_planes, NULL, NULL},
    [BITX_SIG_XOR_SPLIT_PLANES] = {"WW", "Y", call_xor_split_planes, NULL, NULL},
    [BITX_SIG_MERGE_PLANES] = {"Y", "W", call_merge_planes, NULL, NULL},
    [BITX_SIG_XOR_MERGE_PLANES] = {"YW", "W", call_xor_merge_planes, NULL, NULL},
    [BITX_SIG_SPLIT_BITS] = {"W", "P", call_split_planes, NULL, NULL},
    [BITX_SIG_XOR_SPLIT_BITS] = {"WW", "P", call_xor_split_planes, NULL, NULL},
    [BITX_SIG_MERGE_BITS] = {"P", "W", call_merge_planes, NULL, NULL},
    [BITX_SIG_XOR_MERGE_BITS] = {"PW", "W", call_xor_merge_bits, NULL, NULL},
};
