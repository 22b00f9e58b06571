/* Groups of classes, tables and counts. */
#include "kernel_specs.h"

#include <string.h>

/* Classes of which each is rarer than the next by the golden ratio, in the first 2048 elements: the
   deepest that a Huffman tree of their groups can be, here of 9 to 12. Then any, the rarest too. */
static void golden_classes(kc_case *c, kc_rng *rng, uint8_t *classes)
{
    enum { PART = 2048, LEAST = 8 };
    const unsigned ngroups = 9 + c->nelem % 4;
    for (unsigned k = 0; k < 16; k++)
        c->group[k] = (uint8_t)(k < ngroups ? k : ngroups - 1);
    for (size_t i = 0; i < c->nelem; i++) {
        const unsigned rank = (unsigned)(i * 1237 % PART);
        unsigned k = 0, below = 0, weight = LEAST, next = LEAST;
        for (; k + 1 < ngroups && below + weight - LEAST <= rank; k++) {
            const unsigned sum = weight + next;
            below += weight - LEAST;
            weight = next;
            next = sum;
        }
        classes[i] = (uint8_t)(i < PART ? k : kc_below(rng, ngroups));
    }
}

/* Classes, sometimes in order, and the sizes of their groups. No class for one of 20, for one
   alone, or for all but a few. */
static size_t random_groups(kc_case *c, kc_rng *rng, uint8_t *classes)
{
    size_t sizes[16] = {0}, total = 0;
    unsigned ngroups = 1 + kc_below(rng, 16);
    for (int k = 0; k < 16; k++)
        c->group[k] = (uint8_t)kc_below(rng, ngroups);
    const int in_order = kc_below(rng, 4) == 0;
    const unsigned kind = c->nelem < 2048 ? 0 : kc_below(rng, 8);
    const int few = kind == 1 || kind == 2;
    const size_t alone = few || kc_below(rng, 4) ? SIZE_MAX : 32 * (size_t)kc_below(rng, 10);
    const unsigned classless = few ? 999 : 50; /* of 1000 */
    for (size_t i = 0; i < c->nelem; i++) {
        int none = alone == SIZE_MAX ? kc_below(rng, 1000) < classless : i == alone;
        unsigned of = in_order ? (unsigned)(16 * i / c->nelem) : kc_below(rng, 16);
        classes[i] = none ? 0xff : (uint8_t)of;
    }
    if (kind > 2)
        golden_classes(c, rng, classes);
    for (size_t i = 0; i < c->nelem; i++)
        if (classes[i] != 0xff)
            sizes[c->group[classes[i]]]++;
    for (int g = 0; g < 16; g++) {
        c->group_start[g] = total;
        total += sizes[g];
    }
    return total;
}

static void plan_groups_split_u8(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, c->nelem);
    kc_add_in(c, rng, c->nelem);
    kc_add_out(c, random_groups(c, rng, c->in[1]));
}

static void ref_groups_split_u8(kc_case *c)
{
    size_t at = 0;
    for (unsigned g = 0; g < 16; g++) {
        for (size_t i = 0; i < c->nelem; i++)
            if (c->in[1][i] != 0xff && c->group[c->in[1][i]] == g)
                c->out[0][at++] = c->in[0][i];
        c->result = c->result * 1000003 + at;
    }
}

/* Kernels count up to 255 vectors in bytes: lengths that end in the last of these. */
static void plan_groups_count_u8(kc_case *c, kc_rng *rng)
{
    if (c->nelem == 8191)
        c->nelem = 254 * 32 + kc_below(rng, 32);
    if (c->nelem == 16383)
        c->nelem = 254 * 64 + kc_below(rng, 64);
    kc_add_in(c, rng, c->nelem);
    random_groups(c, rng, c->in[0]);
    kc_add_out(c, 16 * sizeof(uint32_t));
}

