/* zipllm_cat(): a range of one stored file or tensor, decoding only the blocks that hold it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "model_name.h"
#include "stored.h"

enum { BATCH_MAX = 64 };

/* A part of the file that the range touches. */
typedef struct piece {
    int64_t tensor;    /* in the index */
    uint64_t nbytes;   /* of the part */
    uint64_t from, to; /* of its bytes, wanted */
} piece;

typedef struct catting {
    zipllm_store *store;
    const zipllm_cat_options *options;
    zipllm_error *error;
    uint64_t *written;
    piece *pieces;
    size_t npieces, cap;
    uint8_t *blocks; /* of `batch` blocks */
    size_t batch;
} catting;

/* ---- what is wanted ----------------------------------------------------------------------------
 */

static zipllm_status find_file(catting *c, int64_t *file)
{
    zipllm_model_row model;
    zipllm_status status = zipllm_model_find(c->store, c->options->name, &model, NULL, c->error);
    struct sqlite3_stmt *s;
    int step;

    if (status != ZIPLLM_OK)
        return status;
    s = zipllm_index_query(c->store->index, ZIPLLM_Q_MODEL_FILE, c->error);
    *file = 0;
    if (s == NULL) {
        step = -1;
    } else {
        zipllm_index_bind(s, 1, model.id);
        zipllm_index_bind_text(s, 2, c->options->file);
        step = zipllm_index_step(c->store->index, s, c->error);
        if (step > 0)
            *file = zipllm_index_number(s, 1);
        zipllm_index_reset(s);
    }
    zipllm_model_row_free(&model);
    if (step < 0)
        return ZIPLLM_ERROR;
    if (*file == 0)
        return zipllm_fail(c->error, ZIPLLM_ERROR, c->options->name, ZIPLLM_NO_OFFSET, 0,
                           "the model has no file '%s'", c->options->file);
    return ZIPLLM_OK;
}

static zipllm_status add_piece(catting *c, const zipllm_part_row *row)
{
    if (c->npieces == c->cap) {
        size_t cap = c->cap == 0 ? 16 : 2 * c->cap;
        piece *pieces = realloc(c->pieces, cap * sizeof *pieces);
        if (pieces == NULL)
            return zipllm_fail_memory(c->error, cap * sizeof *pieces);
        c->pieces = pieces;
        c->cap = cap;
    }
    c->pieces[c->npieces++] = (piece){row->tensor, row->nbytes, 0, row->nbytes};
    return ZIPLLM_OK;
}

/* The parts of the file, or the one tensor. */
static zipllm_status list_pieces(catting *c, int64_t file)
{
    const char *wanted = c->options->tensor;
    struct sqlite3_stmt *s = zipllm_index_query(c->store->index, ZIPLLM_Q_FILE_PARTS, c->error);
    zipllm_status status = s != NULL ? ZIPLLM_OK : ZIPLLM_ERROR;
    bool found = wanted == NULL;
    int step = 0;

    if (s != NULL)
        zipllm_index_bind(s, 1, file);
    while (status == ZIPLLM_OK && (step = zipllm_index_step(c->store->index, s, c->error)) > 0) {
        zipllm_part_row row;
        zipllm_index_part_columns(s, &row);
        if (wanted != NULL && (found || row.kind != ZIPLLM_TENSOR || strcmp(row.name, wanted) != 0))
            continue;
        found = true;
        status = add_piece(c, &row);
    }
    if (status != ZIPLLM_OK || step < 0) {
        if (s != NULL)
            zipllm_index_reset(s);
        return ZIPLLM_ERROR;
    }
    if (!found)
        return zipllm_fail(c->error, ZIPLLM_ERROR, c->options->name, ZIPLLM_NO_OFFSET, 0,
                           "'%s' has no tensor '%s'", c->options->file, wanted);
    return ZIPLLM_OK;
}

/* Cuts the pieces to the range; those outside become empty. */
static zipllm_status cut_pieces(catting *c)
{
    uint64_t begin = c->options->begin, end = c->options->end, at = 0;
    size_t i;

    for (i = 0; i < c->npieces; i++) {
        piece *p = &c->pieces[i];
        uint64_t next = at + p->nbytes;
        p->from = begin <= at ? 0 : begin >= next ? p->nbytes : begin - at;
        p->to = end >= next ? p->nbytes : end <= at ? 0 : end - at;
        at = next;
    }
    if (begin > at || (end != ZIPLLM_NO_OFFSET && (end > at || end < begin)))
        return zipllm_fail(c->error, ZIPLLM_USAGE, c->options->file, ZIPLLM_NO_OFFSET, 0,
                           "the range is not within its %" PRIu64 " bytes", at);
    return ZIPLLM_OK;
}

/* ---- decoding ----------------------------------------------------------------------------------
 */

/* Some blocks of one tensor, decoded at once. */
typedef struct batch {
    const zipllm_store *store;
    const zipllm_stored *stored;
    uint64_t first; /* block */
    uint8_t *blocks;
    zipllm_fault faults[BATCH_MAX];
} batch;

