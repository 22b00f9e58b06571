/*
 * One pass over parts of a file, on all workers. The executor is a parallel-for, so the pipeline is
 * cut into steps; one step's jobs are: read window k+1, take SHA-256 and XXH3 of window k, write
 * the payloads of window k-1, plan the tensors that begin in window k+1, and code or compare the
 * blocks of window k. Long serial jobs come first, so that the blocks fill up the other workers.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "hash.h"
#include "ingest.h"
#include "memory.h"
#include "sketch.h"
#include "stored.h"

enum { UNITS_MAX = 256 };

/* The frame of one tensor while it is coded. */
typedef struct zipllm_coding {
    bitx_plan *plan;
    bitx_geometry geometry;
    bitx_block *rows;
    zipllm_pack_writer *writer;
    uint64_t offset; /* of the frame */
    uint64_t check;
    uint8_t *header;
    zipllm_fault fault; /* of the plan */
} zipllm_coding;

/* One block of one part. */
typedef struct unit {
    zipllm_task *task;
    uint64_t index;  /* of the block */
    uint64_t offset; /* in the file */
    size_t at;       /* in the window's input, and of its payload in the output */
    size_t nbytes;
    bool last; /* of its part */
    bitx_block block;
    uint64_t sum; /* of the payload */
    bool different;
    zipllm_fault fault;
} unit;

typedef struct write_record {
    zipllm_pack_writer *writer;
    uint64_t offset;
    const uint8_t *bytes;
    size_t nbytes;
} write_record;

typedef struct window {
    uint8_t *input, *output;
    size_t used;
    unit units[UNITS_MAX];
    unsigned nunits;
    write_record writes[2 * UNITS_MAX];
    unsigned nwrites;
    uint8_t *headers[UNITS_MAX]; /* freed once written */
    unsigned nheaders;
} window;

typedef struct zipllm_pipeline {
    zipllm_ingest *in;
    zipllm_store *store;
    size_t window_nbytes;
    window *windows[3]; /* being read, being coded, being written */
    EVP_MD_CTX *sha;
    XXH3_state_t *seeded, *plain;
    zipllm_sketcher sketcher; /* of the part being hashed */

    const zipllm_pass *pass;
    zipllm_task *task; /* the part being cut into units */
    uint64_t cut;      /* bytes of it that are */
    bool ended;

    /* The step's jobs and what came of the serial ones. */
    unit *plans[UNITS_MAX];
    unsigned nplans;
    bool sha_failed;
    int read_errno;
    bool read_short;
    uint64_t read_offset;
    int write_errno;
    const zipllm_pack_writer *write_failed;
} zipllm_pipeline;

/* ---- making ---------------------------------------------------------------------------------- */

zipllm_status zipllm_pipeline_new(zipllm_ingest *in, zipllm_pipeline **out)
{
    zipllm_pipeline *p = calloc(1, sizeof *p);
    if (p == NULL)
        return zipllm_fail_memory(in->error, sizeof *p);
    p->in = in;
    p->store = in->store;
    /* Two windows of input and two of output are in use at a time, but the third is needed. */
    p->window_nbytes = zipllm_store_window(in->store, 6);
    p->sha = EVP_MD_CTX_new();
    p->seeded = XXH3_createState();
    p->plain = XXH3_createState();
    bool complete = p->sha != NULL && p->seeded != NULL && p->plain != NULL;
    for (int i = 0; i < 3 && complete; i++) {
        p->windows[i] = calloc(1, sizeof *p->windows[i]);
        complete = p->windows[i] != NULL &&
                   (p->windows[i]->input = zipllm_alloc_large(2 * p->window_nbytes)) != NULL;
        if (complete)
            p->windows[i]->output = p->windows[i]->input + p->window_nbytes;
    }
    if (!complete) {
        const size_t wanted = 6 * p->window_nbytes;
        zipllm_pipeline_free(p);
        return zipllm_fail_memory(in->error, wanted);
    }
    *out = p;
    return ZIPLLM_OK;
}

zipllm_coding *zipllm_coding_new(void)
{
    return calloc(1, sizeof(zipllm_coding));
}

