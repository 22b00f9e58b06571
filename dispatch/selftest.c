/*
 * bitx_selftest(): every operation of the active row on fixed inputs, and a hash of all that it
 * wrote against the answer in selftest_answers.def. Answers and not the scalar row, so that a
 * compiler's fault that hits both is seen, and half the time is enough.
 */
#include <string.h>

#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "dispatch/ops.h"

enum {
    MAX_NELEM = 600,             /* more than a chunk of bit planes, 512 */
    STREAM = 8 * MAX_NELEM + 64, /* bytes: elements of 64 bits, and room beside them */
    CONTEXTS = 16,               /* of pairs */
    NIN = 4,
    NOUT = 3
};

/* Streams begin at odd places of these. */
typedef struct bench {
    uint8_t in[NIN][STREAM + 64], out[NOUT][STREAM + 64];
    uint8_t set[8192]; /* of 16-bit values */
    uint32_t counts[CONTEXTS * 256];
    uint64_t positions[32];
    uint64_t random;
    uint64_t result;
    int failed;
} bench;

static const struct {
    const char *op;
    uint64_t hash;
} answers[] = {
#include "selftest_answers.def"
    {NULL, 0},
};

/* A float's words that moved a little: the classes and shifts of selftest's delta operations. */
static const bitx_delta_params delta_params = {
    .width = 16,
    .sign = 1,
    .class_shift = 12,
    .nclasses = 8,
    .shift = {6, 5, 4, 3, 2, 1},
    .same_classes = 5,
};

/* Symbols of one to five bits. */
static const uint16_t subtree_count[BITX_TREE_DEPTH_MAX + 1] = {0, 1, 0, 2, 3, 2};
static const uint16_t subtree_first[BITX_TREE_DEPTH_MAX + 1] = {0, 0, 1, 1, 3, 6};
static const bitx_tree_shape subtree_shape = {subtree_count, subtree_first,
                                              (const uint8_t *)"subtree!"};

/* Symbols of eight bits above seven raw ones: BF16. */
static const bitx_float_params float_params = {.width = 16, .fold = 1, .shift = 7, .low = 0};

/* One tile of columns, and sums of the size of weights. */
static const bitx_lowrank_params lowrank_params = {
    .columns = 16, .first = 0, .rank = 2, .shift = 31};
static const bitx_combine_params combine_params = {.nparents = 3,
                                                   .relative = 1,
                                                   .round_products = BITX_ROUND_BF16,
                                                   .coefficients = {0, 0.7F, -0.3F}};

static void fill(bench *s, uint8_t *p, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i += 8) {
        s->random = s->random * 6364136223846793005u + 1442695040888963407u;
        uint64_t word = s->random ^ s->random >> 29;
        memcpy(p + i, &word, nbytes - i < 8 ? nbytes - i : 8);
    }
}

static void mix(uint64_t *hash, const void *data, size_t nbytes)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < nbytes; i += 8) {
        uint64_t word = 0;
        memcpy(&word, p + i, nbytes - i < 8 ? nbytes - i : 8);
        *hash = (*hash ^ word) * 0x9e3779b97f4a7c15u;
        *hash ^= *hash >> 32;
    }
}

/* What lies beyond a list is undefined. */
static void blank(uint8_t *list, size_t nbytes, size_t room)
{
    if (nbytes < room)
        memset(list + nbytes, 0, room - nbytes);
}

static void after_partition(bench *s, uint8_t *low, uint8_t *high, size_t width, size_t n)
{
    size_t nhigh = (size_t)s->result;
    if (nhigh > n) {
        s->failed = 1;
        return;
    }
    blank(low, width * (n - nhigh), width * n);
    blank(high, width * nhigh, width * n);
}

/* The result counts ones, which the list has where the lower one is constant. */
static void after_partition_value(bench *s, int ones, uint8_t *list, size_t width, size_t n)
{
    size_t nhigh = (size_t)s->result;
    s->failed = nhigh > n;
    if (!s->failed)
        blank(list, width * (ones ? nhigh : n - nhigh), width * n);
}

