/* Codec `delta`, encoding. */
#include <string.h>

#include "bitx/kernels.h"
#include "bytes.h"
#include "delta.h"

/* False if the code lacks one of the symbols below limit. */
static bool ranks_of(const bitx_code *code, unsigned limit, uint8_t ranks[256])
{
    unsigned n = 0;
    memset(ranks, 0, 256);
    for (unsigned i = 0; i < code->nsymbols; i++) {
        ranks[code->symbol[i]] = (uint8_t)i;
        n += code->symbol[i] < limit;
    }
    return n == limit;
}

static bool has_same(const bitx_code *code)
{
    for (unsigned i = 0; i < code->nsymbols; i++)
        if (code->symbol[i] == SYMBOL_SAME)
            return true;
    return false;
}

/* Whether lists are ranks already: most groups' symbols are rarer the greater they are. */
static bool is_ranked(const bitx_code *code)
{
    for (unsigned i = 0; i < code->nsymbols; i++)
        if (code->symbol[i] != i)
            return false;
    return true;
}

/* Classes whose code has SYMBOL_SAME. */
static unsigned code_same_classes(const bitx_model *model)
{
    unsigned classes = 0;
    for (unsigned c = 0; c < model->nclasses; c++)
        classes |= (unsigned)has_same(&model->codes[model->group[c]]) << c;
    return classes;
}

static void encode_scales(bit_writer *w, const bitx_model *model, const delta_memory *m,
                          size_t nelem)
{
    uint8_t ranks[256];
    size_t chunk = (size_t)1 << model->chunk_log2;
    size_t n = (nelem + chunk - 1) / chunk;
    ranks_of(&model->scales, SCALES, ranks);
    bitx_map_u8(m->diffs.symbols, m->diffs.scales, ranks, n); /* which are in lists by now */
    bitx_tree_encode(w, &model->scales, m->diffs.symbols, m->other, n, m->arena);
}

/* The sizes of all strings but the last, and the strings. */
static void write_raw(bit_writer *w, const bitx_diffs *diffs, const size_t *nbytes, unsigned n)
{
    uint8_t sizes[RAW_STRINGS_MAX * VARINT_MAX_NBYTES], *end = sizes;
    for (unsigned k = 0; k + 1 < n; k++)
        end = store_varint(end, nbytes[k]);
    bits_put_bytes(w, sizes, (size_t)(end - sizes));
    for (unsigned k = 0; k < n; k++)
        bits_put_bytes(w, diffs->raw + k * diffs->raw_stride, nbytes[k]);
}

/* Symbols and classes of all words to lists as long as their groups. */
static void list_groups(const bitx_words *words, const bitx_model *model, const delta_memory *m,
                        group_lists *lists)
{
    uint8_t *ends[CLASSES_MAX], *at = m->list;
    memset(lists->plane, 0, sizeof(lists->plane));
    bitx_delta_count_groups(model, m->diffs.classes, words->nelem, lists->n);
    for (unsigned g = 0; g < CLASSES_MAX; g++) {
        lists->at[g] = ends[g] = at;
        at += lists->n[g];
    }
    bitx_groups_split_u8(ends, m->diffs.symbols, m->diffs.classes, model->group, words->nelem);
}

/* Room for each group, by what a sample of the base has of it, and for a part more. */
static void place_lists(const bitx_words *words, const bitx_model *model, const delta_memory *m,
                        uint8_t *at[CLASSES_MAX + 1])
{
    enum { RUN = 128, RUNS = 32 };
    const size_t nelem = words->nelem, unit = words->layout.unit;
    size_t counts[CLASSES_MAX] = {0}, nsampled = 1;
    if (nelem > LIST_PART) {
        for (size_t i = 0; i < RUNS; i++) {
            bitx_words run = {words->layout, NULL, words->base + nelem / RUNS * i * unit, RUN};
            bitx_diffs to = m->diffs;
            to.classes += RUN * i;
            bitx_words_classify(&run, model, &to);
        }
        nsampled = (size_t)RUN * RUNS;
        bitx_delta_count_groups(model, m->diffs.classes, nsampled, counts);
    }
    at[0] = m->list;
    for (unsigned g = 0; g < CLASSES_MAX; g++) {
        size_t likely = counts[g] * nelem / nsampled;
        at[g + 1] = at[g] + likely + likely / 8 + nelem / 64 + LIST_PART + LIST_ROOM;
    }
}

