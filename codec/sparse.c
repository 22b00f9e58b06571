/* See sparse.h. */
#include "sparse.h"

#include "bitx/kernels.h"
#include "delta.h"

/* ---- decoding ------------------------------------------------------------------------------ */

/* About how many of n symbols of a code are not SYMBOL_SAME; n if that does not stand alone. */
static size_t likely_coded(const bitx_code *code, size_t n)
{
    bool right;
    if (code->nsymbols == 1 && code->symbol[0] == SYMBOL_SAME)
        return 0;
    const unsigned number = bitx_tree_common(code, SYMBOL_SAME, &right) & 63u;
    return number ? n >> (1 + number / 4) : n;
}

bool bitx_sparse_pays(const bitx_words *words, const bitx_model *model,
                      const size_t sizes[CLASSES_MAX])
{
    bitx_code copy;
    size_t ncoded = 0;
    if (words->layout.unit != 2 || model->scaled)
        return false;
    for (unsigned g = 0; g < model->ngroups; g++)
        ncoded += likely_coded(bitx_delta_with_sames(model, g, &copy), sizes[g]);
    return ncoded <= words->nelem / SPARSE_SHARE;
}

/* Where groups' bits and symbols are: a group of SYMBOL_SAME alone has neither plane nor list, one
   whose code does not set it apart has a list of all. */
typedef struct sparse_groups {
    bitx_plane_sources planes;
    bitx_delta_lists lists;
    const uint8_t *ends[CLASSES_MAX];
} sparse_groups;

static void decode_group(bit_reader *r, const bitx_code *code, const delta_memory *m, unsigned g,
                         size_t n, uint8_t *at, bitx_arena *arena, sparse_groups *groups)
{
    bool right;
    size_t ncoded = n;
    if (n == 0 || (code->nsymbols == 1 && code->symbol[0] == SYMBOL_SAME)) {
        ncoded = 0;
    } else if (bitx_tree_common(code, SYMBOL_SAME, &right)) {
        ncoded = bitx_tree_decode_others(r, code, SYMBOL_SAME, at, m->other, n, arena,
                                         &groups->planes.bytes[g]);
    } else {
        bitx_tree_decode(r, code, at, m->other, n, *arena);
        groups->planes.ones |= (uint16_t)(1u << g);
    }
    groups->lists.next[g] = at;
    groups->ends[g] = at + ncoded;
}

static void decode_groups(bit_reader *r, const bitx_model *model, const delta_memory *m,
                          const size_t sizes[CLASSES_MAX], sparse_groups *groups)
{
    bitx_code copy;
    bitx_arena arena = m->arena;
    uint8_t *at = m->list;
    memcpy(groups->planes.group, model->group, sizeof(model->group));
    memcpy(groups->lists.group, model->group, sizeof(model->group));
    for (unsigned g = 0; g < model->ngroups && !r->bad; g++) {
        const bitx_code *code = bitx_delta_with_sames(model, g, &copy);
        decode_group(r, code, m, g, sizes[g], at, &arena, groups);
        at += groups->ends[g] ? groups->ends[g] - at : 0;
    }
    bits_align(r);
}

/* Whether no group has more elements, or coded ones, than it may have; at the end, just so many. */
static bool groups_fit(const sparse_groups *groups, const size_t sizes[CLASSES_MAX], bool end)
{
    for (unsigned g = 0; g < CLASSES_MAX; g++) {
        const size_t left = (size_t)(groups->ends[g] - groups->lists.next[g]);
        if (groups->planes.bit[g] > sizes[g] || groups->lists.next[g] > groups->ends[g])
            return false;
        if (end && (groups->planes.bit[g] != sizes[g] || left))
            return false;
    }
    return true;
}

/* Pieces whose coded elements are restored together: kernels want some. */
typedef struct restore_batch {
    size_t npieces, start[SPARSE_BATCH + 1]; /* of each piece, in the list */
    size_t first;                            /* element */
} restore_batch;

static void copy_piece(const bitx_delta_params *p, uint8_t *dst, const uint8_t *base, size_t n)
{
    memcpy(dst, base, 2 * n);
    for (size_t k = 0; k < n && p->zero_bits; k++)
        word_store(dst, k, 2, word_load(dst, k, 2) >> p->zero_bits << p->zero_bits);
}

/* Places of coded elements, and their bases, behind those of the batch. */
static void add_piece(const delta_memory *m, const bitx_delta_params *p, sparse_groups *groups,
                      restore_batch *batch, const uint8_t *base, size_t n)
{
    const size_t at = batch->start[batch->npieces];
    uint8_t *places = m->sifted + 2 * at, *from = m->sifted + sparse_list_room(2) + 2 * at;
    const size_t ncoded = bitx_delta_places_u16(places, &groups->planes, base, n, p);
    for (size_t k = 0; k < ncoded; k++)
        memcpy(from + 2 * k, base + 2 * word_load(places, k, 2), 2);
    batch->start[++batch->npieces] = at + ncoded;
}

