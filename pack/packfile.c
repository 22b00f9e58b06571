#include "packfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "hash.h"

static const uint8_t header_magic[8] = {'Z', 'L', 'P', 'A', 'C', 'K', '\r', '\n'};
static const uint8_t trailer_magic[8] = {'Z', 'L', 'P', 'K', 'E', 'N', 'D', '\n'};

static void put32(uint8_t *dst, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        dst[i] = (uint8_t)(value >> (8 * i));
}

static void put64(uint8_t *dst, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        dst[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get32(const uint8_t *src)
{
    return (uint32_t)src[0] | (uint32_t)src[1] << 8 | (uint32_t)src[2] << 16 |
           (uint32_t)src[3] << 24;
}

static uint64_t get64(const uint8_t *src)
{
    return get32(src) | (uint64_t)get32(src + 4) << 32;
}

void zipllm_pack_path(char path[ZIPLLM_PACK_PATH], const char *name)
{
    (void)snprintf(path, ZIPLLM_PACK_PATH, "packs/%.2s/%.32s.pack", name, name);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_header(uint8_t *header, const uint8_t *store_id, const uint8_t *pack_id)
{
    memset(header, 0, ZIPLLM_PACK_HEADER);
    memcpy(header, header_magic, 8);
    put32(header + 8, ZIPLLM_PACK_VERSION);
    memcpy(header + 16, store_id, ZIPLLM_ID_NBYTES);
    memcpy(header + 32, pack_id, ZIPLLM_ID_NBYTES);
    put64(header + 56, XXH3_64bits(header, 56));
}

zipllm_status zipllm_pack_create(const zipllm_dir *dir, const uint8_t store_id[ZIPLLM_ID_NBYTES],
                                 zipllm_pack_writer **out, zipllm_error *error)
{
    uint8_t id[ZIPLLM_ID_NBYTES];
    if (zipllm_random(id, sizeof id) != 0)
        return zipllm_fail_os(error, NULL, errno, "no random numbers");
    zipllm_pack_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return zipllm_fail_memory(error, sizeof *writer);

    writer->dir = dir;
    zipllm_hex(writer->name, id, sizeof id);
    (void)snprintf(writer->tmp, sizeof writer->tmp, "tmp/%s.pack", writer->name);
    writer->size = ZIPLLM_PACK_HEADER;
    write_header(writer->header, store_id, id);
    writer->fd = openat(dir->fd, writer->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    zipllm_status status = ZIPLLM_OK;
    if (writer->fd < 0)
        status = zipllm_fail_at(dir, writer->tmp, errno, "cannot create", error);
    else if (zipllm_pwrite(writer->fd, writer->header, ZIPLLM_PACK_HEADER, 0) != 0)
        status = zipllm_fail_at(dir, writer->tmp, errno, "cannot write", error);
    if (status != ZIPLLM_OK) {
        zipllm_pack_free(writer, true);
        return status;
    }
    *out = writer;
    return ZIPLLM_OK;
}

zipllm_status zipllm_pack_enter(zipllm_pack_writer *writer, const zipllm_pack_entry *entry,
                                zipllm_error *error)
{
    if (writer->nentries == writer->cap) {
        const size_t cap = writer->cap == 0 ? 64 : 2 * writer->cap;
        zipllm_pack_entry *entries = realloc(writer->entries, cap * sizeof *entries);
        if (entries == NULL)
            return zipllm_fail_memory(error, cap * sizeof *entries);
        writer->entries = entries;
        writer->cap = cap;
    }
    writer->entries[writer->nentries++] = *entry;
    return ZIPLLM_OK;
}

zipllm_pack_entry zipllm_pack_entry_of(const zipllm_tensor_row *row, const zipllm_tensor_row *first)
{
    zipllm_pack_entry entry = {.offset = row->offset,
                               .length = row->length,
                               .nbytes = row->nbytes,
                               .check = row->check,
                               .ordinal = row->ordinal,
                               .dtype = row->dtype};
    memcpy(entry.hash, row->hash, sizeof entry.hash);
    memcpy(entry.plain, row->plain, sizeof entry.plain);
    if (row->nparents == 0)
        return entry;
    entry.nparents = row->nparents;
    entry.predictor = row->predictor;
    entry.parent_ordinal = first->ordinal;
    entry.parent_nbytes = first->nbytes;
    memcpy(entry.parent_hash, first->hash, sizeof entry.parent_hash);
    return entry;
}

static void store_entry(uint8_t *dst, const zipllm_pack_entry *entry)
{
    put64(dst, entry->offset);
    put64(dst + 8, entry->length);
    put64(dst + 16, entry->nbytes);
    memcpy(dst + 24, entry->hash, 16);
    memcpy(dst + 40, entry->plain, 16);
    put64(dst + 56, entry->check);
    put32(dst + 64, entry->ordinal);
    put32(dst + 68, entry->dtype);
    put32(dst + 72, entry->nparents);
    put32(dst + 76, entry->parent_ordinal);
    put64(dst + 80, entry->parent_nbytes);
    memcpy(dst + 88, entry->parent_hash, 16);
    put32(dst + 104, entry->predictor);
    put32(dst + 108, 0);
}

static void load_entry(const uint8_t *src, zipllm_pack_entry *entry)
{
    entry->offset = get64(src);
    entry->length = get64(src + 8);
    entry->nbytes = get64(src + 16);
    memcpy(entry->hash, src + 24, 16);
    memcpy(entry->plain, src + 40, 16);
    entry->check = get64(src + 56);
    entry->ordinal = get32(src + 64);
    entry->dtype = get32(src + 68);
    entry->nparents = get32(src + 72);
    entry->parent_ordinal = get32(src + 76);
    entry->parent_nbytes = get64(src + 80);
    memcpy(entry->parent_hash, src + 88, 16);
    entry->predictor = get32(src + 104);
}

/* All entries through a buffer; digest takes them in. 0, or -1 and errno. */
static int write_entries(const zipllm_pack_writer *writer, XXH3_state_t *digest)
{
    enum { BATCH = 512 };
    uint8_t *buffer = malloc((size_t)BATCH * ZIPLLM_PACK_ENTRY);
    if (buffer == NULL) {
        errno = ENOMEM;
        return -1;
    }
    int result = 0;
    uint64_t offset = writer->size;
    for (size_t i = 0; i < writer->nentries && result == 0;) {
        size_t n = 0;
        for (; n < BATCH && i < writer->nentries; n++, i++)
            store_entry(buffer + n * ZIPLLM_PACK_ENTRY, &writer->entries[i]);
        (void)XXH3_128bits_update(digest, buffer, n * ZIPLLM_PACK_ENTRY);
        result = zipllm_pwrite(writer->fd, buffer, n * ZIPLLM_PACK_ENTRY, offset);
        offset += n * ZIPLLM_PACK_ENTRY;
    }
    free(buffer);
    return result;
}

zipllm_status zipllm_pack_finish(zipllm_pack_writer *writer, zipllm_error *error)
{
    XXH3_state_t *digest = XXH3_createState();
    if (digest == NULL)
        return zipllm_fail_memory(error, sizeof *digest);
    (void)XXH3_128bits_reset(digest);
    (void)XXH3_128bits_update(digest, writer->header, ZIPLLM_PACK_HEADER);
    int failed = write_entries(writer, digest);
    if (failed == 0) {
        const uint64_t footer = writer->nentries * (uint64_t)ZIPLLM_PACK_ENTRY;
        uint8_t trailer[ZIPLLM_PACK_TRAILER] = {0};
        memcpy(trailer, trailer_magic, 8);
        put32(trailer + 8, ZIPLLM_PACK_VERSION);
        put64(trailer + 16, writer->nentries);
        put64(trailer + 24, writer->size);
        put64(trailer + 32, writer->size + footer + ZIPLLM_PACK_TRAILER);
        (void)XXH3_128bits_update(digest, trailer, 40);
        zipllm_hash_store(trailer + 40, XXH3_128bits_digest(digest));
        failed = zipllm_pwrite(writer->fd, trailer, ZIPLLM_PACK_TRAILER, writer->size + footer);
        writer->size += footer + ZIPLLM_PACK_TRAILER;
    }
    const int saved = errno;
    (void)XXH3_freeState(digest);
    if (failed != 0)
        return zipllm_fail_at(writer->dir, writer->tmp, saved, "cannot write", error);
    return zipllm_sync_fd(writer->fd, writer->dir, writer->tmp, error);
}

zipllm_status zipllm_pack_publish(zipllm_pack_writer *writer, zipllm_error *error)
{
    char path[ZIPLLM_PACK_PATH];
    zipllm_pack_path(path, writer->name);
    zipllm_status status = zipllm_publish(writer->dir, writer->tmp, path, error);
    struct stat st;
    /* The fsync after the rename may have failed: then the file has its new name all the same. */
    if (status == ZIPLLM_OK || fstatat(writer->dir->fd, writer->tmp, &st, 0) != 0) {
        memcpy(writer->tmp, path, sizeof path);
        writer->published = status == ZIPLLM_OK;
    }
    return status;
}

void zipllm_pack_free(zipllm_pack_writer *writer, bool remove)
{
    if (writer == NULL)
        return;
    if (writer->fd >= 0) {
        if (remove)
            (void)unlinkat(writer->dir->fd, writer->tmp, 0);
        (void)close(writer->fd);
    }
    free(writer->entries);
    free(writer);
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reader {
    int fd;
    const char *path;
    uint64_t nentries, footer;
    zipllm_error *error;
} reader;

static zipllm_status damaged(const reader *r, uint64_t offset, const char *reason)
{
    return zipllm_fail(r->error, ZIPLLM_DAMAGED, r->path, offset, 0, "%s", reason);
}

static zipllm_status read_at(const reader *r, void *dst, size_t nbytes, uint64_t offset)
{
    const ssize_t got = zipllm_pread(r->fd, dst, nbytes, offset);
    if (got < 0)
        return zipllm_fail_os(r->error, r->path, errno, "cannot read");
    if ((size_t)got != nbytes)
        return damaged(r, offset + (uint64_t)got, "pack is cut short");
    return ZIPLLM_OK;
}

static zipllm_status check_header(const reader *r, const uint8_t *header, const char *name,
                                  const uint8_t *store_id)
{
    char text[ZIPLLM_ID_TEXT];
    if (memcmp(header, header_magic, 8) != 0)
        return damaged(r, 0, "not a pack");
    if (XXH3_64bits(header, 56) != get64(header + 56))
        return damaged(r, 0, "pack header: checksum mismatch");
    if (get32(header + 8) != ZIPLLM_PACK_VERSION)
        return zipllm_fail(r->error, ZIPLLM_ERROR, r->path, 8, 0, "pack of version %u, not %u",
                           get32(header + 8), (unsigned)ZIPLLM_PACK_VERSION);
    if (memcmp(header + 16, store_id, ZIPLLM_ID_NBYTES) != 0)
        return damaged(r, 16, "pack of another store");
    zipllm_hex(text, header + 32, ZIPLLM_ID_NBYTES);
    if (strcmp(text, name) != 0)
        return damaged(r, 32, "pack under another pack's name");
    return ZIPLLM_OK;
}

static zipllm_status check_trailer(reader *r, const uint8_t *trailer, uint64_t length)
{
    const uint64_t at = length - ZIPLLM_PACK_TRAILER;
    if (memcmp(trailer, trailer_magic, 8) != 0 || get32(trailer + 8) != ZIPLLM_PACK_VERSION)
        return damaged(r, at, "pack trailer: not one");
    r->nentries = get64(trailer + 16);
    r->footer = get64(trailer + 24);
    if (get64(trailer + 32) != length)
        return damaged(r, at, "pack trailer: another length than the file's");
    if (r->footer < ZIPLLM_PACK_HEADER || r->footer > at ||
        (at - r->footer) % ZIPLLM_PACK_ENTRY != 0 ||
        (at - r->footer) / ZIPLLM_PACK_ENTRY != r->nentries)
        return damaged(r, at, "pack trailer: footer of another size");
    return ZIPLLM_OK;
}

/* Entries in batches of one buffer; *end follows the frames. */
static zipllm_status check_entries(const reader *r, XXH3_state_t *digest, zipllm_pack_visit visit,
                                   void *user)
{
    enum { BATCH = 512 };
    uint8_t *buffer = malloc((size_t)BATCH * ZIPLLM_PACK_ENTRY);
    if (buffer == NULL)
        return zipllm_fail_memory(r->error, (uint64_t)BATCH * ZIPLLM_PACK_ENTRY);
    zipllm_status status = ZIPLLM_OK;
    uint64_t end = ZIPLLM_PACK_HEADER;
    for (uint64_t i = 0; i < r->nentries && status == ZIPLLM_OK;) {
        const size_t n = r->nentries - i < BATCH ? (size_t)(r->nentries - i) : BATCH;
        const uint64_t at = r->footer + i * ZIPLLM_PACK_ENTRY;
        status = read_at(r, buffer, n * ZIPLLM_PACK_ENTRY, at);
        if (status != ZIPLLM_OK)
            break;
        (void)XXH3_128bits_update(digest, buffer, n * ZIPLLM_PACK_ENTRY);
        for (size_t k = 0; k < n && status == ZIPLLM_OK; k++) {
            zipllm_pack_entry entry;
            load_entry(buffer + k * ZIPLLM_PACK_ENTRY, &entry);
            if (entry.offset != end || entry.length > r->footer - end)
                status = damaged(r, at + k * ZIPLLM_PACK_ENTRY, "pack footer: frames do not join");
            else if (visit != NULL && !visit(user, &entry, r->error))
                status = ZIPLLM_ERROR;
            end += entry.length;
        }
        i += n;
    }
    free(buffer);
    if (status == ZIPLLM_OK && end != r->footer)
        status = damaged(r, end, "pack footer: frames do not join");
    return status;
}

zipllm_status zipllm_pack_check(int fd, const char *path, const char *name,
                                const uint8_t store_id[ZIPLLM_ID_NBYTES], uint64_t nbytes,
                                zipllm_pack_visit visit, void *user, zipllm_error *error)
{
    reader r = {fd, path, 0, 0, error};
    struct stat st;
    if (fstat(fd, &st) != 0)
        return zipllm_fail_os(error, path, errno, "cannot stat");
    const uint64_t length = (uint64_t)st.st_size;
    if (length < ZIPLLM_PACK_HEADER + ZIPLLM_PACK_TRAILER || (nbytes != 0 && length != nbytes))
        return damaged(&r, length, "pack is not as long as it was");

    uint8_t header[ZIPLLM_PACK_HEADER], trailer[ZIPLLM_PACK_TRAILER];
    zipllm_status status = read_at(&r, header, sizeof header, 0);
    if (status == ZIPLLM_OK)
        status = check_header(&r, header, name, store_id);
    if (status == ZIPLLM_OK)
        status = read_at(&r, trailer, sizeof trailer, length - ZIPLLM_PACK_TRAILER);
    if (status == ZIPLLM_OK)
        status = check_trailer(&r, trailer, length);
    if (status != ZIPLLM_OK)
        return status;

    XXH3_state_t *digest = XXH3_createState();
    if (digest == NULL)
        return zipllm_fail_memory(error, sizeof *digest);
    (void)XXH3_128bits_reset(digest);
    (void)XXH3_128bits_update(digest, header, sizeof header);
    status = check_entries(&r, digest, visit, user);
    if (status == ZIPLLM_OK) {
        uint8_t sum[ZIPLLM_HASH_NBYTES];
        (void)XXH3_128bits_update(digest, trailer, 40);
        zipllm_hash_store(sum, XXH3_128bits_digest(digest));
        if (memcmp(sum, trailer + 40, sizeof sum) != 0 || get64(trailer + 56) != 0)
            status = damaged(&r, r.footer, "pack footer: checksum mismatch");
    }
    (void)XXH3_freeState(digest);
    return status;
}
