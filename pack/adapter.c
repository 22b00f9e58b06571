/*
 * Which adapter of the store was merged into a file's tensors: of some of them the change at the
 * sampled elements is compared with the product of each adapter's matrices, which are read for it.
 */
#include "adapter.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blend.h"
#include "error.h"
#include "family.h"
#include "sketch.h"
#include "stored.h"

enum {
    ADAPTERS_MAX = 32, /* that are looked at, the latest first */
    TRIED = 3,         /* tensors of each, at most */
    LOOKED_AT = 24,    /* for which it is asked: the first layers have one of each kind */
    SAMPLES_MAX = ZIPLLM_SKETCH_MAX / 2,
    NAME_MAX_NBYTES = 1024
};

/* The share of the change's square that the product must explain: the coder decides, so this is
   only about its time. What has nothing to do with it stays below 0.2 in 64 samples. */
static const double EXPLAINED = 0.25;

struct zipllm_adapters {
    bool listed;
    int64_t models[ADAPTERS_MAX];
    size_t n;
    uint8_t sketch[ZIPLLM_SKETCH_MAX];
    float tensor[SAMPLES_MAX], change[SAMPLES_MAX];
};

/* ---- names and shapes --------------------------------------------------------------------------
 */

/* The matrix of a tensor in an adapter's model; id 0: none of that shape. */
static zipllm_status find_matrix(zipllm_ingest *in, int64_t model, const zipllm_part *part,
                                 char which, zipllm_tensor_row *row, uint64_t *rank)
{
    static const char suffix[] = ".weight";
    char name[NAME_MAX_NBYTES], *dtype = NULL, *shape = NULL;
    unsigned long long first = 0, second = 0;
    int end = 0;
    const size_t length = strlen(part->name), stem = length - (sizeof suffix - 1);
    row->id = 0;
    if (length < sizeof suffix || length > NAME_MAX_NBYTES / 2 ||
        strcmp(part->name + stem, suffix) != 0)
        return ZIPLLM_OK;
    (void)snprintf(name, sizeof name, "base_model.model.%.*s.lora_%c.weight", (int)stem, part->name,
                   which);
    const zipllm_status status =
        zipllm_index_model_tensor(in->store->index, model, name, row, &dtype, &shape, in->error);
    if (status != ZIPLLM_OK || row->id == 0)
        return status;
    const bitx_dtype kind = (bitx_dtype)row->dtype;
    const uint64_t columns = zipllm_row_nelem(part->shape), width = bitx_dtype_bits(kind) / 8;
    const uint64_t rows = part->nbytes / (bitx_dtype_bits(part->dtype) / 8) / columns;
    const bool matrix = sscanf(shape, "[%llu,%llu]%n", &first, &second, &end) == 2 && end != 0 &&
                        shape[end] == '\0';
    *rank = which == 'A' ? first : second;
    if (!matrix || !zipllm_blend_castable(kind, kind) || row->depth >= ZIPLLM_DEPTH_MAX ||
        *rank == 0 || *rank > 256 || (which == 'A' ? second != columns : first != rows) ||
        row->nbytes != *rank * width * (which == 'A' ? columns : rows))
        row->id = 0;
    free(dtype);
    free(shape);
    return ZIPLLM_OK;
}

static zipllm_status find_pair(zipllm_ingest *in, int64_t model, const zipllm_part *part,
                               zipllm_tensor_row rows[2], uint64_t *rank)
{
    uint64_t other = 0;
    zipllm_status status = find_matrix(in, model, part, 'A', &rows[0], rank);
    if (status == ZIPLLM_OK && rows[0].id != 0)
        status = find_matrix(in, model, part, 'B', &rows[1], &other);
    if (rows[0].id == 0 || rows[1].id == 0 || other != *rank || rows[0].dtype != rows[1].dtype)
        rows[0].id = 0;
    return status;
}

static bool is_matrix(const zipllm_part *part)
{
    return part->kind == ZIPLLM_TENSOR && part->nbytes != 0 &&
           zipllm_blend_castable(part->dtype, part->dtype) && zipllm_row_nelem(part->shape) != 0;
}

/* ---- how much one explains ---------------------------------------------------------------------
 */

/* The sampled changes from the tensor that a base model has, in steps of each element; *known:
   there is one. */
