#include "recode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* A stored tensor with one of its blocks decoded. */
typedef struct reader {
    zipllm_worker *worker;
    const zipllm_stored *stored; /* NULL: there is none */
    uint8_t *block;
    uint64_t cached; /* 1 + number of the block that is there */
    zipllm_fault fault;
} reader;

typedef struct recoding {
    zipllm_store *store;
    zipllm_pack_writer *writer;
    zipllm_error *error;
    reader tensor, base;
    uint8_t *payload, *again; /* of a block, and decoded from it */
    bitx_plan *plan;
    bitx_geometry geometry;
    bitx_block *rows;
    uint8_t *header;
    uint64_t offset; /* of the frame */
    uint64_t check;
} recoding;

static bool load_block(reader *r, uint64_t index)
{
    if (r->cached == index + 1)
        return true;
    r->cached = 0;
    if (!zipllm_stored_block(r->stored, r->worker, index, r->block, NULL, &r->fault))
        return false;
    r->cached = index + 1;
    return true;
}

static int read_sample(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    reader *r = user;
    uint8_t *to = dst;
    while (nbytes > 0) {
        const uint64_t index = offset / ZIPLLM_BLOCK_NBYTES;
        const size_t within = (size_t)(offset % ZIPLLM_BLOCK_NBYTES);
        if (index >= r->stored->info.nblocks || !load_block(r, index))
            return -1;
        const size_t size = zipllm_stored_block_nbytes(r->stored, index);
        if (within >= size)
            return -1;
        const size_t n = size - within < nbytes ? size - within : nbytes;
        memcpy(to, r->block + within, n);
        to += n;
        offset += n;
        nbytes -= n;
    }
    return 0;
}

/* What the codec or a stored block has to say. */
static zipllm_status failure(const recoding *c, bitx_status status)
{
    if (c->tensor.fault.status != ZIPLLM_OK)
        return zipllm_stored_fault(c->store, c->tensor.stored, &c->tensor.fault, c->error);
    if (c->base.fault.status != ZIPLLM_OK)
        return zipllm_stored_fault(c->store, c->base.stored, &c->base.fault, c->error);
    return zipllm_fail_at(c->writer->dir, c->writer->tmp, 0, bitx_status_name(status), c->error);
}

static zipllm_status make_plan(recoding *c)
{
    const bitx_source own = {read_sample, &c->tensor}, other = {read_sample, &c->base};
    const zipllm_stored *base = c->base.stored;
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = (bitx_dtype)c->tensor.stored->row.dtype;
    params.block_nbytes = ZIPLLM_BLOCK_NBYTES;
    params.effort = c->store->effort;
    params.row_nelem =
        c->tensor.stored->info.columns; /* of low rank before, and so perhaps again */
    params.fit_nbytes = c->store->fit_nbytes;
    const bitx_status status =
        bitx_plan_new(c->tensor.worker->plan_ctx, &params, &own, c->tensor.stored->row.nbytes,
                      base != NULL ? &other : NULL, base != NULL ? base->row.nbytes : 0,
                      base != NULL ? base->row.plain : NULL, &c->plan);
    if (status != BITX_OK)
        return failure(c, status);
    bitx_plan_geometry(c->plan, &c->geometry);
    c->rows = calloc((size_t)c->geometry.nblocks + 1, sizeof *c->rows);
    c->header = malloc((size_t)c->geometry.header_nbytes + 1);
    return c->rows != NULL && c->header != NULL
               ? ZIPLLM_OK
               : zipllm_fail_memory(c->error, c->geometry.header_nbytes);
}

/* The base's block of that number, if the plan wants it and there is one. */
static bool load_base(recoding *c, uint64_t index, size_t nbytes, const uint8_t **base,
                      size_t *base_nbytes)
{
    *base = NULL;
    *base_nbytes = 0;
    if (c->geometry.base_nbytes == 0 || index >= c->base.stored->info.nblocks)
        return true;
    if (!load_block(&c->base, index))
        return false;
    const size_t size = zipllm_stored_block_nbytes(c->base.stored, index);
    *base = c->base.block;
    *base_nbytes = size < nbytes ? size : nbytes;
    return true;
}

static zipllm_status write_at(const recoding *c, const uint8_t *bytes, size_t nbytes,
                              uint64_t offset)
{
    if (zipllm_pwrite(c->writer->fd, bytes, nbytes, offset) == 0)
        return ZIPLLM_OK;
    return zipllm_fail_at(c->writer->dir, c->writer->tmp, errno, "cannot write", c->error);
}

static zipllm_status code_block(recoding *c, uint64_t index)
{
    const size_t nbytes = zipllm_stored_block_nbytes(c->tensor.stored, index);
    const uint8_t *base;
    size_t base_nbytes;
    if (!load_block(&c->tensor, index) || !load_base(c, index, nbytes, &base, &base_nbytes))
        return failure(c, BITX_ERR_SOURCE);
    const bitx_status status =
        bitx_block_encode(c->tensor.worker->ctx, c->plan, index, c->payload, nbytes,
                          &c->rows[index], c->tensor.block, nbytes, base, base_nbytes);
    if (status != BITX_OK)
        return failure(c, status);
    const size_t written = c->rows[index].payload_nbytes;
    const zipllm_status done = write_at(c, c->payload, written, c->writer->size);
    c->writer->size += written;
    c->check = zipllm_check_fold(c->check, zipllm_check_sum(c->payload, written));
    return done;
}

