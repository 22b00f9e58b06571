/* Codes: made, written, read, measured. */
#include "code.h"

#include "bitx/kernels.h"
#include "plane_codes.h"

enum { ABSENT = 0xff };

const uint32_t bitx_log2_table[257] = {
    0,     369,   736,   1102,  1466,  1829,  2190,  2551,  2909,  3267,  3623,  3978,  4331,
    4683,  5034,  5384,  5732,  6079,  6425,  6769,  7112,  7454,  7795,  8134,  8473,  8810,
    9146,  9480,  9814,  10146, 10477, 10807, 11136, 11464, 11791, 12116, 12440, 12764, 13086,
    13407, 13727, 14046, 14363, 14680, 14996, 15310, 15624, 15937, 16248, 16559, 16868, 17177,
    17484, 17791, 18096, 18401, 18704, 19007, 19308, 19609, 19909, 20207, 20505, 20802, 21098,
    21393, 21687, 21980, 22272, 22564, 22854, 23144, 23433, 23720, 24007, 24293, 24579, 24863,
    25146, 25429, 25711, 25992, 26272, 26551, 26830, 27108, 27384, 27660, 27936, 28210, 28484,
    28757, 29029, 29300, 29571, 29840, 30109, 30378, 30645, 30912, 31178, 31443, 31707, 31971,
    32234, 32496, 32758, 33019, 33279, 33538, 33797, 34055, 34312, 34569, 34825, 35080, 35334,
    35588, 35841, 36094, 36346, 36597, 36847, 37097, 37346, 37595, 37842, 38090, 38336, 38582,
    38827, 39072, 39316, 39559, 39802, 40044, 40286, 40527, 40767, 41006, 41246, 41484, 41722,
    41959, 42196, 42432, 42667, 42902, 43137, 43370, 43603, 43836, 44068, 44300, 44530, 44761,
    44990, 45220, 45448, 45676, 45904, 46131, 46357, 46583, 46809, 47034, 47258, 47482, 47705,
    47928, 48150, 48372, 48593, 48813, 49034, 49253, 49472, 49691, 49909, 50127, 50344, 50560,
    50776, 50992, 51207, 51422, 51636, 51850, 52063, 52276, 52488, 52700, 52911, 53122, 53332,
    53542, 53751, 53960, 54169, 54377, 54584, 54791, 54998, 55204, 55410, 55615, 55820, 56025,
    56229, 56432, 56635, 56838, 57040, 57242, 57443, 57644, 57845, 58045, 58245, 58444, 58643,
    58841, 59039, 59237, 59434, 59631, 59827, 60023, 60219, 60414, 60609, 60803, 60997, 61190,
    61384, 61576, 61769, 61961, 62152, 62343, 62534, 62725, 62915, 63104, 63294, 63483, 63671,
    63859, 64047, 64234, 64421, 64608, 64794, 64980, 65166, 65351, 65536,
};

uint32_t bitx_log2(uint64_t v)
{
    unsigned n = bits_log2(v);
    uint32_t fraction = n <= 16 ? (uint32_t)(v << (16 - n)) : (uint32_t)(v >> (n - 16));
    fraction &= 0xffff;
    uint32_t low = bitx_log2_table[fraction >> 8], high = bitx_log2_table[(fraction >> 8) + 1];
    return (n << 16) + low + ((high - low) * (fraction & 0xff) >> 8);
}

uint64_t bitx_entropy(const uint32_t *counts, size_t n)
{
    uint64_t total = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        total += counts[i];
        if (counts[i])
            sum += (uint64_t)counts[i] * bitx_log2(counts[i]) >> 12;
    }
    uint64_t most = total ? total * bitx_log2(total) >> 12 : 0;
    return most > sum ? most - sum : 0;
}

size_t bitx_count_runs(size_t n, bool more)
{
    size_t share = more ? 4 : 8, enough = more ? 6144 : 2048;
    size_t nruns = (n / share > enough ? n / share : enough) / COUNT_RUN;
    return n <= (nruns + 1) * COUNT_RUN ? 0 : nruns;
}

bool bitx_count_more(const uint32_t counts[256], size_t counted, size_t n)
{
    uint32_t most = 0;
    for (unsigned s = 0; s < 256 && counted < n; s++)
        most = counts[s] > most ? counts[s] : most;
    return 4 * (uint64_t)most > 3 * counted;
}

