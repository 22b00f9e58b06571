/* The steps of a pass: cutting parts into windows, and what follows the jobs. See pipeline.h. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "memory.h"
#include "pipeline.h"

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

static void free_coding(zipllm_pipeline *p, zipllm_coding *coding)
{
    if (coding == NULL)
        return;
    zipllm_base_blocks_drop(&p->base_blocks, &coding->kept);
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
    for (unsigned k = 0; k < task->nblend; k++)
        zipllm_stored_close(p->store, task->blend[k]);
    for (unsigned k = 0; k < 2; k++)
        zipllm_stored_close(p->store, task->factors[k]);
    free_coding(p, task->coding);
    free(task);
}

static void drop_headers(zipllm_window *w)
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
    zipllm_base_blocks_free(&p->base_blocks);
    free(p->bases);
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

/* Tensors smaller than this are decoded twice rather than take a block's room. */
enum { KEPT_NBYTES_MIN = 1 << 16 };

/* The base's blocks are decoded in the step that reads the tensor's beginning, and then planned. */
static void prepare_plan(zipllm_pipeline *p, zipllm_unit *u)
{
    const zipllm_task *task = u->task;
    p->plans[p->nplans++] = u;
    if (task->with == NULL || task->nblend != 0 || task->part->nbytes < KEPT_NBYTES_MIN ||
        task->with->row.dtype != (uint32_t)task->part->dtype)
        return;
    const uint64_t own = (task->part->nbytes - 1) / ZIPLLM_BLOCK_NBYTES + 1;
    const uint64_t theirs = task->with->info.nblocks;
    zipllm_kept_blocks *kept = &task->coding->kept;
    zipllm_base_blocks_take(&p->base_blocks, p->store, kept, own < theirs ? own : theirs);
    if (p->nbases + kept->n > p->bases_cap) {
        const size_t cap = 2 * (p->nbases + (size_t)kept->n);
        zipllm_base_job *bases = realloc(p->bases, cap * sizeof *bases);
        if (bases == NULL) {
            zipllm_base_blocks_drop(&p->base_blocks, kept);
            return;
        }
        p->bases = bases;
        p->bases_cap = cap;
    }
    for (uint64_t i = 0; i < kept->n; i++)
        p->bases[p->nbases++] = (zipllm_base_job){u, i, false};
}

/* After the jobs: blocks that are damaged, and those of tensors that do without their base. What is
   damaged is met again, and told of, by whoever needs it. */
static void settle_bases(zipllm_pipeline *p)
{
    for (size_t i = 0; i < p->nbases; i++) {
        const zipllm_base_job *job = &p->bases[i];
        zipllm_coding *coding = job->unit->task->coding;
        if (job->failed || coding->nbases == 0)
            zipllm_base_blocks_give(&p->base_blocks, &coding->kept, job->index);
    }
    p->nbases = 0;
}

/* Fills a window with units until it is full or the parts end. */
static void cut_window(zipllm_pipeline *p, zipllm_window *w)
{
    w->nunits = 0;
    w->used = 0;
    p->nplans = 0;
    p->nbases = 0;
    while (w->nunits < ZIPLLM_UNITS_MAX && !p->ended) {
        if (!next_task(p)) {
            p->ended = true;
            break;
        }
        zipllm_task *task = p->task;
        const uint64_t rest = task->part->nbytes - p->cut;
        const size_t nbytes = rest < ZIPLLM_BLOCK_NBYTES ? (size_t)rest : ZIPLLM_BLOCK_NBYTES;
        if (w->used + nbytes > p->window_nbytes)
            break;
        zipllm_unit *u = &w->units[w->nunits++];
        *u = (zipllm_unit){.task = task,
                           .index = p->cut / ZIPLLM_BLOCK_NBYTES,
                           .offset = task->part->offset + p->cut,
                           .at = w->used,
                           .nbytes = nbytes,
                           .last = rest == nbytes};
        if (u->index == 0 && task->action == ZIPLLM_DO_ENCODE)
            prepare_plan(p, u);
        w->used += nbytes;
        p->cut += nbytes;
        if (u->last)
            p->task = NULL;
    }
}

/* ---- steps ----------------------------------------------------------------------------------- */

