/*
 * A model of differences from a few thousand elements, in less time than a pass over all of them.
 *
 * The shift of a class is near the mean logarithm of its differences, and whether equal elements
 * get a symbol of their own follows from three counts, so nothing is tried: the sample is split
 * once, and classes are joined to groups by its counts. bitx_model_plan() tries shifts, and counts
 * all.
 */
#include "plan.h"

#include "bitx/kernels.h"

enum { RUN = 256, SAMPLE_LEAST = 1 << 11, SAMPLE_MOST = 1 << 14, OUTLIERS = 2048 };

/* ---- the sample ---------------------------------------------------------------------------- */

typedef struct sample {
    size_t nelem, run, step; /* of words; of a run; from one to the next */
} sample;

static sample sample_of(size_t nelem)
{
    size_t n = nelem / 32;
    n = n < SAMPLE_LEAST ? SAMPLE_LEAST : n > SAMPLE_MOST ? SAMPLE_MOST : n;
    if (nelem <= n)
        return (sample){nelem, nelem, nelem};
    return (sample){nelem, RUN, nelem / (n / RUN) / 64 * 64};
}

static size_t sample_run(const sample *s, size_t from)
{
    return s->nelem - from < s->run ? s->nelem - from : s->run;
}

/* Of the sample's elements of one class. */
typedef struct tally {
    uint32_t n, changed;
    uint32_t bits; /* of differences' sizes, each written without leading zeros, summed */
} tally;

/* A run of the sample as words and as what is known of them. */
static bitx_words run_words(const bitx_words *words, size_t from, size_t n)
{
    size_t unit = words->layout.unit;
    return (bitx_words){words->layout, words->src + from * unit, words->base + from * unit, n};
}

static bitx_diffs run_diffs(const bitx_words *words, const bitx_diffs *diffs, size_t from)
{
    bitx_diffs run = *diffs;
    run.differences += from * words->layout.unit;
    run.classes += from;
    run.symbols += from;
    return run;
}

/* ---- classes ------------------------------------------------------------------------------- */

static uint64_t greatest_magnitude(const bitx_words *words, size_t from, size_t n)
{
    unsigned unit = words->layout.unit;
    uint64_t mask = ((uint64_t)1 << (8 * unit - 1)) - 1, most = 0;
    int16_t most16 = 0; /* of a width that compilers make vectors of */
    if (unit == 2) {
        for (size_t i = from; i < from + n; i++) {
            int16_t magnitude = (int16_t)(word_load(words->base, i, 2) & 0x7fff);
            most16 = magnitude > most16 ? magnitude : most16;
        }
        return (uint64_t)most16;
    }
    for (size_t i = from; i < from + n; i++) {
        uint64_t magnitude = word_load(words->base, i, unit) & mask;
        most = magnitude > most ? magnitude : most;
    }
    return most;
}

/* The classes end at an exponent, and at the greatest of the sample for now. */
static void end_classes(unsigned top, unsigned most, bitx_model *model)
{
    model->nclasses = 1;
    model->class_low = 0;
    if (!model->sign)
        return;
    model->class_low = top > most - 1 ? top - (most - 1) : 0;
    model->nclasses = top - model->class_low + 1;
}

static unsigned greatest_exponent(const bitx_words *words, const sample *s, const bitx_model *model)
{
    uint64_t most = 0;
    for (size_t from = 0; from < s->nelem; from += s->step) {
        uint64_t magnitude = greatest_magnitude(words, from, sample_run(s, from));
        most = magnitude > most ? magnitude : most;
    }
    return (unsigned)(most >> model->zero_bits >> model->class_shift);
}

/* ---- shifts -------------------------------------------------------------------------------- */

static inline unsigned bits_of(int64_t difference)
{
    return bits_log2(2 * (uint64_t)(difference ^ difference >> 63) + 1);
}

/* The sums of a class in one number, as an addition for each element takes longer than all else:
   32 bits of bits_of(), 16 of changed elements, 16 of elements. */
static void tally_run16(const bitx_diffs *diffs, size_t n, uint64_t packed[4][CLASSES_MAX])
{
    for (size_t i = 0; i < n; i += 4) {
        for (size_t k = 0; k < 4 && i + k < n;
             k++) { /* by turns: neighbours often have one class */
            int64_t d = word_signed(word_load(diffs->differences, i + k, 2), 16);
            packed[k][diffs->classes[i + k] % CLASSES_MAX] +=
                (uint64_t)bits_of(d) << 32 | (uint64_t)(d != 0) << 16 | 1;
        }
    }
}

