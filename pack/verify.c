/*
 * zipllm_verify(): the index against itself, the manifests, the packs' own footers against the
 * index, every file decoded with its SHA-256, and the stored bytes of whatever no file needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "manifest.h"
#include "model_name.h"
#include "packfile.h"
#include "restore.h"

typedef struct ids {
    int64_t *list;
    size_t n;
} ids;

typedef struct verifying {
    zipllm_store *store;
    const zipllm_verify_options *options;
    zipllm_verify_result *result;
    zipllm_error *error;
    zipllm_error first; /* damage */
    bool found;         /* any */
    ids models, damaged, files;
    char **bad_packs; /* messages: tensors in such a pack are not told of one by one */
    size_t nbad_packs;
} verifying;

static bool has(const ids *set, int64_t id)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->list[i] == id)
            return true;
    return false;
}

static zipllm_status put(verifying *v, ids *set, int64_t id)
{
    if ((set->n & (set->n - 1)) == 0) {
        int64_t *list = realloc(set->list, (set->n == 0 ? 1 : 2 * set->n) * sizeof *list);
        if (list == NULL)
            return zipllm_fail_memory(v->error, 2 * set->n * sizeof *list);
        set->list = list;
    }
    set->list[set->n++] = id;
    return ZIPLLM_OK;
}

/* ---- telling -----------------------------------------------------------------------------------
 */

static bool chosen(const verifying *v, int64_t model)
{
    return v->options->nnames == 0 || has(&v->models, model);
}

/* model 0: none is concerned. */
static zipllm_status tell(verifying *v, int64_t model, const char *name, const char *revision,
                          const char *file, const char *tensor, const zipllm_error *why)
{
    if (!v->found)
        v->first = *why;
    v->found = true;
    v->result->damages++;
    if (model != 0 && !has(&v->damaged, model)) {
        v->result->models_damaged++;
        const zipllm_status status = put(v, &v->damaged, model);
        if (status != ZIPLLM_OK)
            return status;
    }
    if (v->options->damage == NULL)
        return ZIPLLM_OK;
    char path[sizeof why->message];
    char *full = zipllm_model_name_join(name, revision);
    if (full == NULL)
        return zipllm_fail_memory(v->error, strlen(name));
    (void)snprintf(path, sizeof path, "%.*s", (int)why->path_nbytes, why->message);
    const zipllm_damage damage = {full, file,        tensor,
                                  path, why->offset, why->message + why->reason_at};
    v->options->damage(v->options->user, &damage);
    free(full);
    return ZIPLLM_OK;
}

/* Tells of damage once for each row of a query of users: model id, name, revision, path, tensor. */
static zipllm_status tell_users(verifying *v, zipllm_query query, int64_t id, int ncolumns,
                                const char *tensor, const zipllm_error *why)
{
    struct sqlite3_stmt *s = zipllm_index_query(v->store->index, query, v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, id);
    int step;
    bool any = false;
    while ((step = zipllm_index_step(v->store->index, s, v->error)) > 0) {
        const int64_t model = zipllm_index_number(s, 0);
        if (!chosen(v, model))
            continue;
        any = true;
        const zipllm_status status =
            tell(v, model, zipllm_index_string(s, 1), zipllm_index_string(s, 2),
                 ncolumns > 3 ? zipllm_index_string(s, 3) : "",
                 ncolumns > 4 ? zipllm_index_string(s, 4) : tensor, why);
        if (status != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return status;
        }
    }
    if (step < 0)
        return ZIPLLM_ERROR;
    return any ? ZIPLLM_OK : tell(v, 0, "", "", "", tensor, why);
}

/* ---- what to look at ----------------------------------------------------------------------------
 */

