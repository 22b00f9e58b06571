/*
 * Quantised dtypes: what a record of them is made of. Internal to codec/.
 *
 * ggml (ggml-common.h of llama.cpp) packs 32 or 256 weights into a record: scales, then numbers of
 * a few bits, their high bits apart. Records follow one another without gaps.
 */
#ifndef CODEC_RECORDS_H
#define CODEC_RECORDS_H

#include "bitx/codec.h"

enum { FIELDS_MAX = 5 };

typedef struct bitx_field {
    uint16_t nbytes; /* in each record */
    uint8_t dtype;   /* as which it is coded */
} bitx_field;

typedef struct bitx_record {
    unsigned nbytes, nfields;
    bitx_field fields[FIELDS_MAX]; /* in the order of the record, which they fill */
} bitx_record;

/* NULL for a dtype that has no records. */
const bitx_record *bitx_record_of(bitx_dtype dtype);

#endif