/* Lists end to end, as long as the classes say. */
static void list_starts(size_t starts[17], const uint8_t *classes, size_t n)
{
    size_t counts[16] = {0};
    for (size_t i = 0; i < n; i++)
        if (classes[i] < 16)
            counts[classes[i]]++;
    starts[0] = 0;
    for (size_t g = 0; g < 16; g++)
        starts[g + 1] = starts[g] + counts[g];
}

static const uint8_t each_its_own[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Classes below 16, now and then none. */
static void make_classes(uint8_t *classes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        classes[i] = classes[i] < 250 ? classes[i] & 15 : 0xff;
}

static void groups(bench *s, bitx_fn fn, int split, uint8_t *out, uint8_t *in, uint8_t *classes,
                   size_t n)
{
    size_t starts[17];
    uint8_t *lists[16];
    const uint8_t *const_lists[16];
    make_classes(classes, n);
    list_starts(starts, classes, n);
    for (size_t g = 0; g < 16; g++) {
        lists[g] = out + starts[g];
        const_lists[g] = in + starts[g];
    }
    if (split)
        ((bitx_fn_GROUPS_SPLIT *)fn)(lists, in, classes, each_its_own, n);
    else
        ((bitx_fn_GROUPS_MERGE *)fn)(out, const_lists, classes, each_its_own, n);
    for (size_t g = 0; g < 16; g++)
        s->result += split ? (size_t)(lists[g] - out) : (size_t)(const_lists[g] - in);
}

/* Differences that the operations can meet: of x, a small step from the base. */
static void make_near(uint8_t *x, const uint8_t *base, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[2 * i] = (uint8_t)(base[2 * i] + (x[2 * i] & 31));
        x[2 * i + 1] = base[2 * i + 1];
    }
}

/* Three lists, end to end with the room behind each. */
static void list_encoded(bench *s, bitx_fn_DELTA_LISTS *fn, uint8_t *out, bitx_raw_sink *sink,
                         const uint8_t *x, const uint8_t *base, size_t n)
{
    static const uint8_t group[16] = {0, 1, 2, 0, 2, 1, 2, 0};
    uint8_t *lists[16] = {out, out + n + 64, out + 2 * (n + 64)};
    fn(lists, sink, x, base, n, &delta_params, group);
    for (size_t g = 0; g < 3 && !s->failed; g++) {
        uint8_t *list = out + g * (n + 64);
        size_t listed = (size_t)(lists[g] - list);
        s->result = s->result * 1000003 + listed;
        s->failed = listed > n;
        if (!s->failed)
            blank(list, listed, n + 64);
    }
}

