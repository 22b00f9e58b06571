/* Finding what an adapter that is given did to a base. Internal to codec/. */
#ifndef CODEC_ADAPTER_FIND_H
#define CODEC_ADAPTER_FIND_H

#include "lowrank_fit.h"
#include "predict_find.h"

/* found: all but prediction, section and memory is set; there is false if it was not merged. */
bitx_status bitx_adapter_find(bitx_ctx *ctx, const bitx_pair_source *pair, uint64_t memory_nbytes,
                              const bitx_adapter_source *adapter, bitx_found *found);

#endif