static void tally_run(const bitx_diffs *diffs, size_t n, unsigned unit, tally tallies[CLASSES_MAX])
{
    for (size_t i = 0; i < n; i++) {
        int64_t d = word_signed(word_load(diffs->differences, i, unit), 8 * unit);
        if (diffs->classes[i] == CLASS_NONE)
            continue;
        tally *t = &tallies[diffs->classes[i] % CLASSES_MAX];
        t->n++;
        t->changed += d != 0;
        t->bits += bits_of(d);
    }
}

/* With a model without scales; else all differences and classes are there. */
static void tally_sample(const bitx_words *words, const sample *s, const bitx_model *model,
                         const bitx_diffs *diffs, tally tallies[CLASSES_MAX])
{
    uint64_t packed[4][CLASSES_MAX] = {{0}};
    memset(tallies, 0, CLASSES_MAX * sizeof(*tallies));
    for (size_t from = 0; from < s->nelem; from += s->step) {
        size_t n = sample_run(s, from);
        bitx_words part = run_words(words, from, n);
        bitx_diffs run = model->scaled ? run_diffs(words, diffs, from) : *diffs;
        if (!model->scaled)
            bitx_words_diff(&part, model, diffs);
        if (words->layout.unit == 2 && !model->scaled)
            tally_run16(&run, n, packed);
        else
            tally_run(&run, n, words->layout.unit, tallies);
    }
    for (unsigned i = 0; i < 4 * CLASSES_MAX; i++) {
        uint64_t p = packed[i / CLASSES_MAX][i % CLASSES_MAX];
        tallies[i % CLASSES_MAX].n += p & 0xffff;
        tallies[i % CLASSES_MAX].changed += p >> 16 & 0xffff;
        tallies[i % CLASSES_MAX].bits += (uint32_t)(p >> 32);
    }
}

/* How many of the greatest exponents only outliers have. */
static unsigned count_outliers(const bitx_words *words, const sample *s, const bitx_model *model,
                               const bitx_diffs *diffs)
{
    static const uint8_t each_its_own[CLASSES_MAX] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                      8, 9, 10, 11, 12, 13, 14, 15};
    uint32_t counts[CLASSES_MAX];
    uint64_t above = 0;
    size_t seen = 0;
    unsigned n = 0;
    for (size_t from = 0; from < s->nelem; from += s->step) {
        bitx_words part = run_words(words, from, sample_run(s, from));
        bitx_diffs run = *diffs;
        run.classes += seen;
        bitx_words_classify(&part, model, &run);
        seen += part.nelem;
    }
    bitx_groups_count_u8(counts, diffs->classes, each_its_own, seen);
    while (n + 1 < model->nclasses) {
        above += counts[model->nclasses - 1 - n];
        if (above > seen / OUTLIERS)
            break;
        n++;
    }
    return n;
}

/* Classes and what is known of them. Exponents of outliers get none of their own. */
static void tally_classes(const bitx_words *words, const sample *s, const bitx_diffs *diffs,
                          unsigned most, bitx_model *model, tally tallies[CLASSES_MAX])
{
    unsigned top = model->sign ? greatest_exponent(words, s, model) : 0, outliers;
    do {
        end_classes(top, most, model);
        outliers = count_outliers(words, s, model, diffs);
        top -= outliers;
    } while (outliers);
    tally_sample(words, s, model, diffs, tallies);
}

/* How much a model may cost. */
typedef struct economy {
    unsigned groups; /* at most */
    unsigned share;  /* of a group's worth: so much of all bytes ... */
    unsigned least;  /* ... or 1/least bit for every element, if that is more */
    unsigned less;   /* of a shift than the mean bits of a class, in 1/16 */
} economy;

/*
 * Shifts: 16 less is a level of tree less and costs 0.3% of the bytes. A group of few elements
 * takes a decoder as long as one of many: a step of the kernels that bring lists together, in AVX2
 * a plane (0.1 cycles a weight). A share of 384 in place of 768 would be one or two groups less and
 * cost dense BF16 0.2% of the bytes.
 */
static const economy economies[] = {[BITX_EFFORT_DEFAULT] = {8, 768, 2048, 19},
                                    [BITX_EFFORT_FAST] = {4, 192, 256, 4},
                                    [BITX_EFFORT_MAX] = {16, 8192, 4096, 24}};

/* By the mean of logarithms: the logarithm of the mean, which a few great changes decide where an
   update is heavy-tailed, took 0.3% more bytes, and 1.4% more of a merged LoRA. */
