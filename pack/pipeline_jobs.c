/* The jobs of a step. They run side by side, and touch only what is theirs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"

/* ---- serial jobs ------------------------------------------------------------------------------
 */

/* Piece `index` of the reading: the units that begin within it. */
static void read_piece(zipllm_window *w, int fd, unsigned index)
{
    zipllm_read *r = &w->reads[index];
    const size_t begin = index * w->read_nbytes, end = begin + w->read_nbytes;
    unsigned i = 0;
    *r = (zipllm_read){.os_errno = 0};
    while (i < w->nunits && w->units[i].at < begin)
        i++;
    while (i < w->nunits && w->units[i].at < end) {
        const zipllm_unit *first = &w->units[i];
        size_t nbytes = 0;
        for (;
             i < w->nunits && w->units[i].at < end && w->units[i].offset == first->offset + nbytes;
             i++)
            nbytes += w->units[i].nbytes;
        const ssize_t got = zipllm_pread(fd, w->input + first->at, nbytes, first->offset);
        if (got == (ssize_t)nbytes)
            continue;
        r->os_errno = got < 0 ? errno : 0;
        r->failed = true;
        r->offset = first->offset + (got > 0 ? (uint64_t)got : 0);
        return;
    }
}

/* Cuts the reading into pieces for the workers: on one CPU it is a copy at some GB/s. */
static void cut_reading(zipllm_window *w, unsigned nworkers)
{
    enum { PIECE_NBYTES = 4 << 20 };
    size_t n = (w->used + PIECE_NBYTES - 1) / PIECE_NBYTES;
    n = n > nworkers ? nworkers : n;
    n = n > ZIPLLM_READS_MAX ? ZIPLLM_READS_MAX : n;
    w->nreads = (unsigned)n;
    w->read_nbytes = n != 0 ? (w->used + n - 1) / n : 0;
}

/* A sketch is a help, not a promise: without memory there is none. */
static void begin_sketch(zipllm_pipeline *p, zipllm_part *part)
{
    const uint64_t most = zipllm_store_buffers(p->store) / 8;
    const zipllm_sketch_plan plan = zipllm_sketch_plan_of(part->dtype, part->nbytes);
    const size_t nbytes = zipllm_sketch_nbytes(&plan);
    zipllm_sketcher_init(&p->sketcher, &(zipllm_sketch_plan){.width = 1}, NULL);
    if (part->kind != ZIPLLM_TENSOR || part->sketch != NULL || nbytes == 0 ||
        p->in->sketch_nbytes + nbytes > most)
        return;
    part->sketch = malloc(nbytes);
    if (part->sketch == NULL)
        return;
    p->in->sketch_nbytes += nbytes;
    zipllm_sketcher_init(&p->sketcher, &plan, part->sketch);
}

static void hash_window(zipllm_pipeline *p, const zipllm_window *w)
{
    for (unsigned i = 0; i < w->nunits; i++) {
        const zipllm_unit *u = &w->units[i];
        const bool plain = p->pass->second && u->task->action == ZIPLLM_DO_ENCODE;
        if (u->index == 0) {
            (void)XXH3_128bits_reset_withSeed(p->seeded, p->store->seed);
            (void)XXH3_128bits_reset(p->plain);
            if (!p->pass->second)
                begin_sketch(p, u->task->part);
        }
        (void)XXH3_128bits_update(p->seeded, w->input + u->at, u->nbytes);
        /* Behind the hash, which has brought the bytes near: before it, each sample was a miss. */
        if (!p->pass->second)
            zipllm_sketcher_update(&p->sketcher, w->input + u->at, u->nbytes);
        if (plain)
            (void)XXH3_128bits_update(p->plain, w->input + u->at, u->nbytes);
        if (!u->last)
            continue;
        zipllm_hash_store(u->task->hash, XXH3_128bits_digest(p->seeded));
        if (plain)
            zipllm_hash_store(u->task->plain, XXH3_128bits_digest(p->plain));
    }
}

