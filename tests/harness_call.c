/* See harness_call.h. */
#include "harness_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *table_end; /* where the page that faults begins */

/* Locals that a kernel reads before it wrote them are not what a call before left there. */
static __attribute__((noinline)) void dirty_stack(void)
{
    uint8_t bytes[32 << 10];
    memset(bytes, 0xdb, sizeof(bytes));
    __asm__ volatile("" ::"r"(bytes) : "memory");
}

static const uint8_t *guarded_table(const uint8_t *table, size_t nbytes)
{
    uint8_t *p = table_end - nbytes;
    memcpy(p, table, nbytes);
    return p;
}

/* There is one such place: the table's in every second call, that of what the call writes in the
   others. */
static int table_is_guarded(const kc_case *c)
{
    return c->nelem % 2 == 0;
}

static const uint8_t *group_table(const kc_case *c)
{
    return table_is_guarded(c) ? guarded_table(c->group, 16) : c->group;
}

static void call_groups_count(bitx_fn_GROUPS_COUNT *fn, kc_case *c)
{
    uint32_t own[16];
    uint32_t *counts = table_is_guarded(c) ? own : (void *)(table_end - sizeof(own));
    fn(counts, c->in[0], group_table(c), c->nelem);
    memcpy(c->out[0], counts, sizeof(own));
}

/* The result says where both strings end. */
static void call_delta_split(bitx_fn_DELTA_SPLIT *fn, kc_case *c)
{
    bitx_raw_sink raw = {{c->out[1], c->out[2]}, {c->bit, c->value[0]}};
    fn(c->out[0], &raw, c->in[0], c->in[1], c->nelem, &c->params);
    c->result = raw.bit[0] | (uint64_t)raw.bit[1] << 32;
}

static void call_delta_encode(bitx_fn_DELTA_ENCODE *fn, kc_case *c)
{
    bitx_raw_sink raw = {{c->out[1], c->out[2]}, {c->bit, c->value[0]}};
    fn(c->out[0], c->out[3], &raw, c->in[0], c->in[1], c->nelem, &c->params);
    c->result = raw.bit[0] | (uint64_t)raw.bit[1] << 32;
}

/* A group of which there is no class has no list either. */
static unsigned groups_of(const kc_case *c, unsigned nclasses)
{
    unsigned most = 0;
    for (unsigned k = 0; k < nclasses; k++)
        most = c->group[k] > most ? c->group[k] : most;
    return most + 1;
}

/* Lists apart, each with the room that it needs and a guard behind; end to end afterwards. */
static void call_delta_lists(bitx_fn_DELTA_LISTS *fn, kc_case *c)
{
    enum { GUARD = 64 };
    static uint8_t memory[16 * (KC_MAX_NELEM + 64 + GUARD)];
    const size_t room = c->nelem + 64;
    bitx_raw_sink raw = {{c->out[1], c->out[2]}, {c->bit, c->value[0]}};
    uint8_t *lists[16], *to = c->out[0];
    memset(memory, 0x5a, 16 * (room + GUARD));
    const unsigned ngroups = groups_of(c, c->params.nclasses);
    for (unsigned g = 0; g < 16; g++)
        lists[g] = g < ngroups ? memory + g * (room + GUARD) : NULL;
    fn(lists, &raw, c->in[0], c->in[1], c->nelem, &c->params, guarded_table(c->group, 16));
    c->result = raw.bit[0] | (uint64_t)raw.bit[1] << 32;
    for (unsigned g = 0; g < 16; g++) {
        const uint8_t *list = memory + g * (room + GUARD);
        size_t n = g < ngroups ? (size_t)(lists[g] - list) : 0;
        for (size_t i = 0; i < GUARD; i++)
            n = list[room + i] == 0x5a ? n : SIZE_MAX;
        c->result = c->result * 1000003 + n;
        n = n < c->nelem - (size_t)(to - c->out[0]) ? n : c->nelem - (size_t)(to - c->out[0]);
        memcpy(to, list, n);
        to += n;
    }
}

