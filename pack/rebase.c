/*
 * zipllm_rebase(): groups of tensors that may be coded against each other (one name, dtype and row
 * shape), the cheapest assignment of bases by their sketches, the new frames, one transaction, gc.
 * Killed before the transaction: unreferenced files. After it: the old frames wait for gc.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "group.h"
#include "recode.h"

/* A frame that was written. */
typedef struct change {
    char *name; /* malloced */
    zipllm_tensor_row before, after;
    zipllm_tensor_row parent;
    size_t writer;
} change;

typedef struct rebasing {
    zipllm_store *store;
    const zipllm_rebase_options *options;
    zipllm_rebase_result *result;
    zipllm_error *error;
    zipllm_group group;
    zipllm_pack_writer *writer; /* NULL until something is written */
    change *changes;
    size_t nchanges, cap;
} rebasing;

/* ---- new frames --------------------------------------------------------------------------------
 */

static zipllm_status note_change(rebasing *r, const zipllm_member *m, change *c)
{
    c->name = strdup(m->name);
    if (c->name == NULL)
        return zipllm_fail_memory(r->error, 1);
    if (r->nchanges == r->cap) {
        const size_t cap = r->cap == 0 ? 64 : 2 * r->cap;
        change *changes = realloc(r->changes, cap * sizeof *changes);
        if (changes == NULL) {
            free(c->name);
            return zipllm_fail_memory(r->error, cap * sizeof *changes);
        }
        r->changes = changes;
        r->cap = cap;
    }
    r->changes[r->nchanges++] = *c;
    return ZIPLLM_OK;
}

static void drop_changes(rebasing *r, size_t first)
{
    while (r->nchanges > first)
        free(r->changes[--r->nchanges].name);
}

static zipllm_status recode_member(rebasing *r, zipllm_member *m, const zipllm_member *base)
{
    zipllm_stored *tensor = NULL, *other = NULL;
    change c = {.before = m->row, .after = m->row};
    zipllm_status status = zipllm_stored_open(r->store, &m->row, &tensor, r->error);
    if (status == ZIPLLM_OK && base != NULL)
        status = zipllm_stored_open(r->store, &base->row, &other, r->error);
    if (status == ZIPLLM_OK && r->writer == NULL)
        status = zipllm_pack_create(&r->store->dir, r->store->id, &r->writer, r->error);
    if (status == ZIPLLM_OK)
        status = zipllm_recode(r->store, tensor, other, r->writer, &c.after, r->error);
    zipllm_stored_close(r->store, tensor);
    zipllm_stored_close(r->store, other);
    if (c.after.parent != 0 && base != NULL)
        c.parent = base->row;
    return status == ZIPLLM_OK ? note_change(r, m, &c) : status;
}

static int64_t base_id(const rebasing *r, int base)
{
    return base < 0 ? 0 : r->group.members[base].row.id;
}

/* Codes what the plan changes, and forgets it again where the bytes did not become fewer. */
static zipllm_status apply_group(rebasing *r, const int *base)
{
    const size_t first = r->nchanges;
    const uint64_t start = r->writer != NULL ? r->writer->size : 0;
    uint64_t before = 0, after = 0;
    zipllm_status status = ZIPLLM_OK;
    for (size_t i = 0; i < r->group.n && status == ZIPLLM_OK; i++) {
        zipllm_member *m = &r->group.members[i];
        if (base_id(r, base[i]) == m->row.parent)
            continue;
        status = recode_member(r, m, base[i] < 0 ? NULL : &r->group.members[base[i]]);
    }
    for (size_t i = first; i < r->nchanges; i++) {
        before += r->changes[i].before.length;
        after += r->changes[i].after.length;
    }
    if (status == ZIPLLM_OK && after < before) {
        r->result->saved_bytes += before - after;
        return ZIPLLM_OK;
    }
    drop_changes(r, first);
    if (r->writer == NULL)
        return status;
    r->writer->size = start != 0 ? start : ZIPLLM_PACK_HEADER;
    if (ftruncate(r->writer->fd, (off_t)r->writer->size) != 0 && status == ZIPLLM_OK)
        status = zipllm_fail_at(r->writer->dir, r->writer->tmp, errno, "cannot cut", r->error);
    return status;
}

