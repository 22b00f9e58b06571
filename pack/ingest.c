#include "ingest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapter.h"
#include "blend.h"
#include "error.h"
#include "family.h"
#include "promote.h"
#include "stored.h"

/* A pack that has grown past this gets no further frame. */
#define PACK_NBYTES_MAX ((uint64_t)16 << 30)

zipllm_status zipllm_ingest_open(zipllm_ingest *in, zipllm_store *store, zipllm_error *error)
{
    memset(in, 0, sizeof *in);
    in->store = store;
    in->error = error;
    in->no_base_reason = "no base model";
    in->nbuckets = 1024;
    in->buckets = calloc(in->nbuckets, sizeof *in->buckets);
    if (in->buckets == NULL)
        return zipllm_fail_memory(error, in->nbuckets * sizeof *in->buckets);
    const zipllm_status status = zipllm_store_workers(store, error);
    return status == ZIPLLM_OK ? zipllm_pipeline_new(in, &in->pipeline) : status;
}

void zipllm_ingest_close(zipllm_ingest *in, bool discard)
{
    zipllm_pipeline_free(in->pipeline);
    for (size_t i = 0; i < in->nwriters; i++)
        zipllm_pack_free(in->writers[i], discard && !in->keep);
    for (size_t i = 0; i < in->nbase_names; i++)
        free(in->base_names[i]);
    free(in->base_names);
    zipllm_family_forget(in);
    zipllm_blend_forget(in);
    zipllm_adapter_forget(in);
    zipllm_promote_forget(in);
    free(in->writers);
    free(in->fresh);
    free(in->buckets);
    memset(in, 0, sizeof *in);
}

zipllm_status zipllm_ingest_writer(zipllm_ingest *in, zipllm_pack_writer **out)
{
    if (in->nwriters > 0 && in->writers[in->nwriters - 1]->size < PACK_NBYTES_MAX) {
        *out = in->writers[in->nwriters - 1];
        return ZIPLLM_OK;
    }
    zipllm_pack_writer **writers =
        realloc(in->writers, (in->nwriters + 1) * sizeof(zipllm_pack_writer *));
    if (writers == NULL)
        return zipllm_fail_memory(in->error, sizeof *writers);
    in->writers = writers;
    const zipllm_status status =
        zipllm_pack_create(&in->store->dir, in->store->id, &writers[in->nwriters], in->error);
    if (status == ZIPLLM_OK)
        *out = writers[in->nwriters++];
    return status;
}

/* ---- fresh tensors ----------------------------------------------------------------------------
 */

static size_t bucket_of(const zipllm_ingest *in, const uint8_t *hash)
{
    size_t key;
    memcpy(&key, hash, sizeof key);
    return key & (in->nbuckets - 1);
}

static bool same_key(const zipllm_tensor_row *row, const zipllm_part *part)
{
    return row->nbytes == part->nbytes && memcmp(row->hash, part->hash, sizeof row->hash) == 0;
}

/* 1 + the first fresh tensor from index `from` on with the part's length and hash; 0: none. */
static size_t find_fresh(const zipllm_ingest *in, const zipllm_part *part, size_t from)
{
    size_t found = 0;
    for (size_t i = in->buckets[bucket_of(in, part->hash)]; i != 0; i = in->fresh[i - 1].chain)
        if (i - 1 >= from && same_key(&in->fresh[i - 1].row, part) && (found == 0 || i < found))
            found = i;
    return found;
}

static zipllm_status grow_buckets(zipllm_ingest *in)
{
    const size_t nbuckets = 2 * in->nbuckets;
    size_t *buckets = calloc(nbuckets, sizeof *buckets);
    if (buckets == NULL)
        return zipllm_fail_memory(in->error, nbuckets * sizeof *buckets);
    free(in->buckets);
    in->buckets = buckets;
    in->nbuckets = nbuckets;
    for (size_t i = 0; i < in->nfresh; i++) {
        const size_t bucket = bucket_of(in, in->fresh[i].row.hash);
        in->fresh[i].chain = buckets[bucket];
        buckets[bucket] = i + 1;
    }
    return ZIPLLM_OK;
}

