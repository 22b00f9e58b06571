/* zipllm_decode(): a coded file back to the bytes that it was. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coded_file.h"
#include "coded_run.h"
#include "error.h"

/* The frame being decoded. */
typedef struct decoding {
    zipllm_coded_run *run;
    const zipllm_coded_row *row;
    uint64_t offset; /* of the frame in the coded file */
    bitx_frame *frame;
    bitx_frame_info info;
    size_t each_nbytes; /* of each base for a block, at most */
    /* of the batch */
    uint64_t first;
    size_t n, plain_nbytes;
    size_t payload_at[ZIPLLM_CODED_BATCH_MAX + 1];
    bitx_status faults[ZIPLLM_CODED_BATCH_MAX];
} decoding;

static zipllm_status damaged(const decoding *d, const char *reason)
{
    return zipllm_fail(d->run->error, ZIPLLM_DAMAGED, d->run->in.path, d->offset, 0, "frame: %s",
                       reason);
}

/* The header of the frame, as long as it says it is, but never longer than the frame. */
static zipllm_status open_frame(decoding *d)
{
    zipllm_coded_run *run = d->run;
    uint64_t length = d->row->frame_nbytes;
    size_t avail = length < 4096 ? (size_t)length : 4096, need = 0;
    bitx_ctx *ctx = run->contexts[run->executor.nworkers];
    zipllm_status status;
    bitx_status read;
    uint8_t *header = NULL;

    for (;;) {
        uint8_t *grown = realloc(header, avail + 1);
        if (grown == NULL) {
            free(header);
            return zipllm_fail_memory(run->error, avail);
        }
        header = grown;
        status = zipllm_coded_read(run, &run->in, header, avail, d->offset);
        if (status != ZIPLLM_OK) {
            free(header);
            return status;
        }
        read = bitx_frame_info_read(header, avail, &d->info, &need);
        if (read != BITX_ERR_TRUNCATED || need <= avail || need > length)
            break;
        avail = need;
    }
    if (read == BITX_OK)
        read = bitx_frame_open(ctx, header, avail, &d->frame);
    free(header);
    if (read != BITX_OK)
        return zipllm_coded_fault(run, run->in.path, d->offset, read);
    return ZIPLLM_OK;
}

/* What the frame says, against the table and the files. */
static zipllm_status check_frame(decoding *d, uint64_t left)
{
    uint64_t offset;

    if (d->info.frame_nbytes != d->row->frame_nbytes)
        return damaged(d, "its length is not that of the table");
    if (d->info.nbytes > left)
        return damaged(d, "it is longer than the file");
    if (d->info.block_nbytes != ZIPLLM_CODED_BLOCK && d->info.nblocks > 1)
        return damaged(d, "its blocks have another length");
    if (d->info.base_nbytes != d->row->base_nbytes || d->info.nbases != d->row->nbases)
        return damaged(d, "its base is not that of the table");
    if (d->info.nbases != 0 && d->info.nblocks != 0 &&
        bitx_frame_base_range(d->frame, 0, &offset, &d->each_nbytes) != BITX_OK)
        return damaged(d, "it lacks a block");
    if (d->each_nbytes > 2 * (size_t)ZIPLLM_CODED_BLOCK)
        return damaged(d, "its blocks have another length");
    return ZIPLLM_OK;
}

/* Where base k of block i of the batch lies in run->base. */
static uint8_t *base_at(const decoding *d, size_t i, unsigned k)
{
    return d->run->base + (i * d->row->nbases + k) * d->each_nbytes;
}

static void run_job(void *arg, size_t i, unsigned worker)
{
    decoding *d = arg;
    const zipllm_coded_run *run = d->run;
    size_t at = i * ZIPLLM_CODED_BLOCK, nbytes = d->plain_nbytes - at, base_nbytes = 0;
    const void *bases[BITX_BASES_MAX] = {0};
    uint64_t offset;
    unsigned k;

    if (nbytes > ZIPLLM_CODED_BLOCK)
        nbytes = ZIPLLM_CODED_BLOCK;
    for (k = 0; k < d->row->nbases; k++)
        bases[k] = base_at(d, i, k);
    d->faults[i] = BITX_OK;
    if (d->row->nbases != 0)
        d->faults[i] = bitx_frame_base_range(d->frame, d->first + i, &offset, &base_nbytes);
    if (d->faults[i] == BITX_OK)
        d->faults[i] = bitx_block_decode_bases(
            run->contexts[worker], d->frame, d->first + i, run->plain + at, nbytes,
            run->coded + d->payload_at[i], d->payload_at[i + 1] - d->payload_at[i], bases,
            base_nbytes != 0 ? d->row->nbases : 0, base_nbytes);
}