static zipllm_status unit_fault(const zipllm_pipeline *p, const zipllm_unit *u,
                                const zipllm_fault *fault)
{
    if (fault->in != NULL && (fault->status == ZIPLLM_DAMAGED || fault->os_errno != 0) &&
        fault->offset != 0)
        return zipllm_stored_fault(p->store, fault->in, fault, p->in->error);
    return zipllm_fail(p->in->error, fault->status, p->pass->shown, u->offset, fault->os_errno,
                       "%s",
                       fault->codec != BITX_OK ? bitx_status_name(fault->codec) : "cannot read");
}

static zipllm_status check_serial(const zipllm_pipeline *p, const zipllm_window *reading)
{
    zipllm_error *error = p->in->error;
    if (p->sha_failed)
        return zipllm_fail(error, ZIPLLM_ERROR, p->pass->shown, ZIPLLM_NO_OFFSET, 0,
                           "SHA-256 failed");
    for (unsigned i = 0; reading != NULL && i < reading->nreads; i++) {
        const zipllm_read *r = &reading->reads[i];
        if (r->failed && r->os_errno == 0)
            return zipllm_fail(error, ZIPLLM_ERROR, p->pass->shown, r->offset, 0,
                               "changed while being read: it became shorter");
        if (r->failed)
            return zipllm_fail(error, ZIPLLM_ERROR, p->pass->shown, r->offset, r->os_errno,
                               "cannot read");
    }
    if (p->write_failed != NULL)
        return zipllm_fail_at(p->write_failed->dir, p->write_failed->tmp, p->write_errno,
                              "cannot write", error);
    return ZIPLLM_OK;
}

static zipllm_status check_units(const zipllm_pipeline *p, const zipllm_window *coding)
{
    for (unsigned i = 0; coding != NULL && i < coding->nunits; i++)
        if (coding->units[i].fault.status != ZIPLLM_OK)
            return unit_fault(p, &coding->units[i], &coding->units[i].fault);
    for (unsigned i = 0; i < p->nplans; i++)
        if (p->plans[i]->task->coding->fault.status != ZIPLLM_OK)
            return unit_fault(p, p->plans[i], &p->plans[i]->task->coding->fault);
    return ZIPLLM_OK;
}

static zipllm_status run_step(zipllm_pipeline *p, zipllm_window *reading, zipllm_window *coding,
                              zipllm_window *writing)
{
    zipllm_step s = {.p = p, .reading = reading, .coding = coding, .writing = writing};
    zipllm_pipeline_jobs(&s);
    settle_bases(p);
    if (writing != NULL)
        drop_headers(writing);
    const zipllm_status status = check_serial(p, reading);
    return status == ZIPLLM_OK ? check_units(p, coding) : status;
}

/* ---- after a step: finished parts --------------------------------------------------------------
 */

/* Frees the task of units[last], which its other units in this window must not point to then. */
static void forget_task(zipllm_pipeline *p, zipllm_window *w, unsigned last)
{
    zipllm_task *task = w->units[last].task;
    for (unsigned i = last + 1; i-- > 0 && w->units[i].task == task;)
        w->units[i].task = NULL;
    free_task(p, task);
}

static zipllm_status settle(zipllm_pipeline *p, zipllm_window *w)
{
    for (unsigned i = 0; i < w->nunits; i++) {
        zipllm_unit *u = &w->units[i];
        zipllm_status status = ZIPLLM_OK;
        if (u->different)
            u->task->equal = false;
        if (u->last && memcmp(u->task->hash, u->task->part->hash, ZIPLLM_HASH_NBYTES) != 0 &&
            p->pass->second)
            return zipllm_fail(p->in->error, ZIPLLM_ERROR, p->pass->shown, u->task->part->offset, 0,
                               "changed while being read");
        if (u->task->action == ZIPLLM_DO_ENCODE) {
            zipllm_base_blocks_give(&p->base_blocks, &u->task->coding->kept, u->index);
            status = zipllm_pipeline_place(p, w, u);
        }
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
    p->sha_failed = false;
    p->write_errno = 0;
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
    zipllm_window *reading = p->windows[0], *coding = NULL, *writing = NULL;
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
