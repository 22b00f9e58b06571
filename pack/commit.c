#include "commit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "family.h"
#include "manifest.h"
#include "promote.h"
#include "stored.h"

/* ---- the transaction ---------------------------------------------------------------------------
 */

static zipllm_status is_same(zipllm_ingest *in, const zipllm_tensor_row *row,
                             const zipllm_fresh *fresh, bool *same)
{
    zipllm_stored *theirs = NULL, *ours = NULL;
    zipllm_status status = zipllm_stored_open(in->store, row, &theirs, in->error);
    if (status == ZIPLLM_OK)
        status = zipllm_stored_open_fd(in->store, fresh->writer->fd, &fresh->row, fresh->parents,
                                       &ours, in->error);
    if (status == ZIPLLM_OK)
        status = zipllm_stored_equal(in->store, theirs, ours, same, in->error);
    zipllm_stored_close(in->store, theirs);
    zipllm_stored_close(in->store, ours);
    return status;
}

/* Another add may have stored the same tensor since we looked: then its row wins, and our frame
   waits for gc. Only the same bytes count as the same tensor. */
static zipllm_status put_fresh(zipllm_ingest *in, zipllm_fresh *fresh)
{
    zipllm_index *index = in->store->index;
    zipllm_tensor_row row = {.ordinal = 0};
    for (uint32_t from = 0;; from = row.ordinal + 1) {
        bool same = false;
        zipllm_status status = zipllm_index_find_tensor(index, fresh->row.nbytes, fresh->row.hash,
                                                        from, &row, in->error);
        if (status != ZIPLLM_OK)
            return status;
        if (row.id == 0)
            break;
        status = is_same(in, &row, fresh, &same);
        if (status != ZIPLLM_OK)
            return status;
        if (same) {
            fresh->row.id = row.id;
            return ZIPLLM_OK;
        }
        if (row.ordinal == fresh->row.ordinal)
            return zipllm_fail_at(&in->store->dir, "index.sqlite", 0,
                                  "another add stored a tensor of equal hash and other bytes; "
                                  "add the model again",
                                  in->error);
    }
    for (unsigned k = 0; k < fresh->row.nparents; k++) {
        const zipllm_status status = zipllm_index_tensor(index, fresh->parents[k], &row, in->error);
        if (status != ZIPLLM_OK)
            return status;
        if (row.id == 0 || row.depth >= ZIPLLM_DEPTH_MAX ||
            (row.depth != 0 && fresh->row.predictor == BITX_PREDICT_BASE))
            return zipllm_fail_at(&in->store->dir, "index.sqlite", 0,
                                  "the base of a tensor is gone; add the model again", in->error);
    }
    const zipllm_status status = zipllm_index_put_tensor(index, &fresh->row, in->error);
    return status == ZIPLLM_OK
               ? zipllm_index_put_parents(index, &fresh->row, fresh->parents, in->error)
               : status;
}