static size_t count_runs(const uint8_t *list, size_t n, uint8_t *room, bool more,
                         uint32_t counts[256])
{
    size_t nruns = bitx_count_runs(n, more);
    memset(counts, 0, 256 * sizeof(*counts));
    if (!nruns) {
        bitx_histogram_u8(counts, list, n);
        return n;
    }
    for (size_t i = 0; i < nruns; i++)
        memcpy(room + i * COUNT_RUN, list + i * (n / nruns), COUNT_RUN);
    bitx_histogram_u8(counts, room, nruns * COUNT_RUN);
    return nruns * COUNT_RUN;
}

/* An eighth of the list; where one symbol is nearly all of it, what is seen of the others is
   little, and decides most: a quarter then. */
size_t bitx_count_list(const uint8_t *list, size_t n, uint8_t *room, uint32_t counts[256])
{
    size_t counted = count_runs(list, n, room, false, counts);
    return bitx_count_more(counts, counted, n) ? count_runs(list, n, room, true, counts) : counted;
}

/* ---- shape --------------------------------------------------------------------------------- */

/* Ranks and inner nodes from counts; false if the tree is not complete. */
static bool finish(bitx_code *code, unsigned nsymbols)
{
    unsigned nodes = 1, rank = 0, inner = 0;
    code->nsymbols = (uint16_t)nsymbols;
    for (unsigned d = 0; d <= CODE_BITS_MAX; d++) {
        code->rank[d] = (uint16_t)rank;
        code->inner[d] = (uint16_t)inner;
        if (code->count[d] > nodes)
            return false;
        rank += code->count[d];
        nodes -= code->count[d];
        inner += nodes;
        nodes *= 2;
        if (nodes > 512)
            return false;
    }
    return nodes == 0;
}

/* The first symbol from s on that has a length; 256 if none has. Most have none. */
static unsigned next_present(const uint8_t lengths[256], unsigned s)
{
    static const uint8_t none[8] = {ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT};
    while (s < 256 && lengths[s] == ABSENT)
        s += s % 8 == 0 && memcmp(lengths + s, none, sizeof(none)) == 0 ? 8 : 1;
    return s;
}

bool bitx_code_from_lengths(bitx_code *code, const uint8_t lengths[256], unsigned most)
{
    memset(code, 0, sizeof(*code));
    unsigned next[CODE_BITS_MAX + 1], rank = 0;
    for (unsigned s = next_present(lengths, 0); s < 256; s = next_present(lengths, s + 1))
        if (lengths[s] <= most)
            code->count[lengths[s]]++;
    for (unsigned d = 0; d <= most; d++) {
        next[d] = rank;
        rank += code->count[d];
    }
    for (unsigned s = next_present(lengths, 0); s < 256; s = next_present(lengths, s + 1))
        if (lengths[s] <= most)
            code->symbol[next[lengths[s]]++] = (uint8_t)s;
    return finish(code, rank);
}

void bitx_code_fixed(bitx_code *code, unsigned k)
{
    memset(code, 0, sizeof(*code));
    for (unsigned length = 0; length <= PLANE_CODE_BITS; length++)
        code->count[length] = plane_code_count[k - 1][length];
    memcpy(code->symbol, plane_code_byte, sizeof(code->symbol));
    code->planes[0] = plane_code_root[k - 1];
    finish(code, 256);
}

/* ---- lengths ------------------------------------------------------------------------------- */

typedef struct weight {
    uint32_t count;
    uint16_t id; /* symbols below 256, inner nodes from 256 on */
} weight;

static void sort_weights(weight *w, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        weight x = w[i];
        unsigned j = i;
        for (; j > 0 && w[j - 1].count > x.count; j--)
            w[j] = w[j - 1];
        w[j] = x;
    }
}

/* Huffman's algorithm by two queues: leaves sorted, inner nodes as they are made. Returns the
   greatest length. */
