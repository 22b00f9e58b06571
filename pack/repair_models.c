/* repair.h: models and their files from the manifests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "manifest.h"
#include "manifest_read.h"
#include "model_name.h"
#include "repair.h"

typedef struct listed {
    zipllm_model_row row;
    int64_t modified; /* of the manifest, ns */
    uint64_t nbytes;
    bool superseded;
} listed;

typedef struct model_list {
    listed *models;
    size_t n;
} model_list;

/* ---- what is there ----------------------------------------------------------------------------
 */

static zipllm_status read_manifest(zipllm_repairing *r, const zipllm_found_file *file,
                                   model_list *list)
{
    listed *m = &list->models[list->n];
    zipllm_error why;
    *m = (listed){.modified = file->modified};
    const zipllm_status status =
        zipllm_manifest_read(r->store, file->id, NULL, &m->row, &m->nbytes, &why);
    if (status == ZIPLLM_OK) {
        list->n++;
        return ZIPLLM_OK;
    }
    if (status != ZIPLLM_DAMAGED) {
        if (r->error != NULL)
            *r->error = why;
        return status;
    }
    r->result->manifests_damaged++;
    zipllm_repair_damage(r, "", "", "", &why);
    return ZIPLLM_OK;
}

static int in_order(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    if (x->row.added != y->row.added)
        return x->row.added < y->row.added ? -1 : 1;
    if (x->modified != y->modified)
        return x->modified < y->modified ? -1 : 1;
    return strcmp(x->row.manifest, y->row.manifest);
}

/* Those of one model together, the last first. */
static int by_name(const void *a, const void *b)
{
    const listed *x = *(listed *const *)a, *y = *(listed *const *)b;
    int order = strcmp(x->row.name, y->row.name);
    if (order == 0)
        order = strcmp(x->row.revision, y->row.revision);
    return order != 0 ? order : in_order(y, x);
}

/* Of n manifests of one model the one that counts: two adds of one name may both have been killed
   in their last steps, and the index knows which was promised. */
static listed *winner(zipllm_index *present, listed **same, size_t n)
{
    zipllm_model_row row;
    listed *best = same[0];
    if (n == 1 || present == NULL ||
        zipllm_index_model(present, best->row.name, best->row.revision, &row, NULL, NULL) !=
            ZIPLLM_OK)
        return best;
    for (size_t i = 0; i < n && row.id != 0; i++)
        if (strcmp(same[i]->row.manifest, row.manifest) == 0)
            best = same[i];
    zipllm_model_row_free(&row);
    return best;
}

static void supersede(zipllm_repairing *r, zipllm_index *present, listed **same, size_t n)
{
    const listed *best = winner(present, same, n);
    for (size_t i = 0; i < n; i++) {
        char path[ZIPLLM_MANIFEST_PATH];
        if (same[i] == best)
            continue;
        same[i]->superseded = true;
        r->result->manifests_superseded++;
        zipllm_manifest_path(path, same[i]->row.manifest);
        zipllm_repair_note(r, path, "another manifest of this model counts; gc removes this one");
    }
}

