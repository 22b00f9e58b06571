#include "manifest_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "hash.h"
#include "io.h"
#include "manifest.h"
#include "safetensors.h"
#include "scan.h"
#include "utf8.h"

enum { TEXT_MAX = ZIPLLM_ST_NAME_MAX + 1 };

typedef struct reader {
    int fd;
    const char *path; /* for messages */
    zipllm_error *error;
    zipllm_status status; /* once it is not ZIPLLM_OK, nothing is read any more */
    XXH3_state_t *digest;
    uint64_t offset; /* of buffer[0] */
    size_t at, filled;
    char name[TEXT_MAX], dtype[TEXT_MAX], shape[TEXT_MAX], last_path[ZIPLLM_PATH_MAX + 1];
    char buffer[1 << 16];
} reader;

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool bad(reader *r, const char *reason)
{
    if (r->status == ZIPLLM_OK)
        r->status = zipllm_fail(r->error, ZIPLLM_DAMAGED, r->path, r->offset + r->at, 0,
                                "manifest: %s", reason);
    return false;
}

/* The byte that comes next; -1 at the end. */
static int peek(reader *r)
{
    if (r->status != ZIPLLM_OK)
        return -1;
    if (r->at < r->filled)
        return (unsigned char)r->buffer[r->at];
    r->offset += r->filled;
    r->at = r->filled = 0;
    const ssize_t got = zipllm_pread(r->fd, r->buffer, sizeof r->buffer, r->offset);
    if (got < 0)
        r->status = zipllm_fail_os(r->error, r->path, errno, "cannot read");
    if (got <= 0)
        return -1;
    r->filled = (size_t)got;
    (void)XXH3_128bits_update(r->digest, r->buffer, r->filled);
    return (unsigned char)r->buffer[0];
}

