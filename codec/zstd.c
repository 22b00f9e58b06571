/* Codec `zstd`: a block's bytes as one zstd frame. And the use of zstd for other codecs. */
#define ZSTD_STATIC_LINKING_ONLY /* contexts in caller's memory; exported by the shared library    \
                                    too */
#include <zstd.h>
#include <zstd_errors.h>

#include "block.h"
#include "zstd_stream.h"

size_t bitx_zstd_cctx_nbytes(int level, size_t max_nbytes)
{
    /* zstd has a row of parameters for each of these source sizes; within one, need grows with
       the size, but from one to the next it may shrink. */
    const size_t tiers[] = {(size_t)16 << 10, (size_t)128 << 10, (size_t)256 << 10, max_nbytes};
    size_t most = 0;
    for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
        size_t nbytes = tiers[i] < max_nbytes ? tiers[i] : max_nbytes;
        ZSTD_compressionParameters params = ZSTD_getCParams(level, nbytes ? nbytes : 1, 0);
        size_t need = ZSTD_estimateCCtxSize_usingCParams(params);
        most = need > most ? need : most;
    }
    return most;
}

size_t bitx_zstd_dctx_nbytes(void)
{
    return ZSTD_estimateDCtxSize();
}

void *bitx_zstd_cctx_init(void *memory, size_t nbytes)
{
    return ZSTD_initStaticCCtx(memory, nbytes);
}

void *bitx_zstd_dctx_init(void *memory, size_t nbytes)
{
    return ZSTD_initStaticDCtx(memory, nbytes);
}

bitx_status bitx_zstd_compress(void *cctx, int level, uint8_t *dst, size_t cap, size_t *dst_nbytes,
                               const uint8_t *src, size_t nbytes)
{
    size_t n = ZSTD_compressCCtx(cctx, dst, cap, src, nbytes, level);
    if (ZSTD_isError(n))
        return ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall ? BITX_ERR_DST_SIZE
                                                                   : BITX_ERR_MEMORY;
    *dst_nbytes = n;
    return BITX_OK;
}

bitx_status bitx_zstd_decompress(void *dctx, uint8_t *dst, size_t nbytes, const uint8_t *src,
                                 size_t src_nbytes)
{
    /* ZSTD_decompress would also take several frames, or skippable ones, or one without a size. */
    if (ZSTD_getFrameContentSize(src, src_nbytes) != nbytes ||
        ZSTD_findFrameCompressedSize(src, src_nbytes) != src_nbytes)
        return BITX_ERR_CORRUPT;
    return ZSTD_decompressDCtx(dctx, dst, nbytes, src, src_nbytes) == nbytes ? BITX_OK
                                                                             : BITX_ERR_CORRUPT;
}

static bool zstd_accepts(bitx_dtype dtype, bool has_base)
{
    (void)dtype;
    (void)has_base;
    return true;
}

static size_t zstd_scratch_nbytes(bitx_dtype dtype, size_t block_nbytes)
{
    (void)dtype;
    (void)block_nbytes;
    return 0;
}

static bitx_status zstd_encode(const bitx_work *work, const bitx_tuning *tuning,
                               const bitx_span *span, const uint8_t *src, uint8_t *dst, size_t cap,
                               size_t *payload_nbytes)
{
    return bitx_zstd_compress(work->zstd_cctx, tuning->zstd_level, dst, cap, payload_nbytes, src,
                              span->nbytes);
}

static bitx_status zstd_decode(const bitx_work *work, const bitx_span *span, uint8_t *dst,
                               const uint8_t *payload, size_t payload_nbytes)
{
    return bitx_zstd_decompress(work->zstd_dctx, dst, span->nbytes, payload, payload_nbytes);
}

const bitx_block_codec bitx_codec_zstd = {
    .id = BITX_CODEC_ZSTD,
    .accepts = zstd_accepts,
    .scratch_nbytes = zstd_scratch_nbytes,
    .encode = zstd_encode,
    .decode = zstd_decode,
};
