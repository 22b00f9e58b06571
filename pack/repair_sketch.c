/*
 * repair.h: sketches and probes, which only the tensors' own bytes can tell: as add takes them,
 * but from decoded blocks. Whatever of it cannot be decoded is told, as verify would.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "family.h"
#include "memory.h"
#include "model_name.h"
#include "repair.h"
#include "stored.h"

typedef struct sketching {
    zipllm_repairing *r;
    uint8_t *window; /* of `most` blocks */
    size_t most;
    /* of the batch that is being decoded */
    const zipllm_stored *stored;
    uint64_t first;
    zipllm_block_sums *sums;
    zipllm_fault *faults;
} sketching;

static void decode_job(void *arg, size_t i, unsigned worker)
{
    sketching *s = arg;
    (void)zipllm_stored_block(s->stored, &s->r->store->workers[worker], s->first + i,
                              s->window + i * ZIPLLM_BLOCK_NBYTES, &s->sums[i], &s->faults[i]);
}

/* The blocks from s->first on, as many as fit, to the sketcher. */
static zipllm_status decode_batch(sketching *s, zipllm_stored *stored, zipllm_sketcher *sketcher,
                                  size_t *n, zipllm_error *why)
{
    const uint64_t left = stored->info.nblocks - s->first;
    *n = left < s->most ? (size_t)left : s->most;
    memset(s->faults, 0, *n * sizeof *s->faults);
    s->stored = stored;
    zipllm_store_run(s->r->store, decode_job, s, *n);
    for (size_t i = 0; i < *n; i++) {
        if (s->faults[i].status != ZIPLLM_OK)
            return zipllm_stored_fault(s->r->store, stored, &s->faults[i], why);
        zipllm_stored_fold(stored, s->first + i, &s->sums[i]);
        zipllm_sketcher_update(sketcher, s->window + i * ZIPLLM_BLOCK_NBYTES,
                               zipllm_stored_block_nbytes(stored, s->first + i));
    }
    return ZIPLLM_OK;
}

static zipllm_status decode_tensor(sketching *s, const zipllm_tensor_row *row,
                                   const zipllm_sketch_plan *plan, uint8_t *sketch,
                                   zipllm_error *why)
{
    zipllm_repairing *r = s->r;
    zipllm_stored *stored = NULL;
    zipllm_sketcher sketcher;
    zipllm_fault fault = {.status = ZIPLLM_OK};
    zipllm_status status = zipllm_stored_open(r->store, row, &stored, why);
    size_t n;
    zipllm_sketcher_init(&sketcher, plan, sketch);
    for (s->first = 0; status == ZIPLLM_OK && s->first < stored->info.nblocks; s->first += n) {
        status = decode_batch(s, stored, &sketcher, &n, why);
        r->done += n * ZIPLLM_BLOCK_NBYTES;
        if (status == ZIPLLM_OK)
            status = zipllm_store_progress(r->store, "repair", "", r->done < r->total ? r->done : 0,
                                           r->total, why);
    }
    if (status == ZIPLLM_OK && !zipllm_stored_whole(stored, &fault))
        status = zipllm_stored_fault(r->store, stored, &fault, why);
    zipllm_stored_close(r->store, stored);
    return status;
}

/* The part's sketch, made if it has none; *has: there is one. */
static zipllm_status sketch_of(sketching *s, const zipllm_tensor_row *row,
                               const zipllm_sketch_plan *plan, uint8_t *sketch, bool *has,
                               zipllm_error *why)
{
    zipllm_index *index = s->r->store->index;
    zipllm_status status = zipllm_family_sketch(index, row, sketch, has, why);
    if (status != ZIPLLM_OK || *has)
        return status;
    status = decode_tensor(s, row, plan, sketch, why);
    if (status == ZIPLLM_OK)
        status = zipllm_family_put_sketch(index, row->id, sketch, zipllm_sketch_nbytes(plan), why);
    *has = status == ZIPLLM_OK;
    return status;
}

typedef struct model_walk {
    sketching *s;
    zipllm_probes *probes;
    const char *model, *path;
    bool damaged;
} model_walk;

