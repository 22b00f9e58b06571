/*
 * Models of differences: which shift for which exponent, which exponents share a code.
 *
 * A change of one size moves a weight by a number of steps that doubles with every exponent
 * downwards. With a shift that follows it, the symbols of most exponents have one distribution, and
 * few groups are enough: dense changes want two or three, sparse ones four to eight.
 */
#include "plan.h"

enum {
    OUTLIERS = 2048 /* one element in so many may have an exponent above the last class */
};

/* ---- samples ------------------------------------------------------------------------------- */

/*
 * Choices that need no exact counts look at a quarter of the elements of large blocks: runs of 1024
 * at every fourth place. RUN_EXACT elements or fewer, and all with effort max, are looked at whole.
 */
enum { RUN = 1024, RUN_STEP = 4 * RUN, RUN_EXACT = 1 << 14 };

typedef struct runs {
    size_t nelem, step;
} runs;

static runs runs_of(size_t nelem, bool exact)
{
    return (runs){nelem, exact || nelem <= RUN_EXACT ? RUN : RUN_STEP};
}

static size_t run_end(const runs *r, size_t from)
{
    return r->nelem - from < RUN ? r->nelem : from + RUN;
}

/* ---- classes ------------------------------------------------------------------------------- */

static inline int64_t load_difference(const bitx_diffs *diffs, size_t i, unsigned unit)
{
    return word_signed(word_load(diffs->differences, i, unit), 8 * unit);
}

/* The greatest exponents of the base, but for outliers. */
static void choose_classes(const bitx_words *words, const runs *r, unsigned most, uint32_t *counts,
                           bitx_model *model)
{
    unsigned unit = words->layout.unit;
    unsigned mantissa = words->layout.mantissa;
    model->class_shift = mantissa > model->zero_bits ? mantissa - model->zero_bits : 0;
    model->nclasses = 1;
    model->class_low = 0;
    if (!model->sign)
        return;
    memset(counts, 0, 2048 * sizeof(*counts));
    uint64_t seen = 0;
    for (size_t from = 0; from < r->nelem; from += r->step) {
        size_t to = run_end(r, from);
        seen += to - from;
        for (size_t i = from; i < to; i++) {
            uint64_t base = word_load(words->base, i, unit) >> model->zero_bits;
            uint64_t exponent = word_origin(model, base) >> model->class_shift;
            counts[exponent < 2048 ? exponent : 2047]++;
        }
    }
    uint64_t above = 0;
    unsigned top = 2047;
    while (top > 0 && above + counts[top] <= seen / OUTLIERS)
        above += counts[top--];
    model->class_low = top > most - 1 ? top - (most - 1) : 0;
    model->nclasses = top - model->class_low + 1;
}

/* ---- shifts -------------------------------------------------------------------------------- */

/* Differences by size: exact below 16, then sixteen buckets for every power of two. */
static unsigned bucket_of(int64_t difference)
{
    uint64_t v = (uint64_t)(difference ^ difference >> 63) + 16;
    unsigned log = bits_log2(v) - 4;
    return (unsigned)(difference >> 63 & (PLAN_BUCKETS / 2)) + 16 * log + (unsigned)(v >> log) - 16;
}

static int64_t bucket_middle(unsigned bucket)
{
    unsigned i = bucket % (PLAN_BUCKETS / 2);
    uint64_t v = (uint64_t)(16 + i % 16) << i / 16;
    v += (uint64_t)1 << i / 16 >> 1;
    return bucket < PLAN_BUCKETS / 2 ? (int64_t)(v - 16) : ~(int64_t)(v - 16);
}

typedef struct bucket {
    int64_t difference;
    uint32_t count;
} bucket;

/* How many of 256 counts to look at: all if SYMBOL_SAME is among them, else those of the width. */
static unsigned counts_used(const uint32_t counts[256], unsigned width)
{
    return counts[SYMBOL_SAME] ? 256 : symbols_of_width(width);
}

