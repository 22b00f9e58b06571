/*
 * zipllm_rm(): the manifest leaves models/ durably, then the model's rows go in one transaction.
 * Until that is committed the manifest waits in tmp/, so that a failure can put it back; killed in
 * between, the model is still there (verify knows where to look, gc puts the manifest back).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "manifest.h"
#include "model_name.h"
#include "store.h"

/* The rows of a model_file, to put them back. */
typedef struct kept_file {
    char *path;
    int64_t file;
} kept_file;

typedef struct removal {
    zipllm_store *store;
    zipllm_error *error;
    zipllm_model_row model;
    kept_file *files;
    size_t nfiles;
    char path[ZIPLLM_MANIFEST_PATH], parked[ZIPLLM_MANIFEST_PATH];
} removal;

static zipllm_status keep_files(removal *r)
{
    zipllm_index *index = r->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_MODEL_FILES, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, r->model.id);
    int step;
    while ((step = zipllm_index_step(index, s, r->error)) > 0) {
        kept_file *files = realloc(r->files, (r->nfiles + 1) * sizeof *files);
        if (files != NULL)
            r->files = files;
        char *path = strdup(zipllm_index_string(s, 0));
        if (files == NULL || path == NULL) {
            free(path);
            zipllm_index_reset(s);
            return zipllm_fail_memory(r->error, sizeof *files);
        }
        files[r->nfiles++] = (kept_file){path, zipllm_index_number(s, 1)};
    }
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

static zipllm_status delete_rows(removal *r)
{
    zipllm_index *index = r->store->index;
    zipllm_status status = zipllm_index_begin(index, r->error);
    if (status == ZIPLLM_OK)
        status = zipllm_index_delete_model(index, r->model.id, r->error);
    if (status == ZIPLLM_OK)
        status = zipllm_index_commit(index, r->error);
    if (status != ZIPLLM_OK)
        zipllm_index_rollback(index);
    return status;
}

static bool put_rows_back(removal *r)
{
    zipllm_index *index = r->store->index;
    bool done = zipllm_index_begin(index, NULL) == ZIPLLM_OK &&
                zipllm_index_put_model(index, &r->model, NULL) == ZIPLLM_OK;
    for (size_t i = 0; i < r->nfiles && done; i++)
        done = zipllm_index_put_model_file(index, r->model.id, r->files[i].path, r->files[i].file,
                                           NULL) == ZIPLLM_OK;
    done = done && zipllm_index_commit(index, NULL) == ZIPLLM_OK;
    if (!done)
        zipllm_index_rollback(index);
    return done;
}

/* After a failure. A commit may have happened although it failed (see commit.c): the rows decide,
   and are put back where they are gone. */
static void undo(removal *r)
{
    zipllm_model_row row;
    if (zipllm_store_reopen_index(r->store, NULL) != ZIPLLM_OK ||
        zipllm_index_model(r->store->index, r->model.name, r->model.revision, &row, NULL, NULL) !=
            ZIPLLM_OK)
        return;
    const bool there = row.id != 0 || put_rows_back(r);
    zipllm_model_row_free(&row);
    if (there)
        (void)renameat(r->store->dir.fd, r->parked, r->store->dir.fd, r->path);
}

static zipllm_status park_manifest(removal *r)
{
    const zipllm_dir *dir = &r->store->dir;
    char parent[ZIPLLM_MANIFEST_PATH];
    zipllm_manifest_path(r->path, r->model.manifest);
    (void)snprintf(r->parked, sizeof r->parked, "tmp/rm-%.32s.json", r->model.manifest);
    (void)snprintf(parent, sizeof parent, "models/%.2s", r->model.manifest);
    /* A manifest that is missing already, as after damage or a killed rm, does not stand in the
     * way. */
    if (renameat(dir->fd, r->path, dir->fd, r->parked) != 0 && errno != ENOENT)
        return zipllm_fail_at(dir, r->path, errno, "cannot remove", r->error);
    const zipllm_status status = zipllm_sync_dir(dir, parent, r->error);
    if (status != ZIPLLM_OK && r->error != NULL && r->error->os_errno == ENOENT)
        return ZIPLLM_OK;
    return status;
}

static zipllm_status remove_model(removal *r)
{
    zipllm_status status = park_manifest(r);
    if (status == ZIPLLM_OK)
        status = delete_rows(r);
    if (status != ZIPLLM_OK) {
        undo(r);
        return status;
    }
    (void)unlinkat(r->store->dir.fd, r->parked, 0);
    /* What no model has any more; gc does the same, so a failure here harms nothing. */
    if (zipllm_index_begin(r->store->index, NULL) == ZIPLLM_OK &&
        (zipllm_index_delete_orphans(r->store->index, NULL) != ZIPLLM_OK ||
         zipllm_index_commit(r->store->index, NULL) != ZIPLLM_OK))
        zipllm_index_rollback(r->store->index);
    return ZIPLLM_OK;
}

zipllm_status zipllm_rm(zipllm_store *store, const char *name, zipllm_error *error)
{
    if (store == NULL)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0, "no store given");
    zipllm_error local;
    removal r = {.store = store, .error = error != NULL ? error : &local};
    uint64_t count = 0;
    zipllm_status status = zipllm_store_writable(store, r.error);
    if (status == ZIPLLM_OK)
        status = zipllm_model_find(store, name, &r.model, &count, r.error);
    if (status == ZIPLLM_OK && count > 1)
        status = zipllm_fail(r.error, ZIPLLM_ERROR, NULL, ZIPLLM_NO_OFFSET, 0,
                             "model '%s' has %u revisions: name one, as NAME@REV", name,
                             (unsigned)count);
    if (status == ZIPLLM_OK)
        status = keep_files(&r);
    if (status == ZIPLLM_OK)
        status = remove_model(&r);
    for (size_t i = 0; i < r.nfiles; i++)
        free(r.files[i].path);
    free(r.files);
    zipllm_model_row_free(&r.model);
    return status;
}
