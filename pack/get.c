/* zipllm_get(): every file of a model, verified while it is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "model_name.h"
#include "restore.h"
#include "target.h"

typedef struct getting {
    zipllm_store *store;
    const zipllm_get_options *options;
    zipllm_get_result *result;
    zipllm_error *error;
    zipllm_model_row model;
    zipllm_target target;
    zipllm_restore *restore;
} getting;

typedef struct item {
    char *path;
    int64_t file; /* 0: a directory */
    uint64_t nbytes;
    uint8_t sha256[ZIPLLM_SHA256_NBYTES];
} item;

/* ---- which files -------------------------------------------------------------------------------
 */

typedef struct items {
    item *list;
    size_t n;
    uint64_t nbytes;
} items;

static void free_items(items *all)
{
    for (size_t i = 0; i < all->n; i++)
        free(all->list[i].path);
    free(all->list);
}

static zipllm_status list_items(const getting *g, items *all)
{
    const char *only = g->options->file;
    struct sqlite3_stmt *s = zipllm_index_query(
        g->store->index, only != NULL ? ZIPLLM_Q_MODEL_FILE : ZIPLLM_Q_MODEL_FILES, g->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, g->model.id);
    if (only != NULL)
        zipllm_index_bind_text(s, 2, only);
    int step;
    while ((step = zipllm_index_step(g->store->index, s, g->error)) > 0) {
        item *list = realloc(all->list, (all->n + 1) * sizeof *list);
        if (list == NULL ||
            (all->list = list, list[all->n].path = strdup(zipllm_index_string(s, 0))) == NULL) {
            zipllm_index_reset(s);
            return zipllm_fail_memory(g->error, sizeof *list);
        }
        item *it = &list[all->n++];
        it->file = zipllm_index_number(s, 1);
        it->nbytes = (uint64_t)zipllm_index_number(s, 2);
        zipllm_index_bytes(s, 3, it->sha256, sizeof it->sha256);
        all->nbytes += it->nbytes;
    }
    if (step < 0)
        return ZIPLLM_ERROR;
    if (only != NULL && all->n == 0)
        return zipllm_fail(g->error, ZIPLLM_ERROR, g->options->name, ZIPLLM_NO_OFFSET, 0,
                           "the model has no file '%s'", only);
    return ZIPLLM_OK;
}

/* ---- one file ----------------------------------------------------------------------------------
 */

typedef struct place {
    const getting *g;
    const item *item;
} place;

/* The error of a damaged part, with the tensor, the file and the model that it hits. */
static bool name_damage(void *user, int kind, const char *tensor, const zipllm_error *error)
{
    const place *at = user;
    zipllm_error *out = at->g->error;
    if (out == NULL)
        return false;
    const zipllm_error copy = *error;
    char path[sizeof copy.message];
    (void)snprintf(path, sizeof path, "%.*s", (int)copy.path_nbytes, copy.message);
    (void)zipllm_fail(out, ZIPLLM_DAMAGED, path, copy.offset, 0,
                      "%.300s; damaged: %s%s%.200s of '%.200s' in model '%.200s'",
                      copy.message + copy.reason_at, zipllm_kind_name((zipllm_kind)kind),
                      *tensor != '\0' ? " " : "", tensor, at->item->path, at->g->options->name);
    return false;
}

static zipllm_status restore_item(getting *g, const item *it, zipllm_target_file *file)
{
    place at = {g, it};
    zipllm_error local;
    zipllm_restore_job job = {.file = it->file,
                              .nbytes = it->nbytes,
                              .phase = "restore",
                              .shown = file->shown,
                              .fd = file->fd,
                              .sha256 = g->options->sha256,
                              .damage = name_damage,
                              .user = &at};
    /* name_damage() writes to g->error what it reads from the error that it is given. */
    const zipllm_status status = zipllm_restore_file(g->restore, &job, &local);
    if (status != ZIPLLM_OK) {
        if (g->error != NULL && (status != ZIPLLM_DAMAGED || job.whole))
            *g->error = local;
        return status;
    }
    if (job.sha256 && memcmp(job.sum, it->sha256, sizeof job.sum) != 0)
        return zipllm_fail(g->error, ZIPLLM_DAMAGED, g->store->dir.path, ZIPLLM_NO_OFFSET, 0,
                           "SHA-256 of '%s' in model '%s' is not what was added", it->path,
                           g->options->name);
    return ZIPLLM_OK;
}

static zipllm_status get_item(getting *g, const item *it)
{
    zipllm_target_file file;
    if (it->file == 0)
        return zipllm_target_mkdir(&g->target, it->path, g->error);
    zipllm_status status = zipllm_target_create(&g->target, it->path, &file, g->error);
    if (status != ZIPLLM_OK)
        return status;
    status = restore_item(g, it, &file);
    if (status != ZIPLLM_OK) {
        zipllm_target_drop(&file);
        return status;
    }
    status = zipllm_target_finish(&g->target, &file, g->error);
    if (status == ZIPLLM_OK) {
        g->result->files++;
        g->result->bytes += it->nbytes;
    }
    return status;
}

static zipllm_status get_all(getting *g)
{
    items all = {NULL, 0, 0};
    zipllm_status status = list_items(g, &all);
    if (status == ZIPLLM_OK)
        status = zipllm_restore_new(g->store, &g->restore, g->error);
    if (status == ZIPLLM_OK)
        status = zipllm_target_open(&g->target, g->options->target, g->options->force, g->error);
    if (status == ZIPLLM_OK)
        zipllm_restore_total(g->restore, all.nbytes);
    for (size_t i = 0; i < all.n && status == ZIPLLM_OK; i++)
        status = get_item(g, &all.list[i]);
    zipllm_target_close(&g->target);
    zipllm_restore_free(g->restore);
    free_items(&all);
    return status;
}

zipllm_status zipllm_get(zipllm_store *store, const zipllm_get_options *options,
                         zipllm_get_result *result, zipllm_error *error)
{
    zipllm_get_result unused;
    getting g = {.store = store,
                 .options = options,
                 .result = result != NULL ? result : &unused,
                 .error = error,
                 .target = {.fd = -1}};
    memset(g.result, 0, sizeof *g.result);
    if (store == NULL || options == NULL || options->size != sizeof *options ||
        options->target == NULL || *options->target == '\0')
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0,
                           "no store, no model or no target given");
    zipllm_status status = zipllm_model_find(store, options->name, &g.model, NULL, error);
    if (status == ZIPLLM_OK && zipllm_target_is_within(store->dir.fd, options->target))
        status = zipllm_fail(error, ZIPLLM_ERROR, options->target, ZIPLLM_NO_OFFSET, 0,
                             "will not restore into the store itself");
    if (status == ZIPLLM_OK)
        status = get_all(&g);
    zipllm_model_row_free(&g.model);
    return status;
}
