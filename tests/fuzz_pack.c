/*
 * The reader of packs on arbitrary files. Header and trailer sums are made right (a fuzzer cannot
 * guess them), unless the first byte says otherwise; store and pack are the ones that the file
 * names. Beside "no crash": entries that are visited lie in the file, one after the other, and a
 * pack that passes has no bytes that no entry covers.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hash.h"
#include "packfile.h"

typedef struct visited {
    uint64_t end, file_nbytes;
    size_t n;
    size_t stop; /* after so many */
} visited;

static void check(bool condition)
{
    if (!condition)
        abort();
}

static bool visit(void *user, const zipllm_pack_entry *entry, zipllm_error *error)
{
    visited *v = user;

    (void)error;
    check(entry->offset == v->end && entry->length <= v->file_nbytes - v->end);
    v->end += entry->length;
    return ++v->n != v->stop;
}

static void put64(uint8_t *at, uint64_t x)
{
    memcpy(at, &x, sizeof x); /* hosts are little-endian */
}

/* Bytes 40 to 56 of the trailer: the sum of header, footer and what comes before them. */
static void seal(uint8_t *bytes, size_t size)
{
    uint8_t *trailer = bytes + size - ZIPLLM_PACK_TRAILER;
    uint64_t footer;
    XXH3_state_t *digest = XXH3_createState();

    put64(bytes + 56, XXH3_64bits(bytes, 56));
    put64(trailer + 32, size);
    memcpy(&footer, trailer + 24, sizeof footer);
    if (digest == NULL || footer > size - ZIPLLM_PACK_TRAILER) {
        (void)XXH3_freeState(digest);
        return;
    }
    (void)XXH3_128bits_reset(digest);
    (void)XXH3_128bits_update(digest, bytes, ZIPLLM_PACK_HEADER);
    (void)XXH3_128bits_update(digest, bytes + footer, size - ZIPLLM_PACK_TRAILER - footer);
    (void)XXH3_128bits_update(digest, trailer, 40);
    zipllm_hash_store(trailer + 40, XXH3_128bits_digest(digest));
    (void)XXH3_freeState(digest);
}

static void read_pack(uint8_t *bytes, size_t size, uint8_t mode)
{
    visited v = {ZIPLLM_PACK_HEADER, size, 0, mode & 2 ? 1u + mode / 4u : 0};
    uint8_t ids[2 * ZIPLLM_ID_NBYTES] = {0};
    char name[ZIPLLM_ID_TEXT];
    zipllm_error error;
    int fd = memfd_create("pack", MFD_CLOEXEC);
    zipllm_status status;

    check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    if (size >= 16 + sizeof ids)
        memcpy(ids, bytes + 16, sizeof ids);
    zipllm_hex(name, ids + ZIPLLM_ID_NBYTES, ZIPLLM_ID_NBYTES);
    status = zipllm_pack_check(fd, "pack", name, ids, 0, visit, &v, &error);
    check(status == ZIPLLM_OK || status == ZIPLLM_DAMAGED || status == ZIPLLM_ERROR);
    if (status == ZIPLLM_OK)
        check(v.end + v.n * ZIPLLM_PACK_ENTRY + ZIPLLM_PACK_TRAILER == size);
    else
        check(error.message[0] != '\0' || v.n == v.stop);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;

    if (size == 0)
        return 0;
    bytes = malloc(size);
    check(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if ((data[0] & 1) == 0 && size - 1 >= ZIPLLM_PACK_HEADER + ZIPLLM_PACK_TRAILER)
        seal(bytes, size - 1);
    read_pack(bytes, size - 1, data[0]);
    free(bytes);
    return 0;
}
