/* Codec `float`, encoding. */
#include <string.h>

#include "bitx/kernels.h"
#include "float.h"

enum {
    FINE_MANTISSA = 2 /* bits of mantissa, besides the exponent, in the finest symbols tried */
};

static inline uint64_t fold(const float_model *model, uint64_t x)
{
    unsigned top = model->width - 1;
    switch (model->fold) {
    case FOLD_SIGN:
        return bits_low(x << 1, model->width) | x >> top;
    case FOLD_INTEGER:
        return bits_low(x << 1 ^ (0 - (x >> top)), model->width);
    default:
        return x;
    }
}

/* ---- models ---- */

static void write_model(bit_writer *w, const float_model *model)
{
    bits_put_number(w, model->zero_bits);
    bits_put(w, model->shift, 6);
    bits_put_number(w, model->low);
    bitx_code_write(w, &model->code, 256, false);
}

/* Bits below what is counted: the exponent and FINE_MANTISSA bits of floats, at most 14 of others.
 */
static unsigned finest_shift(const bitx_words *words, const float_model *model)
{
    unsigned mantissa = words->layout.mantissa;
    if (model->fold == FOLD_SIGN)
        return mantissa + 1 > model->zero_bits + FINE_MANTISSA
                   ? mantissa + 1 - model->zero_bits - FINE_MANTISSA
                   : 0;
    uint64_t any = 0;
    for (size_t i = 0; i < words->nelem; i++)
        any |= fold(model, word_load(words->src, i, words->layout.unit) >> model->zero_bits);
    unsigned nbits = any ? bits_log2(any) + 1 : 1;
    return nbits > 14 ? nbits - 14 : 0;
}

/* What was counted, by the finest symbols. */
typedef struct fine_counts {
    const uint32_t *counts;
    unsigned first, last, top; /* seen, and possible */
    size_t nelem;              /* counted */
    bool roomy;                /* whatever may come shall have a code */
} fine_counts;

/* Counts of symbols that are 2^more fine ones each, from the lowest on, and their size in 1/16 bit
   (UINT64_MAX if they are too many) besides *table, that of the code. */
static uint64_t coarse_cost(const fine_counts *fine, unsigned more, uint32_t counts[256],
                            unsigned *low, uint64_t *table)
{
    unsigned first = fine->first >> more, last = fine->last >> more;
    if (fine->roomy) { /* with as much room as there is, above too */
        last = (fine->last + 16 < fine->top ? fine->last + 16 : fine->top) >> more;
        unsigned least = last > 255 ? last - 255 : 0;
        if (first < least)
            return UINT64_MAX;
        first = least;
    }
    memset(counts, 0, 256 * sizeof(*counts));
    if (last - first > 255)
        return UINT64_MAX;
    *table = 0;
    for (unsigned i = fine->first; i <= fine->last; i++)
        counts[(i >> more) - first] += fine->counts[i];
    for (unsigned s = 0; s < 256; s++)
        *table += counts[s] ? 3 * 16 : 0;
    uint64_t cost = bitx_entropy(counts, 256);
    for (unsigned s = 0; fine->roomy && s <= last - first; s++)
        counts[s] = 16 * counts[s] + 1;
    *low = first;
    return cost;
}

/* Runs of elements at equal distances, or all of them. */
typedef struct float_sample {
    size_t run, step;
} float_sample;

static float_sample sample_of(size_t nelem, bitx_effort effort)
{
    enum { RUN = 256, LEAST = 1 << 12 };
    size_t n = nelem / 32 < LEAST ? LEAST : nelem / 32;
    if (nelem <= n || effort == BITX_EFFORT_MAX)
        return (float_sample){nelem, nelem};
    return (float_sample){RUN, nelem / (n / RUN)};
}

