/* Frames made, as their plans say: blocks, headers, whole tensors. */
#include <stdatomic.h>
#include <string.h>

#include "bytes.h"
#include "encode.h"
#include "follow.h"
#include "hash.h"
#include "screen.h"
#include "zstd_stream.h"

/* ---- blocks -------------------------------------------------------------------------------- */

bitx_need bitx_encode_need(const bitx_plan *plan, size_t nbytes)
{
    bitx_need need = {0};
    for (unsigned i = 0; i < plan->ncandidates; i++) {
        const bitx_block_codec *codec = plan->candidates[i];
        size_t scratch = codec->scratch_nbytes(plan->header.dtype, nbytes);
        need.scratch = scratch > need.scratch ? scratch : need.scratch;
    }
    if (plan->ncandidates)
        need.cctx = bitx_zstd_cctx_nbytes(plan->tuning.zstd_level, nbytes);
    if (plan->ncandidates > 1)
        need.spare = nbytes;
    if (!bitx_prediction_plain(&plan->header.prediction))
        need.prediction = nbytes;
    return need;
}

/* The smallest of the candidates and raw, to dst[0 .. nbytes). base_stream: gets the first base,
   or is NULL. */
static bitx_status encode_block(const bitx_worker *worker, const bitx_plan *plan, uint64_t index,
                                uint8_t *dst, bitx_block *block, const uint8_t *src,
                                const uint8_t *const *bases, size_t base_nbytes,
                                bitx_hash_stream *base_stream)
{
    const bitx_header *h = &plan->header;
    bitx_span span = {
        .dtype = h->dtype, .offset = index << h->block_log2, .nbytes = bitx_block_nbytes(h, index)};
    bitx_span_set_base(&span, &h->prediction, worker->prediction, bases, base_nbytes);

    bitx_follower follower;
    bitx_work work = worker->work;
    bitx_follow(&follower, src, base_stream, bases[0], base_nbytes);
    work.progress = &follower.progress;
    bitx_codec best = BITX_CODEC_RAW;
    size_t best_nbytes = span.nbytes;
    for (unsigned i = 0; i < plan->ncandidates; i++) {
        const bitx_block_codec *codec = plan->candidates[i];
        uint8_t *to = i == 0 ? dst : worker->spare;
        /* A block that the base does not help may be one that has nothing to do with it. */
        if (i && plan->tuning.effort != BITX_EFFORT_MAX && codec->id == BITX_CODEC_FLOAT &&
            best_nbytes < span.nbytes / 8 * 5)
            continue;
        if (i && bitx_plan_screens(plan, codec) && !bitx_screen(codec, &span, src, best_nbytes))
            continue;
        size_t n;
        span.tables = plan->tables[codec->id];
        bitx_status status =
            codec->encode(&work, &plan->tuning, &span, src, to, best_nbytes - 1, &n);
        if (status == BITX_ERR_DST_SIZE)
            continue;
        if (status != BITX_OK)
            return status; /* and nobody asks for hashes */
        if (to != dst)
            memcpy(dst, to, n);
        best = codec->id;
        best_nbytes = n;
    }
    if (best == BITX_CODEC_RAW)
        memcpy(dst, src, span.nbytes);
    block->payload_nbytes = (uint32_t)best_nbytes;
    block->codec = best;
    block->checksum = bitx_follow_end(&follower, span.nbytes);
    return BITX_OK;
}

bitx_status bitx_block_encode(bitx_ctx *ctx, const bitx_plan *plan, uint64_t index, void *dst,
                              size_t cap, bitx_block *block, const void *src, size_t nbytes,
                              const void *base, size_t base_nbytes)
{
    if (!base && base_nbytes)
        return BITX_ERR_ARGUMENT;
    return bitx_block_encode_bases(ctx, plan, index, dst, cap, block, src, nbytes, &base,
                                   base != NULL, base_nbytes);
}

