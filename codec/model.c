/* The model of codec `delta`, as FORMAT.md has it. */
#include "model.h"

bitx_layout bitx_layout_of(bitx_dtype dtype)
{
    switch (dtype) {
    case BITX_BF16:
        return (bitx_layout){2, true, 7};
    case BITX_F16:
        return (bitx_layout){2, true, 10};
    case BITX_F32:
    case BITX_C64:
        return (bitx_layout){4, true, 23};
    case BITX_F64:
        return (bitx_layout){8, true, 52};
    case BITX_F8_E4M3:
    case BITX_F8_E4M3FNUZ:
        return (bitx_layout){1, true, 3};
    case BITX_F8_E5M2:
    case BITX_F8_E5M2FNUZ:
        return (bitx_layout){1, true, 2};
    default:
        return (bitx_layout){(unsigned)bitx_unit_nbytes(dtype), false, 0};
    }
}

static unsigned group_bits(unsigned ngroups)
{
    return ngroups > 1 ? bits_log2(ngroups - 1) + 1 : 0;
}

void bitx_model_write(bit_writer *w, const bitx_model *model)
{
    bits_put_number(w, model->zero_bits);
    bits_put(w, model->scaled, 1);
    if (model->scaled) {
        bits_put(w, model->chunk_log2 - CHUNK_LOG2_MIN, 4);
        bitx_code_write(w, &model->scales, SCALES, false);
    }
    if (model->sign) {
        bits_put_number(w, model->class_shift);
        bits_put_number(w, model->class_low);
        bits_put(w, model->nclasses - 1, 4);
        bits_put(w, model->ngroups - 1, 4);
    }
    for (unsigned c = 0; c < model->nclasses; c++) {
        bits_put_signed(w, (int64_t)model->shift[c] - (c ? model->shift[c - 1] : 0));
        bits_put(w, model->group[c], group_bits(model->ngroups));
    }
    for (unsigned g = 0; g < model->ngroups; g++)
        bitx_code_write(w, &model->codes[g], symbols_of_width(model->width), true);
}

void bitx_model_read(bit_reader *r, const bitx_layout *layout, bitx_model *model)
{
    memset(model, 0, offsetof(bitx_model, codes));
    unsigned bits = 8 * layout->unit;
    model->zero_bits = (unsigned)bits_get_number(r, bits - 2);
    model->width = bits - model->zero_bits;
    model->sign = layout->sign;
    model->scaled = bits_get(r, 1);
    if (model->scaled) {
        model->chunk_log2 = CHUNK_LOG2_MIN + (unsigned)bits_get(r, 4);
        bitx_code_read(r, &model->scales, SCALES, false);
    }
    model->class_shift = 0;
    model->nclasses = model->ngroups = 1;
    if (model->sign) {
        model->class_shift = (unsigned)bits_get_number(r, model->width - 1);
        model->class_low = (uint32_t)bits_get_number(r, UINT16_MAX);
        model->nclasses = (unsigned)bits_get(r, 4) + 1;
        model->ngroups = (unsigned)bits_get(r, 4) + 1;
    }
    int64_t shift = 0;
    for (unsigned c = 0; c < model->nclasses && !r->bad; c++) {
        shift += bits_get_signed(r, 64);
        uint64_t group = bits_get(r, group_bits(model->ngroups));
        if (shift < 0 || shift > (int64_t)model->width - 2 || group >= model->ngroups)
            r->bad = true;
        model->shift[c] = (uint8_t)shift;
        model->group[c] = (uint8_t)group;
    }
    for (unsigned g = 0; g < model->ngroups && !r->bad; g++)
        bitx_code_read(r, &model->codes[g], symbols_of_width(model->width), true);
}
