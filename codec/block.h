/*
 * codec/block.h: what a codec of blocks is. Internal to codec/.
 *
 * To add a codec: write codec/<name>.c with one `const bitx_block_codec`, declare it below, name it
 * in the table of codecs.c, give it an id in bitx_codec, and describe its payload and its shared
 * tables in FORMAT.md. Headers, plans, choice, threads and checksums need no change.
 */
#ifndef CODEC_BLOCK_H
#define CODEC_BLOCK_H

#include <stdbool.h>

#include "bitx/codec.h"

/*
 * For who has more to do with a block's bytes than its codec: advance() learns that bytes [0, end)
 * of the block are written (decoder) or read (encoder), and that those last written or read are in
 * the L1 with the same of the base. A codec may call it or not, with rising ends or the same again.
 */
typedef struct bitx_progress {
    void (*advance)(struct bitx_progress *progress, size_t end);
} bitx_progress;

/* One worker's memory: grown by the context before blocks are coded, never while. */
typedef struct bitx_work {
    uint8_t *scratch; /* scratch_nbytes() of the codec, 64-byte aligned, contents undefined */
    void *zstd_cctx;  /* ZSTD_CCtx *, encoding only */
    void *zstd_dctx;  /* ZSTD_DCtx *, decoding only */
    bitx_progress *progress; /* or NULL */
} bitx_work;

/* What the coding of a block may depend on, on both sides. */
typedef struct bitx_span {
    bitx_dtype dtype;
    uint64_t offset;     /* of the block in the tensor, bytes */
    size_t nbytes;       /* of the block, at least 1; the last one may end inside an element */
    const uint8_t *base; /* the same range of the base, NULL if base_nbytes is 0 */
    size_t base_nbytes;  /* a multiple of bitx_unit_nbytes(dtype), at most nbytes */
    const void *tables;  /* what tables_parse() made; NULL for a codec without tables */
} bitx_span;

/* Encoder's options; they never change what the decoder needs to know. */
typedef struct bitx_tuning {
    bitx_effort effort;
    int zstd_level; /* 1 to 19 */
} bitx_tuning;

/* Pieces of the tensor (and of its base), one after the other, for plans. */
typedef struct bitx_sample {
    bitx_span span;     /* base and sizes of the whole sample; offset 0 */
    const uint8_t *src; /* span.nbytes */
    uint64_t nbytes;    /* of the whole tensor */
    uint32_t block_nbytes;
    size_t piece_nbytes; /* of every piece but the last; pieces were apart in the tensor */
    uint64_t step;       /* so much, in whole lines of 64 bytes */
} bitx_sample;

/* Where piece i begins in the tensor. */
static inline uint64_t bitx_sample_offset(const bitx_sample *sample, size_t i)
{
    return i * sample->step / 64 * 64;
}

typedef struct bitx_block_codec {
    bitx_codec id;
    bool uses_base;

    /* Whether it can code this dtype, with or without a base. */
    bool (*accepts)(bitx_dtype dtype, bool has_base);
    /* Scratch for blocks of up to this size. */
    size_t (*scratch_nbytes)(bitx_dtype dtype, size_t block_nbytes);

    /*
     * The payload of one block. BITX_ERR_DST_SIZE when it would be longer than cap, which ends this
     * codec's candidature and is no error. Nothing beyond dst[cap - 1] may be written.
     */
    bitx_status (*encode)(const bitx_work *work, const bitx_tuning *tuning, const bitx_span *span,
                          const uint8_t *src, uint8_t *dst, size_t cap, size_t *payload_nbytes);
    /*
     * Writes exactly span->nbytes, whatever the payload holds; BITX_ERR_CORRUPT if it is no
     * payload of this codec. payload_nbytes < span->nbytes (equal for raw).
     */
    bitx_status (*decode)(const bitx_work *work, const bitx_span *span, uint8_t *dst,
                          const uint8_t *payload, size_t payload_nbytes);

    /* Shared tables; all NULL and 0 for a codec without. */
    size_t tables_max_nbytes; /* of the section in the header, at most BITX_TABLES_MAX */
    size_t tables_object_nbytes;
    /* Writes the section from a sample; 0: no section, which decode() must then do without. */
    size_t (*tables_plan)(const bitx_work *work, const bitx_tuning *tuning,
                          const bitx_sample *sample, uint8_t *section);
    /* Checks a section and makes the object that span->tables points to. Encoder and decoder both
       call it, so they cannot differ. */
    bitx_status (*tables_parse)(bitx_dtype dtype, const uint8_t *section, size_t nbytes,
                                void *object);
} bitx_block_codec;

extern const bitx_block_codec bitx_codec_raw;
extern const bitx_block_codec bitx_codec_zstd;
extern const bitx_block_codec bitx_codec_bitx;
extern const bitx_block_codec bitx_codec_float;
extern const bitx_block_codec bitx_codec_delta;
extern const bitx_block_codec bitx_codec_fields;

/* The codec of that id, or NULL if this build has none. */
const bitx_block_codec *bitx_codec_find(unsigned id);

/* Bytes of what is coded as one number: an element, a component of a complex one, 1 below 8 bits.
 */
size_t bitx_unit_nbytes(bitx_dtype dtype);

#endif
