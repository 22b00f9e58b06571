/* zipllm_tree(): the families as the frames have it, whatever add found then. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "io.h"
#include "made.h"
#include "model_name.h"
#include "store.h"

/* How many bytes of a model are coded against tensors that came with another. */
typedef struct share {
    char *base;
    uint64_t nbytes;
} share;

/* How many bytes of a model were made in one way. */
typedef struct way {
    char *text;
    uint64_t nbytes, stored;
} way;

enum { RANKS = 257 };

typedef struct tally {
    share *shares;
    size_t n;
    uint64_t stored, delta;
    way *ways;
    size_t nways;
    uint64_t lowrank_stored;
    uint64_t of_rank[RANKS]; /* bytes of tensors whose change has that rank */
} tally;

static void free_tally(tally *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->shares[i].base);
    free(t->shares);
    for (size_t i = 0; i < t->nways; i++)
        free(t->ways[i].text);
    free(t->ways);
    *t = (tally){.n = 0};
}

/* Takes `base` over. */
static zipllm_status add_share(tally *t, char *base, uint64_t nbytes, zipllm_error *error)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->shares[i].base, base) == 0) {
            t->shares[i].nbytes += nbytes;
            free(base);
            return ZIPLLM_OK;
        }
    }
    share *shares = realloc(t->shares, (t->n + 1) * sizeof *shares);
    if (shares == NULL) {
        free(base);
        return zipllm_fail_memory(error, sizeof *shares);
    }
    t->shares = shares;
    t->shares[t->n++] = (share){base, nbytes};
    return ZIPLLM_OK;
}

static zipllm_status add_way(tally *t, const char *text, const zipllm_tensor_row *row,
                             zipllm_error *error)
{
    size_t i = 0;
    while (i < t->nways && strcmp(t->ways[i].text, text) != 0)
        i++;
    if (i == t->nways) {
        way *ways = realloc(t->ways, (t->nways + 1) * sizeof *ways);
        if (ways != NULL)
            t->ways = ways;
        char *copy = strdup(text);
        if (ways == NULL || copy == NULL) {
            free(copy);
            return zipllm_fail_memory(error, strlen(text));
        }
        t->ways[t->nways++] = (way){copy, 0, 0};
    }
    t->ways[i].nbytes += row->nbytes;
    t->ways[i].stored += row->length;
    return ZIPLLM_OK;
}

/* Those of plain deltas would say no more than the tree does. */
static zipllm_status count_way(zipllm_store *store, const zipllm_tensor_row *row, tally *t,
                               zipllm_error *error)
{
    char text[ZIPLLM_MADE_TEXT];
    const char *dtype = row->dtype == BITX_BF16 ? "BF16" : row->dtype == BITX_F16 ? "F16" : "F32";
    if (row->predictor == BITX_PREDICT_BASE || !zipllm_made_exactly(row->nbytes, row->length))
        return ZIPLLM_OK;
    const zipllm_status status = zipllm_made_text(store, row, dtype, text, error);
    if (status != ZIPLLM_OK)
        return status == ZIPLLM_DAMAGED ? ZIPLLM_OK : status;
    return add_way(t, text, row, error);
}

/* What the frame says of its prediction. One that cannot be read is verify's business. */
static zipllm_status count_rank(zipllm_store *store, const zipllm_tensor_row *row, tally *t,
                                zipllm_error *error)
{
    uint8_t head[BITX_PEEK_NBYTES];
    bitx_prediction_kind kind;
    unsigned rank;
    zipllm_pack_file *pack;
    const size_t most = row->length < sizeof head ? (size_t)row->length : sizeof head;
    const zipllm_status status = zipllm_store_pack(store, row->pack, &pack, error);
    if (status != ZIPLLM_OK)
        return status;
    const ssize_t got = zipllm_pread(pack->fd, head, most, row->offset);
    zipllm_store_pack_release(store, pack);
    if (got == (ssize_t)most && bitx_frame_peek(head, most, &kind, &rank) && rank < RANKS) {
        t->of_rank[rank] += row->nbytes;
        t->lowrank_stored += rank != 0 ? row->length : 0;
    }
    return ZIPLLM_OK;
}

