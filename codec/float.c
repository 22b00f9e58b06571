/*
 * Codec `float`: elements by themselves. The high part of a word (its exponent, and a bit or two of
 * mantissa: the density within an exponent is not flat) is a symbol, the rest is raw.
 *
 * Payload: u8 form; in FORM_OWN a model, else that of the frame's tables; the tree of all symbols;
 * raw bits of all elements in order; the bytes that fill no element. Model, tree and raw bits end
 * at a byte each.
 */
#include <string.h>

#include "bitx/kernels.h"
#include "carve.h"
#include "float.h"

static bool float_accepts(bitx_dtype dtype, bool has_base)
{
    (void)dtype;
    (void)has_base;
    return true;
}

word_fold bitx_float_fold_of(bitx_dtype dtype)
{
    if (bitx_layout_of(dtype).sign)
        return FOLD_SIGN;
    bool is_signed =
        dtype == BITX_I8 || dtype == BITX_I16 || dtype == BITX_I32 || dtype == BITX_I64;
    return is_signed ? FOLD_INTEGER : FOLD_NONE;
}

static inline uint64_t unfold(const float_model *model, uint64_t v)
{
    unsigned top = model->width - 1;
    switch (model->fold) {
    case FOLD_SIGN:
        return v >> 1 | (v & 1) << top;
    case FOLD_INTEGER:
        return v >> 1 ^ bits_low(0 - (v & 1), model->width);
    default:
        return v;
    }
}

/* ---- memory ---- */

size_t bitx_float_scratch_nbytes(bitx_dtype dtype, size_t block_nbytes)
{
    size_t unit = bitx_layout_of(dtype).unit;
    size_t nelem = block_nbytes / unit + 1;
    return carved(nelem * unit + 8) + 2 * carved(nelem + TREE_SLACK) +
           carved(FINE_COUNTS * sizeof(uint32_t)) + carved(bitx_tree_arena_nbytes(nelem));
}

float_memory bitx_float_divide(const bitx_work *work, size_t nelem, size_t unit)
{
    uint8_t *at = work->scratch;
    float_memory m;
    m.raw = carve(&at, nelem * unit + 8);
    m.list = carve(&at, nelem + TREE_SLACK);
    m.other = carve(&at, nelem + TREE_SLACK);
    m.counts = (void *)carve(&at, FINE_COUNTS * sizeof(uint32_t));
    m.arena = (bitx_arena){at, bitx_tree_arena_nbytes(nelem)};
    return m;
}

bitx_words bitx_float_words(const bitx_span *span, const uint8_t *src)
{
    bitx_layout layout = bitx_layout_of(span->dtype);
    return (bitx_words){layout, src, NULL, span->nbytes / layout.unit};
}

/* ---- models ---- */

static void read_model(bit_reader *r, bitx_dtype dtype, float_model *model)
{
    unsigned bits = 8 * bitx_layout_of(dtype).unit;
    memset(model, 0, sizeof(*model));
    model->fold = bitx_float_fold_of(dtype);
    model->zero_bits = (unsigned)bits_get_number(r, bits - 2);
    model->width = bits - model->zero_bits;
    model->shift = (unsigned)bits_get(r, 6);
    model->low = bits_get_number(r, UINT32_MAX);
    bitx_code_read(r, &model->code, 256, false);
    if (model->shift >= model->width || r->bad) {
        r->bad = true;
        return;
    }
    uint64_t most = bits_low(UINT64_MAX, model->width) >> model->shift;
    for (unsigned i = 0; i < model->code.nsymbols; i++)
        if (model->low > most || model->code.symbol[i] > most - model->low)
            r->bad = true;
}

/* ---- decoding ------------------------------------------------------------------------------ */

