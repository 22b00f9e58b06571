/* Partition and merge of lists by a plane of bits. */
#include "kernel_specs.h"

#include <string.h>

/* The bytes that hold the plane's bits. */
static size_t plane_nbytes(const kc_case *c)
{
    return c->nelem ? (c->bit + c->nelem + 7) / 8 : 0;
}

static void plan_partition(kc_case *c, kc_rng *rng)
{
    size_t width = c->shape.width;
    unsigned limit = width == 1 ? 256 : 65536;
    c->bit = kc_below(rng, kc_below(rng, 2) ? 8 : 40);
    kc_add_in(c, rng, width * c->nelem);
    c->value[0] = kc_below(rng, 4) ? kc_below(rng, limit) : limit + kc_below(rng, 2);
    if (c->nelem && kc_below(rng, 3) == 0)
        c->value[0] = kc_element(c->in[0], kc_below(rng, (unsigned)c->nelem), width);
    size_t nhigh = 0;
    for (size_t i = 0; i < c->nelem; i++)
        nhigh += kc_element(c->in[0], i, width) >= c->value[0];
    kc_add_out(c, width * (c->nelem - nhigh));
    kc_add_out(c, width * nhigh);
    c->out_room[0] = c->out_room[1] = width * c->nelem;
    kc_add_out(c, plane_nbytes(c));
}

static void ref_partition(kc_case *c)
{
    size_t width = c->shape.width;
    size_t nlow = 0;
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned x = kc_element(c->in[0], i, width);
        int high = x >= c->value[0];
        kc_set_bit(c->out[2], c->bit + i, high);
        kc_set_element(c->out[high], high ? c->result++ : nlow++, width, x);
    }
    if (c->nelem)
        for (size_t i = c->bit + c->nelem; i % 8; i++)
            kc_set_bit(c->out[2], i, 0);
}

/* A set of any density; its bits decide. */
static void plan_partition_set(kc_case *c, kc_rng *rng)
{
    size_t nhigh = 0;
    c->bit = kc_below(rng, kc_below(rng, 2) ? 8 : 40);
    kc_add_in(c, rng, c->nelem);
    kc_fill(rng, c->table, 32);
    for (size_t i = 0; i < c->nelem; i++)
        nhigh += (size_t)kc_bit(c->table, c->in[0][i]);
    kc_add_out(c, c->nelem - nhigh);
    kc_add_out(c, nhigh);
    c->out_room[0] = c->out_room[1] = c->nelem;
    kc_add_out(c, plane_nbytes(c));
}

static void ref_partition_set(kc_case *c)
{
    size_t nlow = 0;
    for (size_t i = 0; i < c->nelem; i++) {
        int high = kc_bit(c->table, c->in[0][i]);
        kc_set_bit(c->out[2], c->bit + i, high);
        c->out[high][high ? c->result++ : nlow++] = c->in[0][i];
    }
    if (c->nelem)
        for (size_t i = c->bit + c->nelem; i % 8; i++)
            kc_set_bit(c->out[2], i, 0);
}

/* The set is an input of its own: 65536 bits. */
static void plan_partition_set_u16(kc_case *c, kc_rng *rng)
{
    size_t nhigh = 0;
    c->bit = kc_below(rng, kc_below(rng, 2) ? 8 : 40);
    kc_add_in(c, rng, 2 * c->nelem);
    kc_add_in(c, rng, 8192);
    for (size_t i = 0; i < c->nelem; i++)
        nhigh += (size_t)kc_bit(c->in[1], kc_element(c->in[0], i, 2));
    kc_add_out(c, 2 * (c->nelem - nhigh));
    kc_add_out(c, 2 * nhigh);
    c->out_room[0] = c->out_room[1] = 2 * c->nelem;
    kc_add_out(c, plane_nbytes(c));
}

