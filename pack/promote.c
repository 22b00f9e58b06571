#include "promote.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "family.h"
#include "recode.h"

/* Shares of a tensor that a prediction may be off by. */
static const double MARGIN = 0.02;

/* ---- what pays ---------------------------------------------------------------------------------
 */

/* The cheapest of the bases as they are now. */
static zipllm_status cheapest_root(zipllm_ingest *in, const zipllm_part *part,
                                   const zipllm_prediction *whole, double *best)
{
    *best = (double)whole->whole_nbytes;
    for (size_t i = 0; i < in->nbases; i++) {
        zipllm_prediction p = *whole;
        zipllm_tensor_row row;
        const char *reason;
        bool known = false;
        zipllm_status status = zipllm_ingest_base_row(in, in->bases[i].model, part, &row, &reason);
        if (status == ZIPLLM_OK && row.id != 0)
            status = zipllm_family_predict(in, part, &row, &p, &known);
        if (status != ZIPLLM_OK)
            return status;
        if (known && (double)p.delta_nbytes < *best)
            *best = (double)p.delta_nbytes;
    }
    return ZIPLLM_OK;
}

/* The delta that is worth it; id 0: none. *without: bytes of the part without it. */
static zipllm_status choose(zipllm_ingest *in, const zipllm_part *part, zipllm_tensor_row *chosen,
                            double *without)
{
    const zipllm_sketch_view view = {part->dtype, part->nbytes, part->sketch};
    zipllm_prediction whole;
    double best = 0;
    bool asked = false;
    chosen->id = 0;
    for (size_t i = 0; i < in->nbases; i++) {
        zipllm_tensor_row row;
        const char *reason;
        double nbytes;
        zipllm_status status = zipllm_ingest_model_row(in, in->bases[i].model, part, &row, &reason);
        if (row.dtype != (uint32_t)part->dtype)
            row.id = 0; /* what is cast from it needs no promotion */
        if (status == ZIPLLM_OK && row.id != 0 && row.parent != 0 && !asked) {
            asked = true;
            zipllm_predict_whole(&view, &whole);
            status = cheapest_root(in, part, &whole, without);
            if (part->nblend != 0 && part->blend_nbytes < *without)
                *without = part->blend_nbytes;
            best = *without - MARGIN * (double)whole.whole_nbytes;
        }
        if (status != ZIPLLM_OK)
            return status;
        if (row.id == 0 || row.parent == 0)
            continue;
        status = zipllm_family_promoted_nbytes(in, part, &row, &whole, best, &nbytes);
        if (status != ZIPLLM_OK)
            return status;
        if (nbytes < best) {
            best = nbytes;
            *chosen = row;
        }
    }
    return ZIPLLM_OK;
}

/* ---- the new frame -----------------------------------------------------------------------------
 */

static zipllm_status remember(zipllm_ingest *in, const zipllm_tensor_row *row,
                              zipllm_pack_writer *writer)
{
    zipllm_store *store = in->store;
    zipllm_promoted *promoted = realloc(store->promoted, (store->npromoted + 1) * sizeof *promoted);
    if (promoted == NULL)
        return zipllm_fail_memory(in->error, sizeof *promoted);
    store->promoted = promoted;
    promoted[store->npromoted++] = (zipllm_promoted){*row, writer->fd};
    const zipllm_pack_entry entry = zipllm_pack_entry_of(row, NULL);
    return zipllm_pack_enter(writer, &entry, in->error);
}

/* The frame turned out larger than was predicted. */
static zipllm_status take_back(zipllm_ingest *in, zipllm_pack_writer *writer, uint64_t start)
{
    writer->size = start;
    if (ftruncate(writer->fd, (off_t)start) == 0)
        return ZIPLLM_OK;
    return zipllm_fail_at(writer->dir, writer->tmp, errno, "cannot cut", in->error);
}

static zipllm_status promote(zipllm_ingest *in, const zipllm_tensor_row *row, double most)
{
    zipllm_stored *stored = NULL;
    zipllm_pack_writer *writer = NULL;
    zipllm_tensor_row after = *row;
    zipllm_status status = zipllm_stored_open(in->store, row, &stored, in->error);
    if (status == ZIPLLM_DAMAGED)
        return ZIPLLM_OK; /* not this one, then; verify tells */
    if (status == ZIPLLM_OK)
        status = zipllm_ingest_writer(in, &writer);
    const uint64_t start = writer != NULL ? writer->size : 0;
    if (status == ZIPLLM_OK)
        status = zipllm_recode(in->store, stored, NULL, writer, &after, in->error);
    zipllm_stored_close(in->store, stored);
    if (status != ZIPLLM_OK)
        return status;
    if ((double)after.length - (double)row->length > most)
        return take_back(in, writer, start);
    return remember(in, &after, writer);
}