static void delta(bench *s, bitx_sig sig, bitx_fn fn, uint8_t *const in[NIN],
                  uint8_t *const out[NOUT], size_t n, size_t bit)
{
    uint8_t differences[2 * MAX_NELEM], classes[MAX_NELEM], symbols[MAX_NELEM];
    make_near(in[0], in[1], n);
    if (sig == BITX_SIG_DELTA_CLASSES) {
        ((bitx_fn_DELTA_CLASSES *)fn)(out[0], in[1], n, &delta_params);
        return;
    }
    if (sig == BITX_SIG_DELTA_DIFF) {
        ((bitx_fn_DELTA_DIFF *)fn)(out[0], out[1], in[0], in[1], n, &delta_params);
        return;
    }
    bitx_delta_diff_u16_scalar(differences, classes, in[0], in[1], n, &delta_params);
    if (sig == BITX_SIG_DELTA_SPLIT || sig == BITX_SIG_DELTA_ENCODE ||
        sig == BITX_SIG_DELTA_LISTS) {
        bitx_raw_sink sink = {{out[1], out[2]}, {bit, 8}};
        if (sig == BITX_SIG_DELTA_SPLIT)
            ((bitx_fn_DELTA_SPLIT *)fn)(out[0], &sink, differences, classes, n, &delta_params);
        else if (sig == BITX_SIG_DELTA_LISTS)
            list_encoded(s, (bitx_fn_DELTA_LISTS *)fn, out[0], &sink, in[0], in[1], n);
        else
            ((bitx_fn_DELTA_ENCODE *)fn)(out[0], out[0] + n, &sink, in[0], in[1], n, &delta_params);
        for (size_t k = 0; k < 2 && !s->failed; k++) {
            s->result = s->result * 1000003 + sink.bit[k];
            s->failed = sink.bit[k] > 8 * (n + 8);
            if (!s->failed)
                blank(out[k + 1], (sink.bit[k] + 7) / 8, n + 9);
        }
        return;
    }
    bitx_raw_sink sink = {{in[2], in[3]}, {bit, 8}};
    bitx_delta_split_u16_scalar(symbols, &sink, differences, classes, n, &delta_params);
    bitx_raw_source source = {{in[2], in[3]}, {(sink.bit[0] + 7) / 8, sink.bit[1] / 8}, {bit, 8}};
    uint8_t symbol_lists[2][MAX_NELEM + 64] = {{0}}, *ends[16] = {symbol_lists[0], symbol_lists[1]};
    bitx_delta_lists lists = {.next = {symbol_lists[0], symbol_lists[1]},
                              .group = {0, 1, 1, 0, 1, 0, 1, 1}};
    bitx_groups_split_u8_scalar(ends, symbols, classes, lists.group, n);
    s->failed = ((bitx_fn_DELTA_RESTORE *)fn)(out[0], in[1], &lists, &source, n, &delta_params);
    s->failed |= lists.next[0] != ends[0] || lists.next[1] != ends[1];
    s->result = source.bit[0] * 1000003 + source.bit[1];
}

static const uint8_t four_groups[16] = {0, 1, 1, 2, 2, 3, 3, 3};

/* The third group without a plane. */
static void places(bench *s, bitx_fn fn, uint8_t *const in[NIN], uint8_t *const out[NOUT], size_t n,
                   size_t bit)
{
    bitx_plane_sources planes = {.bytes = {in[0], in[2], NULL, in[3]},
                                 .bit = {bit, bit + 1, 0, bit + 3},
                                 .ones = (uint16_t)(bit % 2 << 2)};
    memcpy(planes.group, four_groups, sizeof(four_groups));
    size_t found = ((bitx_fn_DELTA_PLACES *)fn)(out[0], &planes, in[1], n, &delta_params);
    s->failed = found > n;
    if (!s->failed)
        blank(out[0], 2 * found, 2 * (n + 64));
    s->result = found;
    for (size_t g = 0; g < 4; g++)
        s->result = s->result * 1000003 + planes.bit[g];
}

/* One element of four is not the base's, and all of the third group are taken. */
static void sift(bench *s, bitx_fn fn, uint8_t *const in[NIN], uint8_t *const out[NOUT], size_t n,
                 size_t bit)
{
    const size_t stride = MAX_NELEM / 8 + 20;
    bitx_plane_sinks planes = {.ones = (uint16_t)(bit % 2 << 2)};
    memcpy(planes.group, four_groups, sizeof(four_groups));
    memset(out[2], 0, 4 * stride);
    for (size_t g = 0; g < 4; g++) {
        planes.bytes[g] = out[2] + g * stride;
        planes.bit[g] = bit;
    }
    for (size_t i = 0; i < n; i++)
        if (in[2][i] & 3)
            memcpy(in[0] + 2 * i, in[1] + 2 * i, 2);
    size_t found =
        ((bitx_fn_DELTA_SIFT *)fn)(out[0], out[1], &planes, in[0], in[1], n, &delta_params);
    s->failed = found > n;
    for (size_t k = 0; k < 2 && !s->failed; k++)
        blank(out[k], 2 * found, 2 * (n + 64));
    for (size_t g = 0; g < 4 && !s->failed; g++) {
        s->result = (s->result + found) * 1000003 + planes.bit[g];
        s->failed = planes.bit[g] > bit + n;
        if (!s->failed)
            blank(out[2] + g * stride, (planes.bit[g] + 7) / 8, stride);
    }
}