static unsigned sketch_shift(const tally *t, unsigned width, const economy *e)
{
    unsigned mean = (unsigned)((uint64_t)16 * t->bits / t->changed);
    unsigned shift = mean > e->less ? (mean - e->less) / 16 : 0;
    return shift < width - 2 ? shift : width - 2;
}

static void sketch_shifts(const tally *tallies, const economy *e, bitx_model *model)
{
    enum { FEW = 8 };
    for (unsigned c = 0; c < model->nclasses; c++) {
        unsigned before = c ? model->shift[c - 1] : 0;
        unsigned likely = c && tallies[c - 1].changed ? before - (before > 0) : before;
        model->shift[c] =
            (uint8_t)(tallies[c].changed >= FEW ? sketch_shift(&tallies[c], model->width, e)
                                                : likely);
    }
}

/* ---- scales -------------------------------------------------------------------------------- */

/*
 * Whether chunks of 64 elements differ in size by more than chance: the variance of the logarithm
 * of their mean symbol against that of a symbol. Scales bring 0.69 bit an element times the
 * variance, and cost about 1/25; below a variance of a third (0.2 bit, of a normal one) they are
 * left out, as finding them takes four times as long as all else.
 */
static bool is_uneven(const uint8_t *symbols, size_t nelem)
{
    enum { CHUNK = 64, FEWEST = 32 };
    uint64_t sum = 0, squares = 0, log_squares = 0;
    int64_t logs = 0;
    size_t n = nelem / CHUNK;
    if (n < FEWEST)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint32_t size = 0, square = 0;
        for (unsigned k = 0; k < CHUNK; k++) {
            uint32_t s = symbols[CHUNK * i + k];
            size += s;
            square += s * s;
        }
        int64_t log = code_log2(2 * size + 1) >> 8;
        sum += size;
        squares += square;
        logs += log;
        log_squares += (uint64_t)(log * log);
    }
    if (sum < CHUNK * n) /* changes of less than half a symbol say little of their size */
        return false;
    /* In 2^-16. 2.08 is the square of log2(e). */
    uint64_t variance = log_squares / n - (uint64_t)(logs / (int64_t)n * (logs / (int64_t)n));
    uint64_t second =
        (squares << 16) / sum * CHUNK * n / sum; /* moment, by the square of the mean */
    uint64_t chance = (second - 65536) * 208 / (100 * CHUNK);
    return variance > chance + chance / 4 + 65536 / 3;
}

/* ---- symbols and groups -------------------------------------------------------------------- */

typedef struct sketch {
    uint32_t (*counts)[256]; /* by symbol, of a class at first and of a group then */
    uint64_t cost[CLASSES_MAX];
    uint64_t next[CLASSES_MAX]; /* cost of this and the next one joined */
    bool same[CLASSES_MAX];
    unsigned top[CLASSES_MAX]; /* one more than the greatest symbol but SYMBOL_SAME */
    uint32_t total[CLASSES_MAX];
    unsigned n;
    uint32_t group_price, symbol_price; /* of a code, by the sample's share of the elements */
} sketch;

static uint64_t count_raw(const bitx_model *model, uint32_t (*counts)[256])
{
    uint64_t nraw = 0;
    for (unsigned c = 0; c < model->nclasses; c++)
        for (unsigned k = 0; k < symbols_of_width(model->width); k++)
            nraw += (uint64_t)counts[c][k] * (model->shift[c] + symbol_extra(k));
    return nraw;
}

/* Symbols of the sample, one run after the other, counted; returns its raw bits. */
static uint64_t count_sample(const bitx_words *words, const sample *s, const bitx_model *model,
                             const bitx_diffs *diffs, uint32_t (*counts)[256], bool *uneven)
{
    size_t at = 0, nbytes[RAW_STRINGS_MAX];
    for (size_t from = 0; from < s->nelem; from += s->step) {
        size_t n = sample_run(s, from);
        bitx_words part = run_words(words, from, n);
        bitx_diffs to = *diffs;
        to.symbols += at;
        to.classes += at;
        bitx_words_encode(&part, model, 0, &to, nbytes);
        at += n;
    }
    bitx_histogram_pairs_u8(&counts[0][0], diffs->classes, diffs->symbols, at);
    *uneven = model->sign && is_uneven(diffs->symbols, at);
    return count_raw(model, counts);
}

