#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "hash.h"

void zipllm_manifest_path(char path[ZIPLLM_MANIFEST_PATH], const char *id)
{
    (void)snprintf(path, ZIPLLM_MANIFEST_PATH, "models/%.2s/%.32s.json", id, id);
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct output {
    int fd;       /* -1: only the digest is wanted */
    int os_errno; /* of the first write that failed */
    uint64_t offset;
    XXH3_state_t *digest;
    size_t used;
    char buffer[1 << 16];
} output;

static void flush(output *out)
{
    (void)XXH3_128bits_update(out->digest, out->buffer, out->used);
    if (out->fd >= 0 && out->os_errno == 0 &&
        zipllm_pwrite(out->fd, out->buffer, out->used, out->offset) != 0)
        out->os_errno = errno;
    out->offset += out->used;
    out->used = 0;
}

static void put(output *out, const char *text, size_t nbytes)
{
    while (nbytes > 0) {
        const size_t room = sizeof out->buffer - out->used, n = nbytes < room ? nbytes : room;
        memcpy(out->buffer + out->used, text, n);
        out->used += n;
        text += n;
        nbytes -= n;
        if (out->used == sizeof out->buffer)
            flush(out);
    }
}

__attribute__((format(printf, 2, 3))) static void print(output *out, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(out, text, length < (int)sizeof text ? (size_t)length : sizeof text - 1);
}

/* Length of the UTF-8 character at s (RFC 3629), or 0. */
static size_t utf8_length(const uint8_t *s)
{
    if (s[0] < 0x80)
        return 1;
    const size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    const bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    const bool outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || outside ? 0 : n;
}

static bool is_utf8(const char *text)
{
    const uint8_t *s = (const uint8_t *)text;
    while (*s != '\0') {
        const size_t n = utf8_length(s);
        if (n == 0)
            return false;
        s += n;
    }
    return true;
}

static void put_string(output *out, const char *text)
{
    if (!is_utf8(text)) {
        put(out, "{\"hex\":\"", 8);
        for (const char *c = text; *c != '\0'; c++)
            print(out, "%02x", (unsigned char)*c);
        put(out, "\"}", 2);
        return;
    }
    put(out, "\"", 1);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            put(out, "\\", 1);
        if ((unsigned char)*c < 0x20)
            print(out, "\\u%04x", (unsigned char)*c);
        else
            put(out, c, 1);
    }
    put(out, "\"", 1);
}

/* The row that holds the part's bytes. */
static zipllm_status row_of(const zipllm_ingest *in, const zipllm_part *part,
                            zipllm_tensor_row *row, zipllm_error *error)
{
    if (part->tensor == 0 && part->fresh != 0) {
        *row = in->fresh[part->fresh - 1].row;
        return ZIPLLM_OK;
    }
    return zipllm_index_tensor(in->store->index, part->tensor, row, error);
}

static void put_part(output *out, size_t position, const zipllm_part_row *part,
                     const zipllm_tensor_row *row)
{
    char hash[2 * ZIPLLM_HASH_NBYTES + 1] = "";
    if (part->nbytes != 0)
        zipllm_hex(hash, row->hash, sizeof row->hash);
    print(out, "%s[\"%s\",", position != 0 ? ",\n" : "", zipllm_kind_name((zipllm_kind)part->kind));
    put_string(out, part->name);
    put(out, ",", 1);
    put_string(out, part->dtype);
    put(out, ",", 1);
    put_string(out, part->shape);
    print(out, ",%" PRIu64 ",\"%s\",%" PRIu32 "]", part->nbytes, hash, row->ordinal);
}

/* The parts of a file that the index knows are taken from there. */
static zipllm_status put_known_parts(output *out, zipllm_index *index, int64_t file,
                                     zipllm_error *error)
{
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_FILE_PARTS, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, file);
    int step;
    for (size_t i = 0; (step = zipllm_index_step(index, s, error)) > 0; i++) {
        zipllm_part_row part;
        zipllm_tensor_row row = {.ordinal = 0};
        zipllm_index_part_columns(s, &part);
        if (part.tensor != 0 && zipllm_index_tensor(index, part.tensor, &row, error) != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return ZIPLLM_ERROR;
        }
        put_part(out, i, &part, &row);
    }
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

static zipllm_status put_parts(output *out, const zipllm_ingest *in, const zipllm_ingest_file *file,
                               zipllm_error *error)
{
    if (file->known != 0)
        return put_known_parts(out, in->store->index, file->known, error);
    for (size_t i = 0; i < file->layout.nparts; i++) {
        const zipllm_part *part = &file->layout.parts[i];
        const zipllm_part_row text = {(int)part->kind, part->name,   part->dtype_text,
                                      part->shape,     part->nbytes, 0};
        zipllm_tensor_row row = {.ordinal = 0};
        if (part->nbytes != 0) {
            const zipllm_status status = row_of(in, part, &row, error);
            if (status != ZIPLLM_OK)
                return status;
        }
        put_part(out, i, &text, &row);
    }
    return ZIPLLM_OK;
}

