#include "coded_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "hash.h"
#include "io.h"

static const uint8_t MAGIC[8] = {'z', 'i', 'p', 'l', 'l', 'm', 1, '\n'};

static void put64(uint8_t *dst, uint64_t value)
{
    int i;

    for (i = 0; i < 8; i++)
        dst[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get64(const uint8_t *src)
{
    uint64_t value = 0;
    int i;

    for (i = 0; i < 8; i++)
        value |= (uint64_t)src[i] << (8 * i);
    return value;
}

uint64_t zipllm_coded_head_nbytes(uint64_t nparts)
{
    return ZIPLLM_CODED_HEADER + nparts * ZIPLLM_CODED_ROW + ZIPLLM_CODED_SUM;
}

void zipllm_coded_head_write(const zipllm_coded_head *head, uint8_t *dst)
{
    uint8_t *p = dst + ZIPLLM_CODED_HEADER;
    uint64_t i;

    memcpy(dst, MAGIC, sizeof MAGIC);
    put64(dst + 8, head->nbytes);
    put64(dst + 16, head->base_nbytes);
    put64(dst + 24, head->nparts);
    memcpy(dst + 32, head->sha256, sizeof head->sha256);
    for (i = 0; i < head->nparts; i++, p += ZIPLLM_CODED_ROW) {
        put64(p, head->rows[i].base_offset);
        put64(p + 8, head->rows[i].base_nbytes);
        put64(p + 16, head->rows[i].frame_nbytes);
    }
    put64(p, XXH3_64bits(dst, (size_t)(p - dst)));
}

/* The whole head in memory. nparts comes from the file: it is held against the file's length before
   anything is allocated for it. */
static zipllm_status load(int fd, const char *path, uint64_t file_nbytes, uint8_t **out,
                          zipllm_error *error)
{
    uint8_t start[ZIPLLM_CODED_HEADER], *bytes;
    ssize_t got = zipllm_pread(fd, start, sizeof start, 0);
    uint64_t nparts, nbytes;

    if (got < 0)
        return zipllm_fail_os(error, path, errno, "cannot read");
    if (got != (ssize_t)sizeof start || memcmp(start, MAGIC, sizeof MAGIC) != 0)
        return zipllm_fail(error, ZIPLLM_ERROR, path, 0, 0,
                           "is not a file that zipllm encode has written");
    nparts = get64(start + 24);
    if (nparts > (file_nbytes - ZIPLLM_CODED_HEADER) / ZIPLLM_CODED_ROW ||
        zipllm_coded_head_nbytes(nparts) > file_nbytes)
        return zipllm_fail(error, ZIPLLM_DAMAGED, path, 24, 0,
                           "%" PRIu64 " parts do not fit in the file", nparts);
    nbytes = zipllm_coded_head_nbytes(nparts);
    bytes = malloc((size_t)nbytes);
    if (bytes == NULL)
        return zipllm_fail_memory(error, nbytes);
    got = zipllm_pread(fd, bytes, (size_t)nbytes, 0);
    if (got != (ssize_t)nbytes) {
        zipllm_status status = got < 0 ? zipllm_fail_os(error, path, errno, "cannot read")
                                       : zipllm_fail(error, ZIPLLM_ERROR, path, ZIPLLM_NO_OFFSET, 0,
                                                     "changed while being read");
        free(bytes);
        return status;
    }
    *out = bytes;
    return ZIPLLM_OK;
}

static zipllm_status parse(const uint8_t *bytes, const char *path, uint64_t file_nbytes,
                           zipllm_coded_head *head, zipllm_error *error)
{
    uint64_t nbytes, at, i;
    const uint8_t *p = bytes + ZIPLLM_CODED_HEADER;

    head->nbytes = get64(bytes + 8);
    head->base_nbytes = get64(bytes + 16);
    head->nparts = get64(bytes + 24);
    memcpy(head->sha256, bytes + 32, sizeof head->sha256);
    nbytes = zipllm_coded_head_nbytes(head->nparts);
    if (get64(bytes + nbytes - ZIPLLM_CODED_SUM) !=
        XXH3_64bits(bytes, (size_t)(nbytes - ZIPLLM_CODED_SUM)))
        return zipllm_fail(error, ZIPLLM_DAMAGED, path, 0, 0, "checksum mismatch of the table");
    head->rows = malloc((size_t)(head->nparts + 1) * sizeof *head->rows);
    if (head->rows == NULL)
        return zipllm_fail_memory(error, head->nparts * sizeof *head->rows);
    for (i = 0, at = nbytes; i < head->nparts; i++, p += ZIPLLM_CODED_ROW) {
        zipllm_coded_row *row = &head->rows[i];
        *row = (zipllm_coded_row){get64(p), get64(p + 8), get64(p + 16)};
        if (row->frame_nbytes > file_nbytes - at || row->base_offset > head->base_nbytes ||
            row->base_nbytes > head->base_nbytes - row->base_offset)
            return zipllm_fail(error, ZIPLLM_DAMAGED, path, (uint64_t)(p - bytes), 0,
                               "part %" PRIu64 " leaves the file or its base", i);
        at += row->frame_nbytes;
    }
    if (at != file_nbytes)
        return zipllm_fail(error, ZIPLLM_DAMAGED, path, at, 0, "bytes after the last frame");
    return ZIPLLM_OK;
}

zipllm_status zipllm_coded_head_read(int fd, const char *path, uint64_t file_nbytes,
                                     zipllm_coded_head *head, zipllm_error *error)
{
    uint8_t *bytes = NULL;
    zipllm_status status = load(fd, path, file_nbytes, &bytes, error);

    memset(head, 0, sizeof *head);
    if (status != ZIPLLM_OK)
        return status;
    status = parse(bytes, path, file_nbytes, head, error);
    free(bytes);
    if (status != ZIPLLM_OK) {
        free(head->rows);
        head->rows = NULL;
    }
    return status;
}
