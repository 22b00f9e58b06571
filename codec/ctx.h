/* Work memory and workers of one context. Internal to codec/. */
#ifndef CODEC_CTX_H
#define CODEC_CTX_H

#include "block.h"

/* Memory that grows and keeps no contents when it does. */
typedef struct bitx_buffer {
    uint8_t *data; /* 64-byte aligned */
    size_t cap;
    void *memory; /* what the allocator returned */
} bitx_buffer;

typedef struct bitx_worker {
    bitx_work work;
    uint8_t *spare;      /* a second payload, or a block of which a part is wanted */
    uint8_t *prediction; /* a block, predicted */
    bitx_buffer cctx, dctx, scratch_memory, spare_memory, prediction_memory;
} bitx_worker;

struct bitx_ctx {
    bitx_allocator allocator;
    bitx_executor executor;
    bitx_buffer sample, tables, offsets, factors, fit;
    /* Once, while a plan makes its tables from a sample: for a second worker; or NULL. */
    void (*beside)(void *arg, size_t sample_nbytes);
    void *beside_arg;
    unsigned nworkers;
    bitx_worker workers[];
};

/* What every worker must have, in bytes; 0: whatever it has. */
typedef struct bitx_need {
    size_t cctx, dctx, scratch, spare, prediction;
} bitx_need;

bitx_status bitx_buffer_grow(const bitx_allocator *allocator, bitx_buffer *buffer, size_t nbytes);

/* Gives memory back that is larger than `most`. */
void bitx_buffer_trim(const bitx_allocator *allocator, bitx_buffer *buffer, size_t most);

/* Grows workers, on the calling thread: all of them, or the first only. */
bitx_status bitx_ctx_grow(bitx_ctx *ctx, const bitx_need *need, bool all);

/* job(arg, i, worker) for every i < n, on the executor if there is one and n > 1. */
void bitx_ctx_run(bitx_ctx *ctx, bitx_job job, void *arg, size_t n);
/* Whether bitx_ctx_run() would use more than the first worker. */
bool bitx_ctx_parallel(const bitx_ctx *ctx, uint64_t n);

#endif
