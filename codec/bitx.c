/*
 * Codec `bitx`, as ZipLLM publishes it (arXiv 2505.06252, section 4.3): XOR with the base, then for
 * BF16 the exponents and the sign+mantissas apart, zstd on each. Other widths, which the paper does
 * not treat, go by byte planes, lowest byte first. Elements without a base are XORed with nothing.
 *
 * Payload: u32 sizes of all streams but the last, the streams, the bytes that fill no element.
 */
#include <string.h>

#include "block.h"
#include "bytes.h"
#include "zstd_stream.h"

enum { ZEROS_NBYTES = 4096 };

/* The base of elements that have none. */
static const uint8_t zeros[ZEROS_NBYTES];

/* Planes are `stride` apart. */
static void split(bitx_dtype dtype, uint8_t *planes, size_t stride, const uint8_t *src,
                  const uint8_t *base, size_t nelem)
{
    if (dtype == BITX_BF16) {
        bitx_xor_split_bf16(planes, planes + stride, src, base, nelem);
        return;
    }
    switch (bitx_unit_nbytes(dtype)) {
    case 1:
        bitx_xor_bytes(planes, src, base, nelem);
        break;
    case 2:
        bitx_xor_split_planes_u16(planes, stride, src, base, nelem);
        break;
    case 4:
        bitx_xor_split_planes_u32(planes, stride, src, base, nelem);
        break;
    default:
        bitx_xor_split_planes_u64(planes, stride, src, base, nelem);
        break;
    }
}

static void merge(bitx_dtype dtype, uint8_t *dst, const uint8_t *planes, size_t stride,
                  const uint8_t *base, size_t nelem)
{
    if (dtype == BITX_BF16) {
        bitx_xor_merge_bf16(dst, planes, planes + stride, base, nelem);
        return;
    }
    switch (bitx_unit_nbytes(dtype)) {
    case 1:
        bitx_xor_bytes(dst, planes, base, nelem);
        break;
    case 2:
        bitx_xor_merge_planes_u16(dst, planes, stride, base, nelem);
        break;
    case 4:
        bitx_xor_merge_planes_u32(dst, planes, stride, base, nelem);
        break;
    default:
        bitx_xor_merge_planes_u64(dst, planes, stride, base, nelem);
        break;
    }
}

/* The next elements that are to be treated alike, from element `from` on: their base and number. */
static size_t next_run(const bitx_span *span, size_t from, const uint8_t **base)
{
    size_t unit = bitx_unit_nbytes(span->dtype);
    size_t nelem = span->nbytes / unit, nbased = span->base_nbytes / unit;
    if (from < nbased) {
        *base = span->base + from * unit;
        return nbased - from;
    }
    *base = zeros;
    return nelem - from < ZEROS_NBYTES / unit ? nelem - from : ZEROS_NBYTES / unit;
}

static void split_all(const bitx_span *span, uint8_t *planes, const uint8_t *src)
{
    size_t unit = bitx_unit_nbytes(span->dtype), nelem = span->nbytes / unit, n;
    const uint8_t *base;
    for (size_t i = 0; i < nelem; i += n) {
        n = next_run(span, i, &base);
        split(span->dtype, planes + i, nelem, src + i * unit, base, n);
    }
}

static void merge_all(const bitx_span *span, uint8_t *dst, const uint8_t *planes)
{
    size_t unit = bitx_unit_nbytes(span->dtype), nelem = span->nbytes / unit, n;
    const uint8_t *base;
    for (size_t i = 0; i < nelem; i += n) {
        n = next_run(span, i, &base);
        merge(span->dtype, dst + i * unit, planes + i, nelem, base, n);
    }
}

static bool bitx_accepts(bitx_dtype dtype, bool has_base)
{
    (void)dtype;
    (void)has_base;
    return true;
}

static size_t bitx_scratch_nbytes(bitx_dtype dtype, size_t block_nbytes)
{
    (void)dtype;
    return block_nbytes;
}

static bitx_status bitx_block_encode_bitx(const bitx_work *work, const bitx_tuning *tuning,
                                          const bitx_span *span, const uint8_t *src, uint8_t *dst,
                                          size_t cap, size_t *payload_nbytes)
{
    size_t nplanes = bitx_unit_nbytes(span->dtype);
    size_t nelem = span->nbytes / nplanes;
    size_t ntail = span->nbytes % nplanes;
    size_t pos = 4 * (nplanes - 1);
    if (cap < pos + ntail)
        return BITX_ERR_DST_SIZE;
    split_all(span, work->scratch, src);
    for (size_t p = 0; p < nplanes; p++) {
        size_t n = 0;
        bitx_status status =
            bitx_zstd_compress(work->zstd_cctx, tuning->zstd_level, dst + pos, cap - ntail - pos,
                               &n, work->scratch + p * nelem, nelem);
        if (status != BITX_OK)
            return status;
        if (p + 1 < nplanes)
            store_u32(dst + 4 * p, (uint32_t)n);
        pos += n;
    }
    memcpy(dst + pos, src + nelem * nplanes, ntail);
    *payload_nbytes = pos + ntail;
    return BITX_OK;
}

static bitx_status bitx_block_decode_bitx(const bitx_work *work, const bitx_span *span,
                                          uint8_t *dst, const uint8_t *payload,
                                          size_t payload_nbytes)
{
    size_t nplanes = bitx_unit_nbytes(span->dtype);
    size_t nelem = span->nbytes / nplanes;
    size_t ntail = span->nbytes % nplanes;
    size_t pos = 4 * (nplanes - 1);
    if (payload_nbytes < pos + ntail)
        return BITX_ERR_CORRUPT;
    size_t end = payload_nbytes - ntail;
    for (size_t p = 0; p < nplanes; p++) {
        size_t n = p + 1 < nplanes ? load_u32(payload + 4 * p) : end - pos;
        if (n > end - pos)
            return BITX_ERR_CORRUPT;
        bitx_status status = bitx_zstd_decompress(work->zstd_dctx, work->scratch + p * nelem, nelem,
                                                  payload + pos, n);
        if (status != BITX_OK)
            return status;
        pos += n;
    }
    merge_all(span, dst, work->scratch);
    memcpy(dst + nelem * nplanes, payload + end, ntail);
    return BITX_OK;
}

const bitx_block_codec bitx_codec_bitx = {
    .id = BITX_CODEC_BITX,
    .uses_base = true,
    .accepts = bitx_accepts,
    .scratch_nbytes = bitx_scratch_nbytes,
    .encode = bitx_block_encode_bitx,
    .decode = bitx_block_decode_bitx,
};
