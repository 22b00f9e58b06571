/* Words: differences, classes, symbols and raw bits, by kernels where there are any. */
#include "words.h"

#include "bitx/kernels.h"
#include "bytes.h"
#include "plan.h"

unsigned bitx_words_zero_bits(const bitx_words *words)
{
    unsigned unit = words->layout.unit;
    uint64_t any = 0;
    for (size_t i = 0; i < words->nelem && !(any & 1); i++)
        any |= word_load(words->src, i, unit);
    unsigned zeros = any ? (unsigned)__builtin_ctzll(any) : 8 * unit;
    return zeros < 8 * unit - 2 ? zeros : 8 * unit - 2;
}

/* ---- 16 bits: kernels ---------------------------------------------------------------------- */

bitx_delta_params bitx_words_params(const bitx_model *model, unsigned same_classes)
{
    bitx_delta_params p = {.width = model->width,
                           .zero_bits = model->zero_bits,
                           .sign = model->sign,
                           .class_shift = model->class_shift,
                           .class_low = model->class_low,
                           .nclasses = model->nclasses,
                           .same_classes = (uint16_t)same_classes};
    memcpy(p.shift, model->shift, sizeof(p.shift));
    return p;
}

/* ---- all widths ---------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) void diff_range(const bitx_words *words,
                                                             const bitx_model *model,
                                                             const bitx_diffs *diffs, size_t from,
                                                             size_t to, unsigned up, unsigned unit)
{
    const bitx_model *m = model;
    for (size_t i = from; i < to; i++) {
        uint64_t x = word_load(words->src, i, unit) >> m->zero_bits;
        uint64_t base = word_load(words->base, i, unit) >> m->zero_bits;
        word_store(diffs->differences, i, unit, (uint64_t)word_difference(m, x, base));
        diffs->classes[i] = (uint8_t)model_class(m, word_origin(m, base), up);
    }
}

static inline __attribute__((always_inline)) void
classify_range(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs,
               size_t from, size_t to, unsigned up, unsigned unit)
{
    for (size_t i = from; i < to; i++) {
        uint64_t base = word_load(words->base, i, unit) >> model->zero_bits;
        diffs->classes[i] = (uint8_t)model_class(model, word_origin(model, base), up);
    }
}

static void diff_chunk(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs,
                       size_t from, size_t to, unsigned up)
{
    bitx_delta_params p;
    switch (words->layout.unit) {
    case 1:
        diff_range(words, model, diffs, from, to, up, 1);
        break;
    case 2:
        p = bitx_words_params(model, 0);
        if (up > p.class_low) { /* the kernel has no negative limit */
            diff_range(words, model, diffs, from, to, up, 2);
            break;
        }
        p.class_low -= up;
        bitx_delta_diff_u16(diffs->differences + 2 * from, diffs->classes + from,
                            words->src + 2 * from, words->base + 2 * from, to - from, &p);
        break;
    case 4:
        diff_range(words, model, diffs, from, to, up, 4);
        break;
    default:
        diff_range(words, model, diffs, from, to, up, 8);
        break;
    }
}

static void classify_chunk(const bitx_words *words, const bitx_model *model,
                           const bitx_diffs *diffs, size_t from, size_t to, unsigned up)
{
    bitx_delta_params p;
    switch (words->layout.unit) {
    case 1:
        classify_range(words, model, diffs, from, to, up, 1);
        break;
    case 2:
        p = bitx_words_params(model, 0);
        if (up > p.class_low) {
            classify_range(words, model, diffs, from, to, up, 2);
            break;
        }
        p.class_low -= up;
        bitx_delta_classes_u16(diffs->classes + from, words->base + 2 * from, to - from, &p);
        break;
    case 4:
        classify_range(words, model, diffs, from, to, up, 4);
        break;
    default:
        classify_range(words, model, diffs, from, to, up, 8);
        break;
    }
}

typedef void chunk_fn(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs,
                      size_t from, size_t to, unsigned up);

