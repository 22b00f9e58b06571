/* zipllm_encode(): one file, part by part, each against the tensors of its name in the base
   files. */
#include <stdlib.h>
#include <string.h>

#include "blend.h"
#include "coded_file.h"
#include "coded_run.h"
#include "error.h"
#include "layout.h"

/* A base file: its tensors by name. */
typedef struct named {
    zipllm_layout layout;
    const zipllm_part **by_name;
    size_t n;
} named;

typedef struct encoding {
    zipllm_coded_run run;
    zipllm_coded_head head;
    zipllm_layout layout;
    named bases[BITX_BASES_MAX];
    zipllm_encode_result *result;
} encoding;

/* ---- which tensor of the base ------------------------------------------------------------------
 */

static int by_part_name(const void *a, const void *b)
{
    const zipllm_part *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static zipllm_status index_base(const encoding *e, named *base)
{
    size_t i;

    base->by_name = malloc((base->layout.nparts + 1) * sizeof(const zipllm_part *));
    if (base->by_name == NULL)
        return zipllm_fail_memory(e->run.error, base->layout.nparts);
    for (i = 0; i < base->layout.nparts; i++)
        if (base->layout.parts[i].kind == ZIPLLM_TENSOR)
            base->by_name[base->n++] = &base->layout.parts[i];
    if (base->n > 1)
        qsort(base->by_name, base->n, sizeof base->by_name[0], by_part_name);
    return ZIPLLM_OK;
}

/* From the second dimension on: a tensor with more rows than its base is coded against the rows
   that both have. */
static const char *row_shape(const char *shape)
{
    return shape + strcspn(shape, ",]");
}

/* One of the same dtype and rows, or of the same shape in another float format. */
static const zipllm_part *base_of(const named *names, const zipllm_part *part)
{
    const zipllm_part **found, *base;

    if (part->kind != ZIPLLM_TENSOR || names->n == 0)
        return NULL;
    found = bsearch(&part, names->by_name, names->n, sizeof names->by_name[0], by_part_name);
    if (found == NULL)
        return NULL;
    base = *found;
    if (base->nbytes == 0)
        return NULL;
    if (base->dtype != part->dtype)
        return zipllm_blend_castable(base->dtype, part->dtype) &&
                       strcmp(base->shape, part->shape) == 0
                   ? base
                   : NULL;
    return strcmp(base->dtype_text, part->dtype_text) == 0 &&
                   strcmp(row_shape(base->shape), row_shape(part->shape)) == 0
               ? base
               : NULL;
}

/* ---- one part ----------------------------------------------------------------------------------
 */

/* A tensor of a base file. */
typedef struct based {
    const zipllm_part *part;
    uint8_t file;
} based;

typedef struct coding {
    encoding *e;
    const zipllm_part *part;
    based bases[BITX_BASES_MAX]; /* those found; once planned, those used, in the frame's order */
    unsigned nbases;
    bitx_plan *plan;
    bitx_geometry geometry;
    bitx_block *rows;
    size_t each_nbytes; /* of each base for a block, at most */
    /* of the batch */
    uint64_t first;
    size_t n, plain_nbytes;
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

static void find_bases(coding *c)
{
    unsigned k;

    for (k = 0; k < c->e->run.nbases; k++) {
        const zipllm_part *base = base_of(&c->e->bases[k], c->part);
        if (base != NULL)
            c->bases[c->nbases++] = (based){base, (uint8_t)k};
    }
}

static void keep_used(coding *c)
{
    based found[BITX_BASES_MAX];
    unsigned used[BITX_BASES_MAX], k;
    uint64_t offset;

    memcpy(found, c->bases, sizeof found);
    c->nbases = bitx_plan_bases(c->plan, used);
    for (k = 0; k < c->nbases; k++)
        c->bases[k] = found[used[k]];
    if (c->nbases != 0 && bitx_plan_base_range(c->plan, 0, &offset, &c->each_nbytes) != BITX_OK)
        c->each_nbytes = 0;
}

static zipllm_status make_plan(coding *c)
{
    zipllm_coded_run *run = &c->e->run;
    bitx_ctx *ctx = run->contexts[run->executor.nworkers];
    bitx_params params = BITX_PARAMS_INIT;
    source own = {run, &run->in, c->part->offset, ZIPLLM_OK}, sources[BITX_BASES_MAX];
    bitx_source own_source = {read_source, &own};
    bitx_base_source bases[BITX_BASES_MAX];
    uint8_t hashes[BITX_BASES_MAX][BITX_HASH_NBYTES];
    zipllm_status status = ZIPLLM_OK;
    bitx_status made;
    unsigned k;

    params.dtype = c->part->dtype;
    params.block_nbytes = ZIPLLM_CODED_BLOCK;
    params.effort = run->effort;
    params.row_nelem = c->part->kind == ZIPLLM_TENSOR ? zipllm_row_nelem(c->part->shape) : 0;
    params.fit_nbytes = run->fit_nbytes;
    for (k = 0; k < c->nbases && status == ZIPLLM_OK; k++) {
        const zipllm_part *base = c->bases[k].part;
        const zipllm_coded_input *in = &run->bases[c->bases[k].file];
        sources[k] = (source){run, in, base->offset, ZIPLLM_OK};
        bases[k] =
            (bitx_base_source){{read_source, &sources[k]}, base->nbytes, base->dtype, hashes[k]};
        status = zipllm_coded_hash(run, in, base->offset, base->nbytes, hashes[k]);
    }
    if (status != ZIPLLM_OK)
        return status;
    made =
        bitx_plan_new_bases(ctx, &params, &own_source, c->part->nbytes, bases, c->nbases, &c->plan);
    for (k = 0; k < c->nbases; k++)
        if (sources[k].status != ZIPLLM_OK)
            return ZIPLLM_ERROR; /* told already */
    if (own.status != ZIPLLM_OK)
        return ZIPLLM_ERROR;
    if (made != BITX_OK)
        return zipllm_coded_fault(run, run->in.path, c->part->offset, made);
    bitx_plan_geometry(c->plan, &c->geometry);
    if (c->geometry.nblocks != 0)
        keep_used(c);
    else
        c->nbases = 0;
    c->rows = calloc((size_t)c->geometry.nblocks + 1, sizeof *c->rows);
    return c->rows != NULL ? ZIPLLM_OK : zipllm_fail_memory(run->error, c->geometry.nblocks);
}

/* Where base k of block i of the batch lies in run->base. */
static uint8_t *base_at(const coding *c, size_t i, unsigned k)
{
    return c->e->run.base + (i * c->nbases + k) * c->each_nbytes;
}

/* Job 0 takes the SHA-256 of the batch, the others code its blocks. */
static void run_job(void *arg, size_t index, unsigned worker)
{
    coding *c = arg;
    const zipllm_coded_run *run = &c->e->run;
    size_t i = index - 1, at = i * ZIPLLM_CODED_BLOCK, nbytes, base_nbytes = 0;
    const void *bases[BITX_BASES_MAX] = {0};
    uint64_t offset;
    unsigned k;

    if (index == 0) {
        c->sha_failed = EVP_DigestUpdate(run->sha, run->plain, c->plain_nbytes) != 1;
        return;
    }
    nbytes = c->plain_nbytes - at < ZIPLLM_CODED_BLOCK ? c->plain_nbytes - at : ZIPLLM_CODED_BLOCK;
    for (k = 0; k < c->nbases; k++)
        bases[k] = base_at(c, i, k);
    c->faults[i] = BITX_OK;
    if (c->nbases != 0)
        c->faults[i] = bitx_plan_base_range(c->plan, c->first + i, &offset, &base_nbytes);
    if (c->faults[i] == BITX_OK)
        c->faults[i] =
            bitx_block_encode_bases(run->contexts[worker], c->plan, c->first + i, run->coded + at,
                                    ZIPLLM_CODED_BLOCK, &c->rows[c->first + i], run->plain + at,
                                    nbytes, bases, base_nbytes != 0 ? c->nbases : 0, base_nbytes);
}

static zipllm_status read_bases(coding *c)
{
    zipllm_coded_run *run = &c->e->run;
    zipllm_status status = ZIPLLM_OK;
    size_t i, nbytes;
    unsigned k;

    for (i = 0; i < c->n; i++) {
        uint64_t offset;
        bitx_status known = bitx_plan_base_range(c->plan, c->first + i, &offset, &nbytes);
        if (known != BITX_OK)
            return zipllm_coded_fault(run, run->in.path, c->part->offset, known);
        for (k = 0; k < c->nbases && nbytes != 0 && status == ZIPLLM_OK; k++)
            status = zipllm_coded_read(run, &run->bases[c->bases[k].file], base_at(c, i, k), nbytes,
                                       c->bases[k].part->offset + offset);
    }
    return status;
}

static zipllm_status read_batch(coding *c)
{
    zipllm_coded_run *run = &c->e->run;
    uint64_t at = c->first * ZIPLLM_CODED_BLOCK, left = c->part->nbytes - at;
    size_t window = c->n * ZIPLLM_CODED_BLOCK;
    zipllm_status status;

    c->plain_nbytes = left < window ? (size_t)left : window;
    status = zipllm_coded_read(run, &run->in, run->plain, c->plain_nbytes, c->part->offset + at);
    return status == ZIPLLM_OK && c->nbases != 0 ? read_bases(c) : status;
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
        c->n = zipllm_coded_batch(run, c->geometry.nblocks - c->first, c->nbases, c->each_nbytes);
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
    unsigned k;

    find_bases(&c);
    status = make_plan(&c);
    *at += c.geometry.header_nbytes;
    if (status == ZIPLLM_OK)
        status = code_blocks(&c, at);
    if (status == ZIPLLM_OK)
        status = write_header(&c, start);
    bitx_plan_free(c.plan);
    free(c.rows);
    e->head.rows[i] = (zipllm_coded_row){.frame_nbytes = *at - start, .nbases = c.nbases};
    for (k = 0; k < c.nbases; k++) {
        e->head.rows[i].base_nbytes = c.bases[k].part->nbytes;
        e->head.rows[i].file[k] = c.bases[k].file;
        e->head.rows[i].base_offset[k] = c.bases[k].part->offset;
    }
    e->result->tensors += c.part->kind == ZIPLLM_TENSOR;
    e->result->tensors_delta += c.nbases != 0;
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static zipllm_status read_layouts(encoding *e)
{
    const zipllm_coded_input *in = &e->run.in;
    zipllm_status status =
        zipllm_layout_read(in->fd, in->path, (uint64_t)in->st.st_size,
                           zipllm_is_safetensors(in->path), &e->layout, e->run.error);
    unsigned k;

    for (k = 0; k < e->run.nbases && status == ZIPLLM_OK; k++) {
        in = &e->run.bases[k];
        status =
            zipllm_layout_read(in->fd, in->path, (uint64_t)in->st.st_size,
                               zipllm_is_safetensors(in->path), &e->bases[k].layout, e->run.error);
        if (status == ZIPLLM_OK)
            status = index_base(e, &e->bases[k]);
    }
    return status;
}

static zipllm_status write_head(encoding *e)
{
    size_t nbytes = (size_t)zipllm_coded_head_nbytes(e->head.nfiles, e->head.nparts);
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
    e->head.nfiles = e->run.nbases;
    for (i = 0; i < e->run.nbases; i++)
        e->head.file_nbytes[i] = (uint64_t)e->run.bases[i].st.st_size;
    e->head.nparts = e->layout.nparts;
    e->head.rows = calloc(e->layout.nparts + 1, sizeof *e->head.rows);
    if (e->head.rows == NULL)
        return zipllm_fail_memory(e->run.error, e->layout.nparts * sizeof *e->head.rows);
    at = zipllm_coded_head_nbytes(e->head.nfiles, e->head.nparts);
    for (i = 0; i < e->layout.nparts && status == ZIPLLM_OK; i++)
        status = encode_part(e, i, &at);
    if (e->result->tensors_delta == 0 && e->head.nfiles == 1)
        e->head.nfiles = 0; /* nothing looked at it */
    if (status == ZIPLLM_OK)
        status = write_head(e);
    e->result->nbytes = e->head.nbytes;
    e->result->coded_nbytes = at;
    return status == ZIPLLM_OK ? zipllm_coded_finish(&e->run) : status;
}

zipllm_status zipllm_encode(const char *path, const char *const *bases, size_t nbases,
                            const char *out, const zipllm_options *options,
                            zipllm_encode_result *result, zipllm_error *error)
{
    encoding e;
    zipllm_status status;

    memset(&e, 0, sizeof e);
    memset(result, 0, sizeof *result);
    e.result = result;
    status = zipllm_coded_open(&e.run, path, bases, nbases, out, options, error);
    if (status == ZIPLLM_OK)
        status = encode(&e);
    zipllm_layout_free(&e.layout);
    for (unsigned k = 0; k < BITX_BASES_MAX; k++) {
        zipllm_layout_free(&e.bases[k].layout);
        free(e.bases[k].by_name);
    }
    free(e.head.rows);
    zipllm_coded_close(&e.run);
    return status;
}