/* The same in one pass, part by part; false, if a group is so uneven that its list has no room. */
static bool list_parts(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                       const delta_memory *m, group_lists *lists, size_t nraw[RAW_STRINGS_MAX])
{
    uint8_t *at[CLASSES_MAX + 1], *ends[CLASSES_MAX];
    place_lists(words, model, m, at);
    memcpy(ends, at, sizeof(ends));
    bitx_words_lister lister = bitx_words_list_begin(model, same_classes, &m->diffs);
    for (size_t i = 0; i < words->nelem; i += LIST_PART) {
        size_t n = words->nelem - i < LIST_PART ? words->nelem - i : LIST_PART;
        for (unsigned g = 0; g < model->ngroups; g++)
            if ((size_t)(at[g + 1] - ends[g]) < n + LIST_ROOM)
                return false;
        bitx_words_list(&lister, words, i, n, model, ends);
    }
    bitx_words_list_end(&lister, nraw);
    for (unsigned g = 0; g < CLASSES_MAX; g++) {
        lists->at[g] = at[g];
        lists->n[g] = (size_t)(ends[g] - at[g]);
    }
    return true;
}

/* Lists and raw bits, for a model without scales. Returns whether lists have planes. */
static bool list_words(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                       const delta_memory *m, group_lists *lists, size_t nraw[RAW_STRINGS_MAX])
{
    if (bitx_sparse_split(words, model, same_classes, m, lists, nraw))
        return true;
    memset(lists->plane, 0, sizeof(lists->plane));
    if (bitx_words_lists(words) && list_parts(words, model, same_classes, m, lists, nraw))
        return false;
    bitx_words_encode(words, model, same_classes, &m->diffs, nraw);
    list_groups(words, model, m, lists);
    return false;
}

/* Trees and raw bits. */
static void encode_lists(bit_writer *w, const bitx_words *words, const bitx_model *model,
                         const delta_memory *m, const group_lists *lists, const size_t *nraw)
{
    uint8_t ranks[256];
    if (model->scaled)
        encode_scales(w, model, m, words->nelem);
    size_t total = 0;
    for (unsigned g = 0; g < model->ngroups; g++)
        total += lists->n[g];
    for (unsigned g = 0; g + 1 < model->ngroups; g++)
        bits_put(w, lists->n[g], group_size_bits(total));
    for (unsigned g = 0; g < model->ngroups; g++) {
        ranks_of(&model->codes[g], 0, ranks);
        if (lists->plane[g]) {
            bitx_sparse_encode_tree(w, &model->codes[g], ranks, lists, g, m);
            continue;
        }
        if (!is_ranked(&model->codes[g]))
            bitx_map_u8(lists->at[g], lists->at[g], ranks, lists->n[g]);
        bitx_tree_encode(w, &model->codes[g], lists->at[g], m->other, lists->n[g], m->arena);
    }
    bits_flush(w);
    write_raw(w, &m->diffs, nraw, raw_strings(model->width));
}

/* Of a model whose differences and classes are there. */
static void encode_words(bit_writer *w, const bitx_words *words, const bitx_model *model,
                         const delta_memory *m)
{
    group_lists lists;
    size_t nraw[RAW_STRINGS_MAX];
    bitx_words_split(words, model, code_same_classes(model), &m->diffs, nraw);
    list_groups(words, model, m, &lists);
    encode_lists(w, words, model, m, &lists, nraw);
}

/* Whether a model that was made for other elements has a code for all that may come. */
static bool fits(const bitx_model *model, const bitx_words *words)
{
    uint8_t ranks[256];
    for (unsigned g = 0; g < model->ngroups; g++)
        if (!ranks_of(&model->codes[g], symbols_of_width(model->width), ranks))
            return false;
    if (model->scaled && !ranks_of(&model->scales, SCALES, ranks))
        return false;
    return bitx_words_zero_bits(words) >= model->zero_bits;
}

/* *least: what codes of their own would make of the same lists, or UINT64_MAX if that is not known.
 */
static bool encode_shared(bit_writer *w, const bitx_words *words, const bitx_model *model,
                          const delta_memory *m, uint64_t *least)
{
    *least = UINT64_MAX;
    if (!model || !fits(model, words))
        return false;
    if (model->scaled) {
        bitx_words_scale(words, model, &m->diffs);
        encode_words(w, words, model, m);
        return true;
    }
    group_lists lists;
    size_t nraw[RAW_STRINGS_MAX];
    if (list_words(words, model, code_same_classes(model), m, &lists, nraw))
        *least = bitx_sparse_least(&lists, model->ngroups, nraw, raw_strings(model->width));
    encode_lists(w, words, model, m, &lists, nraw);
    return true;
}