static void decode_job(void *arg, size_t index, unsigned worker)
{
    batch *b = arg;

    (void)zipllm_stored_block(b->stored, &b->store->workers[worker], b->first + index,
                              b->blocks + index * ZIPLLM_BLOCK_NBYTES, NULL, &b->faults[index]);
}

/* "...; damaged: tensor T of 'F' in model 'M'" */
static zipllm_status name_damage(const catting *c, const batch *b, const zipllm_fault *fault)
{
    zipllm_error why;
    zipllm_status status = zipllm_stored_fault(c->store, b->stored, fault, &why);
    char path[sizeof why.message];

    if (status != ZIPLLM_DAMAGED) {
        if (c->error != NULL)
            *c->error = why;
        return status;
    }
    (void)snprintf(path, sizeof path, "%.*s", (int)why.path_nbytes, why.message);
    return zipllm_fail(c->error, ZIPLLM_DAMAGED, path, why.offset, 0,
                       "%.300s; damaged: '%.200s' in model '%.200s'", why.message + why.reason_at,
                       c->options->file, c->options->name);
}

static zipllm_status decode_batch(catting *c, batch *b, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        b->faults[i] = (zipllm_fault){.status = ZIPLLM_OK};
    zipllm_store_run(c->store, decode_job, b, n);
    for (i = 0; i < n; i++)
        if (b->faults[i].status != ZIPLLM_OK)
            return name_damage(c, b, &b->faults[i]);
    return ZIPLLM_OK;
}

static zipllm_status hand_on(catting *c, const uint8_t *bytes, size_t nbytes)
{
    if (!c->options->write(c->options->user, bytes, nbytes))
        return zipllm_fail(c->error, ZIPLLM_ERROR, NULL, ZIPLLM_NO_OFFSET, 0, "cancelled");
    *c->written += nbytes;
    return zipllm_store_progress(c->store, "cat", c->options->file, *c->written, 0, c->error);
}

static zipllm_status cat_stored(catting *c, const zipllm_stored *stored, const piece *p)
{
    batch b = {.store = c->store, .stored = stored, .blocks = c->blocks};
    uint64_t at = p->from;

    while (at < p->to) {
        uint64_t first = at / ZIPLLM_BLOCK_NBYTES, last = (p->to - 1) / ZIPLLM_BLOCK_NBYTES;
        size_t n = last - first + 1 < c->batch ? (size_t)(last - first + 1) : c->batch;
        uint64_t end = (first + n) * ZIPLLM_BLOCK_NBYTES;
        zipllm_status status;
        b.first = first;
        status = decode_batch(c, &b, n);
        if (status != ZIPLLM_OK)
            return status;
        if (end > p->to)
            end = p->to;
        status = hand_on(c, c->blocks + (at - first * ZIPLLM_BLOCK_NBYTES), (size_t)(end - at));
        if (status != ZIPLLM_OK)
            return status;
        at = end;
    }
    return ZIPLLM_OK;
}

static zipllm_status cat_piece(catting *c, const piece *p)
{
    zipllm_tensor_row row;
    zipllm_stored *stored;
    zipllm_status status;

    if (p->from >= p->to)
        return ZIPLLM_OK;
    status = zipllm_index_tensor(c->store->index, p->tensor, &row, c->error);
    if (status == ZIPLLM_OK && (row.id == 0 || row.nbytes != p->nbytes))
        status = zipllm_fail(c->error, ZIPLLM_DAMAGED, c->store->dir.path, ZIPLLM_NO_OFFSET, 0,
                             "index: a part of the file has no tensor of its length");
    if (status == ZIPLLM_OK)
        status = zipllm_stored_open(c->store, &row, &stored, c->error);
    if (status != ZIPLLM_OK)
        return status;
    status = cat_stored(c, stored, p);
    zipllm_stored_close(c->store, stored);
    return status;
}

static zipllm_status run(catting *c)
{
    zipllm_status status = zipllm_store_workers(c->store, c->error);
    int64_t file = 0;
    size_t i;

    if (status == ZIPLLM_OK)
        status = find_file(c, &file);
    if (status == ZIPLLM_OK)
        status = list_pieces(c, file);
    if (status == ZIPLLM_OK)
        status = cut_pieces(c);
    if (status != ZIPLLM_OK)
        return status;
    c->batch = zipllm_store_window(c->store, 1) / ZIPLLM_BLOCK_NBYTES;
    c->batch = c->batch < 1 ? 1 : c->batch > BATCH_MAX ? BATCH_MAX : c->batch;
    c->blocks = malloc(c->batch * ZIPLLM_BLOCK_NBYTES);
    if (c->blocks == NULL)
        return zipllm_fail_memory(c->error, c->batch * ZIPLLM_BLOCK_NBYTES);
    for (i = 0; i < c->npieces && status == ZIPLLM_OK; i++)
        status = cat_piece(c, &c->pieces[i]);
    return status;
}

zipllm_status zipllm_cat(zipllm_store *store, const zipllm_cat_options *options, uint64_t *nbytes,
                         zipllm_error *error)
{
    catting c = {.store = store, .options = options, .error = error, .written = nbytes};
    zipllm_status status;

    *nbytes = 0;
    status = run(&c);
    free(c.blocks);
    free(c.pieces);
    return status;
}