static zipllm_status add_fresh(zipllm_ingest *in, const zipllm_part *part, uint32_t ordinal,
                               size_t *index)
{
    if (in->nfresh == in->cap) {
        const size_t cap = in->cap == 0 ? 256 : 2 * in->cap;
        zipllm_fresh *fresh = realloc(in->fresh, cap * sizeof *fresh);
        if (fresh == NULL)
            return zipllm_fail_memory(in->error, cap * sizeof *fresh);
        in->fresh = fresh;
        in->cap = cap;
    }
    if (in->nfresh == in->nbuckets) {
        const zipllm_status status = grow_buckets(in);
        if (status != ZIPLLM_OK)
            return status;
    }
    zipllm_fresh *fresh = &in->fresh[in->nfresh];
    const size_t bucket = bucket_of(in, part->hash);
    *fresh = (zipllm_fresh){.row = {.nbytes = part->nbytes, .ordinal = ordinal},
                            .chain = in->buckets[bucket]};
    memcpy(fresh->row.hash, part->hash, sizeof fresh->row.hash);
    in->buckets[bucket] = ++in->nfresh;
    *index = in->nfresh;
    return ZIPLLM_OK;
}

/* ---- the base of a tensor ---------------------------------------------------------------------
 */

bool zipllm_same_rows(const char *a, const char *b)
{
    const char *x = strchr(a, ','), *y = strchr(b, ',');
    if (x == NULL || y == NULL)
        return x == y && (strcmp(a, "[]") == 0) == (strcmp(b, "[]") == 0);
    return strcmp(x, y) == 0;
}

/* 1 + index of the name, which is taken over (malloced). */
static zipllm_status note_base_name(zipllm_ingest *in, char *name, size_t *index)
{
    for (size_t i = 0; i < in->nbase_names; i++) {
        if (strcmp(in->base_names[i], name) == 0) {
            free(name);
            *index = i + 1;
            return ZIPLLM_OK;
        }
    }
    char **names = realloc(in->base_names, (in->nbase_names + 1) * sizeof *names);
    if (names == NULL) {
        free(name);
        return zipllm_fail_memory(in->error, sizeof *names);
    }
    in->base_names = names;
    names[in->nbase_names++] = name;
    *index = in->nbase_names;
    return ZIPLLM_OK;
}

zipllm_status zipllm_ingest_model_row(zipllm_ingest *in, int64_t model, const zipllm_part *part,
                                      zipllm_tensor_row *row, const char **reason)
{
    char *dtype, *shape;
    zipllm_status status = zipllm_index_model_tensor(in->store->index, model, part->name, row,
                                                     &dtype, &shape, in->error);
    if (status != ZIPLLM_OK)
        return status;
    if (row->id == 0) {
        *reason = "not in the base";
        return ZIPLLM_OK;
    }
    const bool cast = row->dtype != (uint32_t)part->dtype &&
                      zipllm_blend_castable(part->dtype, (bitx_dtype)row->dtype);
    if (!cast && strcmp(dtype, part->dtype_text) != 0) {
        *reason = "another dtype in the base";
        row->id = 0;
    } else if (cast ? strcmp(shape, part->shape) != 0
                    : row->nbytes != part->nbytes && !zipllm_same_rows(shape, part->shape)) {
        *reason = "another shape in the base";
        row->id = 0;
    }
    free(dtype);
    free(shape);
    return ZIPLLM_OK;
}

zipllm_status zipllm_ingest_base_row(zipllm_ingest *in, int64_t model, const zipllm_part *part,
                                     zipllm_tensor_row *row, const char **reason)
{
    zipllm_status status = zipllm_ingest_model_row(in, model, part, row, reason);
    for (unsigned steps = 0; status == ZIPLLM_OK && row->id != 0 && row->parent != 0; steps++) {
        const zipllm_promoted *promoted = zipllm_stored_promoted(in->store, row->id);
        if (promoted != NULL) {
            *row = promoted->row;
            break;
        }
        if (steps < ZIPLLM_DEPTH_MAX)
            status = zipllm_index_tensor(in->store->index, row->parent, row, in->error);
        else
            row->id = 0;
        if (status == ZIPLLM_OK && row->id == 0)
            *reason = "the base's own base is damaged";
    }
    if (status != ZIPLLM_OK || row->id == 0 || row->dtype == (uint32_t)part->dtype)
        return status;
    /* Only its rounding to the part's format can be coded against. */
    if (!zipllm_blend_castable(part->dtype, (bitx_dtype)row->dtype) ||
        row->nbytes / bitx_dtype_bits((bitx_dtype)row->dtype) !=
            part->nbytes / bitx_dtype_bits(part->dtype)) {
        *reason = "another dtype in the base";
        row->id = 0;
    }
    return status;
}