static unsigned same_classes_of(const bitx_model *model)
{
    unsigned classes = 0;
    for (unsigned c = 0; c < model->nclasses; c++)
        classes |= (model->same_groups >> model->group[c] & 1) << c;
    return classes;
}

/* One more than the greatest symbol of a list but SYMBOL_SAME. In a form that compilers make
   vectors of, four at a time. */
static unsigned symbols_end(const uint8_t *list, size_t n)
{
    enum { LANES = 64 };
    uint8_t most[LANES] = {0}; /* 255 + 1 is 0 */
    size_t i = 0;
    for (; n - i >= LANES; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            uint8_t end = (uint8_t)(list[i + k] + 1);
            most[k] = end > most[k] ? end : most[k];
        }
    }
    for (; i < n; i++) {
        uint8_t end = (uint8_t)(list[i] + 1);
        most[0] = end > most[0] ? end : most[0];
    }
    for (size_t k = 1; k < LANES; k++)
        most[0] = most[k] > most[0] ? most[k] : most[0];
    return most[0];
}

static unsigned group_end(const group_lists *lists, unsigned g)
{
    if (!lists->plane[g])
        return symbols_end(lists->at[g], lists->n[g]);
    unsigned end = symbols_end(lists->at[g], lists->ncoded[g]);
    unsigned common = (lists->common[g] + 1u) & 255; /* of SYMBOL_SAME: 0 */
    return lists->ncoded[g] < lists->n[g] && common > end ? common : end;
}

/*
 * Lengths exchanged so that greater symbols have longer codes, if that costs next to nothing: ranks
 * are the symbols then, and lists need no map. (A quarter of all groups; the others have
 * SYMBOL_SAME, or symbols that are not there.)
 */
static void rank_lengths(const uint32_t counts[256], uint8_t lengths[256])
{
    enum { SHARE = 256 };
    uint8_t ranked[256];
    unsigned n = 0, of_length[SYMBOL_BITS_MAX + 1] = {0};
    while (n < SYMBOL_SAME && lengths[n] <= SYMBOL_BITS_MAX)
        of_length[lengths[n++]]++;
    for (unsigned s = n; s < 256; s++)
        if (lengths[s] <= SYMBOL_BITS_MAX)
            return;
    uint64_t before = 0, after = 0;
    for (unsigned length = 0, s = 0; length <= SYMBOL_BITS_MAX; length++)
        for (unsigned end = s + of_length[length]; s < end; s++)
            ranked[s] = (uint8_t)length;
    for (unsigned s = 0; s < n; s++) {
        before += (uint64_t)counts[s] * lengths[s];
        after += (uint64_t)counts[s] * ranked[s];
    }
    if (after - before <= before / SHARE)
        memcpy(lengths, ranked, n);
}

/* sampled: the lists are only a part of what the codes are for. What was not seen, but may come,
   gets a code as if seen a sixteenth time. */
static void make_codes(bitx_model *model, const group_lists *lists, uint8_t *room,
                       bitx_effort effort, bool sampled)
{
    for (unsigned g = 0; g < model->ngroups; g++) {
        uint32_t counts[256] = {0};
        uint8_t lengths[256];
        size_t n = lists->n[g], counted = lists->plane[g]
                                              ? bitx_sparse_count(lists, g, room, counts)
                                              : bitx_count_list(lists->at[g], n, room, counts);
        bool part = counted < n;
        unsigned end = sampled ? symbols_of_width(model->width) : part ? group_end(lists, g) : 0;
        for (unsigned s = 0; s < end; s++)
            counts[s] = 16 * counts[s] + 1;
        if (end)
            counts[SYMBOL_SAME] = model->same_groups >> g & 1 ? 16 * counts[SYMBOL_SAME] + 1 : 0;
        bitx_code_lengths(counts, lengths);
        rank_lengths(counts, lengths);
        bitx_code_from_lengths(&model->codes[g], lengths, SYMBOL_BITS_MAX);
        for (unsigned s = 0; part && s < 256; s++) /* of the whole list again */
            if (counts[s])
                counts[s] = (uint32_t)((uint64_t)counts[s] * n / (16 * counted));
        bitx_code_choose_planes(&model->codes[g], counts, effort);
    }
}

