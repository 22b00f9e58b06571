/*
 * The same from every row of kernels: tensors are coded to equal frames and come back, and
 * arbitrary frames (with a header checksum that is right) give equal verdicts and bytes. Corpus
 * seeds: tests/vectors/frames.
 */
#include <string.h>

/* Which row runs is chosen once in a process; here it is chosen anew for each. */
#include "../dispatch/dispatch.c"
#include "codec_util.h"

enum { MAX_INPUT = 1 << 14, MAX_FRAME = 1 << 16, HEAD = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* A context for each row: what one leaves in memory must not help another. */
static bitx_ctx *enter_row(bitx_isa isa)
{
    static bitx_ctx *contexts[BITX_ISA_COUNT];
    atomic_store(&active_row, row_of(isa));
    if (!contexts[isa])
        check(bitx_ctx_new(NULL, NULL, &contexts[isa]) == BITX_OK);
    return contexts[isa];
}

typedef struct result {
    bitx_status status;
    size_t n;
    uint8_t bytes[MAX_FRAME];
} result;

static bool same(const result *a, const result *b)
{
    return a->status == b->status &&
           (a->status != BITX_OK || (a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0));
}

/* data: HEAD bytes that choose, then the base, then the tensor. */
static void encode_everywhere(const uint8_t *data, size_t size)
{
    static result scalar, other, back;
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = (bitx_dtype)(data[0] % BITX_DTYPE_COUNT);
    params.codec = (bitx_codec)(data[1] % BITX_CODEC_COUNT);
    params.effort = (bitx_effort)(data[2] % 3);
    params.block_nbytes = BITX_BLOCK_MIN << data[3] % 3;
    params.row_nelem = data[4];
    size_t n = (size - HEAD) * (size_t)(1 + data[5] % 2) / 2, base_n = size - HEAD - n;
    const uint8_t *base = data + HEAD, *src = base + base_n;
    for (unsigned isa = 0; isa < BITX_ISA_COUNT; isa++) {
        if (!row_of((bitx_isa)isa))
            continue;
        bitx_ctx *ctx = enter_row((bitx_isa)isa);
        result *r = isa == BITX_ISA_SCALAR ? &scalar : &other;
        r->status = bitx_encode(ctx, &params, r->bytes, sizeof(r->bytes), &r->n, src, n,
                                base_n ? base : NULL, base_n);
        check(same(&scalar, r));
        if (r->status != BITX_OK)
            continue;
        check(bitx_decode(ctx, back.bytes, n, &back.n, r->bytes, r->n, base_n ? base : NULL,
                          base_n) == BITX_OK);
        check(back.n == n && memcmp(back.bytes, src, n) == 0);
    }
}

static void decode_everywhere(uint8_t *frame, size_t size)
{
    static result scalar, other;
    static uint8_t base[MAX_FRAME];
    bitx_frame_info info;
    size_t need;
    cu_reseal(frame, size);
    if (bitx_frame_info_read(frame, size, &info, &need) != BITX_OK || info.nbytes > MAX_FRAME ||
        info.base_nbytes > MAX_FRAME)
        return;
    size_t base_n = (size_t)info.base_nbytes;
    for (size_t i = 0; i < base_n; i++)
        base[i] = (uint8_t)(i * 37 ^ i >> 3);
    if (base_n)
        cu_rebase(frame, size, base, base_n);
    for (unsigned isa = 0; isa < BITX_ISA_COUNT; isa++) {
        if (!row_of((bitx_isa)isa))
            continue;
        bitx_ctx *ctx = enter_row((bitx_isa)isa);
        result *r = isa == BITX_ISA_SCALAR ? &scalar : &other;
        r->status = bitx_decode(ctx, r->bytes, (size_t)info.nbytes, &r->n, frame, size,
                                base_n ? base : NULL, base_n);
        check(same(&scalar, r));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD + 2 || size > MAX_INPUT)
        return 0;
    if (memcmp(data, "bitx", 4) != 0) {
        encode_everywhere(data, size);
        return 0;
    }
    uint8_t *frame = malloc(size);
    check(frame != NULL);
    memcpy(frame, data, size);
    decode_everywhere(frame, size);
    free(frame);
    return 0;
}