static void ref_partition_set_u16(kc_case *c)
{
    size_t nlow = 0;
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned x = kc_element(c->in[0], i, 2);
        int high = kc_bit(c->in[1], x);
        kc_set_bit(c->out[2], c->bit + i, high);
        kc_set_element(c->out[high], high ? c->result++ : nlow++, 2, x);
    }
    if (c->nelem)
        for (size_t i = c->bit + c->nelem; i % 8; i++)
            kc_set_bit(c->out[2], i, 0);
}

/* Partitions with constant lists: a value that some elements have, with bits above that do not
   count. Two constant lists are of two values, or merge_const would not restore them. */
static int has_list(const kc_case *c)
{
    return !(c->shape.low_const && c->shape.high_const);
}

static void plan_partition_const(kc_case *c, kc_rng *rng)
{
    size_t width = c->shape.width, others = 0;
    unsigned mask = width == 1 ? 0xff : 0xffff;
    c->bit = kc_below(rng, kc_below(rng, 2) ? 8 : 40);
    kc_add_in(c, rng, width * c->nelem);
    c->value[0] = kc_below(rng, 2) && c->nelem
                      ? kc_element(c->in[0], kc_below(rng, (unsigned)c->nelem), width)
                      : kc_below(rng, mask + 1);
    if (kc_below(rng, 2)) /* many equal it */
        for (size_t i = kc_below(rng, 3); i < c->nelem; i += 1 + kc_below(rng, 4))
            kc_set_element(c->in[0], i, width, c->value[0]);
    for (size_t i = 0; i < c->nelem; i++)
        others += kc_element(c->in[0], i, width) != c->value[0];
    if (kc_below(rng, 2))
        c->value[0] += mask + 1;
    if (has_list(c)) {
        kc_add_out(c, width * others);
        c->out_room[0] = width * c->nelem;
    }
    kc_add_out(c, plane_nbytes(c));
}

static void ref_partition_const(kc_case *c)
{
    size_t width = c->shape.width, others = 0;
    unsigned value = c->value[0] & (width == 1 ? 0xff : 0xffff);
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned x = kc_element(c->in[0], i, width);
        int one = c->shape.high_const ? x == value : x != value;
        kc_set_bit(c->out[has_list(c)], c->bit + i, one);
        if (has_list(c) && x != value)
            kc_set_element(c->out[0], others++, width, x);
        c->result += (unsigned)one;
    }
    if (c->nelem)
        for (size_t i = c->bit + c->nelem; i % 8; i++)
            kc_set_bit(c->out[has_list(c)], i, 0);
}

static void plan_partition_plane(kc_case *c, kc_rng *rng)
{
    size_t width = c->shape.width, nhigh = 0;
    c->bit = kc_below(rng, kc_below(rng, 2) ? 8 : 40);
    kc_add_in(c, rng, width * c->nelem);
    kc_add_in(c, rng, plane_nbytes(c));
    for (size_t i = 0; i < c->nelem; i++)
        nhigh += (size_t)kc_bit(c->in[1], c->bit + i);
    kc_add_out(c, width * (c->nelem - nhigh));
    kc_add_out(c, width * nhigh);
    c->out_room[0] = c->out_room[1] = width * c->nelem;
}

static void ref_partition_plane(kc_case *c)
{
    size_t width = c->shape.width, nlow = 0;
    for (size_t i = 0; i < c->nelem; i++) {
        int high = kc_bit(c->in[1], c->bit + i);
        kc_set_element(c->out[high], high ? c->result++ : nlow++, width,
                       kc_element(c->in[0], i, width));
    }
}

/* ---- bits under a mask ---- */

static void plan_pack_bits(kc_case *c, kc_rng *rng)
{
    size_t ones = 0;
    kc_add_in(c, rng, (c->nelem + 7) / 8);
    kc_add_in(c, rng, (c->nelem + 7) / 8);
    for (size_t i = 0; i < c->nelem; i++)
        ones += (size_t)kc_bit(c->in[1], i);
    kc_add_out(c, (ones + 7) / 8);
}