static void put_directory(output *out, const char *path)
{
    print(out, "{\"path\":");
    put_string(out, path);
    print(out, ",\"directory\":true}");
}

static void put_file_head(output *out, const char *path, uint64_t nbytes, const uint8_t *sum)
{
    char sha256[2 * ZIPLLM_SHA256_NBYTES + 1];
    zipllm_hex(sha256, sum, ZIPLLM_SHA256_NBYTES);
    print(out, "{\"path\":");
    put_string(out, path);
    print(out, ",\"nbytes\":%" PRIu64 ",\"sha256\":\"%s\",\"parts\":[\n", nbytes, sha256);
}

static zipllm_status put_file(output *out, const zipllm_ingest *in, const zipllm_ingest_file *file,
                              zipllm_error *error)
{
    if (file->directory) {
        put_directory(out, file->path);
        return ZIPLLM_OK;
    }
    put_file_head(out, file->path, file->nbytes, file->sha256);
    const zipllm_status status = put_parts(out, in, file, error);
    print(out, "\n]}");
    return status;
}

static void put_head(output *out, const zipllm_store *store, const zipllm_model_row *model)
{
    char id[ZIPLLM_ID_TEXT];
    zipllm_hex(id, store->id, sizeof store->id);
    print(out, "{\"format\":\"zipllm-manifest\",\"version\":%d,\"store\":\"%s\",\"name\":",
          ZIPLLM_MANIFEST_VERSION, id);
    put_string(out, model->name);
    print(out, ",\"revision\":");
    put_string(out, model->revision);
    print(out, ",\"base\":");
    if (model->base != NULL)
        put_string(out, model->base);
    else
        print(out, "null");
    print(out, ",\"found\":\"%s\",\"added\":%" PRId64 ",\n\"files\":[\n",
          zipllm_found_name((zipllm_found)model->found), model->added);
}

static zipllm_status put_manifest(output *out, const zipllm_ingest *in,
                                  const zipllm_model_row *model, const zipllm_ingest_file *files,
                                  size_t nfiles, zipllm_error *error)
{
    put_head(out, in->store, model);
    for (size_t i = 0; i < nfiles; i++) {
        const zipllm_status status = put_file(out, in, &files[i], error);
        if (status != ZIPLLM_OK)
            return status;
        print(out, "%s\n", i + 1 < nfiles ? "," : "");
    }
    print(out, "]}\n");
    return ZIPLLM_OK;
}

