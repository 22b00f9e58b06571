/*
 * The reader of manifests on arbitrary bytes; the store is the one that they name, where they do.
 * Beside "no crash": a refusal has its place in the file, what passes was read to its end, and the
 * parts of a file that was seen are as long as it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

#include "manifest_read.h"

static const char id[] = "abababababababababababababababab";

typedef struct seen {
    uint64_t rest; /* of the file whose parts go by */
} seen;

static void check(bool condition)
{
    if (!condition)
        abort();
}

static zipllm_status on_file(void *user, const char *path, uint64_t nbytes, const uint8_t *sha256,
                             zipllm_error *error)
{
    seen *s = user;

    (void)error;
    check(s->rest == 0 && path[0] != '/' && (sha256 != NULL || nbytes == 0));
    s->rest = nbytes;
    return ZIPLLM_OK;
}

static zipllm_status on_part(void *user, const zipllm_manifest_part *part, zipllm_error *error)
{
    seen *s = user;

    (void)error;
    check(part->row.nbytes <= s->rest && part->row.kind >= 0 && part->row.kind <= ZIPLLM_BLOB);
    s->rest -= part->row.nbytes;
    return ZIPLLM_OK;
}

static zipllm_store *folder(void)
{
    static zipllm_store store;
    static char path[] = "/tmp/fuzz_manifest_XXXXXX";

    if (store.path != NULL)
        return &store;
    store.path = mkdtemp(path);
    check(store.path != NULL);
    store.dir.path = store.path;
    store.dir.fd = open(store.path, O_RDONLY | O_DIRECTORY);
    check(store.dir.fd >= 0 && mkdirat(store.dir.fd, "models", 0777) == 0 &&
          mkdirat(store.dir.fd, "models/ab", 0777) == 0);
    return &store;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { STORE_AT = 49 }; /* behind {"format":"zipllm-manifest","version":1,"store":" */
    zipllm_store *store = folder();
    seen s = {0};
    const zipllm_manifest_visitor visitor = {on_file, on_part, &s};
    zipllm_model_row model;
    zipllm_error error;
    uint64_t nbytes = 0;
    char name[64], text[ZIPLLM_ID_TEXT] = "";

    if (size >= STORE_AT + ZIPLLM_ID_TEXT - 1)
        memcpy(text, data + STORE_AT, ZIPLLM_ID_TEXT - 1);
    (void)zipllm_unhex(store->id, sizeof store->id, text);
    (void)snprintf(name, sizeof name, "models/ab/%s.json", id);
    const int fd = openat(store->dir.fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)close(fd);
    const zipllm_status status = zipllm_manifest_read(store, id, &visitor, &model, &nbytes, &error);
    check(status == ZIPLLM_OK || (status == ZIPLLM_DAMAGED && error.offset <= size));
    check(status != ZIPLLM_OK || (nbytes == size && s.rest == 0 && model.name != NULL));
    if (status == ZIPLLM_OK)
        zipllm_model_row_free(&model);
    return 0;
}