static void restore_coded(bit_reader *r, const delta_memory *m, const bitx_delta_params *p,
                          sparse_groups *groups, bitx_raw_source *raw, const restore_batch *batch,
                          uint8_t *dst)
{
    const size_t room = sparse_list_room(2);
    uint8_t *places = m->sifted, *from = places + room, *to = from + room;
    r->bad |=
        bitx_delta_restore_u16(to, from, &groups->lists, raw, batch->start[batch->npieces], p) != 0;
    for (size_t i = 0; i < batch->npieces; i++, dst += 2 * SPARSE_PIECE)
        for (size_t k = batch->start[i]; k < batch->start[i + 1]; k++)
            memcpy(dst + 2 * word_load(places, k, 2), to + 2 * k, 2);
}

static void restore(bit_reader *r, const bitx_words *words, const bitx_model *model,
                    const delta_memory *m, const size_t sizes[CLASSES_MAX], sparse_groups *groups,
                    uint8_t *dst)
{
    raw_strings_read strings;
    bitx_raw_open(r, model->width, &strings);
    if (r->bad)
        return;
    const bitx_delta_params p = bitx_words_params(model, 0);
    bitx_raw_source raw = {
        {strings.bytes[0], strings.bytes[1]}, {strings.nbytes[0], strings.nbytes[1]}, {0, 0}};
    restore_batch batch = {.npieces = 0};
    for (size_t i = 0, n; i < words->nelem && !r->bad; i += n) {
        n = words->nelem - i < SPARSE_PIECE ? words->nelem - i : SPARSE_PIECE;
        const bool end = i + n == words->nelem;
        add_piece(m, &p, groups, &batch, words->base + 2 * i, n);
        copy_piece(&p, dst + 2 * i, words->base + 2 * i, n);
        if (!end && batch.npieces < SPARSE_BATCH && batch.start[batch.npieces] < SPARSE_ENOUGH)
            continue;
        restore_coded(r, m, &p, groups, &raw, &batch, dst + 2 * batch.first);
        r->bad |= !groups_fit(groups, sizes, end);
        batch.npieces = 0;
        batch.first = i + n;
        if (m->progress && !r->bad)
            m->progress->advance(m->progress, 2 * (i + n));
    }
    memcpy(strings.bit, raw.bit, sizeof(raw.bit));
    r->bad |= !bitx_raw_ends(&strings);
}

void bitx_sparse_decode(bit_reader *r, const bitx_words *words, const bitx_model *model,
                        const delta_memory *m, const size_t sizes[CLASSES_MAX], uint8_t *dst)
{
    sparse_groups groups = {.planes = {.ones = 0}};
    decode_groups(r, model, m, sizes, &groups);
    if (!r->bad)
        restore(r, words, model, m, sizes, &groups, dst);
}

/* ---- encoding ------------------------------------------------------------------------------ */

/* A look at some elements. Which way is taken changes no byte. */
static bool looks_sparse(const bitx_words *words)
{
    enum { RUNS = 16, RUN = 128 };
    size_t changed = 0;
    if (words->layout.unit != 2 || words->nelem < SPARSE_PIECE)
        return false;
    for (size_t k = 0; k < RUNS; k++) {
        const size_t from = 2 * (k * (words->nelem - RUN) / RUNS);
        for (size_t i = 0; i < RUN; i++)
            changed += word_load(words->src + from, i, 2) != word_load(words->base + from, i, 2);
    }
    return changed <= RUNS * RUN / SPARSE_SHARE;
}

/* The symbol of elements that are those of the base, if it is one for the group, and has no raw
   bits; else -1. */
static int common_symbol(const bitx_model *model, unsigned same_classes, unsigned g)
{
    int common = 0;
    for (unsigned c = 0; c < model->nclasses; c++) {
        if (model->group[c] != g)
            continue;
        if (same_classes >> c & 1)
            return SYMBOL_SAME; /* all classes of the group have it */
        if (model->shift[c])
            common = -1;
    }
    return common;
}

static void open_planes(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                        const delta_memory *m, bitx_plane_sinks *planes, group_lists *lists)
{
    const size_t stride = words->nelem / 8 + 24;
    memset(planes, 0, sizeof(*planes));
    memcpy(planes->group, model->group, sizeof(model->group));
    for (unsigned g = 0; g < CLASSES_MAX; g++) {
        const int common = common_symbol(model, same_classes, g);
        planes->bytes[g] = m->list + g * stride;
        planes->ones |= (uint16_t)((common < 0) << g);
        lists->plane[g] = common < 0 ? NULL : planes->bytes[g];
        lists->common[g] = (uint8_t)common;
    }
}