static inline __attribute__((always_inline)) void
count_runs(const bitx_words *words, const float_model *model, float_sample sample, uint32_t *counts,
           unsigned shift, fine_counts *fine, unsigned unit)
{
    for (size_t from = 0; from < words->nelem; from += sample.step) {
        size_t left = words->nelem - from, n = left < sample.run ? left : sample.run;
        for (size_t i = from; i < from + n; i++) {
            uint64_t v = fold(model, word_load(words->src, i, unit) >> model->zero_bits) >> shift;
            counts[v < fine->top ? (unsigned)v : fine->top]++;
        }
        fine->nelem += n;
    }
}

static void count_fine(const bitx_words *words, const float_model *model, float_sample sample,
                       uint32_t *counts, unsigned shift, fine_counts *fine)
{
    unsigned unit = words->layout.unit, bits = model->width - shift;
    fine->top = bits < 14 ? (1u << bits) - 1 : FINE_COUNTS - 1;
    fine->counts = counts;
    fine->nelem = 0;
    memset(counts, 0, (fine->top + 1) * sizeof(*counts));
    if (unit == 1)
        count_runs(words, model, sample, counts, shift, fine, 1);
    else if (unit == 2)
        count_runs(words, model, sample, counts, shift, fine, 2);
    else if (unit == 4)
        count_runs(words, model, sample, counts, shift, fine, 4);
    else
        count_runs(words, model, sample, counts, shift, fine, 8);
    fine->first = fine->top;
    fine->last = 0;
    for (unsigned i = 0; i <= fine->top && fine->nelem; i++) {
        if (!counts[i])
            continue;
        fine->first = i < fine->first ? i : fine->first;
        fine->last = i;
    }
}

/* Shift and lowest symbol of a model, and counts of its symbols. */
static void choose_shift(const bitx_words *words, bitx_effort effort, float_sample sample,
                         fine_counts *fine, uint32_t counts[256], const float_memory *m,
                         float_model *model)
{
    unsigned finest = finest_shift(words, model);
    count_fine(words, model, sample, m->counts, finest, fine);
    /* A level more of the tree is worth 1/64 bit of every element. */
    uint64_t n = fine->nelem, level = effort == BITX_EFFORT_MAX ? 0 : n / 4;
    uint64_t best = UINT64_MAX, table = 0, share = n ? words->nelem / n : 1;
    unsigned best_more = 0, low = 0;
    for (unsigned more = 0; more < 14 && finest + more < model->width; more++) {
        uint64_t raw = more * (16 * n - level);
        if (raw > best)
            break;
        uint64_t cost = coarse_cost(fine, more, counts, &low, &table);
        if (cost == UINT64_MAX)
            continue;
        cost += raw + table / share;
        if (cost < best) {
            best = cost;
            best_more = more;
        }
    }
    coarse_cost(fine, best_more, counts, &low, &table);
    model->shift = finest + best_more;
    model->low = low;
}

/* The counts' sum is `counted` for `nelem` elements; 0 for as many. */
static void make_code(uint32_t counts[256], size_t nelem, size_t counted, bitx_effort effort,
                      bitx_code *code)
{
    uint8_t lengths[256];
    bitx_code_lengths(counts, lengths);
    bitx_code_from_lengths(code, lengths, SYMBOL_BITS_MAX);
    for (unsigned s = 0; s < 256 && counted; s++)
        counts[s] = (uint32_t)((uint64_t)counts[s] * nelem / counted);
    bitx_code_choose_planes(code, counts, effort);
}

static void start_model(const bitx_words *words, bitx_dtype dtype, float_model *model)
{
    memset(model, 0, sizeof(*model));
    model->fold = bitx_float_fold_of(dtype);
    model->zero_bits = bitx_words_zero_bits(words);
    model->width = 8 * words->layout.unit - model->zero_bits;
}

/* ---- encoding ------------------------------------------------------------------------------ */