static zipllm_status list_files(verifying *v, int64_t model)
{
    struct sqlite3_stmt *s = zipllm_index_query(v->store->index, ZIPLLM_Q_MODEL_FILES, v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, model);
    int step;
    zipllm_status status = ZIPLLM_OK;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(v->store->index, s, v->error)) > 0) {
        const int64_t file = zipllm_index_number(s, 1);
        if (file != 0 && (v->options->nnames == 0 || !has(&v->files, file)))
            status = put(v, &v->files, file);
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
static void make_unique(ids *set)
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
static zipllm_status still_there(verifying *v, const zipllm_model_row *row, bool *there)
{
    zipllm_model_row now;
    const zipllm_status status =
        zipllm_index_model(v->store->index, row->name, row->revision, &now, NULL, v->error);
    *there = status == ZIPLLM_OK && now.id == row->id;
    if (status == ZIPLLM_OK)
        zipllm_model_row_free(&now);
    return status;
}

static zipllm_status check_model(verifying *v, const zipllm_model_row *row)
{
    zipllm_error why;
    v->result->models++;
    zipllm_status status = zipllm_manifest_check(v->store, row, &why);
    if (status == ZIPLLM_DAMAGED) {
        bool there;
        status = still_there(v, row, &there);
        return status == ZIPLLM_OK && there
                   ? tell(v, row->id, row->name, row->revision, "", "", &why)
                   : status;
    }
    if (status != ZIPLLM_OK && v->error != NULL)
        *v->error = why;
    return status;
}

static zipllm_status take_model(verifying *v, const zipllm_model_row *row)
{
    zipllm_status status = put(v, &v->models, row->id);
    if (status == ZIPLLM_OK)
        status = check_model(v, row);
    return status == ZIPLLM_OK ? list_files(v, row->id) : status;
}

static zipllm_status take_all_models(verifying *v)
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

static zipllm_status take_models(verifying *v)
{
    zipllm_status status = ZIPLLM_OK;
    if (v->options->nnames == 0)
        status = take_all_models(v);
    for (size_t i = 0; i < v->options->nnames && status == ZIPLLM_OK; i++) {
        zipllm_model_row row;
        status = zipllm_model_find(v->store, v->options->names[i], &row, NULL, v->error);
        if (status == ZIPLLM_OK && !has(&v->models, row.id))
            status = take_model(v, &row);
        zipllm_model_row_free(&row);
    }
    make_unique(&v->files);
    return status;
}

/* ---- the index ----------------------------------------------------------------------------------
 */

static zipllm_status index_damage(verifying *v, const char *reason)
{
    zipllm_error why;
    char *path = zipllm_path_join(v->store->dir.path, "index.sqlite");
    (void)zipllm_fail(&why, ZIPLLM_DAMAGED, path, ZIPLLM_NO_OFFSET, 0, "%s", reason);
    free(path);
    return tell(v, 0, "", "", "", "", &why);
}

static zipllm_status check_index(verifying *v)
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
    s = zipllm_index_query(index, ZIPLLM_Q_NOT_STANDALONE, v->error);
    const int step = s != NULL ? zipllm_index_step(index, s, v->error) : -1;
    if (step < 0)
        return ZIPLLM_ERROR;
    if (step > 0)
        status = index_damage(v, "the base of a delta is itself a delta");
    zipllm_index_reset(s);
    return status;
}

/* ---- packs --------------------------------------------------------------------------------------
 */

typedef struct pack_walk {
    verifying *v;
    int64_t pack;
    int fd;
    const char *path;
    uint64_t matched; /* footer entries that the index has */
    bool raw;         /* the second walk: read the frames that no file reads */
    zipllm_status status;
} pack_walk;

static zipllm_status row_at(const pack_walk *w, uint64_t offset, zipllm_tensor_row *row)
{
    zipllm_index *index = w->v->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_TENSOR_AT, w->v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, w->pack);
    zipllm_index_bind(s, 2, (int64_t)offset);
    const int step = zipllm_index_step(index, s, w->v->error);
    row->id = 0;
    if (step > 0)
        zipllm_index_tensor_columns(s, row);
    zipllm_index_reset(s);
    return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
}

static zipllm_status is_used(const pack_walk *w, int64_t tensor, bool *used)
{
    zipllm_index *index = w->v->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_TENSOR_USED, w->v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, tensor);
    const int step = zipllm_index_step(index, s, w->v->error);
    *used = step > 0 && zipllm_index_number(s, 0) != 0;
    zipllm_index_reset(s);
    return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
}