static void call_delta_restore(bitx_fn_DELTA_RESTORE *fn, kc_case *c)
{
    bitx_raw_source raw = {
        {c->in[3], c->in[4]}, {c->in_nbytes[3], c->in_nbytes[4]}, {c->bit, c->value[0]}};
    bitx_delta_lists lists = {.scales = c->value[1] ? c->in[2] : NULL, .chunk_log2 = c->value[1]};
    memcpy(lists.group, c->group, 16);
    const unsigned ngroups = groups_of(c, c->params.nclasses);
    for (unsigned g = 0; g < 16; g++)
        lists.next[g] = g < ngroups ? c->in[1] + c->group_start[g] : NULL;
    int bad = fn(c->out[0], c->in[0], &lists, &raw, c->nelem, &c->params);
    c->result = raw.bit[0] | (uint64_t)raw.bit[1] << 32;
    for (unsigned g = 0; g < 16; g++)
        c->result = c->result * 1000003 +
                    (g < ngroups ? (size_t)(lists.next[g] - c->in[1]) : c->group_start[g]);
    if (bad)
        c->result = UINT64_MAX;
}

static void call_delta_sift(bitx_fn_DELTA_SIFT *fn, kc_case *c)
{
    bitx_plane_sinks planes = {.ones = (uint16_t)c->value[0]};
    memcpy(planes.group, c->group, 16);
    const unsigned ngroups = groups_of(c, c->params.nclasses);
    for (unsigned g = 0; g < 16; g++) {
        planes.bytes[g] = g < ngroups ? c->out[2] + g * c->stride : NULL;
        planes.bit[g] = c->bit + g;
    }
    c->result = fn(c->out[0], c->out[1], &planes, c->in[0], c->in[1], c->nelem, &c->params);
    kc_end_planes(c, planes.bit);
}

static void call_delta_places(bitx_fn_DELTA_PLACES *fn, kc_case *c)
{
    bitx_plane_sources planes = {.ones = (uint16_t)c->value[0]};
    memcpy(planes.group, c->group, 16);
    for (unsigned g = 0; g < 16; g++) {
        planes.bytes[g] = c->value[1] >> g & 1 ? NULL : c->in[1] + c->group_start[g];
        planes.bit[g] = c->bit + g;
    }
    c->result = fn(c->out[0], &planes, c->in[0], c->nelem, &c->params);
    for (unsigned g = 0; g < 16; g++)
        c->result = c->result * 1000003 + planes.bit[g];
}

/* NULL for a list that is one value. */
static void call_merge_lists(bitx_fn_MERGE_LISTS *fn, kc_case *c)
{
    fn(c->out[0], c->value[0] < 256 ? NULL : c->in[0], c->value[0] & 255,
       c->value[1] < 256 ? NULL : c->in[1], c->value[1] & 255, c->in[2], c->bit, c->nelem);
}

/* Of 1 to 64 elements, at node value[1] of depth value[0]. */
static void call_subtree(bitx_fn_SUBTREE *fn, kc_case *c)
{
    bitx_tree_shape shape = {c->tree_count, c->tree_first, c->table};
    c->result = fn(c->out[0], kc_subtree_nelem(c), &shape, c->value[0], c->value[1], c->in[0],
                   c->in_nbytes[0], c->bit);
}

/* The result says how far each list moved on. */
static void call_groups_split(bitx_fn_GROUPS_SPLIT *fn, kc_case *c)
{
    uint8_t *own[16], **lists = table_is_guarded(c) ? own : (void *)(table_end - sizeof(own));
    const unsigned ngroups = groups_of(c, 16);
    for (unsigned g = 0; g < 16; g++)
        lists[g] = g < ngroups ? c->out[0] + c->group_start[g] : NULL;
    fn(lists, c->in[0], c->in[1], group_table(c), c->nelem);
    for (unsigned g = 0; g < 16; g++)
        c->result = c->result * 1000003 +
                    (g < ngroups ? (size_t)(lists[g] - c->out[0]) : c->group_start[g]);
}