static zipllm_status read_bases(decoding *d)
{
    zipllm_coded_run *run = d->run;
    zipllm_status status = ZIPLLM_OK;
    size_t i, nbytes;
    unsigned k;

    for (i = 0; i < d->n; i++) {
        uint64_t offset;
        if (bitx_frame_base_range(d->frame, d->first + i, &offset, &nbytes) != BITX_OK)
            return damaged(d, "it lacks a block");
        for (k = 0; k < d->row->nbases && nbytes != 0 && status == ZIPLLM_OK; k++)
            status = zipllm_coded_read(run, &run->bases[d->row->file[k]], base_at(d, i, k), nbytes,
                                       d->row->base_offset[k] + offset);
    }
    return status;
}

/* Payloads and base of the batch. */
static zipllm_status read_batch(decoding *d)
{
    zipllm_coded_run *run = d->run;
    uint64_t at = d->first * ZIPLLM_CODED_BLOCK, left = d->info.nbytes - at;
    uint64_t from = 0, payload_offset;
    size_t window = d->n * ZIPLLM_CODED_BLOCK, i;
    zipllm_status status;
    bitx_block block;

    d->plain_nbytes = left < window ? (size_t)left : window;
    d->payload_at[0] = 0;
    for (i = 0; i < d->n; i++) {
        if (bitx_frame_block(d->frame, d->first + i, &payload_offset, &block) != BITX_OK)
            return damaged(d, "it lacks a block");
        if (i == 0)
            from = payload_offset;
        d->payload_at[i + 1] = d->payload_at[i] + block.payload_nbytes;
    }
    if (d->payload_at[d->n] > window)
        return damaged(d, "its payloads are longer than its blocks");
    status = zipllm_coded_read(run, &run->in, run->coded, d->payload_at[d->n], d->offset + from);
    return status == ZIPLLM_OK && d->row->nbases != 0 ? read_bases(d) : status;
}

/* A block that cannot be decoded: is the frame damaged, or is this another base? */
static zipllm_status blame(const decoding *d, bitx_status fault)
{
    zipllm_coded_run *run = d->run;
    uint8_t hash[BITX_HASH_NBYTES];
    unsigned k;

    for (k = 0; k < d->info.nbases; k++) {
        const zipllm_coded_input *in = &run->bases[d->row->file[k]];
        const uint8_t *wanted = k == 0 ? d->info.base_hash : d->info.other_hashes[k - 1];
        zipllm_status status =
            zipllm_coded_hash(run, in, d->row->base_offset[k], d->info.base_nbytes, hash);
        if (status != ZIPLLM_OK)
            return status;
        if (memcmp(hash, wanted, sizeof hash) != 0)
            return zipllm_fail(run->error, ZIPLLM_ERROR, in->path, d->row->base_offset[k], 0,
                               "is not the base that the file was coded against");
    }
    return zipllm_coded_fault(run, run->in.path, d->offset, fault);
}

static zipllm_status decode_batch(decoding *d, uint64_t out_at)
{
    zipllm_coded_run *run = d->run;
    size_t i;

    run->executor.run(run->executor.user, run_job, d, d->n);
    for (i = 0; i < d->n; i++)
        if (d->faults[i] != BITX_OK)
            return blame(d, d->faults[i]);
    if (EVP_DigestUpdate(run->sha, run->plain, d->plain_nbytes) != 1)
        return zipllm_fail(run->error, ZIPLLM_ERROR, run->in.path, ZIPLLM_NO_OFFSET, 0,
                           "SHA-256 failed");
    return zipllm_coded_write(run, run->plain, d->plain_nbytes, out_at);
}

static zipllm_status decode_blocks(decoding *d, uint64_t out_at)
{
    zipllm_status status = ZIPLLM_OK;

    for (d->first = 0; status == ZIPLLM_OK && d->first < d->info.nblocks; d->first += d->n) {
        d->n =
            zipllm_coded_batch(d->run, d->info.nblocks - d->first, d->row->nbases, d->each_nbytes);
        status = read_batch(d);
        if (status == ZIPLLM_OK)
            status = decode_batch(d, out_at + d->first * ZIPLLM_CODED_BLOCK);
        if (status == ZIPLLM_OK)
            status = zipllm_coded_progress(d->run, "decode", d->plain_nbytes);
    }
    return status;
}

