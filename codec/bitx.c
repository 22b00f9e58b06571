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

enum { MAX_PLANES = 8, ZEROS_NBYTES = 4096 };

/* The base of elements that have none. */
static const uint8_t zeros[ZEROS_NBYTES];

typedef void split_fn(uint8_t *planes, size_t stride, size_t nplanes, const uint8_t *src,
                      const uint8_t *base, size_t nelem);
typedef void merge_fn(uint8_t *dst, const uint8_t *planes, size_t stride, size_t nplanes,
                      const uint8_t *base, size_t nelem);

static void split_bf16(uint8_t *planes, size_t stride, size_t nplanes, const uint8_t *src,
                       const uint8_t *base, size_t nelem)
{
    (void)nplanes;
    bitx_xor_split_bf16(planes, planes + stride, src, base, nelem);
}

static void merge_bf16(uint8_t *dst, const uint8_t *planes, size_t stride, size_t nplanes,
                       const uint8_t *base, size_t nelem)
{
    (void)nplanes;
    bitx_xor_merge_bf16(dst, planes, planes + stride, base, nelem);
}

static void split_bytes(uint8_t *planes, size_t stride, size_t nplanes, const uint8_t *src,
                        const uint8_t *base, size_t nelem)
{
    if (nplanes == 1) {
        bitx_xor_bytes(planes, src, base, nelem);
        return;
    }
    for (size_t p = 0; p < nplanes; p++)
        for (size_t i = 0; i < nelem; i++)
            planes[p * stride + i] = (uint8_t)(src[i * nplanes + p] ^ base[i * nplanes + p]);
}

static void merge_bytes(uint8_t *dst, const uint8_t *planes, size_t stride, size_t nplanes,
                        const uint8_t *base, size_t nelem)
{
    if (nplanes == 1) {
        bitx_xor_bytes(dst, planes, base, nelem);
        return;
    }
    for (size_t p = 0; p < nplanes; p++)
        for (size_t i = 0; i < nelem; i++)
            dst[i * nplanes + p] = (uint8_t)(planes[p * stride + i] ^ base[i * nplanes + p]);
}

static void split(const bitx_span *span, uint8_t *planes, size_t nplanes, const uint8_t *src)
{
    size_t nelem = span->nbytes / nplanes;
    size_t nbased = span->base_nbytes / nplanes;
    split_fn *fn = span->dtype == BITX_BF16 ? split_bf16 : split_bytes;
    if (nbased)
        fn(planes, nelem, nplanes, src, span->base, nbased);
    for (size_t i = nbased; i < nelem;) {
        size_t n = nelem - i < ZEROS_NBYTES / nplanes ? nelem - i : ZEROS_NBYTES / nplanes;
        fn(planes + i, nelem, nplanes, src + i * nplanes, zeros, n);
        i += n;
    }
}

static void merge(const bitx_span *span, uint8_t *dst, const uint8_t *planes, size_t nplanes)
{
    size_t nelem = span->nbytes / nplanes;
    size_t nbased = span->base_nbytes / nplanes;
    merge_fn *fn = span->dtype == BITX_BF16 ? merge_bf16 : merge_bytes;
    if (nbased)
        fn(dst, planes, nelem, nplanes, span->base, nbased);
    for (size_t i = nbased; i < nelem;) {
        size_t n = nelem - i < ZEROS_NBYTES / nplanes ? nelem - i : ZEROS_NBYTES / nplanes;
        fn(dst + i * nplanes, planes + i, nelem, nplanes, zeros, n);
        i += n;
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
    split(span, work->scratch, nplanes, src);
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
    merge(span, dst, work->scratch, nplanes);
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
