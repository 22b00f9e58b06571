/*
 * Steps on the executor's parallel-for, as in pipeline.c; one step's jobs are: take the SHA-256 of
 * window k-1, write its small blocks, and decode the blocks of window k, of which each large one is
 * written at once, while it is in the cache.
 */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "memory.h"

enum {
    UNITS_MAX = 256,
    SMALL_NBYTES = 1 << 16 /* blocks below are written together */
};

typedef struct part {
    zipllm_stored *stored;
    char *name;
    int kind;
    bool damaged;
} part;

/* A row of file_part, copied, so that no cursor holds up those who write. */
typedef struct entry {
    int64_t tensor;
    uint64_t nbytes;
    char *name;
    int kind;
} entry;

typedef struct unit {
    part *part;
    uint64_t index;
    size_t at, nbytes;
    bool last, skipped;
    zipllm_block_sums sums;
    zipllm_fault fault;
    int write_errno;
} unit;

typedef struct run {
    size_t at, nbytes;
} run;

typedef struct window {
    uint8_t *data;
    size_t used;
    uint64_t offset; /* in the file */
    unit units[UNITS_MAX];
    unsigned nunits;
    run runs[UNITS_MAX]; /* small blocks that join, to be written */
    unsigned nruns;
} window;

struct zipllm_restore {
    zipllm_store *store;
    size_t window_nbytes;
    window *windows[2];
    EVP_MD_CTX *sha;
    uint64_t done, total;
    uint64_t random; /* xorshift state for samples */

    /* the file at hand */
    zipllm_restore_job *job;
    entry *entries; /* its parts that have bytes */
    size_t nentries, next;
    part *part;      /* being cut into units */
    uint64_t cut;    /* bytes of it that are */
    uint64_t offset; /* of the file so far */
    int write_errno;
    bool sha_failed;
};

zipllm_status zipllm_restore_new(zipllm_store *store, zipllm_restore **out, zipllm_error *error)
{
    zipllm_status status = zipllm_store_workers(store, error);
    if (status != ZIPLLM_OK)
        return status;
    zipllm_restore *r = calloc(1, sizeof *r);
    if (r == NULL)
        return zipllm_fail_memory(error, sizeof *r);
    r->store = store;
    r->window_nbytes = zipllm_store_window(store, 3);
    r->sha = EVP_MD_CTX_new();
    bool complete = r->sha != NULL && zipllm_random(&r->random, sizeof r->random) == 0;
    r->random |= 1;
    for (int i = 0; i < 2 && complete; i++) {
        r->windows[i] = calloc(1, sizeof *r->windows[i]);
        complete = r->windows[i] != NULL &&
                   (r->windows[i]->data = zipllm_alloc_large(r->window_nbytes)) != NULL;
    }
    if (!complete) {
        const size_t wanted = 2 * r->window_nbytes;
        zipllm_restore_free(r);
        return zipllm_fail_memory(error, wanted);
    }
    *out = r;
    return ZIPLLM_OK;
}

void zipllm_restore_free(zipllm_restore *r)
{
    if (r == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        if (r->windows[i] != NULL)
            free(r->windows[i]->data);
        free(r->windows[i]);
    }
    EVP_MD_CTX_free(r->sha);
    free(r);
}

void zipllm_restore_total(zipllm_restore *r, uint64_t total)
{
    r->total = total;
    r->done = 0;
}

/* ---- parts into units --------------------------------------------------------------------------
 */

static void free_part(zipllm_restore *r, part *p)
{
    if (p == NULL)
        return;
    zipllm_stored_close(r->store, p->stored);
    free(p->name);
    free(p);
}

/* Tells of damage; ZIPLLM_OK to go on. */
static zipllm_status tell(zipllm_restore *r, part *p, zipllm_status status, zipllm_error *error)
{
    if (status != ZIPLLM_DAMAGED)
        return status;
    r->job->whole = false;
    if (p->damaged)
        return ZIPLLM_OK;
    p->damaged = true;
    if (r->job->damage != NULL && r->job->damage(r->job->user, p->kind, p->name, error))
        return ZIPLLM_OK;
    return status;
}