static zipllm_status name_base(zipllm_ingest *in, zipllm_part *part, int64_t tensor)
{
    char *name = NULL;
    zipllm_status status = zipllm_index_tensor_model(in->store->index, tensor, &name, in->error);
    if (status == ZIPLLM_OK && name == NULL &&
        (name = strdup(in->nbases > 0 ? in->bases[0].name : "")) == NULL)
        status = zipllm_fail_memory(in->error, 1);
    return status == ZIPLLM_OK ? note_base_name(in, name, &part->base) : status;
}

static zipllm_status open_base(zipllm_ingest *in, zipllm_part *part, zipllm_task *task)
{
    if (part->kind != ZIPLLM_TENSOR) {
        part->reason = "not a tensor";
        return ZIPLLM_OK;
    }
    part->reason = in->no_base_reason;
    if (in->nbases == 0)
        return ZIPLLM_OK;

    zipllm_tensor_row row;
    zipllm_status status = zipllm_family_tensor_base(in, part, &row, &part->reason);
    if (status != ZIPLLM_OK || row.id == 0)
        return status;
    status = zipllm_stored_open(in->store, &row, &task->with, in->error);
    if (status == ZIPLLM_DAMAGED) {
        part->reason = "the base's tensor is damaged";
        return ZIPLLM_OK;
    }
    return status == ZIPLLM_OK ? name_base(in, part, row.id) : status;
}

/* ---- passes ------------------------------------------------------------------------------------
 */

typedef struct walk {
    zipllm_ingest *in;
    zipllm_ingest_file *file;
    size_t next;          /* part */
    bool hashing;         /* the first pass */
    bool all;             /* the first of the second passes: every part goes by, for SHA-256 */
    zipllm_status status; /* of next(), which can only return NULL */
} walk;

static zipllm_task *new_task(walk *w, zipllm_part *part, zipllm_action action)
{
    zipllm_task *task = calloc(1, sizeof *task);
    if (task == NULL) {
        w->status = zipllm_fail_memory(w->in->error, sizeof *task);
        return NULL;
    }
    task->part = part;
    task->action = action;
    task->equal = true;
    return task;
}

static zipllm_task *dismiss(walk *w, zipllm_task *task)
{
    zipllm_stored_close(w->in->store, task->with);
    for (unsigned k = 0; k < task->nblend; k++)
        zipllm_stored_close(w->in->store, task->blend[k]);
    for (unsigned k = 0; k < 2; k++)
        zipllm_stored_close(w->in->store, task->factors[k]);
    free(task->coding);
    free(task);
    return NULL;
}

/* Compares with the next tensor of equal length and hash: of the index, or fresh. *found: there is
   one, though it may not be coded yet, and then only hashing is left to do in this pass. */
static zipllm_status find_twin(walk *w, zipllm_part *part, zipllm_task *task, bool *found)
{
    zipllm_ingest *in = w->in;
    zipllm_tensor_row row;
    zipllm_status status = zipllm_index_find_tensor(in->store->index, part->nbytes, part->hash,
                                                    part->tried_ordinal, &row, in->error);
    if (status != ZIPLLM_OK)
        return status;
    *found = true;
    if (row.id != 0) {
        task->action = ZIPLLM_DO_COMPARE;
        part->tensor = row.id;
        part->tried_ordinal = row.ordinal + 1;
        return zipllm_stored_open(in->store, &row, &task->with, in->error);
    }
    part->tensor = 0;
    part->fresh = find_fresh(in, part, part->tried_fresh);
    if (part->fresh == 0) {
        *found = false;
        return ZIPLLM_OK;
    }
    const zipllm_fresh *fresh = &in->fresh[part->fresh - 1];
    if (!fresh->coded || fresh->pass == in->pass)
        return ZIPLLM_OK;
    task->action = ZIPLLM_DO_COMPARE;
    part->tried_fresh = part->fresh;
    return zipllm_stored_open_fd(in->store, fresh->writer->fd, &fresh->row, fresh->parents,
                                 &task->with, in->error);
}