static void free_coding(zipllm_coding *coding)
{
    if (coding == NULL)
        return;
    bitx_plan_free(coding->plan);
    free(coding->rows);
    free(coding->header);
    free(coding);
}

static void free_task(zipllm_pipeline *p, zipllm_task *task)
{
    if (task == NULL)
        return;
    zipllm_stored_close(p->store, task->with);
    free_coding(task->coding);
    free(task);
}

static void drop_headers(window *w)
{
    for (unsigned i = 0; i < w->nheaders; i++)
        free(w->headers[i]);
    w->nheaders = 0;
    w->nwrites = 0;
}

void zipllm_pipeline_free(zipllm_pipeline *p)
{
    if (p == NULL)
        return;
    for (int i = 0; i < 3; i++) {
        if (p->windows[i] == NULL)
            continue;
        drop_headers(p->windows[i]);
        free(p->windows[i]->input);
        free(p->windows[i]);
    }
    EVP_MD_CTX_free(p->sha);
    (void)XXH3_freeState(p->seeded);
    (void)XXH3_freeState(p->plain);
    free(p);
}

/* ---- cutting parts into units ---------------------------------------------------------------- */

static bool next_task(zipllm_pipeline *p)
{
    if (p->task != NULL)
        return true;
    p->task = p->pass->next(p->pass->user);
    p->cut = 0;
    return p->task != NULL;
}