static zipllm_status make_part(zipllm_restore *r, entry *from, zipllm_error *error)
{
    part *p = calloc(1, sizeof *p);
    if (p == NULL)
        return zipllm_fail_memory(error, sizeof *p);
    p->kind = from->kind;
    p->name = from->name;
    from->name = NULL;
    zipllm_tensor_row tensor;
    zipllm_status status = zipllm_index_tensor(r->store->index, from->tensor, &tensor, error);
    if (status == ZIPLLM_OK && (tensor.id == 0 || tensor.nbytes != from->nbytes))
        status = zipllm_fail(error, ZIPLLM_DAMAGED, r->store->dir.path, ZIPLLM_NO_OFFSET, 0,
                             "index: a part of the file has no tensor of its length");
    if (status == ZIPLLM_OK)
        status = zipllm_stored_open(r->store, &tensor, &p->stored, error);
    if (status == ZIPLLM_OK) {
        r->part = p;
        r->cut = 0;
        return ZIPLLM_OK;
    }
    /* Nothing after it can be put at its place, but it can be checked. */
    status = tell(r, p, status, error);
    free_part(r, p);
    return status;
}

/* Opens the next part, unless one is open. */
static zipllm_status next_part(zipllm_restore *r, zipllm_error *error)
{
    while (r->part == NULL && r->next < r->nentries) {
        const zipllm_status status = make_part(r, &r->entries[r->next++], error);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

static zipllm_status add_entry(zipllm_restore *r, const zipllm_part_row *row, zipllm_error *error)
{
    if ((r->nentries & (r->nentries - 1)) == 0) {
        const size_t cap = r->nentries == 0 ? 1 : 2 * r->nentries;
        entry *entries = realloc(r->entries, cap * sizeof *entries);
        if (entries == NULL)
            return zipllm_fail_memory(error, cap * sizeof *entries);
        r->entries = entries;
    }
    char *name = strdup(row->name);
    if (name == NULL)
        return zipllm_fail_memory(error, strlen(row->name));
    r->entries[r->nentries++] = (entry){row->tensor, row->nbytes, name, row->kind};
    return ZIPLLM_OK;
}

static zipllm_status list_entries(zipllm_restore *r, int64_t file, zipllm_error *error)
{
    zipllm_index *index = r->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_FILE_PARTS, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, file);
    int step;
    while ((step = zipllm_index_step(index, s, error)) > 0) {
        zipllm_part_row row;
        zipllm_index_part_columns(s, &row);
        if (row.nbytes != 0 && add_entry(r, &row, error) != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return ZIPLLM_ERROR;
        }
    }
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

static void drop_entries(zipllm_restore *r)
{
    for (size_t i = 0; i < r->nentries; i++)
        free(r->entries[i].name);
    free(r->entries);
    r->entries = NULL;
    r->nentries = r->next = 0;
}

/* Is this block of the sample? Every part's first one is, so that no tensor goes unseen. */
static bool chosen(zipllm_restore *r, uint64_t index)
{
    if (r->job->sample_percent <= 0 || index == 0)
        return true;
    r->random ^= r->random << 13;
    r->random ^= r->random >> 7;
    r->random ^= r->random << 17;
    return (double)(r->random >> 11) * 0x1p-53 * 100 < r->job->sample_percent;
}

static zipllm_status cut_window(zipllm_restore *r, window *w, zipllm_error *error)
{
    w->nunits = 0;
    w->used = 0;
    w->offset = r->offset;
    while (w->nunits < UNITS_MAX) {
        const zipllm_status status = next_part(r, error);
        if (status != ZIPLLM_OK)
            return status;
        if (r->part == NULL)
            break;
        const uint64_t rest = r->part->stored->row.nbytes - r->cut;
        const size_t nbytes = rest < ZIPLLM_BLOCK_NBYTES ? (size_t)rest : ZIPLLM_BLOCK_NBYTES;
        if (w->used + nbytes > r->window_nbytes)
            break;
        const uint64_t index = r->cut / ZIPLLM_BLOCK_NBYTES;
        unit *u = &w->units[w->nunits++];
        *u = (unit){.part = r->part,
                    .index = index,
                    .at = w->used,
                    .nbytes = nbytes,
                    .last = rest == nbytes,
                    .skipped = !chosen(r, index)};
        w->used += nbytes;
        r->offset += nbytes;
        r->cut += nbytes;
        if (u->last)
            r->part = NULL;
    }
    return ZIPLLM_OK;
}

/* ---- jobs --------------------------------------------------------------------------------------
 */

typedef struct step {
    zipllm_restore *r;
    window *decoding, *writing;
    bool sha, write;
} step;

static void take_sha(zipllm_restore *r, const window *w)
{
    if (EVP_DigestUpdate(r->sha, w->data, w->used) != 1)
        r->sha_failed = true;
}

/* What its blocks left to do: the small ones, and to begin writing back now, so that the fsync at
   the end finds little to do. */
static void write_window(zipllm_restore *r, const window *w)
{
    for (unsigned i = 0; i < w->nruns; i++) {
        const run *at = &w->runs[i];
        if (zipllm_pwrite(r->job->fd, w->data + at->at, at->nbytes, w->offset + at->at) != 0) {
            r->write_errno = errno;
            return;
        }
    }
    (void)sync_file_range(r->job->fd, (off_t)w->offset, (off_t)w->used, SYNC_FILE_RANGE_WRITE);
}

/* Adds a small block to the runs. */
static void put_run(window *w, const unit *u)
{
    run *last = w->nruns > 0 ? &w->runs[w->nruns - 1] : NULL;
    if (u->nbytes >= SMALL_NBYTES)
        return;
    if (last != NULL && last->at + last->nbytes == u->at)
        last->nbytes += u->nbytes;
    else
        w->runs[w->nruns++] = (run){u->at, u->nbytes};
}

static void decode_unit(zipllm_restore *r, window *w, unit *u, unsigned worker)
{
    if (u->skipped || !zipllm_stored_block(u->part->stored, &r->store->workers[worker], u->index,
                                           w->data + u->at, &u->sums, &u->fault))
        return;
    if (r->job->fd >= 0 && u->nbytes >= SMALL_NBYTES &&
        zipllm_pwrite(r->job->fd, w->data + u->at, u->nbytes, w->offset + u->at) != 0)
        u->write_errno = errno;
}

static void run_job(void *arg, size_t index, unsigned worker)
{
    const step *s = arg;
    const size_t first_write = s->sha ? 1 : 0, first_unit = first_write + (s->write ? 1 : 0);
    if (index < first_write) {
        take_sha(s->r, s->writing);
    } else if (index < first_unit) {
        write_window(s->r, s->writing);
    } else {
        decode_unit(s->r, s->decoding, &s->decoding->units[index - first_unit], worker);
    }
}

static zipllm_status run_step(zipllm_restore *r, window *decoding, window *writing,
                              zipllm_error *error)
{
    step s = {r, decoding, writing, false, false};
    if (writing != NULL && writing->used != 0) {
        s.sha = r->job->sha256 && r->job->whole;
        s.write = r->job->fd >= 0;
    }
    const size_t nunits = decoding != NULL ? decoding->nunits : 0;
    zipllm_store_run(r->store, run_job, &s, (size_t)s.sha + (size_t)s.write + nunits);
    if (r->sha_failed)
        return zipllm_fail(error, ZIPLLM_ERROR, r->job->shown, ZIPLLM_NO_OFFSET, 0,
                           "SHA-256 failed");
    for (size_t i = 0; i < nunits && r->write_errno == 0; i++)
        r->write_errno = decoding->units[i].write_errno;
    if (r->write_errno != 0)
        return zipllm_fail_os(error, r->job->shown, r->write_errno, "cannot write");
    return ZIPLLM_OK;
}

/* ---- after a step ------------------------------------------------------------------------------
 */

static zipllm_status settle_unit(zipllm_restore *r, unit *u, zipllm_error *error)
{
    part *p = u->part;
    zipllm_status status = ZIPLLM_OK;
    if (u->skipped) {
        r->job->whole = false;
    } else if (u->fault.status != ZIPLLM_OK) {
        status = zipllm_stored_fault(r->store, p->stored, &u->fault, error);
        status = tell(r, p, status, error);
    } else {
        zipllm_stored_fold(p->stored, u->index, &u->sums);
        r->job->done += u->nbytes;
    }
    if (status == ZIPLLM_OK && u->last) {
        zipllm_fault fault = {.status = ZIPLLM_OK};
        if (!p->damaged && !zipllm_stored_whole(p->stored, &fault)) {
            status = zipllm_stored_fault(r->store, p->stored, &fault, error);
            status = tell(r, p, status, error);
        }
    }
    r->done += u->nbytes;
    return status;
}

static zipllm_status settle(zipllm_restore *r, window *w, zipllm_error *error)
{
    w->nruns = 0;
    for (unsigned i = 0; i < w->nunits; i++) {
        unit *u = &w->units[i];
        const zipllm_status status = settle_unit(r, u, error);
        if (status != ZIPLLM_OK)
            return status;
        put_run(w, u);
        if (!u->last)
            continue;
        part *finished = u->part;
        for (unsigned k = i + 1; k-- > 0 && w->units[k].part == finished;)
            w->units[k].part = NULL;
        free_part(r, finished);
    }
    w->nunits = 0;
    return zipllm_store_progress(r->store, r->job->phase, r->job->shown, r->done, r->total, error);
}

/* Parts that an error left: units of one window refer to at most one that is not finished there and
   is r->part too, so each is freed once. */
static void drop_parts(zipllm_restore *r)
{
    for (int i = 0; i < 2; i++) {
        window *w = r->windows[i];
        for (unsigned k = 0; k < w->nunits; k++) {
            part *p = w->units[k].part;
            if (p == NULL || p == r->part)
                continue;
            for (int j = i; j < 2; j++)
                for (unsigned m = 0; m < r->windows[j]->nunits; m++)
                    if (r->windows[j]->units[m].part == p)
                        r->windows[j]->units[m].part = NULL;
            free_part(r, p);
        }
        w->nunits = 0;
    }
    free_part(r, r->part);
    r->part = NULL;
}

static zipllm_status run_steps(zipllm_restore *r, zipllm_error *error)
{
    window *decoding = r->windows[0], *writing = NULL;
    zipllm_status status = cut_window(r, decoding, error);
    while (status == ZIPLLM_OK && (decoding->nunits != 0 || writing != NULL)) {
        window *now = decoding->nunits != 0 ? decoding : NULL;
        status = run_step(r, now, writing, error);
        if (status == ZIPLLM_OK && now != NULL)
            status = settle(r, now, error);
        writing = now;
        decoding = r->windows[0] == now ? r->windows[1] : r->windows[0];
        if (status == ZIPLLM_OK && now != NULL)
            status = cut_window(r, decoding, error);
        else
            decoding->nunits = status == ZIPLLM_OK ? 0 : decoding->nunits;
    }
    return status;
}

static zipllm_status begin(zipllm_restore *r, zipllm_restore_job *job, zipllm_error *error)
{
    r->job = job;
    r->part = NULL;
    r->offset = r->cut = 0;
    r->sha_failed = false;
    r->write_errno = 0;
    job->done = 0;
    job->whole = true;
    if (job->sha256 && EVP_DigestInit_ex(r->sha, EVP_sha256(), NULL) != 1)
        return zipllm_fail(error, ZIPLLM_ERROR, NULL, ZIPLLM_NO_OFFSET, 0,
                           "SHA-256 is not available");
    return list_entries(r, job->file, error);
}

zipllm_status zipllm_restore_file(zipllm_restore *r, zipllm_restore_job *job, zipllm_error *error)
{
    zipllm_status status = begin(r, job, error);
    if (status == ZIPLLM_OK)
        status = run_steps(r, error);
    drop_parts(r);
    drop_entries(r);
    if (status != ZIPLLM_OK)
        return status;
    if (job->whole && r->offset != job->nbytes)
        return zipllm_fail(error, ZIPLLM_DAMAGED, r->store->dir.path, ZIPLLM_NO_OFFSET, 0,
                           "index: the parts of the file are not as long as the file");
    unsigned length = 0;
    if (job->sha256 && job->whole && EVP_DigestFinal_ex(r->sha, job->sum, &length) != 1)
        return zipllm_fail(error, ZIPLLM_ERROR, job->shown, ZIPLLM_NO_OFFSET, 0, "SHA-256 failed");
    return ZIPLLM_OK;
}