static void each_chunk(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs,
                       chunk_fn *fn)
{
    if (!model->scaled) {
        fn(words, model, diffs, 0, words->nelem, 0);
        return;
    }
    size_t chunk = (size_t)1 << model->chunk_log2, to;
    for (size_t from = 0; from < words->nelem; from = to) {
        unsigned scale = diffs->scales[from >> model->chunk_log2];
        for (to = from; to < words->nelem && diffs->scales[to >> model->chunk_log2] == scale;)
            to = words->nelem - to < chunk ? words->nelem : to + chunk;
        if (scale == SCALE_SAME)
            memset(diffs->classes + from, CLASS_NONE, to - from);
        else
            fn(words, model, diffs, from, to, SCALE_MAX - scale);
    }
}

void bitx_words_classify(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs)
{
    each_chunk(words, model, diffs, classify_chunk);
}

void bitx_words_diff(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs)
{
    each_chunk(words, model, diffs, diff_chunk);
}

/* ---- symbols and raw bits ------------------------------------------------------------------ */

static inline __attribute__((always_inline)) void
split_range(const bitx_words *words, const bitx_model *model, unsigned same_classes,
            const bitx_diffs *diffs, size_t nbytes[RAW_STRINGS_MAX], unsigned unit)
{
    unsigned width = model->width, nstrings = raw_strings(width);
    bit_writer raw[RAW_STRINGS_MAX];
    for (unsigned k = 0; k < nstrings; k++)
        raw[k] = (bit_writer){.dst = diffs->raw + k * diffs->raw_stride, .cap = diffs->raw_stride};
    for (size_t i = 0; i < words->nelem; i++) {
        unsigned c = diffs->classes[i];
        int64_t d = word_signed(word_load(diffs->differences, i, unit), 8 * unit);
        diffs->symbols[i] = SYMBOL_SAME;
        if (c == CLASS_NONE || (d == 0 && same_classes >> c & 1))
            continue;
        difference_parts parts = difference_split(d, model->shift[c], width);
        diffs->symbols[i] = (uint8_t)parts.symbol;
        unsigned whole = parts.nraw / 8;
        for (unsigned k = 0; k < whole; k++)
            bits_put(&raw[1 + k], parts.raw >> 8 * k, 8);
        if (parts.nraw % 8)
            bits_put(&raw[0], parts.raw >> 8 * whole, parts.nraw % 8);
    }
    for (unsigned k = 0; k < nstrings; k++) {
        bits_flush(&raw[k]);
        nbytes[k] = raw[k].nbytes;
    }
}

static void split_words16(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                          const bitx_diffs *diffs, size_t nbytes[RAW_STRINGS_MAX])
{
    bitx_delta_params p = bitx_words_params(model, same_classes);
    bitx_raw_sink raw = {{diffs->raw, diffs->raw + diffs->raw_stride}, {0, 0}};
    bitx_delta_split_u16(diffs->symbols, &raw, diffs->differences, diffs->classes, words->nelem,
                         &p);
    for (unsigned k = 0; k < 2; k++)
        nbytes[k] = (raw.bit[k] + 7) / 8;
}

void bitx_words_split(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                      const bitx_diffs *diffs, size_t nbytes[RAW_STRINGS_MAX])
{
    switch (words->layout.unit) {
    case 1:
        split_range(words, model, same_classes, diffs, nbytes, 1);
        break;
    case 2:
        split_words16(words, model, same_classes, diffs, nbytes);
        break;
    case 4:
        split_range(words, model, same_classes, diffs, nbytes, 4);
        break;
    default:
        split_range(words, model, same_classes, diffs, nbytes, 8);
        break;
    }
}