/* Size of a class with a shift, in 1/16 bit. same: differences of 0 have a symbol without raw. */
static uint64_t shift_cost(const bucket *buckets, unsigned n, unsigned width, unsigned shift,
                           bool same)
{
    uint32_t symbols[256] = {0};
    uint64_t raw = 0;
    for (unsigned i = 0; i < n; i++) {
        if (same && buckets[i].difference == 0) {
            symbols[SYMBOL_SAME] += buckets[i].count;
            continue;
        }
        difference_parts parts = difference_split(buckets[i].difference, shift, width);
        symbols[parts.symbol] += buckets[i].count;
        raw += (uint64_t)buckets[i].count * parts.nraw;
    }
    return 16 * raw + bitx_entropy(symbols, counts_used(symbols, width));
}

/* Bits of a signed number in the file. */
static unsigned signed_bits(int v)
{
    unsigned folded = v < 0 ? 2 * (unsigned)-v - 1 : 2 * (unsigned)v;
    return 2 * bits_log2(folded + 1) + 1;
}

/* The greatest shift that costs at most 1/tolerance more than the best: fewer levels of tree. */
static unsigned choose_shift(const uint32_t *counts, unsigned width, unsigned tolerance,
                             unsigned before, bool *same, uint64_t *cost)
{
    bucket buckets[PLAN_BUCKETS];
    unsigned n = 0;
    uint64_t total = 0, logs = 0;
    for (unsigned b = 0; b < PLAN_BUCKETS; b++) {
        if (!counts[b])
            continue;
        buckets[n] = (bucket){bucket_middle(b), counts[b]};
        int64_t d = buckets[n].difference;
        logs += (uint64_t)counts[b] * bitx_log2((uint64_t)(d < 0 ? -d : d) + 1);
        total += counts[b];
        n++;
    }
    *same = false;
    if (!total)
        return before;                               /* the cheapest to write */
    unsigned about = (unsigned)(logs / total >> 16); /* the shift is near the mean log */
    unsigned last = about + 2 < width - 2 ? about + 2 : width - 2;
    unsigned first = last > 5 ? last - 5 : 0;
    bool zeros = counts[0] > total / 32;
    uint64_t best = UINT64_MAX;
    uint64_t costs[2][8];
    for (unsigned shift = first; shift <= last; shift++) {
        for (unsigned k = 0; k < 2; k++) {
            uint64_t written = 16 * signed_bits((int)shift - (int)before) + k * 16 * 16;
            bool possible = k == 0 || (zeros && shift);
            costs[k][shift - first] =
                possible ? shift_cost(buckets, n, width, shift, k) + written : UINT64_MAX;
            if (costs[k][shift - first] < best)
                best = costs[k][shift - first];
        }
    }
    uint64_t most = best + best / tolerance;
    *cost += best;
    for (unsigned shift = last;; shift--) {
        if (costs[0][shift - first] <= most)
            return shift;
        if (costs[1][shift - first] <= most) {
            *same = true;
            return shift;
        }
    }
}

/* Returns the size of the elements in the runs, in 1/16 bit. */
static uint64_t choose_shifts(const bitx_words *words, const runs *r, const bitx_diffs *diffs,
                              unsigned tolerance, bitx_model *model, bool same[CLASSES_MAX])
{
    uint64_t cost = 0;
    unsigned unit = words->layout.unit;
    memset(diffs->counts, 0, model->nclasses * PLAN_BUCKETS * sizeof(*diffs->counts));
    for (size_t from = 0; from < r->nelem; from += r->step)
        for (size_t i = from; i < run_end(r, from); i++)
            if (diffs->classes[i] != CLASS_NONE)
                diffs->counts[diffs->classes[i] * PLAN_BUCKETS +
                              bucket_of(load_difference(diffs, i, unit))]++;
    for (unsigned c = 0; c < model->nclasses; c++)
        model->shift[c] =
            (uint8_t)choose_shift(diffs->counts + c * PLAN_BUCKETS, model->width, tolerance,
                                  c ? model->shift[c - 1] : 0, &same[c], &cost);
    return cost;
}

