/*
 * Codec `delta`: elements given those of a base. Every difference is a symbol, coded in the group
 * of its base's exponent, and raw bits, as many as the exponent and the symbol say.
 *
 * Payload: u8 form; in FORM_OWN a model, else that of the frame's tables; trees of scales and of
 * all groups; the strings of raw bits, behind the sizes of all but the last; the bytes that fill no
 * element. Model, trees and each string end at a byte.
 */
#include <string.h>

#include "bitx/kernels.h"
#include "carve.h"
#include "delta.h"

static bool delta_accepts(bitx_dtype dtype, bool has_base)
{
    (void)dtype;
    return has_base;
}

/* ---- memory -------------------------------------------------------------------------------- */

/* Of one string of raw bits. */
static size_t raw_room(size_t nelem)
{
    return carved(nelem + 8);
}

/* Planes of all groups may stay in it beside what one tree needs. */
static size_t arena_nbytes(size_t nelem)
{
    return bitx_tree_arena_nbytes(nelem) + CLASSES_MAX * 2 * TREE_SLACK;
}

size_t bitx_delta_scratch_nbytes(bitx_dtype dtype, size_t block_nbytes)
{
    size_t unit = bitx_layout_of(dtype).unit;
    size_t nelem = block_nbytes / unit + 1;
    return 2 * carved(nelem * unit + 8) + raw_strings(8 * (unsigned)unit) * raw_room(nelem) +
           2 * carved(nelem) + 2 * carved(nelem + TREE_SLACK) + carved(2 * nelem + LIST_SLACK) +
           carved(PLAN_COUNTS * sizeof(uint32_t)) + 3 * sparse_list_room(unit) +
           carved(arena_nbytes(nelem) + SPARSE_SLACK);
}

static delta_memory divide(const bitx_work *work, size_t nelem, size_t unit)
{
    uint8_t *at = work->scratch;
    delta_memory m;
    m.base = carve(&at, nelem * unit + 8);
    m.diffs.differences = carve(&at, nelem * unit + 8);
    m.diffs.raw_stride = raw_room(nelem);
    m.diffs.raw = carve(&at, raw_strings(8 * (unsigned)unit) * m.diffs.raw_stride);
    m.diffs.classes = carve(&at, nelem);
    m.diffs.scales = carve(&at, nelem + TREE_SLACK);
    m.diffs.symbols = carve(&at, nelem);
    m.list = carve(&at, 2 * nelem + LIST_SLACK);
    m.other = carve(&at, nelem + TREE_SLACK);
    m.diffs.counts = (void *)carve(&at, PLAN_COUNTS * sizeof(uint32_t));
    m.progress = work->progress;
    m.sifted = carve(&at, 3 * sparse_list_room(unit));
    m.arena = (bitx_arena){at, arena_nbytes(nelem)};
    return m;
}

bitx_words bitx_delta_words(const bitx_span *span, const uint8_t *src, const bitx_work *work,
                            delta_memory *m)
{
    bitx_layout layout = bitx_layout_of(span->dtype);
    bitx_words words = {layout, src, span->base, span->nbytes / layout.unit};
    *m = divide(work, words.nelem, layout.unit);
    size_t nbytes = words.nelem * layout.unit;
    if (span->base_nbytes >= nbytes && span->base)
        return words;
    if (span->base)
        memcpy(m->base, span->base, span->base_nbytes);
    memset(m->base + span->base_nbytes, 0, nbytes - span->base_nbytes);
    words.base = m->base;
    return words;
}

void bitx_delta_count_groups(const bitx_model *model, const uint8_t *classes, size_t nelem,
                             size_t sizes[CLASSES_MAX])
{
    uint32_t counts[16];
    bitx_groups_count_u8(counts, classes, model->group, nelem);
    for (unsigned g = 0; g < CLASSES_MAX; g++)
        sizes[g] = counts[g];
}

/* ---- decoding ------------------------------------------------------------------------------ */

static void decode_scales(bit_reader *r, const bitx_model *model, const delta_memory *m,
                          size_t nelem)
{
    size_t chunk = (size_t)1 << model->chunk_log2;
    size_t n = (nelem + chunk - 1) / chunk;
    bitx_tree_decode(r, &model->scales, m->diffs.scales, m->other, n, m->arena);
}