static inline __attribute__((always_inline)) bool split_range(const bitx_words *words,
                                                              const float_model *given,
                                                              uint8_t *symbols, bit_writer *raw,
                                                              unsigned unit)
{
    const float_model *model = given;
    uint64_t above = 0, low = model->low;
    unsigned shift = model->shift, zero_bits = model->zero_bits;
    for (size_t i = 0; i < words->nelem; i++) {
        uint64_t v = fold(model, word_load(words->src, i, unit) >> zero_bits);
        uint64_t symbol = (v >> shift) - low;
        above |= symbol;
        symbols[i] = (uint8_t)symbol;
        bits_put(raw, v, shift);
    }
    return above < 256;
}

static bool split_words16(const bitx_words *words, const float_model *model, const float_memory *m)
{
    bitx_float_params p = {.width = model->width,
                           .zero_bits = model->zero_bits,
                           .fold = (unsigned)model->fold,
                           .shift = model->shift,
                           .low = (unsigned)model->low};
    return bitx_float_split_u16(m->list, m->raw, words->src, words->nelem, &p) == 0;
}

/* Symbols to the list, and raw bits; false if a symbol is not 0 to 255. */
static bool split_words(const bitx_words *words, const float_model *model, const float_memory *m)
{
    size_t unit = words->layout.unit;
    bit_writer raw = {.dst = m->raw, .cap = words->nelem * unit + 8};
    if (unit == 2)
        return split_words16(words, model, m);
    bool fit = unit == 1   ? split_range(words, model, m->list, &raw, 1)
               : unit == 4 ? split_range(words, model, m->list, &raw, 4)
                           : split_range(words, model, m->list, &raw, 8);
    bits_flush(&raw);
    return fit;
}

/* Symbols to ranks, where symbol s of the list is s - first of the code; false if one has none. */
static bool rank_symbols(const bitx_code *code, unsigned first, uint8_t *list, size_t nelem)
{
    uint8_t ranks[256];
    memset(ranks, 255, sizeof(ranks));
    for (unsigned i = 0; i < code->nsymbols; i++)
        if (first + code->symbol[i] < 256)
            ranks[first + code->symbol[i]] = (uint8_t)i;
    bitx_map_u8(list, list, ranks, nelem);
    return code->nsymbols == 256 || !memchr(list, 255, nelem);
}

/* Of words that were split, and ranked. */
static void write_words(bit_writer *w, size_t nelem, const float_model *model,
                        const float_memory *m)
{
    size_t nraw = (nelem * model->shift + 7) / 8;
    bitx_tree_encode(w, &model->code, m->list, m->other, nelem, m->arena);
    bits_flush(w);
    if (w->full || nraw > w->cap - w->nbytes) {
        w->full = true;
        return;
    }
    memcpy(w->dst + w->nbytes, m->raw, nraw);
    w->nbytes += nraw;
}

/* Counts from the lowest symbol of the list on, which is returned. Where some of the list was not
   counted, all symbols of its range get a code, as if seen a sixteenth time, and *counted is about
   the sum of counts; else it is 0. */
static unsigned count_symbols(const float_memory *m, size_t nelem, bitx_effort effort,
                              uint32_t counts[256], size_t *counted)
{
    uint8_t first = nelem ? 255 : 0, last = 0;
    *counted = 0;
    for (size_t i = 0; i < nelem; i++) {
        uint8_t s = m->list[i];
        first = s < first ? s : first;
        last = s > last ? s : last;
    }
    memset(counts, 0, 256 * sizeof(*counts));
    if (effort == BITX_EFFORT_MAX)
        bitx_histogram_u8(counts, m->list, nelem);
    else
        *counted = bitx_count_list(m->list, nelem, m->other, counts);
    if (*counted == nelem)
        *counted = 0;
    for (unsigned s = first; s <= last && *counted; s++)
        counts[s] = 16 * counts[s] + 1;
    *counted *= 16;
    memmove(counts, counts + first, (256u - first) * sizeof(*counts));
    memset(counts + 256 - first, 0, first * sizeof(*counts));
    return first;
}

