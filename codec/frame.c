/* Frames read: what a header says, opened frames, blocks and ranges decoded. */
#include <stdatomic.h>
#include <string.h>

#include "bytes.h"
#include "ctx.h"
#include "follow.h"
#include "hash.h"
#include "header.h"
#include "zstd_stream.h"

struct bitx_frame {
    bitx_allocator allocator;
    bitx_header header;
    const void *tables[BITX_CODEC_COUNT];
    const uint8_t *rows;
    const uint64_t *offsets; /* of each payload, from the start of the frame */
    void *factors;           /* of a prediction, as allocated; or NULL */
    void *adapter;           /* those of bitx_frame_set_adapter(); or NULL */
};

static void fill_info(const bitx_header *h, bitx_frame_info *info)
{
    memset(info, 0, sizeof(*info));
    info->dtype = h->dtype;
    info->codec = h->codec;
    info->predictor = h->predictor;
    info->nbytes = h->nbytes;
    info->base_nbytes = h->base_nbytes;
    memcpy(info->base_hash, h->base_hash, BITX_HASH_NBYTES);
    info->block_nbytes = (uint32_t)1 << h->block_log2;
    info->nblocks = h->nblocks;
    info->header_nbytes = h->header_nbytes;
    info->frame_nbytes = h->frame_nbytes;
    const bitx_prediction *p = &h->prediction;
    info->nfactors = bitx_prediction_factors(p);
    info->nbases = p->nparents + info->nfactors;
    info->base_dtype = p->parent_dtype;
    info->rank = p->rank;
    info->columns = p->columns;
    info->factor_dtype = p->factor_dtype;
    for (unsigned k = 0; k < info->nfactors; k++)
        info->factor_nbytes[k] = bitx_adapter_nbytes(p, k);
    if (p->hashes)
        memcpy(info->other_hashes, p->hashes, (size_t)(info->nbases - 1) * BITX_HASH_NBYTES);
    if (p->predictor != BITX_PREDICTOR_MERGE)
        return;
    info->relative = p->combine.relative;
    memcpy(info->coefficients, p->combine.coefficients, sizeof(info->coefficients));
}

bitx_status bitx_frame_info_read(const void *frame, size_t avail, bitx_frame_info *info,
                                 size_t *need)
{
    if ((!frame && avail) || !info || !need)
        return BITX_ERR_ARGUMENT;
    bitx_header header;
    bitx_status status = bitx_header_parse(frame, avail, &header, need);
    if (status == BITX_OK)
        fill_info(&header, info);
    return status;
}

/* ---- one block ----------------------------------------------------------------------------- */

static bitx_need decode_need(const bitx_header *h, bool spare)
{
    bitx_need need = {0};
    size_t nbytes = h->nblocks ? bitx_block_nbytes(h, 0) : 0;
    for (unsigned id = 0; id < BITX_CODEC_COUNT; id++) {
        if (!(h->codecs_used >> id & 1))
            continue;
        const bitx_block_codec *codec = bitx_codec_find(id);
        size_t scratch = codec->scratch_nbytes(h->dtype, nbytes);
        need.scratch = scratch > need.scratch ? scratch : need.scratch;
        if (codec != &bitx_codec_raw)
            need.dctx = bitx_zstd_dctx_nbytes();
    }
    need.spare = spare ? nbytes : 0;
    need.prediction = bitx_prediction_plain(&h->prediction) ? 0 : nbytes;
    return need;
}

/* bases: what the header's prediction takes of them for this block. base_stream: gets base_part, or
   is NULL. */
static bitx_status decode_block(const bitx_worker *worker, const bitx_header *h,
                                const void *const tables[BITX_CODEC_COUNT], uint64_t index,
                                const bitx_block *row, uint8_t *dst, const uint8_t *payload,
                                const uint8_t *const *bases, size_t base_nbytes,
                                bitx_hash_stream *base_stream, const uint8_t *base_part,
                                size_t part_nbytes)
{
    const bitx_block_codec *codec = bitx_codec_find(row->codec);
    if (codec->uses_base && bitx_prediction_factors(&h->prediction) && !h->prediction.u)
        return BITX_ERR_NO_BASE; /* its matrices were not given */
    bitx_span span = {.dtype = h->dtype,
                      .offset = index << h->block_log2,
                      .nbytes = bitx_block_nbytes(h, index),
                      .tables = tables[row->codec]};
    if (codec->uses_base)
        bitx_span_set_base(&span, &h->prediction, worker->prediction, bases, base_nbytes);
    bitx_follower follower;
    bitx_work work = worker->work;
    bitx_follow(&follower, dst, base_stream, base_part, part_nbytes);
    work.progress = &follower.progress;
    bitx_status status = codec->decode(&work, &span, dst, payload, row->payload_nbytes);
    uint64_t checksum = bitx_follow_end(&follower, span.nbytes);
    if (status != BITX_OK)
        return status;
    return checksum == row->checksum ? BITX_OK : BITX_ERR_CHECKSUM;
}