bitx_status bitx_block_encode_bases(bitx_ctx *ctx, const bitx_plan *plan, uint64_t index, void *dst,
                                    size_t cap, bitx_block *block, const void *src, size_t nbytes,
                                    const void *const *bases, unsigned nbases, size_t base_nbytes)
{
    if (!ctx || !plan || !dst || !block || !src || (!bases && nbases) || nbases > BITX_BASES_MAX)
        return BITX_ERR_ARGUMENT;
    const bitx_header *h = &plan->header;
    if (index >= h->nblocks || nbytes != bitx_block_nbytes(h, index))
        return BITX_ERR_ARGUMENT;
    uint64_t base_offset;
    size_t wanted = bitx_block_base_range(h, index, &base_offset);
    if (base_nbytes < wanted)
        return BITX_ERR_ARGUMENT;
    const uint8_t *bytes[PARENTS_MAX] = {0};
    for (unsigned k = 0; k < nbases; k++)
        bytes[k] = bases[k];
    for (unsigned k = 0; k < h->prediction.nparents && wanted; k++)
        if (!bytes[k])
            return BITX_ERR_ARGUMENT;
    if (cap < nbytes)
        return BITX_ERR_DST_SIZE;
    bitx_need need = bitx_encode_need(plan, bitx_block_nbytes(h, 0));
    bitx_status status = bitx_ctx_grow(ctx, &need, false);
    if (status != BITX_OK)
        return status;
    return encode_block(&ctx->workers[0], plan, index, dst, block, src, bytes, wanted, NULL);
}

bitx_status bitx_header_write(const bitx_plan *plan, void *dst, size_t cap,
                              const bitx_block *blocks)
{
    if (!plan || !dst || (!blocks && plan->header.nblocks))
        return BITX_ERR_ARGUMENT;
    const bitx_header *h = &plan->header;
    if (cap < h->header_nbytes)
        return BITX_ERR_DST_SIZE;
    uint8_t *bytes = dst;
    bitx_header_store(h, plan->found.section, plan->section, bytes);
    for (uint64_t i = 0; i < h->nblocks; i++)
        bitx_row_store(bytes + h->rows_offset + i * BITX_ROW_NBYTES, &blocks[i]);
    bitx_header_seal(h, bytes);
    return BITX_OK;
}

/* ---- a whole tensor ------------------------------------------------------------------------ */

typedef struct memory_source {
    const uint8_t *data;
} memory_source;

static int read_memory(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    const memory_source *source = user;
    memcpy(dst, source->data + offset, nbytes);
    return 0;
}

/*
 * The base's hash, taken while blocks are encoded: behind each block (before it, where the base is
 * not what the codec sees), whose part of the base is in the caches then. With an executor, some of
 * it is taken while one worker makes the shared tables, and the rest as a job of its own.
 */
typedef struct base_hash {
    const uint8_t *base;
    size_t nbytes, done;
    bool alone;
    uint8_t *hash;
    bitx_hash_stream stream;
} base_hash;

static void hash_up_to(base_hash *b, size_t end)
{
    end = end < b->nbytes ? end : b->nbytes;
    if (end > b->done) {
        bitx_hash_add(&b->stream, b->base + b->done, end - b->done);
        b->done = end;
    }
}

static void hash_end(base_hash *b)
{
    hash_up_to(b, b->nbytes);
    bitx_hash128_end(&b->stream, b->hash);
}

static void hash_start(base_hash *b, const uint8_t *base, size_t nbytes)
{
    *b = (base_hash){.base = base, .nbytes = nbytes};
    bitx_hash_begin(&b->stream);
}

/* About as much as takes the time of tables from such a sample. */
static void hash_beside(void *arg, size_t sample_nbytes)
{
    hash_up_to(arg, 8 * sample_nbytes);
}

typedef struct encode_job {
    const bitx_plan *plan;
    base_hash *hash; /* NULL without a base */
    const bitx_worker *workers;
    const uint8_t *src;
    const uint8_t *bases[PARENTS_MAX]; /* in the order of the prediction */
    uint8_t *frame;
    size_t next; /* one worker: payloads one after the other; 0: each at its block's place */
    _Atomic unsigned error;
    /* Of payloads that go to their places as soon as those before them have: */
    _Atomic uint8_t *there; /* of each block, 1: its payload and row are */
    size_t nmoved, end;     /* end: where the next one goes */
    atomic_flag moving;
} encode_job;