static bool is_next(reader *r, char c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

static bool literal(reader *r, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (!is_next(r, *c))
            return bad(r, "not as it was written");
    return true;
}

static int digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two lower-case hexadecimal digits. */
static bool hex_byte(reader *r, uint8_t *byte)
{
    const int high = digit(peek(r));
    r->at += high >= 0;
    const int low = high >= 0 ? digit(peek(r)) : -1;
    r->at += low >= 0;
    if (low < 0)
        return bad(r, "not hexadecimal");
    *byte = (uint8_t)(high << 4 | low);
    return true;
}

static bool hex_bytes(reader *r, uint8_t *dst, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        if (!hex_byte(r, &dst[i]))
            return false;
    return true;
}

static bool number(reader *r, uint64_t most, uint64_t *value)
{
    int c = peek(r);
    *value = 0;
    if (c < '0' || c > '9')
        return bad(r, "not a number");
    const bool zero = c == '0';
    for (; c >= '0' && c <= '9'; c = peek(r)) {
        const uint64_t d = (uint64_t)(c - '0');
        if (*value > (most - d) / 10)
            return bad(r, "a number is too large");
        *value = *value * 10 + d;
        r->at++;
        if (zero)
            break;
    }
    return true;
}

/* ---- strings --------------------------------------------------------------------------------- */

/* One byte of a string, behind a backslash or not. */
static bool string_byte(reader *r, uint8_t *byte)
{
    const int c = peek(r);
    if (c < 0x20)
        return bad(r, c < 0 ? "ends within a string" : "control character in a string");
    r->at++;
    *byte = (uint8_t)c;
    if (c != '\\')
        return true;
    const int escaped = peek(r);
    if (escaped == '"' || escaped == '\\') {
        r->at++;
        *byte = (uint8_t)escaped;
        return true;
    }
    if (!literal(r, "u00") || !hex_byte(r, byte))
        return false;
    return (*byte != 0 && *byte < 0x20) || bad(r, "not as it was written");
}

/* {"hex":"..."}: what is not UTF-8. */
static bool hex_string(reader *r, char *dst, size_t cap)
{
    size_t n = 0;
    if (!literal(r, "{\"hex\":\""))
        return false;
    while (!is_next(r, '"')) {
        uint8_t byte;
        if (n + 1 >= cap)
            return bad(r, "a string is too long");
        if (!hex_byte(r, &byte))
            return false;
        if (byte == 0)
            return bad(r, "NUL in a string");
        dst[n++] = (char)byte;
    }
    dst[n] = '\0';
    return literal(r, "}") && (!zipllm_utf8_is_text(dst, n) || bad(r, "not as it was written"));
}

static bool string(reader *r, char *dst, size_t cap)
{
    size_t n = 0;
    if (peek(r) == '{')
        return hex_string(r, dst, cap);
    if (!literal(r, "\""))
        return false;
    while (!is_next(r, '"')) {
        uint8_t byte;
        if (n + 1 >= cap)
            return bad(r, "a string is too long");
        if (!string_byte(r, &byte))
            return false;
        dst[n++] = (char)byte;
    }
    dst[n] = '\0';
    return zipllm_utf8_is_text(dst, n) || bad(r, "a string is not UTF-8");
}

/* One of the names that name(0), name(1), ... are, up to "?"; in quotes. */
static bool word(reader *r, const char *(*name)(int), int *value)
{
    char text[16];
    size_t n = 0;
    if (!literal(r, "\""))
        return false;
    for (int c; n + 1 < sizeof text && (c = peek(r)) >= 0x20 && c != '"'; r->at++)
        text[n++] = (char)c;
    text[n] = '\0';
    if (!literal(r, "\""))
        return false;
    for (*value = 0; name(*value)[0] != '?'; ++*value)
        if (strcmp(name(*value), text) == 0)
            return true;
    return bad(r, "an unknown word");
}

static const char *kind_name(int value)
{
    return zipllm_kind_name((zipllm_kind)value);
}

static const char *found_name(int value)
{
    return zipllm_found_name((zipllm_found)value);
}

static bool keep(reader *r, const char *text, char **out)
{
    *out = strdup(text);
    if (*out == NULL)
        r->status = zipllm_fail_memory(r->error, strlen(text));
    return *out != NULL;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool read_added(reader *r, int64_t *added)
{
    uint64_t value;
    const bool negative = is_next(r, '-');
    if (!number(r, INT64_MAX, &value))
        return false;
    *added = negative ? -(int64_t)value : (int64_t)value;
    return !negative || value != 0 || bad(r, "not as it was written");
}

static bool read_names(reader *r, zipllm_model_row *model)
{
    if (!string(r, r->name, TEXT_MAX))
        return false;
    if (!zipllm_path_is_safe(r->name, strlen(r->name)) || strchr(r->name, '@') != NULL)
        return bad(r, "not the name of a model");
    if (!keep(r, r->name, &model->name) || !literal(r, ",\"revision\":") ||
        !string(r, r->name, TEXT_MAX))
        return false;
    if (r->name[0] != '\0' &&
        (!zipllm_path_is_safe(r->name, strlen(r->name)) || strchr(r->name, '@') != NULL))
        return bad(r, "not a revision");
    if (!keep(r, r->name, &model->revision) || !literal(r, ",\"base\":"))
        return false;
    if (peek(r) == 'n')
        return literal(r, "null");
    return string(r, r->name, TEXT_MAX) && keep(r, r->name, &model->base);
}

static bool read_head(reader *r, const zipllm_store *store, zipllm_model_row *model)
{
    char start[80];
    uint8_t id[ZIPLLM_ID_NBYTES];
    (void)snprintf(start, sizeof start,
                   "{\"format\":\"zipllm-manifest\",\"version\":%d,\"store\":\"",
                   ZIPLLM_MANIFEST_VERSION);
    if (!literal(r, start) || !hex_bytes(r, id, sizeof id))
        return false;
    if (memcmp(id, store->id, sizeof id) != 0)
        return bad(r, "of another store");
    return literal(r, "\",\"name\":") && read_names(r, model) && literal(r, ",\"found\":") &&
           word(r, found_name, &model->found) && literal(r, ",\"added\":") &&
           read_added(r, &model->added) && literal(r, ",\n\"files\":[\n");
}

static bool read_part(reader *r, const zipllm_manifest_visitor *visitor, uint64_t *rest)
{
    zipllm_manifest_part part = {.ordinal = 0};
    uint64_t ordinal;
    if (!literal(r, "[") || !word(r, kind_name, &part.row.kind) || !literal(r, ",") ||
        !string(r, r->name, TEXT_MAX) || !literal(r, ",") || !string(r, r->dtype, TEXT_MAX) ||
        !literal(r, ",") || !string(r, r->shape, TEXT_MAX) || !literal(r, ",") ||
        !number(r, INT64_MAX, &part.row.nbytes))
        return false;
    if (part.row.nbytes > *rest)
        return bad(r, "the parts are longer than the file");
    *rest -= part.row.nbytes;
    if (!literal(r, ",\"") ||
        (part.row.nbytes != 0 && !hex_bytes(r, part.hash, sizeof part.hash)) ||
        !literal(r, "\",") || !number(r, part.row.nbytes != 0 ? UINT32_MAX : 0, &ordinal) ||
        !literal(r, "]"))
        return false;
    part.row.name = r->name;
    part.row.dtype = r->dtype;
    part.row.shape = r->shape;
    part.ordinal = (uint32_t)ordinal;
    if (visitor != NULL)
        r->status = visitor->part(visitor->user, &part, r->error);
    return r->status == ZIPLLM_OK;
}

static bool read_parts(reader *r, const zipllm_manifest_visitor *visitor, uint64_t nbytes)
{
    uint64_t rest = nbytes;
    bool more = peek(r) == '[';
    while (more) {
        if (!read_part(r, visitor, &rest))
            return false;
        more = is_next(r, ',');
        if (more && !literal(r, "\n"))
            return false;
    }
    if (rest != 0)
        return bad(r, "the parts are shorter than the file");
    return literal(r, "\n]}");
}

/* Paths rise, so none comes twice. */
static bool read_path(reader *r, bool first)
{
    if (!literal(r, "{\"path\":") || !string(r, r->name, TEXT_MAX))
        return false;
    const size_t nbytes = strlen(r->name);
    if (nbytes > ZIPLLM_PATH_MAX || !zipllm_path_is_safe(r->name, nbytes))
        return bad(r, "a path that leaves the model");
    if (!first && strcmp(r->last_path, r->name) >= 0)
        return bad(r, "paths are not in order");
    memcpy(r->last_path, r->name, nbytes + 1);
    return literal(r, ",\"");
}

static bool tell_file(reader *r, const zipllm_manifest_visitor *visitor, uint64_t nbytes,
                      const uint8_t *sha256)
{
    if (visitor != NULL)
        r->status = visitor->file(visitor->user, r->last_path, nbytes, sha256, r->error);
    return r->status == ZIPLLM_OK;
}

static bool read_file(reader *r, const zipllm_manifest_visitor *visitor, bool first)
{
    uint64_t nbytes;
    uint8_t sha256[ZIPLLM_SHA256_NBYTES];
    if (!read_path(r, first))
        return false;
    if (peek(r) == 'd')
        return literal(r, "directory\":true}") && tell_file(r, visitor, 0, NULL);
    return literal(r, "nbytes\":") && number(r, INT64_MAX, &nbytes) &&
           literal(r, ",\"sha256\":\"") && hex_bytes(r, sha256, sizeof sha256) &&
           literal(r, "\",\"parts\":[\n") && tell_file(r, visitor, nbytes, sha256) &&
           read_parts(r, visitor, nbytes);
}

static bool read_all(reader *r, const zipllm_store *store, const zipllm_manifest_visitor *visitor,
                     zipllm_model_row *model)
{
    if (!read_head(r, store, model))
        return false;
    bool more = peek(r) == '{';
    for (bool first = true; more; first = false) {
        if (!read_file(r, visitor, first))
            return false;
        more = is_next(r, ',');
        if (!literal(r, "\n"))
            return false;
    }
    if (!literal(r, "]}\n"))
        return false;
    return peek(r) < 0 || bad(r, "bytes behind its end");
}

zipllm_status zipllm_manifest_read(const zipllm_store *store, const char *id,
                                   const zipllm_manifest_visitor *visitor, zipllm_model_row *model,
                                   uint64_t *nbytes, zipllm_error *error)
{
    char name[ZIPLLM_MANIFEST_PATH];
    memset(model, 0, sizeof *model);
    zipllm_manifest_path(name, id);
    const int fd = openat(store->dir.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return zipllm_fail_at(&store->dir, name, errno, "cannot open", error);
    char *path = zipllm_path_join(store->dir.path, name);
    reader *r = calloc(1, sizeof *r);
    zipllm_status status = ZIPLLM_ERROR;
    if (r != NULL) {
        r->fd = fd;
        r->path = path;
        r->error = error;
        r->digest = XXH3_createState();
    }
    if (path == NULL || r == NULL || r->digest == NULL) {
        status = zipllm_fail_memory(error, sizeof *r);
    } else {
        (void)XXH3_128bits_reset(r->digest);
        (void)read_all(r, store, visitor, model);
        status = r->status;
        *nbytes = r->offset + r->filled;
        zipllm_hash_store(model->manifest_hash, XXH3_128bits_digest(r->digest));
    }
    if (status == ZIPLLM_OK && (model->manifest = strdup(id)) == NULL)
        status = zipllm_fail_memory(error, strlen(id));
    if (status != ZIPLLM_OK)
        zipllm_model_row_free(model);
    if (r != NULL)
        (void)XXH3_freeState(r->digest);
    free(r);
    free(path);
    (void)close(fd);
    return status;
}