/* ---- groups -------------------------------------------------------------------------------- */

typedef struct grouping {
    uint32_t counts[CLASSES_MAX][256]; /* by symbol, of a class at first and of a group then */
    uint64_t cost[CLASSES_MAX];        /* 1/16 bit */
    uint64_t joint[CLASSES_MAX][CLASSES_MAX];
    bool same[CLASSES_MAX];
    unsigned of_class[CLASSES_MAX];
    unsigned n, width;
} grouping;

enum { SYMBOL_PRICE = 3 * 16, GROUP_PRICE = 24 * 16 }; /* about what a code takes, 1/16 bit */

static uint64_t group_cost(const uint32_t a[256], const uint32_t b[256], unsigned width)
{
    uint32_t sum[256];
    uint64_t table = GROUP_PRICE;
    unsigned n = counts_used(a, width), m = b ? counts_used(b, width) : 0;
    n = n > m ? n : m;
    for (unsigned s = 0; s < n; s++) {
        sum[s] = a[s] + (b ? b[s] : 0);
        table += sum[s] ? SYMBOL_PRICE : 0;
    }
    return table + bitx_entropy(sum, n);
}

static void join_costs(grouping *g, unsigned a)
{
    g->cost[a] = group_cost(g->counts[a], NULL, g->width);
    for (unsigned b = 0; b < g->n; b++) {
        uint64_t cost = b == a || g->same[a] != g->same[b]
                            ? UINT64_MAX
                            : group_cost(g->counts[a], g->counts[b], g->width);
        g->joint[a][b] = g->joint[b][a] = cost;
    }
}

/* Moves the last group to the place of b, which has become part of a. */
static void join(grouping *g, unsigned a, unsigned b)
{
    for (unsigned s = 0; s < 256; s++)
        g->counts[a][s] += g->counts[b][s];
    unsigned last = --g->n;
    memcpy(g->counts[b], g->counts[last], sizeof(g->counts[b]));
    g->same[b] = g->same[last];
    g->cost[b] = g->cost[last];
    for (unsigned i = 0; i < g->n; i++)
        g->joint[b][i] = g->joint[i][b] = i == b ? UINT64_MAX : g->joint[last][i];
    for (unsigned c = 0; c < CLASSES_MAX; c++) {
        if (g->of_class[c] == b)
            g->of_class[c] = a;
        else if (g->of_class[c] == last)
            g->of_class[c] = b;
    }
    join_costs(g, a);
}

/* Joins the pair that loses least, while that is less than a group is worth or there are too many.
 */
static void join_groups(grouping *g, unsigned most, uint64_t worth)
{
    for (unsigned a = 0; a < g->n; a++)
        join_costs(g, a);
    while (g->n > 1) {
        unsigned best_a = 0, best_b = 0;
        int64_t least = INT64_MAX;
        for (unsigned a = 0; a < g->n; a++) {
            for (unsigned b = a + 1; b < g->n; b++) {
                if (g->joint[a][b] == UINT64_MAX)
                    continue;
                int64_t loss = (int64_t)(g->joint[a][b] - g->cost[a] - g->cost[b]);
                if (loss < least) {
                    least = loss;
                    best_a = a;
                    best_b = b;
                }
            }
        }
        if (least == INT64_MAX || (least > (int64_t)worth && g->n <= most))
            return;
        join(g, best_a, best_b);
    }
}

static void count_symbols(const bitx_words *words, const bitx_diffs *diffs, const bitx_model *model,
                          const bool same[CLASSES_MAX], grouping *g)
{
    unsigned same_classes = 0;
    for (unsigned c = 0; c < model->nclasses; c++)
        same_classes |= (unsigned)same[c] << c;
    size_t nraw[RAW_STRINGS_MAX];
    bitx_words_split(words, model, same_classes, diffs, nraw);
    for (size_t i = 0; i < words->nelem; i++)
        if (diffs->classes[i] != CLASS_NONE)
            g->counts[diffs->classes[i]][diffs->symbols[i]]++;
}