static void ref_pack_bits(kc_case *c)
{
    memset(c->out[0], 0, c->out_nbytes[0]);
    for (size_t i = 0; i < c->nelem; i++)
        if (kc_bit(c->in[1], i))
            kc_set_bit(c->out[0], c->result++, kc_bit(c->in[0], i));
}

/* Exactly as many bytes of packed bits as the mask asks for. */
static void plan_unpack_bits(kc_case *c, kc_rng *rng)
{
    size_t ones = 0, nbytes = (c->nelem + 7) / 8;
    kc_fill(rng, c->in[1], nbytes);
    for (size_t i = 0; i < c->nelem; i++)
        ones += (size_t)kc_bit(c->in[1], i);
    kc_add_in(c, rng, (ones + 7) / 8);
    c->in_nbytes[c->nin++] = nbytes;
    kc_add_out(c, nbytes);
}

static void ref_unpack_bits(kc_case *c)
{
    memset(c->out[0], 0, c->out_nbytes[0]);
    for (size_t i = 0; i < c->nelem; i++)
        if (kc_bit(c->in[1], i))
            kc_set_bit(c->out[0], i, kc_bit(c->in[0], c->result++));
}

/* The plane is made first, in the input after the lists that are there. */
static void plan_merge(kc_case *c, kc_rng *rng)
{
    size_t width = c->shape.width;
    int has_low = !c->shape.low_const, has_high = !c->shape.high_const;
    unsigned plane = (unsigned)(has_low + has_high);
    size_t ones = 0;
    c->bit = kc_below(rng, kc_below(rng, 2) ? 8 : 40);
    c->in_nbytes[plane] = plane_nbytes(c);
    kc_fill(rng, c->in[plane], c->in_nbytes[plane]);
    for (size_t i = 0; i < c->nelem; i++)
        ones += (size_t)kc_bit(c->in[plane], c->bit + i);
    if (has_low)
        kc_add_in(c, rng, width * (c->nelem - ones));
    if (has_high)
        kc_add_in(c, rng, width * ones);
    c->nin++;
    c->value[0] = kc_below(rng, width == 1 ? 256 : 65536);
    c->value[1] = kc_below(rng, width == 1 ? 256 : 65536);
    kc_add_out(c, width * c->nelem);
}

static void ref_merge(kc_case *c)
{
    size_t width = c->shape.width;
    int has_low = !c->shape.low_const, has_high = !c->shape.high_const;
    size_t nlow = 0, nhigh = 0;
    const uint8_t *low = c->in[0], *high = c->in[has_low], *plane = c->in[has_low + has_high];
    unsigned low_value = c->value[0], high_value = c->value[has_low ? 0 : has_high ? 0 : 1];
    for (size_t i = 0; i < c->nelem; i++) {
        unsigned x;
        if (kc_bit(plane, c->bit + i))
            x = has_high ? kc_element(high, nhigh++, width) : high_value;
        else
            x = has_low ? kc_element(low, nlow++, width) : low_value;
        kc_set_element(c->out[0], i, width, x);
    }
}

static void plan_count_ones(kc_case *c, kc_rng *rng)
{
    c->bit = kc_below(rng, 20);
    kc_add_in(c, rng, plane_nbytes(c) ? plane_nbytes(c) : 0);
}

static void ref_count_ones(kc_case *c)
{
    for (size_t i = 0; i < c->nelem; i++)
        c->result += (uint64_t)kc_bit(c->in[0], c->bit + i);
}

/* As merge; a value below 256 is a list of it alone. Behind lists there are 64 bytes. Of a few
   elements, the last bit is often near the end of a byte. */