static void call_groups_merge(bitx_fn_GROUPS_MERGE *fn, kc_case *c)
{
    const uint8_t *own[16], **lists = table_is_guarded(c) ? own : (void *)(table_end - sizeof(own));
    const unsigned ngroups = groups_of(c, 16);
    for (unsigned g = 0; g < 16; g++)
        lists[g] = g < ngroups ? c->in[0] + c->group_start[g] : NULL;
    fn(c->out[0], lists, c->in[1], group_table(c), c->nelem);
    for (unsigned g = 0; g < 16; g++)
        c->result =
            c->result * 1000003 + (g < ngroups ? (size_t)(lists[g] - c->in[0]) : c->group_start[g]);
}

/* The counts are aligned as their type is, and added to what the output was filled with. */
static void call_histogram(bitx_fn_HISTOGRAM *fn, kc_case *c)
{
    uint32_t *counts = (void *)(table_end - c->out_nbytes[0]);
    memcpy(counts, c->out[0], c->out_nbytes[0]);
    fn(counts, c->in[0], c->nelem);
    memcpy(c->out[0], counts, c->out_nbytes[0]);
}

static void call_histogram_pairs(bitx_fn_HISTOGRAM_PAIRS *fn, kc_case *c)
{
    static uint32_t counts[16 * 256];
    memcpy(counts, c->out[0], sizeof(counts));
    fn(counts, c->in[0], c->in[1], c->nelem);
    memcpy(c->out[0], counts, sizeof(counts));
}

static void call_distance_positions(bitx_fn_DISTANCE_POSITIONS *fn, kc_case *c)
{
    uint64_t *counts = (void *)(table_end - c->out_nbytes[0]);
    memcpy(counts, c->out[0], c->out_nbytes[0]);
    fn(counts, c->in[0], c->in[1], c->nelem);
    memcpy(c->out[0], counts, c->out_nbytes[0]);
}

static void call_combine(bitx_fn_COMBINE *fn, kc_case *c)
{
    const uint8_t *parents[8] = {0};
    for (unsigned k = 0; k < c->combine.nparents; k++)
        parents[k] = c->in[0] + 4 * k * c->nelem;
    fn(c->out[0], parents, c->nelem, &c->combine);
}

/* Functions that compute with floats do so in modes of their own, and leave the caller's: in every
   second call, one of these. The result is whether they were left. */
static uint64_t other_modes(size_t n)
{
#if defined(__x86_64__)
    /* Exceptions masked. DAZ, FTZ and toward zero; each alone; down. */
    static const unsigned modes[] = {0xffc0, 0x1fc0, 0x9f80, 0x7f80, 0x3f80};
#else
    /* FZ and toward zero; each alone; down. */
    static const unsigned modes[] = {7u << 22, 1u << 24, 3u << 22, 2u << 22};
#endif
    return modes[n % (sizeof(modes) / sizeof(modes[0]))];
}

static uint64_t set_modes(uint64_t modes)
{
    uint64_t old = 0;
#if defined(__x86_64__)
    old = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr((unsigned)modes);
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" ::"r"(modes));
#else
    (void)modes;
#endif
    return old;
}

static void call_floats(bitx_fn fn, bitx_sig sig, kc_case *c)
{
    const uint64_t other = other_modes(c->nelem / 2);
    const int hostile = c->nelem & 1;
    const uint64_t old = hostile ? set_modes(other) : 0;
    if (sig == BITX_SIG_LOWRANK_ADD)
        ((bitx_fn_LOWRANK_ADD *)fn)(c->out[0], c->in[0], c->in[1], c->in[2], c->nelem, &c->lowrank);
    else if (sig == BITX_SIG_COMBINE)
        call_combine((bitx_fn_COMBINE *)fn, c);
    else
        ((bitx_fn_CAST_DOWN *)fn)(c->out[0], c->in[0], c->nelem);
    if (hostile)
        c->result = (set_modes(old) & ~UINT64_C(0x3f)) != other;
}

