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
    if (info->nbases != stored->row.nparents || (info->nbases != 0) != (stored->row.parent != 0))
        return "the index and the frame disagree on how many bases it needs";
    if (info->nbases != 0 && info->predictor != stored->row.predictor)
        return "the index and the frame disagree on what predicts it";
    return NULL;
}

static zipllm_status open_at(zipllm_store *store, const zipllm_tensor_row *row, unsigned level,
                             zipllm_stored **out, zipllm_error *error);

uint64_t zipllm_stored_base_nbytes(const bitx_frame_info *info, unsigned k)
{
    const unsigned ranged = info->nbases - info->nfactors;
    return k < ranged ? info->base_nbytes : info->factor_nbytes[k - ranged];
}

static zipllm_status open_base(zipllm_store *store, zipllm_stored *stored, unsigned k, int64_t id,
                               unsigned level, zipllm_error *error)
{
    zipllm_tensor_row row;
    zipllm_status status = zipllm_index_tensor(store->index, id, &row, error);
    if (status != ZIPLLM_OK)
        return status;
    if (row.id == 0)
        return damaged(store, stored, "its base is not in the index", error);
    const zipllm_promoted *promoted = zipllm_stored_promoted(store, row.id);
    if (promoted != NULL)
        row = promoted->row;
    if (row.nparents != 0 &&
        (stored->row.predictor == BITX_PREDICT_BASE || level == ZIPLLM_DEPTH_MAX))
        return damaged(store, stored, "its base is not stored whole", error);
    const bitx_frame_info *info = &stored->info;
    if (row.nbytes != zipllm_stored_base_nbytes(info, k) ||
        memcmp(row.plain, k == 0 ? info->base_hash : info->other_hashes[k - 1], sizeof row.plain) !=
            0)
        return damaged(store, stored, "its base in the index is not the one it was coded against",
                       error);
    status = open_at(store, &row, level, &stored->bases[k], error);
    if (status == ZIPLLM_OK)
        stored->nbases = k + 1;
    return status;
}

/* parents: ids; NULL: those of the index. */
static zipllm_status open_bases(zipllm_store *store, zipllm_stored *stored, const int64_t *parents,
                                unsigned level, zipllm_error *error)
{
    int64_t ids[ZIPLLM_PARENTS_MAX];
    zipllm_status status = ZIPLLM_OK;
    if (parents == NULL)
        status = zipllm_index_parents(store->index, &stored->row, ids, error);
    else
        memcpy(ids, parents, stored->row.nparents * sizeof *ids);
    for (unsigned k = 0; k < stored->row.nparents && status == ZIPLLM_OK; k++)
        status = open_base(store, stored, k, ids[k], level + 1, error);
    return status;
}

zipllm_status zipllm_stored_read(zipllm_store *store, const zipllm_stored *stored, uint8_t **out,
                                 zipllm_error *error)
{
    zipllm_fault fault = {.status = ZIPLLM_OK};
    uint8_t *bytes = malloc((size_t)stored->row.nbytes + 1);
    if (bytes == NULL)
        return zipllm_fail_memory(error, (size_t)stored->row.nbytes);
    for (uint64_t i = 0; i < stored->info.nblocks; i++)
        if (!zipllm_stored_block(stored, &store->workers[0], i,
                                 bytes + i * (uint64_t)ZIPLLM_BLOCK_NBYTES, NULL, &fault)) {
            free(bytes);
            return zipllm_stored_fault(store, stored, &fault, error);
        }
    *out = bytes;
    return ZIPLLM_OK;
}

/* The last two bases, which the frame takes whole. */
static zipllm_status load_adapter(zipllm_store *store, zipllm_stored *stored, zipllm_error *error)
{
    const zipllm_stored *const *factors =
        (const zipllm_stored *const *)&stored->bases[stored->nbases - 2];
    uint8_t *bytes[2] = {NULL, NULL};
    zipllm_status status = ZIPLLM_OK;
    for (unsigned k = 0; k < 2 && status == ZIPLLM_OK; k++)
        status = zipllm_stored_read(store, factors[k], &bytes[k], error);
    if (status == ZIPLLM_OK) {
        const bitx_status taken =
            bitx_frame_set_adapter(stored->frame, bytes[0], (size_t)factors[0]->row.nbytes,
                                   bytes[1], (size_t)factors[1]->row.nbytes);
        if (taken == BITX_ERR_MEMORY)
            status = zipllm_fail_memory(error, 1);
        else if (taken != BITX_OK)
            status = damaged(store, stored, "its adapter is not the one it was coded with", error);
    }
    free(bytes[0]);
    free(bytes[1]);
    return status;
}