static zipllm_status decide(walk *w, zipllm_part *part, zipllm_task *task)
{
    bool found = false;
    zipllm_status status = find_twin(w, part, task, &found);
    if (status != ZIPLLM_OK || found)
        return status;
    /* Ordinals follow those of the index and of fresh ones with the same hash. */
    const uint32_t ordinal = part->tried_fresh != 0
                                 ? w->in->fresh[part->tried_fresh - 1].row.ordinal + 1
                                 : part->tried_ordinal;
    status = add_fresh(w->in, part, ordinal, &task->fresh);
    if (status != ZIPLLM_OK)
        return status;
    part->fresh = task->fresh;
    task->action = ZIPLLM_DO_ENCODE;
    task->coding = zipllm_coding_new();
    if (task->coding == NULL)
        return zipllm_fail_memory(w->in->error, 1);
    status = zipllm_blend_open(w->in, part, task);
    if (status == ZIPLLM_OK)
        status = zipllm_adapter_open(w->in, part, task);
    return status == ZIPLLM_OK ? open_base(w->in, part, task) : status;
}

static zipllm_task *next_part(void *user)
{
    walk *w = user;
    zipllm_layout *layout = &w->file->layout;
    while (w->next < layout->nparts && w->status == ZIPLLM_OK) {
        zipllm_part *part = &layout->parts[w->next++];
        if (part->nbytes == 0 || (part->done && !w->all))
            continue;
        zipllm_task *task = new_task(w, part, ZIPLLM_DO_HASH);
        if (task == NULL || w->hashing || part->done)
            return task;
        w->status = decide(w, part, task);
        return w->status == ZIPLLM_OK ? task : dismiss(w, task);
    }
    return NULL;
}

static zipllm_status finish_part(void *user, zipllm_task *task)
{
    walk *w = user;
    zipllm_part *part = task->part;
    if (w->hashing) {
        memcpy(part->hash, task->hash, sizeof part->hash);
        return ZIPLLM_OK;
    }
    if (task->action == ZIPLLM_DO_ENCODE) {
        const zipllm_fresh *fresh = &w->in->fresh[task->fresh - 1];
        part->done = true;
        part->stored_nbytes = fresh->row.length;
        part->how = fresh->row.nparents != 0 ? ZIPLLM_DELTA : ZIPLLM_WHOLE;
        if (part->how == ZIPLLM_DELTA)
            part->reason = "";
        else if (task->with != NULL)
            part->reason = "smaller without the base";
        if (part->how != ZIPLLM_DELTA)
            part->base = 0;
        else if (task->nblend != 0)
            return name_base(w->in, part, fresh->row.parent);
    }
    if (task->action == ZIPLLM_DO_COMPARE && task->equal) {
        part->done = true;
        part->how = ZIPLLM_DEDUPLICATED;
        part->stored_nbytes = 0;
        part->reason = part->tensor != 0 ? "in the store already" : "twice in this model";
    }
    return ZIPLLM_OK;
}

static zipllm_status run_pass(walk *w, int fd, const char *shown, bool sha256)
{
    zipllm_pass pass = {.phase = w->hashing ? "hash" : "encode",
                        .shown = shown,
                        .fd = fd,
                        .next = next_part,
                        .finish = finish_part,
                        .user = w,
                        .sha256 = sha256,
                        .second = !w->hashing,
                        .sum = w->file->sha256};
    w->next = 0;
    w->status = ZIPLLM_OK;
    w->in->pass++;
    const zipllm_status status = zipllm_pipeline_run(w->in->pipeline, &pass);
    return w->status != ZIPLLM_OK ? w->status : status;
}

static bool all_done(const zipllm_layout *layout)
{
    for (size_t i = 0; i < layout->nparts; i++)
        if (!layout->parts[i].done && layout->parts[i].nbytes != 0)
            return false;
    return true;
}

/* Every part by the index's hashes, and a file of this length: then SHA-256 may say that the file
   is known, and no byte needs to be decoded. */
