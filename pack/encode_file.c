/* zipllm_encode(): one file, part by part, each against the tensor of its name in the base file. */
#include <stdlib.h>
#include <string.h>

#include "coded_file.h"
#include "coded_run.h"
#include "error.h"
#include "layout.h"

typedef struct encoding {
    zipllm_coded_run run;
    zipllm_coded_head head;
    zipllm_layout layout, base_layout;
    const zipllm_part **by_name; /* tensors of the base */
    size_t nby_name;
    zipllm_encode_result *result;
} encoding;

/* ---- which tensor of the base ------------------------------------------------------------------
 */

static int by_part_name(const void *a, const void *b)
{
    const zipllm_part *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static zipllm_status index_base(encoding *e)
{
    size_t i;

    e->by_name = malloc((e->base_layout.nparts + 1) * sizeof(const zipllm_part *));
    if (e->by_name == NULL)
        return zipllm_fail_memory(e->run.error, e->base_layout.nparts);
    for (i = 0; i < e->base_layout.nparts; i++)
        if (e->base_layout.parts[i].kind == ZIPLLM_TENSOR)
            e->by_name[e->nby_name++] = &e->base_layout.parts[i];
    if (e->nby_name > 1)
        qsort(e->by_name, e->nby_name, sizeof e->by_name[0], by_part_name);
    return ZIPLLM_OK;
}

/* From the second dimension on: a tensor with more rows than its base is coded against the rows
   that both have. */
static const char *row_shape(const char *shape)
{
    return shape + strcspn(shape, ",]");
}

static const zipllm_part *base_of(const encoding *e, const zipllm_part *part)
{
    const zipllm_part **found, *base;

    if (part->kind != ZIPLLM_TENSOR || e->nby_name == 0)
        return NULL;
    found = bsearch(&part, e->by_name, e->nby_name, sizeof e->by_name[0], by_part_name);
    if (found == NULL)
        return NULL;
    base = *found;
    if (base->nbytes == 0 || base->dtype != part->dtype ||
        strcmp(base->dtype_text, part->dtype_text) != 0 ||
        strcmp(row_shape(base->shape), row_shape(part->shape)) != 0)
        return NULL;
    return base;
}

/* ---- one part ----------------------------------------------------------------------------------
 */

typedef struct coding {
    encoding *e;
    const zipllm_part *part, *base; /* base: NULL without one */
    bitx_plan *plan;
    bitx_geometry geometry;
    bitx_block *rows;
    /* of the batch */
    uint64_t first;
    size_t n, plain_nbytes, base_nbytes;
    bitx_status faults[ZIPLLM_CODED_BATCH_MAX];
    bool sha_failed;
} coding;

typedef struct source {
    const zipllm_coded_run *run;
    const zipllm_coded_input *in;
    uint64_t offset;
    zipllm_status status;
} source;

static int read_source(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    source *s = user;

    s->status = zipllm_coded_read(s->run, s->in, dst, nbytes, s->offset + offset);
    return s->status == ZIPLLM_OK ? 0 : -1;
}

static zipllm_status make_plan(coding *c)
{
    zipllm_coded_run *run = &c->e->run;
    bitx_ctx *ctx = run->contexts[run->executor.nworkers];
    bitx_params params = BITX_PARAMS_INIT;
    source own = {run, &run->in, c->part->offset, ZIPLLM_OK};
    source base = {run, &run->base_in, c->base != NULL ? c->base->offset : 0, ZIPLLM_OK};
    bitx_source own_source = {read_source, &own}, base_source = {read_source, &base};
    uint8_t hash[BITX_HASH_NBYTES];
    zipllm_status status = ZIPLLM_OK;
    bitx_status made;

    params.dtype = c->part->dtype;
    params.block_nbytes = ZIPLLM_CODED_BLOCK;
    params.effort = run->effort;
    params.row_nelem = c->part->kind == ZIPLLM_TENSOR ? zipllm_row_nelem(c->part->shape) : 0;
    params.fit_nbytes = run->fit_nbytes;
    if (c->base != NULL)
        status = zipllm_coded_hash(run, &run->base_in, c->base->offset, c->base->nbytes, hash);
    if (status != ZIPLLM_OK)
        return status;
    made = bitx_plan_new(
        ctx, &params, &own_source, c->part->nbytes, c->base != NULL ? &base_source : NULL,
        c->base != NULL ? c->base->nbytes : 0, c->base != NULL ? hash : NULL, &c->plan);
    if (own.status != ZIPLLM_OK || base.status != ZIPLLM_OK)
        return ZIPLLM_ERROR; /* told already */
    if (made != BITX_OK)
        return zipllm_coded_fault(run, run->in.path, c->part->offset, made);
    bitx_plan_geometry(c->plan, &c->geometry);
    if (c->geometry.base_nbytes == 0)
        c->base = NULL;
    c->rows = calloc((size_t)c->geometry.nblocks + 1, sizeof *c->rows);
    return c->rows != NULL ? ZIPLLM_OK : zipllm_fail_memory(run->error, c->geometry.nblocks);
}

/* Job 0 takes the SHA-256 of the batch, the others code its blocks. */
static void run_job(void *arg, size_t index, unsigned worker)
{
    coding *c = arg;
    const zipllm_coded_run *run = &c->e->run;
    size_t i = index - 1, at = i * ZIPLLM_CODED_BLOCK, nbytes, base_nbytes;

    if (index == 0) {
        c->sha_failed = EVP_DigestUpdate(run->sha, run->plain, c->plain_nbytes) != 1;
        return;
    }
    nbytes = c->plain_nbytes - at < ZIPLLM_CODED_BLOCK ? c->plain_nbytes - at : ZIPLLM_CODED_BLOCK;
    base_nbytes = c->base_nbytes <= at ? 0 : c->base_nbytes - at;
    if (base_nbytes > nbytes)
        base_nbytes = nbytes;
    c->faults[i] = bitx_block_encode(run->contexts[worker], c->plan, c->first + i, run->coded + at,
                                     ZIPLLM_CODED_BLOCK, &c->rows[c->first + i], run->plain + at,
                                     nbytes, base_nbytes > 0 ? run->base + at : NULL, base_nbytes);
}

static zipllm_status read_batch(coding *c)
{
    zipllm_coded_run *run = &c->e->run;
    uint64_t at = c->first * ZIPLLM_CODED_BLOCK, left = c->part->nbytes - at, base_left = 0;
    size_t window = c->n * ZIPLLM_CODED_BLOCK;
    zipllm_status status;

    c->plain_nbytes = left < window ? (size_t)left : window;
    if (c->base != NULL && c->base->nbytes > at)
        base_left = c->base->nbytes - at;
    c->base_nbytes = base_left < c->plain_nbytes ? (size_t)base_left : c->plain_nbytes;
    status = zipllm_coded_read(run, &run->in, run->plain, c->plain_nbytes, c->part->offset + at);
    if (status == ZIPLLM_OK && c->base_nbytes > 0)
        status =
            zipllm_coded_read(run, &run->base_in, run->base, c->base_nbytes, c->base->offset + at);
    return status;
}

/* Codes the batch and writes its payloads at *at. */
static zipllm_status code_batch(coding *c, uint64_t *at)
{
    zipllm_coded_run *run = &c->e->run;
    size_t i, used = 0;

    run->executor.run(run->executor.user, run_job, c, c->n + 1);
    if (c->sha_failed)
        return zipllm_fail(run->error, ZIPLLM_ERROR, run->in.path, ZIPLLM_NO_OFFSET, 0,
                           "SHA-256 failed");
    for (i = 0; i < c->n; i++) {
        size_t nbytes = c->rows[c->first + i].payload_nbytes;
        if (c->faults[i] != BITX_OK)
            return zipllm_coded_fault(run, run->in.path, c->part->offset, c->faults[i]);
        memmove(run->coded + used, run->coded + i * ZIPLLM_CODED_BLOCK, nbytes);
        used += nbytes;
    }
    *at += used;
    return zipllm_coded_write(run, run->coded, used, *at - used);
}

static zipllm_status write_header(coding *c, uint64_t at)
{
    zipllm_coded_run *run = &c->e->run;
    size_t nbytes = (size_t)c->geometry.header_nbytes;
    uint8_t *header = malloc(nbytes);
    zipllm_status status;
    bitx_status written;

    if (header == NULL)
        return zipllm_fail_memory(run->error, nbytes);
    written = bitx_header_write(c->plan, header, nbytes, c->rows);
    status = written == BITX_OK ? zipllm_coded_write(run, header, nbytes, at)
                                : zipllm_coded_fault(run, run->in.path, c->part->offset, written);
    free(header);
    return status;
}

static zipllm_status code_blocks(coding *c, uint64_t *at)
{
    zipllm_coded_run *run = &c->e->run;
    zipllm_status status = ZIPLLM_OK;

    for (c->first = 0; status == ZIPLLM_OK && c->first < c->geometry.nblocks; c->first += c->n) {
        uint64_t left = c->geometry.nblocks - c->first;
        c->n = left < run->batch ? (size_t)left : run->batch;
        status = read_batch(c);
        if (status == ZIPLLM_OK)
            status = code_batch(c, at);
        if (status == ZIPLLM_OK)
            status = zipllm_coded_progress(run, "encode", c->plain_nbytes);
    }
    return status;
}

/* Writes the frame of part i at *at, and moves *at behind it. */
static zipllm_status encode_part(encoding *e, size_t i, uint64_t *at)
{
    coding c = {.e = e, .part = &e->layout.parts[i]};
    uint64_t start = *at;
    zipllm_status status;

    c.base = base_of(e, c.part);
    status = make_plan(&c);
    *at += c.geometry.header_nbytes;
    if (status == ZIPLLM_OK)
        status = code_blocks(&c, at);
    if (status == ZIPLLM_OK)
        status = write_header(&c, start);
    bitx_plan_free(c.plan);
    free(c.rows);
    e->head.rows[i] = (zipllm_coded_row){c.base != NULL ? c.base->offset : 0,
                                         c.base != NULL ? c.base->nbytes : 0, *at - start};
    e->result->tensors += c.part->kind == ZIPLLM_TENSOR;
    e->result->tensors_delta += c.base != NULL;
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static zipllm_status read_layouts(encoding *e)
{
    const zipllm_coded_input *in = &e->run.in, *base = &e->run.base_in;
    zipllm_status status =
        zipllm_layout_read(in->fd, in->path, (uint64_t)in->st.st_size,
                           zipllm_is_safetensors(in->path), &e->layout, e->run.error);

    if (status == ZIPLLM_OK && base->fd >= 0)
        status =
            zipllm_layout_read(base->fd, base->path, (uint64_t)base->st.st_size,
                               zipllm_is_safetensors(base->path), &e->base_layout, e->run.error);
    if (status == ZIPLLM_OK)
        status = index_base(e);
    return status;
}

static zipllm_status write_head(encoding *e)
{
    size_t nbytes = (size_t)zipllm_coded_head_nbytes(e->head.nparts);
    uint8_t *bytes;
    zipllm_status status;

    if (EVP_DigestFinal_ex(e->run.sha, e->head.sha256, NULL) != 1)
        return zipllm_fail(e->run.error, ZIPLLM_ERROR, e->run.in.path, ZIPLLM_NO_OFFSET, 0,
                           "SHA-256 failed");
    bytes = malloc(nbytes);
    if (bytes == NULL)
        return zipllm_fail_memory(e->run.error, nbytes);
    zipllm_coded_head_write(&e->head, bytes);
    status = zipllm_coded_write(&e->run, bytes, nbytes, 0);
    free(bytes);
    return status;
}

static zipllm_status encode(encoding *e)
{
    zipllm_status status = read_layouts(e);
    uint64_t at;
    size_t i;

    if (status != ZIPLLM_OK)
        return status;
    e->head.nbytes = e->run.total = (uint64_t)e->run.in.st.st_size;
    e->head.base_nbytes = e->run.base_in.fd >= 0 ? (uint64_t)e->run.base_in.st.st_size : 0;
    e->head.nparts = e->layout.nparts;
    e->head.rows = calloc(e->layout.nparts + 1, sizeof *e->head.rows);
    if (e->head.rows == NULL)
        return zipllm_fail_memory(e->run.error, e->layout.nparts * sizeof *e->head.rows);
    at = zipllm_coded_head_nbytes(e->head.nparts);
    for (i = 0; i < e->layout.nparts && status == ZIPLLM_OK; i++)
        status = encode_part(e, i, &at);
    if (e->result->tensors_delta == 0)
        e->head.base_nbytes = 0; /* nothing looked at it */
    if (status == ZIPLLM_OK)
        status = write_head(e);
    e->result->nbytes = e->head.nbytes;
    e->result->coded_nbytes = at;
    return status == ZIPLLM_OK ? zipllm_coded_finish(&e->run) : status;
}

zipllm_status zipllm_encode(const char *path, const char *base, const char *out,
                            const zipllm_options *options, zipllm_encode_result *result,
                            zipllm_error *error)
{
    encoding e;
    zipllm_status status;

    memset(&e, 0, sizeof e);
    memset(result, 0, sizeof *result);
    e.result = result;
    status = zipllm_coded_open(&e.run, path, base, out, options, error);
    if (status == ZIPLLM_OK)
        status = encode(&e);
    zipllm_layout_free(&e.layout);
    zipllm_layout_free(&e.base_layout);
    free(e.by_name);
    free(e.head.rows);
    zipllm_coded_close(&e.run);
    return status;
}