static zipllm_status count_tensors(zipllm_store *store, int64_t model, tally *t,
                                   zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_MODEL_OWN, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, model);
    int step;
    while ((step = zipllm_index_step(store->index, s, error)) > 0) {
        zipllm_tensor_row row;
        char *base = NULL;
        zipllm_status status = ZIPLLM_OK;
        zipllm_index_tensor_columns(s, &row);
        t->stored += row.length;
        if (row.parent != 0)
            status = zipllm_index_tensor_model(store->index, row.parent, &base, error);
        if (status == ZIPLLM_OK && row.parent != 0) {
            t->delta += row.nbytes;
            status = count_rank(store, &row, t, error);
            if (status == ZIPLLM_OK)
                status = count_way(store, &row, t, error);
        }
        if (status == ZIPLLM_OK && base != NULL)
            status = add_share(t, base, row.nbytes, error);
        if (status != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return status;
        }
    }
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

static zipllm_status logical_bytes(zipllm_store *store, int64_t model, uint64_t *nbytes,
                                   zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_MODEL_TOTALS, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, model);
    if (zipllm_index_step(store->index, s, error) < 0)
        return ZIPLLM_ERROR;
    *nbytes = (uint64_t)zipllm_index_number(s, 2);
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

static zipllm_status tell(zipllm_store *store, const zipllm_model_row *model,
                          void (*row)(void *user, const zipllm_tree_row *row), void *user,
                          zipllm_error *error)
{
    tally t = {.n = 0};
    zipllm_tree_row out = {.named = model->base};
    char *name = zipllm_model_name_join(model->name, model->revision);
    zipllm_status status = name != NULL ? ZIPLLM_OK : zipllm_fail_memory(error, 1);
    if (status == ZIPLLM_OK)
        status = logical_bytes(store, model->id, &out.logical_bytes, error);
    if (status == ZIPLLM_OK)
        status = count_tensors(store, model->id, &t, error);
    const share *most = NULL;
    for (size_t i = 0; i < t.n; i++)
        if (most == NULL || t.shares[i].nbytes > most->nbytes)
            most = &t.shares[i];
    out.model = name;
    out.base = most != NULL ? most->base : NULL;
    /* Nothing of its own is coded: it was all there, and belongs where add saw it. */
    if (most == NULL && t.stored == 0)
        out.base = model->base;
    out.stored_bytes = t.stored;
    out.delta_bytes = t.delta;
    out.lowrank_stored = t.lowrank_stored;
    out.made = "";
    const way *usual = NULL;
    for (size_t i = 0; i < t.nways; i++)
        if (usual == NULL || t.ways[i].nbytes > usual->nbytes)
            usual = &t.ways[i];
    if (usual != NULL && usual->nbytes > t.delta / 2)
        out.made = usual->text;
    for (unsigned rank = 1; rank < RANKS; rank++) {
        out.lowrank_bytes += t.of_rank[rank];
        if (out.rank == 0 || t.of_rank[rank] > t.of_rank[out.rank])
            out.rank = t.of_rank[rank] != 0 ? rank : out.rank;
    }
    if (status == ZIPLLM_OK)
        row(user, &out);
    free_tally(&t);
    free(name);
    return status;
}

zipllm_status zipllm_tree(zipllm_store *store, void (*row)(void *user, const zipllm_tree_row *row),
                          void *user, zipllm_error *error)
{
    if (store == NULL || row == NULL)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0, "no store given");
    sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_MODELS, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    int step;
    while ((step = zipllm_index_step(store->index, s, error)) > 0) {
        zipllm_model_row model;
        zipllm_status status = ZIPLLM_OK;
        if (!zipllm_index_model_columns(s, &model))
            status = zipllm_fail_memory(error, sizeof model);
        else
            status = tell(store, &model, row, user, error);
        zipllm_model_row_free(&model);
        if (status != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return status;
        }
    }
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}