/* Moves what may be moved, unless another worker is about it. A payload only goes down, over the
   places of blocks that have left them. */
static void close_gaps(encode_job *job)
{
    const bitx_header *h = &job->plan->header;
    size_t i = 0;
    while (!atomic_flag_test_and_set(&job->moving)) {
        for (i = job->nmoved; i < h->nblocks && atomic_load(&job->there[i]); i++) {
            const size_t n = load_u32(job->frame + h->rows_offset + i * BITX_ROW_NBYTES);
            memmove(job->frame + job->end, job->frame + h->header_nbytes + (i << h->block_log2), n);
            job->end += n;
        }
        job->nmoved = i;
        atomic_flag_clear(&job->moving);
        if (i == h->nblocks || !atomic_load(&job->there[i]))
            return; /* else it came after it was asked for, and before the flag was down */
    }
}

static void encode_one(void *arg, size_t i, unsigned worker)
{
    encode_job *job = arg;
    const bitx_header *h = &job->plan->header;
    base_hash *hash = job->hash;
    if (hash && hash->alone && i-- == 0) {
        hash_end(hash);
        return;
    }
    size_t offset = i << h->block_log2;
    uint64_t base_offset;
    size_t base_nbytes = bitx_block_base_range(h, i, &base_offset);
    bool follows =
        hash && !hash->alone && hash->done == base_offset && bitx_prediction_plain(&h->prediction);
    if (hash && !hash->alone && !follows)
        hash_up_to(hash, (size_t)base_offset + base_nbytes);
    const uint8_t *bases[PARENTS_MAX] = {0};
    for (unsigned k = 0; k < h->prediction.nparents && base_nbytes; k++)
        bases[k] = job->bases[k] + base_offset;
    uint8_t *dst = job->frame + (job->next ? job->next : (size_t)h->header_nbytes + offset);
    bitx_block block;
    bitx_status status =
        encode_block(&job->workers[worker], job->plan, i, dst, &block, job->src + offset, bases,
                     base_nbytes, follows ? &hash->stream : NULL);
    if (follows)
        hash->done += base_nbytes;
    if (status != BITX_OK) {
        atomic_store(&job->error, (unsigned)status);
        return;
    }
    bitx_row_store(job->frame + h->rows_offset + i * BITX_ROW_NBYTES, &block);
    if (job->next) {
        job->next += block.payload_nbytes;
        return;
    }
    atomic_store(&job->there[i], 1);
    close_gaps(job);
}

/* Every block, and the header, to dst, which has room for them. hash: of the first base, begun. */
static bitx_status encode_planned(bitx_ctx *ctx, bitx_plan *plan, void *dst, size_t *dst_nbytes,
                                  const void *src, const bitx_base *bases, base_hash *hash)
{
    const bitx_header *h = &plan->header;
    encode_job job = {.plan = plan, .workers = ctx->workers, .src = src, .frame = dst};
    for (unsigned k = 0; k < h->prediction.nparents; k++)
        job.bases[k] = bases[plan->found.used[k]].data;
    size_t nblocks = (size_t)h->nblocks;
    bool parallel = bitx_ctx_parallel(ctx, nblocks);
    bitx_need need = bitx_encode_need(plan, nblocks ? bitx_block_nbytes(h, 0) : 0);
    bitx_status status = bitx_ctx_grow(ctx, &need, parallel);
    if (status != BITX_OK)
        return status;
    if (parallel)
        status = bitx_buffer_grow(&ctx->allocator, &ctx->offsets, nblocks);
    if (status != BITX_OK)
        return status;
    job.next = parallel ? 0 : (size_t)h->header_nbytes;
    job.there = (_Atomic uint8_t *)ctx->offsets.data;
    job.end = (size_t)h->header_nbytes;
    atomic_flag_clear(&job.moving);
    for (size_t i = 0; i < nblocks && parallel; i++)
        atomic_init(&job.there[i], 0);
    if (h->base_nbytes) {
        if (hash->base != job.bases[0] || hash->nbytes != h->base_nbytes)
            hash_start(hash, job.bases[0], (size_t)h->base_nbytes);
        hash->alone = parallel;
        hash->hash = plan->header.base_hash;
        job.hash = hash;
    }
    bitx_ctx_run(ctx, encode_one, &job, nblocks + (job.hash && parallel));
    if (job.hash && !parallel)
        hash_end(hash);
    unsigned error = atomic_load(&job.error);
    if (error)
        return (bitx_status)error;
    *dst_nbytes = parallel ? job.end : job.next;
    bitx_header_store(h, plan->found.section, plan->section, job.frame);
    bitx_header_seal(h, job.frame);
    return BITX_OK;
}