static zipllm_status take_part(model_walk *w, const zipllm_part_row *part)
{
    zipllm_repairing *r = w->s->r;
    uint8_t sketch[ZIPLLM_SKETCH_MAX];
    zipllm_tensor_row row;
    zipllm_error why;
    bool has = false;
    if (part->kind != ZIPLLM_TENSOR || part->tensor == 0)
        return ZIPLLM_OK;
    zipllm_status status = zipllm_index_tensor(r->store->index, part->tensor, &row, r->error);
    if (status != ZIPLLM_OK)
        return status;
    const zipllm_sketch_plan plan = zipllm_sketch_plan_of((bitx_dtype)row.dtype, row.nbytes);
    if (zipllm_sketch_nbytes(&plan) == 0)
        return ZIPLLM_OK;
    status = sketch_of(w->s, &row, &plan, sketch, &has, &why);
    if (status == ZIPLLM_OK && has) {
        const zipllm_sketch_view view = {(bitx_dtype)row.dtype, row.nbytes, sketch};
        zipllm_probes_offer(w->probes, part->name, &view);
    }
    if (status == ZIPLLM_DAMAGED) {
        r->result->models_damaged += !w->damaged;
        w->damaged = true;
        zipllm_repair_damage(r, w->model, w->path, part->name, &why);
        return ZIPLLM_OK;
    }
    if (status != ZIPLLM_OK && r->error != NULL)
        *r->error = why;
    return status;
}

static zipllm_status take_file(model_walk *w, int64_t file)
{
    zipllm_repairing *r = w->s->r;
    zipllm_index *index = r->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_FILE_PARTS, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, file);
    zipllm_status status = ZIPLLM_OK;
    int step = 0;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(index, s, r->error)) > 0) {
        zipllm_part_row part;
        zipllm_index_part_columns(s, &part);
        status = take_part(w, &part);
    }
    zipllm_index_reset(s);
    return status == ZIPLLM_OK && step < 0 ? ZIPLLM_ERROR : status;
}

static zipllm_status take_model(sketching *all, int64_t model, const char *name, bool damaged)
{
    zipllm_repairing *r = all->r;
    zipllm_index *index = r->store->index;
    zipllm_probes *probes = calloc(1, sizeof *probes);
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_MODEL_FILES, r->error);
    zipllm_status status = s != NULL ? ZIPLLM_OK : ZIPLLM_ERROR;
    if (probes == NULL)
        status = zipllm_fail_memory(r->error, sizeof *probes);
    model_walk w = {.s = all, .probes = probes, .model = name, .damaged = damaged};
    if (s != NULL)
        zipllm_index_bind(s, 1, model);
    int step = 0;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(index, s, r->error)) > 0) {
        const int64_t file = zipllm_index_number(s, 1);
        w.path = zipllm_index_string(s, 0);
        if (file != 0)
            status = take_file(&w, file);
    }
    if (s != NULL)
        zipllm_index_reset(s);
    if (status == ZIPLLM_OK && step < 0)
        status = ZIPLLM_ERROR;
    if (status == ZIPLLM_OK)
        status = zipllm_family_put_probes(index, model, probes, r->error);
    free(probes);
    return status;
}

static zipllm_status take_models(sketching *all)
{
    zipllm_repairing *r = all->r;
    zipllm_index *index = r->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_TENSOR_NBYTES, r->error);
    if (s == NULL || zipllm_index_step(index, s, r->error) < 0)
        return ZIPLLM_ERROR;
    r->total = (uint64_t)zipllm_index_number(s, 0);
    zipllm_index_reset(s);
    s = zipllm_index_query(index, ZIPLLM_Q_LOST, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_status status = ZIPLLM_OK;
    int step = 0;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(index, s, r->error)) > 0) {
        char *name = zipllm_model_name_join(zipllm_index_string(s, 1), zipllm_index_string(s, 2));
        status = name != NULL ? take_model(all, zipllm_index_number(s, 0), name,
                                           zipllm_index_number(s, 4) != 0)
                              : zipllm_fail_memory(r->error, 1);
        free(name);
    }
    zipllm_index_reset(s);
    return status == ZIPLLM_OK && step < 0 ? ZIPLLM_ERROR : status;
}

zipllm_status zipllm_repair_sketches(zipllm_repairing *r)
{
    const size_t nbytes = zipllm_store_window(r->store, 1);
    sketching s = {.r = r, .most = nbytes / ZIPLLM_BLOCK_NBYTES};
    s.window = zipllm_alloc_large(nbytes);
    s.sums = calloc(s.most, sizeof *s.sums);
    s.faults = calloc(s.most, sizeof *s.faults);
    const zipllm_status status = s.window != NULL && s.sums != NULL && s.faults != NULL
                                     ? take_models(&s)
                                     : zipllm_fail_memory(r->error, nbytes);
    free(s.window);
    free(s.sums);
    free(s.faults);
    return status;
}