static zipllm_status load_changes(zipllm_ingest *in, const zipllm_part *part, int64_t model,
                                  const zipllm_sketch_plan *plan, bool *known)
{
    struct zipllm_adapters *a = in->adapters;
    zipllm_tensor_row row;
    const char *reason;
    *known = false;
    zipllm_status status = zipllm_ingest_model_row(in, model, part, &row, &reason);
    if (status != ZIPLLM_OK || row.id == 0 || row.dtype != (uint32_t)part->dtype ||
        row.nbytes != part->nbytes)
        return status;
    status = zipllm_family_sketch(in->store->index, &row, a->sketch, known, in->error);
    if (status != ZIPLLM_OK || !*known)
        return status;
    zipllm_to_f32(a->tensor, part->sketch, plan->nsamples, part->dtype);
    zipllm_to_f32(a->change, a->sketch, plan->nsamples, part->dtype);
    for (uint32_t i = 0; i < plan->nsamples; i++)
        a->change[i] = a->tensor[i] - a->change[i];
    return ZIPLLM_OK;
}

/* One of the matrices as floats, malloced; NULL where it is damaged. */
static zipllm_status read_matrix(zipllm_ingest *in, const zipllm_tensor_row *row, float **out)
{
    zipllm_stored *stored = NULL;
    uint8_t *bytes = NULL;
    *out = NULL;
    zipllm_status status = zipllm_stored_open(in->store, row, &stored, in->error);
    if (status == ZIPLLM_OK)
        status = zipllm_stored_read(in->store, stored, &bytes, in->error);
    zipllm_stored_close(in->store, stored);
    if (status != ZIPLLM_OK)
        return status == ZIPLLM_DAMAGED ? ZIPLLM_OK : status;
    const size_t n = (size_t)(row->nbytes / (bitx_dtype_bits((bitx_dtype)row->dtype) / 8));
    *out = malloc(n * sizeof **out);
    if (*out == NULL)
        status = zipllm_fail_memory(in->error, n * sizeof **out);
    else
        zipllm_to_f32(*out, bytes, n, (bitx_dtype)row->dtype);
    free(bytes);
    return status;
}

/* The share of the changes' squares that the product explains, small elements being finer. */
static double explained(const struct zipllm_adapters *s, const zipllm_sketch_plan *plan,
                        const float *a, const float *b, uint64_t columns, uint64_t rank)
{
    double across = 0, product = 0, change = 0, mean = 0;
    for (uint32_t i = 0; i < plan->nsamples; i++)
        mean += fabsf(s->tensor[i]) < 1e15F ? (double)fabsf(s->tensor[i]) / plan->nsamples : 0;
    for (uint32_t i = 0; i < plan->nsamples; i++) {
        const uint64_t at = zipllm_sketch_position(plan, i), row = at / columns;
        const double step = fmax(fabs((double)s->tensor[i]), mean / 16);
        double q = 0;
        for (uint64_t k = 0; k < rank; k++)
            q += (double)b[row * rank + k] * (double)a[k * columns + at % columns];
        const double d = (double)s->change[i] / step;
        q /= step;
        if (!(fabs(d) < 1e15 && fabs(q) < 1e15))
            continue;
        across += d * q;
        product += q * q;
        change += d * d;
    }
    return product > 0 && change > 0 ? across * across / (product * change) : 0;
}

static zipllm_status score(zipllm_ingest *in, const zipllm_part *part,
                           const zipllm_tensor_row rows[2], uint64_t rank, double *best)
{
    const zipllm_sketch_plan plan = zipllm_sketch_plan_of(part->dtype, part->nbytes);
    float *a = NULL, *b = NULL;
    zipllm_status status = read_matrix(in, &rows[0], &a);
    if (status == ZIPLLM_OK)
        status = read_matrix(in, &rows[1], &b);
    for (size_t i = 0; i < in->nbases && status == ZIPLLM_OK && a != NULL && b != NULL; i++) {
        bool known;
        status = load_changes(in, part, in->bases[i].model, &plan, &known);
        if (status == ZIPLLM_OK && known)
            *best = fmax(*best,
                         explained(in->adapters, &plan, a, b, zipllm_row_nelem(part->shape), rank));
    }
    free(a);
    free(b);
    return status;
}

