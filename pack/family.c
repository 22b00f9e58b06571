#include "family.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "blend.h"
#include "error.h"
#include "model_name.h"

/* Tensors of a file that a model is judged by: the largest ones. */
enum { LOOKED_AT = 32, PROBE_NBYTES = 12 };

/* ---- sketches and probes in the index -----------------------------------------------------------
 */

static zipllm_sketch_view view_of(bitx_dtype dtype, uint64_t nbytes, const uint8_t *samples)
{
    return (zipllm_sketch_view){dtype, nbytes, samples};
}

zipllm_status zipllm_family_sketch(zipllm_index *index, const zipllm_tensor_row *row, uint8_t *dst,
                                   bool *found, zipllm_error *error)
{
    const zipllm_sketch_plan plan = zipllm_sketch_plan_of((bitx_dtype)row->dtype, row->nbytes);
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_SKETCH, error);
    *found = false;
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, row->id);
    (void)sqlite3_bind_int64(s, 2, ZIPLLM_SKETCH_VERSION);
    const int step = zipllm_index_step(index, s, error);
    if (step < 0)
        return ZIPLLM_ERROR;
    if (step == 0)
        return ZIPLLM_OK;
    const size_t nbytes = (size_t)sqlite3_column_bytes(s, 0);
    if (nbytes != 0 && nbytes == zipllm_sketch_nbytes(&plan)) {
        memcpy(dst, sqlite3_column_blob(s, 0), nbytes);
        *found = true;
    }
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

static void offer_parts(zipllm_probes *probes, const zipllm_ingest_file *file)
{
    for (size_t i = 0; i < file->layout.nparts; i++) {
        const zipllm_part *part = &file->layout.parts[i];
        const zipllm_sketch_view view = view_of(part->dtype, part->nbytes, part->sketch);
        if (part->sketch != NULL)
            zipllm_probes_offer(probes, part->name, &view);
    }
}

/* As if the floats of other formats were of this one: what they were cast from or to. */
static void offer_casts(zipllm_probes *probes, const zipllm_ingest_file *file, bitx_dtype dtype)
{
    for (size_t i = 0; i < file->layout.nparts; i++) {
        const zipllm_part *part = &file->layout.parts[i];
        const zipllm_sketch_view view = view_of(part->dtype, part->nbytes, part->sketch);
        if (part->sketch != NULL && part->dtype != dtype &&
            zipllm_blend_castable(part->dtype, dtype))
            zipllm_probes_offer_as(probes, part->name, &view, dtype);
    }
}

static zipllm_status put_blob(zipllm_index *index, zipllm_query query, int64_t id, int version,
                              const uint8_t *data, size_t nbytes, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, query, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, id);
    (void)sqlite3_bind_int(s, 2, version);
    (void)sqlite3_bind_blob(s, 3, data, (int)nbytes, SQLITE_STATIC);
    return zipllm_index_run(index, s, error);
}

zipllm_status zipllm_family_put_sketch(zipllm_index *index, int64_t tensor, const uint8_t *sketch,
                                       size_t nbytes, zipllm_error *error)
{
    return put_blob(index, ZIPLLM_Q_PUT_SKETCH, tensor, ZIPLLM_SKETCH_VERSION, sketch, nbytes,
                    error);
}

