/* ls, show, stat: what the index says, and the size of what is on disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "made.h"
#include "model_name.h"
#include "packfile.h"
#include "store.h"

/* Slots of zipllm_store_text(). */
enum { TEXT_NAME, TEXT_REVISION, TEXT_BASE };

static zipllm_status fill_model(zipllm_store *store, const zipllm_model_row *row,
                                zipllm_model *model, zipllm_error *error)
{
    struct sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_MODEL_TOTALS, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, row->id);
    if (zipllm_index_step(store->index, s, error) < 0)
        return ZIPLLM_ERROR;
    *model = (zipllm_model){.name = row->name,
                            .revision = row->revision,
                            .base = row->base,
                            .found = (zipllm_found)row->found,
                            .added = row->added,
                            .files = (uint64_t)zipllm_index_number(s, 0),
                            .tensors = (uint64_t)zipllm_index_number(s, 1),
                            .logical_bytes = (uint64_t)zipllm_index_number(s, 2),
                            .stored_bytes = row->stored_bytes};
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

zipllm_status zipllm_ls(zipllm_store *store, void (*row)(void *user, const zipllm_model *model),
                        void *user, zipllm_error *error)
{
    if (store == NULL || row == NULL)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0, "no store given");
    struct sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_MODELS, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    int step;
    while ((step = zipllm_index_step(store->index, s, error)) > 0) {
        zipllm_model_row each;
        zipllm_model model;
        if (!zipllm_index_model_columns(s, &each)) {
            zipllm_index_reset(s);
            return zipllm_fail_memory(error, sizeof each);
        }
        const zipllm_status status = fill_model(store, &each, &model, error);
        if (status == ZIPLLM_OK)
            row(user, &model);
        zipllm_model_row_free(&each);
        if (status != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return status;
        }
    }
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

/* ---- show --------------------------------------------------------------------------------------
 */

static zipllm_status count_uses(zipllm_store *store, int64_t tensor, uint64_t *uses,
                                zipllm_error *error)
{
    struct sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_TENSOR_USES, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, tensor);
    if (zipllm_index_step(store->index, s, error) < 0)
        return ZIPLLM_ERROR;
    *uses = (uint64_t)zipllm_index_number(s, 0);
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

static zipllm_status show_part(zipllm_store *store, const zipllm_show_options *options,
                               const char *path, const zipllm_part_row *part, zipllm_error *error)
{
    char pack_path[ZIPLLM_PACK_PATH] = "", made[ZIPLLM_MADE_TEXT] = "";
    zipllm_tensor_row row = {.id = 0};
    zipllm_pack_row pack = {.id = 0};
    zipllm_tensor out = {.file = path,
                         .kind = (zipllm_kind)part->kind,
                         .name = part->name,
                         .dtype = part->dtype,
                         .shape = part->shape,
                         .nbytes = part->nbytes,
                         .made = made,
                         .pack = pack_path};
    if (part->tensor != 0) {
        zipllm_status status = zipllm_index_tensor(store->index, part->tensor, &row, error);
        if (status == ZIPLLM_OK)
            status = zipllm_index_pack(store->index, row.pack, &pack, error);
        if (status == ZIPLLM_OK)
            status = count_uses(store, part->tensor, &out.shared, error);
        if (status == ZIPLLM_OK)
            status = zipllm_made_text(store, &row, part->dtype, made, error);
        if (status == ZIPLLM_DAMAGED)
            status = ZIPLLM_OK; /* verify tells */
        if (status != ZIPLLM_OK)
            return status;
        zipllm_pack_path(pack_path, pack.name);
        out.stored_nbytes = row.length;
        out.delta = row.parent != 0;
        out.offset = row.offset;
    }
    options->tensor(options->user, &out);
    return ZIPLLM_OK;
}

/* Goes through the parts of a file: counts them into *file, or shows each. */
static zipllm_status walk_parts(zipllm_store *store, const zipllm_show_options *options, int64_t id,
                                zipllm_file *file, bool show, zipllm_error *error)
{
    struct sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_FILE_PARTS, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, id);
    int step;
    while ((step = zipllm_index_step(store->index, s, error)) > 0) {
        zipllm_part_row part;
        zipllm_index_part_columns(s, &part);
        if (!show) {
            file->tensors += part.kind == ZIPLLM_TENSOR;
            file->blob = part.kind == ZIPLLM_BLOB;
        } else if (show_part(store, options, file->path, &part, error) != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return ZIPLLM_ERROR;
        }
    }
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