/* Fills a window with units until it is full or the parts end. */
static void cut_window(zipllm_pipeline *p, window *w)
{
    w->nunits = 0;
    w->used = 0;
    p->nplans = 0;
    while (w->nunits < UNITS_MAX && !p->ended) {
        if (!next_task(p)) {
            p->ended = true;
            break;
        }
        zipllm_task *task = p->task;
        const uint64_t rest = task->part->nbytes - p->cut;
        const size_t nbytes = rest < ZIPLLM_BLOCK_NBYTES ? (size_t)rest : ZIPLLM_BLOCK_NBYTES;
        if (w->used + nbytes > p->window_nbytes)
            break;
        unit *u = &w->units[w->nunits++];
        *u = (unit){.task = task,
                    .index = p->cut / ZIPLLM_BLOCK_NBYTES,
                    .offset = task->part->offset + p->cut,
                    .at = w->used,
                    .nbytes = nbytes,
                    .last = rest == nbytes};
        if (u->index == 0 && task->action == ZIPLLM_DO_ENCODE)
            p->plans[p->nplans++] = u;
        w->used += nbytes;
        p->cut += nbytes;
        if (u->last)
            p->task = NULL;
    }
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void read_window(zipllm_pipeline *p, window *w)
{
    for (unsigned i = 0; i < w->nunits;) {
        const unit *first = &w->units[i];
        size_t nbytes = 0;
        for (; i < w->nunits && w->units[i].offset == first->offset + nbytes; i++)
            nbytes += w->units[i].nbytes;
        const ssize_t got = zipllm_pread(p->pass->fd, w->input + first->at, nbytes, first->offset);
        if (got == (ssize_t)nbytes)
            continue;
        p->read_errno = got < 0 ? errno : 0;
        p->read_short = got >= 0;
        p->read_offset = first->offset + (got > 0 ? (uint64_t)got : 0);
        return;
    }
}

/* A sketch is a help, not a promise: without memory there is none. */
static void begin_sketch(zipllm_pipeline *p, zipllm_part *part)
{
    const uint64_t most = p->store->memory_nbytes / 8;
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

static void hash_window(zipllm_pipeline *p, const window *w)
{
    for (unsigned i = 0; i < w->nunits; i++) {
        const unit *u = &w->units[i];
        const bool plain = p->pass->second && u->task->action == ZIPLLM_DO_ENCODE;
        if (u->index == 0) {
            (void)XXH3_128bits_reset_withSeed(p->seeded, p->store->seed);
            (void)XXH3_128bits_reset(p->plain);
            if (!p->pass->second)
                begin_sketch(p, u->task->part);
        }
        if (!p->pass->second)
            zipllm_sketcher_update(&p->sketcher, w->input + u->at, u->nbytes);
        (void)XXH3_128bits_update(p->seeded, w->input + u->at, u->nbytes);
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
    const write_record *x = a, *y = b;
    if (x->writer != y->writer)
        return x->writer < y->writer ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Records that join are written by one call. */
static void write_window(zipllm_pipeline *p, window *w)
{
    struct iovec iov[2 * UNITS_MAX];
    qsort(w->writes, w->nwrites, sizeof w->writes[0], by_place);
    for (unsigned i = 0; i < w->nwrites;) {
        const write_record *first = &w->writes[i];
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
    }
}

/* What a plan reads its sample from. */
typedef struct sample_source {
    const zipllm_pipeline *p;
    const unit *unit;
    zipllm_worker *worker;
    uint64_t cached; /* 1 + block of the base in worker->base */
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

static int read_base_sample(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    sample_source *s = user;
    const zipllm_task *task = s->unit->task;
    uint8_t *to = dst;
    while (nbytes > 0) {
        const uint64_t index = offset / ZIPLLM_BLOCK_NBYTES;
        const size_t within = (size_t)(offset % ZIPLLM_BLOCK_NBYTES);
        if (index >= task->with->info.nblocks)
            return -1;
        const size_t size = zipllm_stored_block_nbytes(task->with, index);
        if (s->cached != index + 1 &&
            !zipllm_stored_block(task->with, s->worker, index, s->worker->block, NULL,
                                 &task->coding->fault)) {
            task->coding->fault.in_base = false; /* `with` is the base itself */
            return -1;
        }
        s->cached = index + 1;
        if (within >= size)
            return -1;
        const size_t n = size - within < nbytes ? size - within : nbytes;
        memcpy(to, s->worker->block + within, n);
        to += n;
        offset += n;
        nbytes -= n;
    }
    return 0;
}

static void make_plan(zipllm_pipeline *p, const unit *u, zipllm_worker *worker)
{
    const zipllm_task *task = u->task;
    zipllm_coding *coding = task->coding;
    sample_source sample = {p, u, worker, 0};
    const bitx_source own = {read_sample, &sample}, base = {read_base_sample, &sample};
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = task->part->dtype;
    params.block_nbytes = ZIPLLM_BLOCK_NBYTES;
    const bool has_base = task->with != NULL;
    const bitx_status status =
        bitx_plan_new(worker->plan_ctx, &params, &own, task->part->nbytes, has_base ? &base : NULL,
                      has_base ? task->with->row.nbytes : 0,
                      has_base ? task->with->row.plain : NULL, &coding->plan);
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

static void encode_unit(window *w, unit *u, zipllm_worker *worker)
{
    const zipllm_task *task = u->task;
    const zipllm_coding *coding = task->coding;
    size_t base_nbytes = 0;
    if (coding->geometry.base_nbytes != 0 && u->index < task->with->info.nblocks) {
        base_nbytes = zipllm_stored_block_nbytes(task->with, u->index);
        if (!zipllm_stored_block(task->with, worker, u->index, worker->block, NULL, &u->fault))
            return;
        base_nbytes = base_nbytes < u->nbytes ? base_nbytes : u->nbytes;
    }
    uint8_t *payload = w->output + u->at;
    const bitx_status status = bitx_block_encode(
        worker->ctx, coding->plan, u->index, payload, u->nbytes, &u->block, w->input + u->at,
        u->nbytes, base_nbytes != 0 ? worker->block : NULL, base_nbytes);
    if (status != BITX_OK)
        u->fault = (zipllm_fault){.status = ZIPLLM_ERROR, .codec = status};
    else
        u->sum = zipllm_check_sum(payload, u->block.payload_nbytes);
}

static void compare_unit(const window *w, unit *u, zipllm_worker *worker)
{
    if (zipllm_stored_block(u->task->with, worker, u->index, worker->block, NULL, &u->fault))
        u->different = memcmp(worker->block, w->input + u->at, u->nbytes) != 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

typedef enum job_kind { JOB_SHA, JOB_READ, JOB_WRITE, JOB_HASH, JOB_KINDS } job_kind;

typedef struct step {
    zipllm_pipeline *p;
    window *reading, *coding, *writing;
    job_kind serial[JOB_KINDS];
    unsigned nserial;
} step;

static void run_serial(const step *s, job_kind kind)
{
    zipllm_pipeline *p = s->p;
    switch (kind) {
    case JOB_SHA:
        if (EVP_DigestUpdate(p->sha, s->coding->input, s->coding->used) != 1)
            p->sha_failed = true;
        break;
    case JOB_READ:
        read_window(p, s->reading);
        break;
    case JOB_WRITE:
        write_window(p, s->writing);
        break;
    case JOB_HASH:
        hash_window(p, s->coding);
        break;
    case JOB_KINDS:
        break;
    }
}

static void run_job(void *arg, size_t index, unsigned worker)
{
    const step *s = arg;
    zipllm_worker *mine = &s->p->store->workers[worker];
    if (index < s->nserial) {
        run_serial(s, s->serial[index]);
        return;
    }
    index -= s->nserial;
    if (index < s->p->nplans) {
        make_plan(s->p, s->p->plans[index], mine);
        return;
    }
    unit *u = &s->coding->units[index - s->p->nplans];
    if (u->task->action == ZIPLLM_DO_ENCODE)
        encode_unit(s->coding, u, mine);
    else if (u->task->action == ZIPLLM_DO_COMPARE)
        compare_unit(s->coding, u, mine);
}

static zipllm_status unit_fault(const zipllm_pipeline *p, const unit *u, const zipllm_fault *fault)
{
    if (u->task->with != NULL && (fault->status == ZIPLLM_DAMAGED || fault->os_errno != 0) &&
        fault->offset != 0)
        return zipllm_stored_fault(p->store, u->task->with, fault, p->in->error);
    return zipllm_fail(p->in->error, fault->status, p->pass->shown, u->offset, fault->os_errno,
                       "%s",
                       fault->codec != BITX_OK ? bitx_status_name(fault->codec) : "cannot read");
}

static zipllm_status check_serial(const zipllm_pipeline *p)
{
    zipllm_error *error = p->in->error;
    if (p->sha_failed)
        return zipllm_fail(error, ZIPLLM_ERROR, p->pass->shown, ZIPLLM_NO_OFFSET, 0,
                           "SHA-256 failed");
    if (p->read_short)
        return zipllm_fail(error, ZIPLLM_ERROR, p->pass->shown, p->read_offset, 0,
                           "changed while being read: it became shorter");
    if (p->read_errno != 0)
        return zipllm_fail(error, ZIPLLM_ERROR, p->pass->shown, p->read_offset, p->read_errno,
                           "cannot read");
    if (p->write_failed != NULL)
        return zipllm_fail_at(p->write_failed->dir, p->write_failed->tmp, p->write_errno,
                              "cannot write", error);
    return ZIPLLM_OK;
}

static zipllm_status check_units(const zipllm_pipeline *p, const window *coding)
{
    for (unsigned i = 0; coding != NULL && i < coding->nunits; i++)
        if (coding->units[i].fault.status != ZIPLLM_OK)
            return unit_fault(p, &coding->units[i], &coding->units[i].fault);
    for (unsigned i = 0; i < p->nplans; i++)
        if (p->plans[i]->task->coding->fault.status != ZIPLLM_OK)
            return unit_fault(p, p->plans[i], &p->plans[i]->task->coding->fault);
    return ZIPLLM_OK;
}

static zipllm_status run_step(zipllm_pipeline *p, window *reading, window *coding, window *writing)
{
    step s = {.p = p, .reading = reading, .coding = coding, .writing = writing};
    if (coding != NULL && p->pass->sha256)
        s.serial[s.nserial++] = JOB_SHA;
    if (reading != NULL && reading->nunits > 0)
        s.serial[s.nserial++] = JOB_READ;
    if (writing != NULL && writing->nwrites > 0)
        s.serial[s.nserial++] = JOB_WRITE;
    if (coding != NULL)
        s.serial[s.nserial++] = JOB_HASH;
    const size_t nunits = coding != NULL ? coding->nunits : 0;
    zipllm_store_run(p->store, run_job, &s, s.nserial + p->nplans + nunits);
    if (writing != NULL)
        drop_headers(writing);
    const zipllm_status status = check_serial(p);
    return status == ZIPLLM_OK ? check_units(p, coding) : status;
}

/* ---- after a step: places in the pack, finished parts ------------------------------------------
 */

static void put_write(window *w, zipllm_pack_writer *writer, uint64_t offset, const uint8_t *bytes,
                      size_t nbytes)
{
    if (nbytes != 0)
        w->writes[w->nwrites++] = (write_record){writer, offset, bytes, nbytes};
}

/* The last block is coded: the header, which the next write takes, and the footer's entry. */
static zipllm_status finish_frame(zipllm_pipeline *p, window *w, const zipllm_task *task)
{
    zipllm_coding *coding = task->coding;
    const size_t nbytes = (size_t)coding->geometry.header_nbytes;
    uint8_t *header = malloc(nbytes);
    if (header == NULL)
        return zipllm_fail_memory(p->in->error, nbytes);
    w->headers[w->nheaders++] = header;
    const bitx_status written = bitx_header_write(coding->plan, header, nbytes, coding->rows);
    if (written != BITX_OK)
        return zipllm_fail(p->in->error, ZIPLLM_ERROR, p->pass->shown, task->part->offset, 0, "%s",
                           bitx_status_name(written));
    put_write(w, coding->writer, coding->offset, header, nbytes);

    zipllm_fresh *fresh = &p->in->fresh[task->fresh - 1];
    fresh->writer = coding->writer;
    fresh->row.offset = coding->offset;
    fresh->row.length = coding->writer->size - coding->offset;
    fresh->row.check = zipllm_check_fold(coding->check, zipllm_check_sum(header, nbytes));
    fresh->row.dtype = (uint32_t)task->part->dtype;
    memcpy(fresh->row.plain, task->plain, sizeof fresh->row.plain);
    if (coding->geometry.base_nbytes != 0) {
        fresh->parent = task->with->row;
        fresh->row.parent = fresh->parent.id;
    }
    fresh->coded = true;
    fresh->pass = p->in->pass;
    zipllm_pack_entry entry = {.offset = fresh->row.offset,
                               .length = fresh->row.length,
                               .nbytes = fresh->row.nbytes,
                               .check = fresh->row.check,
                               .ordinal = fresh->row.ordinal,
                               .dtype = fresh->row.dtype,
                               .nparents = fresh->parent.id != 0,
                               .parent_ordinal = fresh->parent.ordinal,
                               .parent_nbytes = fresh->parent.nbytes};
    memcpy(entry.hash, fresh->row.hash, sizeof entry.hash);
    memcpy(entry.plain, fresh->row.plain, sizeof entry.plain);
    memcpy(entry.parent_hash, fresh->parent.hash, sizeof entry.parent_hash);
    return zipllm_pack_enter(coding->writer, &entry, p->in->error);
}

/* Gives a coded block its place; frames lie one after the other, in the order of their parts. */
static zipllm_status place_unit(zipllm_pipeline *p, window *w, const unit *u)
{
    zipllm_coding *coding = u->task->coding;
    if (u->index == 0) {
        const zipllm_status status = zipllm_ingest_writer(p->in, &coding->writer);
        if (status != ZIPLLM_OK)
            return status;
        coding->offset = coding->writer->size;
        coding->writer->size += coding->geometry.header_nbytes;
    }
    coding->rows[u->index] = u->block;
    coding->check = zipllm_check_fold(coding->check, u->sum);
    put_write(w, coding->writer, coding->writer->size, w->output + u->at, u->block.payload_nbytes);
    coding->writer->size += u->block.payload_nbytes;
    return u->last ? finish_frame(p, w, u->task) : ZIPLLM_OK;
}

/* Frees the task of units[last], which its other units in this window must not point to then. */
static void forget_task(zipllm_pipeline *p, window *w, unsigned last)
{
    zipllm_task *task = w->units[last].task;
    for (unsigned i = last + 1; i-- > 0 && w->units[i].task == task;)
        w->units[i].task = NULL;
    free_task(p, task);
}

static zipllm_status settle(zipllm_pipeline *p, window *w)
{
    for (unsigned i = 0; i < w->nunits; i++) {
        unit *u = &w->units[i];
        zipllm_status status = ZIPLLM_OK;
        if (u->different)
            u->task->equal = false;
        if (u->last && memcmp(u->task->hash, u->task->part->hash, ZIPLLM_HASH_NBYTES) != 0 &&
            p->pass->second)
            return zipllm_fail(p->in->error, ZIPLLM_ERROR, p->pass->shown, u->task->part->offset, 0,
                               "changed while being read");
        if (u->task->action == ZIPLLM_DO_ENCODE)
            status = place_unit(p, w, u);
        if (status == ZIPLLM_OK && u->last) {
            status = p->pass->finish(p->pass->user, u->task);
            forget_task(p, w, i);
        }
        if (status != ZIPLLM_OK)
            return status;
        p->in->done += u->nbytes;
    }
    const uint64_t done = p->in->done / 2 < p->in->total ? p->in->done / 2 : p->in->total;
    return zipllm_store_progress(p->store, p->pass->phase, p->pass->shown, done, p->in->total,
                                 p->in->error);
}

/* Frees the tasks that an error left behind: those that units point to, and the one being cut. */
static void drop_tasks(zipllm_pipeline *p)
{
    zipllm_task *dropped = NULL;
    for (int i = 0; i < 3; i++) {
        for (unsigned k = 0; k < p->windows[i]->nunits; k++) {
            zipllm_task *task = p->windows[i]->units[k].task;
            if (task == NULL || task == p->task || task->part == NULL)
                continue;
            task->part = NULL; /* listed; other units may point to it too */
            task->next = dropped;
            dropped = task;
        }
        p->windows[i]->nunits = 0;
    }
    while (dropped != NULL) {
        zipllm_task *task = dropped;
        dropped = task->next;
        free_task(p, task);
    }
    free_task(p, p->task);
    p->task = NULL;
}

static zipllm_status begin(zipllm_pipeline *p, const zipllm_pass *pass)
{
    p->pass = pass;
    p->task = NULL;
    p->ended = false;
    p->nplans = 0;
    p->sha_failed = p->read_short = false;
    p->read_errno = p->write_errno = 0;
    p->write_failed = NULL;
    for (int i = 0; i < 3; i++)
        p->windows[i]->nunits = p->windows[i]->nwrites = 0;
    if (pass->sha256 && EVP_DigestInit_ex(p->sha, EVP_sha256(), NULL) != 1)
        return zipllm_fail(p->in->error, ZIPLLM_ERROR, NULL, ZIPLLM_NO_OFFSET, 0,
                           "SHA-256 is not available");
    return ZIPLLM_OK;
}

zipllm_status zipllm_pipeline_run(zipllm_pipeline *p, const zipllm_pass *pass)
{
    zipllm_status status = begin(p, pass);
    window *reading = p->windows[0], *coding = NULL, *writing = NULL;
    if (status == ZIPLLM_OK) {
        cut_window(p, reading);
        status = run_step(p, reading, NULL, NULL);
    }
    while (status == ZIPLLM_OK && (reading->nunits > 0 || writing != NULL)) {
        /* What was read is coded now, what was coded is written, and the written one is free. */
        coding = reading->nunits > 0 ? reading : NULL;
        reading = p->windows[0] != coding && p->windows[0] != writing   ? p->windows[0]
                  : p->windows[1] != coding && p->windows[1] != writing ? p->windows[1]
                                                                        : p->windows[2];
        cut_window(p, reading);
        status = run_step(p, reading, coding, writing);
        if (status == ZIPLLM_OK && coding != NULL)
            status = settle(p, coding);
        writing = coding;
        if (coding != NULL)
            coding->nunits = 0;
    }
    unsigned length = 0;
    if (status == ZIPLLM_OK && pass->sha256 && EVP_DigestFinal_ex(p->sha, pass->sum, &length) != 1)
        status = zipllm_fail(p->in->error, ZIPLLM_ERROR, pass->shown, ZIPLLM_NO_OFFSET, 0,
                             "SHA-256 failed");
    drop_tasks(p);
    return status;
}