/* The fewer elements, the more a model weighs: small blocks look at smaller ones too. uneven:
   whether scales are likely to pay. Returns about how many bytes the words will take. */
static uint64_t sketch_model(const bitx_words *words, bitx_effort effort, const delta_memory *m,
                             bitx_model *model, bool *uneven)
{
    static const unsigned classes[] = {1, 6, CLASSES_MAX};
    enum { SMALL = 1 << 11 };
    unsigned best = CLASSES_MAX;
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < 3 && words->nelem <= SMALL && words->layout.sign; i++) {
        uint64_t cost = bitx_model_sketch(words, effort, classes[i], &m->diffs, model, uneven);
        if (cost < least) {
            least = cost;
            best = classes[i];
        }
    }
    if (least == UINT64_MAX || best != CLASSES_MAX)
        least = bitx_model_sketch(words, effort, best, &m->diffs, model, uneven);
    *uneven &= effort != BITX_EFFORT_FAST;
    return least;
}

/* Whether scales pay, by the two sketches' accounts; else the model is as it was. */
static bool sketch_scales(const bitx_words *words, bitx_effort effort, bool sampled,
                          const delta_memory *m, uint64_t plain_nbytes, bitx_model *model)
{
    uint64_t nbytes;
    bitx_model plain;
    memcpy(&plain, model, offsetof(bitx_model, codes));
    if (bitx_scales_choose(words, effort, sampled, &m->diffs, model, &nbytes)) {
        nbytes += bitx_model_sketch_scaled(words, effort, &m->diffs, model);
        if (nbytes + nbytes / 256 < plain_nbytes)
            return true;
    }
    memcpy(model, &plain, offsetof(bitx_model, codes));
    return false;
}

/* A model for these words, or more of their kind (sampled), and their lists. */
static void sketch_words(const bitx_words *words, bitx_effort effort, bool sampled,
                         const delta_memory *m, bitx_model *model, group_lists *lists,
                         size_t nraw[RAW_STRINGS_MAX])
{
    bool uneven = false;
    uint64_t nbytes = sketch_model(words, effort, m, model, &uneven);
    if (uneven && sketch_scales(words, effort, sampled, m, nbytes, model)) {
        bitx_words_split(words, model, same_classes_of(model), &m->diffs, nraw);
        list_groups(words, model, m, lists);
    } else {
        list_words(words, model, same_classes_of(model), m, lists, nraw);
    }
    make_codes(model, lists, m->other, effort, sampled);
}

static void encode_planned(bit_writer *w, const bitx_words *words, bitx_effort effort,
                           unsigned classes, const delta_memory *m)
{
    bitx_model model;
    bitx_model_plan(words, effort, false, classes, &m->diffs, &model);
    bitx_model_write(w, &model);
    bits_flush(w);
    encode_words(w, words, &model, m);
}

static void encode_sketched(bit_writer *w, const bitx_words *words, bitx_effort effort,
                            const delta_memory *m)
{
    bitx_model model;
    group_lists lists;
    size_t nraw[RAW_STRINGS_MAX];
    sketch_words(words, effort, false, m, &model, &lists, nraw);
    bitx_model_write(w, &model);
    bits_flush(w);
    encode_lists(w, words, &model, m, &lists, nraw);
}

static void encode_own(bit_writer *w, const bitx_words *words, bitx_effort effort,
                       const delta_memory *m)
{
    static const unsigned classes[] = {CLASSES_MAX, 6, 1};
    enum { SMALL = 1 << 15 };
    if (effort != BITX_EFFORT_MAX) {
        encode_sketched(w, words, effort, m);
        return;
    }
    const bit_writer start = *w;
    unsigned best = 0, last = classes[0];
    size_t least = SIZE_MAX;
    for (unsigned i = 0; i < 3 && words->nelem <= SMALL && words->layout.sign; i++) {
        *w = start;
        last = classes[i];
        encode_planned(w, words, effort, last, m);
        size_t n = w->full ? SIZE_MAX : w->nbytes;
        if (n < least) {
            least = n;
            best = i;
        }
    }
    if (least != SIZE_MAX && last == classes[best])
        return;
    *w = start;
    encode_planned(w, words, effort, classes[best], m);
}