bitx_status bitx_encode(bitx_ctx *ctx, const bitx_params *params, void *dst, size_t cap,
                        size_t *dst_nbytes, const void *src, size_t nbytes, const void *base,
                        size_t base_nbytes)
{
    unsigned used[BITX_BASES_MAX], nused;
    if (!params || (!base && base_nbytes))
        return BITX_ERR_ARGUMENT;
    const bitx_base only = {base, base_nbytes, params->dtype};
    return bitx_encode_bases(ctx, params, dst, cap, dst_nbytes, src, nbytes, &only,
                             base_nbytes != 0, used, &nused);
}

bitx_status bitx_encode_bases(bitx_ctx *ctx, const bitx_params *params, void *dst, size_t cap,
                              size_t *dst_nbytes, const void *src, size_t nbytes,
                              const bitx_base *bases, unsigned nbases,
                              unsigned used[BITX_BASES_MAX], unsigned *nused)
{
    size_t bound, base_nbytes = 0;
    if (!ctx || !dst || !dst_nbytes || (!src && nbytes) || (!bases && nbases) || !used || !nused ||
        nbases > BITX_BASES_MAX)
        return BITX_ERR_ARGUMENT;
    for (unsigned k = 0; k < nbases; k++) {
        if (!bases[k].data || bases[k].nbytes > SIZE_MAX)
            return BITX_ERR_ARGUMENT;
        base_nbytes = bases[k].nbytes > base_nbytes ? (size_t)bases[k].nbytes : base_nbytes;
    }
    bitx_status status = bitx_encode_bound(params, nbytes, base_nbytes, &bound);
    if (status != BITX_OK)
        return status;
    if (cap < bound)
        return BITX_ERR_DST_SIZE;
    bitx_params p;
    status = bitx_params_read(params, &p);
    size_t objects_nbytes = bitx_tables_objects_nbytes();
    if (status == BITX_OK)
        status = bitx_buffer_grow(&ctx->allocator, &ctx->tables,
                                  objects_nbytes + bitx_tables_section_max());
    if (status != BITX_OK)
        return status;

    memory_source src_memory = {src}, memory[BITX_BASES_MAX];
    bitx_source src_source = {read_memory, &src_memory};
    bitx_base_source sources[BITX_BASES_MAX];
    uint8_t hashes[BITX_BASES_MAX][BITX_HASH_NBYTES];
    for (unsigned k = 0; k < nbases; k++) {
        memory[k].data = bases[k].data;
        sources[k] = (bitx_base_source){
            {read_memory, &memory[k]}, bases[k].nbytes, bases[k].dtype, hashes[k]};
        if (nbases > 1) /* a merge's section holds them */
            bitx_hash128(hashes[k], bases[k].data, (size_t)bases[k].nbytes);
    }
    const bitx_bases given = {nbases, sources};
    bitx_plan plan;
    base_hash hash = {.base = NULL};
    if (nbases == 1) {
        hash_start(&hash, bases[0].data, (size_t)bases[0].nbytes);
        ctx->beside = ctx->executor.run ? hash_beside : NULL;
        ctx->beside_arg = &hash;
    }
    status = bitx_bases_check(sources, nbases);
    if (status == BITX_OK)
        status = bitx_plan_make(ctx, &p, &src_source, nbytes, &given,
                                ctx->tables.data + objects_nbytes, ctx->tables.data, &plan);
    ctx->beside = NULL;
    if (status != BITX_OK)
        return status;
    status = encode_planned(ctx, &plan, dst, dst_nbytes, src, bases, &hash);
    *nused = bitx_plan_bases(&plan, used);
    bitx_found_free(ctx, &plan.found);
    return status;
}