/* ---- frames in memory ---------------------------------------------------------------------- */

static bool hash_is(const uint8_t *want, const void *base, size_t base_nbytes)
{
    uint8_t hash[BITX_HASH_NBYTES];
    bitx_hash128(hash, base, base_nbytes);
    return memcmp(hash, want, BITX_HASH_NBYTES) == 0;
}

/* The matrices of an adapter, as they were given. */
typedef struct factor_bytes {
    const uint8_t *data[2];
    size_t nbytes[2];
} factor_bytes;

static bitx_status check_factors(const bitx_prediction *p, const factor_bytes *given)
{
    for (unsigned k = 0; k < 2; k++) {
        if (!given->data[k])
            return BITX_ERR_NO_BASE;
        if (given->nbytes[k] != bitx_adapter_nbytes(p, k) ||
            !hash_is(p->hashes + k * (size_t)BITX_HASH_NBYTES, given->data[k], given->nbytes[k]))
            return BITX_ERR_WRONG_BASE;
    }
    return BITX_OK;
}

/*
 * The base's hash, taken while blocks are decoded: behind each block, whose part of the base is in
 * the caches by then, or beside them by a worker of its own.
 */
typedef struct base_check {
    const uint8_t *base;
    size_t nbytes;
    uint8_t hash[BITX_HASH_NBYTES];
    bool done;
    bitx_hash_stream stream;
} base_check;

typedef struct decode_job {
    const bitx_header *header;
    const void *const *tables;
    bitx_worker *workers;
    const uint8_t *frame;
    const uint8_t *const *bases;     /* as many as the prediction has */
    const uint64_t *payload_offsets; /* from block `first` on */
    uint64_t first;
    uint8_t *dst; /* bytes [offset, offset + nbytes) of the tensor */
    uint64_t offset;
    size_t nbytes;
    _Atomic uint64_t error; /* (block << 8 | status) of the lowest block that failed */
    base_check *check;      /* of a whole tensor's base, or NULL */
    bool check_first;       /* it is a job of its own, before those of blocks */
} decode_job;

static void note_error(_Atomic uint64_t *error, uint64_t index, bitx_status status)
{
    uint64_t mine = index << 8 | (uint64_t)status;
    uint64_t seen = atomic_load(error);
    while (mine < seen && !atomic_compare_exchange_weak(error, &seen, mine))
        ;
}

/* How much of the base is in [from, to). */
static size_t check_part(const base_check *check, uint64_t from, uint64_t to)
{
    to = to < check->nbytes ? to : check->nbytes;
    return from < to ? (size_t)(to - from) : 0;
}

static void decode_one(void *arg, size_t i, unsigned worker)
{
    decode_job *job = arg;
    const bitx_header *h = job->header;
    if (job->check_first && i-- == 0) {
        bitx_hash128(job->check->hash, job->check->base, job->check->nbytes);
        return;
    }
    uint64_t index = job->first + i;
    uint64_t start = index << h->block_log2;
    size_t nbytes = bitx_block_nbytes(h, index);
    uint64_t from = start < job->offset ? job->offset - start : 0;
    uint64_t end = job->offset + job->nbytes;
    uint64_t to = start + nbytes > end ? end - start : nbytes;
    bool whole = from == 0 && to == nbytes;
    uint8_t *target = job->dst + (start + from - job->offset);
    uint8_t *out = whole ? target : job->workers[worker].spare;

    bitx_block row;
    bitx_row_load(job->frame + h->rows_offset + index * BITX_ROW_NBYTES, &row);
    uint64_t base_offset;
    size_t base_nbytes = bitx_block_base_range(h, index, &base_offset);
    const uint8_t *bases[PARENTS_MAX] = {0};
    for (unsigned k = 0; k < h->prediction.nparents && base_nbytes; k++)
        bases[k] = job->bases[k] + base_offset;
    base_check *check = job->check && !job->check_first ? job->check : NULL;
    size_t part = check ? check_part(check, start, start + ((uint64_t)1 << h->block_log2)) : 0;
    bitx_status status =
        decode_block(&job->workers[worker], h, job->tables, index, &row, out,
                     job->frame + job->payload_offsets[i], bases, base_nbytes,
                     part ? &check->stream : NULL, part ? check->base + start : NULL, part);
    if (status != BITX_OK)
        note_error(&job->error, index, status);
    else if (!whole)
        memcpy(target, out + from, (size_t)(to - from));
}