/* One group for every class that has elements; the others go to the first. */
static void start_groups(grouping *g, const bool same[CLASSES_MAX], unsigned nclasses)
{
    g->n = 0;
    for (unsigned c = 0; c < nclasses; c++) {
        bool empty = true;
        for (unsigned s = 0; s < 256 && empty; s++)
            empty = g->counts[c][s] == 0;
        g->of_class[c] = empty ? 0 : g->n;
        if (empty)
            continue;
        if (g->n != c)
            memcpy(g->counts[g->n], g->counts[c], sizeof(g->counts[c]));
        g->same[g->n++] = same[c];
    }
    for (unsigned c = nclasses; c < CLASSES_MAX; c++)
        g->of_class[c] = 0;
    if (g->n == 0)
        g->n = 1;
}

static void make_codes(grouping *g, bitx_model *model, bool sampled, bitx_effort effort)
{
    for (unsigned i = 0; i < model->ngroups; i++) {
        uint8_t lengths[256];
        if (sampled) /* whatever may come has a code, as if seen a sixteenth time */
            for (unsigned s = 0; s < symbols_of_width(model->width); s++)
                g->counts[i][s] = 16 * g->counts[i][s] + 1;
        if (sampled)
            g->counts[i][SYMBOL_SAME] *= 16;
        bitx_code_lengths(g->counts[i], lengths);
        bitx_code_from_lengths(&model->codes[i], lengths, SYMBOL_BITS_MAX);
        bitx_code_choose_planes(&model->codes[i], g->counts[i], effort);
    }
}

/* ---- scales -------------------------------------------------------------------------------- */

enum {
    /* The scale of most chunks, and how many classes are kept free for quieter ones. */
    SCALE_USUAL = 10,
    CLASSES_FREE = 2,
    UNIT_SIZE = 64, /* a difference of its class's mean size */
    SIZE_MOST = 8 * UNIT_SIZE
};

/* Sizes of differences relative to the mean of their class. */
typedef struct class_means {
    unsigned drop[CLASSES_MAX];   /* low bits of differences left out */
    uint64_t factor[CLASSES_MAX]; /* UNIT_SIZE << 24 over the mean */
} class_means;

static void measure_means(const bitx_words *words, const runs *r, const bitx_diffs *diffs,
                          class_means *means)
{
    uint64_t sum[CLASSES_MAX] = {0}, n[CLASSES_MAX] = {0};
    unsigned unit = words->layout.unit, drop = unit > 4 ? 24 : 0;
    for (size_t from = 0; from < r->nelem; from += r->step) {
        for (size_t i = from; i < run_end(r, from); i++) {
            int64_t d = load_difference(diffs, i, unit);
            unsigned c = diffs->classes[i];
            sum[c] += (uint64_t)(d ^ d >> 63) >> drop;
            n[c]++;
        }
    }
    for (unsigned c = 0; c < CLASSES_MAX; c++) {
        uint64_t mean = n[c] ? (16 * sum[c] / n[c]) + 1 : 1; /* in sixteenths */
        unsigned log = bits_log2(mean);
        means->drop[c] = drop + (log > 24 ? log - 24 : 0);
        means->factor[c] = ((uint64_t)UNIT_SIZE << 28) / (mean >> (means->drop[c] - drop));
    }
}

static inline uint64_t relative_size(const class_means *means, int64_t d, unsigned c)
{
    uint64_t m = (uint64_t)(d ^ d >> 63) >> means->drop[c];
    uint64_t size = (m < (1u << 30) ? m : 1u << 30) * (means->factor[c] >> 8) >> 16;
    return size < SIZE_MOST ? size : SIZE_MOST;
}

