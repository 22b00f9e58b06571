/*
 * zipllm_verify(): the index against itself, the manifests, the packs' own footers against the
 * index, every file decoded with its SHA-256, and the stored bytes of whatever no file needs.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "manifest.h"
#include "model_name.h"
#include "verify.h"

/* ---- what to look at ----------------------------------------------------------------------------
 */

static zipllm_status list_files(zipllm_verifying *v, int64_t model)
{
    struct sqlite3_stmt *s = zipllm_index_query(v->store->index, ZIPLLM_Q_MODEL_FILES, v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, model);
    int step;
    zipllm_status status = ZIPLLM_OK;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(v->store->index, s, v->error)) > 0) {
        const int64_t file = zipllm_index_number(s, 1);
        if (file != 0 && (v->options->nnames == 0 || !zipllm_ids_has(&v->files, file)))
            status = zipllm_verify_put(v, &v->files, file);
    }
    zipllm_index_reset(s);
    return status == ZIPLLM_OK && step < 0 ? ZIPLLM_ERROR : status;
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* A file of several models is decoded once. */
static void make_unique(zipllm_ids *set)
{
    if (set->n == 0)
        return;
    qsort(set->list, set->n, sizeof *set->list, by_number);
    size_t n = 1;
    for (size_t i = 1; i < set->n; i++)
        if (set->list[i] != set->list[n - 1])
            set->list[n++] = set->list[i];
    set->n = n;
}

/* Or has another command removed it meanwhile? */
static zipllm_status still_there(zipllm_verifying *v, const zipllm_model_row *row, bool *there)
{
    zipllm_model_row now;
    const zipllm_status status =
        zipllm_index_model(v->store->index, row->name, row->revision, &now, NULL, v->error);
    *there = status == ZIPLLM_OK && now.id == row->id;
    if (status == ZIPLLM_OK)
        zipllm_model_row_free(&now);
    return status;
}

static zipllm_status check_model(zipllm_verifying *v, const zipllm_model_row *row)
{
    zipllm_error why;
    v->result->models++;
    zipllm_status status = zipllm_manifest_check(v->store, row, &why);
    if (status == ZIPLLM_DAMAGED) {
        bool there;
        status = still_there(v, row, &there);
        return status == ZIPLLM_OK && there
                   ? zipllm_verify_tell(v, row->id, row->name, row->revision, "", "", &why)
                   : status;
    }
    if (status != ZIPLLM_OK && v->error != NULL)
        *v->error = why;
    return status;
}

static zipllm_status take_model(zipllm_verifying *v, const zipllm_model_row *row)
{
    zipllm_status status = zipllm_verify_put(v, &v->models, row->id);
    if (status == ZIPLLM_OK)
        status = check_model(v, row);
    return status == ZIPLLM_OK ? list_files(v, row->id) : status;
}

static zipllm_status take_all_models(zipllm_verifying *v)
{
    struct sqlite3_stmt *s = zipllm_index_query(v->store->index, ZIPLLM_Q_MODELS, v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    int step;
    zipllm_status status = ZIPLLM_OK;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(v->store->index, s, v->error)) > 0) {
        zipllm_model_row row;
        if (zipllm_index_model_columns(s, &row))
            status = take_model(v, &row);
        else
            status = zipllm_fail_memory(v->error, sizeof row);
        zipllm_model_row_free(&row);
    }
    zipllm_index_reset(s);
    return status == ZIPLLM_OK && step < 0 ? ZIPLLM_ERROR : status;
}

static zipllm_status take_models(zipllm_verifying *v)
{
    zipllm_status status = ZIPLLM_OK;
    if (v->options->nnames == 0)
        status = take_all_models(v);
    for (size_t i = 0; i < v->options->nnames && status == ZIPLLM_OK; i++) {
        zipllm_model_row row;
        status = zipllm_model_find(v->store, v->options->names[i], &row, NULL, v->error);
        if (status == ZIPLLM_OK && !zipllm_ids_has(&v->models, row.id))
            status = take_model(v, &row);
        zipllm_model_row_free(&row);
    }
    make_unique(&v->files);
    return status;
}

/* ---- the index ----------------------------------------------------------------------------------
 */

static zipllm_status index_damage(zipllm_verifying *v, const char *reason)
{
    zipllm_error why;
    char *path = zipllm_path_join(v->store->dir.path, "index.sqlite");
    (void)zipllm_fail(&why, ZIPLLM_DAMAGED, path, ZIPLLM_NO_OFFSET, 0, "%s", reason);
    free(path);
    return zipllm_verify_tell(v, 0, "", "", "", "", &why);
}

static zipllm_status check_index(zipllm_verifying *v)
{
    zipllm_index *index = v->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_INTEGRITY, v->error);
    if (s == NULL || zipllm_index_step(index, s, v->error) < 0)
        return ZIPLLM_ERROR;
    zipllm_status status = ZIPLLM_OK;
    if (strcmp(zipllm_index_string(s, 0), "ok") != 0)
        status = index_damage(v, zipllm_index_string(s, 0));
    zipllm_index_reset(s);
    if (status != ZIPLLM_OK)
        return status;
    s = zipllm_index_query(index, ZIPLLM_Q_TOO_DEEP, v->error);
    const int step = s != NULL ? zipllm_index_step(index, s, v->error) : -1;
    if (step < 0)
        return ZIPLLM_ERROR;
    if (step > 0)
        status = index_damage(v, "too many frames between a tensor and a whole one");
    zipllm_index_reset(s);
    return status;
}

/* ---- the whole----------------------------------------------------------------------------------
 */

zipllm_status zipllm_verify(zipllm_store *store, const zipllm_verify_options *options,
                            zipllm_verify_result *result, zipllm_error *error)
{
    static const zipllm_verify_options defaults = ZIPLLM_VERIFY_OPTIONS_INIT;
    zipllm_verify_result unused;
    zipllm_verifying v = {.store = store,
                          .options = options != NULL ? options : &defaults,
                          .result = result != NULL ? result : &unused,
                          .error = error};
    memset(v.result, 0, sizeof *v.result);
    if (store == NULL || v.options->size != sizeof *options || v.options->sample_percent < 0 ||
        v.options->sample_percent > 100)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0,
                           "no store given, or a sample that is not 0 to 100 percent");
    zipllm_status status = zipllm_store_workers(store, error);
    if (status == ZIPLLM_OK)
        status = check_index(&v);
    if (status == ZIPLLM_OK)
        status = take_models(&v);
    if (status == ZIPLLM_OK && v.options->nnames == 0)
        status = zipllm_verify_packs(&v);
    if (status == ZIPLLM_OK && !v.options->quick)
        status = zipllm_verify_files(&v);
    if (status == ZIPLLM_OK && v.found) {
        status = ZIPLLM_DAMAGED;
        if (error != NULL)
            *error = v.first;
    }
    for (size_t i = 0; i < v.nbad_packs; i++)
        free(v.bad_packs[i]);
    free(v.bad_packs);
    free(v.models.list);
    free(v.damaged.list);
    free(v.files.list);
    return status;
}