/* One part, to *out_at, which moves behind it. */
static zipllm_status decode_part(zipllm_coded_run *run, const zipllm_coded_head *head, uint64_t i,
                                 uint64_t offset, uint64_t *out_at)
{
    decoding d = {.run = run, .row = &head->rows[i], .offset = offset};
    zipllm_status status = open_frame(&d);

    if (status == ZIPLLM_OK)
        status = check_frame(&d, head->nbytes - *out_at);
    if (status == ZIPLLM_OK)
        status = decode_blocks(&d, *out_at);
    *out_at += d.info.nbytes;
    bitx_frame_close(d.frame);
    return status;
}

static bool is_used(const zipllm_coded_head *head, unsigned file)
{
    uint64_t i;
    unsigned k;

    for (i = 0; i < head->nparts; i++)
        for (k = 0; k < head->rows[i].nbases; k++)
            if (head->rows[i].file[k] == file)
                return true;
    return false;
}

static zipllm_status check_bases(const zipllm_coded_run *run, const zipllm_coded_head *head)
{
    unsigned k;

    for (k = 0; k < head->nfiles; k++) {
        if (head->file_nbytes[k] == 0 || (head->nfiles > 1 && !is_used(head, k)))
            continue;
        if (k >= run->nbases && head->nfiles == 1)
            return zipllm_fail(run->error, ZIPLLM_USAGE, run->in.path, ZIPLLM_NO_OFFSET, 0,
                               "needs its base, a file of %" PRIu64 " bytes", head->file_nbytes[k]);
        if (k >= run->nbases)
            return zipllm_fail(run->error, ZIPLLM_USAGE, run->in.path, ZIPLLM_NO_OFFSET, 0,
                               "needs its bases in the order in which it was coded against them; "
                               "number %u is a file of %" PRIu64 " bytes",
                               k + 1, head->file_nbytes[k]);
        if ((uint64_t)run->bases[k].st.st_size != head->file_nbytes[k])
            return zipllm_fail(run->error, ZIPLLM_ERROR, run->bases[k].path, ZIPLLM_NO_OFFSET, 0,
                               "is not the base: it has %" PRIu64 " bytes, not %" PRIu64,
                               (uint64_t)run->bases[k].st.st_size, head->file_nbytes[k]);
    }
    return ZIPLLM_OK;
}

static zipllm_status decode_parts(zipllm_coded_run *run, const zipllm_coded_head *head)
{
    uint64_t at = zipllm_coded_head_nbytes(head->nfiles, head->nparts), out_at = 0, i;
    uint8_t sha256[ZIPLLM_CODED_SHA256];
    zipllm_status status = check_bases(run, head);

    run->total = head->nbytes;
    for (i = 0; i < head->nparts && status == ZIPLLM_OK; i++) {
        status = decode_part(run, head, i, at, &out_at);
        at += head->rows[i].frame_nbytes;
    }
    if (status != ZIPLLM_OK)
        return status;
    if (out_at != head->nbytes || EVP_DigestFinal_ex(run->sha, sha256, NULL) != 1 ||
        memcmp(sha256, head->sha256, sizeof sha256) != 0)
        return zipllm_fail(run->error, ZIPLLM_DAMAGED, run->in.path, ZIPLLM_NO_OFFSET, 0,
                           "SHA-256 of what it decodes to is not what was encoded");
    return zipllm_coded_finish(run);
}

zipllm_status zipllm_decode(const char *path, const char *const *bases, size_t nbases,
                            const char *out, const zipllm_options *options,
                            zipllm_encode_result *result, zipllm_error *error)
{
    zipllm_coded_head head = {.rows = NULL};
    zipllm_coded_run run;
    zipllm_status status;

    memset(result, 0, sizeof *result);
    status = zipllm_coded_open(&run, path, bases, nbases, out, options, error);
    if (status == ZIPLLM_OK)
        status = zipllm_coded_head_read(run.in.fd, path, (uint64_t)run.in.st.st_size, &head, error);
    if (status == ZIPLLM_OK)
        status = decode_parts(&run, &head);
    result->nbytes = head.nbytes;
    result->coded_nbytes = run.in.fd >= 0 ? (uint64_t)run.in.st.st_size : 0;
    free(head.rows);
    zipllm_coded_close(&run);
    return status;
}