static zipllm_status mark_superseded(zipllm_repairing *r, model_list *list)
{
    listed **sorted = malloc((list->n + 1) * sizeof *sorted);
    if (sorted == NULL)
        return zipllm_fail_memory(r->error, list->n * sizeof *sorted);
    for (size_t i = 0; i < list->n; i++)
        sorted[i] = &list->models[i];
    qsort(sorted, list->n, sizeof *sorted, by_name);
    zipllm_index *present = NULL;
    char *path = zipllm_path_join(r->store->dir.path, ZIPLLM_INDEX_FILE);
    if (path == NULL || zipllm_index_open(path, true, &present, NULL) != ZIPLLM_OK)
        present = NULL;
    free(path);
    for (size_t i = 0, n; i < list->n; i += n) {
        for (n = 1; i + n < list->n && strcmp(sorted[i]->row.name, sorted[i + n]->row.name) == 0 &&
                    strcmp(sorted[i]->row.revision, sorted[i + n]->row.revision) == 0;)
            n++;
        supersede(r, present, sorted + i, n);
    }
    zipllm_index_close(present);
    free(sorted);
    return ZIPLLM_OK;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

typedef struct filling {
    zipllm_repairing *r;
    int64_t model, file;
    bool known; /* an earlier model has the file */
    uint64_t position;
} filling;

static zipllm_status on_file(void *user, const char *path, uint64_t nbytes, const uint8_t *sha256,
                             zipllm_error *error)
{
    filling *f = user;
    zipllm_index *index = f->r->store->index;
    zipllm_status status = ZIPLLM_OK;
    f->file = 0;
    f->position = 0;
    if (sha256 != NULL) {
        status = zipllm_index_find_file(index, nbytes, sha256, &f->file, error);
        f->known = f->file != 0;
        if (status == ZIPLLM_OK && !f->known)
            status = zipllm_index_put_file(index, nbytes, sha256, &f->file, error);
    }
    return status == ZIPLLM_OK ? zipllm_index_put_model_file(index, f->model, path, f->file, error)
                               : status;
}

static bool is_torn(const zipllm_repairing *r, int64_t tensor)
{
    for (size_t i = 0; i < r->ntorn; i++)
        if (r->torn[i] == tensor)
            return true;
    return false;
}

static zipllm_status on_part(void *user, const zipllm_manifest_part *part, zipllm_error *error)
{
    filling *f = user;
    zipllm_part_row row = part->row;
    zipllm_tensor_row tensor = {.id = 0};
    zipllm_status status = ZIPLLM_OK;
    if (f->known)
        return ZIPLLM_OK;
    if (row.nbytes != 0)
        status = zipllm_index_find_tensor(f->r->store->index, row.nbytes, part->hash, part->ordinal,
                                          &tensor, error);
    if (status != ZIPLLM_OK)
        return status;
    if (tensor.id != 0 && tensor.ordinal == part->ordinal && !is_torn(f->r, tensor.id))
        row.tensor = tensor.id;
    return zipllm_index_put_part(f->r->store->index, f->file, f->position++, &row, error);
}

static zipllm_status put_model(zipllm_repairing *r, listed *m)
{
    filling f = {.r = r};
    const zipllm_manifest_visitor visitor = {on_file, on_part, &f};
    zipllm_model_row again;
    uint64_t nbytes;
    m->row.id = 0;
    m->row.stored_bytes = m->nbytes;
    zipllm_status status = zipllm_index_put_model(r->store->index, &m->row, r->error);
    if (status != ZIPLLM_OK)
        return status;
    f.model = m->row.id;
    status = zipllm_manifest_read(r->store, m->row.manifest, &visitor, &again, &nbytes, r->error);
    if (status == ZIPLLM_OK &&
        memcmp(again.manifest_hash, m->row.manifest_hash, sizeof again.manifest_hash) != 0)
        status = ZIPLLM_DAMAGED;
    zipllm_model_row_free(&again);
    if (status != ZIPLLM_DAMAGED)
        return status;
    char path[ZIPLLM_MANIFEST_PATH];
    zipllm_manifest_path(path, m->row.manifest);
    return zipllm_fail_at(&r->store->dir, path, 0, "changed while being read", r->error);
}

/* ---- what they lack ---------------------------------------------------------------------------
 */

/* Rows say what the manifest says, unless it and an earlier one disagree on a file's parts. */
static zipllm_status check_rows(zipllm_repairing *r, listed *m)
{
    zipllm_error why;
    const zipllm_status status = zipllm_manifest_check(r->store, &m->row, &why);
    if (status == ZIPLLM_OK)
        return ZIPLLM_OK;
    if (status != ZIPLLM_DAMAGED) {
        if (r->error != NULL)
            *r->error = why;
        return status;
    }
    char *name = zipllm_model_name_join(m->row.name, m->row.revision);
    r->result->models_damaged++;
    zipllm_repair_damage(r, name != NULL ? name : m->row.name, "", "", &why);
    free(name);
    return ZIPLLM_OK;
}

static void tell_lost(zipllm_repairing *r, const listed *m, uint64_t lost)
{
    char path[ZIPLLM_MANIFEST_PATH];
    zipllm_error why;
    zipllm_manifest_path(path, m->row.manifest);
    char *full = zipllm_path_join(r->store->dir.path, path);
    char *name = zipllm_model_name_join(m->row.name, m->row.revision);
    (void)zipllm_fail(&why, ZIPLLM_DAMAGED, full, ZIPLLM_NO_OFFSET, 0,
                      "%llu of its tensors and other parts are in no whole pack",
                      (unsigned long long)lost);
    r->result->models_damaged++;
    zipllm_repair_damage(r, name != NULL ? name : m->row.name, "", "", &why);
    free(full);
    free(name);
}

static zipllm_status check_models(zipllm_repairing *r, const model_list *list)
{
    zipllm_index *index = r->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_LOST, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_status status = ZIPLLM_OK;
    int step = 0;
    size_t i = 0; /* models were put in in this order */
    while (status == ZIPLLM_OK && (step = zipllm_index_step(index, s, r->error)) > 0) {
        const int64_t model = zipllm_index_number(s, 0);
        const uint64_t lost = (uint64_t)zipllm_index_number(s, 4);
        while (i < list->n && list->models[i].row.id != model)
            i++;
        if (i == list->n)
            break;
        if (lost != 0)
            tell_lost(r, &list->models[i], lost);
        else
            status = check_rows(r, &list->models[i]);
    }
    zipllm_index_reset(s);
    return status == ZIPLLM_OK && step < 0 ? ZIPLLM_ERROR : status;
}

static zipllm_status put_models(zipllm_repairing *r, model_list *list)
{
    zipllm_status status = ZIPLLM_OK;
    for (size_t i = 0; i < list->n && status == ZIPLLM_OK; i++)
        if (!list->models[i].superseded)
            status = put_model(r, &list->models[i]);
    if (status != ZIPLLM_OK)
        return status;
    struct sqlite3_stmt *s = zipllm_index_query(r->store->index, ZIPLLM_Q_STORED_BYTES, r->error);
    status = s != NULL ? zipllm_index_run(r->store->index, s, r->error) : ZIPLLM_ERROR;
    return status == ZIPLLM_OK ? check_models(r, list) : status;
}

zipllm_status zipllm_repair_models(zipllm_repairing *r)
{
    zipllm_found_file *files;
    model_list list = {NULL, 0};
    size_t n;
    zipllm_status status = zipllm_repair_list(r, "models", ".json", &files, &n);
    if (status == ZIPLLM_OK && (list.models = calloc(n + 1, sizeof *list.models)) == NULL)
        status = zipllm_fail_memory(r->error, n * sizeof *list.models);
    for (size_t i = 0; i < n && status == ZIPLLM_OK; i++)
        status = read_manifest(r, &files[i], &list);
    free(files);
    if (status == ZIPLLM_OK) {
        qsort(list.models, list.n, sizeof *list.models, in_order);
        status = mark_superseded(r, &list);
    }
    if (status == ZIPLLM_OK)
        status = put_models(r, &list);
    for (size_t i = 0; i < list.n; i++)
        zipllm_model_row_free(&list.models[i].row);
    free(list.models);
    return status;
}