static bool agrees(const zipllm_pack_entry *entry, const zipllm_tensor_row *row)
{
    return entry->length == row->length && entry->nbytes == row->nbytes &&
           entry->check == row->check && entry->ordinal == row->ordinal &&
           entry->dtype == row->dtype && (entry->nparents != 0) == (row->parent != 0) &&
           memcmp(entry->hash, row->hash, sizeof row->hash) == 0 &&
           memcmp(entry->plain, row->plain, sizeof row->plain) == 0;
}

/* Is the base that the footer names the one that the index has for it? */
static zipllm_status same_parent(const pack_walk *w, const zipllm_pack_entry *entry,
                                 const zipllm_tensor_row *row, bool *same)
{
    zipllm_tensor_row parent;
    *same = true;
    if (entry->nparents == 0 || row->parent == 0)
        return ZIPLLM_OK;
    const zipllm_status status =
        zipllm_index_tensor(w->v->store->index, row->parent, &parent, w->v->error);
    *same = status == ZIPLLM_OK && parent.id != 0 && parent.nbytes == entry->parent_nbytes &&
            parent.ordinal == entry->parent_ordinal &&
            memcmp(parent.hash, entry->parent_hash, sizeof parent.hash) == 0;
    return status;
}

/* A frame that is no part of a file: the base of one, or one that gc has not taken yet. */
static zipllm_status check_raw(pack_walk *w, const zipllm_pack_entry *entry,
                               const zipllm_tensor_row *row)
{
    zipllm_tensor_row raw = {.id = row->id,
                             .nbytes = entry->nbytes,
                             .offset = entry->offset,
                             .length = entry->length,
                             .check = entry->check,
                             .parent = entry->nparents};
    zipllm_error why;
    zipllm_stored *stored = NULL;
    zipllm_status status = zipllm_stored_open_raw(w->v->store, w->fd, &raw, &stored, &why);
    if (status == ZIPLLM_OK)
        status = zipllm_stored_raw(w->v->store, stored, NULL, NULL, &why);
    zipllm_stored_close(w->v->store, stored);
    if (status == ZIPLLM_OK) {
        w->v->result->bytes += entry->nbytes;
        return ZIPLLM_OK;
    }
    if (status != ZIPLLM_DAMAGED) {
        if (w->v->error != NULL)
            *w->v->error = why;
        return status;
    }
    char reason[256];
    (void)snprintf(reason, sizeof reason, "%.200s", why.message + why.reason_at);
    (void)zipllm_fail(&why, ZIPLLM_DAMAGED, w->path, why.offset, 0, "%s", reason);
    return tell_users(w->v, ZIPLLM_Q_TENSOR_USERS, row->id, 5, "", &why);
}

static bool visit_entry(void *user, const zipllm_pack_entry *entry, zipllm_error *error)
{
    pack_walk *w = user;
    zipllm_tensor_row row;
    bool used = false;
    w->status = row_at(w, entry->offset, &row);
    if (w->status == ZIPLLM_OK && row.id != 0)
        w->status = is_used(w, row.id, &used);
    if (w->status == ZIPLLM_OK && w->raw && !used)
        w->status = check_raw(w, entry, &row);
    if (w->status == ZIPLLM_OK && !w->raw && row.id != 0) {
        w->matched++;
        bool same = false;
        w->status = same_parent(w, entry, &row, &same);
        if (w->status == ZIPLLM_OK && (!same || !agrees(entry, &row))) {
            (void)zipllm_fail(error, ZIPLLM_DAMAGED, w->path, entry->offset, 0,
                              "the footer and the index disagree on the tensor here");
            w->status = ZIPLLM_DAMAGED;
        }
    }
    return w->status == ZIPLLM_OK;
}

static zipllm_status count_rows(const pack_walk *w, uint64_t *count)
{
    zipllm_index *index = w->v->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PACK_COUNT, w->v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, w->pack);
    const int step = zipllm_index_step(index, s, w->v->error);
    *count = step > 0 ? (uint64_t)zipllm_index_number(s, 0) : 0;
    zipllm_index_reset(s);
    return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
}