static unsigned huffman(const weight *leaves, unsigned n, uint8_t lengths[256])
{
    weight nodes[256];
    uint16_t parent[512];
    uint8_t depth[512];
    unsigned leaf = 0, node = 0, made = 0;
    for (; made + 1 < n; made++) {
        uint32_t sum = 0;
        for (unsigned side = 0; side < 2; side++) {
            bool from_leaves =
                leaf < n && (node == made || leaves[leaf].count <= nodes[node].count);
            const weight *least = from_leaves ? &leaves[leaf++] : &nodes[node++];
            parent[least->id] = (uint16_t)(256 + made);
            sum += least->count;
        }
        nodes[made] = (weight){sum, (uint16_t)(256 + made)};
    }
    depth[256 + made - 1] = 0;
    for (unsigned i = made - 1; i-- > 0;)
        depth[256 + i] = (uint8_t)(depth[parent[256 + i]] + 1);
    unsigned most = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned length = depth[parent[leaves[i].id]] + 1u;
        lengths[leaves[i].id] = (uint8_t)length;
        most = length > most ? length : most;
    }
    return most;
}

void bitx_code_lengths(const uint32_t counts[256], uint8_t lengths[256])
{
    weight leaves[257]; /* and room */
    unsigned n = 0;
    memset(lengths, ABSENT, 256);
    for (unsigned s = 256; s-- > 0;) { /* mostly from the rarest on: sorted, or nearly */
        leaves[n] = (weight){counts[s], (uint16_t)s};
        n += counts[s] != 0;
    }
    if (n == 0)
        return;
    if (n == 1) {
        lengths[leaves[0].id] = 0;
        return;
    }
    sort_weights(leaves, n);
    /* Too long a code is rare; flatter counts shorten it, and lose next to nothing. */
    while (huffman(leaves, n, lengths) > SYMBOL_BITS_MAX)
        for (unsigned i = 0; i < n; i++)
            leaves[i].count = leaves[i].count / 2 + 1;
}

/* ---- decisions ----------------------------------------------------------------------------- */

/* Number of the fixed code for ones of a probability, and the size coded with it in 1/16 bit. */
static unsigned plane_code_for(uint64_t n, uint64_t ones, uint64_t *cost)
{
    const uint32_t counts[2] = {(uint32_t)(n - ones), (uint32_t)ones};
    uint32_t log = ones ? bitx_log2(n) - bitx_log2(ones) : 64u << 16;
    /* k = 4 (log2(1 / p) - 1), rounded */
    uint32_t k = log > (1u << 16) ? (4 * (log - (1u << 16)) + (1u << 15)) >> 16 : 0;
    k = k < 1 ? 1 : k > PLANE_CODES ? PLANE_CODES : k;
    uint64_t entropy = bitx_entropy(counts, 2);
    uint64_t least = n / 64; /* all zero, by the last code */
    entropy += entropy / 64 + 16 * 16;
    *cost = entropy > least ? entropy : least;
    return k;
}

typedef struct chooser {
    bitx_code *code;
    const uint32_t *counts;
    unsigned gain, least;
    uint64_t cost;
} chooser;

static uint64_t choose_node(chooser *c, unsigned d, unsigned j)
{
    bitx_code *code = c->code;
    if (j < code->count[d])
        return c->counts[code->symbol[code->rank[d] + j]];
    unsigned child = j - code->count[d];
    uint64_t left = choose_node(c, d + 1, 2 * child);
    uint64_t right = choose_node(c, d + 1, 2 * child + 1);
    uint64_t n = left + right, cost = 0;
    unsigned inner = code->inner[d] + child;
    c->cost += 16 * n;
    if (inner >= CODE_PLANES_MAX || n < c->least || 5 * (left < right ? left : right) > 2 * n)
        return n;
    unsigned k = plane_code_for(n, left < right ? left : right, &cost);
    if (cost + 16 * n / c->gain >= 16 * n)
        return n;
    code->planes[inner] = (uint8_t)(k | (left < right ? CODE_INVERT : 0));
    c->cost -= 16 * n - cost;
    return n;
}

uint64_t bitx_code_choose_planes(bitx_code *code, const uint32_t counts[256], bitx_effort effort)
{
    static const chooser choosers[] = {
        [BITX_EFFORT_FAST] = {.gain = 12, .least = 2048},
        [BITX_EFFORT_DEFAULT] = {.gain = 32, .least = 512},
        [BITX_EFFORT_MAX] = {.gain = 128, .least = 64},
    };
    chooser c = choosers[effort];
    c.code = code;
    c.counts = counts;
    memset(code->planes, 0, sizeof(code->planes));
    if (code->nsymbols > 1)
        choose_node(&c, 0, 0);
    return c.cost;
}

/* ---- in the file --------------------------------------------------------------------------- */

