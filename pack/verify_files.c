/* verify.h: every file decoded, with its SHA-256. */
#include <string.h>

#include "error.h"
#include "restore.h"
#include "verify.h"

typedef struct file_walk {
    zipllm_verifying *v;
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
    w->status = zipllm_verify_tell_users(w->v, ZIPLLM_Q_FILE_USERS, w->file, 4, tensor, why);
    return w->status == ZIPLLM_OK;
}

static zipllm_status file_row(zipllm_verifying *v, int64_t id, uint64_t *nbytes, uint8_t *sha256,
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

static zipllm_status check_file(zipllm_verifying *v, zipllm_restore *restore, int64_t id)
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
        return zipllm_verify_tell_users(v, ZIPLLM_Q_FILE_USERS, id, 4, "", &why);
    if (status != ZIPLLM_OK) {
        if (v->error != NULL)
            *v->error = why;
        return status;
    }
    if (!job.sha256 || !job.whole || memcmp(job.sum, sha256, sizeof sha256) == 0)
        return ZIPLLM_OK;
    (void)zipllm_fail(&why, ZIPLLM_DAMAGED, v->store->dir.path, ZIPLLM_NO_OFFSET, 0,
                      "SHA-256 of the file is not what was added");
    return zipllm_verify_tell_users(v, ZIPLLM_Q_FILE_USERS, id, 4, "", &why);
}

zipllm_status zipllm_verify_files(zipllm_verifying *v)
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