static zipllm_status put_sketches(zipllm_ingest *in, const zipllm_ingest_file *file)
{
    for (size_t i = 0; i < file->layout.nparts; i++) {
        const zipllm_part *part = &file->layout.parts[i];
        const zipllm_sketch_plan plan = zipllm_sketch_plan_of(part->dtype, part->nbytes);
        if (part->sketch == NULL || part->tensor != 0 || part->fresh == 0)
            continue;
        const zipllm_status status =
            zipllm_family_put_sketch(in->store->index, in->fresh[part->fresh - 1].row.id,
                                     part->sketch, zipllm_sketch_nbytes(&plan), in->error);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

/* Hosts are little-endian: bitx/kernels.h refuses others. */
static size_t pack_probes(zipllm_probes *probes, uint8_t *dst)
{
    zipllm_probes_sort(probes->probes, probes->count);
    for (size_t i = 0; i < probes->count; i++) {
        memcpy(dst + i * PROBE_NBYTES, &probes->probes[i].key, 4);
        memcpy(dst + i * PROBE_NBYTES + 4, &probes->probes[i].bits, 8);
    }
    return probes->count * PROBE_NBYTES;
}

zipllm_status zipllm_family_put_probes(zipllm_index *index, int64_t model, zipllm_probes *probes,
                                       zipllm_error *error)
{
    uint8_t data[ZIPLLM_PROBES_MAX * PROBE_NBYTES];
    const size_t nbytes = pack_probes(probes, data);
    return nbytes == 0 ? ZIPLLM_OK
                       : put_blob(index, ZIPLLM_Q_PUT_PROBES, model, ZIPLLM_PROBE_VERSION, data,
                                  nbytes, error);
}

zipllm_status zipllm_family_record(zipllm_ingest *in, int64_t model,
                                   const zipllm_ingest_file *files, size_t nfiles)
{
    zipllm_probes probes = {.count = 0};
    for (size_t i = 0; i < nfiles; i++) {
        const zipllm_status status = put_sketches(in, &files[i]);
        if (status != ZIPLLM_OK)
            return status;
        offer_parts(&probes, &files[i]);
    }
    return zipllm_family_put_probes(in->store->index, model, &probes, in->error);
}

/* ---- the nearest models -------------------------------------------------------------------------
 */

/* A file's own dtypes first, then what its floats may have been cast from or to. */
enum { SEARCHES = 4, CASTS = 2 /* models of each other dtype that are kept */ };
static const bitx_dtype cast_dtypes[SEARCHES - 1] = {BITX_BF16, BITX_F16, BITX_F32};

/* Every model of the index goes by; nothing of it stays in memory. */
static zipllm_status search_models(zipllm_ingest *in, zipllm_neighbors searches[SEARCHES])
{
    sqlite3_stmt *s = zipllm_index_query(in->store->index, ZIPLLM_Q_PROBES, in->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int(s, 1, ZIPLLM_PROBE_VERSION);
    int step;
    while ((step = zipllm_index_step(in->store->index, s, in->error)) > 0) {
        zipllm_probe probes[ZIPLLM_PROBES_MAX];
        const uint8_t *data = sqlite3_column_blob(s, 1);
        size_t n = (size_t)sqlite3_column_bytes(s, 1) / PROBE_NBYTES;
        n = n < ZIPLLM_PROBES_MAX ? n : ZIPLLM_PROBES_MAX;
        for (size_t i = 0; i < n; i++) {
            memcpy(&probes[i].key, data + i * PROBE_NBYTES, 4);
            memcpy(&probes[i].bits, data + i * PROBE_NBYTES + 4, 8);
        }
        for (size_t k = 0; k < SEARCHES; k++)
            if (searches[k].nquery != 0)
                zipllm_neighbors_offer(&searches[k], sqlite3_column_int64(s, 0), probes, n);
    }
    return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
}

static void add_relative(zipllm_relatives *relatives, int64_t model, zipllm_found found)
{
    for (size_t i = 0; i < relatives->n; i++)
        if (relatives->list[i].model == model)
            return;
    if (relatives->n < ZIPLLM_RELATIVES_MAX)
        relatives->list[relatives->n++] = (zipllm_relative){.model = model, .found = found};
}

/* The candidates of earlier files come before those that this file's tensors find. */
static zipllm_status add_nearest(zipllm_ingest *in, const zipllm_ingest_file *file,
                                 zipllm_relatives *relatives)
{
    for (size_t i = 0; i < in->nbases; i++)
        add_relative(relatives, in->bases[i].model, ZIPLLM_FOUND_BITS);
    zipllm_neighbors *searches = malloc(SEARCHES * sizeof *searches);
    zipllm_probes *probes = malloc(sizeof *probes);
    zipllm_status status = searches != NULL && probes != NULL
                               ? ZIPLLM_OK
                               : zipllm_fail_memory(in->error, SEARCHES * sizeof *searches);
    for (size_t k = 0; k < SEARCHES && status == ZIPLLM_OK; k++) {
        probes->count = 0;
        if (k == 0)
            offer_parts(probes, file);
        else
            offer_casts(probes, file, cast_dtypes[k - 1]);
        zipllm_neighbors_init(&searches[k], probes->probes, probes->count,
                              k == 0 ? ZIPLLM_RELATIVES_MAX : CASTS);
    }
    if (status == ZIPLLM_OK)
        status = search_models(in, searches);
    for (size_t k = SEARCHES; k-- > 0 && status == ZIPLLM_OK;) /* the few before the many */
        for (size_t i = 0; i < searches[k].n; i++)
            add_relative(relatives, searches[k].found[i].id, ZIPLLM_FOUND_BITS);
    free(searches);
    free(probes);
    return status;
}

/* ---- predictions --------------------------------------------------------------------------------
 */

static zipllm_status need_predictor(zipllm_ingest *in)
{
    if (in->predictor == NULL)
        in->predictor = zipllm_predictor_new();
    return in->predictor != NULL ? ZIPLLM_OK : zipllm_fail_memory(in->error, 1);
}

zipllm_status zipllm_family_predict(zipllm_ingest *in, const zipllm_part *part,
                                    const zipllm_tensor_row *row, zipllm_prediction *out,
                                    bool *known)
{
    uint8_t sketch[ZIPLLM_SKETCH_MAX];
    *known = false;
    if (part->sketch == NULL)
        return ZIPLLM_OK;
    zipllm_status status = need_predictor(in);
    if (status == ZIPLLM_OK)
        status = zipllm_family_sketch(in->store->index, row, sketch, known, in->error);
    if (status != ZIPLLM_OK || !*known)
        return status;
    if (row->dtype != (uint32_t)part->dtype) {
        const double bits = zipllm_blend_cast_bits(part, row, sketch, &out->nsamples);
        out->delta_bits = bits;
        out->delta_nbytes =
            (uint64_t)(bits * (double)part->nbytes / (double)bitx_dtype_bits(part->dtype));
        *known = out->nsamples > 0;
        return ZIPLLM_OK;
    }
    const zipllm_sketch_view tensor = view_of(part->dtype, part->nbytes, part->sketch);
    const zipllm_sketch_view base = view_of((bitx_dtype)row->dtype, row->nbytes, sketch);
    zipllm_predict_delta(in->predictor, &tensor, &base, out);
    *known = out->nsamples > 0;
    return ZIPLLM_OK;
}

zipllm_status zipllm_family_promoted_nbytes(zipllm_ingest *in, const zipllm_part *part,
                                            const zipllm_tensor_row *row,
                                            const zipllm_prediction *whole, double best,
                                            double *nbytes)
{
    zipllm_prediction p = *whole, own;
    uint8_t sketch[ZIPLLM_SKETCH_MAX];
    bool known = false;
    *nbytes = best;
    /* The two are relatives, so one costs by itself about what the other does. Most end here. */
    const double about = (double)whole->whole_nbytes * (double)row->nbytes / (double)part->nbytes;
    if (0.9 * about - (double)row->length > best)
        return ZIPLLM_OK;
    zipllm_status status = zipllm_family_predict(in, part, row, &p, &known);
    if (status == ZIPLLM_OK && known)
        status = zipllm_family_sketch(in->store->index, row, sketch, &known, in->error);
    if (status != ZIPLLM_OK || !known)
        return status;
    zipllm_predict_whole(&(zipllm_sketch_view){(bitx_dtype)row->dtype, row->nbytes, sketch}, &own);
    const double more = (double)own.whole_nbytes - (double)row->length;
    const double sum = (double)p.delta_nbytes + (more > 0 ? more : 0);
    if (sum < best)
        *nbytes = sum;
    return ZIPLLM_OK;
}

/* One of the tensors that models are judged by; several models share a root, so the last
   predictions are kept. */
typedef struct looked_at {
    const zipllm_part *part;
    zipllm_prediction whole;
    int64_t rows[ZIPLLM_RELATIVES_MAX];
    double delta_nbytes[ZIPLLM_RELATIVES_MAX];
    size_t nrows;
} looked_at;

static int larger_first(const void *a, const void *b)
{
    const zipllm_part *x = ((const looked_at *)a)->part;
    const zipllm_part *y = ((const looked_at *)b)->part;
    if (x->nbytes != y->nbytes)
        return x->nbytes > y->nbytes ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static size_t choose_parts(const zipllm_ingest_file *file, looked_at *parts)
{
    size_t n = 0;
    for (size_t i = 0; i < file->layout.nparts; i++) {
        const zipllm_part *part = &file->layout.parts[i];
        if (part->sketch != NULL)
            parts[n++] = (looked_at){.part = part};
    }
    qsort(parts, n, sizeof parts[0], larger_first);
    n = n < LOOKED_AT ? n : LOOKED_AT;
    for (size_t i = 0; i < n; i++) {
        const zipllm_part *part = parts[i].part;
        const zipllm_sketch_view view = view_of(part->dtype, part->nbytes, part->sketch);
        zipllm_predict_whole(&view, &parts[i].whole);
    }
    return n;
}

/* Against a tensor that is stored by itself. */
static zipllm_status judge_root(zipllm_ingest *in, const zipllm_tensor_row *row, looked_at *l,
                                double *nbytes)
{
    for (size_t i = 0; i < l->nrows; i++) {
        if (l->rows[i] == row->id) {
            *nbytes = l->delta_nbytes[i];
            return ZIPLLM_OK;
        }
    }
    zipllm_prediction p = l->whole;
    bool known;
    const zipllm_status status = zipllm_family_predict(in, l->part, row, &p, &known);
    if (status != ZIPLLM_OK || !known)
        return status;
    if ((double)p.delta_nbytes < *nbytes)
        *nbytes = (double)p.delta_nbytes;
    l->rows[l->nrows] = row->id;
    l->delta_nbytes[l->nrows++] = *nbytes;
    return ZIPLLM_OK;
}

static zipllm_status judge_part(zipllm_ingest *in, int64_t model, looked_at *l, double *nbytes)
{
    zipllm_tensor_row row, root;
    const char *reason;
    *nbytes = (double)l->whole.whole_nbytes;
    zipllm_status status = zipllm_ingest_model_row(in, model, l->part, &row, &reason);
    if (status != ZIPLLM_OK || row.id == 0)
        return status;
    root = row;
    if (row.parent != 0)
        status = zipllm_ingest_base_row(in, model, l->part, &root, &reason);
    if (status == ZIPLLM_OK && root.id != 0)
        status = judge_root(in, &root, l, nbytes);
    if (status != ZIPLLM_OK || row.parent == 0 || root.id == row.id)
        return status;
    if (row.dtype != (uint32_t)l->part->dtype) {
        zipllm_prediction p = l->whole;
        bool known = false;
        if (row.depth < ZIPLLM_DEPTH_MAX)
            status = zipllm_family_predict(in, l->part, &row, &p, &known);
        if (status == ZIPLLM_OK && known && (double)p.delta_nbytes < *nbytes)
            *nbytes = (double)p.delta_nbytes;
        return status;
    }
    if (!in->promote)
        return ZIPLLM_OK;
    return zipllm_family_promoted_nbytes(in, l->part, &row, &l->whole, *nbytes, nbytes);
}

static zipllm_status judge(zipllm_ingest *in, looked_at *parts, size_t nparts,
                           zipllm_relative *relative)
{
    relative->delta_nbytes = relative->whole_nbytes = 0;
    for (size_t i = 0; i < nparts; i++) {
        double nbytes;
        const zipllm_status status = judge_part(in, relative->model, &parts[i], &nbytes);
        if (status != ZIPLLM_OK)
            return status;
        relative->delta_nbytes += nbytes;
        relative->whole_nbytes += (double)parts[i].whole.whole_nbytes;
    }
    return ZIPLLM_OK;
}

/* Option, card, config, bits. */
static bool is_better(const zipllm_relative *a, const zipllm_relative *b)
{
    const double tie = 0.005 * (a->delta_nbytes < b->delta_nbytes ? a : b)->delta_nbytes;
    const double difference = a->delta_nbytes - b->delta_nbytes;
    if (difference < -tie || difference > tie)
        return difference < 0;
    return a->found != b->found ? a->found < b->found : a->model < b->model;
}

/* The best one first; the others keep near enough to their order. A tie is no order relation, so
   this is a search and not a sort. */
static void order(zipllm_relatives *relatives)
{
    for (size_t i = 0; i < relatives->n; i++)
        for (size_t k = i + 1; k < relatives->n; k++) {
            const zipllm_relative other = relatives->list[k];
            if (!is_better(&other, &relatives->list[i]))
                continue;
            relatives->list[k] = relatives->list[i];
            relatives->list[i] = other;
        }
}

static zipllm_status rank(zipllm_ingest *in, const zipllm_ingest_file *file,
                          zipllm_relatives *relatives, size_t *seen)
{
    zipllm_status status = add_nearest(in, file, relatives);
    if (status != ZIPLLM_OK || relatives->n == 0)
        return status;
    looked_at *parts = malloc((file->layout.nparts + 1) * sizeof *parts);
    if (parts == NULL)
        return zipllm_fail_memory(in->error, file->layout.nparts * sizeof *parts);
    *seen = choose_parts(file, parts);
    for (size_t i = 0; i < relatives->n && status == ZIPLLM_OK; i++)
        status = judge(in, parts, *seen, &relatives->list[i]);
    free(parts);
    order(relatives);
    return status;
}

zipllm_status zipllm_family_rank(zipllm_ingest *in, const zipllm_ingest_file *file,
                                 zipllm_relatives *relatives, size_t *seen)
{
    *seen = 0;
    /* One transaction, as each of a thousand statements would take its locks by itself. */
    const zipllm_status begun = zipllm_index_begin_read(in->store->index, in->error);
    if (begun != ZIPLLM_OK)
        return begun;
    const zipllm_status status = rank(in, file, relatives, seen);
    zipllm_index_rollback(in->store->index);
    return status;
}

/* ---- the bases in use ---------------------------------------------------------------------------
 */

static void drop_bases(zipllm_ingest *in)
{
    for (size_t i = 0; i < in->nbases; i++)
        free(in->bases[i].name);
    in->nbases = 0;
}

void zipllm_family_forget(zipllm_ingest *in)
{
    drop_bases(in);
    zipllm_predictor_free(in->predictor);
    in->predictor = NULL;
}

zipllm_status zipllm_family_name(zipllm_ingest *in, int64_t model, char **name)
{
    sqlite3_stmt *s = zipllm_index_query(in->store->index, ZIPLLM_Q_MODEL_BY_ID, in->error);
    *name = NULL;
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, model);
    const int step = zipllm_index_step(in->store->index, s, in->error);
    if (step <= 0)
        return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
    zipllm_model_row row;
    const bool copied = zipllm_index_model_columns(s, &row);
    zipllm_index_reset(s);
    if (copied)
        *name = zipllm_model_name_join(row.name, row.revision);
    zipllm_model_row_free(&row);
    return *name != NULL ? ZIPLLM_OK : zipllm_fail_memory(in->error, 1);
}

zipllm_status zipllm_family_use(zipllm_ingest *in, const int64_t *models, size_t nmodels)
{
    drop_bases(in);
    for (size_t i = 0; i < nmodels && in->nbases < ZIPLLM_BASES_MAX; i++) {
        zipllm_ingest_base *base = &in->bases[in->nbases];
        const zipllm_status status = zipllm_family_name(in, models[i], &base->name);
        if (status != ZIPLLM_OK)
            return status;
        if (base->name == NULL)
            continue; /* removed meanwhile */
        base->model = models[i];
        in->nbases++;
    }
    return ZIPLLM_OK;
}

/* The bases' tensors for a part, each once. */
static zipllm_status base_rows(zipllm_ingest *in, const zipllm_part *part, zipllm_tensor_row *rows,
                               size_t *n, const char **reason)
{
    *n = 0;
    for (size_t i = 0; i < in->nbases; i++) {
        zipllm_tensor_row row;
        const char *why = NULL;
        const zipllm_status status =
            zipllm_ingest_base_row(in, in->bases[i].model, part, &row, &why);
        if (status != ZIPLLM_OK)
            return status;
        if (i == 0 && row.id == 0)
            *reason = why;
        bool is_new = row.id != 0;
        for (size_t k = 0; k < *n; k++)
            is_new = is_new && rows[k].id != row.id;
        if (is_new)
            rows[(*n)++] = row;
    }
    return ZIPLLM_OK;
}

zipllm_status zipllm_family_tensor_base(zipllm_ingest *in, const zipllm_part *part,
                                        zipllm_tensor_row *row, const char **reason)
{
    zipllm_tensor_row rows[ZIPLLM_BASES_MAX];
    size_t n;
    double best = 0;
    row->id = 0;
    zipllm_status status = base_rows(in, part, rows, &n, reason);
    if (n > 0)
        *row = rows[0];
    zipllm_prediction whole;
    const zipllm_sketch_view view = view_of(part->dtype, part->nbytes, part->sketch);
    if (n > 1 && part->sketch != NULL)
        zipllm_predict_whole(&view, &whole);
    for (size_t i = 0; i < n && n > 1 && part->sketch != NULL && status == ZIPLLM_OK; i++) {
        zipllm_prediction p = whole;
        bool known;
        status = zipllm_family_predict(in, part, &rows[i], &p, &known);
        const double nbytes = known ? (double)p.delta_nbytes : (double)part->nbytes;
        if (i > 0 && nbytes >= best)
            continue;
        best = nbytes;
        *row = rows[i];
    }
    return status;
}
