/* The codecs of this build, and the simplest of them. */
#include <string.h>

#include "block.h"

static const bitx_block_codec *const codecs[BITX_CODEC_COUNT] = {
    [BITX_CODEC_RAW] = &bitx_codec_raw,     [BITX_CODEC_ZSTD] = &bitx_codec_zstd,
    [BITX_CODEC_BITX] = &bitx_codec_bitx,   [BITX_CODEC_FLOAT] = &bitx_codec_float,
    [BITX_CODEC_DELTA] = &bitx_codec_delta, [BITX_CODEC_FIELDS] = &bitx_codec_fields,
};

const bitx_block_codec *bitx_codec_find(unsigned id)
{
    return id < BITX_CODEC_COUNT ? codecs[id] : NULL;
}

size_t bitx_unit_nbytes(bitx_dtype dtype)
{
    if (dtype == BITX_C64) /* two F32 */
        return 4;
    unsigned bits = bitx_dtype_bits(dtype);
    return bits <= 8 ? 1 : bits / 8;
}

static bool raw_accepts(bitx_dtype dtype, bool has_base)
{
    (void)dtype;
    (void)has_base;
    return true;
}

static size_t raw_scratch_nbytes(bitx_dtype dtype, size_t block_nbytes)
{
    (void)dtype;
    (void)block_nbytes;
    return 0;
}

static bitx_status raw_encode(const bitx_work *work, const bitx_tuning *tuning,
                              const bitx_span *span, const uint8_t *src, uint8_t *dst, size_t cap,
                              size_t *payload_nbytes)
{
    (void)work;
    (void)tuning;
    if (cap < span->nbytes)
        return BITX_ERR_DST_SIZE;
    memcpy(dst, src, span->nbytes);
    *payload_nbytes = span->nbytes;
    return BITX_OK;
}

static bitx_status raw_decode(const bitx_work *work, const bitx_span *span, uint8_t *dst,
                              const uint8_t *payload, size_t payload_nbytes)
{
    (void)work;
    if (payload_nbytes != span->nbytes)
        return BITX_ERR_CORRUPT;
    memcpy(dst, payload, payload_nbytes);
    return BITX_OK;
}

const bitx_block_codec bitx_codec_raw = {
    .id = BITX_CODEC_RAW,
    .accepts = raw_accepts,
    .scratch_nbytes = raw_scratch_nbytes,
    .encode = raw_encode,
    .decode = raw_decode,
};