/* The same where all differences and classes are there, and some chunks are those of the base. */
static uint64_t count_scaled(const bitx_words *words, const sample *s, const bitx_model *model,
                             const bitx_diffs *diffs, uint32_t (*counts)[256])
{
    size_t nbytes[RAW_STRINGS_MAX];
    for (size_t from = 0; from < s->nelem; from += s->step) {
        size_t n = sample_run(s, from);
        bitx_words part = run_words(words, from, n);
        bitx_diffs run = run_diffs(words, diffs, from);
        bitx_words_split(&part, model, 0, &run, nbytes);
        for (size_t i = 0; i < n; i++)
            if (run.classes[i] != CLASS_NONE)
                counts[run.classes[i]][run.symbols[i]]++;
    }
    return count_raw(model, counts);
}

/* n log2(n) in 1/16 bit, to 8 bits of n. */
static inline uint64_t count_log(uint32_t n)
{
    return n > 1 ? (uint64_t)n * code_log2(n) >> 12 : 0;
}

/* In the classes where it pays, differences of 0 move from symbol 0 to SYMBOL_SAME: what they lose
   in raw bits is more than it takes to tell them from the others of the symbol. */
static uint64_t sketch_same(const tally *tallies, const bitx_model *model, sketch *k)
{
    uint64_t saved = 0;
    for (unsigned c = 0; c < model->nclasses; c++) {
        uint32_t zeros = tallies[c].n - tallies[c].changed, both = k->counts[c][0];
        k->same[c] = false;
        if (!model->shift[c] || zeros <= tallies[c].n / 32 || zeros > both)
            continue;
        uint64_t raw = (uint64_t)16 * zeros * model->shift[c];
        uint64_t told = count_log(both) - count_log(zeros) - count_log(both - zeros);
        if (raw < told + 16 * 16 + tallies[c].n / 16)
            continue;
        k->same[c] = true;
        k->counts[c][SYMBOL_SAME] = zeros;
        k->counts[c][0] -= zeros;
        saved += (uint64_t)zeros * model->shift[c];
    }
    return saved;
}

/* About what a code takes, 1/16 bit. */
enum { SYMBOL_PRICE = 3 * 16, GROUP_PRICE = 24 * 16 };

static uint64_t joint_cost(const sketch *k, unsigned a, unsigned b)
{
    unsigned top = k->top[a] > k->top[b] ? k->top[a] : k->top[b];
    const uint32_t *x = k->counts[a], *y = k->counts[b];
    uint64_t cost = k->group_price, sum = 0;
    for (unsigned s = 0; s < top; s++) {
        uint32_t n = x[s] + (a == b ? 0 : y[s]);
        sum += count_log(n);
        cost += n ? k->symbol_price : 0;
    }
    sum += count_log(x[SYMBOL_SAME] + (a == b ? 0 : y[SYMBOL_SAME]));
    uint64_t all = count_log(k->total[a] + (a == b ? 0 : k->total[b]));
    return cost + (all > sum ? all - sum : 0);
}

static void tally_group(sketch *k, unsigned g, unsigned limit)
{
    k->total[g] = k->counts[g][SYMBOL_SAME];
    k->top[g] = 0;
    for (unsigned s = 0; s < limit; s++) {
        k->total[g] += k->counts[g][s];
        k->top[g] = k->counts[g][s] ? s + 1 : k->top[g];
    }
    k->cost[g] = joint_cost(k, g, g);
}

static uint64_t next_cost(const sketch *k, unsigned g)
{
    return g + 1 < k->n && k->same[g] == k->same[g + 1] ? joint_cost(k, g, g + 1) : UINT64_MAX;
}

/* The group after g becomes part of it; the others move up. */
static void join_next(sketch *k, unsigned g, bitx_model *model, unsigned limit)
{
    for (unsigned s = 0; s < 256; s++)
        k->counts[g][s] += k->counts[g + 1][s];
    size_t moved = k->n - g - 2;
    memmove(k->counts[g + 1], k->counts[g + 2], moved * sizeof(k->counts[0]));
    memmove(&k->same[g + 1], &k->same[g + 2], moved * sizeof(k->same[0]));
    memmove(&k->cost[g + 1], &k->cost[g + 2], moved * sizeof(k->cost[0]));
    memmove(&k->next[g + 1], &k->next[g + 2], moved * sizeof(k->next[0]));
    memmove(&k->top[g + 1], &k->top[g + 2], moved * sizeof(k->top[0]));
    memmove(&k->total[g + 1], &k->total[g + 2], moved * sizeof(k->total[0]));
    k->n--;
    for (unsigned c = 0; c < model->nclasses; c++)
        model->group[c] -= model->group[c] > g;
    tally_group(k, g, limit);
    k->next[g] = next_cost(k, g);
    if (g)
        k->next[g - 1] = next_cost(k, g - 1);
}