static zipllm_status foretell_group(rebasing *r, const int *base, double saves)
{
    r->result->saved_bytes += (uint64_t)saves;
    for (size_t i = 0; i < r->group.n; i++) {
        const zipllm_member *m = &r->group.members[i];
        change c = {.before = m->row, .after = m->row};
        if (base_id(r, base[i]) == m->row.parent)
            continue;
        c.after.parent = base_id(r, base[i]);
        c.after.length =
            (uint64_t)(base[i] < 0 ? zipllm_group_whole(&r->group, m)
                                   : zipllm_group_delta(&r->group, m, &r->group.members[base[i]]));
        const zipllm_status status = note_change(r, m, &c);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

static zipllm_status do_group(rebasing *r)
{
    int base[ZIPLLM_ASSIGN_MAX];
    double now = 0, saves = 0;
    r->result->tensors += r->group.n;
    if (r->group.n < 2)
        return ZIPLLM_OK;
    zipllm_status status = zipllm_group_plan(&r->group, base, &saves);
    for (size_t i = 0; i < r->group.n; i++)
        now += (double)r->group.members[i].row.length;
    /* Less is within the error of a prediction. */
    if (status != ZIPLLM_OK || saves < 0.02 * now || saves < 64)
        return status;
    return r->options->dry_run ? foretell_group(r, base, saves) : apply_group(r, base);
}

/* What was found to be made of several tensors or of another dtype stays as it is, and so does a
   delta that such a tensor is coded against: whole, it would cost more than it could save. */
static zipllm_status may_change(rebasing *r, const zipllm_tensor_row *row, bool *may)
{
    *may = row->nparents == 0;
    if (row->nparents != 1 || row->depth != 1 || row->predictor == BITX_PREDICT_CAST)
        return ZIPLLM_OK;
    sqlite3_stmt *s = zipllm_index_query(r->store->index, ZIPLLM_Q_CHILDREN, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, row->id);
    if (zipllm_index_step(r->store->index, s, r->error) < 0)
        return ZIPLLM_ERROR;
    *may = zipllm_index_number(s, 0) == 0;
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

static zipllm_status do_groups(rebasing *r)
{
    zipllm_index *index = r->store->index;
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_SKETCHED, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, ZIPLLM_SKETCH_VERSION);
    int step;
    zipllm_status status = ZIPLLM_OK;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(index, s, r->error)) > 0) {
        zipllm_tensor_row row;
        zipllm_index_tensor_columns(s, &row);
        const char *name = zipllm_index_string(s, ZIPLLM_TENSOR_COLUMNS);
        const char *shape = zipllm_index_string(s, ZIPLLM_TENSOR_COLUMNS + 1);
        if (r->group.n > 0 && !zipllm_group_takes(&r->group, &row, name, shape)) {
            status = do_group(r);
            zipllm_group_clear(&r->group);
        }
        bool may = false;
        if (status == ZIPLLM_OK)
            status = may_change(r, &row, &may);
        if (status == ZIPLLM_OK && may)
            status = zipllm_group_add(&r->group, &row, name, shape);
    }
    zipllm_index_reset(s);
    if (status == ZIPLLM_OK && step < 0)
        status = ZIPLLM_ERROR;
    return status == ZIPLLM_OK ? do_group(r) : status;
}

/* ---- making it so ------------------------------------------------------------------------------
 */