/* A chunk's scale from the sum of its sizes; log: how far it is from SCALE_USUAL, 2^-16. */
static unsigned scale_of(uint64_t sum, size_t n, int64_t *log)
{
    *log = (int64_t)bitx_log2(sum + n / 64 + 1) - bitx_log2((uint64_t)n * UNIT_SIZE);
    int64_t scale = SCALE_USUAL + ((*log + (1 << 15)) >> 16);
    return scale < 0 ? 0 : scale > SCALE_MAX ? SCALE_MAX : (unsigned)scale;
}

/* The same of words of 16 bits, none of whose bits are dropped. */
static uint64_t chunk_size16(const bitx_diffs *diffs, const class_means *means, size_t from,
                             size_t to)
{
    uint64_t sum = 0, any = 0, factors[CLASSES_MAX];
    for (unsigned c = 0; c < CLASSES_MAX; c++)
        factors[c] = means->factor[c] >> 8;
    for (size_t i = from; i < to; i++) {
        int16_t d = (int16_t)word_load(diffs->differences, i, 2);
        uint64_t m = (uint16_t)(d ^ d >> 15);
        uint64_t size = m * factors[diffs->classes[i] % CLASSES_MAX] >> 16;
        any |= (uint16_t)d;
        sum += size < SIZE_MOST ? size : SIZE_MOST;
    }
    return sum + (any != 0);
}

/* The sum of the sizes of elements [from, to); 0 only if all are those of the base. */
static uint64_t chunk_size(const bitx_words *words, const bitx_diffs *diffs,
                           const class_means *means, size_t from, size_t to)
{
    unsigned unit = words->layout.unit;
    uint64_t sum = 0, any = 0;
    if (unit == 2)
        return chunk_size16(diffs, means, from, to);
    for (size_t i = from; i < to; i++) {
        int64_t d = load_difference(diffs, i, unit);
        any |= (uint64_t)d;
        sum += relative_size(means, d, diffs->classes[i]);
    }
    return sum + (any != 0);
}

static void choose_scales(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs,
                          const class_means *means, uint32_t counts[256])
{
    size_t chunk = (size_t)1 << model->chunk_log2;
    memset(counts, 0, 256 * sizeof(*counts));
    for (size_t from = 0; from < words->nelem; from += chunk) {
        size_t to = words->nelem - from < chunk ? words->nelem : from + chunk;
        uint64_t size = chunk_size(words, diffs, means, from, to);
        int64_t log;
        unsigned scale = size ? scale_of(size, to - from, &log) : SCALE_SAME;
        diffs->scales[from >> model->chunk_log2] = (uint8_t)scale;
        counts[scale]++;
    }
}

/* What scales of chunks are worth, by the sizes of quarter chunks, halves and so on. */
typedef struct scale_worth {
    int64_t worth; /* log2(size)^2 explained, 2^-8, times elements */
    uint32_t counts[SCALES];
} scale_worth;

static void add_worth(scale_worth *w, uint64_t size, size_t n)
{
    int64_t log, left;
    unsigned scale = SCALE_SAME;
    if (size) {
        scale = scale_of(size, n, &log);
        left = log - ((int64_t)scale - SCALE_USUAL) * 65536;
        w->worth += (int64_t)n * (((log >> 8) * (log >> 8) - (left >> 8) * (left >> 8)) >> 8);
    }
    w->counts[scale]++;
}

enum { CHUNK_SIZES = 3 }; /* tried: of 64, 256 and 1024 elements */

/*
 * The best size of chunks by the runs, if it saves more than `least` (1/16 bit) there; 0 if none
 * does. The information that a scale gives of a normal variable is 0.69 bit times the variance of
 * its logarithm to base 2.
 */