static zipllm_status walk_pack(pack_walk *w, const zipllm_pack_row *pack, zipllm_error *why)
{
    uint64_t count = 0;
    w->status = ZIPLLM_OK;
    w->raw = false;
    zipllm_status status = zipllm_pack_check(w->fd, w->path, pack->name, w->v->store->id,
                                             pack->nbytes, visit_entry, w, why);
    if (w->status != ZIPLLM_OK)
        return w->status;
    if (status == ZIPLLM_OK)
        status = count_rows(w, &count);
    if (status == ZIPLLM_OK && count != w->matched)
        status = zipllm_fail(why, ZIPLLM_DAMAGED, w->path, ZIPLLM_NO_OFFSET, 0,
                             "the index has tensors here that the footer has not");
    if (status != ZIPLLM_OK || w->v->options->quick || w->v->options->sample_percent > 0)
        return status;
    w->raw = true;
    status = zipllm_pack_check(w->fd, w->path, pack->name, w->v->store->id, pack->nbytes,
                               visit_entry, w, why);
    return w->status != ZIPLLM_OK ? w->status : status;
}

static zipllm_status note_bad_pack(verifying *v, const zipllm_error *why)
{
    char **list = realloc(v->bad_packs, (v->nbad_packs + 1) * sizeof *list);
    if (list == NULL)
        return zipllm_fail_memory(v->error, sizeof *list);
    v->bad_packs = list;
    list[v->nbad_packs] = strdup(why->message);
    return list[v->nbad_packs++] != NULL ? ZIPLLM_OK : zipllm_fail_memory(v->error, 1);
}

static zipllm_status check_pack(verifying *v, const zipllm_pack_row *pack)
{
    char name[ZIPLLM_PACK_PATH];
    zipllm_error why = {.os_errno = 0};
    zipllm_pack_path(name, pack->name);
    char *path = zipllm_path_join(v->store->dir.path, name);
    if (path == NULL)
        return zipllm_fail_memory(v->error, strlen(name));
    pack_walk w = {.v = v, .pack = pack->id, .path = path};
    w.fd = openat(v->store->dir.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    zipllm_status status;
    if (w.fd < 0 && errno == ENOENT)
        status = zipllm_fail(&why, ZIPLLM_DAMAGED, path, ZIPLLM_NO_OFFSET, errno,
                             "cannot open the pack");
    else if (w.fd < 0)
        status = zipllm_fail_os(&why, path, errno, "cannot open the pack");
    else
        status = walk_pack(&w, pack, &why);
    if (w.fd >= 0)
        (void)close(w.fd);
    free(path);
    if (status == ZIPLLM_OK)
        return ZIPLLM_OK;
    if (status != ZIPLLM_DAMAGED) {
        if (v->error != NULL && why.message[0] != '\0')
            *v->error = why;
        return status;
    }
    status = note_bad_pack(v, &why);
    return status == ZIPLLM_OK ? tell_users(v, ZIPLLM_Q_PACK_USERS, pack->id, 3, "", &why) : status;
}

static zipllm_status check_packs(verifying *v)
{
    ids packs = {NULL, 0};
    struct sqlite3_stmt *s = zipllm_index_query(v->store->index, ZIPLLM_Q_PACK_IDS, v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    int step = 0;
    zipllm_status status = ZIPLLM_OK;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(v->store->index, s, v->error)) > 0)
        status = put(v, &packs, zipllm_index_number(s, 0));
    zipllm_index_reset(s);
    if (step < 0)
        status = ZIPLLM_ERROR;
    for (size_t i = 0; i < packs.n && status == ZIPLLM_OK; i++) {
        zipllm_pack_row pack;
        status = zipllm_index_pack(v->store->index, packs.list[i], &pack, v->error);
        if (status == ZIPLLM_OK && pack.id != 0)
            status = check_pack(v, &pack);
    }
    free(packs.list);
    return status;
}

/* ---- files --------------------------------------------------------------------------------------
 */

typedef struct file_walk {
    verifying *v;
    int64_t file;
    zipllm_status status;
} file_walk;

