/* Words: differences, classes, symbols and raw bits, by kernels where there are any. */
#include "words.h"

#include "bitx/kernels.h"
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

static bitx_delta_params params_of(const bitx_model *model, unsigned same_classes)
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
        p = params_of(model, 0);
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
        p = params_of(model, 0);
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
    size_t chunk = (size_t)1 << model->chunk_log2;
    for (size_t from = 0; from < words->nelem; from += chunk) {
        size_t to = words->nelem - from < chunk ? words->nelem : from + chunk;
        unsigned scale = diffs->scales[from >> model->chunk_log2];
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

static inline __attribute__((always_inline)) size_t
split_range(const bitx_words *words, const bitx_model *model, unsigned same_classes,
            const bitx_diffs *diffs, unsigned unit)
{
    bit_writer raw = {.dst = diffs->raw, .cap = words->nelem * unit + 8};
    unsigned width = model->width;
    for (size_t i = 0; i < words->nelem; i++) {
        unsigned c = diffs->classes[i];
        int64_t d = word_signed(word_load(diffs->differences, i, unit), 8 * unit);
        diffs->symbols[i] = SYMBOL_SAME;
        if (c == CLASS_NONE || (d == 0 && same_classes >> c & 1))
            continue;
        difference_parts parts = difference_split(d, model->shift[c], width);
        diffs->symbols[i] = (uint8_t)parts.symbol;
        bits_put(&raw, parts.raw, parts.nraw);
    }
    size_t nbits = 8 * raw.nbytes + raw.fill;
    bits_flush(&raw);
    return nbits;
}

size_t bitx_words_split(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                        const bitx_diffs *diffs)
{
    bitx_delta_params p;
    switch (words->layout.unit) {
    case 1:
        return split_range(words, model, same_classes, diffs, 1);
    case 2:
        p = params_of(model, same_classes);
        return bitx_delta_split_u16(diffs->symbols, diffs->raw, 0, diffs->differences,
                                    diffs->classes, words->nelem, &p);
    case 4:
        return split_range(words, model, same_classes, diffs, 4);
    default:
        return split_range(words, model, same_classes, diffs, 8);
    }
}

static inline __attribute__((always_inline)) void join_range(bit_reader *r, const bitx_words *words,
                                                             const bitx_model *model,
                                                             const bitx_diffs *diffs, uint8_t *dst,
                                                             unsigned unit)
{
    size_t pos = r->pos;
    bool bad = false;
    for (size_t i = 0; i < words->nelem; i++) {
        uint64_t base = word_load(words->base, i, unit) >> model->zero_bits;
        unsigned symbol = diffs->symbols[i];
        int64_t d = 0;
        if (symbol != SYMBOL_SAME) {
            unsigned shift = model->shift[diffs->classes[i] & 15];
            unsigned extra = symbol_extra(symbol), n = shift + extra;
            bad |= extra && n > model->width - 2;
            n &= 63;
            d = difference_join(symbol, extra & 63, bits_low(bits_peek(r->src, r->nbytes, pos), n),
                                shift);
            pos += n;
        }
        word_store(dst, i, unit, word_restore(model, d, base) << model->zero_bits);
    }
    r->pos = pos;
    r->bad |= bad || pos > 8 * r->nbytes;
}

void bitx_words_join(bit_reader *r, const bitx_words *words, const bitx_model *model,
                     const bitx_diffs *diffs, uint8_t *dst)
{
    bitx_delta_params p;
    size_t end;
    switch (words->layout.unit) {
    case 1:
        join_range(r, words, model, diffs, dst, 1);
        break;
    case 2:
        p = params_of(model, 0);
        end = bitx_delta_join_u16(dst, words->base, diffs->classes, diffs->symbols, r->src,
                                  r->nbytes, r->pos, words->nelem, &p);
        r->bad |= end == SIZE_MAX;
        r->pos = r->bad ? r->pos : end;
        break;
    case 4:
        join_range(r, words, model, diffs, dst, 4);
        break;
    default:
        join_range(r, words, model, diffs, dst, 8);
        break;
    }
}
