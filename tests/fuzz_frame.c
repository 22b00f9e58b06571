/*
 * Arbitrary frames, with a header checksum that is right, against every way to read one.
 * Corpus seeds: tests/vectors/frames (*.bitx). Beside "no crash": what decodes has the recorded
 * checksum, the ways agree, and a destination that is too small is refused.
 *     BITX_BUILD_FUZZERS=ON; fuzz_frame -max_len=20000 CORPUS tests/vectors/frames
 */
#include <stdlib.h>
#include <string.h>

#include "codec_util.h"

enum { MAX_TENSOR = 1 << 16, MAX_FRAME = 1 << 15 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* The base of all frames here; its hash is put into the header. */
static const uint8_t *base_of(size_t nbytes)
{
    static uint8_t src[MAX_TENSOR], base[MAX_TENSOR];
    static bool made;
    if (!made)
        cu_fill(CU_NEAR, BITX_BF16, 104, src, base, MAX_TENSOR);
    made = true;
    return nbytes ? base : NULL;
}

static void decode_blocks(bitx_ctx *ctx, const bitx_frame_info *info, const bitx_frame *opened,
                          const uint8_t *frame, size_t size, const uint8_t *whole)
{
    for (uint64_t i = 0; i < info->nblocks; i++) {
        bitx_block row;
        uint64_t at;
        check(bitx_frame_block(opened, i, &at, &row) == BITX_OK);
        if (at > size || row.payload_nbytes > size - at)
            continue;
        size_t off = (size_t)i * info->block_nbytes;
        size_t rest = (size_t)info->nbytes - off;
        size_t n = rest < info->block_nbytes ? rest : info->block_nbytes;
        size_t base_n = 0;
        if (info->base_nbytes > off)
            base_n = info->base_nbytes - off < n ? (size_t)info->base_nbytes - off : n;
        /* Exact buffers of their own, so that the sanitizer sees the first byte beyond. */
        uint8_t *out = malloc(n), *payload = malloc(row.payload_nbytes + 1), *base = malloc(n);
        check(out && payload && base);
        memcpy(payload + 1, frame + at, row.payload_nbytes);
        if (base_n)
            memcpy(base + n - base_n, base_of(1) + off, base_n);
        bitx_status status =
            bitx_block_decode(ctx, opened, i, out, n, payload + 1, row.payload_nbytes,
                              base_n ? base + n - base_n : NULL, base_n);
        if (status == BITX_OK)
            check(cu_hash64(out, n) == row.checksum);
        if (whole)
            check(status == BITX_OK && memcmp(whole + off, out, n) == 0);
        free(out);
        free(payload);
        free(base);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bitx_ctx *ctx;
    static uint8_t out[MAX_TENSOR];
    if (!ctx)
        check(bitx_ctx_new(NULL, NULL, &ctx) == BITX_OK);
    if (size > MAX_FRAME)
        return 0;
    uint8_t *frame = malloc(size ? size : 1);
    check(frame != NULL);
    memcpy(frame, data, size);
    cu_reseal(frame, size);

    bitx_frame_info info;
    bitx_frame *opened;
    size_t need = 0, n = 0;
    bitx_status status = bitx_frame_info_read(frame, size, &info, &need);
    if (status == BITX_ERR_TRUNCATED)
        check(need > size);
    if (status == BITX_OK && info.nbytes <= MAX_TENSOR && info.base_nbytes <= MAX_TENSOR) {
        size_t base_n = (size_t)info.base_nbytes;
        const uint8_t *base = base_of(base_n);
        if (base_n)
            cu_rebase(frame, size, base, base_n);
        size_t cap = (size_t)info.nbytes;
        const bool adapted = info.nfactors && info.factor_nbytes[0] <= MAX_TENSOR &&
                             info.factor_nbytes[1] <= MAX_TENSOR;
        const size_t a_n = adapted ? (size_t)info.factor_nbytes[0] : 0;
        const size_t b_n = adapted ? (size_t)info.factor_nbytes[1] : 0;
        if (adapted)
            cu_readapt(frame, size, base_of(a_n), a_n, base_of(b_n), b_n);
        status = bitx_decode_adapter(ctx, out, cap, &n, frame, size, base, base_n, base_of(a_n),
                                     a_n, base_of(b_n), b_n);
        check(status != BITX_OK || n == cap);
        if (info.nfactors && !adapted)
            check(status != BITX_OK);
        else if (info.predictor != BITX_PREDICT_MERGE) /* which needs more bases than one */
            check(status != BITX_ERR_WRONG_BASE && status != BITX_ERR_NO_BASE);
        if (cap)
            check(bitx_decode(ctx, out, cap - 1, &n, frame, size, base, base_n) != BITX_OK);
        bool whole = status == BITX_OK;
        if (bitx_frame_open(ctx, frame, size, &opened) == BITX_OK) {
            if (adapted)
                check(bitx_frame_set_adapter(opened, base_of(a_n), a_n, base_of(b_n), b_n) ==
                      BITX_OK);
            decode_blocks(ctx, &info, opened, frame, size, whole ? out : NULL);
            bitx_frame_close(opened);
        } else {
            check(!whole);
        }
    }
    free(frame);
    return 0;
}