static void run_blocks(bitx_ctx *ctx, decode_job *job, size_t n)
{
    base_check *check = job->check;
    job->check_first = check && bitx_ctx_parallel(ctx, n + 1);
    if (check && !job->check_first)
        bitx_hash_begin(&check->stream);
    bitx_ctx_run(ctx, decode_one, job, n + job->check_first);
    if (check && !job->check_first) {
        uint64_t from = (uint64_t)n << job->header->block_log2;
        size_t rest = check_part(check, from, check->nbytes);
        if (rest)
            bitx_hash_add(&check->stream, check->base + from, rest);
        bitx_hash128_end(&check->stream, check->hash);
    }
    if (check)
        check->done = true;
}

/* The range must lie inside the tensor, and the whole frame in memory; with a check, the range is
   the tensor. */
static bitx_status decode_span(bitx_ctx *ctx, bitx_header *h, uint8_t *dst, uint64_t offset,
                               size_t nbytes, const uint8_t *frame, const uint8_t *const *bases,
                               const factor_bytes *given, base_check *check)
{
    bitx_status status =
        bitx_buffer_grow(&ctx->allocator, &ctx->tables, bitx_tables_objects_nbytes());
    if (status != BITX_OK)
        return status;
    const void *tables[BITX_CODEC_COUNT];
    status = bitx_tables_open(h->dtype, frame + h->tables_offset, h->tables_nbytes,
                              ctx->tables.data, tables);
    if (status != BITX_OK || nbytes == 0)
        return status;
    uint64_t first = offset >> h->block_log2;
    uint64_t last = (offset + nbytes - 1) >> h->block_log2;
    size_t n = (size_t)(last - first + 1); /* rows are in memory, so it fits */
    status = bitx_buffer_grow(&ctx->allocator, &ctx->offsets, n * sizeof(uint64_t));
    bitx_need need = decode_need(h, nbytes != h->nbytes);
    size_t factors = bitx_prediction_memory(&h->prediction);
    if (status == BITX_OK && factors)
        status = bitx_buffer_grow(&ctx->allocator, &ctx->factors, factors);
    if (status == BITX_OK && factors && given)
        bitx_adapter_load(&h->prediction, given->data[0], given->data[1], ctx->factors.data);
    else if (status == BITX_OK && factors)
        status = bitx_lowrank_load(&h->prediction, frame + h->predictor_offset, h->predictor_nbytes,
                                   ctx->factors.data);
    if (status == BITX_OK)
        status = bitx_ctx_grow(ctx, &need, bitx_ctx_parallel(ctx, n + (check != NULL)));
    if (status != BITX_OK)
        return status;

    uint64_t *offsets = (void *)ctx->offsets.data;
    uint64_t pos = h->header_nbytes;
    for (uint64_t i = 0; i <= last; i++) {
        if (i >= first)
            offsets[i - first] = pos;
        pos += load_u32(frame + h->rows_offset + i * BITX_ROW_NBYTES);
    }
    decode_job job = {.header = h,
                      .tables = tables,
                      .workers = ctx->workers,
                      .frame = frame,
                      .bases = bases,
                      .payload_offsets = offsets,
                      .first = first,
                      .dst = dst,
                      .offset = offset,
                      .nbytes = nbytes,
                      .error = UINT64_MAX,
                      .check = check};
    run_blocks(ctx, &job, n);
    uint64_t error = atomic_load(&job.error);
    return error == UINT64_MAX ? BITX_OK : (bitx_status)(error & 0xff);
}

static bitx_status open_whole(const void *frame, size_t frame_nbytes, bitx_header *h,
                              const void *const *bases, unsigned nbases, size_t base_nbytes)
{
    size_t need;
    bitx_status status = bitx_header_parse(frame, frame_nbytes, h, &need);
    if (status != BITX_OK)
        return status;
    if (frame_nbytes != h->frame_nbytes)
        return frame_nbytes < h->frame_nbytes ? BITX_ERR_TRUNCATED : BITX_ERR_CORRUPT;
    if (h->predictor == BITX_PREDICTOR_NONE)
        return BITX_OK;
    if (nbases < h->prediction.nparents)
        return BITX_ERR_NO_BASE;
    for (unsigned k = 0; k < h->prediction.nparents; k++)
        if (!bases[k])
            return BITX_ERR_NO_BASE;
    return base_nbytes == h->base_nbytes ? BITX_OK : BITX_ERR_WRONG_BASE;
}