static unsigned promising_chunks(const bitx_words *words, const runs *r, const bitx_diffs *diffs,
                                 const class_means *means, int64_t least)
{
    scale_worth worth[CHUNK_SIZES] = {{0, {0}}};
    for (size_t from = 0; from < r->nelem; from += r->step) {
        size_t to = run_end(r, from);
        uint64_t sums[CHUNK_SIZES] = {0};
        for (size_t i = from; i < to; i += 64) {
            size_t end = to - i < 64 ? to : i + 64;
            uint64_t size = chunk_size(words, diffs, means, i, end);
            for (unsigned k = 0; k < CHUNK_SIZES; k++) {
                size_t chunk = (size_t)64 << 2 * k;
                sums[k] += size;
                if (end == to || end % chunk == 0) {
                    add_worth(&worth[k], sums[k], end - (end - 1) / chunk * chunk);
                    sums[k] = 0;
                }
            }
        }
    }
    unsigned best = 0;
    for (unsigned k = 0; k < CHUNK_SIZES; k++) {
        int64_t saved = worth[k].worth * 11 / 256 - (int64_t)bitx_entropy(worth[k].counts, SCALES);
        if (saved > least) {
            best = CHUNK_LOG2_MIN + 2 * k;
            least = saved;
        }
    }
    return best;
}

/* Turns a model without scales into one with them. */
static void start_scales(bitx_model *model, unsigned chunk_log2)
{
    model->scaled = true;
    model->chunk_log2 = chunk_log2;
    model->class_low += SCALE_MAX - SCALE_USUAL + CLASSES_FREE;
    model->nclasses = CLASSES_MAX;
}

/* As if all chunks had the usual scale. */
static void diff_usual(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs)
{
    bitx_model usual;
    memcpy(&usual, model, offsetof(bitx_model, codes));
    usual.scaled = false;
    usual.class_low -= SCALE_MAX - SCALE_USUAL;
    bitx_words_diff(words, &usual, diffs);
}

void bitx_words_scale(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs)
{
    class_means means;
    uint32_t counts[256];
    runs r = runs_of(words->nelem, false);
    diff_usual(words, model, diffs);
    measure_means(words, &r, diffs, &means);
    choose_scales(words, model, diffs, &means, counts);
    bitx_words_diff(words, model, diffs);
}

/* Of the chunks in the runs, 1/16 bit. */
static uint64_t scales_cost(const bitx_model *model, const runs *r, const bitx_diffs *diffs)
{
    uint32_t counts[SCALES] = {0};
    for (size_t from = 0; from < r->nelem; from += r->step)
        for (size_t i = from; i < run_end(r, from); i += (size_t)1 << model->chunk_log2)
            counts[diffs->scales[i >> model->chunk_log2]]++;
    return bitx_entropy(counts, SCALES) + 16 * 16;
}

static void make_scale_code(bitx_model *model, uint32_t counts[256], bool sampled,
                            bitx_effort effort)
{
    uint8_t lengths[256];
    if (sampled)
        for (unsigned s = 0; s < SCALES; s++)
            counts[s] = 16 * counts[s] + 1;
    bitx_code_lengths(counts, lengths);
    bitx_code_from_lengths(&model->scales, lengths, SYMBOL_BITS_MAX);
    bitx_code_choose_planes(&model->scales, counts, effort);
}

/*
 * Scales where they promise `least` (1/16 bit, of the runs) or more; returns whether. Most tensors
 * that were trained whole gain nothing; small models, and embeddings of which few rows were used,
 * do. The differences are those of the model as it comes in.
 */
static bool try_scales(const bitx_words *words, const runs *r, const bitx_diffs *diffs,
                       int64_t least, bool sampled, bitx_effort effort, bitx_model *model)
{
    class_means means;
    uint32_t counts[256];
    if (!model->sign || words->nelem < 512)
        return false;
    measure_means(words, r, diffs, &means);
    unsigned chunk_log2 = promising_chunks(words, r, diffs, &means, least);
    if (!chunk_log2)
        return false;
    start_scales(model, chunk_log2);
    diff_usual(words, model, diffs);
    measure_means(words, r, diffs, &means);
    choose_scales(words, model, diffs, &means, counts);
    make_scale_code(model, counts, sampled, effort);
    bitx_words_diff(words, model, diffs);
    return true;
}