static void plan_merge_lists_u8(kc_case *c, kc_rng *rng)
{
    size_t ones = 0;
    c->bit = kc_below(rng, kc_below(rng, 2) ? 8 : 100);
    if (c->nelem < 8 && kc_below(rng, 2))
        c->bit = 7 - c->nelem + kc_below(rng, 3);
    kc_fill(rng, c->in[2], plane_nbytes(c));
    for (size_t i = 0; i < c->nelem; i++)
        ones += (size_t)kc_bit(c->in[2], c->bit + i);
    for (unsigned k = 0; k < 2; k++) {
        c->value[k] = kc_below(rng, 2) ? kc_below(rng, 256) : 256;
        size_t n = k ? ones : c->nelem - ones;
        kc_add_in(c, rng, c->value[k] < 256 ? 0 : n + 64);
    }
    c->in_nbytes[c->nin++] = plane_nbytes(c);
    kc_add_out(c, c->nelem);
}

static void ref_merge_lists_u8(kc_case *c)
{
    size_t at[2] = {0, 0};
    for (size_t i = 0; i < c->nelem; i++) {
        int high = kc_bit(c->in[2], c->bit + i);
        c->out[0][i] = c->value[high] < 256 ? (uint8_t)c->value[high] : c->in[high][at[high]++];
    }
}

/* Symbols of the elements that `order` lists, at a node; returns the next bit. */
static size_t ref_subtree_node(kc_case *c, unsigned d, unsigned j, const uint8_t *order, size_t n,
                               size_t bit, uint8_t *list)
{
    uint8_t side[2][64];
    size_t count[2] = {0, 0};
    if (n == 0)
        return bit;
    if (j < c->tree_count[d]) {
        for (size_t i = 0; i < n; i++)
            list[order[i]] = c->table[c->tree_first[d] + j];
        return bit;
    }
    for (size_t i = 0; i < n; i++) {
        int high = kc_bit(c->in[0], bit + i);
        side[high][count[high]++] = order[i];
    }
    bit += n;
    for (unsigned k = 0; k < 2; k++)
        bit = ref_subtree_node(c, d + 1, 2 * (j - c->tree_count[d]) + k, side[k], count[k], bit,
                               list);
    return bit;
}

static size_t ref_subtree_bits(kc_case *c, uint8_t *list)
{
    uint8_t order[64];
    for (unsigned i = 0; i < 64; i++)
        order[i] = (uint8_t)i;
    return ref_subtree_node(c, c->value[0], c->value[1], order, kc_subtree_nelem(c), c->bit, list);
}

/* A tree of up to 20 levels and 32 nodes in each, and mostly as many bits as it asks for. */
static void plan_subtree_u8(kc_case *c, kc_rng *rng)
{
    enum { BITS_NBYTES = 64 * BITX_TREE_DEPTH_MAX / 8 + 8 };
    unsigned nodes[BITX_TREE_DEPTH_MAX + 1] = {1}, first = 0, depth = 0;
    uint8_t list[64];
    unsigned deepest = 1 + kc_below(rng, BITX_TREE_DEPTH_MAX);
    for (unsigned d = 0; d <= BITX_TREE_DEPTH_MAX; d++) {
        unsigned leaves = nodes[d] < 2 ? 0 : kc_below(rng, nodes[d]);
        if (first > 180 && d < deepest)
            deepest = d;
        if (d == deepest || nodes[d] > 16)
            leaves = d == deepest ? nodes[d] : nodes[d] - 8;
        c->tree_count[d] = (uint16_t)leaves;
        c->tree_first[d] = (uint16_t)first;
        first += leaves;
        if (d < BITX_TREE_DEPTH_MAX)
            nodes[d + 1] = 2 * (nodes[d] - leaves);
        depth = nodes[d] ? d : depth;
    }
    for (unsigned i = 0; i < 256; i++)
        c->table[i] = (uint8_t)kc_random(rng);
    c->value[0] = kc_below(rng, 2) ? 0 : kc_below(rng, depth + 1);
    c->value[1] = kc_below(rng, nodes[c->value[0]]);
    c->bit = kc_below(rng, 20);
    kc_add_out(c, kc_subtree_nelem(c));
    kc_fill(rng, c->in[0], BITS_NBYTES);
    size_t nbytes = (ref_subtree_bits(c, list) + 7) / 8, begun = (c->bit + 7) / 8;
    if (kc_below(rng, 6) == 0)
        nbytes = begun + kc_below(rng, (unsigned)(nbytes < begun ? 1 : nbytes - begun + 1));
    c->in_nbytes[c->nin++] = nbytes < begun ? begun : nbytes;
}

