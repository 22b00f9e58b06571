#include "hint.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "group.h"

/* Tensors looked at; as large as they are they stand for the model. */
enum { TENSORS = 8, MODELS = ZIPLLM_RELATIVES_MAX + 1 };

typedef struct hinting {
    zipllm_store *store;
    zipllm_error *error;
    zipllm_group *group;
    int64_t models[MODELS];
    size_t nmodels;
    int64_t rows[MODELS]; /* of the group at hand, by model; 0: it has no such tensor */
    double now[MODELS], then[MODELS];
    double all_now, all_then;
} hinting;

static size_t largest(const zipllm_ingest_file *files, size_t nfiles, const zipllm_part **parts)
{
    size_t n = 0;
    for (size_t i = 0; i < nfiles; i++) {
        for (size_t k = 0; k < files[i].layout.nparts; k++) {
            const zipllm_part *part = &files[i].layout.parts[k];
            if (part->kind != ZIPLLM_TENSOR || part->sketch == NULL ||
                (n == TENSORS && part->nbytes <= parts[n - 1]->nbytes))
                continue;
            n += n < TENSORS;
            size_t at = n - 1;
            for (; at > 0 && parts[at - 1]->nbytes < part->nbytes; at--)
                parts[at] = parts[at - 1];
            parts[at] = part;
        }
    }
    return n;
}

static zipllm_status add_once(hinting *h, const zipllm_tensor_row *row, const char *name,
                              const char *shape)
{
    for (size_t i = 0; i < h->group->n; i++)
        if (h->group->members[i].row.id == row->id)
            return ZIPLLM_OK;
    if (!zipllm_group_takes(h->group, row, name, shape))
        return ZIPLLM_OK;
    return zipllm_group_add(h->group, row, name, shape);
}

/* A model's tensor, and the one that it is coded against now. */
static zipllm_status add_model(hinting *h, size_t at, const char *name)
{
    zipllm_tensor_row row, root;
    char *dtype, *shape;
    zipllm_status status = zipllm_index_model_tensor(h->store->index, h->models[at], name, &row,
                                                     &dtype, &shape, h->error);
    if (status != ZIPLLM_OK || row.id == 0)
        return status;
    h->rows[at] = row.id;
    /* rebase leaves these as they are. */
    const bool blended = row.nparents > 1 || row.depth > 1 || row.predictor == BITX_PREDICT_CAST;
    if (!blended)
        status = add_once(h, &row, name, shape);
    if (status == ZIPLLM_OK && !blended && row.parent != 0)
        status = zipllm_index_tensor(h->store->index, row.parent, &root, h->error);
    if (status == ZIPLLM_OK && !blended && row.parent != 0 && root.id != 0)
        status = add_once(h, &root, name, shape);
    free(dtype);
    free(shape);
    return status;
}

static void count(hinting *h, const int *base, bool planned)
{
    for (size_t i = 0; i < h->group->n; i++) {
        const zipllm_member *m = &h->group->members[i];
        double then = (double)m->row.length;
        if (planned)
            then = base[i] < 0 ? zipllm_group_whole(h->group, m)
                               : zipllm_group_delta(h->group, m, &h->group->members[base[i]]);
        h->all_now += (double)m->row.length;
        h->all_then += then;
        for (size_t k = 0; k < h->nmodels; k++) {
            h->now[k] += h->rows[k] == m->row.id ? (double)m->row.length : 0;
            h->then[k] += h->rows[k] == m->row.id ? then : 0;
        }
    }
}

static zipllm_status look_at(hinting *h, const char *name)
{
    int base[ZIPLLM_ASSIGN_MAX];
    double saves = 0;
    zipllm_status status = ZIPLLM_OK;
    zipllm_group_clear(h->group);
    memset(h->rows, 0, sizeof h->rows);
    for (size_t i = 0; i < h->nmodels && status == ZIPLLM_OK; i++)
        status = add_model(h, i, name);
    if (status == ZIPLLM_OK && h->group->n > 1)
        status = zipllm_group_plan(h->group, base, &saves);
    if (status == ZIPLLM_OK)
        count(h, base, saves > 0);
    return status;
}

static zipllm_status look(hinting *h, const zipllm_ingest_file *files, size_t nfiles,
                          uint64_t *models)
{
    const zipllm_part *parts[TENSORS];
    const size_t n = largest(files, nfiles, parts);
    zipllm_status status = ZIPLLM_OK;
    for (size_t i = 0; i < n && status == ZIPLLM_OK; i++)
        status = look_at(h, parts[i]->name);
    if (status != ZIPLLM_OK || h->all_then > 0.97 * h->all_now)
        return status;
    for (size_t k = 0; k < h->nmodels; k++)
        *models += h->then[k] < 0.97 * h->now[k];
    return ZIPLLM_OK;
}

zipllm_status zipllm_hint_rebase(zipllm_store *store, int64_t model,
                                 const zipllm_relatives *relatives, const zipllm_ingest_file *files,
                                 size_t nfiles, uint64_t *models, zipllm_error *error)
{
    hinting h = {.store = store, .error = error, .models = {model}, .nmodels = 1};
    *models = 0;
    for (size_t i = 0; i < relatives->n; i++)
        h.models[h.nmodels++] = relatives->list[i].model;
    if (relatives->n == 0)
        return ZIPLLM_OK;
    h.group = malloc(sizeof *h.group);
    if (h.group == NULL)
        return zipllm_fail_memory(error, sizeof *h.group);
    zipllm_status status = zipllm_group_open(h.group, store, error);
    if (status == ZIPLLM_OK)
        status = zipllm_index_begin_read(store->index, error);
    if (status == ZIPLLM_OK) {
        status = look(&h, files, nfiles, models);
        zipllm_index_rollback(store->index);
    }
    zipllm_group_close(h.group);
    free(h.group);
    return status;
}
