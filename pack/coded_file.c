#include "coded_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "hash.h"
#include "io.h"

static const uint8_t MAGIC[8] = {'z', 'i', 'p', 'l', 'l', 'm', 1, '\n'};
enum { VERSION_AT = 6 };

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

static uint64_t row_nbytes(unsigned nfiles)
{
    return ZIPLLM_CODED_ROW + (nfiles > 1 ? 8 * nfiles : 0);
}

uint64_t zipllm_coded_head_nbytes(unsigned nfiles, uint64_t nparts)
{
    return ZIPLLM_CODED_HEADER + (nfiles > 1 ? 8 * nfiles : 0) + nparts * row_nbytes(nfiles) +
           ZIPLLM_CODED_SUM;
}

static void write_row(const zipllm_coded_row *row, unsigned nfiles, uint8_t *p)
{
    uint64_t order = row->nbases;
    unsigned k;

    put64(p, row->frame_nbytes);
    put64(p + 8, row->base_nbytes);
    memset(p + 24, 0, 8 * (size_t)nfiles);
    for (k = 0; k < row->nbases; k++) {
        order |= (uint64_t)row->file[k] << (4 + 4 * k);
        put64(p + 24 + 8 * row->file[k], row->base_offset[k]);
    }
    put64(p + 16, order);
}

static bool read_row(zipllm_coded_row *row, unsigned nfiles, const uint8_t *p)
{
    uint64_t order = get64(p + 16);
    unsigned k;

    *row = (zipllm_coded_row){.frame_nbytes = get64(p), .base_nbytes = get64(p + 8)};
    row->nbases = (unsigned)(order & 15);
    if (row->nbases > nfiles || (row->nbases != 0) != (row->base_nbytes != 0))
        return false;
    for (k = 0; k < row->nbases; k++) {
        row->file[k] = (uint8_t)(order >> (4 + 4 * k) & 15);
        if (row->file[k] >= nfiles)
            return false;
        row->base_offset[k] = get64(p + 24 + 8 * row->file[k]);
    }
    return true;
}

/* Of a file with one base, or none. */
static void read_row_1(zipllm_coded_row *row, const uint8_t *p)
{
    *row = (zipllm_coded_row){.frame_nbytes = get64(p + 16), .base_nbytes = get64(p + 8)};
    row->nbases = row->base_nbytes != 0;
    row->base_offset[0] = get64(p);
}

void zipllm_coded_head_write(const zipllm_coded_head *head, uint8_t *dst)
{
    const bool several = head->nfiles > 1;
    uint8_t *p = dst + ZIPLLM_CODED_HEADER;
    uint64_t i;
    unsigned k;

    memcpy(dst, MAGIC, sizeof MAGIC);
    dst[VERSION_AT] = several ? 2 : 1;
    put64(dst + 8, head->nbytes);
    put64(dst + 16, several ? head->nfiles : head->nfiles != 0 ? head->file_nbytes[0] : 0);
    put64(dst + 24, head->nparts);
    memcpy(dst + 32, head->sha256, sizeof head->sha256);
    for (k = 0; several && k < head->nfiles; k++, p += 8)
        put64(p, head->file_nbytes[k]);
    for (i = 0; i < head->nparts; i++, p += row_nbytes(head->nfiles)) {
        if (several) {
            write_row(&head->rows[i], head->nfiles, p);
            continue;
        }
        put64(p, head->rows[i].base_offset[0]);
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
    uint8_t start[ZIPLLM_CODED_HEADER], magic[sizeof MAGIC], *bytes;
    ssize_t got = zipllm_pread(fd, start, sizeof start, 0);
    uint64_t nparts, nbytes;
    unsigned nfiles = 1;

    if (got < 0)
        return zipllm_fail_os(error, path, errno, "cannot read");
    memcpy(magic, start, sizeof magic);
    if (got == (ssize_t)sizeof start && magic[VERSION_AT] == 2) {
        uint64_t given = get64(start + 16);
        nfiles = given >= 2 && given <= BITX_BASES_MAX ? (unsigned)given : 0;
        magic[VERSION_AT] = nfiles != 0 ? 1 : 0;
    }
    if (got != (ssize_t)sizeof start || memcmp(magic, MAGIC, sizeof MAGIC) != 0)
        return zipllm_fail(error, ZIPLLM_ERROR, path, 0, 0,
                           "is not a file that zipllm encode has written");
    nparts = get64(start + 24);
    if (nparts > (file_nbytes - ZIPLLM_CODED_HEADER) / ZIPLLM_CODED_ROW ||
        zipllm_coded_head_nbytes(nfiles, nparts) > file_nbytes)
        return zipllm_fail(error, ZIPLLM_DAMAGED, path, 24, 0,
                           "%" PRIu64 " parts do not fit in the file", nparts);
    nbytes = zipllm_coded_head_nbytes(nfiles, nparts);
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

/* Does the part stay within its base files? */
static bool is_inside(const zipllm_coded_head *head, const zipllm_coded_row *row)
{
    unsigned k;

    for (k = 0; k < row->nbases; k++) {
        uint64_t nbytes = head->file_nbytes[row->file[k]];
        if (row->base_offset[k] > nbytes || row->base_nbytes > nbytes - row->base_offset[k])
            return false;
    }
    return true;
}

static zipllm_status parse(const uint8_t *bytes, const char *path, uint64_t file_nbytes,
                           zipllm_coded_head *head, zipllm_error *error)
{
    const bool several = bytes[VERSION_AT] == 2;
    uint64_t nbytes, at, i;
    const uint8_t *p = bytes + ZIPLLM_CODED_HEADER;
    unsigned k;

    head->nbytes = get64(bytes + 8);
    head->nparts = get64(bytes + 24);
    head->nfiles = several ? (unsigned)get64(bytes + 16) : 1;
    memcpy(head->sha256, bytes + 32, sizeof head->sha256);
    nbytes = zipllm_coded_head_nbytes(head->nfiles, head->nparts);
    if (get64(bytes + nbytes - ZIPLLM_CODED_SUM) !=
        XXH3_64bits(bytes, (size_t)(nbytes - ZIPLLM_CODED_SUM)))
        return zipllm_fail(error, ZIPLLM_DAMAGED, path, 0, 0, "checksum mismatch of the table");
    head->file_nbytes[0] = get64(bytes + 16);
    for (k = 0; several && k < head->nfiles; k++, p += 8)
        head->file_nbytes[k] = get64(p);
    head->rows = malloc((size_t)(head->nparts + 1) * sizeof *head->rows);
    if (head->rows == NULL)
        return zipllm_fail_memory(error, head->nparts * sizeof *head->rows);
    for (i = 0, at = nbytes; i < head->nparts; i++, p += row_nbytes(head->nfiles)) {
        zipllm_coded_row *row = &head->rows[i];
        bool good = true;
        if (several)
            good = read_row(row, head->nfiles, p);
        else
            read_row_1(row, p);
        if (!good || row->frame_nbytes > file_nbytes - at || !is_inside(head, row))
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