static void ref_groups_count_u8(kc_case *c)
{
    uint32_t counts[16] = {0};
    for (size_t i = 0; i < c->nelem; i++)
        if (c->in[0][i] != 0xff)
            counts[c->group[c->in[0][i]]]++;
    memcpy(c->out[0], counts, sizeof(counts));
}

static void plan_groups_merge_u8(kc_case *c, kc_rng *rng)
{
    size_t total = random_groups(c, rng, c->in[1]);
    kc_add_in(c, rng, total + 64);
    c->in_nbytes[c->nin++] = c->nelem;
    kc_add_out(c, c->nelem);
}

static void ref_groups_merge_u8(kc_case *c)
{
    size_t at = 0;
    memset(c->out[0], 0xff, c->nelem);
    for (unsigned g = 0; g < 16; g++) {
        for (size_t i = 0; i < c->nelem; i++)
            if (c->in[1][i] != 0xff && c->group[c->in[1][i]] == g)
                c->out[0][i] = c->in[0][at++];
        c->result = c->result * 1000003 + at;
    }
}

static void plan_map_u8(kc_case *c, kc_rng *rng)
{
    const unsigned first = kc_below(rng, 256), window = 1 + kc_below(rng, 80);
    const unsigned last = kc_below(rng, 3) ? 255 : 254;
    kc_random_bytes(rng, c->table, sizeof(c->table));
    kc_add_in(c, rng, c->nelem);
    for (size_t i = 0; i < c->nelem && first % 4; i++) /* of a few values, and the last of all */
        c->in[0][i] = kc_below(rng, 8) ? (uint8_t)((first + kc_below(rng, window)) % 256)
                                       : (uint8_t)(last - (kc_below(rng, 100) == 0));
    kc_add_out(c, c->nelem);
}

static void ref_map_u8(kc_case *c)
{
    for (unsigned v = 0; v < 256; v++)
        for (size_t i = 0; i < c->nelem; i++)
            if (c->in[0][i] == v)
                c->out[0][i] = c->table[v];
}

static void plan_histogram_u8(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, c->nelem);
    kc_add_out(c, 256 * sizeof(uint32_t));
}

static void ref_histogram_u8(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++) {
        uint32_t count;
        memcpy(&count, c->out[0] + 4 * (size_t)c->in[0][i], 4);
        count++;
        memcpy(c->out[0] + 4 * (size_t)c->in[0][i], &count, 4);
    }
}

/* Sixteen contexts. */
static void plan_histogram_pairs_u8(kc_case *c, kc_rng *rng)
{
    kc_add_in(c, rng, c->nelem);
    kc_add_in(c, rng, c->nelem);
    for (size_t i = 0; i < c->nelem; i++)
        c->in[0][i] %= 16;
    kc_add_out(c, 16 * 256 * sizeof(uint32_t));
}

static void ref_histogram_pairs_u8(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++) {
        size_t at = 4 * (256 * (size_t)c->in[0][i] + c->in[1][i]);
        uint32_t count;
        memcpy(&count, c->out[0] + at, 4);
        count++;
        memcpy(c->out[0] + at, &count, 4);
    }
}

/* clang-format off */
const kc_spec kc_specs_tables[] = {
    {"groups_split_u8", plan_groups_split_u8, ref_groups_split_u8, 0, NULL, {0}},
    {"groups_merge_u8", plan_groups_merge_u8, ref_groups_merge_u8, 0, NULL, {0}},
    {"groups_count_u8", plan_groups_count_u8, ref_groups_count_u8, 0, NULL, {0}},
    {"map_u8", plan_map_u8, ref_map_u8, 1, NULL, {0}},
    {"histogram_pairs_u8", plan_histogram_pairs_u8, ref_histogram_pairs_u8, 0, NULL, {0}},
    {"histogram_u8", plan_histogram_u8, ref_histogram_u8, 0, NULL, {0}},
    {0},
};
/* clang-format on */