static zipllm_status may_be_known(zipllm_ingest *in, const zipllm_ingest_file *file, bool *maybe)
{
    zipllm_status status =
        zipllm_index_has_length(in->store->index, file->nbytes, maybe, in->error);
    for (size_t i = 0; i < file->layout.nparts && status == ZIPLLM_OK && *maybe; i++) {
        const zipllm_part *part = &file->layout.parts[i];
        zipllm_tensor_row row;
        if (part->nbytes == 0)
            continue;
        status = zipllm_index_find_tensor(in->store->index, part->nbytes, part->hash, 0, &row,
                                          in->error);
        *maybe = status == ZIPLLM_OK && row.id != 0;
    }
    return status;
}

/* SHA-256 of the whole file, and the file in the index that has it. */
static zipllm_status take_sha256(zipllm_ingest *in, int fd, const char *shown,
                                 zipllm_ingest_file *file)
{
    walk w = {.in = in, .file = file, .hashing = true};
    const zipllm_status status = run_pass(&w, fd, shown, true);
    if (status != ZIPLLM_OK)
        return status;
    return zipllm_index_find_file(in->store->index, file->nbytes, file->sha256, &file->known,
                                  in->error);
}

static void mark_known(zipllm_ingest_file *file)
{
    for (size_t i = 0; i < file->layout.nparts; i++) {
        zipllm_part *part = &file->layout.parts[i];
        part->done = true;
        part->how = ZIPLLM_DEDUPLICATED;
        part->reason = "the whole file is in the store already";
    }
}

static zipllm_status check_size(zipllm_ingest *in, int fd, const char *shown, uint64_t nbytes)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return zipllm_fail_os(in->error, shown, errno, "cannot stat");
    if ((uint64_t)st.st_size != nbytes)
        return zipllm_fail(in->error, ZIPLLM_ERROR, shown, nbytes, 0,
                           "changed while being read: it became longer or shorter");
    return ZIPLLM_OK;
}

static zipllm_status store_parts(zipllm_ingest *in, int fd, const char *shown,
                                 zipllm_ingest_file *file)
{
    walk w = {.in = in, .file = file, .all = true};
    zipllm_status status = run_pass(&w, fd, shown, true);
    w.all = false;
    while (status == ZIPLLM_OK && !all_done(&file->layout))
        status = run_pass(&w, fd, shown, false);
    if (status == ZIPLLM_OK)
        status = zipllm_index_find_file(in->store->index, file->nbytes, file->sha256, &file->known,
                                        in->error);
    return status;
}

zipllm_status zipllm_ingest_file_add(zipllm_ingest *in, int fd, const char *shown, bool dry,
                                     zipllm_ingest_file *file)
{
    const uint64_t before = in->done;
    zipllm_status status = zipllm_layout_read(
        fd, shown, file->nbytes, zipllm_is_safetensors(file->path), &file->layout, in->error);
    if (status != ZIPLLM_OK)
        return status;
    bool maybe = dry;
    if (!dry) {
        walk w = {.in = in, .file = file, .hashing = true};
        status = run_pass(&w, fd, shown, false);
        if (status == ZIPLLM_OK)
            status = may_be_known(in, file, &maybe);
    }
    if (status == ZIPLLM_OK && maybe)
        status = take_sha256(in, fd, shown, file);
    if (status == ZIPLLM_OK && file->known == 0 && !dry && in->choose != NULL)
        status = in->choose(in->choose_user, file);
    if (status == ZIPLLM_OK && file->known != 0)
        mark_known(file);
    if (status == ZIPLLM_OK && file->known == 0 && !dry)
        status = zipllm_blend_for(in, file);
    if (status == ZIPLLM_OK && file->known == 0 && !dry)
        status = zipllm_adapter_for(in, file);
    if (status == ZIPLLM_OK && file->known == 0 && !dry && in->promote)
        status = zipllm_promote_for(in, file);
    if (status == ZIPLLM_OK && file->known == 0 && !dry)
        status = store_parts(in, fd, shown, file);
    if (status == ZIPLLM_OK)
        status = check_size(in, fd, shown, file->nbytes);
    in->done = before + 2 * file->nbytes;
    return status;
}
