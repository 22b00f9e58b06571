#include "stored.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "hash.h"

uint64_t zipllm_check_sum(const void *bytes, size_t nbytes)
{
    return XXH3_64bits(bytes, nbytes);
}

uint64_t zipllm_check_fold(uint64_t check, uint64_t sum)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(sum >> (8 * i));
    return XXH3_64bits_withSeed(bytes, sizeof bytes, check);
}

static const char *path_of(const zipllm_stored *stored)
{
    return stored->pack != NULL ? stored->pack->path : "the pack being written";
}

static zipllm_status damaged(const zipllm_store *store, const zipllm_stored *stored,
                             const char *reason, zipllm_error *error)
{
    char *path = zipllm_path_join(store->dir.path, path_of(stored));
    (void)zipllm_fail(error, ZIPLLM_DAMAGED, path, stored->row.offset, 0, "frame: %s", reason);
    free(path);
    return ZIPLLM_DAMAGED;
}

/* Reads the header of the frame, however long it says it is, up to the length of the frame. */
static zipllm_status read_header(zipllm_store *store, zipllm_stored *stored, uint8_t **out,
                                 zipllm_error *error)
{
    const uint64_t length = stored->row.length;
    size_t avail = length < 512 ? (size_t)length : 512;
    uint8_t *header = NULL;
    for (;;) {
        uint8_t *grown = realloc(header, avail + 1);
        if (grown == NULL) {
            free(header);
            return zipllm_fail_memory(error, avail);
        }
        header = grown;
        const ssize_t got = zipllm_pread(stored->fd, header, avail, stored->row.offset);
        size_t need = 0;
        bitx_status status = BITX_ERR_TRUNCATED;
        if (got < 0) {
            const int saved = errno;
            free(header);
            return zipllm_fail_at(&store->dir, path_of(stored), saved, "cannot read", error);
        }
        if ((size_t)got == avail)
            status = bitx_frame_info_read(header, avail, &stored->info, &need);
        if (status == BITX_OK && stored->info.header_nbytes <= avail) {
            *out = header;
            return ZIPLLM_OK;
        }
        if (status == BITX_OK)
            need = (size_t)stored->info.header_nbytes;
        else if (status != BITX_ERR_TRUNCATED)
            need = 0;
        if (need <= avail || need > length) {
            free(header);
            return damaged(store, stored, bitx_status_name(status), error);
        }
        avail = need;
    }
}

/* Does the frame hold what the index says it does? */
static const char *disagrees(const zipllm_stored *stored)
{
    const bitx_frame_info *info = &stored->info;
    if (info->frame_nbytes != stored->row.length)
        return "another length than in the index";
    if (info->nbytes != stored->row.nbytes)
        return "a tensor of another length than in the index";
    if (info->block_nbytes != ZIPLLM_BLOCK_NBYTES)
        return "blocks of another size than the store's";
    if ((info->base_nbytes != 0) != (stored->row.parent != 0))
        return "the index and the frame disagree whether it needs a base";
    return NULL;
}

static zipllm_status open_base(zipllm_store *store, zipllm_stored *stored, zipllm_error *error)
{
    zipllm_tensor_row row;
    zipllm_status status = zipllm_index_tensor(store->index, stored->row.parent, &row, error);
    if (status != ZIPLLM_OK)
        return status;
    if (row.id == 0)
        return damaged(store, stored, "its base is not in the index", error);
    const zipllm_promoted *promoted = zipllm_stored_promoted(store, row.id);
    if (promoted != NULL)
        row = promoted->row;
    if (row.parent != 0)
        return damaged(store, stored, "its base is not stored whole", error);
    if (row.nbytes != stored->info.base_nbytes ||
        memcmp(row.plain, stored->info.base_hash, sizeof row.plain) != 0)
        return damaged(store, stored, "its base in the index is not the one it was coded against",
                       error);
    return zipllm_stored_open(store, &row, &stored->base, error);
}