/* How the frames of bases are opened: `level` steps from the tensor asked for. */
enum { RAW = ZIPLLM_DEPTH_MAX + 1 /* not at all */ };

static zipllm_status open_frame(zipllm_store *store, zipllm_stored *stored, const int64_t *parents,
                                unsigned level, zipllm_error *error)
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
    if (status == ZIPLLM_OK && stored->row.nparents != 0 && level != RAW)
        status = open_bases(store, stored, parents, level, error);
    if (status == ZIPLLM_OK && stored->nbases != 0 && stored->info.nfactors != 0)
        status = load_adapter(store, stored, error);
    return status;
}

static zipllm_status open_stored(zipllm_store *store, int fd, zipllm_pack_file *pack,
                                 unsigned level, const zipllm_tensor_row *row,
                                 const int64_t *parents, zipllm_stored **out, zipllm_error *error)
{
    zipllm_stored *stored = calloc(1, sizeof *stored);
    if (stored == NULL) {
        zipllm_store_pack_release(store, pack);
        return zipllm_fail_memory(error, sizeof *stored);
    }
    stored->row = *row;
    stored->pack = pack;
    stored->fd = fd;
    const zipllm_status status = open_frame(store, stored, parents, level, error);
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

static zipllm_status open_at(zipllm_store *store, const zipllm_tensor_row *row, unsigned level,
                             zipllm_stored **out, zipllm_error *error)
{
    zipllm_pack_file *pack;
    const zipllm_promoted *promoted = zipllm_stored_promoted(store, row->id);
    if (promoted != NULL)
        return open_stored(store, promoted->fd, NULL, level, &promoted->row, NULL, out, error);
    const zipllm_status status = zipllm_store_pack(store, row->pack, &pack, error);
    return status == ZIPLLM_OK ? open_stored(store, pack->fd, pack, level, row, NULL, out, error)
                               : status;
}

zipllm_status zipllm_stored_open(zipllm_store *store, const zipllm_tensor_row *row,
                                 zipllm_stored **out, zipllm_error *error)
{
    return open_at(store, row, 0, out, error);
}

zipllm_status zipllm_stored_open_fd(zipllm_store *store, int fd, const zipllm_tensor_row *row,
                                    const int64_t *parents, zipllm_stored **out,
                                    zipllm_error *error)
{
    return open_stored(store, fd, NULL, 0, row, parents, out, error);
}

zipllm_status zipllm_stored_open_raw(zipllm_store *store, int fd, const zipllm_tensor_row *row,
                                     zipllm_stored **out, zipllm_error *error)
{
    return open_stored(store, fd, NULL, RAW, row, NULL, out, error);
}

void zipllm_stored_close(zipllm_store *store, zipllm_stored *stored)
{
    if (stored == NULL)
        return;
    bitx_frame_close(stored->frame);
    for (unsigned k = 0; k < stored->nbases; k++)
        zipllm_stored_close(store, stored->bases[k]);
    zipllm_store_pack_release(store, stored->pack);
    free(stored);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Bases of which each block takes its range. */
static unsigned ranged(const zipllm_stored *stored)
{
    return stored->nbases != 0 ? stored->nbases - stored->info.nfactors : 0;
}

size_t zipllm_stored_block_nbytes(const zipllm_stored *stored, uint64_t index)
{
    const uint64_t rest = stored->row.nbytes - index * ZIPLLM_BLOCK_NBYTES;
    return rest < ZIPLLM_BLOCK_NBYTES ? (size_t)rest : ZIPLLM_BLOCK_NBYTES;
}

static bool failed(zipllm_fault *fault, const zipllm_stored *in, zipllm_status status,
                   bitx_status codec, int os_errno, uint64_t offset)
{
    *fault = (zipllm_fault){
        .status = status, .codec = codec, .os_errno = os_errno, .in = in, .offset = offset};
    return false;
}

/* Reads a block's payload into the worker's memory and decodes it. */
static bool decode(const zipllm_stored *stored, zipllm_worker *worker, uint64_t index, uint8_t *dst,
                   const void *const *bases, size_t base_nbytes, uint64_t *sum, zipllm_fault *fault)
{
    uint64_t at = 0;
    bitx_block block;
    bitx_status status = bitx_frame_block(stored->frame, index, &at, &block);
    if (status != BITX_OK)
        return failed(fault, stored, ZIPLLM_DAMAGED, status, 0, stored->row.offset);
    const uint64_t offset = stored->row.offset + at;
    if (block.payload_nbytes > ZIPLLM_BLOCK_NBYTES ||
        at + block.payload_nbytes > stored->row.length)
        return failed(fault, stored, ZIPLLM_DAMAGED, BITX_ERR_CORRUPT, 0, offset);
    const ssize_t got = zipllm_pread(stored->fd, worker->payload, block.payload_nbytes, offset);
    if (got < 0)
        return failed(fault, stored, ZIPLLM_ERROR, BITX_OK, errno, offset);
    if ((size_t)got != block.payload_nbytes)
        return failed(fault, stored, ZIPLLM_DAMAGED, BITX_ERR_TRUNCATED, 0, offset);
    if (sum != NULL)
        *sum = zipllm_check_sum(worker->payload, block.payload_nbytes);
    status = bitx_block_decode_bases(worker->ctx, stored->frame, index, dst,
                                     zipllm_stored_block_nbytes(stored, index), worker->payload,
                                     block.payload_nbytes, bases,
                                     base_nbytes != 0 ? ranged(stored) : 0, base_nbytes);
    if (status == BITX_ERR_MEMORY)
        return failed(fault, stored, ZIPLLM_ERROR, status, 0, offset);
    return status == BITX_OK || failed(fault, stored, ZIPLLM_DAMAGED, status, 0, offset);
}

static bool grow(zipllm_buffer *buffer, size_t nbytes)
{
    if (buffer->nbytes >= nbytes)
        return true;
    free(buffer->data);
    buffer->data = malloc(nbytes);
    buffer->nbytes = buffer->data != NULL ? nbytes : 0;
    return buffer->data != NULL;
}

/* Does block `index` of the two cover the same range, so that sums come in order? */
static bool side_by_side(const zipllm_stored *stored, const zipllm_stored *base)
{
    return bitx_dtype_bits((bitx_dtype)stored->row.dtype) ==
           bitx_dtype_bits((bitx_dtype)base->row.dtype);
}

static bool decode_block(const zipllm_stored *stored, zipllm_worker *worker, unsigned level,
                         uint64_t index, uint8_t *dst, zipllm_block_sums *sums,
                         zipllm_fault *fault);

/* A range of one base at that level, to dst. *sum (or NULL): of the last block of it. */
static bool load_range(const zipllm_stored *base, zipllm_worker *worker, unsigned level,
                       uint64_t offset, size_t nbytes, uint8_t *dst, uint64_t *sum,
                       zipllm_fault *fault)
{
    for (size_t done = 0; done < nbytes;) {
        const uint64_t index = (offset + done) / ZIPLLM_BLOCK_NBYTES;
        const size_t within = (size_t)((offset + done) % ZIPLLM_BLOCK_NBYTES);
        zipllm_block_sums sums;
        if (index >= base->info.nblocks)
            return failed(fault, base, ZIPLLM_DAMAGED, BITX_ERR_CORRUPT, 0, base->row.offset);
        const size_t size = zipllm_stored_block_nbytes(base, index);
        const size_t n = size - within < nbytes - done ? size - within : nbytes - done;
        const bool whole = within == 0 && n == size;
        if (!whole && !grow(&worker->part, ZIPLLM_BLOCK_NBYTES))
            return failed(fault, base, ZIPLLM_ERROR, BITX_ERR_MEMORY, 0, base->row.offset);
        uint8_t *to = whole ? dst + done : worker->part.data;
        if (!decode_block(base, worker, level, index, to, sum != NULL ? &sums : NULL, fault))
            return false;
        if (sum != NULL)
            *sum = sums.own;
        if (!whole)
            memcpy(dst + done, to + within, n);
        done += n;
    }
    return true;
}

/* The root that several bases of one tensor share is decoded once for all of them. */
static bool is_held(const zipllm_worker *worker, const zipllm_stored *base, uint64_t offset,
                    size_t nbytes)
{
    return base->row.id != 0 && worker->held == base->row.id && worker->held_at == offset &&
           worker->held_nbytes >= nbytes;
}

/* Ranges of the bases of a tensor at `level`, which is one below theirs. */
static bool load_ranges(zipllm_stored *const *bases, unsigned nbases, zipllm_worker *worker,
                        unsigned level, uint64_t offset, size_t nbytes,
                        const void *out[ZIPLLM_PARENTS_MAX], uint64_t *sums, zipllm_fault *fault)
{
    zipllm_buffer *buffer = &worker->bases[level];
    const size_t each = (nbytes + 63) & ~(size_t)63;
    const bool holds = level > 0 && nbases == 1;
    if (holds && is_held(worker, bases[0], offset, nbytes)) {
        out[0] = buffer->data;
        return true;
    }
    if (level > 0)
        worker->held = 0;
    if (!grow(buffer, nbases * each))
        return failed(fault, bases[0], ZIPLLM_ERROR, BITX_ERR_MEMORY, 0, bases[0]->row.offset);
    for (unsigned k = 0; k < nbases; k++) {
        uint8_t *to = buffer->data + k * each;
        if (!load_range(bases[k], worker, level + 1, offset, nbytes, to,
                        sums != NULL ? &sums[k] : NULL, fault))
            return false;
        out[k] = to;
    }
    if (holds) {
        worker->held = bases[0]->row.id;
        worker->held_at = offset;
        worker->held_nbytes = nbytes;
    }
    return true;
}

static bool decode_block(const zipllm_stored *stored, zipllm_worker *worker, unsigned level,
                         uint64_t index, uint8_t *dst, zipllm_block_sums *sums, zipllm_fault *fault)
{
    const void *bases[ZIPLLM_PARENTS_MAX] = {0};
    uint64_t offset;
    size_t nbytes = 0;
    if (stored->nbases != 0 && level >= ZIPLLM_DEPTH_MAX)
        return failed(fault, stored, ZIPLLM_DAMAGED, BITX_ERR_CORRUPT, 0, stored->row.offset);
    if (stored->nbases != 0) {
        const bitx_status status = bitx_frame_base_range(stored->frame, index, &offset, &nbytes);
        if (status != BITX_OK)
            return failed(fault, stored, ZIPLLM_DAMAGED, status, 0, stored->row.offset);
        if (nbytes != 0 && !load_ranges(stored->bases, ranged(stored), worker, level, offset,
                                        nbytes, bases, sums != NULL ? sums->bases : NULL, fault))
            return false;
    }
    return decode(stored, worker, index, dst, bases, nbytes, sums != NULL ? &sums->own : NULL,
                  fault);
}

bool zipllm_stored_block(const zipllm_stored *stored, zipllm_worker *worker, uint64_t index,
                         uint8_t *dst, zipllm_block_sums *sums, zipllm_fault *fault)
{
    worker->held = 0;
    return decode_block(stored, worker, 0, index, dst, sums, fault);
}

bool zipllm_stored_ranges(zipllm_stored *const *bases, unsigned nbases, zipllm_worker *worker,
                          uint64_t offset, size_t nbytes, const void *out[ZIPLLM_PARENTS_MAX],
                          zipllm_fault *fault)
{
    worker->held = 0;
    return load_ranges(bases, nbases, worker, 0, offset, nbytes, out, NULL, fault);
}

static void fold(zipllm_stored *stored, uint64_t index, uint64_t sum)
{
    if (stored->next != index)
        return;
    stored->check = zipllm_check_fold(stored->check, sum);
    stored->next++;
}

void zipllm_stored_fold(zipllm_stored *stored, uint64_t index, const zipllm_block_sums *sums)
{
    fold(stored, index, sums->own);
    for (unsigned k = 0; k < ranged(stored); k++)
        if (index < stored->bases[k]->info.nblocks && side_by_side(stored, stored->bases[k]))
            fold(stored->bases[k], index, sums->bases[k]);
}

static bool is_whole(const zipllm_stored *s, zipllm_fault *fault)
{
    return s->next != s->info.nblocks ||
           zipllm_check_fold(s->check, s->header_sum) == s->row.check ||
           failed(fault, s, ZIPLLM_DAMAGED, BITX_ERR_CHECKSUM, 0, s->row.offset);
}

bool zipllm_stored_whole(const zipllm_stored *stored, zipllm_fault *fault)
{
    bool whole = is_whole(stored, fault);
    for (unsigned k = 0; k < ranged(stored) && whole; k++)
        whole = is_whole(stored->bases[k], fault);
    return whole;
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
        (void)failed(&fault, stored, ZIPLLM_ERROR, BITX_OK, errno, stored->row.offset + at);
    else
        (void)failed(&fault, stored, ZIPLLM_DAMAGED, BITX_ERR_TRUNCATED, 0,
                     stored->row.offset + at);
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
            (void)failed(&fault, stored, ZIPLLM_DAMAGED, BITX_ERR_CORRUPT, 0, stored->row.offset);
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
    const zipllm_stored *in = fault->in != NULL ? fault->in : stored;
    char *path = zipllm_path_join(store->dir.path, path_of(in));
    (void)zipllm_fail(error, fault->status, path, fault->offset, fault->os_errno, "%s%s",
                      fault->codec != BITX_OK ? bitx_status_name(fault->codec) : "cannot read",
                      in != stored ? " (in the base of the tensor)" : "");
    free(path);
    return fault->status;
}
