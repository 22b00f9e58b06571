/* Codec `float`, encoding. */
#include <string.h>

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
    bool sampled;
} fine_counts;

/* Counts of symbols that are 2^more fine ones each, from the lowest on, and their size in 1/16 bit;
   UINT64_MAX if they are too many. */
static uint64_t coarse_cost(const fine_counts *fine, unsigned more, uint32_t counts[256],
                            unsigned *low)
{
    unsigned first = fine->first >> more, last = fine->last >> more;
    if (fine->sampled) { /* with as much room as there is, above too */
        last = (fine->last + 16 < fine->top ? fine->last + 16 : fine->top) >> more;
        unsigned least = last > 255 ? last - 255 : 0;
        if (first < least)
            return UINT64_MAX;
        first = least;
    }
    memset(counts, 0, 256 * sizeof(*counts));
    if (last - first > 255)
        return UINT64_MAX;
    uint64_t table = 0;
    for (unsigned i = fine->first; i <= fine->last; i++)
        counts[(i >> more) - first] += fine->counts[i];
    for (unsigned s = 0; s < 256; s++)
        table += counts[s] ? 3 * 16 : 0;
    uint64_t cost = table + bitx_entropy(counts, 256);
    for (unsigned s = 0; fine->sampled && s <= last - first; s++)
        counts[s] = 16 * counts[s] + 1; /* whatever may come has a code */
    *low = first;
    return cost;
}

static void count_fine(const bitx_words *words, const float_model *model, uint32_t *counts,
                       unsigned shift, fine_counts *fine)
{
    unsigned unit = words->layout.unit;
    memset(counts, 0, FINE_COUNTS * sizeof(*counts));
    fine->first = FINE_COUNTS - 1;
    fine->last = 0;
    for (size_t i = 0; i < words->nelem; i++) {
        uint64_t v = fold(model, word_load(words->src, i, unit) >> model->zero_bits) >> shift;
        unsigned at = v < FINE_COUNTS ? (unsigned)v : FINE_COUNTS - 1;
        counts[at]++;
        fine->first = at < fine->first ? at : fine->first;
        fine->last = at > fine->last ? at : fine->last;
    }
    fine->top = model->width - shift < 14 ? (1u << (model->width - shift)) - 1 : FINE_COUNTS - 1;
    fine->counts = counts;
}

static void choose_symbols(const bitx_words *words, bitx_effort effort, bool sampled,
                           const float_memory *m, float_model *model)
{
    unsigned finest = finest_shift(words, model);
    fine_counts fine = {.sampled = sampled};
    count_fine(words, model, m->counts, finest, &fine);
    /* A level more of the tree is worth 1/64 bit of every element. */
    uint64_t n = words->nelem, level = effort == BITX_EFFORT_MAX ? 0 : n / 4;
    uint64_t best = UINT64_MAX;
    unsigned best_more = 0, low = 0;
    uint32_t counts[256];
    for (unsigned more = 0; more < 14 && finest + more < model->width; more++) {
        uint64_t cost = coarse_cost(&fine, more, counts, &low);
        if (cost == UINT64_MAX)
            continue;
        cost += more * (16 * n - level);
        if (cost < best) {
            best = cost;
            best_more = more;
        }
    }
    coarse_cost(&fine, best_more, counts, &low);
    model->shift = finest + best_more;
    model->low = low;
    uint8_t lengths[256];
    bitx_code_lengths(counts, lengths);
    bitx_code_from_lengths(&model->code, lengths, SYMBOL_BITS_MAX);
    bitx_code_choose_planes(&model->code, counts, effort);
}

static void make_model(const bitx_words *words, bitx_dtype dtype, bitx_effort effort, bool sampled,
                       const float_memory *m, float_model *model)
{
    memset(model, 0, sizeof(*model));
    model->fold = bitx_float_fold_of(dtype);
    model->zero_bits = bitx_words_zero_bits(words);
    model->width = 8 * words->layout.unit - model->zero_bits;
    choose_symbols(words, effort, sampled, m, model);
}

/* ---- encoding ------------------------------------------------------------------------------ */

/* Ranks to the list and raw bits; false if a symbol has no code. */
static inline __attribute__((always_inline)) bool split_words(const bitx_words *words,
                                                              const float_model *given,
                                                              const float_memory *m,
                                                              bit_writer *raw, unsigned unit)
{
    uint16_t ranks[257];
    for (unsigned s = 0; s < 257; s++)
        ranks[s] = 0xffff;
    for (unsigned i = 0; i < given->code.nsymbols; i++)
        ranks[given->code.symbol[i]] = (uint16_t)i;
    const float_model *model = given;
    unsigned missing = 0, shift = model->shift, zero_bits = model->zero_bits;
    for (size_t i = 0; i < words->nelem; i++) {
        uint64_t v = fold(model, word_load(words->src, i, unit) >> zero_bits);
        uint64_t symbol = (v >> shift) - model->low;
        unsigned rank = ranks[symbol < 256 ? symbol : 256];
        missing |= rank;
        m->list[i] = (uint8_t)rank;
        bits_put(raw, v, shift);
    }
    return missing < 0xffff;
}

static bool encode_words(bit_writer *w, const bitx_words *words, const float_model *model,
                         const float_memory *m)
{
    size_t unit = words->layout.unit;
    bit_writer raw = {.dst = m->raw, .cap = words->nelem * unit + 8};
    bool coded = unit == 1   ? split_words(words, model, m, &raw, 1)
                 : unit == 2 ? split_words(words, model, m, &raw, 2)
                 : unit == 4 ? split_words(words, model, m, &raw, 4)
                             : split_words(words, model, m, &raw, 8);
    if (!coded)
        return false;
    bitx_tree_encode(w, &model->code, m->list, m->other, words->nelem, m->arena);
    bits_flush(w);
    bits_flush(&raw);
    if (raw.nbytes > w->cap - w->nbytes || raw.full) {
        w->full = true;
        return true;
    }
    memcpy(w->dst + w->nbytes, raw.dst, raw.nbytes);
    w->nbytes += raw.nbytes;
    return true;
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
    if (!shared || bitx_words_zero_bits(&words) < shared->zero_bits ||
        !encode_words(&w, &words, shared, &m)) {
        float_model model;
        make_model(&words, span->dtype, tuning->effort, false, &m, &model);
        w = (bit_writer){.dst = dst + 1, .cap = cap - 1 - ntail};
        write_model(&w, &model);
        bits_flush(&w);
        dst[0] = FORM_OWN;
        if (!encode_words(&w, &words, &model, &m))
            return BITX_ERR_DST_SIZE;
    }
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
    make_model(&words, sample->span.dtype, tuning->effort, true, &m, &model);
    bit_writer w = {.dst = section, .cap = FLOAT_MODEL_MAX_NBYTES};
    write_model(&w, &model);
    bits_flush(&w);
    return w.full ? 0 : w.nbytes;
}