void bitx_words_encode(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                       const bitx_diffs *diffs, size_t nbytes[RAW_STRINGS_MAX])
{
    if (words->layout.unit == 2) {
        bitx_delta_params p = bitx_words_params(model, same_classes);
        bitx_raw_sink raw = {{diffs->raw, diffs->raw + diffs->raw_stride}, {0, 0}};
        bitx_delta_encode_u16(diffs->symbols, diffs->classes, &raw, words->src, words->base,
                              words->nelem, &p);
        for (unsigned k = 0; k < 2; k++)
            nbytes[k] = (raw.bit[k] + 7) / 8;
        return;
    }
    bitx_words_diff(words, model, diffs);
    bitx_words_split(words, model, same_classes, diffs, nbytes);
}

bool bitx_words_lists(const bitx_words *words)
{
    return words->layout.unit == 2;
}

bitx_words_lister bitx_words_list_begin(const bitx_model *model, unsigned same_classes,
                                        const bitx_diffs *diffs)
{
    return (bitx_words_lister){bitx_words_params(model, same_classes),
                               {{diffs->raw, diffs->raw + diffs->raw_stride}, {0, 0}}};
}

void bitx_words_list(bitx_words_lister *lister, const bitx_words *words, size_t from, size_t n,
                     const bitx_model *model, uint8_t *ends[CLASSES_MAX])
{
    bitx_delta_lists_u16(ends, &lister->raw, words->src + 2 * from, words->base + 2 * from, n,
                         &lister->params, model->group);
}

void bitx_words_list_end(const bitx_words_lister *lister, size_t nbytes[RAW_STRINGS_MAX])
{
    for (unsigned k = 0; k < 2; k++)
        nbytes[k] = (lister->raw.bit[k] + 7) / 8;
}

void bitx_raw_open(bit_reader *r, unsigned width, raw_strings_read *raw)
{
    memset(raw, 0, sizeof(*raw));
    raw->n = raw_strings(width);
    size_t pos = r->pos / 8;
    for (unsigned k = 0; k + 1 < raw->n; k++) {
        uint64_t nbytes;
        if (load_varint(r->src, r->nbytes, &pos, r->nbytes, &nbytes) != VARINT_OK) {
            r->bad = true;
            return;
        }
        raw->nbytes[k] = (size_t)nbytes;
    }
    for (unsigned k = 0; k < raw->n; k++) {
        if (k + 1 == raw->n)
            raw->nbytes[k] = r->nbytes - pos;
        if (raw->nbytes[k] > r->nbytes - pos) {
            r->bad = true;
            return;
        }
        raw->bytes[k] = r->src + pos;
        pos += raw->nbytes[k];
    }
    r->pos = 8 * pos;
}

bool bitx_raw_ends(const raw_strings_read *raw)
{
    bool end = true;
    for (unsigned k = 0; k < raw->n; k++) {
        size_t bit = raw->bit[k];
        end &= (bit + 7) / 8 == raw->nbytes[k];
        if (end && bit % 8)
            end &= raw->bytes[k][bit / 8] >> bit % 8 == 0;
    }
    return end;
}

/* The next n raw bits, at most 62. */
static inline uint64_t raw_next(raw_strings_read *raw, unsigned n)
{
    uint64_t q = 0;
    unsigned whole = n / 8, k = 0;
    for (; k < whole; k++) {
        size_t at = raw->bit[1 + k] / 8;
        q |= (uint64_t)(at < raw->nbytes[1 + k] ? raw->bytes[1 + k][at] : 0) << 8 * k;
        raw->bit[1 + k] += 8;
    }
    uint64_t field = bits_low(bits_peek(raw->bytes[0], raw->nbytes[0], raw->bit[0]), n % 8);
    raw->bit[0] += n % 8;
    return q | field << 8 * k;
}

static inline __attribute__((always_inline)) void join_range(bit_reader *r, const bitx_words *words,
                                                             const bitx_model *model,
                                                             const bitx_diffs *diffs, uint8_t *dst,
                                                             raw_strings_read *raw, unsigned unit)
{
    bool bad = false;
    for (size_t i = 0; i < words->nelem; i++) {
        uint64_t base = word_load(words->base, i, unit) >> model->zero_bits;
        unsigned symbol = diffs->symbols[i];
        int64_t d = 0;
        if (symbol != SYMBOL_SAME) {
            unsigned shift = model->shift[diffs->classes[i] & 15];
            unsigned extra = symbol_extra(symbol), n = shift + extra;
            bad |= n > model->width - 2;
            n = n <= model->width - 2 ? n : model->width - 2;
            d = difference_join(symbol, extra & 63, raw_next(raw, n), shift);
        }
        word_store(dst, i, unit, word_restore(model, d, base) << model->zero_bits);
    }
    r->bad |= bad;
}