static inline __attribute__((always_inline)) void join_words(bit_reader *r,
                                                             const float_model *given,
                                                             const uint8_t *list, size_t nelem,
                                                             uint8_t *dst, unsigned unit)
{
    const float_model *model = given;
    unsigned shift = model->shift, zero_bits = model->zero_bits;
    size_t pos = r->pos;
    for (size_t i = 0; i < nelem; i++) {
        uint64_t raw = bits_low(bits_peek(r->src, r->nbytes, pos), shift);
        uint64_t v = (list[i] + model->low) << shift | raw;
        word_store(dst, i, unit, unfold(model, v) << zero_bits);
        pos += shift;
    }
    r->pos = pos;
}

static void join_words16(bit_reader *r, const float_model *model, const uint8_t *list, size_t nelem,
                         uint8_t *dst)
{
    bitx_float_params p = {.width = model->width,
                           .zero_bits = model->zero_bits,
                           .fold = (unsigned)model->fold,
                           .shift = model->shift,
                           .low = (unsigned)model->low};
    bitx_float_join_u16(dst, list, r->src + r->pos / 8, nelem, &p);
    r->pos += nelem * model->shift;
}

static void decode_words(bit_reader *r, const float_model *model, const float_memory *m,
                         size_t nelem, size_t unit, uint8_t *dst)
{
    bitx_tree_decode(r, &model->code, m->list, m->other, nelem, m->arena);
    bits_align(r);
    if (r->bad || nelem > (8 * r->nbytes - r->pos) / (model->shift ? model->shift : 1)) {
        r->bad |= model->shift != 0;
        if (r->bad)
            return;
    }
    if (unit == 1)
        join_words(r, model, m->list, nelem, dst, 1);
    else if (unit == 2)
        join_words16(r, model, m->list, nelem, dst);
    else if (unit == 4)
        join_words(r, model, m->list, nelem, dst, 4);
    else
        join_words(r, model, m->list, nelem, dst, 8);
    bits_align(r);
}

static bitx_status float_decode(const bitx_work *work, const bitx_span *span, uint8_t *dst,
                                const uint8_t *payload, size_t payload_nbytes)
{
    bitx_words words = bitx_float_words(span, NULL);
    size_t unit = words.layout.unit, ntail = span->nbytes % unit;
    if (payload_nbytes < 1 + ntail || payload[0] > FORM_OWN)
        return BITX_ERR_CORRUPT;
    size_t end = payload_nbytes - ntail;
    bit_reader r = {.src = payload + 1, .nbytes = end - 1};
    float_model own;
    const float_model *model = span->tables;
    if (payload[0] == FORM_OWN) {
        read_model(&r, span->dtype, &own);
        bits_align(&r);
        model = &own;
    }
    if (!model || r.bad)
        return BITX_ERR_CORRUPT;
    float_memory m = bitx_float_divide(work, words.nelem, unit);
    decode_words(&r, model, &m, words.nelem, unit, dst);
    if (r.bad || r.pos != 8 * r.nbytes)
        return BITX_ERR_CORRUPT;
    memcpy(dst + span->nbytes - ntail, payload + end, ntail);
    return BITX_OK;
}

/* ---- tables -------------------------------------------------------------------------------- */

static bitx_status float_tables_parse(bitx_dtype dtype, const uint8_t *section, size_t nbytes,
                                      void *object)
{
    bit_reader r = {.src = section, .nbytes = nbytes};
    read_model(&r, dtype, object);
    bits_align(&r);
    return !r.bad && r.pos == 8 * nbytes ? BITX_OK : BITX_ERR_CORRUPT;
}

const bitx_block_codec bitx_codec_float = {
    .id = BITX_CODEC_FLOAT,
    .accepts = float_accepts,
    .scratch_nbytes = bitx_float_scratch_nbytes,
    .encode = bitx_float_encode,
    .decode = float_decode,
    .tables_max_nbytes = FLOAT_MODEL_MAX_NBYTES,
    .tables_object_nbytes = sizeof(float_model),
    .tables_plan = bitx_float_tables_plan,
    .tables_parse = float_tables_parse,
};