/* Of some tensors that the adapter has; a few may have been left as they were. */
static zipllm_status score_model(zipllm_ingest *in, const zipllm_ingest_file *file, int64_t model,
                                 double *best)
{
    unsigned tried = 0, looked_at = 0;
    *best = 0;
    for (size_t i = 0; i < file->layout.nparts && tried < TRIED && looked_at < LOOKED_AT; i++) {
        const zipllm_part *part = &file->layout.parts[i];
        zipllm_tensor_row rows[2];
        uint64_t rank = 0;
        if (!is_matrix(part) || part->sketch == NULL)
            continue;
        looked_at++;
        zipllm_status status = find_pair(in, model, part, rows, &rank);
        if (status == ZIPLLM_OK && rows[0].id != 0) {
            status = score(in, part, rows, rank, best);
            tried++;
        }
        if (status != ZIPLLM_OK)
            return status;
        if (*best > EXPLAINED)
            return ZIPLLM_OK;
    }
    return ZIPLLM_OK;
}

/* ---- all ---------------------------------------------------------------------------------------
 */

static zipllm_status list_adapters(zipllm_ingest *in)
{
    struct zipllm_adapters *a = in->adapters;
    sqlite3_stmt *s = zipllm_index_query(in->store->index, ZIPLLM_Q_ADAPTERS, in->error);
    int step = 0;
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, ADAPTERS_MAX);
    while (a->n < ADAPTERS_MAX && (step = zipllm_index_step(in->store->index, s, in->error)) > 0)
        a->models[a->n++] = sqlite3_column_int64(s, 0);
    zipllm_index_reset(s);
    a->listed = true;
    return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
}

static zipllm_status take(zipllm_ingest *in, const zipllm_ingest_file *file, int64_t model)
{
    for (size_t i = 0; i < file->layout.nparts; i++) {
        zipllm_part *part = &file->layout.parts[i];
        zipllm_tensor_row rows[2];
        uint64_t rank;
        if (!is_matrix(part))
            continue;
        const zipllm_status status = find_pair(in, model, part, rows, &rank);
        if (status != ZIPLLM_OK)
            return status;
        for (unsigned k = 0; k < 2; k++)
            part->adapter[k] = rows[0].id != 0 ? rows[k].id : 0;
    }
    return ZIPLLM_OK;
}

static zipllm_status adapter_for(zipllm_ingest *in, const zipllm_ingest_file *file)
{
    zipllm_status status = in->adapters->listed ? ZIPLLM_OK : list_adapters(in);
    double most = EXPLAINED;
    int64_t model = 0;
    for (size_t i = 0; i < in->adapters->n && status == ZIPLLM_OK; i++) {
        double share;
        status = score_model(in, file, in->adapters->models[i], &share);
        if (share > most) {
            most = share;
            model = in->adapters->models[i];
        }
    }
    return status == ZIPLLM_OK && model != 0 ? take(in, file, model) : status;
}

zipllm_status zipllm_adapter_for(zipllm_ingest *in, const zipllm_ingest_file *file)
{
    if (in->nbases == 0)
        return ZIPLLM_OK;
    if (in->adapters == NULL && (in->adapters = calloc(1, sizeof *in->adapters)) == NULL)
        return zipllm_fail_memory(in->error, sizeof *in->adapters);
    if (in->adapters->listed && in->adapters->n == 0)
        return ZIPLLM_OK;
    /* One transaction, as each of a thousand statements would take its locks by itself. */
    const zipllm_status begun = zipllm_index_begin_read(in->store->index, in->error);
    if (begun != ZIPLLM_OK)
        return begun;
    const zipllm_status status = adapter_for(in, file);
    zipllm_index_rollback(in->store->index);
    return status;
}

zipllm_status zipllm_adapter_open(zipllm_ingest *in, const zipllm_part *part, zipllm_task *task)
{
    zipllm_status status = ZIPLLM_OK;
    for (unsigned k = 0; k < 2 && part->adapter[0] != 0 && status == ZIPLLM_OK; k++) {
        zipllm_tensor_row row;
        status = zipllm_index_tensor(in->store->index, part->adapter[k], &row, in->error);
        if (status == ZIPLLM_OK && row.id != 0 && row.depth < ZIPLLM_DEPTH_MAX)
            status = zipllm_stored_open(in->store, &row, &task->factors[k], in->error);
        else if (status == ZIPLLM_OK)
            status = ZIPLLM_DAMAGED; /* it was removed or recoded meanwhile */
    }
    if (status != ZIPLLM_DAMAGED)
        return status;
    for (unsigned k = 0; k < 2; k++) {
        zipllm_stored_close(in->store, task->factors[k]);
        task->factors[k] = NULL;
    }
    return ZIPLLM_OK;
}

void zipllm_adapter_forget(zipllm_ingest *in)
{
    free(in->adapters);
    in->adapters = NULL;
}