/* Words of chunks that are not those of the base. */
static size_t count_coded(const bitx_model *model, const uint8_t *scales, size_t nelem)
{
    size_t chunk = (size_t)1 << model->chunk_log2, total = 0;
    if (!model->scaled)
        return nelem;
    for (size_t from = 0; from < nelem; from += chunk)
        if (scales[from >> model->chunk_log2] != SCALE_SAME)
            total += nelem - from < chunk ? nelem - from : chunk;
    return total;
}

/*
 * Symbol 0 of a class without a shift is a difference of 0 without raw bits, as SYMBOL_SAME is:
 * with that in its place, whatever restores words sees all that do not change.
 */
const bitx_code *bitx_delta_with_sames(const bitx_model *model, unsigned group, bitx_code *copy)
{
    for (unsigned c = 0; c < model->nclasses; c++)
        if (model->group[c] == group && model->shift[c])
            return &model->codes[group];
    *copy = model->codes[group];
    for (unsigned i = 0; i < copy->nsymbols; i++)
        if (copy->symbol[i] == 0)
            copy->symbol[i] = SYMBOL_SAME;
    return copy;
}

static void read_sizes(bit_reader *r, const bitx_model *model, size_t total, group_lists *lists)
{
    size_t left = total;
    unsigned last = model->ngroups - 1;
    for (unsigned g = 0; g < last; g++) {
        size_t size = (size_t)bits_get(r, group_size_bits(total));
        r->bad |= size > left;
        lists->n[g] = r->bad ? 0 : size;
        left -= lists->n[g];
    }
    lists->n[last] = left;
}

/* The symbols of all groups, one list behind the other. */
static void decode_groups(bit_reader *r, const bitx_model *model, const delta_memory *m,
                          group_lists *lists)
{
    uint8_t *at = m->list;
    bitx_code copy;
    for (unsigned g = 0; g < model->ngroups; g++) {
        lists->at[g] = at;
        if (!r->bad)
            bitx_tree_decode(r, bitx_delta_with_sames(model, g, &copy), at, m->other, lists->n[g],
                             m->arena);
        at += lists->n[g];
    }
    bits_align(r);
}

static void decode_words(bit_reader *r, const bitx_words *words, const bitx_model *model,
                         const delta_memory *m, uint8_t *dst)
{
    group_lists lists = {.n = {0}};
    if (model->scaled)
        decode_scales(r, model, m, words->nelem);
    if (r->bad)
        return;
    read_sizes(r, model, count_coded(model, m->diffs.scales, words->nelem), &lists);
    if (r->bad)
        return;
    if (bitx_sparse_pays(words, model, lists.n)) {
        bitx_sparse_decode(r, words, model, m, lists.n, dst);
        return;
    }
    decode_groups(r, model, m, &lists);
    if (!r->bad)
        bitx_words_restore(r, words, model, &m->diffs, &lists, dst);
}

static void copy_base(const bitx_words *words, bitx_progress *progress, uint8_t *dst)
{
    const size_t nbytes = words->nelem * words->layout.unit;
    for (size_t at = 0, n; at < nbytes; at += n) {
        n = nbytes - at < DELTA_PIECE_NBYTES ? nbytes - at : DELTA_PIECE_NBYTES;
        memcpy(dst + at, words->base + at, n);
        if (progress)
            progress->advance(progress, at + n);
    }
}

static bitx_status delta_decode(const bitx_work *work, const bitx_span *span, uint8_t *dst,
                                const uint8_t *payload, size_t payload_nbytes)
{
    delta_memory m;
    bitx_words words = bitx_delta_words(span, NULL, work, &m);
    size_t ntail = span->nbytes % words.layout.unit;
    if (payload_nbytes < 1 + ntail)
        return BITX_ERR_CORRUPT;
    size_t end = payload_nbytes - ntail;
    memcpy(dst + span->nbytes - ntail, payload + end, ntail);
    if (payload[0] == FORM_UNCHANGED) {
        copy_base(&words, work->progress, dst);
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
    decode_words(&r, &words, model, &m, dst);
    return !r.bad && r.pos == 8 * r.nbytes ? BITX_OK : BITX_ERR_CORRUPT;
}

/* ---- tables -------------------------------------------------------------------------------- */

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
    .scratch_nbytes = bitx_delta_scratch_nbytes,
    .encode = bitx_delta_encode,
    .decode = delta_decode,
    .tables_max_nbytes = MODEL_MAX_NBYTES,
    .tables_object_nbytes = sizeof(bitx_model),
    .tables_plan = bitx_delta_tables_plan,
    .tables_parse = delta_tables_parse,
};
