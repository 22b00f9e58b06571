/*
 * Codec `delta`: elements given those of a base. Every difference is a symbol, coded in the group
 * of its base's exponent, and raw bits, as many as the exponent and the symbol say.
 *
 * Payload: u8 form; in FORM_OWN a model, else that of the frame's tables; trees of scales and of
 * all groups; raw bits of all elements in order; the bytes that fill no element. Model, trees and
 * raw bits end at a byte each.
 */
#include <string.h>

#include "carve.h"
#include "plan.h"
#include "tree.h"

enum { FORM_SHARED = 0, FORM_OWN = 1, FORM_UNCHANGED = 2, MODEL_MAX_NBYTES = 1 << 11 };

static bool delta_accepts(bitx_dtype dtype, bool has_base)
{
    (void)dtype;
    return has_base;
}

/* ---- memory -------------------------------------------------------------------------------- */

typedef struct delta_memory {
    bitx_diffs diffs;
    uint8_t *list, *other; /* nelem and one */
    uint8_t *raw;          /* nelem units and 8 bytes */
    bitx_arena arena;
} delta_memory;

static size_t delta_scratch_nbytes(bitx_dtype dtype, size_t block_nbytes)
{
    size_t unit = bitx_layout_of(dtype).unit;
    size_t nelem = block_nbytes / unit + 1;
    return 2 * carved(nelem * unit + 8) + 4 * carved(nelem + 1) +
           carved(PLAN_COUNTS * sizeof(uint32_t)) + carved(bitx_tree_arena_nbytes(nelem));
}

static delta_memory divide(const bitx_work *work, size_t nelem, size_t unit)
{
    uint8_t *at = work->scratch;
    delta_memory m;
    m.diffs.differences = carve(&at, nelem * unit + 8);
    m.raw = carve(&at, nelem * unit + 8);
    m.diffs.classes = carve(&at, nelem);
    m.diffs.scales = carve(&at, nelem);
    m.list = carve(&at, nelem + 1);
    m.other = carve(&at, nelem + 1);
    m.diffs.counts = (void *)carve(&at, PLAN_COUNTS * sizeof(uint32_t));
    m.arena = (bitx_arena){at, bitx_tree_arena_nbytes(nelem)};
    return m;
}

static bitx_words words_of(const bitx_span *span, const uint8_t *src)
{
    bitx_layout layout = bitx_layout_of(span->dtype);
    return (bitx_words){layout, src, span->base, span->nbytes / layout.unit,
                        span->base_nbytes / layout.unit};
}

/* Elements of every group, from the classes. */
static void count_groups(const bitx_model *model, const uint8_t *classes, size_t nelem,
                         size_t sizes[CLASSES_MAX])
{
    size_t of_class[256] = {0};
    for (size_t i = 0; i < nelem; i++)
        of_class[classes[i]]++;
    memset(sizes, 0, CLASSES_MAX * sizeof(*sizes));
    for (unsigned c = 0; c < model->nclasses; c++)
        sizes[model->group[c]] += of_class[c];
}

/* ---- encoding ------------------------------------------------------------------------------ */

enum { RANK_NONE = 0xffff };

static void ranks_of(const bitx_code *code, uint16_t ranks[256])
{
    for (unsigned s = 0; s < 256; s++)
        ranks[s] = RANK_NONE;
    for (unsigned i = 0; i < code->nsymbols; i++)
        ranks[code->symbol[i]] = (uint16_t)i;
}

/* Symbols to the groups' lists and raw bits to m->raw; false if a symbol has no code. */
static inline __attribute__((always_inline)) bool split_words(const bitx_model *model,
                                                              const delta_memory *m, size_t nelem,
                                                              uint8_t *lists[CLASSES_MAX],
                                                              bit_writer *raw, unsigned unit)
{
    uint16_t ranks[CLASSES_MAX][256];
    for (unsigned g = 0; g < model->ngroups; g++)
        ranks_of(&model->codes[g], ranks[g]);
    unsigned width = model->width, missing = 0;
    for (size_t i = 0; i < nelem; i++) {
        unsigned c = m->diffs.classes[i];
        if (c == CLASS_NONE)
            continue;
        unsigned g = model->group[c];
        int64_t d = word_signed(word_load(m->diffs.differences, i, unit), 8 * unit);
        difference_parts parts = difference_split(d, model->shift[c], width);
        if (d == 0 && ranks[g][SYMBOL_SAME] != RANK_NONE)
            parts = (difference_parts){SYMBOL_SAME, 0, 0};
        unsigned rank = ranks[g][parts.symbol];
        missing |= rank;
        *lists[g]++ = (uint8_t)rank;
        bits_put(raw, parts.raw, parts.nraw);
    }
    return missing < RANK_NONE;
}