static bool unchanged(const bitx_words *words, bitx_progress *progress)
{
    const size_t nbytes = words->nelem * words->layout.unit;
    for (size_t at = 0, n; at < nbytes; at += n) {
        n = nbytes - at < DELTA_PIECE_NBYTES ? nbytes - at : DELTA_PIECE_NBYTES;
        if (memcmp(words->src + at, words->base + at, n) != 0)
            return false;
        if (progress)
            progress->advance(progress, at + n);
    }
    return true;
}

/*
 * Whether a model of its own may be better than the shared one, which made w. A sketch of sparse
 * words sees a few hundred that changed: it is off by 10%, and would promise something for every
 * second block. Their counts are there.
 */
static bool wants_own(const bitx_words *words, bitx_effort effort, const delta_memory *m,
                      const bit_writer *w, uint64_t least)
{
    enum { OWN_NBYTES = 256 }; /* about what a model takes */
    if (effort != BITX_EFFORT_DEFAULT)
        return effort == BITX_EFFORT_MAX;
    if (least != UINT64_MAX)
        return w->full || w->nbytes > least + least / 16 + OWN_NBYTES;
    bitx_model own_model;
    bool uneven;
    uint64_t own = bitx_model_sketch(words, effort, CLASSES_MAX, &m->diffs, &own_model, &uneven);
    return w->full || w->nbytes > own + own / 32 + OWN_NBYTES;
}

/* Everything between the form and the bytes at the end. */
static size_t encode_body(const bitx_words *words, const bitx_span *span, bitx_effort effort,
                          const delta_memory *m, uint8_t *dst, size_t cap, unsigned *form)
{
    bit_writer w = {.dst = dst, .cap = cap};
    *form = FORM_UNCHANGED;
    if (unchanged(words, m->progress))
        return 0;
    *form = FORM_SHARED;
    uint64_t least;
    bool coded = encode_shared(&w, words, span->tables, m, &least);
    if (coded && !wants_own(words, effort, m, &w, least))
        return w.full ? SIZE_MAX : w.nbytes;
    size_t shared = coded && !w.full ? w.nbytes : SIZE_MAX;
    w = (bit_writer){.dst = dst, .cap = shared == SIZE_MAX ? cap : shared ? shared - 1 : 0};
    encode_own(&w, words, effort, m);
    *form = FORM_OWN;
    if (!w.full || shared == SIZE_MAX)
        return w.full ? SIZE_MAX : w.nbytes;
    *form = FORM_SHARED;
    w = (bit_writer){.dst = dst, .cap = cap};
    encode_shared(&w, words, span->tables, m, &least);
    return w.nbytes;
}

bitx_status bitx_delta_encode(const bitx_work *work, const bitx_tuning *tuning,
                              const bitx_span *span, const uint8_t *src, uint8_t *dst, size_t cap,
                              size_t *payload_nbytes)
{
    delta_memory m;
    bitx_words words = bitx_delta_words(span, src, work, &m);
    size_t ntail = span->nbytes % words.layout.unit;
    if (cap < 1 + ntail)
        return BITX_ERR_DST_SIZE;
    unsigned form = FORM_UNCHANGED;
    size_t n = encode_body(&words, span, tuning->effort, &m, dst + 1, cap - 1 - ntail, &form);
    if (n == SIZE_MAX)
        return BITX_ERR_DST_SIZE;
    dst[0] = (uint8_t)form;
    memcpy(dst + 1 + n, src + span->nbytes - ntail, ntail);
    *payload_nbytes = 1 + n + ntail;
    return BITX_OK;
}

size_t bitx_delta_tables_plan(const bitx_work *work, const bitx_tuning *tuning,
                              const bitx_sample *sample, uint8_t *section)
{
    if (sample->nbytes <= sample->block_nbytes)
        return 0; /* a model of its own for the only block */
    delta_memory m;
    bitx_words words = bitx_delta_words(&sample->span, sample->src, work, &m);
    bitx_model model;
    group_lists lists;
    size_t nraw[RAW_STRINGS_MAX];
    if (tuning->effort == BITX_EFFORT_MAX)
        bitx_model_plan(&words, tuning->effort, true, CLASSES_MAX, &m.diffs, &model);
    else
        sketch_words(&words, tuning->effort, true, &m, &model, &lists, nraw);
    bit_writer w = {.dst = section, .cap = MODEL_MAX_NBYTES};
    bitx_model_write(&w, &model);
    bits_flush(&w);
    return w.full ? 0 : w.nbytes;
}