static zipllm_status open_frame(zipllm_store *store, zipllm_stored *stored, bool with_base,
                                zipllm_error *error)
{
    uint8_t *header = NULL;
    zipllm_status status = read_header(store, stored, &header, error);
    if (status != ZIPLLM_OK)
        return status;
    const size_t nbytes = (size_t)stored->info.header_nbytes;
    const char *reason = disagrees(stored);
    if (reason != NULL) {
        status = damaged(store, stored, reason, error);
    } else {
        stored->header_sum = zipllm_check_sum(header, nbytes);
        const bitx_status opened =
            bitx_frame_open(store->workers[0].ctx, header, nbytes, &stored->frame);
        if (opened == BITX_ERR_MEMORY)
            status = zipllm_fail_memory(error, nbytes);
        else if (opened != BITX_OK)
            status = damaged(store, stored, bitx_status_name(opened), error);
    }
    free(header);
    if (status == ZIPLLM_OK && stored->row.parent != 0 && with_base)
        status = open_base(store, stored, error);
    return status;
}

static zipllm_status open_stored(zipllm_store *store, int fd, zipllm_pack_file *pack,
                                 bool with_base, const zipllm_tensor_row *row, zipllm_stored **out,
                                 zipllm_error *error)
{
    zipllm_stored *stored = calloc(1, sizeof *stored);
    if (stored == NULL) {
        zipllm_store_pack_release(store, pack);
        return zipllm_fail_memory(error, sizeof *stored);
    }
    stored->row = *row;
    stored->pack = pack;
    stored->fd = fd;
    const zipllm_status status = open_frame(store, stored, with_base, error);
    if (status != ZIPLLM_OK) {
        zipllm_stored_close(store, stored);
        return status;
    }
    *out = stored;
    return ZIPLLM_OK;
}

const zipllm_promoted *zipllm_stored_promoted(const zipllm_store *store, int64_t id)
{
    for (size_t i = 0; i < store->npromoted; i++)
        if (store->promoted[i].row.id == id)
            return &store->promoted[i];
    return NULL;
}

zipllm_status zipllm_stored_open(zipllm_store *store, const zipllm_tensor_row *row,
                                 zipllm_stored **out, zipllm_error *error)
{
    zipllm_pack_file *pack;
    const zipllm_promoted *promoted = zipllm_stored_promoted(store, row->id);
    if (promoted != NULL)
        return open_stored(store, promoted->fd, NULL, true, &promoted->row, out, error);
    const zipllm_status status = zipllm_store_pack(store, row->pack, &pack, error);
    return status == ZIPLLM_OK ? open_stored(store, pack->fd, pack, true, row, out, error) : status;
}

zipllm_status zipllm_stored_open_fd(zipllm_store *store, int fd, const zipllm_tensor_row *row,
                                    zipllm_stored **out, zipllm_error *error)
{
    return open_stored(store, fd, NULL, true, row, out, error);
}

zipllm_status zipllm_stored_open_raw(zipllm_store *store, int fd, const zipllm_tensor_row *row,
                                     zipllm_stored **out, zipllm_error *error)
{
    return open_stored(store, fd, NULL, false, row, out, error);
}