static bool split_elements(const bitx_words *words, const bitx_model *model, const delta_memory *m,
                           uint8_t *lists[CLASSES_MAX], bit_writer *raw)
{
    switch (words->layout.unit) {
    case 1:
        return split_words(model, m, words->nelem, lists, raw, 1);
    case 2:
        return split_words(model, m, words->nelem, lists, raw, 2);
    case 4:
        return split_words(model, m, words->nelem, lists, raw, 4);
    default:
        return split_words(model, m, words->nelem, lists, raw, 8);
    }
}

static void encode_scales(bit_writer *w, const bitx_model *model, const delta_memory *m,
                          size_t nelem)
{
    uint16_t ranks[256];
    size_t chunk = (size_t)1 << model->chunk_log2;
    size_t n = (nelem + chunk - 1) / chunk;
    ranks_of(&model->scales, ranks);
    for (size_t i = 0; i < n; i++)
        m->list[i] = (uint8_t)ranks[m->diffs.scales[i]];
    bitx_tree_encode(w, &model->scales, m->list, m->other, n, m->arena);
}

/* Trees and raw bits; false if the model has no code for something. */
static bool encode_words(bit_writer *w, const bitx_words *words, const bitx_model *model,
                         const delta_memory *m)
{
    size_t sizes[CLASSES_MAX];
    uint8_t *lists[CLASSES_MAX], *ends[CLASSES_MAX];
    if (model->scaled)
        encode_scales(w, model, m, words->nelem);
    count_groups(model, m->diffs.classes, words->nelem, sizes);
    size_t at = 0;
    for (unsigned g = 0; g < model->ngroups; g++) {
        lists[g] = ends[g] = m->list + at;
        at += sizes[g];
    }
    size_t unit = words->layout.unit;
    bit_writer raw = {.dst = m->raw, .cap = words->nelem * unit + 8};
    if (!split_elements(words, model, m, ends, &raw))
        return false;
    for (unsigned g = 0; g < model->ngroups; g++)
        bitx_tree_encode(w, &model->codes[g], lists[g], m->other, sizes[g], m->arena);
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

/* Whether a model that was made for other elements can do these. */
static bool fits(const bitx_model *model, const bitx_words *words)
{
    return bitx_words_zero_bits(words) >= model->zero_bits;
}

static bool encode_shared(bit_writer *w, const bitx_words *words, const bitx_model *model,
                          const delta_memory *m)
{
    if (!model || !fits(model, words))
        return false;
    if (model->scaled)
        bitx_words_scale(words, model, &m->diffs);
    else
        bitx_words_diff(words, model, &m->diffs);
    return encode_words(w, words, model, m);
}

static void encode_own(bit_writer *w, const bitx_words *words, bitx_effort effort,
                       const delta_memory *m)
{
    bitx_model model;
    bitx_model_plan(words, effort, false, &m->diffs, &model);
    bitx_model_write(w, &model);
    bits_flush(w);
    encode_words(w, words, &model, m);
}

static bool unchanged(const bitx_words *words)
{
    return words->nbased == words->nelem &&
           memcmp(words->src, words->base, words->nelem * words->layout.unit) == 0;
}

/* Everything between the form and the bytes at the end. */
static size_t encode_body(const bitx_words *words, const bitx_span *span, bitx_effort effort,
                          const delta_memory *m, uint8_t *dst, size_t cap, unsigned *form)
{
    bit_writer w = {.dst = dst, .cap = cap};
    *form = FORM_UNCHANGED;
    if (unchanged(words))
        return 0;
    *form = FORM_SHARED;
    if (encode_shared(&w, words, span->tables, m) && effort != BITX_EFFORT_MAX)
        return w.full ? SIZE_MAX : w.nbytes;
    size_t shared = span->tables && !w.full && w.nbytes ? w.nbytes : SIZE_MAX;
    w = (bit_writer){.dst = dst, .cap = cap < shared ? cap : shared - 1};
    encode_own(&w, words, effort, m);
    *form = FORM_OWN;
    if (!w.full || shared == SIZE_MAX)
        return w.full ? SIZE_MAX : w.nbytes;
    *form = FORM_SHARED;
    w = (bit_writer){.dst = dst, .cap = cap};
    encode_shared(&w, words, span->tables, m);
    return w.nbytes;
}

static bitx_status delta_encode(const bitx_work *work, const bitx_tuning *tuning,
                                const bitx_span *span, const uint8_t *src, uint8_t *dst, size_t cap,
                                size_t *payload_nbytes)
{
    bitx_words words = words_of(span, src);
    size_t ntail = span->nbytes % words.layout.unit;
    if (cap < 1 + ntail)
        return BITX_ERR_DST_SIZE;
    delta_memory m = divide(work, words.nelem, words.layout.unit);
    unsigned form = FORM_UNCHANGED;
    size_t n = encode_body(&words, span, tuning->effort, &m, dst + 1, cap - 1 - ntail, &form);
    if (n == SIZE_MAX)
        return BITX_ERR_DST_SIZE;
    dst[0] = (uint8_t)form;
    memcpy(dst + 1 + n, src + span->nbytes - ntail, ntail);
    *payload_nbytes = 1 + n + ntail;
    return BITX_OK;
}

/* ---- decoding ------------------------------------------------------------------------------ */

static inline uint64_t base_word(const bitx_words *words, const bitx_model *model, size_t i,
                                 unsigned unit)
{
    return (i < words->nbased ? word_load(words->base, i, unit) : 0) >> model->zero_bits;
}

/* classes[from .. to) of the base alone. */
static inline __attribute__((always_inline)) void classify(const bitx_words *words,
                                                           const bitx_model *model,
                                                           uint8_t *classes, size_t from, size_t to,
                                                           unsigned up, unsigned unit)
{
    const bitx_model m = *model;
    for (size_t i = from; i < to; i++)
        classes[i] = (uint8_t)model_class(&m, word_origin(&m, base_word(words, &m, i, unit)), up);
}

static void classify_range(const bitx_words *words, const bitx_model *model, uint8_t *classes,
                           size_t from, size_t to, unsigned up)
{
    switch (words->layout.unit) {
    case 1:
        classify(words, model, classes, from, to, up, 1);
        break;
    case 2:
        classify(words, model, classes, from, to, up, 2);
        break;
    case 4:
        classify(words, model, classes, from, to, up, 4);
        break;
    default:
        classify(words, model, classes, from, to, up, 8);
        break;
    }
}

static void decode_classes(bit_reader *r, const bitx_words *words, const bitx_model *model,
                           const delta_memory *m)
{
    uint8_t *classes = m->diffs.classes, *scales = m->diffs.scales;
    if (!model->scaled) {
        classify_range(words, model, classes, 0, words->nelem, 0);
        return;
    }
    size_t chunk = (size_t)1 << model->chunk_log2;
    size_t n = (words->nelem + chunk - 1) / chunk;
    bitx_tree_decode(r, &model->scales, scales, m->other, n, m->arena);
    for (size_t i = 0; i < n && !r->bad; i++) {
        size_t from = i * chunk, to = words->nelem - from < chunk ? words->nelem : from + chunk;
        if (scales[i] == SCALE_SAME)
            memset(classes + from, CLASS_NONE, to - from);
        else
            classify_range(words, model, classes, from, to, SCALE_MAX - scales[i]);
    }
}

/* Elements from symbols and raw bits, from r->pos on. */
static inline __attribute__((always_inline)) void
join_words(bit_reader *r, const bitx_words *words, const bitx_model *model,
           const uint8_t *const lists[CLASSES_MAX], const uint8_t *classes, uint8_t *dst,
           unsigned unit)
{
    const uint8_t *at[CLASSES_MAX];
    memcpy(at, lists, sizeof(at));
    size_t pos = r->pos;
    bool bad = false;
    for (size_t i = 0; i < words->nelem; i++) {
        uint64_t base = base_word(words, model, i, unit);
        unsigned c = classes[i];
        int64_t d = 0;
        if (c != CLASS_NONE) {
            unsigned symbol = *at[model->group[c]]++;
            unsigned shift = model->shift[c];
            unsigned extra = symbol_extra(symbol);
            if (symbol != SYMBOL_SAME) {
                unsigned n = shift + extra;
                bad |= extra && n > model->width - 2;
                n &= 63;
                d = difference_join(symbol, extra & 63,
                                    bits_low(bits_peek(r->src, r->nbytes, pos), n), shift);
                pos += n;
            }
        }
        word_store(dst, i, unit, word_restore(model, d, base) << model->zero_bits);
    }
    r->pos = pos;
    r->bad |= bad || pos > 8 * r->nbytes;
}

static void join_elements(bit_reader *r, const bitx_words *words, const bitx_model *model,
                          const uint8_t *const lists[CLASSES_MAX], const uint8_t *classes,
                          uint8_t *dst)
{
    switch (words->layout.unit) {
    case 1:
        join_words(r, words, model, lists, classes, dst, 1);
        break;
    case 2:
        join_words(r, words, model, lists, classes, dst, 2);
        break;
    case 4:
        join_words(r, words, model, lists, classes, dst, 4);
        break;
    default:
        join_words(r, words, model, lists, classes, dst, 8);
        break;
    }
}

static void decode_words(bit_reader *r, const bitx_words *words, const bitx_model *model,
                         const delta_memory *m, uint8_t *dst)
{
    size_t sizes[CLASSES_MAX];
    const uint8_t *lists[CLASSES_MAX];
    decode_classes(r, words, model, m);
    if (r->bad)
        return;
    count_groups(model, m->diffs.classes, words->nelem, sizes);
    size_t at = 0;
    for (unsigned g = 0; g < CLASSES_MAX; g++) {
        lists[g] = m->list + at;
        if (g < model->ngroups && !r->bad)
            bitx_tree_decode(r, &model->codes[g], m->list + at, m->other, sizes[g], m->arena);
        at += sizes[g];
    }
    bits_align(r);
    if (r->bad)
        return;
    join_elements(r, words, model, lists, m->diffs.classes, dst);
    bits_align(r);
}

static void copy_base(const bitx_words *words, uint8_t *dst)
{
    size_t unit = words->layout.unit;
    if (words->nbased)
        memcpy(dst, words->base, words->nbased * unit);
    memset(dst + words->nbased * unit, 0, (words->nelem - words->nbased) * unit);
}

static bitx_status delta_decode(const bitx_work *work, const bitx_span *span, uint8_t *dst,
                                const uint8_t *payload, size_t payload_nbytes)
{
    bitx_words words = words_of(span, NULL);
    size_t ntail = span->nbytes % words.layout.unit;
    memset(dst, 0, span->nbytes);
    if (payload_nbytes < 1 + ntail)
        return BITX_ERR_CORRUPT;
    size_t end = payload_nbytes - ntail;
    memcpy(dst + span->nbytes - ntail, payload + end, ntail);
    if (payload[0] == FORM_UNCHANGED) {
        copy_base(&words, dst);
        return end == 1 ? BITX_OK : BITX_ERR_CORRUPT;
    }
    bit_reader r = {.src = payload + 1, .nbytes = end - 1};
    bitx_model own;
    const bitx_model *model = span->tables;
    if (payload[0] == FORM_OWN) {
        bitx_model_read(&r, &words.layout, &own);
        bits_align(&r);
        model = &own;
    }
    if (payload[0] > FORM_OWN || !model || r.bad)
        return BITX_ERR_CORRUPT;
    delta_memory m = divide(work, words.nelem, words.layout.unit);
    decode_words(&r, &words, model, &m, dst);
    return !r.bad && r.pos == 8 * r.nbytes ? BITX_OK : BITX_ERR_CORRUPT;
}

/* ---- tables -------------------------------------------------------------------------------- */

static size_t delta_tables_plan(const bitx_work *work, const bitx_tuning *tuning,
                                const bitx_sample *sample, uint8_t *section)
{
    if (sample->nbytes <= sample->block_nbytes)
        return 0; /* a model of its own for the only block */
    bitx_words words = words_of(&sample->span, sample->src);
    delta_memory m = divide(work, words.nelem, words.layout.unit);
    bitx_model model;
    bitx_model_plan(&words, tuning->effort, true, &m.diffs, &model);
    bit_writer w = {.dst = section, .cap = MODEL_MAX_NBYTES};
    bitx_model_write(&w, &model);
    bits_flush(&w);
    return w.full ? 0 : w.nbytes;
}

static bitx_status delta_tables_parse(bitx_dtype dtype, const uint8_t *section, size_t nbytes,
                                      void *object)
{
    bitx_layout layout = bitx_layout_of(dtype);
    bit_reader r = {.src = section, .nbytes = nbytes};
    bitx_model_read(&r, &layout, object);
    bits_align(&r);
    return !r.bad && r.pos == 8 * nbytes ? BITX_OK : BITX_ERR_CORRUPT;
}

const bitx_block_codec bitx_codec_delta = {
    .id = BITX_CODEC_DELTA,
    .uses_base = true,
    .accepts = delta_accepts,
    .scratch_nbytes = delta_scratch_nbytes,
    .encode = delta_encode,
    .decode = delta_decode,
    .tables_max_nbytes = MODEL_MAX_NBYTES,
    .tables_object_nbytes = sizeof(bitx_model),
    .tables_plan = delta_tables_plan,
    .tables_parse = delta_tables_parse,
};
