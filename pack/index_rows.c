/* Rows: read from columns, found by their keys, inserted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "index_sql.h"

/* ---- rows ------------------------------------------------------------------------------------ */

void zipllm_index_bytes(sqlite3_stmt *s, int column, uint8_t *dst, size_t nbytes)
{
    memset(dst, 0, nbytes);
    if (sqlite3_column_bytes(s, column) == (int)nbytes)
        memcpy(dst, sqlite3_column_blob(s, column), nbytes);
}

static const char *text_of(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text != NULL ? text : "";
}

void zipllm_index_tensor_columns(sqlite3_stmt *s, zipllm_tensor_row *row)
{
    row->id = sqlite3_column_int64(s, 0);
    row->nbytes = (uint64_t)sqlite3_column_int64(s, 1);
    zipllm_index_bytes(s, 2, row->hash, sizeof row->hash);
    row->ordinal = (uint32_t)sqlite3_column_int64(s, 3);
    zipllm_index_bytes(s, 4, row->plain, sizeof row->plain);
    row->dtype = (uint32_t)sqlite3_column_int64(s, 5);
    row->pack = sqlite3_column_int64(s, 6);
    row->offset = (uint64_t)sqlite3_column_int64(s, 7);
    row->length = (uint64_t)sqlite3_column_int64(s, 8);
    row->check = (uint64_t)sqlite3_column_int64(s, 9);
    row->parent = sqlite3_column_int64(s, 10);
    row->predictor = (uint32_t)sqlite3_column_int64(s, 11);
    row->nparents = (unsigned)sqlite3_column_int64(s, 12);
    row->depth = (unsigned)sqlite3_column_int64(s, 13);
}

void zipllm_index_part_columns(sqlite3_stmt *s, zipllm_part_row *part)
{
    part->kind = sqlite3_column_int(s, 0);
    part->name = text_of(s, 1);
    part->dtype = text_of(s, 2);
    part->shape = text_of(s, 3);
    part->nbytes = (uint64_t)sqlite3_column_int64(s, 4);
    part->tensor = sqlite3_column_int64(s, 5);
}

bool zipllm_index_model_columns(sqlite3_stmt *s, zipllm_model_row *row)
{
    memset(row, 0, sizeof *row);
    row->name = strdup(text_of(s, 1));
    row->revision = strdup(text_of(s, 2));
    row->manifest = strdup(text_of(s, 3));
    zipllm_index_bytes(s, 4, row->manifest_hash, sizeof row->manifest_hash);
    const bool has_base = sqlite3_column_type(s, 5) != SQLITE_NULL;
    if (has_base)
        row->base = strdup(text_of(s, 5));
    row->found = sqlite3_column_int(s, 6);
    row->added = sqlite3_column_int64(s, 7);
    row->stored_bytes = (uint64_t)sqlite3_column_int64(s, 8);
    if (row->name == NULL || row->revision == NULL || row->manifest == NULL ||
        (has_base && row->base == NULL)) {
        zipllm_model_row_free(row);
        return false;
    }
    row->id = sqlite3_column_int64(s, 0);
    return true;
}

void zipllm_model_row_free(zipllm_model_row *row)
{
    free(row->name);
    free(row->revision);
    free(row->manifest);
    free(row->base);
    memset(row, 0, sizeof *row);
}

/* One tensor row or none, of a bound statement. */
static zipllm_status one_tensor(zipllm_index *index, sqlite3_stmt *s, zipllm_tensor_row *row,
                                zipllm_error *error)
{
    const int step = zipllm_index_step(index, s, error);
    row->id = 0;
    if (step < 0)
        return ZIPLLM_ERROR;
    if (step > 0)
        zipllm_index_tensor_columns(s, row);
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_tensor(zipllm_index *index, int64_t id, zipllm_tensor_row *row,
                                  zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_TENSOR_BY_ID, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, id);
    return one_tensor(index, s, row, error);
}

