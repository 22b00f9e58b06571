/* One buffer <-> one zstd frame (RFC 8878) with its content size, in contexts that never allocate.
 */
#ifndef CODEC_ZSTD_STREAM_H
#define CODEC_ZSTD_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "bitx/codec.h"

enum { BITX_ZSTD_LEVEL_DEFAULT = 3, BITX_ZSTD_LEVEL_MAX = 19 };

/* Memory of a compression context for inputs of up to max_nbytes at this level. */
size_t bitx_zstd_cctx_nbytes(int level, size_t max_nbytes);
size_t bitx_zstd_dctx_nbytes(void);
/* A context in that memory (8-byte aligned), NULL if it does not fit. Nothing to free. */
void *bitx_zstd_cctx_init(void *memory, size_t nbytes);
void *bitx_zstd_dctx_init(void *memory, size_t nbytes);

/* BITX_ERR_DST_SIZE when the frame would be longer than cap. */
bitx_status bitx_zstd_compress(void *cctx, int level, uint8_t *dst, size_t cap, size_t *dst_nbytes,
                               const uint8_t *src, size_t nbytes);
/* Exactly one frame of nbytes decoded bytes, else BITX_ERR_CORRUPT. */
bitx_status bitx_zstd_decompress(void *dctx, uint8_t *dst, size_t nbytes, const uint8_t *src,
                                 size_t src_nbytes);

#endif
