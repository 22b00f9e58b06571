/* verify.h: the packs' own footers against the index, and the frames that no file reads. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "packfile.h"
#include "stored.h"
#include "verify.h"

typedef struct pack_walk {
    zipllm_verifying *v;
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
           entry->dtype == row->dtype && entry->nparents == row->nparents &&
           entry->predictor == row->predictor &&
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
                             .parent = entry->nparents,
                             .nparents = entry->nparents,
                             .predictor = entry->predictor};
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
    return zipllm_verify_tell_users(w->v, ZIPLLM_Q_TENSOR_USERS, row->id, 5, "", &why);
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

static zipllm_status note_bad_pack(zipllm_verifying *v, const zipllm_error *why)
{
    char **list = realloc(v->bad_packs, (v->nbad_packs + 1) * sizeof *list);
    if (list == NULL)
        return zipllm_fail_memory(v->error, sizeof *list);
    v->bad_packs = list;
    list[v->nbad_packs] = strdup(why->message);
    return list[v->nbad_packs++] != NULL ? ZIPLLM_OK : zipllm_fail_memory(v->error, 1);
}

static zipllm_status check_pack(zipllm_verifying *v, const zipllm_pack_row *pack)
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
    return status == ZIPLLM_OK
               ? zipllm_verify_tell_users(v, ZIPLLM_Q_PACK_USERS, pack->id, 3, "", &why)
               : status;
}

zipllm_status zipllm_verify_packs(zipllm_verifying *v)
{
    zipllm_ids packs = {NULL, 0};
    struct sqlite3_stmt *s = zipllm_index_query(v->store->index, ZIPLLM_Q_PACK_IDS, v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    int step = 0;
    zipllm_status status = ZIPLLM_OK;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(v->store->index, s, v->error)) > 0)
        status = zipllm_verify_put(v, &packs, zipllm_index_number(s, 0));
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