/* The manifest that the index's rows stand for. */
static zipllm_status put_indexed(output *out, const zipllm_store *store,
                                 const zipllm_model_row *model, zipllm_error *error)
{
    struct sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_MODEL_FILES, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    put_head(out, store, model);
    zipllm_index_bind(s, 1, model->id);
    int step;
    for (size_t i = 0; (step = zipllm_index_step(store->index, s, error)) > 0; i++) {
        const char *path = zipllm_index_string(s, 0);
        const int64_t file = zipllm_index_number(s, 1);
        print(out, "%s", i != 0 ? ",\n" : "");
        if (file == 0) {
            put_directory(out, path);
            continue;
        }
        uint8_t sha256[ZIPLLM_SHA256_NBYTES];
        zipllm_index_bytes(s, 3, sha256, sizeof sha256);
        put_file_head(out, path, (uint64_t)zipllm_index_number(s, 2), sha256);
        const zipllm_status status = put_known_parts(out, store->index, file, error);
        if (status != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return status;
        }
        print(out, "\n]}");
    }
    print(out, "\n]}\n");
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

zipllm_status zipllm_manifest_write(const zipllm_ingest *in, zipllm_model_row *model,
                                    const zipllm_ingest_file *files, size_t nfiles, const char *tmp,
                                    uint64_t *nbytes, zipllm_error *error)
{
    const zipllm_dir *dir = &in->store->dir;
    output *out = malloc(sizeof *out);
    XXH3_state_t *digest = XXH3_createState();
    const int fd = openat(dir->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    zipllm_status status = ZIPLLM_OK;
    if (fd < 0)
        status = zipllm_fail_at(dir, tmp, errno, "cannot create", error);
    else if (out == NULL || digest == NULL)
        status = zipllm_fail_memory(error, sizeof *out);
    if (status == ZIPLLM_OK) {
        out->fd = fd;
        out->os_errno = 0;
        out->offset = out->used = 0;
        out->digest = digest;
        (void)XXH3_128bits_reset(digest);
        status = put_manifest(out, in, model, files, nfiles, error);
        flush(out);
        *nbytes = out->offset;
        zipllm_hash_store(model->manifest_hash, XXH3_128bits_digest(digest));
        if (status == ZIPLLM_OK && out->os_errno != 0)
            status = zipllm_fail_at(dir, tmp, out->os_errno, "cannot write", error);
        if (status == ZIPLLM_OK)
            status = zipllm_sync_fd(fd, dir, tmp, error);
    }
    if (fd >= 0 && close(fd) != 0 && status == ZIPLLM_OK)
        status = zipllm_fail_at(dir, tmp, errno, "cannot close", error);
    (void)XXH3_freeState(digest);
    free(out);
    return status;
}

/* ---- checking -------------------------------------------------------------------------------- */

static zipllm_status damaged(const zipllm_store *store, const char *name, const char *reason,
                             zipllm_error *error)
{
    char *path = zipllm_path_join(store->dir.path, name);
    (void)zipllm_fail(error, ZIPLLM_DAMAGED, path, ZIPLLM_NO_OFFSET, 0, "%s", reason);
    free(path);
    return ZIPLLM_DAMAGED;
}

static zipllm_status open_manifest(const zipllm_store *store, const char *id, const char *name,
                                   int *fd, zipllm_error *error)
{
    *fd = openat(store->dir.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0 && errno == ENOENT) {
        /* An rm that was killed before it removed the model; gc puts the manifest back. */
        char parked[ZIPLLM_MANIFEST_PATH];
        (void)snprintf(parked, sizeof parked, "tmp/rm-%.32s.json", id);
        *fd = openat(store->dir.fd, parked, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (*fd < 0 && errno == ENOENT)
        return damaged(store, name, "the manifest is missing", error);
    return *fd < 0 ? zipllm_fail_at(&store->dir, name, errno, "cannot open", error) : ZIPLLM_OK;
}

/* Digest of the file, through the buffer of `out`. */
static zipllm_status digest_file(output *out, const zipllm_store *store, const char *name, int fd,
                                 uint8_t *sum, zipllm_error *error)
{
    ssize_t got;
    uint64_t offset = 0;
    (void)XXH3_128bits_reset(out->digest);
    while ((got = zipllm_pread(fd, out->buffer, sizeof out->buffer, offset)) > 0) {
        (void)XXH3_128bits_update(out->digest, out->buffer, (size_t)got);
        offset += (uint64_t)got;
    }
    if (got < 0)
        return zipllm_fail_at(&store->dir, name, errno, "cannot read", error);
    zipllm_hash_store(sum, XXH3_128bits_digest(out->digest));
    return ZIPLLM_OK;
}

static zipllm_status digest_rows(output *out, const zipllm_store *store,
                                 const zipllm_model_row *model, uint8_t *sum, zipllm_error *error)
{
    out->fd = -1;
    out->os_errno = 0;
    out->offset = out->used = 0;
    (void)XXH3_128bits_reset(out->digest);
    const zipllm_status status = put_indexed(out, store, model, error);
    flush(out);
    zipllm_hash_store(sum, XXH3_128bits_digest(out->digest));
    return status;
}

static zipllm_status check(output *out, const zipllm_store *store, const zipllm_model_row *model,
                           const char *name, int fd, zipllm_error *error)
{
    uint8_t sum[ZIPLLM_HASH_NBYTES];
    zipllm_status status = digest_file(out, store, name, fd, sum, error);
    if (status != ZIPLLM_OK)
        return status;
    if (memcmp(sum, model->manifest_hash, sizeof sum) != 0)
        return damaged(store, name, "the manifest is not what was written", error);
    status = digest_rows(out, store, model, sum, error);
    if (status == ZIPLLM_OK && memcmp(sum, model->manifest_hash, sizeof sum) != 0)
        return damaged(store, "index.sqlite",
                       "the rows of the model, its files or its tensors are not what its manifest "
                       "says",
                       error);
    return status;
}

zipllm_status zipllm_manifest_check(const zipllm_store *store, const zipllm_model_row *model,
                                    zipllm_error *error)
{
    char name[ZIPLLM_MANIFEST_PATH];
    int fd;
    zipllm_manifest_path(name, model->manifest);
    zipllm_status status = open_manifest(store, model->manifest, name, &fd, error);
    if (status != ZIPLLM_OK)
        return status;
    output *out = malloc(sizeof *out);
    if (out != NULL)
        out->digest = XXH3_createState();
    status = out != NULL && out->digest != NULL ? check(out, store, model, name, fd, error)
                                                : zipllm_fail_memory(error, sizeof *out);
    if (out != NULL)
        (void)XXH3_freeState(out->digest);
    free(out);
    (void)close(fd);
    return status;
}