static zipllm_status is_known(zipllm_ingest *in, const zipllm_part *part, bool *known)
{
    zipllm_tensor_row row;
    const zipllm_status status =
        zipllm_index_find_tensor(in->store->index, part->nbytes, part->hash, 0, &row, in->error);
    *known = status == ZIPLLM_OK && row.id != 0;
    return status;
}

zipllm_status zipllm_promote_for(zipllm_ingest *in, const zipllm_ingest_file *file)
{
    zipllm_status status = ZIPLLM_OK;
    for (size_t i = 0; i < file->layout.nparts && in->nbases > 0 && status == ZIPLLM_OK; i++) {
        const zipllm_part *part = &file->layout.parts[i];
        zipllm_tensor_row row = {.id = 0};
        double without = 0;
        bool known = true;
        if (part->kind == ZIPLLM_TENSOR && part->sketch != NULL)
            status = is_known(in, part, &known);
        if (status == ZIPLLM_OK && !known)
            status = choose(in, part, &row, &without);
        if (status == ZIPLLM_OK && row.id != 0)
            status = promote(in, &row, without);
    }
    return status;
}

/* ---- making it so ------------------------------------------------------------------------------
 */

static zipllm_status run_numbers(zipllm_ingest *in, zipllm_query query, const int64_t *numbers,
                                 int n)
{
    sqlite3_stmt *s = zipllm_index_query(in->store->index, query, in->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    for (int i = 0; i < n; i++)
        zipllm_index_bind(s, i + 1, numbers[i]);
    return zipllm_index_run(in->store->index, s, in->error);
}

static bool is_used(const zipllm_ingest *in, int64_t id)
{
    for (size_t i = 0; i < in->nfresh; i++)
        for (unsigned k = 0; k < in->fresh[i].row.nparents; k++)
            if (in->fresh[i].parents[k] == id)
                return true;
    return false;
}

static zipllm_status pack_of(zipllm_ingest *in, const zipllm_promoted *p, int64_t *pack)
{
    for (size_t i = 0; i < in->nwriters; i++) {
        if (in->writers[i]->fd != p->fd)
            continue;
        sqlite3_stmt *s = zipllm_index_query(in->store->index, ZIPLLM_Q_PACK_BY_NAME, in->error);
        if (s == NULL)
            return ZIPLLM_ERROR;
        zipllm_index_bind_text(s, 1, in->writers[i]->name);
        if (zipllm_index_step(in->store->index, s, in->error) <= 0)
            break;
        *pack = zipllm_index_number(s, 0);
        zipllm_index_reset(s);
        return ZIPLLM_OK;
    }
    return zipllm_fail_at(&in->store->dir, "index.sqlite", 0, "a pack of this add is not there",
                          in->error);
}

static zipllm_status point_to_new(zipllm_ingest *in, const zipllm_promoted *p)
{
    zipllm_tensor_row now;
    int64_t pack = 0;
    zipllm_status status = zipllm_index_tensor(in->store->index, p->row.id, &now, in->error);
    if (status == ZIPLLM_OK && now.id == 0)
        return zipllm_fail_at(&in->store->dir, "index.sqlite", 0,
                              "the base of a tensor is gone; add the model again", in->error);
    if (status != ZIPLLM_OK || now.parent == 0)
        return status; /* another add has done it, and our frame waits for gc */
    status = pack_of(in, p, &pack);
    const int64_t frame[] = {p->row.id, pack, (int64_t)p->row.offset, (int64_t)p->row.length,
                             (int64_t)p->row.check};
    const int64_t grew[] = {p->row.id, (int64_t)p->row.length - (int64_t)now.length};
    if (status == ZIPLLM_OK)
        status = run_numbers(in, ZIPLLM_Q_DELETE_PARENT, &p->row.id, 1);
    if (status == ZIPLLM_OK)
        status = run_numbers(in, ZIPLLM_Q_REPLACE_FRAME, frame, 5);
    if (status == ZIPLLM_OK)
        status = run_numbers(in, ZIPLLM_Q_MODEL_GREW, grew, 2);
    in->npromoted++;
    return status;
}

zipllm_status zipllm_promote_commit(zipllm_ingest *in)
{
    zipllm_status status = ZIPLLM_OK;
    for (size_t i = 0; i < in->store->npromoted && status == ZIPLLM_OK; i++)
        if (is_used(in, in->store->promoted[i].row.id))
            status = point_to_new(in, &in->store->promoted[i]);
    return status;
}

void zipllm_promote_forget(zipllm_ingest *in)
{
    if (in->store == NULL)
        return;
    free(in->store->promoted);
    in->store->promoted = NULL;
    in->store->npromoted = 0;
}