static zipllm_status enter_all(rebasing *r)
{
    for (size_t i = 0; i < r->nchanges; i++) {
        const change *c = &r->changes[i];
        const zipllm_pack_entry entry = zipllm_pack_entry_of(&c->after, &c->parent);
        const zipllm_status status = zipllm_pack_enter(r->writer, &entry, r->error);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

static zipllm_status run_numbers(rebasing *r, zipllm_query query, const int64_t *numbers, int n)
{
    sqlite3_stmt *s = zipllm_index_query(r->store->index, query, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    for (int i = 0; i < n; i++)
        zipllm_index_bind(s, i + 1, numbers[i]);
    return zipllm_index_run(r->store->index, s, r->error);
}

/* Parents are all taken off before any is set: the index never sees a chain that is too long. */
static zipllm_status point_to_new(rebasing *r)
{
    int64_t pack;
    zipllm_status status =
        zipllm_index_put_pack(r->store->index, r->writer->name, r->writer->size, &pack, r->error);
    for (size_t i = 0; i < r->nchanges && status == ZIPLLM_OK; i++)
        status = run_numbers(r, ZIPLLM_Q_DELETE_PARENT, &r->changes[i].after.id, 1);
    for (size_t i = 0; i < r->nchanges && status == ZIPLLM_OK; i++) {
        const zipllm_tensor_row *before = &r->changes[i].before, *after = &r->changes[i].after;
        const int64_t frame[] = {after->id, pack, (int64_t)after->offset, (int64_t)after->length,
                                 (int64_t)after->check};
        const int64_t grew[] = {after->id, (int64_t)after->length - (int64_t)before->length};
        status = run_numbers(r, ZIPLLM_Q_REPLACE_FRAME, frame, 5);
        if (status == ZIPLLM_OK)
            status = run_numbers(r, ZIPLLM_Q_MODEL_GREW, grew, 2);
        if (status == ZIPLLM_OK)
            status = zipllm_index_put_parents(r->store->index, after, &after->parent, r->error);
    }
    return status;
}

static zipllm_status publish(rebasing *r)
{
    zipllm_status status = enter_all(r);
    if (status == ZIPLLM_OK)
        status = zipllm_pack_finish(r->writer, r->error);
    if (status == ZIPLLM_OK)
        status = zipllm_pack_publish(r->writer, r->error);
    if (status == ZIPLLM_OK)
        status = zipllm_index_begin(r->store->index, r->error);
    if (status != ZIPLLM_OK)
        return status;
    status = point_to_new(r);
    if (status == ZIPLLM_OK)
        status = zipllm_index_commit(r->store->index, r->error);
    if (status != ZIPLLM_OK)
        zipllm_index_rollback(r->store->index);
    return status;
}

static int by_model(const void *a, const void *b)
{
    char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Tells each change, and counts the models. */
static zipllm_status report(rebasing *r)
{
    char **models = calloc(r->nchanges + 1, sizeof *models);
    zipllm_status status =
        models != NULL ? ZIPLLM_OK : zipllm_fail_memory(r->error, r->nchanges * sizeof *models);
    size_t n = 0;
    for (size_t i = 0; i < r->nchanges && status == ZIPLLM_OK; i++) {
        const change *c = &r->changes[i];
        char *base = NULL;
        status = zipllm_index_tensor_model(r->store->index, c->after.id, &models[n], r->error);
        if (status == ZIPLLM_OK && c->after.parent != 0)
            status = zipllm_index_tensor_model(r->store->index, c->after.parent, &base, r->error);
        const zipllm_rebase_row row = {.tensor = c->name,
                                       .model = models[n] != NULL ? models[n] : "",
                                       .base = base,
                                       .before_nbytes = c->before.length,
                                       .after_nbytes = c->after.length};
        if (status == ZIPLLM_OK && r->options->row != NULL)
            r->options->row(r->options->user, &row);
        free(base);
        n += models != NULL && models[n] != NULL;
    }
    if (n > 1)
        qsort(models, n, sizeof *models, by_model);
    for (size_t i = 0; i < n; i++)
        r->result->models += i == 0 || strcmp(models[i], models[i - 1]) != 0;
    for (size_t i = 0; models != NULL && i < n; i++)
        free(models[i]);
    free(models);
    r->result->changed = r->nchanges;
    return status;
}

static zipllm_status rebase(rebasing *r)
{
    zipllm_gc_result collected;
    zipllm_status status = do_groups(r);
    zipllm_group_clear(&r->group);
    if (status != ZIPLLM_OK || r->nchanges == 0)
        return status;
    if (r->options->dry_run)
        return report(r);
    /* A pack costs a little of its own. */
    if (r->result->saved_bytes <= ZIPLLM_PACK_HEADER + ZIPLLM_PACK_TRAILER) {
        drop_changes(r, 0);
        r->result->saved_bytes = 0;
        return ZIPLLM_OK;
    }
    status = publish(r);
    if (status == ZIPLLM_OK)
        status = report(r);
    if (status == ZIPLLM_OK)
        status = zipllm_gc(r->store, false, &collected, r->error);
    return status;
}

zipllm_status zipllm_rebase(zipllm_store *store, const zipllm_rebase_options *options,
                            zipllm_rebase_result *result, zipllm_error *error)
{
    static const zipllm_rebase_options defaults = ZIPLLM_REBASE_OPTIONS_INIT;
    zipllm_rebase_result unused;
    zipllm_stat_result before = {0}, after = {0};
    if (result == NULL)
        result = &unused;
    memset(result, 0, sizeof *result);
    if (options == NULL)
        options = &defaults;
    if (store == NULL || options->size != sizeof *options || store->mode != ZIPLLM_EXCLUSIVE)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0,
                           "rebase needs the store opened exclusively");
    rebasing *r = calloc(1, sizeof *r);
    if (r == NULL)
        return zipllm_fail_memory(error, sizeof *r);
    *r = (rebasing){.store = store, .options = options, .result = result, .error = error};
    zipllm_status status = zipllm_group_open(&r->group, store, error);
    if (status == ZIPLLM_OK && !options->dry_run)
        status = zipllm_store_writable(store, error);
    if (status == ZIPLLM_OK)
        status = zipllm_store_complete(store, error);
    if (status == ZIPLLM_OK)
        status = zipllm_store_workers(store, error);
    if (status == ZIPLLM_OK)
        status = zipllm_stat(store, &before, error);
    if (status == ZIPLLM_OK)
        status = rebase(r);
    if (status == ZIPLLM_OK && !options->dry_run)
        status = zipllm_stat(store, &after, error);
    if (status == ZIPLLM_OK && !options->dry_run && before.disk_bytes > after.disk_bytes)
        result->freed_bytes = before.disk_bytes - after.disk_bytes;
    zipllm_pack_free(r->writer, r->writer != NULL && !r->writer->published);
    zipllm_group_close(&r->group);
    drop_changes(r, 0);
    free(r->changes);
    free(r);
    return status;
}