static zipllm_status show_files(zipllm_store *store, const zipllm_show_options *options,
                                int64_t model, zipllm_error *error)
{
    struct sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_MODEL_FILES, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, model);
    int step;
    while ((step = zipllm_index_step(store->index, s, error)) > 0) {
        const int64_t id = zipllm_index_number(s, 1);
        zipllm_file file = {.path = zipllm_index_string(s, 0),
                            .nbytes = (uint64_t)zipllm_index_number(s, 2),
                            .directory = id == 0,
                            .blob = id != 0};
        zipllm_index_bytes(s, 3, file.sha256, sizeof file.sha256);
        zipllm_status status = ZIPLLM_OK;
        if (id != 0)
            status = walk_parts(store, options, id, &file, false, error);
        if (status == ZIPLLM_OK && options->file != NULL)
            options->file(options->user, &file);
        if (status == ZIPLLM_OK && options->tensor != NULL && id != 0)
            status = walk_parts(store, options, id, &file, true, error);
        if (status != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return status;
        }
    }
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

/* The row's strings, kept for the caller. */
static zipllm_status keep_texts(zipllm_store *store, const zipllm_model_row *row,
                                zipllm_model *model, zipllm_error *error)
{
    zipllm_status status = zipllm_store_text(store, TEXT_NAME, row->name, &model->name, error);
    if (status == ZIPLLM_OK)
        status = zipllm_store_text(store, TEXT_REVISION, row->revision, &model->revision, error);
    if (status == ZIPLLM_OK)
        status = zipllm_store_text(store, TEXT_BASE, row->base, &model->base, error);
    return status;
}

zipllm_status zipllm_show(zipllm_store *store, const zipllm_show_options *options,
                          zipllm_model *model, zipllm_error *error)
{
    if (store == NULL || options == NULL || options->size != sizeof *options)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0, "no store given");
    zipllm_model unused;
    zipllm_model_row row;
    zipllm_status status = zipllm_model_find(store, options->name, &row, NULL, error);
    if (status == ZIPLLM_OK)
        status = fill_model(store, &row, model != NULL ? model : &unused, error);
    if (status == ZIPLLM_OK && model != NULL)
        status = keep_texts(store, &row, model, error);
    if (status == ZIPLLM_OK && (options->file != NULL || options->tensor != NULL))
        status = show_files(store, options, row.id, error);
    zipllm_model_row_free(&row);
    return status;
}

/* ---- stat --------------------------------------------------------------------------------------
 */

/* Regular files beneath a directory; a file that vanishes meanwhile is not there. */
static int sum_files(int dir_fd, const char *name, uint64_t *nbytes, uint64_t *nfiles)
{
    const int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        const int saved = errno;
        if (fd >= 0)
            (void)close(fd);
        errno = saved;
        return saved == ENOENT ? 0 : -1;
    }
    int result = 0;
    for (const struct dirent *entry; result == 0 && (entry = readdir(stream)) != NULL;) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            result = sum_files(fd, entry->d_name, nbytes, nfiles);
        } else if (S_ISREG(st.st_mode)) {
            *nbytes += (uint64_t)st.st_size;
            ++*nfiles;
        }
    }
    (void)closedir(stream);
    return result;
}

static zipllm_status sum_disk(zipllm_store *store, zipllm_stat_result *r, zipllm_error *error)
{
    uint64_t nfiles = 0;
    struct stat st;
    if (sum_files(store->dir.fd, "packs", &r->pack_bytes, &r->packs) != 0 ||
        sum_files(store->dir.fd, "models", &r->manifest_bytes, &nfiles) != 0 ||
        sum_files(store->dir.fd, "tmp", &r->tmp_bytes, &nfiles) != 0 ||
        sum_files(store->dir.fd, ".", &r->disk_bytes, &nfiles) != 0)
        return zipllm_fail_os(error, store->dir.path, errno, "cannot read the directory");
    if (fstatat(store->dir.fd, "index.sqlite", &st, 0) == 0)
        r->index_bytes = (uint64_t)st.st_size;
    return ZIPLLM_OK;
}

zipllm_status zipllm_stat(zipllm_store *store, zipllm_stat_result *result, zipllm_error *error)
{
    if (store == NULL || result == NULL)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0, "no store given");
    memset(result, 0, sizeof *result);
    struct sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_STAT, error);
    if (s == NULL || zipllm_index_step(store->index, s, error) < 0)
        return ZIPLLM_ERROR;
    result->models = (uint64_t)zipllm_index_number(s, 0);
    result->files = (uint64_t)zipllm_index_number(s, 1);
    result->tensors = (uint64_t)zipllm_index_number(s, 2);
    result->tensors_unique = (uint64_t)zipllm_index_number(s, 3);
    result->tensors_delta = (uint64_t)zipllm_index_number(s, 4);
    result->logical_bytes = (uint64_t)zipllm_index_number(s, 5);
    zipllm_index_reset(s);
    s = zipllm_index_query(store->index, ZIPLLM_Q_DEAD_BYTES, error);
    if (s == NULL || zipllm_index_step(store->index, s, error) < 0)
        return ZIPLLM_ERROR;
    result->dead_bytes = (uint64_t)zipllm_index_number(s, 0);
    zipllm_index_reset(s);
    const zipllm_status status = sum_disk(store, result, error);
    if (result->logical_bytes != 0)
        result->reduction = 1 - (double)result->disk_bytes / (double)result->logical_bytes;
    return status;
}