zipllm_status zipllm_index_parents(zipllm_index *index, const zipllm_tensor_row *row,
                                   int64_t parents[ZIPLLM_PARENTS_MAX], zipllm_error *error)
{
    if (row->nparents <= 1) { /* most: nothing to ask */
        parents[0] = row->parent;
        return ZIPLLM_OK;
    }
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PARENTS, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, row->id);
    unsigned n = 0;
    bool whole = true;
    int step;
    while (whole && (step = zipllm_index_step(index, s, error)) > 0) {
        whole = n < ZIPLLM_PARENTS_MAX && sqlite3_column_int64(s, 0) == n &&
                sqlite3_column_int64(s, 2) == row->predictor;
        if (whole)
            parents[n++] = sqlite3_column_int64(s, 1);
    }
    zipllm_index_reset(s);
    if (whole && step < 0)
        return ZIPLLM_ERROR;
    return whole && n == row->nparents
               ? ZIPLLM_OK
               : zipllm_fail(error, ZIPLLM_DAMAGED, index->path, ZIPLLM_NO_OFFSET, 0,
                             "the bases of a tensor are not in order");
}

zipllm_status zipllm_index_find_tensor(zipllm_index *index, uint64_t nbytes, const uint8_t *hash,
                                       uint32_t from, zipllm_tensor_row *row, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_TENSOR_BY_HASH, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)nbytes);
    (void)sqlite3_bind_blob(s, 2, hash, ZIPLLM_HASH_NBYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, from);
    return one_tensor(index, s, row, error);
}

zipllm_status zipllm_index_model_tensor(zipllm_index *index, int64_t model, const char *name,
                                        zipllm_tensor_row *row, char **dtype, char **shape,
                                        zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_MODEL_TENSOR, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, model);
    (void)sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
    row->id = 0;
    *dtype = *shape = NULL;
    const int step = zipllm_index_step(index, s, error);
    if (step <= 0)
        return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
    zipllm_index_tensor_columns(s, row);
    *dtype = strdup(text_of(s, ZIPLLM_TENSOR_COLUMNS));
    *shape = strdup(text_of(s, ZIPLLM_TENSOR_COLUMNS + 1));
    zipllm_index_reset(s);
    if (*dtype == NULL || *shape == NULL) {
        free(*dtype);
        free(*shape);
        return zipllm_fail_memory(error, 1);
    }
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_tensor_model(zipllm_index *index, int64_t tensor, char **name,
                                        zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_TENSOR_MODEL, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, tensor);
    *name = NULL;
    const int step = zipllm_index_step(index, s, error);
    if (step <= 0)
        return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
    const char *model = text_of(s, 0), *revision = text_of(s, 1);
    const size_t nbytes = strlen(model) + strlen(revision) + 2;
    *name = malloc(nbytes);
    if (*name != NULL)
        (void)snprintf(*name, nbytes, "%s%s%s", model, *revision != '\0' ? "@" : "", revision);
    zipllm_index_reset(s);
    return *name != NULL ? ZIPLLM_OK : zipllm_fail_memory(error, nbytes);
}