static void count_contexts(uint8_t *contexts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        contexts[i] &= CONTEXTS - 1;
}

/* One call on n elements of random streams. */
static void call(bench *s, const bitx_op *op, bitx_fn fn, uint8_t *const in[NIN],
                 uint8_t *const out[NOUT], size_t n, size_t bit)
{
    size_t width = op->width / 8, byte_stride = n + 3, bit_stride = (n + 7) / 8 + 1;
    switch (op->sig) {
    case BITX_SIG_BINARY:
        ((bitx_fn_BINARY *)fn)(out[0], in[0], in[1], n);
        return;
    case BITX_SIG_SPLIT2:
    case BITX_SIG_SPLIT_F16:
    case BITX_SIG_SPLIT_F32:
        ((bitx_fn_SPLIT2 *)fn)(out[0], out[1], in[0], n);
        return;
    case BITX_SIG_MERGE2:
    case BITX_SIG_MERGE_F16:
    case BITX_SIG_MERGE_F32:
        ((bitx_fn_MERGE2 *)fn)(out[0], in[0], in[1], n);
        return;
    case BITX_SIG_SPLIT2_XOR:
    case BITX_SIG_XOR_SPLIT_F16:
    case BITX_SIG_XOR_SPLIT_F32:
        ((bitx_fn_SPLIT2_XOR *)fn)(out[0], out[1], in[0], in[1], n);
        return;
    case BITX_SIG_MERGE2_XOR:
    case BITX_SIG_XOR_MERGE_F16:
    case BITX_SIG_XOR_MERGE_F32:
        ((bitx_fn_MERGE2_XOR *)fn)(out[0], in[0], in[1], in[2], n);
        return;
    case BITX_SIG_REDUCE2:
        s->result = ((bitx_fn_REDUCE2 *)fn)(in[0], in[1], n);
        return;
    case BITX_SIG_DISTANCE_POSITIONS:
        ((bitx_fn_DISTANCE_POSITIONS *)fn)(s->positions, in[0], in[1], n);
        return;
    case BITX_SIG_SCAN2:
        memcpy(in[1], in[0], n);
        in[1][n * 7 / 8] ^= 16;
        s->result = ((bitx_fn_SCAN2 *)fn)(in[0], in[1], n);
        return;
    case BITX_SIG_SCAN:
        memset(in[0], 0x5a, width * n);
        in[0][width * (n * 7 / 8)] ^= 16;
        s->result = ((bitx_fn_SCAN *)fn)(in[0], n);
        return;
    case BITX_SIG_PARTITION:
        s->result = ((bitx_fn_PARTITION *)fn)(out[0], out[1], out[2], bit, in[0], n,
                                              width == 1 ? 100 : 40000);
        after_partition(s, out[0], out[1], width, n);
        return;
    case BITX_SIG_PARTITION_SET:
        if (width == 2)
            fill(s, s->set, sizeof(s->set));
        s->result = ((bitx_fn_PARTITION_SET *)fn)(out[0], out[1], out[2], bit, in[0], n,
                                                  width == 2 ? s->set : in[1]);
        after_partition(s, out[0], out[1], width, n);
        return;
    case BITX_SIG_PARTITION_VALUE: /* bytes are one of 256, words now and then the first */
        s->result = ((bitx_fn_PARTITION_VALUE *)fn)(out[0], out[1], bit, in[0], n,
                                                    in[0][0] | (unsigned)in[0][1] << 8);
        after_partition_value(s, strstr(op->name, "low") != NULL, out[0], width, n);
        return;
    case BITX_SIG_PARTITION_CONST:
        s->result = ((bitx_fn_PARTITION_CONST *)fn)(out[0], bit, in[0], n,
                                                    in[0][0] | (unsigned)in[0][1] << 8);
        return;
    case BITX_SIG_PARTITION_PLANE:
        s->result = ((bitx_fn_PARTITION_PLANE *)fn)(out[0], out[1], in[0], in[1], bit, n);
        after_partition(s, out[0], out[1], width, n);
        return;
    case BITX_SIG_PACK_BITS:
    case BITX_SIG_UNPACK_BITS:
        s->result = ((bitx_fn_PACK_BITS *)fn)(out[0], in[0], in[1], n);
        return;
    case BITX_SIG_MERGE:
        ((bitx_fn_MERGE *)fn)(out[0], in[0], in[1], in[2], bit, n);
        return;
    case BITX_SIG_MERGE_LOWCONST:
        ((bitx_fn_MERGE_LOWCONST *)fn)(out[0], 77, in[1], in[2], bit, n);
        return;
    case BITX_SIG_MERGE_HIGHCONST:
        ((bitx_fn_MERGE_HIGHCONST *)fn)(out[0], in[0], 77, in[2], bit, n);
        return;
    case BITX_SIG_MERGE_CONST:
        ((bitx_fn_MERGE_CONST *)fn)(out[0], 3, 77, in[2], bit, n);
        return;
    case BITX_SIG_MERGE_LISTS:
        ((bitx_fn_MERGE_LISTS *)fn)(out[0], in[0], 77, bit % 2 ? in[1] : NULL, 78, in[2], bit, n);
        blank(out[0], n, n + 63);
        return;
    case BITX_SIG_SUBTREE:
        n = n % 64 + 1;
        s->result = ((bitx_fn_SUBTREE *)fn)(out[0], n, &subtree_shape, 0, 0, in[0], STREAM, bit);
        blank(out[0], n, 64);
        return;
    case BITX_SIG_COUNT_BITS:
        s->result = ((bitx_fn_COUNT_BITS *)fn)(in[0], bit, n);
        return;
    case BITX_SIG_DELTA_CLASSES:
    case BITX_SIG_DELTA_DIFF:
    case BITX_SIG_DELTA_SPLIT:
    case BITX_SIG_DELTA_ENCODE:
    case BITX_SIG_DELTA_LISTS:
    case BITX_SIG_DELTA_RESTORE:
        delta(s, op->sig, fn, in, out, n, bit);
        return;
    case BITX_SIG_DELTA_SIFT:
        sift(s, fn, in, out, n, bit);
        return;
    case BITX_SIG_DELTA_PLACES:
        places(s, fn, in, out, n, bit);
        return;
    case BITX_SIG_GROUPS_SPLIT:
    case BITX_SIG_GROUPS_MERGE:
        groups(s, fn, op->sig == BITX_SIG_GROUPS_SPLIT, out[0], in[0], in[1], n);
        return;
    case BITX_SIG_GROUPS_COUNT:
        make_classes(in[1], n);
        ((bitx_fn_GROUPS_COUNT *)fn)(s->counts, in[1], each_its_own, n);
        return;
    case BITX_SIG_FLOAT_SPLIT:
        s->result = (uint64_t)((bitx_fn_FLOAT_SPLIT *)fn)(out[0], out[1], in[0], n, &float_params);
        return;
    case BITX_SIG_FLOAT_JOIN:
        ((bitx_fn_FLOAT_JOIN *)fn)(out[0], in[0], in[1], n, &float_params);
        return;
    case BITX_SIG_MAP:
        ((bitx_fn_MAP *)fn)(out[0], in[0], in[1], n);
        return;
    case BITX_SIG_HISTOGRAM:
        ((bitx_fn_HISTOGRAM *)fn)(s->counts, in[0], 2 * n);
        return;
    case BITX_SIG_HISTOGRAM_PAIRS:
        count_contexts(in[0], n);
        ((bitx_fn_HISTOGRAM_PAIRS *)fn)(s->counts, in[0], in[1], n);
        return;
    case BITX_SIG_SPLIT_PLANES:
        ((bitx_fn_SPLIT_PLANES *)fn)(out[0], byte_stride, in[0], n);
        return;
    case BITX_SIG_XOR_SPLIT_PLANES:
        ((bitx_fn_XOR_SPLIT_PLANES *)fn)(out[0], byte_stride, in[0], in[1], n);
        return;
    case BITX_SIG_MERGE_PLANES:
        ((bitx_fn_MERGE_PLANES *)fn)(out[0], in[0], byte_stride, n);
        return;
    case BITX_SIG_XOR_MERGE_PLANES:
        ((bitx_fn_XOR_MERGE_PLANES *)fn)(out[0], in[0], byte_stride, in[1], n);
        return;
    case BITX_SIG_SPLIT_BITS:
        ((bitx_fn_SPLIT_BITS *)fn)(out[0], bit_stride, in[0], n);
        return;
    case BITX_SIG_XOR_SPLIT_BITS:
        ((bitx_fn_XOR_SPLIT_BITS *)fn)(out[0], bit_stride, in[0], in[1], n);
        return;
    case BITX_SIG_MERGE_BITS:
        ((bitx_fn_MERGE_BITS *)fn)(out[0], in[0], bit_stride, n);
        return;
    case BITX_SIG_XOR_MERGE_BITS:
        ((bitx_fn_XOR_MERGE_BITS *)fn)(out[0], in[0], bit_stride, in[1], n);
        return;
    case BITX_SIG_CAST_DOWN:
    case BITX_SIG_CAST_UP:
        ((bitx_fn_CAST_DOWN *)fn)(out[0], in[0], n);
        return;
    case BITX_SIG_LOWRANK_ADD:
        ((bitx_fn_LOWRANK_ADD *)fn)(out[0], in[0], in[1], in[2], n, &lowrank_params);
        return;
    case BITX_SIG_COMBINE:
        ((bitx_fn_COMBINE *)fn)(out[0], (const uint8_t *const[8]){in[0], in[1], in[2]}, n,
                                &combine_params);
        return;
    default: /* a class that nobody told this file of: the answer will be missed */
        s->failed = 1;
        return;
    }
}