/*
 * A model for these words alone, which are split and ranked. A sample says what is a symbol; all
 * symbols are counted then. They are put where the sample leaves room on both sides; if that is too
 * little, all words are looked at.
 */
static bool split_by_own(const bitx_words *words, bitx_dtype dtype, bitx_effort effort,
                         const float_memory *m, float_model *model)
{
    enum { ABOVE = 16 };
    uint32_t counts[256];
    fine_counts fine = {.roomy = false};
    float_sample sample = sample_of(words->nelem, effort);
    start_model(words, dtype, model);
    choose_shift(words, effort, sample, &fine, counts, m, model);
    if (fine.nelem < words->nelem) {
        unsigned more = model->shift - finest_shift(words, model);
        unsigned spare = 255 - ((fine.last >> more) - (fine.first >> more));
        unsigned below = spare > ABOVE ? spare - ABOVE : 0;
        model->low -= model->low < below ? model->low : below;
    }
    if (!split_words(words, model, m)) {
        if (fine.nelem == words->nelem)
            return false;
        sample = (float_sample){words->nelem, words->nelem};
        choose_shift(words, effort, sample, &fine, counts, m, model);
        if (!split_words(words, model, m))
            return false;
    }
    size_t counted;
    unsigned first = count_symbols(m, words->nelem, effort, counts, &counted);
    model->low += first;
    make_code(counts, words->nelem, counted, effort, &model->code);
    return rank_symbols(&model->code, first, m->list, words->nelem);
}

bitx_status bitx_float_encode(const bitx_work *work, const bitx_tuning *tuning,
                              const bitx_span *span, const uint8_t *src, uint8_t *dst, size_t cap,
                              size_t *payload_nbytes)
{
    bitx_words words = bitx_float_words(span, src);
    size_t ntail = span->nbytes % words.layout.unit;
    if (cap < 1 + ntail)
        return BITX_ERR_DST_SIZE;
    float_memory m = bitx_float_divide(work, words.nelem, words.layout.unit);
    const float_model *shared = span->tables;
    bit_writer w = {.dst = dst + 1, .cap = cap - 1 - ntail};
    dst[0] = FORM_SHARED;
    float_model own;
    const float_model *model = shared;
    if (!shared || bitx_words_zero_bits(&words) < shared->zero_bits ||
        !split_words(&words, shared, &m) || !rank_symbols(&shared->code, 0, m.list, words.nelem)) {
        if (!split_by_own(&words, span->dtype, tuning->effort, &m, &own))
            return BITX_ERR_DST_SIZE;
        model = &own;
        dst[0] = FORM_OWN;
        write_model(&w, model);
        bits_flush(&w);
    }
    write_words(&w, words.nelem, model, &m);
    if (w.full)
        return BITX_ERR_DST_SIZE;
    memcpy(dst + 1 + w.nbytes, src + span->nbytes - ntail, ntail);
    *payload_nbytes = 1 + w.nbytes + ntail;
    return BITX_OK;
}

size_t bitx_float_tables_plan(const bitx_work *work, const bitx_tuning *tuning,
                              const bitx_sample *sample, uint8_t *section)
{
    if (sample->nbytes <= sample->block_nbytes)
        return 0; /* a model of its own for the only block */
    bitx_words words = bitx_float_words(&sample->span, sample->src);
    float_memory m = bitx_float_divide(work, words.nelem, words.layout.unit);
    float_model model;
    uint32_t counts[256];
    fine_counts fine = {.roomy = true};
    start_model(&words, sample->span.dtype, &model);
    choose_shift(&words, tuning->effort, (float_sample){words.nelem, words.nelem}, &fine, counts,
                 &m, &model);
    make_code(counts, 0, 0, tuning->effort, &model.code);
    bit_writer w = {.dst = section, .cap = FLOAT_MODEL_MAX_NBYTES};
    write_model(&w, &model);
    bits_flush(&w);
    return w.full ? 0 : w.nbytes;
}