bitx_status bitx_decode(bitx_ctx *ctx, void *dst, size_t cap, size_t *dst_nbytes, const void *frame,
                        size_t frame_nbytes, const void *base, size_t base_nbytes)
{
    return bitx_decode_bases(ctx, dst, cap, dst_nbytes, frame, frame_nbytes, &base, base != NULL,
                             base_nbytes);
}

/* const void ** is no const uint8_t **. */
static void as_bytes(const void *const *bases, unsigned nbases, const uint8_t *out[PARENTS_MAX])
{
    for (unsigned k = 0; k < PARENTS_MAX; k++)
        out[k] = k < nbases ? bases[k] : NULL;
}

/* given: NULL if none were. */
static bitx_status decode_whole(bitx_ctx *ctx, void *dst, size_t cap, size_t *dst_nbytes,
                                const void *frame, size_t frame_nbytes, const void *const *bases,
                                unsigned nbases, size_t base_nbytes, const factor_bytes *given)
{
    bitx_header header;
    bitx_status status = open_whole(frame, frame_nbytes, &header, bases, nbases, base_nbytes);
    if (status == BITX_OK && !bitx_prediction_factors(&header.prediction))
        given = NULL;
    else if (status == BITX_OK)
        status = given ? check_factors(&header.prediction, given) : BITX_ERR_NO_BASE;
    if (status != BITX_OK)
        return status;
    if (cap < header.nbytes)
        return BITX_ERR_DST_SIZE;
    const bool beside = header.predictor == BITX_PREDICTOR_BASE;
    for (unsigned k = 0; k < header.prediction.nparents && !beside; k++) {
        const uint8_t *want = k == 0
                                  ? header.base_hash
                                  : header.prediction.hashes + (k - 1) * (size_t)BITX_HASH_NBYTES;
        if (!hash_is(want, bases[k], base_nbytes))
            return BITX_ERR_WRONG_BASE;
    }
    const uint8_t *bytes[PARENTS_MAX];
    as_bytes(bases, nbases, bytes);
    base_check check = {.base = bases ? bases[0] : NULL, .nbytes = base_nbytes};
    status = decode_span(ctx, &header, dst, 0, (size_t)header.nbytes, frame, bytes, given,
                         beside ? &check : NULL);
    if (beside && (check.done ? memcmp(check.hash, header.base_hash, sizeof(check.hash)) != 0
                              : !hash_is(header.base_hash, bases[0], base_nbytes)))
        return BITX_ERR_WRONG_BASE;
    if (status == BITX_OK)
        *dst_nbytes = (size_t)header.nbytes;
    return status;
}

bitx_status bitx_decode_bases(bitx_ctx *ctx, void *dst, size_t cap, size_t *dst_nbytes,
                              const void *frame, size_t frame_nbytes, const void *const *bases,
                              unsigned nbases, size_t base_nbytes)
{
    if (!ctx || (!dst && cap) || !dst_nbytes || (!frame && frame_nbytes) || (!bases && nbases) ||
        nbases > BITX_BASES_MAX)
        return BITX_ERR_ARGUMENT;
    return decode_whole(ctx, dst, cap, dst_nbytes, frame, frame_nbytes, bases, nbases, base_nbytes,
                        NULL);
}

bitx_status bitx_decode_adapter(bitx_ctx *ctx, void *dst, size_t cap, size_t *dst_nbytes,
                                const void *frame, size_t frame_nbytes, const void *base,
                                size_t base_nbytes, const void *a, size_t a_nbytes, const void *b,
                                size_t b_nbytes)
{
    if (!ctx || (!dst && cap) || !dst_nbytes || (!frame && frame_nbytes))
        return BITX_ERR_ARGUMENT;
    const factor_bytes given = {{a, b}, {a_nbytes, b_nbytes}};
    return decode_whole(ctx, dst, cap, dst_nbytes, frame, frame_nbytes, &base, base != NULL,
                        base_nbytes, &given);
}