/* ---- all of it ----------------------------------------------------------------------------- */

typedef struct ambition {
    unsigned tolerance; /* of shifts: 1/tolerance more bytes for fewer levels */
    unsigned groups;
    unsigned worth;  /* of a group: 1/worth bit for every element */
    unsigned gain;   /* of a coded decision: smaller by 1/gain */
    unsigned scales; /* if they promise 1/16 bit for so many elements; 0: never */
} ambition;

static const ambition ambitions[] = {
    [BITX_EFFORT_FAST] = {100, 4, 128, 12, 0},
    [BITX_EFFORT_DEFAULT] = {256, 8, 512, 32, 2},
    [BITX_EFFORT_MAX] = {100000, 16, 1 << 20, 128, 4},
};

/* Scales only where they are better by their own account. Changes of less than a bit and a half are
   mostly zeros, whose sizes say little. */
static void choose_shifts_and_scales(const bitx_words *words, const runs *r,
                                     const bitx_diffs *diffs, bitx_effort effort, bool sampled,
                                     bitx_model *model, bool same[CLASSES_MAX])

{
    const ambition *a = &ambitions[effort];
    uint64_t cost = choose_shifts(words, r, diffs, a->tolerance, model, same);
    uint64_t seen = r->step == RUN ? r->nelem : r->nelem / (RUN_STEP / RUN);
    uint64_t least = a->scales ? seen / a->scales : 0;
    bitx_model plain = *model;
    if (!a->scales || cost < 24 * seen ||
        !try_scales(words, r, diffs, (int64_t)least, sampled, effort, model))
        return;
    bool scaled_same[CLASSES_MAX];
    uint64_t scaled = choose_shifts(words, r, diffs, a->tolerance, model, scaled_same);
    if (scaled + scales_cost(model, r, diffs) + least < cost) {
        memcpy(same, scaled_same, sizeof(scaled_same));
        return;
    }
    *model = plain;
    bitx_words_diff(words, model, diffs);
}

bool bitx_scales_choose(const bitx_words *words, bitx_effort effort, bool sampled,
                        const bitx_diffs *diffs, bitx_model *model, uint64_t *nbytes)
{
    runs r = runs_of(words->nelem, false);
    if (r.step != RUN)
        r.step = 2 * RUN_STEP;
    uint64_t seen = r.step == RUN ? r.nelem : r.nelem / (r.step / RUN);
    bitx_words_diff(words, model, diffs);
    if (!try_scales(words, &r, diffs, (int64_t)(seen / ambitions[effort].scales), sampled, effort,
                    model))
        return false;
    const runs all = {words->nelem, RUN};
    *nbytes = scales_cost(model, &all, diffs) / 128;
    return true;
}

void bitx_model_plan(const bitx_words *words, bitx_effort effort, bool sampled, unsigned classes,
                     const bitx_diffs *diffs, bitx_model *model)
{
    const ambition *a = &ambitions[effort];
    bool same[CLASSES_MAX];
    grouping g;
    memset(model, 0, offsetof(bitx_model, codes));
    memset(g.counts, 0, sizeof(g.counts));
    model->sign = words->layout.sign;
    model->zero_bits = bitx_words_zero_bits(words);
    model->width = 8 * words->layout.unit - model->zero_bits;
    runs r = runs_of(words->nelem, effort == BITX_EFFORT_MAX);
    choose_classes(words, &r, classes, diffs->counts, model);
    bitx_words_diff(words, model, diffs);
    choose_shifts_and_scales(words, &r, diffs, effort, sampled, model, same);
    count_symbols(words, diffs, model, same, &g);
    g.width = model->width;
    start_groups(&g, same, model->nclasses);
    join_groups(&g, a->groups, 16 * (uint64_t)words->nelem / a->worth);
    model->ngroups = g.n;
    for (unsigned c = 0; c < model->nclasses; c++)
        model->group[c] = (uint8_t)g.of_class[c];
    make_codes(&g, model, sampled, effort);
}