static zipllm_status write_header(recoding *c)
{
    const size_t nbytes = (size_t)c->geometry.header_nbytes;
    const bitx_status status = bitx_header_write(c->plan, c->header, nbytes, c->rows);
    if (status != BITX_OK)
        return failure(c, status);
    c->check = zipllm_check_fold(c->check, zipllm_check_sum(c->header, nbytes));
    return write_at(c, c->header, nbytes, c->offset);
}

static zipllm_status compare_block(recoding *c, const bitx_frame *frame, uint64_t index)
{
    const size_t nbytes = zipllm_stored_block_nbytes(c->tensor.stored, index);
    const uint8_t *base;
    size_t base_nbytes;
    uint64_t at;
    bitx_block block;
    bitx_status status = bitx_frame_block(frame, index, &at, &block);
    if (status != BITX_OK || block.payload_nbytes > ZIPLLM_BLOCK_NBYTES)
        return failure(c, status);
    if (!load_block(&c->tensor, index) || !load_base(c, index, nbytes, &base, &base_nbytes))
        return failure(c, BITX_ERR_SOURCE);
    if (zipllm_pread(c->writer->fd, c->payload, block.payload_nbytes, c->offset + at) !=
        (ssize_t)block.payload_nbytes)
        return zipllm_fail_at(c->writer->dir, c->writer->tmp, errno, "cannot read", c->error);
    status = bitx_block_decode(c->tensor.worker->ctx, frame, index, c->again, nbytes, c->payload,
                               block.payload_nbytes, base, base_nbytes);
    if (status != BITX_OK)
        return failure(c, status);
    if (memcmp(c->again, c->tensor.block, nbytes) != 0)
        return zipllm_fail_at(c->writer->dir, c->writer->tmp, 0,
                              "a frame does not decode to what it was made from", c->error);
    return ZIPLLM_OK;
}

static zipllm_status compare(recoding *c)
{
    bitx_frame *frame = NULL;
    const bitx_status opened = bitx_frame_open(c->tensor.worker->ctx, c->header,
                                               (size_t)c->geometry.header_nbytes, &frame);
    zipllm_status status = opened == BITX_OK ? ZIPLLM_OK : failure(c, opened);
    for (uint64_t i = 0; i < c->geometry.nblocks && status == ZIPLLM_OK; i++)
        status = compare_block(c, frame, i);
    bitx_frame_close(frame);
    return status;
}

static zipllm_status code(recoding *c)
{
    zipllm_status status = make_plan(c);
    if (status != ZIPLLM_OK)
        return status;
    c->offset = c->writer->size;
    c->writer->size += c->geometry.header_nbytes;
    for (uint64_t i = 0; i < c->geometry.nblocks && status == ZIPLLM_OK; i++)
        status = code_block(c, i);
    if (status == ZIPLLM_OK)
        status = write_header(c);
    return status == ZIPLLM_OK ? compare(c) : status;
}

static void name_parent(const recoding *c, zipllm_tensor_row *row)
{
    const bool based = c->geometry.base_nbytes != 0;
    row->predictor = bitx_plan_predictor(c->plan);
    row->nparents = based ? 1 : 0;
    row->parent = based ? c->base.stored->row.id : 0;
    row->depth = based ? c->base.stored->row.depth + 1 : 0;
}

zipllm_status zipllm_recode(zipllm_store *store, zipllm_stored *tensor, zipllm_stored *base,
                            zipllm_pack_writer *writer, zipllm_tensor_row *row, zipllm_error *error)
{
    uint8_t *memory = malloc((size_t)4 * ZIPLLM_BLOCK_NBYTES);
    recoding c = {.store = store, .writer = writer, .error = error};
    if (memory == NULL)
        return zipllm_fail_memory(error, (size_t)4 * ZIPLLM_BLOCK_NBYTES);
    c.tensor = (reader){.worker = &store->workers[0], .stored = tensor, .block = memory};
    c.base = (reader){.worker = &store->workers[0],
                      .stored = base,
                      .block = memory + (size_t)ZIPLLM_BLOCK_NBYTES};
    c.payload = memory + (size_t)2 * ZIPLLM_BLOCK_NBYTES;
    c.again = memory + (size_t)3 * ZIPLLM_BLOCK_NBYTES;
    const zipllm_status status = code(&c);
    if (status == ZIPLLM_OK) {
        row->offset = c.offset;
        row->length = writer->size - c.offset;
        row->check = c.check;
        name_parent(&c, row);
    }
    bitx_plan_free(c.plan);
    free(c.rows);
    free(c.header);
    free(memory);
    return status;
}