bitx_status bitx_decode_range(bitx_ctx *ctx, void *dst, uint64_t offset, size_t nbytes,
                              const void *frame, size_t frame_nbytes, const void *base,
                              size_t base_nbytes)
{
    if (!ctx || (!dst && nbytes) || (!frame && frame_nbytes))
        return BITX_ERR_ARGUMENT;
    bitx_header header;
    bitx_status status = open_whole(frame, frame_nbytes, &header, &base, base != NULL, base_nbytes);
    if (status != BITX_OK)
        return status;
    if (offset > header.nbytes || nbytes > header.nbytes - offset)
        return BITX_ERR_ARGUMENT;
    if (bitx_prediction_factors(&header.prediction))
        return BITX_ERR_NO_BASE;
    const uint8_t *bytes[PARENTS_MAX] = {base};
    return decode_span(ctx, &header, dst, offset, nbytes, frame, bytes, NULL, NULL);
}

/* ---- opened frames ------------------------------------------------------------------------- */

static size_t align64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* Keeps what the prediction needs of its section. */
static bitx_status open_prediction(bitx_frame *frame, const uint8_t *section)
{
    bitx_prediction *p = &frame->header.prediction;
    const unsigned nfactors = bitx_prediction_factors(p);
    size_t hashes = p->hashes ? (size_t)(p->nparents - 1 + nfactors) * BITX_HASH_NBYTES : 0;
    size_t nbytes = hashes + (nfactors ? 0 : bitx_prediction_memory(p));
    if (nbytes == 0)
        return BITX_OK;
    frame->factors = frame->allocator.allocate(frame->allocator.user, nbytes + 64);
    if (!frame->factors)
        return BITX_ERR_MEMORY;
    uint8_t *memory = frame->factors;
    memory += (64 - (uintptr_t)memory % 64) % 64;
    if (p->predictor == BITX_PREDICTOR_LOWRANK)
        return bitx_lowrank_load(p, section, frame->header.predictor_nbytes, memory);
    memcpy(memory, p->hashes, hashes);
    p->hashes = memory;
    return BITX_OK;
}

bitx_status bitx_frame_open(bitx_ctx *ctx, const void *bytes, size_t avail, bitx_frame **out)
{
    if (!ctx || (!bytes && avail) || !out)
        return BITX_ERR_ARGUMENT;
    bitx_header header;
    size_t need;
    bitx_status status = bitx_header_parse(bytes, avail, &header, &need);
    if (status != BITX_OK)
        return status;
    /* Rows and offsets: less than twice what the header itself takes, which is there. */
    size_t nblocks = (size_t)header.nblocks;
    size_t objects_at = align64(sizeof(bitx_frame));
    size_t offsets_at = objects_at + bitx_tables_objects_nbytes();
    size_t rows_at = offsets_at + nblocks * sizeof(uint64_t);
    size_t nbytes = rows_at + nblocks * BITX_ROW_NBYTES + 64;
    uint8_t *memory = ctx->allocator.allocate(ctx->allocator.user, nbytes);
    if (!memory)
        return BITX_ERR_MEMORY;
    bitx_frame *frame = (void *)memory;
    uint8_t *aligned = memory + (64 - (uintptr_t)memory % 64) % 64;
    frame->allocator = ctx->allocator;
    frame->header = header;
    frame->factors = frame->adapter = NULL;
    status = bitx_tables_open(header.dtype, (const uint8_t *)bytes + header.tables_offset,
                              header.tables_nbytes, aligned + objects_at, frame->tables);
    if (status != BITX_OK) {
        bitx_frame_close(frame);
        return status;
    }
    uint64_t *offsets = (void *)(aligned + offsets_at);
    uint8_t *rows = aligned + rows_at;
    memcpy(rows, (const uint8_t *)bytes + header.rows_offset, nblocks * BITX_ROW_NBYTES);
    uint64_t pos = header.header_nbytes;
    for (size_t i = 0; i < nblocks; i++) {
        offsets[i] = pos;
        pos += load_u32(rows + i * BITX_ROW_NBYTES);
    }
    frame->offsets = offsets;
    frame->rows = rows;
    status = open_prediction(frame, (const uint8_t *)bytes + header.predictor_offset);
    if (status != BITX_OK) {
        bitx_frame_close(frame);
        return status;
    }
    *out = frame;
    return BITX_OK;
}