zipllm_status zipllm_index_pack(zipllm_index *index, int64_t id, zipllm_pack_row *row,
                                zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PACK_BY_ID, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, id);
    row->id = 0;
    const int step = zipllm_index_step(index, s, error);
    if (step <= 0)
        return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
    row->id = sqlite3_column_int64(s, 0);
    row->nbytes = (uint64_t)sqlite3_column_int64(s, 1);
    (void)snprintf(row->name, sizeof row->name, "%s", text_of(s, 2));
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_model(zipllm_index *index, const char *name, const char *revision,
                                 zipllm_model_row *row, uint64_t *count, zipllm_error *error)
{
    memset(row, 0, sizeof *row);
    sqlite3_stmt *s = zipllm_index_query(
        index, revision != NULL ? ZIPLLM_Q_MODEL_EXACT : ZIPLLM_Q_MODEL_LAST, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    if (revision != NULL)
        (void)sqlite3_bind_text(s, 2, revision, -1, SQLITE_STATIC);
    const int step = zipllm_index_step(index, s, error);
    if (step < 0)
        return ZIPLLM_ERROR;
    if (count != NULL)
        *count = (uint64_t)step;
    if (step == 0)
        return ZIPLLM_OK;
    const bool copied = zipllm_index_model_columns(s, row);
    zipllm_index_reset(s);
    if (!copied)
        return zipllm_fail_memory(error, 1);
    if (count == NULL || revision != NULL)
        return ZIPLLM_OK;

    s = zipllm_index_query(index, ZIPLLM_Q_MODEL_COUNT, error);
    if (s != NULL)
        (void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    if (s == NULL || zipllm_index_step(index, s, error) < 0) {
        zipllm_model_row_free(row);
        return ZIPLLM_ERROR;
    }
    *count = (uint64_t)sqlite3_column_int64(s, 0);
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

static zipllm_status file_id(zipllm_index *index, zipllm_query query, uint64_t nbytes,
                             const uint8_t *sha256, int64_t *id, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, query, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)nbytes);
    (void)sqlite3_bind_blob(s, 2, sha256, ZIPLLM_SHA256_NBYTES, SQLITE_STATIC);
    const int step = zipllm_index_step(index, s, error);
    if (step < 0)
        return ZIPLLM_ERROR;
    *id = step > 0 ? sqlite3_column_int64(s, 0) : 0;
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_find_file(zipllm_index *index, uint64_t nbytes, const uint8_t *sha256,
                                     int64_t *id, zipllm_error *error)
{
    return file_id(index, ZIPLLM_Q_FILE_BY_SHA, nbytes, sha256, id, error);
}

zipllm_status zipllm_index_has_length(zipllm_index *index, uint64_t nbytes, bool *has,
                                      zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_FILE_BY_LENGTH, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)nbytes);
    const int step = zipllm_index_step(index, s, error);
    if (step < 0)
        return ZIPLLM_ERROR;
    *has = step > 0;
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

/* ---- inserts --------------------------------------------------------------------------------- */

static zipllm_status insert(zipllm_index *index, sqlite3_stmt *s, int64_t *id, zipllm_error *error)
{
    const zipllm_status status = zipllm_index_run(index, s, error);
    if (status == ZIPLLM_OK && id != NULL)
        *id = sqlite3_last_insert_rowid(index->db);
    return status;
}

zipllm_status zipllm_index_put_pack(zipllm_index *index, const char *name, uint64_t nbytes,
                                    int64_t *id, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_PACK, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 2, (int64_t)nbytes);
    return insert(index, s, id, error);
}

zipllm_status zipllm_index_put_tensor(zipllm_index *index, zipllm_tensor_row *row,
                                      zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_TENSOR, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)row->nbytes);
    (void)sqlite3_bind_blob(s, 2, row->hash, sizeof row->hash, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, row->ordinal);
    (void)sqlite3_bind_blob(s, 4, row->plain, sizeof row->plain, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 5, row->dtype);
    (void)sqlite3_bind_int64(s, 6, row->pack);
    (void)sqlite3_bind_int64(s, 7, (int64_t)row->offset);
    (void)sqlite3_bind_int64(s, 8, (int64_t)row->length);
    (void)sqlite3_bind_int64(s, 9, (int64_t)row->check);
    return insert(index, s, &row->id, error);
}