static void ref_subtree_u8(kc_case *c)
{
    uint8_t list[64];
    size_t bit = ref_subtree_bits(c, list);
    memcpy(c->out[0], list, c->out_nbytes[0]);
    c->result = bit <= 8 * c->in_nbytes[0] ? bit : SIZE_MAX;
    if (c->result == SIZE_MAX)
        c->out_nbytes[0] = 0;
}

/* clang-format off */
const kc_spec kc_specs_lists[] = {
    {"partition_u8", plan_partition, ref_partition, 1, "merge_u8", {.width = 1}},
    {"partition_u16", plan_partition, ref_partition, 1, "merge_u16", {.width = 2}},
    {"partition_set_u8", plan_partition_set, ref_partition_set, 1, "merge_u8", {0}},
    {"partition_set_u16", plan_partition_set_u16, ref_partition_set_u16, 1, NULL, {.width = 2}},
    {"partition_lowconst_u8", plan_partition_const, ref_partition_const, 1, "merge_lowconst_u8", {.width = 1, .low_const = 1}},
    {"partition_lowconst_u16", plan_partition_const, ref_partition_const, 1, "merge_lowconst_u16", {.width = 2, .low_const = 1}},
    {"partition_highconst_u8", plan_partition_const, ref_partition_const, 1, "merge_highconst_u8", {.width = 1, .high_const = 1}},
    {"partition_highconst_u16", plan_partition_const, ref_partition_const, 1, "merge_highconst_u16", {.width = 2, .high_const = 1}},
    {"partition_const_u8", plan_partition_const, ref_partition_const, 0, NULL, {.width = 1, .low_const = 1, .high_const = 1}},
    {"partition_const_u16", plan_partition_const, ref_partition_const, 0, NULL, {.width = 2, .low_const = 1, .high_const = 1}},
    {"partition_plane_u8", plan_partition_plane, ref_partition_plane, 1, "merge_u8", {.width = 1}},
    {"partition_plane_u16", plan_partition_plane, ref_partition_plane, 1, "merge_u16", {.width = 2}},
    {"pack_bits", plan_pack_bits, ref_pack_bits, 0, NULL, {0}},
    {"unpack_bits", plan_unpack_bits, ref_unpack_bits, 0, NULL, {0}},
    {"merge_u8", plan_merge, ref_merge, 0, NULL, {.width = 1}},
    {"merge_lowconst_u8", plan_merge, ref_merge, 0, NULL, {.width = 1, .low_const = 1}},
    {"merge_highconst_u8", plan_merge, ref_merge, 0, NULL, {.width = 1, .high_const = 1}},
    {"merge_const_u8", plan_merge, ref_merge, 0, NULL, {.width = 1, .low_const = 1, .high_const = 1}},
    {"merge_u16", plan_merge, ref_merge, 0, NULL, {.width = 2}},
    {"merge_lowconst_u16", plan_merge, ref_merge, 0, NULL, {.width = 2, .low_const = 1}},
    {"merge_highconst_u16", plan_merge, ref_merge, 0, NULL, {.width = 2, .high_const = 1}},
    {"merge_const_u16", plan_merge, ref_merge, 0, NULL, {.width = 2, .low_const = 1, .high_const = 1}},
    {"count_ones", plan_count_ones, ref_count_ones, 0, NULL, {0}},
    {"merge_lists_u8", plan_merge_lists_u8, ref_merge_lists_u8, 0, NULL, {0}},
    {"subtree_u8", plan_subtree_u8, ref_subtree_u8, 0, NULL, {0}},
    {0},
};
/* clang-format on */