bitx_status bitx_frame_set_adapter(bitx_frame *frame, const void *a, size_t a_nbytes, const void *b,
                                   size_t b_nbytes)
{
    if (!frame || !bitx_prediction_factors(&frame->header.prediction))
        return BITX_ERR_ARGUMENT;
    bitx_prediction *p = &frame->header.prediction;
    const factor_bytes given = {{a, b}, {a_nbytes, b_nbytes}};
    const bitx_status status = p->u ? BITX_ERR_ARGUMENT : check_factors(p, &given);
    if (status != BITX_OK)
        return status;
    const bitx_allocator *allocator = &frame->allocator;
    frame->adapter = allocator->allocate(allocator->user, bitx_prediction_memory(p) + 64);
    if (!frame->adapter)
        return BITX_ERR_MEMORY;
    uint8_t *memory = frame->adapter;
    bitx_adapter_load(p, a, b, memory + (64 - (uintptr_t)memory % 64) % 64);
    return BITX_OK;
}

void bitx_frame_close(bitx_frame *frame)
{
    if (!frame)
        return;
    bitx_allocator allocator = frame->allocator;
    if (frame->adapter)
        allocator.release(allocator.user, frame->adapter);
    if (frame->factors)
        allocator.release(allocator.user, frame->factors);
    allocator.release(allocator.user, frame);
}

void bitx_frame_get_info(const bitx_frame *frame, bitx_frame_info *info)
{
    fill_info(&frame->header, info);
}

bitx_status bitx_frame_block(const bitx_frame *frame, uint64_t index, uint64_t *payload_offset,
                             bitx_block *block)
{
    if (!frame || !payload_offset || !block || index >= frame->header.nblocks)
        return BITX_ERR_ARGUMENT;
    *payload_offset = frame->offsets[index];
    bitx_row_load(frame->rows + index * BITX_ROW_NBYTES, block);
    return BITX_OK;
}

bitx_status bitx_frame_base_range(const bitx_frame *frame, uint64_t index, uint64_t *offset,
                                  size_t *nbytes)
{
    if (!frame || !offset || !nbytes || index >= frame->header.nblocks)
        return BITX_ERR_ARGUMENT;
    *nbytes = bitx_block_base_range(&frame->header, index, offset);
    return BITX_OK;
}

bitx_status bitx_block_decode(bitx_ctx *ctx, const bitx_frame *frame, uint64_t index, void *dst,
                              size_t nbytes, const void *payload, size_t payload_nbytes,
                              const void *base, size_t base_nbytes)
{
    if (!base && base_nbytes)
        return BITX_ERR_ARGUMENT;
    return bitx_block_decode_bases(ctx, frame, index, dst, nbytes, payload, payload_nbytes, &base,
                                   base != NULL, base_nbytes);
}

bitx_status bitx_block_decode_bases(bitx_ctx *ctx, const bitx_frame *frame, uint64_t index,
                                    void *dst, size_t nbytes, const void *payload,
                                    size_t payload_nbytes, const void *const *bases,
                                    unsigned nbases, size_t base_nbytes)
{
    if (!ctx || !frame || !dst || (!payload && payload_nbytes) || (!bases && nbases) ||
        nbases > BITX_BASES_MAX)
        return BITX_ERR_ARGUMENT;
    const bitx_header *h = &frame->header;
    if (index >= h->nblocks || nbytes != bitx_block_nbytes(h, index))
        return BITX_ERR_ARGUMENT;
    bitx_block row;
    bitx_row_load(frame->rows + index * BITX_ROW_NBYTES, &row);
    if (payload_nbytes != row.payload_nbytes)
        return payload_nbytes < row.payload_nbytes ? BITX_ERR_TRUNCATED : BITX_ERR_ARGUMENT;
    uint64_t base_offset;
    size_t wanted = bitx_block_base_range(h, index, &base_offset);
    if (!bitx_codec_find(row.codec)->uses_base)
        base_nbytes = wanted = 0; /* a caller may leave out what is not looked at */
    if (base_nbytes != wanted)
        return base_nbytes == 0 ? BITX_ERR_NO_BASE : BITX_ERR_WRONG_BASE;
    const uint8_t *bytes[PARENTS_MAX];
    as_bytes(bases, nbases, bytes);
    for (unsigned k = 0; k < h->prediction.nparents && wanted; k++)
        if (!bytes[k])
            return BITX_ERR_NO_BASE;
    bitx_need need = decode_need(h, false);
    bitx_status status = bitx_ctx_grow(ctx, &need, false);
    if (status != BITX_OK)
        return status;
    return decode_block(&ctx->workers[0], h, frame->tables, index, &row, dst, payload, bytes,
                        base_nbytes, NULL, NULL, 0);
}