void kc_call(bitx_fn fn, bitx_sig sig, kc_case *c, uint8_t *guard)
{
    table_end = guard;
    dirty_stack();
    uint8_t *const *o = c->out;
    uint8_t *const *s = c->in;
    switch (sig) {
    case BITX_SIG_BINARY:
        ((bitx_fn_BINARY *)fn)(o[0], s[0], s[1], c->nelem);
        return;
    case BITX_SIG_SPLIT2:
    case BITX_SIG_SPLIT_F16:
    case BITX_SIG_SPLIT_F32:
        ((bitx_fn_SPLIT2 *)fn)(o[0], o[1], s[0], c->nelem);
        return;
    case BITX_SIG_MERGE2:
    case BITX_SIG_MERGE_F16:
    case BITX_SIG_MERGE_F32:
        ((bitx_fn_MERGE2 *)fn)(o[0], s[0], s[1], c->nelem);
        return;
    case BITX_SIG_SPLIT2_XOR:
    case BITX_SIG_XOR_SPLIT_F16:
    case BITX_SIG_XOR_SPLIT_F32:
        ((bitx_fn_SPLIT2_XOR *)fn)(o[0], o[1], s[0], s[1], c->nelem);
        return;
    case BITX_SIG_MERGE2_XOR:
    case BITX_SIG_XOR_MERGE_F16:
    case BITX_SIG_XOR_MERGE_F32:
        ((bitx_fn_MERGE2_XOR *)fn)(o[0], s[0], s[1], s[2], c->nelem);
        return;
    case BITX_SIG_REDUCE2:
        c->result = ((bitx_fn_REDUCE2 *)fn)(s[0], s[1], c->nelem);
        return;
    case BITX_SIG_DISTANCE_POSITIONS:
        call_distance_positions((bitx_fn_DISTANCE_POSITIONS *)fn, c);
        return;
    case BITX_SIG_SCAN2:
        c->result = ((bitx_fn_SCAN2 *)fn)(s[0], s[1], c->nelem);
        return;
    case BITX_SIG_SCAN:
        c->result = ((bitx_fn_SCAN *)fn)(s[0], c->nelem);
        return;
    case BITX_SIG_PARTITION_SET:
        c->result =
            ((bitx_fn_PARTITION_SET *)fn)(o[0], o[1], o[2], c->bit, s[0], c->nelem,
                                          c->shape.width == 2 ? s[1] : guarded_table(c->table, 32));
        return;
    case BITX_SIG_PARTITION_VALUE:
        c->result =
            ((bitx_fn_PARTITION_VALUE *)fn)(o[0], o[1], c->bit, s[0], c->nelem, c->value[0]);
        return;
    case BITX_SIG_PARTITION_CONST:
        c->result = ((bitx_fn_PARTITION_CONST *)fn)(o[0], c->bit, s[0], c->nelem, c->value[0]);
        return;
    case BITX_SIG_PARTITION_PLANE:
        c->result = ((bitx_fn_PARTITION_PLANE *)fn)(o[0], o[1], s[0], s[1], c->bit, c->nelem);
        return;
    case BITX_SIG_PACK_BITS:
    case BITX_SIG_UNPACK_BITS:
        c->result = ((bitx_fn_PACK_BITS *)fn)(o[0], s[0], s[1], c->nelem);
        return;
    case BITX_SIG_HISTOGRAM_PAIRS:
        call_histogram_pairs((bitx_fn_HISTOGRAM_PAIRS *)fn, c);
        return;
    case BITX_SIG_PARTITION:
        c->result =
            ((bitx_fn_PARTITION *)fn)(o[0], o[1], o[2], c->bit, s[0], c->nelem, c->value[0]);
        return;
    case BITX_SIG_MERGE:
        ((bitx_fn_MERGE *)fn)(o[0], s[0], s[1], s[2], c->bit, c->nelem);
        return;
    case BITX_SIG_MERGE_LOWCONST:
        ((bitx_fn_MERGE_LOWCONST *)fn)(o[0], c->value[0], s[0], s[1], c->bit, c->nelem);
        return;
    case BITX_SIG_MERGE_HIGHCONST:
        ((bitx_fn_MERGE_HIGHCONST *)fn)(o[0], s[0], c->value[0], s[1], c->bit, c->nelem);
        return;
    case BITX_SIG_MERGE_CONST:
        ((bitx_fn_MERGE_CONST *)fn)(o[0], c->value[0], c->value[1], s[0], c->bit, c->nelem);
        return;
    case BITX_SIG_MERGE_LISTS:
        call_merge_lists((bitx_fn_MERGE_LISTS *)fn, c);
        return;
    case BITX_SIG_SUBTREE:
        call_subtree((bitx_fn_SUBTREE *)fn, c);
        return;
    case BITX_SIG_COUNT_BITS:
        c->result = ((bitx_fn_COUNT_BITS *)fn)(s[0], c->bit, c->nelem);
        return;
    case BITX_SIG_DELTA_CLASSES:
        ((bitx_fn_DELTA_CLASSES *)fn)(o[0], s[0], c->nelem, &c->params);
        return;
    case BITX_SIG_DELTA_DIFF:
        ((bitx_fn_DELTA_DIFF *)fn)(o[0], o[1], s[0], s[1], c->nelem, &c->params);
        return;
    case BITX_SIG_DELTA_SPLIT:
        call_delta_split((bitx_fn_DELTA_SPLIT *)fn, c);
        return;
    case BITX_SIG_DELTA_ENCODE:
        call_delta_encode((bitx_fn_DELTA_ENCODE *)fn, c);
        return;
    case BITX_SIG_DELTA_LISTS:
        call_delta_lists((bitx_fn_DELTA_LISTS *)fn, c);
        return;
    case BITX_SIG_DELTA_RESTORE:
        call_delta_restore((bitx_fn_DELTA_RESTORE *)fn, c);
        return;
    case BITX_SIG_DELTA_SIFT:
        call_delta_sift((bitx_fn_DELTA_SIFT *)fn, c);
        return;
    case BITX_SIG_DELTA_PLACES:
        call_delta_places((bitx_fn_DELTA_PLACES *)fn, c);
        return;
    case BITX_SIG_GROUPS_SPLIT:
        call_groups_split((bitx_fn_GROUPS_SPLIT *)fn, c);
        return;
    case BITX_SIG_GROUPS_MERGE:
        call_groups_merge((bitx_fn_GROUPS_MERGE *)fn, c);
        return;
    case BITX_SIG_MAP:
        ((bitx_fn_MAP *)fn)(o[0], s[0], guarded_table(c->table, 256), c->nelem);
        return;
    case BITX_SIG_GROUPS_COUNT:
        call_groups_count((bitx_fn_GROUPS_COUNT *)fn, c);
        return;
    case BITX_SIG_FLOAT_SPLIT:
        c->result =
            (size_t)((bitx_fn_FLOAT_SPLIT *)fn)(o[0], o[1], s[0], c->nelem, &c->float_params);
        return;
    case BITX_SIG_FLOAT_JOIN:
        ((bitx_fn_FLOAT_JOIN *)fn)(o[0], s[0], s[1], c->nelem, &c->float_params);
        return;
    case BITX_SIG_HISTOGRAM:
        call_histogram((bitx_fn_HISTOGRAM *)fn, c);
        return;
    case BITX_SIG_SPLIT_PLANES:
    case BITX_SIG_SPLIT_BITS:
        ((bitx_fn_SPLIT_PLANES *)fn)(o[0], c->stride, s[0], c->nelem);
        return;
    case BITX_SIG_XOR_SPLIT_PLANES:
    case BITX_SIG_XOR_SPLIT_BITS:
        ((bitx_fn_XOR_SPLIT_PLANES *)fn)(o[0], c->stride, s[0], s[1], c->nelem);
        return;
    case BITX_SIG_MERGE_PLANES:
    case BITX_SIG_MERGE_BITS:
        ((bitx_fn_MERGE_PLANES *)fn)(o[0], s[0], c->stride, c->nelem);
        return;
    case BITX_SIG_XOR_MERGE_PLANES:
    case BITX_SIG_XOR_MERGE_BITS:
        ((bitx_fn_XOR_MERGE_PLANES *)fn)(o[0], s[0], c->stride, s[1], c->nelem);
        return;
    case BITX_SIG_CAST_DOWN:
    case BITX_SIG_CAST_UP:
    case BITX_SIG_LOWRANK_ADD:
    case BITX_SIG_COMBINE:
        call_floats(fn, sig, c);
        return;
    case BITX_SIG_COUNT:
        break;
    }
    fprintf(stderr, "harness: no call for signature class %d\n", (int)sig);
    exit(2);
}