static void join_words(bit_reader *r, const bitx_words *words, const bitx_model *model,
                       const bitx_diffs *diffs, uint8_t *dst, raw_strings_read *raw)
{
    switch (words->layout.unit) {
    case 1:
        join_range(r, words, model, diffs, dst, raw, 1);
        break;
    case 2:
        join_range(r, words, model, diffs, dst, raw, 2);
        break;
    case 4:
        join_range(r, words, model, diffs, dst, raw, 4);
        break;
    default:
        join_range(r, words, model, diffs, dst, raw, 8);
        break;
    }
}

/* The kernel has no negative limit of classes. */
static bool kernel_restores(const bitx_words *words, const bitx_model *model, const uint8_t *scales)
{
    size_t n = (words->nelem + ((size_t)1 << model->chunk_log2) - 1) >> model->chunk_log2;
    if (words->layout.unit != 2)
        return false;
    if (model->class_low < SCALE_MAX && model->scaled)
        for (size_t i = 0; i < n; i++)
            if (scales[i] != SCALE_SAME && SCALE_MAX - scales[i] > (int)model->class_low)
                return false;
    return true;
}

static void restore_words16(bit_reader *r, const bitx_words *words, const bitx_model *model,
                            const bitx_diffs *diffs, const group_lists *lists, uint8_t *dst,
                            raw_strings_read *strings)
{
    bitx_delta_params p = bitx_words_params(model, 0);
    bitx_raw_source raw = {
        {strings->bytes[0], strings->bytes[1]}, {strings->nbytes[0], strings->nbytes[1]}, {0, 0}};
    bitx_delta_lists from = {.scales = model->scaled ? diffs->scales : NULL,
                             .chunk_log2 = model->chunk_log2};
    memcpy(from.group, model->group, sizeof(from.group));
    for (unsigned g = 0; g < CLASSES_MAX; g++)
        from.next[g] = lists->at[g];
    r->bad |= bitx_delta_restore_u16(dst, words->base, &from, &raw, words->nelem, &p);
    for (unsigned g = 0; g < model->ngroups; g++)
        r->bad |= from.next[g] != lists->at[g] + lists->n[g];
    memcpy(strings->bit, raw.bit, sizeof(raw.bit));
}

static bool sizes_fit(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs,
                      const group_lists *lists)
{
    uint32_t counts[CLASSES_MAX];
    bitx_groups_count_u8(counts, diffs->classes, model->group, words->nelem);
    for (unsigned g = 0; g < CLASSES_MAX; g++)
        if (counts[g] != lists->n[g])
            return false;
    return true;
}

void bitx_words_restore(bit_reader *r, const bitx_words *words, const bitx_model *model,
                        const bitx_diffs *diffs, const group_lists *lists, uint8_t *dst)
{
    raw_strings_read raw;
    bitx_raw_open(r, model->width, &raw);
    if (r->bad)
        return;
    if (kernel_restores(words, model, diffs->scales)) {
        restore_words16(r, words, model, diffs, lists, dst, &raw);
    } else {
        const uint8_t *next[CLASSES_MAX];
        memcpy(next, lists->at, sizeof(next));
        bitx_words_classify(words, model, diffs);
        if (!sizes_fit(words, model, diffs, lists)) {
            r->bad = true;
            return;
        }
        bitx_groups_merge_u8(diffs->symbols, next, diffs->classes, model->group, words->nelem);
        join_words(r, words, model, diffs, dst, &raw);
    }
    r->bad |= !bitx_raw_ends(&raw);
}