static bool damaged_part(void *user, int kind, const char *tensor, const zipllm_error *why)
{
    file_walk *w = user;
    (void)kind;
    for (size_t i = 0; i < w->v->nbad_packs; i++)
        if (strcmp(w->v->bad_packs[i], why->message) == 0)
            return true; /* told of already, with the models that use the pack */
    w->status = tell_users(w->v, ZIPLLM_Q_FILE_USERS, w->file, 4, tensor, why);
    return w->status == ZIPLLM_OK;
}

static zipllm_status file_row(verifying *v, int64_t id, uint64_t *nbytes, uint8_t *sha256,
                              bool *there)
{
    struct sqlite3_stmt *s = zipllm_index_query(v->store->index, ZIPLLM_Q_FILE, v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, id);
    const int step = zipllm_index_step(v->store->index, s, v->error);
    *there = step > 0;
    if (step > 0) {
        *nbytes = (uint64_t)zipllm_index_number(s, 0);
        zipllm_index_bytes(s, 1, sha256, ZIPLLM_SHA256_NBYTES);
        v->result->tensors += (uint64_t)zipllm_index_number(s, 2);
    }
    zipllm_index_reset(s);
    return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
}

static zipllm_status check_file(verifying *v, zipllm_restore *restore, int64_t id)
{
    uint64_t nbytes = 0;
    uint8_t sha256[ZIPLLM_SHA256_NBYTES];
    bool there;
    zipllm_error why;
    zipllm_status status = file_row(v, id, &nbytes, sha256, &there);
    if (status != ZIPLLM_OK || !there) /* removed by another command meanwhile */
        return status;
    v->result->files++;
    file_walk w = {v, id, ZIPLLM_OK};
    zipllm_restore_job job = {.file = id,
                              .nbytes = nbytes,
                              .phase = "verify",
                              .shown = "",
                              .fd = -1,
                              .sha256 = v->options->sample_percent <= 0,
                              .sample_percent = v->options->sample_percent,
                              .damage = damaged_part,
                              .user = &w};
    status = zipllm_restore_file(restore, &job, &why);
    v->result->bytes += job.done;
    if (w.status != ZIPLLM_OK)
        return w.status;
    if (status == ZIPLLM_DAMAGED)
        return tell_users(v, ZIPLLM_Q_FILE_USERS, id, 4, "", &why);
    if (status != ZIPLLM_OK) {
        if (v->error != NULL)
            *v->error = why;
        return status;
    }
    if (!job.sha256 || !job.whole || memcmp(job.sum, sha256, sizeof sha256) == 0)
        return ZIPLLM_OK;
    (void)zipllm_fail(&why, ZIPLLM_DAMAGED, v->store->dir.path, ZIPLLM_NO_OFFSET, 0,
                      "SHA-256 of the file is not what was added");
    return tell_users(v, ZIPLLM_Q_FILE_USERS, id, 4, "", &why);
}

static zipllm_status check_files(verifying *v)
{
    zipllm_restore *restore;
    zipllm_status status = zipllm_restore_new(v->store, &restore, v->error);
    if (status != ZIPLLM_OK)
        return status;
    uint64_t total = 0, nbytes = 0;
    uint8_t sha256[ZIPLLM_SHA256_NBYTES];
    for (size_t i = 0; i < v->files.n && status == ZIPLLM_OK; i++) {
        bool there = false;
        status = file_row(v, v->files.list[i], &nbytes, sha256, &there);
        total += there ? nbytes : 0;
    }
    v->result->tensors = 0;
    zipllm_restore_total(restore, total);
    for (size_t i = 0; i < v->files.n && status == ZIPLLM_OK; i++)
        status = check_file(v, restore, v->files.list[i]);
    zipllm_restore_free(restore);
    return status;
}

zipllm_status zipllm_verify(zipllm_store *store, const zipllm_verify_options *options,
                            zipllm_verify_result *result, zipllm_error *error)
{
    static const zipllm_verify_options defaults = ZIPLLM_VERIFY_OPTIONS_INIT;
    zipllm_verify_result unused;
    verifying v = {.store = store,
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
        status = check_packs(&v);
    if (status == ZIPLLM_OK && !v.options->quick)
        status = check_files(&v);
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
