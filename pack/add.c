/* zipllm_add(): the directory, its base, each file, the commit, the report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card.h"
#include "commit.h"
#include "error.h"
#include "family.h"
#include "hint.h"
#include "ingest.h"
#include "model_name.h"
#include "scan.h"
#include "shards.h"
#include "store.h"

/* Slots of zipllm_store_text(). */
enum { TEXT_NAME, TEXT_REVISION, TEXT_BASE, TEXT_NAMED_BASE, TEXT_OVERRULED_BASE, TEXT_NEAREST };

typedef struct adding {
    zipllm_store *store;
    const zipllm_add_options *options;
    zipllm_add_result *result;
    zipllm_error *error;
    zipllm_scan scan;
    zipllm_ingest in;
    zipllm_model_row model; /* to be */
    zipllm_model_row taken; /* the model that has this name; id 0: none */
    char *named_base;
    zipllm_relatives named;     /* by option, card, config, in this order */
    zipllm_relatives relatives; /* of the first file that has any */
    bool decided; /* the model's base: the files after the first have their own bases */
    char *overruled, *nearest;
    zipllm_ingest_file *files;
} adding;

/* ---- names -------------------------------------------------------------------------------------
 */

static zipllm_status choose_name(adding *a)
{
    zipllm_model_name parsed;
    const char *given = a->options->name != NULL ? a->options->name : a->scan.name;
    zipllm_status status = zipllm_model_name_parse(given, &parsed, a->error);
    if (status != ZIPLLM_OK)
        return status;
    const char *revision = parsed.revision;
    if (revision == NULL)
        revision = a->options->name == NULL && a->scan.revision != NULL ? a->scan.revision : "";
    a->model.name = strdup(parsed.name);
    a->model.revision = strdup(revision);
    free(parsed.name);
    if (a->model.name == NULL || a->model.revision == NULL)
        return zipllm_fail_memory(a->error, strlen(given));
    return zipllm_index_model(a->store->index, a->model.name, a->model.revision, &a->taken, NULL,
                              a->error);
}

/* ---- the base ----------------------------------------------------------------------------------
 */

static zipllm_status name_base(adding *a, const char *name, zipllm_found found)
{
    free(a->model.base);
    a->model.found = (int)found;
    a->model.base = strdup(name);
    return a->model.base != NULL ? ZIPLLM_OK : zipllm_fail_memory(a->error, strlen(name));
}

/* The first model that was named is the base until the bits have a say. */
static zipllm_status take_base(adding *a, const zipllm_model_row *row, zipllm_found found)
{
    zipllm_relatives *named = &a->named;
    const bool first = named->n == 0;
    if (named->n < ZIPLLM_RELATIVES_MAX / 2) /* the rest is for those found by bits */
        named->list[named->n++] = (zipllm_relative){.model = row->id, .found = found};
    if (!first)
        return ZIPLLM_OK;
    const zipllm_status status = zipllm_family_use(&a->in, &row->id, 1);
    return status == ZIPLLM_OK && a->in.nbases > 0 ? name_base(a, a->in.bases[0].name, found)
                                                   : status;
}

/* "/home/me/models/ORG/NAME" in a config.json is most likely ORG/NAME. */
static const char *last_two(const char *path)
{
    const char *slash = strrchr(path, '/');
    while (slash != NULL && slash > path && slash[-1] != '/')
        slash--;
    return slash != NULL && slash > path ? slash : NULL;
}

static zipllm_status try_hint(adding *a, const zipllm_hint *hint)
{
    zipllm_model_row row;
    zipllm_status status = zipllm_model_try(a->store, hint->name, &row, a->error);
    const char *tail = hint->found == ZIPLLM_FOUND_CONFIG ? last_two(hint->name) : NULL;
    if (status == ZIPLLM_OK && row.id == 0 && tail != NULL)
        status = zipllm_model_try(a->store, tail, &row, a->error);
    if (status == ZIPLLM_OK && row.id != 0)
        status = take_base(a, &row, hint->found);
    zipllm_model_row_free(&row);
    return status;
}