/* A length is the number of ones before a zero: 0 as the one before, 2 absent (and how many more
   times), others as they differ from the one before. */
enum { STEP_ABSENT = 2, LENGTH_FIRST = 3 };

enum { NSTEPS = 2 * SYMBOL_BITS_MAX + 2 };

/* 0, 1, absent, -1, 2, -2, 3, -3 ... */
static int step_difference(unsigned step)
{
    if (step < 2)
        return (int)step;
    return step % 2 ? -(int)(step / 2) : (int)(step / 2);
}

static void put_step(bit_writer *w, unsigned step)
{
    bits_put(w, (uint64_t)-1, step);
    bits_put(w, 0, 1);
}

static unsigned step_of(int difference)
{
    unsigned step = 0;
    while (step == STEP_ABSENT || step_difference(step) != difference)
        step++;
    return step;
}

static void write_planes(bit_writer *w, const bitx_code *code)
{
    unsigned n = CODE_PLANES_MAX;
    while (n > 0 && !code->planes[n - 1])
        n--;
    bits_put_number(w, n);
    for (unsigned i = 0; i < n; i++) {
        bits_put(w, code->planes[i] != 0, 1);
        if (code->planes[i])
            bits_put(w, code->planes[i] & 63u, 6);
        if (code->planes[i])
            bits_put(w, code->planes[i] >> 7, 1);
    }
}

void bitx_code_write(bit_writer *w, const bitx_code *code, unsigned limit, bool extra)
{
    uint8_t lengths[256];
    memset(lengths, ABSENT, sizeof(lengths));
    for (unsigned d = 0; d <= SYMBOL_BITS_MAX; d++)
        for (unsigned j = 0; j < code->count[d]; j++)
            lengths[code->symbol[code->rank[d] + j]] = (uint8_t)d;
    unsigned n = limit;
    while (n > 0 && lengths[n - 1] == ABSENT)
        n--;
    bits_put_number(w, n);
    int last = LENGTH_FIRST;
    for (unsigned s = 0; s < n; s++) {
        if (lengths[s] != ABSENT) {
            put_step(w, step_of(lengths[s] - last));
            last = lengths[s];
            continue;
        }
        unsigned run = 1;
        while (lengths[s + run] == ABSENT)
            run++;
        put_step(w, STEP_ABSENT);
        bits_put_number(w, run - 1);
        s += run - 1;
    }
    if (extra) {
        bits_put(w, lengths[255] != ABSENT, 1);
        if (lengths[255] != ABSENT)
            bits_put(w, lengths[255], 4);
    }
    write_planes(w, code);
}

static void read_lengths(bit_reader *r, uint8_t lengths[256], unsigned limit)
{
    unsigned n = (unsigned)bits_get_number(r, limit);
    int last = LENGTH_FIRST;
    for (unsigned s = 0; s < n && !r->bad; s++) {
        unsigned step = bits_get_ones(r, NSTEPS);
        if (step == STEP_ABSENT) {
            s += (unsigned)bits_get_number(r, n - s - 1);
            continue;
        }
        last += step < NSTEPS ? step_difference(step) : -64;
        if (last < 0 || last > SYMBOL_BITS_MAX) {
            r->bad = true;
            return;
        }
        lengths[s] = (uint8_t)last;
    }
}

void bitx_code_read(bit_reader *r, bitx_code *code, unsigned limit, bool extra)
{
    uint8_t lengths[256];
    memset(lengths, ABSENT, sizeof(lengths));
    read_lengths(r, lengths, limit);
    if (extra && bits_get(r, 1))
        lengths[255] = (uint8_t)bits_get(r, 4);
    bool complete = bitx_code_from_lengths(code, lengths, SYMBOL_BITS_MAX);
    if (!complete && code->nsymbols)
        r->bad = true;
    unsigned most = code->nsymbols > 1 ? code->nsymbols - 1u : 0;
    unsigned n = (unsigned)bits_get_number(r, most < CODE_PLANES_MAX ? most : CODE_PLANES_MAX);
    for (unsigned i = 0; i < n && !r->bad; i++) {
        if (!bits_get(r, 1))
            continue;
        unsigned k = (unsigned)bits_get(r, 6);
        if (k < 1 || k > PLANE_CODES)
            r->bad = true;
        else
            code->planes[i] = (uint8_t)(k | bits_get(r, 1) << 7);
    }
}
