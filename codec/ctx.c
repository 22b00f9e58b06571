/* Contexts: the caller's allocator and executor, and the memory of each worker. */
#include "ctx.h"

#include <stdlib.h>
#include <string.h>

#include "zstd_stream.h"

enum { ALIGNMENT = 64, MAX_WORKERS = 1024 };

static void *default_allocate(void *user, size_t nbytes)
{
    (void)user;
    return malloc(nbytes);
}

static void default_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

static void buffer_free(const bitx_allocator *allocator, bitx_buffer *buffer)
{
    if (buffer->memory)
        allocator->release(allocator->user, buffer->memory);
    memset(buffer, 0, sizeof(*buffer));
}

void bitx_buffer_trim(const bitx_allocator *allocator, bitx_buffer *buffer, size_t most)
{
    if (buffer->cap > most)
        buffer_free(allocator, buffer);
}

bitx_status bitx_buffer_grow(const bitx_allocator *allocator, bitx_buffer *buffer, size_t nbytes)
{
    if (nbytes <= buffer->cap)
        return BITX_OK;
    buffer_free(allocator, buffer); /* first, so that old and new never exist together */
    if (nbytes > SIZE_MAX - ALIGNMENT)
        return BITX_ERR_MEMORY;
    void *memory = allocator->allocate(allocator->user, nbytes + ALIGNMENT);
    if (!memory)
        return BITX_ERR_MEMORY;
    buffer->memory = memory;
    buffer->data = (uint8_t *)memory + (ALIGNMENT - (uintptr_t)memory % ALIGNMENT);
    buffer->cap = nbytes;
    return BITX_OK;
}

static bitx_status grow_worker(const bitx_allocator *allocator, bitx_worker *worker,
                               const bitx_need *need)
{
    bitx_work *work = &worker->work;
    if (need->cctx > worker->cctx.cap) {
        work->zstd_cctx = NULL;
        if (bitx_buffer_grow(allocator, &worker->cctx, need->cctx) != BITX_OK)
            return BITX_ERR_MEMORY;
        work->zstd_cctx = bitx_zstd_cctx_init(worker->cctx.data, worker->cctx.cap);
        if (!work->zstd_cctx)
            return BITX_ERR_MEMORY;
    }
    if (need->dctx > worker->dctx.cap) {
        work->zstd_dctx = NULL;
        if (bitx_buffer_grow(allocator, &worker->dctx, need->dctx) != BITX_OK)
            return BITX_ERR_MEMORY;
        work->zstd_dctx = bitx_zstd_dctx_init(worker->dctx.data, worker->dctx.cap);
        if (!work->zstd_dctx)
            return BITX_ERR_MEMORY;
    }
    bitx_status status = bitx_buffer_grow(allocator, &worker->scratch_memory, need->scratch);
    work->scratch = worker->scratch_memory.data;
    if (status == BITX_OK)
        status = bitx_buffer_grow(allocator, &worker->spare_memory, need->spare);
    worker->spare = worker->spare_memory.data;
    if (status == BITX_OK)
        status = bitx_buffer_grow(allocator, &worker->prediction_memory, need->prediction);
    worker->prediction = worker->prediction_memory.data;
    return status;
}

bitx_status bitx_ctx_grow(bitx_ctx *ctx, const bitx_need *need, bool all)
{
    unsigned n = all ? ctx->nworkers : 1;
    for (unsigned i = 0; i < n; i++) {
        bitx_status status = grow_worker(&ctx->allocator, &ctx->workers[i], need);
        if (status != BITX_OK)
            return status;
    }
    return BITX_OK;
}

bool bitx_ctx_parallel(const bitx_ctx *ctx, uint64_t n)
{
    return ctx->executor.run && n > 1;
}

void bitx_ctx_run(bitx_ctx *ctx, bitx_job job, void *arg, size_t n)
{
    if (bitx_ctx_parallel(ctx, n)) {
        ctx->executor.run(ctx->executor.user, job, arg, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        job(arg, i, 0);
}

bitx_status bitx_ctx_new(const bitx_allocator *allocator, const bitx_executor *executor,
                         bitx_ctx **out)
{
    static const bitx_allocator fallback = {default_allocate, default_release, NULL};
    if (!out || (allocator && (!allocator->allocate || !allocator->release)))
        return BITX_ERR_ARGUMENT;
    if (executor && (!executor->run || !executor->nworkers || executor->nworkers > MAX_WORKERS))
        return BITX_ERR_ARGUMENT;
    if (!allocator)
        allocator = &fallback;
    unsigned nworkers = executor ? executor->nworkers : 1;
    size_t nbytes = sizeof(bitx_ctx) + nworkers * sizeof(bitx_worker);
    bitx_ctx *ctx = allocator->allocate(allocator->user, nbytes);
    if (!ctx)
        return BITX_ERR_MEMORY;
    memset(ctx, 0, nbytes);
    ctx->allocator = *allocator;
    if (executor)
        ctx->executor = *executor;
    ctx->nworkers = nworkers;
    *out = ctx;
    return BITX_OK;
}

void bitx_ctx_free(bitx_ctx *ctx)
{
    if (!ctx)
        return;
    bitx_allocator allocator = ctx->allocator;
    for (unsigned i = 0; i < ctx->nworkers; i++) {
        bitx_worker *worker = &ctx->workers[i];
        buffer_free(&allocator, &worker->cctx);
        buffer_free(&allocator, &worker->dctx);
        buffer_free(&allocator, &worker->scratch_memory);
        buffer_free(&allocator, &worker->spare_memory);
        buffer_free(&allocator, &worker->prediction_memory);
    }
    buffer_free(&allocator, &ctx->sample);
    buffer_free(&allocator, &ctx->tables);
    buffer_free(&allocator, &ctx->offsets);
    buffer_free(&allocator, &ctx->factors);
    buffer_free(&allocator, &ctx->fit);
    allocator.release(allocator.user, ctx);
}