static zipllm_status base_from_hints(adding *a)
{
    zipllm_hints hints;
    zipllm_hints_read(&hints, &a->scan);
    zipllm_status status = ZIPLLM_OK;
    for (size_t i = 0; i < hints.nhints && status == ZIPLLM_OK; i++) {
        const size_t before = a->named.n;
        status = try_hint(a, &hints.hints[i]);
        const bool itself = strcmp(hints.hints[i].name, a->model.name) == 0;
        if (status == ZIPLLM_OK && a->named.n == before && a->named_base == NULL && !itself) {
            a->named_base = strdup(hints.hints[i].name);
            a->in.no_base_reason = "the base model is not in the store";
        }
    }
    zipllm_hints_free(&hints);
    return status;
}

/* Worth it: a base that is predicted to save this share of the tensors that were looked at. */
static bool is_worth_it(const zipllm_relative *r)
{
    return r->delta_nbytes < 0.97 * r->whole_nbytes;
}

/* What was named is not what the bits say: told, with the predictions. */
static zipllm_status report_other(adding *a, const zipllm_relatives *ranked)
{
    const zipllm_relative *best = &ranked->list[0], *named = NULL;
    for (size_t i = 0; i < ranked->n && named == NULL; i++)
        if (ranked->list[i].model == a->named.list[0].model)
            named = &ranked->list[i];
    if (named == NULL || named == best || !is_worth_it(best) || best->whole_nbytes <= 0 ||
        named->delta_nbytes < 1.005 * best->delta_nbytes)
        return ZIPLLM_OK;
    a->result->named_share = named->delta_nbytes / best->whole_nbytes;
    a->result->nearest_share = best->delta_nbytes / best->whole_nbytes;
    zipllm_status status = zipllm_family_name(&a->in, named->model, &a->overruled);
    if (status == ZIPLLM_OK)
        status = zipllm_family_name(&a->in, best->model, &a->nearest);
    return status;
}

/* The relatives that pay, in order, become the bases of a file's tensors. */
static zipllm_status use_ranked(adding *a, const zipllm_relatives *ranked)
{
    int64_t models[ZIPLLM_RELATIVES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < ranked->n; i++)
        if (is_worth_it(&ranked->list[i]))
            models[n++] = ranked->list[i].model;
    zipllm_status status = zipllm_family_use(&a->in, models, n);
    if (status != ZIPLLM_OK || a->decided)
        return status;
    if (a->in.nbases > 0) {
        a->decided = true;
        return name_base(a, a->in.bases[0].name, ranked->list[0].found);
    }
    a->in.no_base_reason = "no relative in the store";
    if (a->model.base != NULL)
        a->in.no_base_reason = "the base that is named has nothing in common with it";
    free(a->model.base);
    a->model.base = NULL;
    a->model.found = ZIPLLM_FOUND_NONE;
    return ZIPLLM_OK;
}

/* zipllm_ingest.choose: a file's tensors are sketched, and none of it is coded yet. */
static zipllm_status choose_by_bits(void *user, const zipllm_ingest_file *file)
{
    adding *a = user;
    zipllm_relatives ranked = a->named;
    size_t seen;
    zipllm_status status = zipllm_family_rank(&a->in, file, &ranked, &seen);
    if (status != ZIPLLM_OK || seen == 0 || ranked.n == 0)
        return status;
    if (a->relatives.n == 0)
        a->relatives = ranked;
    if (a->named.n > 0 && a->overruled == NULL)
        status = report_other(a, &ranked);
    a->in.nkin = 0;
    for (size_t i = 0; i < ranked.n; i++)
        a->in.kin[a->in.nkin++] = ranked.list[i].model;
    const bool obey = a->named.n > 0 && a->named.list[0].found == ZIPLLM_FOUND_OPTION;
    if (status != ZIPLLM_OK || !obey)
        return status == ZIPLLM_OK ? use_ranked(a, &ranked) : status;
    a->in.kin[0] = a->named.list[0].model;
    a->in.nkin = 1;
    return ZIPLLM_OK;
}

static zipllm_status choose_base(adding *a)
{
    const char *given = a->options->base;
    if (given != NULL && strcmp(given, "none") == 0) {
        a->in.no_base_reason = "no base was wanted";
        return ZIPLLM_OK;
    }
    a->in.promote = true;
    a->in.choose = choose_by_bits;
    a->in.choose_user = a;
    if (given == NULL)
        return base_from_hints(a);
    zipllm_model_row row;
    zipllm_status status = zipllm_model_find(a->store, given, &row, NULL, a->error);
    if (status == ZIPLLM_OK)
        status = take_base(a, &row, ZIPLLM_FOUND_OPTION);
    zipllm_model_row_free(&row);
    return status;
}