/* Blocks and what is left of one, from a few elements on. */
static const size_t lengths[] = {1, 13, 64, 100, 257, MAX_NELEM};

uint64_t bitx_selftest_hash(const bitx_op *op, bitx_fn fn)
{
    bench s;
    uint64_t hash = op->width;
    memset(&s, 0, sizeof(s));
    s.random = 1;
    for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
        size_t used = 8 * lengths[k] + 64; /* by the widest elements, and strides */
        uint8_t *in[NIN], *out[NOUT];
        for (size_t i = 0; i < NIN; i++) {
            in[i] = s.in[i] + (k + 3 * i) % 64;
            fill(&s, in[i], used);
        }
        for (size_t i = 0; i < NOUT; i++)
            out[i] = s.out[i] + (5 * k + i) % 64;
        s.result = 0;
        call(&s, op, fn, in, out, lengths[k], 3 * k % 8);
        if (s.failed)
            return 0;
        mix(&hash, &s.result, sizeof(s.result));
        for (size_t i = 0; i < NOUT; i++)
            mix(&hash, out[i], used);
    }
    mix(&hash, s.counts, sizeof(s.counts));
    mix(&hash, s.positions, sizeof(s.positions));
    return hash;
}

static uint64_t answer_of(const char *op)
{
    for (size_t i = 0; answers[i].op; i++)
        if (strcmp(answers[i].op, op) == 0)
            return answers[i].hash;
    return 0;
}

const char *bitx_selftest(void)
{
    for (size_t i = 0; bitx_op_at(i); i++) {
        const bitx_op *op = bitx_op_at(i);
        bitx_sig sig;
        uint64_t hash = bitx_selftest_hash(op, bitx_op_active(op->name, &sig));
        if (hash == 0 || hash != answer_of(op->name))
            return op->name;
    }
    return NULL;
}