static int by_place(const void *a, const void *b)
{
    const zipllm_write_record *x = a, *y = b;
    if (x->writer != y->writer)
        return x->writer < y->writer ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Records that join are written by one call. */
static void write_window(zipllm_pipeline *p, zipllm_window *w)
{
    struct iovec iov[2 * ZIPLLM_UNITS_MAX];
    qsort(w->writes, w->nwrites, sizeof w->writes[0], by_place);
    for (unsigned i = 0; i < w->nwrites;) {
        const zipllm_write_record *first = &w->writes[i];
        uint64_t end = first->offset;
        size_t n = 0;
        for (; i < w->nwrites && w->writes[i].writer == first->writer && w->writes[i].offset == end;
             i++) {
            /* iovec has no const; the bytes are only read. */
            memcpy(&iov[n].iov_base, &w->writes[i].bytes, sizeof iov[n].iov_base);
            iov[n++].iov_len = w->writes[i].nbytes;
            end += w->writes[i].nbytes;
        }
        if (zipllm_pwritev(first->writer->fd, iov, n, first->offset) != 0) {
            p->write_errno = errno;
            p->write_failed = first->writer;
            return;
        }
        /* Begin writing back now, so that the fsync at the end finds little to do. */
        (void)sync_file_range(first->writer->fd, (off_t)first->offset, (off_t)(end - first->offset),
                              SYNC_FILE_RANGE_WRITE);
    }
}

/* What a plan reads its sample from: the tensor's file, or a base. */
typedef struct sample_source {
    const zipllm_pipeline *p;
    const zipllm_unit *unit;
    zipllm_worker *worker;
    const zipllm_stored *base;
    uint8_t *own;         /* a block, to decode into */
    const uint8_t *block; /* of the base */
    uint64_t cached;      /* 1 + its index */
} sample_source;

static int read_sample(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    const sample_source *s = user;
    errno = 0;
    if (zipllm_pread(s->p->pass->fd, dst, nbytes, s->unit->task->part->offset + offset) ==
        (ssize_t)nbytes)
        return 0;
    zipllm_fault *fault = &s->unit->task->coding->fault;
    fault->status = ZIPLLM_ERROR;
    fault->os_errno = errno;
    return -1;
}

/* Blocks of the task's base may be kept; those of a blend never are. */
static const uint8_t *sample_block(const sample_source *s, uint64_t index)
{
    zipllm_coding *coding = s->unit->task->coding;
    if (s->base == s->unit->task->with)
        return zipllm_base_block(&coding->kept, s->base, s->worker, index, s->own, &coding->fault);
    return zipllm_stored_block(s->base, s->worker, index, s->own, NULL, &coding->fault) ? s->own
                                                                                        : NULL;
}

static int read_base_sample(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    sample_source *s = user;
    uint8_t *to = dst;
    while (nbytes > 0) {
        const uint64_t index = offset / ZIPLLM_BLOCK_NBYTES;
        const size_t within = (size_t)(offset % ZIPLLM_BLOCK_NBYTES);
        if (index >= s->base->info.nblocks)
            return -1;
        const size_t size = zipllm_stored_block_nbytes(s->base, index);
        if (s->cached != index + 1)
            s->block = sample_block(s, index);
        s->cached = s->block != NULL ? index + 1 : 0;
        if (s->block == NULL || within >= size)
            return -1;
        const size_t n = size - within < nbytes ? size - within : nbytes;
        memcpy(to, s->block + within, n);
        to += n;
        offset += n;
        nbytes -= n;
    }
    return 0;
}

/* Plans the part against these bases, which end up in coding->bases as far as they are used.
   scratch: a block for each but the first. */
static bitx_status plan_against(zipllm_pipeline *p, const zipllm_unit *u, zipllm_worker *worker,
                                zipllm_stored *const *bases, unsigned nbases, uint8_t *scratch)
{
    const zipllm_task *task = u->task;
    zipllm_coding *coding = task->coding;
    sample_source sample = {p, u, worker, NULL, NULL, NULL, 0};
    sample_source samples[ZIPLLM_PARENTS_MAX], matrices[2];
    bitx_adapter_source adapter;
    bitx_base_source sources[ZIPLLM_PARENTS_MAX];
    const bitx_source own = {read_sample, &sample};
    unsigned used[BITX_BASES_MAX];
    for (unsigned k = 0; k < nbases; k++) {
        uint8_t *block = k == 0 ? worker->block : scratch + (k - 1) * (size_t)ZIPLLM_BLOCK_NBYTES;
        samples[k] = (sample_source){p, u, worker, bases[k], block, NULL, 0};
        sources[k] = (bitx_base_source){{read_base_sample, &samples[k]},
                                        bases[k]->row.nbytes,
                                        (bitx_dtype)bases[k]->row.dtype,
                                        bases[k]->row.plain};
    }
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = task->part->dtype;
    params.block_nbytes = ZIPLLM_BLOCK_NBYTES;
    params.effort = p->store->effort;
    params.row_nelem = task->part->kind == ZIPLLM_TENSOR ? zipllm_row_nelem(task->part->shape) : 0;
    params.fit_nbytes = p->store->fit_nbytes;
    uint8_t *block = task->factors[0] != NULL ? malloc(ZIPLLM_BLOCK_NBYTES) : NULL;
    if (block != NULL) { /* one after the other is read, and whole */
        for (unsigned k = 0; k < 2; k++)
            matrices[k] = (sample_source){p, u, worker, task->factors[k], block, NULL, 0};
        adapter = (bitx_adapter_source){{read_base_sample, &matrices[0]},
                                        {read_base_sample, &matrices[1]},
                                        task->factors[0]->row.nbytes,
                                        task->factors[1]->row.nbytes,
                                        (bitx_dtype)task->factors[0]->row.dtype,
                                        task->factors[0]->row.plain,
                                        task->factors[1]->row.plain};
        params.adapter = &adapter;
    }
    const bitx_status status = bitx_plan_new_bases(
        worker->plan_ctx, &params, &own, task->part->nbytes, sources, nbases, &coding->plan);
    free(block);
    if (status != BITX_OK)
        return status;
    coding->adapted = bitx_plan_predictor(coding->plan) == BITX_PREDICT_ADAPTER;
    coding->nbases = bitx_plan_bases(coding->plan, used);
    for (unsigned k = 0; k < coding->nbases; k++)
        coding->bases[k] = bases[used[k]];
    return BITX_OK;
}

/* What the plan's bases have for a block; out[k] is of coding->bases[k]. */
static bool load_bases(const zipllm_coding *coding, uint64_t index, zipllm_worker *worker,
                       const void *out[ZIPLLM_PARENTS_MAX], size_t *nbytes, zipllm_fault *fault)
{
    uint64_t offset;
    *nbytes = 0;
    if (coding->nbases == 0)
        return true;
    const bitx_status status = bitx_plan_base_range(coding->plan, index, &offset, nbytes);
    if (status != BITX_OK) {
        *fault = (zipllm_fault){.status = ZIPLLM_ERROR, .codec = status};
        return false;
    }
    if (*nbytes == 0)
        return true;
    if (index < coding->kept.n && coding->kept.at[index] != NULL) {
        out[0] = coding->kept.at[index];
        return true;
    }
    return zipllm_stored_ranges(coding->bases, coding->nbases, worker, offset, *nbytes, out, fault);
}

/* A blend is worth it only as one: as a plain base its tensors, deltas themselves, may not serve,
   and where none of them is used, the base may. */
static bool is_blend(const zipllm_coding *coding)
{
    const bitx_prediction_kind kind = bitx_plan_predictor(coding->plan);
    return coding->nbases != 0 && coding->nbases <= ZIPLLM_BLEND_MAX &&
           (kind != BITX_PREDICT_BASE || coding->bases[0]->row.depth == 0);
}

static void drop_plan(zipllm_coding *coding)
{
    bitx_plan_free(coding->plan);
    coding->plan = NULL;
    coding->nbases = 0;
    coding->adapted = false;
}

/* About what the frame takes with the plan at hand, factors and tables included: every sixteenth
   block is coded, so of most tensors that are not small the sixteenth part. */
static bool weigh_plan(zipllm_pipeline *p, const zipllm_unit *u, zipllm_worker *worker,
                       uint8_t *scratch, uint64_t *frame_nbytes)
{
    enum { EVERY = 16 };
    zipllm_coding *coding = u->task->coding;
    const uint64_t nbytes = u->task->part->nbytes;
    uint64_t coded = 0, read = 0;
    sample_source sample = {p, u, worker, NULL, NULL, NULL, 0};
    bitx_geometry geometry;
    bitx_plan_geometry(coding->plan, &geometry);
    for (uint64_t i = geometry.nblocks > EVERY ? EVERY / 2 : 0; i < geometry.nblocks; i += EVERY) {
        const uint64_t at = i * ZIPLLM_BLOCK_NBYTES, rest = nbytes - at;
        const size_t n = rest < ZIPLLM_BLOCK_NBYTES ? (size_t)rest : ZIPLLM_BLOCK_NBYTES;
        const void *bases[ZIPLLM_PARENTS_MAX] = {0};
        size_t base_nbytes;
        bitx_block block;
        if (read_sample(&sample, at, scratch, n) != 0 ||
            !load_bases(coding, i, worker, bases, &base_nbytes, &coding->fault))
            return false;
        const bitx_status status =
            bitx_block_encode_bases(worker->ctx, coding->plan, i, worker->block, n, &block, scratch,
                                    n, bases, base_nbytes != 0 ? coding->nbases : 0, base_nbytes);
        if (status != BITX_OK) {
            coding->fault = (zipllm_fault){.status = ZIPLLM_ERROR, .codec = status};
            return false;
        }
        coded += block.payload_nbytes;
        read += n;
    }
    *frame_nbytes =
        geometry.header_nbytes + (uint64_t)((double)coded * ((double)nbytes / (double)read));
    return true;
}

/* A blend that leaves more than this share of a tensor is compared with the plain base. */
enum { BLEND_CERTAIN = 16 };

/* With the plan of a blend at hand: whether it, or the base, if that is another tensor, makes the
   smaller frame. */
static bitx_status compare_base(zipllm_pipeline *p, const zipllm_unit *u, zipllm_worker *worker,
                                uint8_t *scratch)
{
    const zipllm_task *task = u->task;
    zipllm_coding *coding = task->coding;
    uint64_t blended, plain;
    if (task->with == NULL ||
        (coding->nbases == 1 && task->with->row.id == coding->bases[0]->row.id))
        return BITX_OK;
    if (!weigh_plan(p, u, worker, scratch, &blended))
        return BITX_ERR_SOURCE;
    if (blended < task->part->nbytes / BLEND_CERTAIN)
        return BITX_OK;
    bitx_plan *plan = coding->plan;
    zipllm_stored *bases[ZIPLLM_PARENTS_MAX];
    const unsigned nbases = coding->nbases;
    const bool adapted = coding->adapted;
    memcpy(bases, coding->bases, sizeof bases);
    coding->plan = NULL;
    bitx_status status = plan_against(p, u, worker, &task->with, 1, NULL);
    if (status == BITX_OK && !weigh_plan(p, u, worker, scratch, &plain))
        status = BITX_ERR_SOURCE;
    if (status == BITX_OK && plain < blended) {
        bitx_plan_free(plan);
        return BITX_OK;
    }
    drop_plan(coding);
    coding->plan = plan;
    coding->nbases = nbases;
    coding->adapted = adapted;
    memcpy(coding->bases, bases, sizeof bases);
    return status;
}

static bitx_status plan_blend(zipllm_pipeline *p, const zipllm_unit *u, zipllm_worker *worker)
{
    const zipllm_task *task = u->task;
    zipllm_coding *coding = task->coding;
    uint8_t *scratch = malloc((size_t)task->nblend * ZIPLLM_BLOCK_NBYTES);
    if (scratch == NULL)
        return BITX_ERR_MEMORY;
    bitx_status status = plan_against(p, u, worker, task->blend, task->nblend, scratch);
    if (status == BITX_OK && is_blend(coding))
        status = compare_base(p, u, worker, scratch);
    else if (status == BITX_OK)
        drop_plan(coding);
    free(scratch);
    return status;
}

static void make_plan(zipllm_pipeline *p, const zipllm_unit *u, zipllm_worker *worker)
{
    const zipllm_task *task = u->task;
    zipllm_coding *coding = task->coding;
    bitx_status status = BITX_OK;
    if (task->nblend != 0)
        status = plan_blend(p, u, worker);
    if (status == BITX_OK && coding->plan == NULL)
        status = plan_against(p, u, worker, &task->with, task->with != NULL, NULL);
    if (status != BITX_OK) {
        if (coding->fault.status == ZIPLLM_OK)
            coding->fault = (zipllm_fault){.status = ZIPLLM_ERROR, .codec = status};
        return;
    }
    bitx_plan_geometry(coding->plan, &coding->geometry);
    coding->rows = calloc((size_t)coding->geometry.nblocks, sizeof *coding->rows);
    if (coding->rows == NULL)
        coding->fault = (zipllm_fault){.status = ZIPLLM_ERROR, .codec = BITX_ERR_MEMORY};
}

/* Whoever decodes the last block that a plan may want makes the plan. */
static void decode_base(zipllm_pipeline *p, zipllm_base_job *job, zipllm_worker *worker)
{
    zipllm_kept_blocks *kept = &job->unit->task->coding->kept;
    zipllm_fault fault = {.status = ZIPLLM_OK};
    job->failed = !zipllm_stored_block(job->unit->task->with, worker, job->index,
                                       kept->at[job->index], NULL, &fault);
    if (atomic_fetch_sub_explicit(&kept->waiting, 1, memory_order_acq_rel) == 1)
        make_plan(p, job->unit, worker);
}

static void encode_unit(zipllm_window *w, zipllm_unit *u, zipllm_worker *worker)
{
    const zipllm_coding *coding = u->task->coding;
    const void *bases[ZIPLLM_PARENTS_MAX] = {0};
    size_t base_nbytes;
    if (!load_bases(coding, u->index, worker, bases, &base_nbytes, &u->fault))
        return;
    uint8_t *payload = w->output + u->at;
    const bitx_status status = bitx_block_encode_bases(
        worker->ctx, coding->plan, u->index, payload, u->nbytes, &u->block, w->input + u->at,
        u->nbytes, bases, base_nbytes != 0 ? coding->nbases : 0, base_nbytes);
    if (status != BITX_OK)
        u->fault = (zipllm_fault){.status = ZIPLLM_ERROR, .codec = status};
    else
        u->sum = zipllm_check_sum(payload, u->block.payload_nbytes);
}

static void compare_unit(const zipllm_window *w, zipllm_unit *u, zipllm_worker *worker)
{
    if (zipllm_stored_block(u->task->with, worker, u->index, worker->block, NULL, &u->fault))
        u->different = memcmp(worker->block, w->input + u->at, u->nbytes) != 0;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static void run_serial(const zipllm_step *s, zipllm_serial_job kind)
{
    zipllm_pipeline *p = s->p;
    switch (kind) {
    case ZIPLLM_JOB_SHA:
        if (EVP_DigestUpdate(p->sha, s->coding->input, s->coding->used) != 1)
            p->sha_failed = true;
        break;
    case ZIPLLM_JOB_WRITE:
        write_window(p, s->writing);
        break;
    case ZIPLLM_JOB_HASH:
        hash_window(p, s->coding);
        break;
    case ZIPLLM_SERIAL_JOBS:
        break;
    }
}

static void run_job(void *arg, size_t index, unsigned worker)
{
    const zipllm_step *s = arg;
    zipllm_pipeline *p = s->p;
    zipllm_worker *mine = &p->store->workers[worker];
    if (index < s->nserial) {
        run_serial(s, s->serial[index]);
        return;
    }
    index -= s->nserial;
    const unsigned nreads = s->reading != NULL ? s->reading->nreads : 0;
    if (index < nreads) {
        read_piece(s->reading, p->pass->fd, (unsigned)index);
        return;
    }
    index -= nreads;
    if (index < p->nbases) {
        decode_base(p, &p->bases[index], mine);
        return;
    }
    index -= p->nbases;
    if (index < p->nplans) {
        /* Those with base blocks on their way are planned behind these. */
        if (p->plans[index]->task->coding->kept.n == 0)
            make_plan(p, p->plans[index], mine);
        return;
    }
    zipllm_unit *u = &s->coding->units[index - p->nplans];
    if (u->task->action == ZIPLLM_DO_ENCODE)
        encode_unit(s->coding, u, mine);
    else if (u->task->action == ZIPLLM_DO_COMPARE)
        compare_unit(s->coding, u, mine);
}

void zipllm_pipeline_jobs(zipllm_step *s)
{
    zipllm_pipeline *p = s->p;
    if (s->coding != NULL && p->pass->sha256)
        s->serial[s->nserial++] = ZIPLLM_JOB_SHA;
    unsigned nreads = 0;
    if (s->reading != NULL) {
        cut_reading(s->reading, p->store->executor.nworkers);
        nreads = s->reading->nreads;
    }
    if (s->writing != NULL && s->writing->nwrites > 0)
        s->serial[s->nserial++] = ZIPLLM_JOB_WRITE;
    if (s->coding != NULL)
        s->serial[s->nserial++] = ZIPLLM_JOB_HASH;
    const size_t nunits = s->coding != NULL ? s->coding->nunits : 0;
    zipllm_store_run(p->store, run_job, s, s->nserial + nreads + p->nbases + p->nplans + nunits);
}
