/* What plans and encoders share. Internal to codec/. */
#ifndef CODEC_ENCODE_H
#define CODEC_ENCODE_H

#include "ctx.h"
#include "header.h"
#include "predict_find.h"

struct bitx_plan {
    bitx_allocator allocator;
    bitx_header header;
    bitx_tuning tuning;
    unsigned ncandidates; /* besides raw */
    const bitx_block_codec *candidates[BITX_CODEC_COUNT];
    uint8_t *section; /* shared tables as written */
    const void *tables[BITX_CODEC_COUNT];
    bitx_found found; /* the prediction, its section and factors */
};

/* ---- plans.c ---- */

bitx_status bitx_params_read(const bitx_params *given, bitx_params *p);
unsigned bitx_block_log2(uint32_t power);
/* section: bitx_tables_section_max() bytes; objects: 64-byte aligned. */
bitx_status bitx_plan_make(bitx_ctx *ctx, const bitx_params *p, const bitx_source *src,
                           uint64_t nbytes, const bitx_bases *bases, uint8_t *section,
                           uint8_t *objects, bitx_plan *plan);
bitx_status bitx_bases_check(const bitx_base_source *bases, unsigned nbases);

/* ---- choose.c ---- */

/* The codecs that may be tried. */
bitx_status bitx_plan_list(bitx_plan *plan, bitx_codec codec, bool has_base);

/* Whether the sample is needed: to choose, or for tables, which the only block of a tensor does
   without. Floats in one block of some size are tried as blocks are, most likely first. */
bool bitx_plan_wants_sample(const bitx_plan *plan);

/* Whether bitx_screen() is asked first: what it says holds for floats. */
bool bitx_plan_screens(const bitx_plan *plan, const bitx_block_codec *codec);

void bitx_plan_set_found(bitx_plan *plan, const bitx_found *found);

/* Tries the base, then what else may predict the tensor, and leaves the plan with the best. */
bitx_status bitx_plan_predict(bitx_ctx *ctx, bitx_plan *plan, const bitx_params *p,
                              const bitx_source *src, const bitx_bases *bases, uint8_t *section,
                              uint8_t *objects);

/* ---- encode.c ---- */

/* Memory for blocks of at most so many bytes. */
bitx_need bitx_encode_need(const bitx_plan *plan, size_t nbytes);

#endif