bool bitx_sparse_split(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                       const delta_memory *m, group_lists *lists, size_t nraw[RAW_STRINGS_MAX])
{
    if (model->scaled || !looks_sparse(words))
        return false;
    const bitx_delta_params p = bitx_words_params(model, same_classes);
    uint8_t *coded = m->sifted, *base = coded + sparse_list_room(2);
    const bitx_diffs *d = &m->diffs;
    bitx_raw_sink raw = {{d->raw, d->raw + d->raw_stride}, {0, 0}};
    bitx_plane_sinks planes;
    size_t total = 0;
    open_planes(words, model, same_classes, m, &planes, lists);
    for (size_t i = 0, n; i < words->nelem; i += n) {
        n = words->nelem - i < SPARSE_PIECE ? words->nelem - i : SPARSE_PIECE;
        const size_t k = bitx_delta_sift_u16(coded, base, &planes, words->src + 2 * i,
                                             words->base + 2 * i, n, &p);
        bitx_delta_encode_u16(d->symbols + total, d->classes + total, &raw, coded, base, k, &p);
        total += k;
        if (m->progress)
            m->progress->advance(m->progress, 2 * (i + n));
        if (total > words->nelem / 2)
            return false;
    }
    for (unsigned k = 0; k < 2; k++)
        nraw[k] = (raw.bit[k] + 7) / 8;
    uint8_t *ends[CLASSES_MAX], *at = d->scales; /* there are none */
    bitx_delta_count_groups(model, d->classes, total, lists->ncoded);
    for (unsigned g = 0; g < CLASSES_MAX; g++) {
        lists->n[g] = planes.bit[g];
        lists->at[g] = ends[g] = at;
        at += lists->ncoded[g];
    }
    bitx_groups_split_u8(ends, d->symbols, d->classes, model->group, total);
    return true;
}

uint64_t bitx_sparse_least(const group_lists *lists, unsigned ngroups, const size_t *nraw,
                           unsigned nstrings)
{
    uint64_t nbytes = 0, cost = 0;
    for (unsigned k = 0; k < nstrings; k++)
        nbytes += nraw[k];
    for (unsigned g = 0; g < ngroups; g++) {
        uint32_t counts[256];
        const size_t n = lists->plane[g] ? lists->ncoded[g] : lists->n[g];
        bitx_histogram_u8(counts, lists->at[g], n);
        counts[lists->common[g]] += (uint32_t)(lists->n[g] - n);
        cost += bitx_entropy(counts, 256);
    }
    return nbytes + cost / 128;
}

static size_t count_runs(const group_lists *lists, unsigned g, uint8_t *room, bool more,
                         uint32_t counts[256])
{
    const size_t n = lists->n[g], runs = bitx_count_runs(n, more);
    size_t seen = 0, before = 0, counted = 0;
    memset(counts, 0, 256 * sizeof(*counts));
    if (!runs) {
        bitx_histogram_u8(counts, lists->at[g], lists->ncoded[g]);
        counts[lists->common[g]] += (uint32_t)(n - lists->ncoded[g]);
        return n;
    }
    for (size_t i = 0; i < runs; i++) {
        const size_t from = i * (n / runs);
        before += (size_t)bitx_count_ones(lists->plane[g], seen, from - seen);
        const size_t k = (size_t)bitx_count_ones(lists->plane[g], from, COUNT_RUN);
        memcpy(room + counted, lists->at[g] + before, k);
        counted += k;
        before += k;
        seen = from + COUNT_RUN;
    }
    bitx_histogram_u8(counts, room, counted);
    counts[lists->common[g]] += (uint32_t)(runs * COUNT_RUN - counted);
    return runs * COUNT_RUN;
}

size_t bitx_sparse_count(const group_lists *lists, unsigned g, uint8_t *room, uint32_t counts[256])
{
    const size_t counted = count_runs(lists, g, room, false, counts);
    return bitx_count_more(counts, counted, lists->n[g]) ? count_runs(lists, g, room, true, counts)
                                                         : counted;
}

void bitx_sparse_encode_tree(bit_writer *w, const bitx_code *code, const uint8_t ranks[256],
                             const group_lists *lists, unsigned g, const delta_memory *m)
{
    bool right;
    const size_t n = lists->n[g], ncoded = lists->ncoded[g];
    uint8_t *list = lists->at[g];
    if (n == 0 || code->nsymbols < 2)
        return;
    if (bitx_tree_common(code, lists->common[g], &right)) {
        bitx_map_u8(list, list, ranks, ncoded);
        bitx_tree_encode_others(w, code, lists->plane[g], n, list, m->other, ncoded, m->arena);
        return;
    }
    uint8_t *all = m->diffs.differences; /* nobody's here */
    bitx_merge_lists_u8(all, NULL, lists->common[g], list, 0, lists->plane[g], 0, n);
    bitx_map_u8(all, all, ranks, n);
    bitx_tree_encode(w, code, all, m->other, n, m->arena);
}