zipllm_status zipllm_index_put_parents(zipllm_index *index, const zipllm_tensor_row *row,
                                       const int64_t *parents, zipllm_error *error)
{
    for (unsigned i = 0; i < row->nparents; i++) {
        sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_PARENT, error);
        if (s == NULL)
            return ZIPLLM_ERROR;
        (void)sqlite3_bind_int64(s, 1, row->id);
        (void)sqlite3_bind_int64(s, 2, i);
        (void)sqlite3_bind_int64(s, 3, parents[i]);
        (void)sqlite3_bind_int64(s, 4, row->predictor);
        const zipllm_status status = insert(index, s, NULL, error);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

/* A lost file's row, without its parts. */
static zipllm_status take_lost_file(zipllm_index *index, uint64_t nbytes, const uint8_t *sha256,
                                    int64_t *id, zipllm_error *error)
{
    zipllm_status status = file_id(index, ZIPLLM_Q_LOST_FILE, nbytes, sha256, id, error);
    if (status != ZIPLLM_OK || *id == 0)
        return status;
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_DELETE_FILE_PARTS, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, *id);
    return zipllm_index_run(index, s, error);
}

zipllm_status zipllm_index_put_file(zipllm_index *index, uint64_t nbytes, const uint8_t *sha256,
                                    int64_t *id, zipllm_error *error)
{
    const zipllm_status status = take_lost_file(index, nbytes, sha256, id, error);
    if (status != ZIPLLM_OK || *id != 0)
        return status;
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_FILE, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)nbytes);
    (void)sqlite3_bind_blob(s, 2, sha256, ZIPLLM_SHA256_NBYTES, SQLITE_STATIC);
    return insert(index, s, id, error);
}

zipllm_status zipllm_index_put_part(zipllm_index *index, int64_t file, uint64_t position,
                                    const zipllm_part_row *part, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_PART, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, file);
    (void)sqlite3_bind_int64(s, 2, (int64_t)position);
    (void)sqlite3_bind_int(s, 3, part->kind);
    (void)sqlite3_bind_text(s, 4, part->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 5, part->dtype, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 6, part->shape, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 7, (int64_t)part->nbytes);
    if (part->tensor != 0)
        (void)sqlite3_bind_int64(s, 8, part->tensor);
    return insert(index, s, NULL, error);
}

zipllm_status zipllm_index_put_model(zipllm_index *index, zipllm_model_row *row,
                                     zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_MODEL, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_text(s, 1, row->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 2, row->revision, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 3, row->manifest, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob(s, 4, row->manifest_hash, sizeof row->manifest_hash, SQLITE_STATIC);
    if (row->base != NULL)
        (void)sqlite3_bind_text(s, 5, row->base, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(s, 6, row->found);
    (void)sqlite3_bind_int64(s, 7, row->added);
    (void)sqlite3_bind_int64(s, 8, (int64_t)row->stored_bytes);
    if (row->id != 0)
        (void)sqlite3_bind_int64(s, 9, row->id);
    return insert(index, s, &row->id, error);
}

zipllm_status zipllm_index_put_model_file(zipllm_index *index, int64_t model, const char *path,
                                          int64_t file, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_MODEL_FILE, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, model);
    (void)sqlite3_bind_text(s, 2, path, -1, SQLITE_STATIC);
    if (file != 0)
        (void)sqlite3_bind_int64(s, 3, file);
    return insert(index, s, NULL, error);
}

zipllm_status zipllm_index_delete_model(zipllm_index *index, int64_t model, zipllm_error *error)
{
    static const zipllm_query steps[] = {ZIPLLM_Q_DELETE_MODEL_FILES, ZIPLLM_Q_DELETE_PROBES,
                                         ZIPLLM_Q_DELETE_MODEL};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        sqlite3_stmt *s = zipllm_index_query(index, steps[i], error);
        if (s == NULL)
            return ZIPLLM_ERROR;
        (void)sqlite3_bind_int64(s, 1, model);
        const zipllm_status status = zipllm_index_run(index, s, error);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_delete_orphans(zipllm_index *index, zipllm_error *error)
{
    const zipllm_status status = zipllm_index_run_query(index, ZIPLLM_Q_DELETE_PARTS, error);
    return status == ZIPLLM_OK ? zipllm_index_run_query(index, ZIPLLM_Q_DELETE_FILES, error)
                               : status;
}