/* ---- files -------------------------------------------------------------------------------------
 */

static zipllm_status add_item(adding *a, const zipllm_scan_item *item, zipllm_ingest_file *file)
{
    file->path = item->path;
    file->directory = item->directory;
    file->nbytes = item->directory ? 0 : item->nbytes;
    if (item->directory)
        return ZIPLLM_OK;
    int fd = -1;
    zipllm_status status = zipllm_scan_open_file(&a->scan, item, &fd, a->error);
    if (status != ZIPLLM_OK)
        return status;
    char *shown = zipllm_scan_path(&a->scan, item);
    status = shown != NULL ? zipllm_ingest_file_add(&a->in, fd, shown, a->taken.id != 0, file)
                           : zipllm_fail_memory(a->error, strlen(item->path));
    if (status == ZIPLLM_OK && file->layout.note[0] == '\0')
        zipllm_shards_note(&a->scan, item, fd, zipllm_store_buffers(a->store), file->layout.note,
                           sizeof file->layout.note);
    free(shown);
    (void)close(fd);
    return status;
}

static zipllm_status add_files(adding *a)
{
    for (size_t i = 0; i < a->scan.nitems; i++)
        a->in.total += a->scan.items[i].directory ? 0 : a->scan.items[i].nbytes;
    a->files = calloc(a->scan.nitems + 1, sizeof *a->files);
    if (a->files == NULL)
        return zipllm_fail_memory(a->error, a->scan.nitems * sizeof *a->files);
    for (size_t i = 0; i < a->scan.nitems; i++) {
        const zipllm_status status = add_item(a, &a->scan.items[i], &a->files[i]);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

/* Is the model that has the name made of these very files? */
static zipllm_status same_as_taken(adding *a, bool *same)
{
    zipllm_index *index = a->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_MODEL_FILES, a->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, a->taken.id);
    *same = true;
    size_t i = 0;
    int step;
    for (; (step = zipllm_index_step(index, s, a->error)) > 0; i++) {
        const zipllm_ingest_file *file = &a->files[i];
        *same = *same && i < a->scan.nitems && strcmp(zipllm_index_string(s, 0), file->path) == 0 &&
                zipllm_index_number(s, 1) == file->known;
    }
    *same = *same && i == a->scan.nitems;
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

static zipllm_status finish_taken(adding *a)
{
    bool same = false;
    zipllm_status status = same_as_taken(a, &same);
    if (status == ZIPLLM_OK && !same)
        status = zipllm_fail(a->error, ZIPLLM_ERROR, a->model.name, ZIPLLM_NO_OFFSET, 0,
                             "a model of this name with other files is in the store; remove it "
                             "first, or add this one under NAME@REV");
    a->result->already_stored = true;
    a->model.found = a->taken.found;
    if (status == ZIPLLM_OK && a->taken.base != NULL &&
        (a->model.base = strdup(a->taken.base)) == NULL)
        status = zipllm_fail_memory(a->error, strlen(a->taken.base));
    return status;
}

/* ---- report ------------------------------------------------------------------------------------
 */

static void report_part(adding *a, const zipllm_ingest_file *file, const zipllm_part *part,
                        bool first)
{
    zipllm_add_result *r = a->result;
    const zipllm_how how = part->nbytes != 0 ? part->how : ZIPLLM_WHOLE;
    if (part->kind == ZIPLLM_TENSOR) {
        r->tensors++;
        r->tensors_deduplicated += how == ZIPLLM_DEDUPLICATED;
        r->tensors_delta += how == ZIPLLM_DELTA;
        r->tensors_whole += how == ZIPLLM_WHOLE;
    }
    if (a->options->row == NULL)
        return;
    const bool delta = how == ZIPLLM_DELTA;
    const zipllm_add_row row = {
        .file = file->path,
        .kind = part->kind,
        .tensor = part->name,
        .dtype = part->dtype_text,
        .nbytes = part->nbytes,
        .stored_nbytes = part->stored_nbytes,
        .how = how,
        .base = delta && part->base != 0 ? a->in.base_names[part->base - 1] : NULL,
        .found = delta ? (zipllm_found)a->model.found : ZIPLLM_FOUND_NONE,
        .reason = part->nbytes != 0 ? part->reason : "empty",
        .note = first && file->layout.note[0] != '\0' ? file->layout.note : NULL};
    a->options->row(a->options->user, &row);
}

static zipllm_status report(adding *a)
{
    zipllm_add_result *r = a->result;
    for (size_t i = 0; i < a->scan.nitems; i++) {
        const zipllm_ingest_file *file = &a->files[i];
        r->files += !file->directory;
        r->logical_bytes += file->nbytes;
        for (size_t k = 0; k < file->layout.nparts; k++)
            report_part(a, file, &file->layout.parts[k], k == 0);
    }
    r->tensors_promoted = a->in.npromoted;
    r->found = (zipllm_found)a->model.found;
    r->stored_bytes = a->model.stored_bytes;
    zipllm_status status =
        zipllm_store_text(a->store, TEXT_NAME, a->model.name, &r->name, a->error);
    if (status == ZIPLLM_OK)
        status =
            zipllm_store_text(a->store, TEXT_REVISION, a->model.revision, &r->revision, a->error);
    if (status == ZIPLLM_OK)
        status = zipllm_store_text(a->store, TEXT_BASE, a->model.base, &r->base, a->error);
    if (status == ZIPLLM_OK)
        status =
            zipllm_store_text(a->store, TEXT_NAMED_BASE, a->named_base, &r->named_base, a->error);
    if (status == ZIPLLM_OK)
        status = zipllm_store_text(a->store, TEXT_OVERRULED_BASE, a->overruled, &r->overruled_base,
                                   a->error);
    if (status == ZIPLLM_OK)
        status = zipllm_store_text(a->store, TEXT_NEAREST, a->nearest, &r->nearest, a->error);
    return status;
}

static zipllm_status add(adding *a, const char *path)
{
    zipllm_status status = zipllm_scan_open(path, a->options->follow, &a->scan, a->error);
    if (status == ZIPLLM_OK)
        status = choose_name(a);
    if (status == ZIPLLM_OK)
        status = zipllm_ingest_open(&a->in, a->store, a->error);
    if (status == ZIPLLM_OK && a->taken.id == 0)
        status = choose_base(a);
    if (status == ZIPLLM_OK)
        status = add_files(a);
    if (status == ZIPLLM_OK)
        status = a->taken.id != 0 ? finish_taken(a)
                                  : zipllm_commit(&a->in, &a->model, a->files, a->scan.nitems);
    if (status == ZIPLLM_OK)
        status = report(a);
    /* It is durable by now: a hint that cannot be had is no reason to say otherwise. */
    if (status == ZIPLLM_OK && a->taken.id == 0 &&
        zipllm_hint_rebase(a->store, a->model.id, &a->relatives, a->files, a->scan.nitems,
                           &a->result->rebase_models, NULL) != ZIPLLM_OK)
        a->result->rebase_models = 0;
    return status;
}

zipllm_status zipllm_add(zipllm_store *store, const char *path, const zipllm_add_options *options,
                         zipllm_add_result *result, zipllm_error *error)
{
    static const zipllm_add_options defaults = ZIPLLM_ADD_OPTIONS_INIT;
    zipllm_add_result unused;
    adding a = {.store = store,
                .options = options != NULL ? options : &defaults,
                .result = result != NULL ? result : &unused,
                .error = error,
                .scan = {.root_fd = -1}};
    memset(a.result, 0, sizeof *a.result);
    if (store == NULL || path == NULL || a.options->size != sizeof *options)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0, "no store or no path");
    zipllm_status status = zipllm_store_writable(store, error);
    if (status == ZIPLLM_OK)
        status = add(&a, path);

    zipllm_ingest_close(&a.in, status != ZIPLLM_OK);
    for (size_t i = 0; a.files != NULL && i < a.scan.nitems; i++)
        zipllm_layout_free(&a.files[i].layout);
    free(a.files);
    free(a.named_base);
    free(a.overruled);
    free(a.nearest);
    zipllm_model_row_free(&a.model);
    zipllm_model_row_free(&a.taken);
    zipllm_scan_close(&a.scan);
    return status;
}