/*
 * Neighbours are joined while that loses less than a group is worth. A class and the one after the
 * next are hardly ever more alike than neighbours.
 */
static void sketch_groups(sketch *k, const economy *e, size_t sampled, uint64_t nraw,
                          bitx_model *model)
{
    unsigned limit = symbols_of_width(model->width);
    k->n = model->nclasses;
    for (unsigned c = 0; c < k->n; c++) {
        model->group[c] = (uint8_t)c;
        tally_group(k, c, limit);
    }
    for (unsigned c = 0; c < k->n; c++)
        k->next[c] = next_cost(k, c);
    uint64_t price = 16 * (uint64_t)sampled / e->least, all = 16 * nraw;
    for (unsigned c = 0; c < k->n; c++)
        all += k->cost[c];
    price = all / e->share > price ? all / e->share : price;
    for (;;) {
        unsigned best = 0;
        int64_t least = INT64_MAX;
        for (unsigned g = 0; g + 1 < k->n; g++) {
            if (k->next[g] == UINT64_MAX && (k->total[g] && k->total[g + 1]))
                continue;
            int64_t loss = !k->total[g] || !k->total[g + 1]
                               ? INT64_MIN
                               : (int64_t)(k->next[g] - k->cost[g] - k->cost[g + 1]);
            if (loss < least) {
                least = loss;
                best = g;
            }
        }
        if (least == INT64_MAX || (least > (int64_t)price && k->n <= e->groups))
            break;
        if (!k->total[best]) /* nothing of its own to keep */
            k->same[best] = k->same[best + 1];
        join_next(k, best, model, limit);
    }
    model->ngroups = k->n;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void start_model(const bitx_words *words, bitx_model *model)
{
    unsigned mantissa = words->layout.mantissa;
    memset(model, 0, offsetof(bitx_model, codes));
    model->sign = words->layout.sign;
    model->zero_bits = bitx_words_zero_bits(words);
    model->width = 8 * words->layout.unit - model->zero_bits;
    if (model->sign && mantissa > model->zero_bits)
        model->class_shift = mantissa - model->zero_bits;
}

static size_t sampled(const sample *s)
{
    size_t n = 0;
    for (size_t from = 0; from < s->nelem; from += s->step)
        n += sample_run(s, from);
    return n;
}

/* What is left once classes and their sizes are known. Returns about how many bytes the words will
   take. */
static uint64_t sketch_symbols(const bitx_words *words, const sample *s, const economy *e,
                               const tally of_class[CLASSES_MAX], const bitx_diffs *diffs,
                               bitx_model *model, bool *uneven)
{
    size_t n = sampled(s);
    uint32_t share = (uint32_t)(words->nelem / n);
    sketch_shifts(of_class, e, model);
    sketch k = {.counts = (void *)diffs->counts,
                .group_price = GROUP_PRICE / share,
                .symbol_price = SYMBOL_PRICE / share};
    memset(k.counts, 0, model->nclasses * sizeof(k.counts[0]));
    uint64_t nraw = model->scaled ? count_scaled(words, s, model, diffs, k.counts)
                                  : count_sample(words, s, model, diffs, k.counts, uneven);
    nraw -= sketch_same(of_class, model, &k);
    sketch_groups(&k, e, n, nraw, model);
    uint64_t cost = 16 * nraw;
    model->same_groups = 0;
    for (unsigned g = 0; g < k.n; g++) {
        cost += k.cost[g];
        model->same_groups |= (unsigned)k.same[g] << g;
    }
    return cost / 16 * words->nelem / n / 8;
}

uint64_t bitx_model_sketch(const bitx_words *words, bitx_effort effort, unsigned classes,
                           const bitx_diffs *diffs, bitx_model *model, bool *uneven)
{
    tally of_class[CLASSES_MAX];
    sample s = sample_of(words->nelem);
    start_model(words, model);
    tally_classes(words, &s, diffs, classes, model, of_class);
    return sketch_symbols(words, &s, &economies[effort], of_class, diffs, model, uneven);
}

uint64_t bitx_model_sketch_scaled(const bitx_words *words, bitx_effort effort,
                                  const bitx_diffs *diffs, bitx_model *model)
{
    tally of_class[CLASSES_MAX];
    sample s = sample_of(words->nelem);
    tally_sample(words, &s, model, diffs, of_class);
    return sketch_symbols(words, &s, &economies[effort], of_class, diffs, model, NULL);
}