void zipllm_stored_close(zipllm_store *store, zipllm_stored *stored)
{
    if (stored == NULL)
        return;
    bitx_frame_close(stored->frame);
    zipllm_stored_close(store, stored->base);
    zipllm_store_pack_release(store, stored->pack);
    free(stored);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

size_t zipllm_stored_block_nbytes(const zipllm_stored *stored, uint64_t index)
{
    const uint64_t rest = stored->row.nbytes - index * ZIPLLM_BLOCK_NBYTES;
    return rest < ZIPLLM_BLOCK_NBYTES ? (size_t)rest : ZIPLLM_BLOCK_NBYTES;
}

static bool failed(zipllm_fault *fault, zipllm_status status, bitx_status codec, int os_errno,
                   uint64_t offset)
{
    fault->status = status;
    fault->codec = codec;
    fault->os_errno = os_errno;
    fault->offset = offset;
    return false;
}

/* Reads a block's payload into the worker's memory and decodes it. */
static bool decode(const zipllm_stored *stored, zipllm_worker *worker, uint64_t index, uint8_t *dst,
                   const uint8_t *base, size_t base_nbytes, uint64_t *sum, zipllm_fault *fault)
{
    uint64_t at = 0;
    bitx_block block;
    bitx_status status = bitx_frame_block(stored->frame, index, &at, &block);
    if (status != BITX_OK)
        return failed(fault, ZIPLLM_DAMAGED, status, 0, stored->row.offset);
    const uint64_t offset = stored->row.offset + at;
    if (block.payload_nbytes > ZIPLLM_BLOCK_NBYTES ||
        at + block.payload_nbytes > stored->row.length)
        return failed(fault, ZIPLLM_DAMAGED, BITX_ERR_CORRUPT, 0, offset);
    const ssize_t got = zipllm_pread(stored->fd, worker->payload, block.payload_nbytes, offset);
    if (got < 0)
        return failed(fault, ZIPLLM_ERROR, BITX_OK, errno, offset);
    if ((size_t)got != block.payload_nbytes)
        return failed(fault, ZIPLLM_DAMAGED, BITX_ERR_TRUNCATED, 0, offset);
    if (sum != NULL)
        *sum = zipllm_check_sum(worker->payload, block.payload_nbytes);
    status = bitx_block_decode(worker->ctx, stored->frame, index, dst,
                               zipllm_stored_block_nbytes(stored, index), worker->payload,
                               block.payload_nbytes, base, base_nbytes);
    if (status == BITX_ERR_MEMORY)
        return failed(fault, ZIPLLM_ERROR, status, 0, offset);
    return status == BITX_OK || failed(fault, ZIPLLM_DAMAGED, status, 0, offset);
}

bool zipllm_stored_block(const zipllm_stored *stored, zipllm_worker *worker, uint64_t index,
                         uint8_t *dst, zipllm_block_sums *sums, zipllm_fault *fault)
{
    size_t base_nbytes = 0;
    const zipllm_stored *base = stored->base;
    if (base != NULL && index < base->info.nblocks) {
        const size_t own_nbytes = zipllm_stored_block_nbytes(stored, index);
        base_nbytes = zipllm_stored_block_nbytes(base, index);
        if (!decode(base, worker, index, worker->base, NULL, 0, sums != NULL ? &sums->base : NULL,
                    fault)) {
            fault->in_base = true;
            return false;
        }
        base_nbytes = base_nbytes < own_nbytes ? base_nbytes : own_nbytes;
    }
    return decode(stored, worker, index, dst, base_nbytes != 0 ? worker->base : NULL, base_nbytes,
                  sums != NULL ? &sums->own : NULL, fault);
}

void zipllm_stored_fold(zipllm_stored *stored, uint64_t index, const zipllm_block_sums *sums)
{
    if (stored->next == index) {
        stored->check = zipllm_check_fold(stored->check, sums->own);
        stored->next++;
    }
    zipllm_stored *base = stored->base;
    if (base != NULL && base->next == index && index < base->info.nblocks) {
        base->check = zipllm_check_fold(base->check, sums->base);
        base->next++;
    }
}

bool zipllm_stored_whole(const zipllm_stored *stored, zipllm_fault *fault)
{
    for (const zipllm_stored *s = stored; s != NULL; s = s->base) {
        if (s->next != s->info.nblocks ||
            zipllm_check_fold(s->check, s->header_sum) == s->row.check)
            continue;
        fault->in_base = s != stored;
        return failed(fault, ZIPLLM_DAMAGED, BITX_ERR_CHECKSUM, 0, s->row.offset);
    }
    return true;
}

zipllm_status zipllm_stored_equal(zipllm_store *store, const zipllm_stored *a,
                                  const zipllm_stored *b, bool *equal, zipllm_error *error)
{
    zipllm_worker *worker = &store->workers[0];
    zipllm_fault fault = {.status = ZIPLLM_OK};
    uint8_t *other = malloc(ZIPLLM_BLOCK_NBYTES);
    zipllm_status status = other != NULL ? ZIPLLM_OK : zipllm_fail_memory(error, 1);
    *equal = a->row.nbytes == b->row.nbytes;
    for (uint64_t i = 0; i < a->info.nblocks && *equal && status == ZIPLLM_OK; i++) {
        if (!zipllm_stored_block(a, worker, i, worker->block, NULL, &fault))
            status = zipllm_stored_fault(store, a, &fault, error);
        else if (!zipllm_stored_block(b, worker, i, other, NULL, &fault))
            status = zipllm_stored_fault(store, b, &fault, error);
        else
            *equal = memcmp(worker->block, other, zipllm_stored_block_nbytes(a, i)) == 0;
    }
    free(other);
    return status;
}

/* Reads nbytes of the frame at `at` into the worker's memory, a block at most. */
static zipllm_status read_raw(zipllm_store *store, const zipllm_stored *stored, uint64_t at,
                              size_t nbytes, zipllm_error *error)
{
    const zipllm_worker *worker = &store->workers[0];
    zipllm_fault fault = {.status = ZIPLLM_OK};
    const ssize_t got = zipllm_pread(stored->fd, worker->payload, nbytes, stored->row.offset + at);
    if (got == (ssize_t)nbytes)
        return ZIPLLM_OK;
    if (got < 0)
        (void)failed(&fault, ZIPLLM_ERROR, BITX_OK, errno, stored->row.offset + at);
    else
        (void)failed(&fault, ZIPLLM_DAMAGED, BITX_ERR_TRUNCATED, 0, stored->row.offset + at);
    return zipllm_stored_fault(store, stored, &fault, error);
}

zipllm_status zipllm_stored_raw(zipllm_store *store, zipllm_stored *stored, zipllm_raw_visit visit,
                                void *user, zipllm_error *error)
{
    const uint8_t *bytes = store->workers[0].payload;
    uint64_t at = 0, check = 0;
    while (at < stored->info.header_nbytes) {
        const uint64_t rest = stored->info.header_nbytes - at;
        const size_t n = rest < ZIPLLM_BLOCK_NBYTES ? (size_t)rest : ZIPLLM_BLOCK_NBYTES;
        const zipllm_status status = read_raw(store, stored, at, n, error);
        if (status != ZIPLLM_OK)
            return status;
        if (visit != NULL && !visit(user, bytes, n, error))
            return ZIPLLM_ERROR;
        at += n;
    }
    for (uint64_t i = 0; i < stored->info.nblocks; i++) {
        bitx_block block;
        zipllm_fault fault = {.status = ZIPLLM_OK};
        const bitx_status known = bitx_frame_block(stored->frame, i, &at, &block);
        if (known != BITX_OK || block.payload_nbytes > ZIPLLM_BLOCK_NBYTES) {
            (void)failed(&fault, ZIPLLM_DAMAGED, BITX_ERR_CORRUPT, 0, stored->row.offset);
            return zipllm_stored_fault(store, stored, &fault, error);
        }
        const zipllm_status status = read_raw(store, stored, at, block.payload_nbytes, error);
        if (status != ZIPLLM_OK)
            return status;
        check = zipllm_check_fold(check, zipllm_check_sum(bytes, block.payload_nbytes));
        if (visit != NULL && !visit(user, bytes, block.payload_nbytes, error))
            return ZIPLLM_ERROR;
    }
    if (zipllm_check_fold(check, stored->header_sum) == stored->row.check)
        return ZIPLLM_OK;
    const zipllm_fault fault = {
        .status = ZIPLLM_DAMAGED, .codec = BITX_ERR_CHECKSUM, .offset = stored->row.offset};
    return zipllm_stored_fault(store, stored, &fault, error);
}

zipllm_status zipllm_stored_fault(const zipllm_store *store, const zipllm_stored *stored,
                                  const zipllm_fault *fault, zipllm_error *error)
{
    if (fault->in_base && stored->base != NULL)
        stored = stored->base;
    char *path = zipllm_path_join(store->dir.path, path_of(stored));
    (void)zipllm_fail(error, fault->status, path, fault->offset, fault->os_errno, "%s%s",
                      fault->codec != BITX_OK ? bitx_status_name(fault->codec) : "cannot read",
                      fault->in_base ? " (in the base of the tensor)" : "");
    free(path);
    return fault->status;
}
