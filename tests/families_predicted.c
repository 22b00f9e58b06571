/*
 * Prints predicted against real bytes of the deltas in a store: what zipllm_predict() says of a
 * tensor and its base from their sketches, and the length of its frame. For pack/FAMILIES.md.
 *     families_predicted STORE        a row for each model; tensors of 64 KiB and more
 *     families_predicted STORE all    and one for each tensor
 */
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "model_name.h"

enum { NBYTES_MIN = 65536 };

typedef struct sum {
    double predicted, real, nbytes, error; /* error: of shares, in points */
    size_t n;
} sum;

typedef struct report {
    zipllm_store *store;
    zipllm_predictor *predictor;
    bool all;
    sum total;
} report;

static void check(zipllm_status status, const zipllm_error *error)
{
    if (status == ZIPLLM_OK)
        return;
    fprintf(stderr, "%s\n", error->message);
    exit(1);
}

static bool sketch_of(report *r, const zipllm_tensor_row *row, uint8_t *sketch)
{
    zipllm_error error;
    bool found;

    check(zipllm_family_sketch(r->store->index, row, sketch, &found, &error), &error);
    return found;
}

static void add(sum *s, double predicted, const zipllm_tensor_row *row)
{
    double nbytes = (double)row->nbytes;

    s->predicted += predicted;
    s->real += (double)row->length;
    s->nbytes += nbytes;
    s->error += 100 * fabs(predicted - (double)row->length) / nbytes;
    s->n++;
}

static void report_part(report *r, const zipllm_part_row *part, sum *s)
{
    uint8_t own[ZIPLLM_SKETCH_MAX];
    uint8_t other[ZIPLLM_SKETCH_MAX];
    zipllm_tensor_row row;
    zipllm_tensor_row base;
    zipllm_prediction p;
    zipllm_error error;

    check(zipllm_index_tensor(r->store->index, part->tensor, &row, &error), &error);
    if (row.parent == 0 || row.nbytes < NBYTES_MIN)
        return;
    check(zipllm_index_tensor(r->store->index, row.parent, &base, &error), &error);
    if (!sketch_of(r, &row, own) || !sketch_of(r, &base, other))
        return;
    zipllm_predict(r->predictor, &(zipllm_sketch_view){(bitx_dtype)row.dtype, row.nbytes, own},
                   &(zipllm_sketch_view){(bitx_dtype)base.dtype, base.nbytes, other}, &p);
    add(s, (double)p.delta_nbytes, &row);
    if (r->all)
        printf("| %s | %.4f | %.4f | %+.2f |\n", part->name,
               (double)p.delta_nbytes / (double)row.nbytes, (double)row.length / (double)row.nbytes,
               100 * ((double)p.delta_nbytes - (double)row.length) / (double)row.nbytes);
}

static void report_file(report *r, int64_t file, sum *s)
{
    zipllm_error error;
    struct sqlite3_stmt *q = zipllm_index_query(r->store->index, ZIPLLM_Q_FILE_PARTS, &error);

    zipllm_index_bind(q, 1, file);
    while (zipllm_index_step(r->store->index, q, &error) > 0) {
        zipllm_part_row part;
        zipllm_index_part_columns(q, &part);
        if (part.kind == ZIPLLM_TENSOR && part.tensor != 0)
            report_part(r, &part, s);
    }
}

static void print_sum(const char *name, const sum *s)
{
    if (s->n != 0)
        printf("| %s | %.4f | %.4f | %.2f |\n", name, s->predicted / s->nbytes, s->real / s->nbytes,
               s->error / (double)s->n);
}

static void report_model(report *r, const zipllm_model_row *model)
{
    zipllm_error error;
    struct sqlite3_stmt *q = zipllm_index_query(r->store->index, ZIPLLM_Q_MODEL_FILES, &error);
    sum s = {0};

    zipllm_index_bind(q, 1, model->id);
    while (zipllm_index_step(r->store->index, q, &error) > 0)
        if (zipllm_index_number(q, 1) != 0)
            report_file(r, zipllm_index_number(q, 1), &s);
    print_sum(model->name, &s);
    r->total.predicted += s.predicted;
    r->total.real += s.real;
    r->total.nbytes += s.nbytes;
    r->total.error += s.error;
    r->total.n += s.n;
}

int main(int argc, char **argv)
{
    report r = {.predictor = zipllm_predictor_new(), .all = argc > 2};
    struct sqlite3_stmt *q;
    zipllm_error error;

    if (argc < 2)
        return 2;
    check(zipllm_open(argv[1], ZIPLLM_SHARED, NULL, &r.store, &error), &error);
    printf("| fine-tune | predicted | real | mean absolute error per tensor, points |\n"
           "|---|---|---|---|\n");
    q = zipllm_index_query(r.store->index, ZIPLLM_Q_MODELS, &error);
    while (zipllm_index_step(r.store->index, q, &error) > 0) {
        zipllm_model_row model;
        if (!zipllm_index_model_columns(q, &model))
            return 1;
        report_model(&r, &model);
        zipllm_model_row_free(&model);
    }
    print_sum("**all**", &r.total);
    printf("\n%zu tensors\n", r.total.n);
    zipllm_predictor_free(r.predictor);
    zipllm_close(r.store);
    return 0;
}