static zipllm_status put_packs(zipllm_ingest *in)
{
    for (size_t i = 0; i < in->nwriters; i++) {
        int64_t id;
        const zipllm_status status = zipllm_index_put_pack(in->store->index, in->writers[i]->name,
                                                           in->writers[i]->size, &id, in->error);
        if (status != ZIPLLM_OK)
            return status;
        for (size_t k = 0; k < in->nfresh; k++)
            if (in->fresh[k].writer == in->writers[i])
                in->fresh[k].row.pack = id;
    }
    const zipllm_status promoted = zipllm_promote_commit(in);
    if (promoted != ZIPLLM_OK)
        return promoted;
    for (size_t k = 0; k < in->nfresh; k++) {
        const zipllm_status status = put_fresh(in, &in->fresh[k]);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

/* The tensor of a part, checked to be there still. */
static zipllm_status tensor_of(zipllm_ingest *in, const zipllm_part *part, int64_t *id)
{
    zipllm_tensor_row row;
    *id = part->tensor;
    if (part->nbytes == 0) {
        *id = 0;
        return ZIPLLM_OK;
    }
    if (part->tensor == 0) {
        *id = in->fresh[part->fresh - 1].row.id;
        return ZIPLLM_OK;
    }
    const zipllm_status status = zipllm_index_tensor(in->store->index, *id, &row, in->error);
    if (status == ZIPLLM_OK && (row.id == 0 || row.nbytes != part->nbytes))
        return zipllm_fail_at(&in->store->dir, "index.sqlite", 0,
                              "a tensor that was there is gone; add the model again", in->error);
    return status;
}

static zipllm_status put_parts(zipllm_ingest *in, const zipllm_ingest_file *file, int64_t id)
{
    for (size_t i = 0; i < file->layout.nparts; i++) {
        const zipllm_part *part = &file->layout.parts[i];
        zipllm_part_row row = {(int)part->kind, part->name,   part->dtype_text,
                               part->shape,     part->nbytes, 0};
        zipllm_status status = tensor_of(in, part, &row.tensor);
        if (status == ZIPLLM_OK)
            status = zipllm_index_put_part(in->store->index, id, i, &row, in->error);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

static zipllm_status put_file(zipllm_ingest *in, const zipllm_ingest_file *file, int64_t model)
{
    zipllm_index *index = in->store->index;
    int64_t id = 0;
    zipllm_status status = ZIPLLM_OK;
    if (!file->directory) {
        /* Looked up again: another add or rm, or an earlier file of this model. */
        status = zipllm_index_find_file(index, file->nbytes, file->sha256, &id, in->error);
        if (status == ZIPLLM_OK && id == 0 && file->known != 0)
            return zipllm_fail_at(&in->store->dir, "index.sqlite", 0,
                                  "a file that was there is gone; add the model again", in->error);
        if (status == ZIPLLM_OK && id == 0) {
            status = zipllm_index_put_file(index, file->nbytes, file->sha256, &id, in->error);
            if (status == ZIPLLM_OK)
                status = put_parts(in, file, id);
        }
    }
    return status == ZIPLLM_OK
               ? zipllm_index_put_model_file(index, model, file->path, id, in->error)
               : status;
}

static zipllm_status transact(zipllm_ingest *in, zipllm_model_row *model,
                              const zipllm_ingest_file *files, size_t nfiles)
{
    zipllm_index *index = in->store->index;
    zipllm_model_row other;
    zipllm_status status = zipllm_index_begin(index, in->error);
    if (status != ZIPLLM_OK)
        return status;
    status = zipllm_index_model(index, model->name, model->revision, &other, NULL, in->error);
    if (status == ZIPLLM_OK && other.id != 0)
        status = zipllm_fail(in->error, ZIPLLM_ERROR, model->name, ZIPLLM_NO_OFFSET, 0,
                             "another command has added a model of this name");
    zipllm_model_row_free(&other);
    if (status == ZIPLLM_OK)
        status = put_packs(in);
    if (status == ZIPLLM_OK)
        status = zipllm_index_put_model(index, model, in->error);
    for (size_t i = 0; i < nfiles && status == ZIPLLM_OK; i++)
        status = put_file(in, &files[i], model->id);
    if (status == ZIPLLM_OK)
        status = zipllm_family_record(in, model->id, files, nfiles);
    return status == ZIPLLM_OK ? zipllm_index_commit(index, in->error) : status;
}

/*
 * After a failed transaction. A commit that failed at its very end (the fsync of the directory
 * after the journal was unlinked) has happened all the same, so the rows decide, read through a
 * fresh connection. *gone: the index does not have the model, and its files may be unlinked.
 */
static void undo(zipllm_ingest *in, const zipllm_model_row *model, bool *gone)
{
    zipllm_index_rollback(in->store->index);
    *gone = false;
    if (zipllm_store_reopen_index(in->store, NULL) != ZIPLLM_OK)
        return;
    zipllm_index *index = in->store->index;
    zipllm_model_row row;
    if (zipllm_index_model(index, model->name, model->revision, &row, NULL, NULL) != ZIPLLM_OK)
        return;
    const bool present = row.id != 0 && strcmp(row.manifest, model->manifest) == 0;
    const int64_t id = row.id;
    zipllm_model_row_free(&row);
    if (!present) {
        *gone = true;
        return;
    }
    /* The tensors' rows stay, so the packs must: gc takes both. */
    if (zipllm_index_begin(index, NULL) != ZIPLLM_OK ||
        zipllm_index_delete_model(index, id, NULL) != ZIPLLM_OK ||
        zipllm_index_commit(index, NULL) != ZIPLLM_OK) {
        zipllm_index_rollback(index);
        return;
    }
    char path[ZIPLLM_MANIFEST_PATH];
    zipllm_manifest_path(path, model->manifest);
    (void)unlinkat(in->store->dir.fd, path, 0);
}

/* ---- files, then rows ---------------------------------------------------------------------------
 */

static zipllm_status publish(zipllm_ingest *in, zipllm_model_row *model,
                             const zipllm_ingest_file *files, size_t nfiles, const char *tmp,
                             const char *path)
{
    zipllm_status status = ZIPLLM_OK;
    uint64_t nbytes = 0;
    for (size_t i = 0; i < in->nwriters && status == ZIPLLM_OK; i++) {
        status = zipllm_pack_finish(in->writers[i], in->error);
        if (status == ZIPLLM_OK)
            status = zipllm_pack_publish(in->writers[i], in->error);
        model->stored_bytes += in->writers[i]->size;
    }
    if (status == ZIPLLM_OK)
        status = zipllm_manifest_write(in, model, files, nfiles, tmp, &nbytes, in->error);
    model->stored_bytes += nbytes;
    return status == ZIPLLM_OK ? zipllm_publish(&in->store->dir, tmp, path, in->error) : status;
}

zipllm_status zipllm_commit(zipllm_ingest *in, zipllm_model_row *model, zipllm_ingest_file *files,
                            size_t nfiles)
{
    uint8_t id[ZIPLLM_ID_NBYTES];
    char tmp[ZIPLLM_MANIFEST_PATH], path[ZIPLLM_MANIFEST_PATH];
    model->manifest = malloc(ZIPLLM_ID_TEXT);
    if (model->manifest == NULL)
        return zipllm_fail_memory(in->error, ZIPLLM_ID_TEXT);
    if (zipllm_random(id, sizeof id) != 0)
        return zipllm_fail_os(in->error, NULL, errno, "no random numbers");
    zipllm_hex(model->manifest, id, sizeof id);
    model->added = (int64_t)time(NULL);
    model->stored_bytes = 0;
    (void)snprintf(tmp, sizeof tmp, "tmp/%s.json", model->manifest);
    zipllm_manifest_path(path, model->manifest);

    bool gone = true;
    zipllm_status status = publish(in, model, files, nfiles, tmp, path);
    if (status == ZIPLLM_OK) {
        status = transact(in, model, files, nfiles);
        if (status != ZIPLLM_OK)
            undo(in, model, &gone);
    }
    if (status != ZIPLLM_OK && gone) {
        (void)unlinkat(in->store->dir.fd, tmp, 0);
        (void)unlinkat(in->store->dir.fd, path, 0);
    }
    if (!gone) /* then the packs must stay, too */
        in->keep = true;
    return status;
}
