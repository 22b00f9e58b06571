#include "made.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "stored.h"

bool zipllm_made_exactly(uint64_t nbytes, uint64_t stored_nbytes)
{
    return stored_nbytes < nbytes / 6;
}

static void put(char text[ZIPLLM_MADE_TEXT], const char *more)
{
    const size_t at = strlen(text);
    (void)snprintf(text + at, ZIPLLM_MADE_TEXT - at, "%s", more);
}

static zipllm_status put_model(zipllm_store *store, int64_t tensor, char text[ZIPLLM_MADE_TEXT],
                               zipllm_error *error)
{
    char *name = NULL;
    const zipllm_status status = zipllm_index_tensor_model(store->index, tensor, &name, error);
    if (status == ZIPLLM_OK)
        put(text, name != NULL ? name : "a model that was removed");
    free(name);
    return status;
}

typedef struct term {
    double c;
    char *model; /* malloced */
} term;

/* Larger shares first: frames have their bases in the order of the arithmetic. */
static int by_share(const void *a, const void *b)
{
    const term *x = a, *y = b;
    if (x->c > y->c || x->c < y->c)
        return x->c > y->c ? -1 : 1;
    return strcmp(x->model, y->model);
}

/* As a plain sum, also where the frame adds differences to its first base. */
static zipllm_status put_sum(zipllm_store *store, const int64_t *parents,
                             const bitx_frame_info *info, char text[ZIPLLM_MADE_TEXT],
                             zipllm_error *error)
{
    term terms[ZIPLLM_PARENTS_MAX];
    unsigned n = 0;
    zipllm_status status = ZIPLLM_OK;
    double first = 1;
    for (; n < info->nbases && status == ZIPLLM_OK; n++) {
        char model[ZIPLLM_MADE_TEXT] = "";
        status = put_model(store, parents[n], model, error);
        terms[n] = (term){(double)info->coefficients[n], strdup(model)};
        if (terms[n].model == NULL)
            status = zipllm_fail_memory(error, 1);
        first -= n != 0 ? terms[n].c : 0;
    }
    if (info->relative && n > 0)
        terms[0].c = first;
    if (status == ZIPLLM_OK)
        qsort(terms, n, sizeof terms[0], by_share);
    for (unsigned k = 0; k < n; k++) {
        char number[48];
        const double c = terms[k].c;
        const char *sign = c < 0 ? (k == 0 ? "-" : " - ") : k == 0 ? "" : " + ";
        (void)snprintf(number, sizeof number, "%s%.2g ", sign, fabs(c));
        put(text, number);
        put(text, status == ZIPLLM_OK ? terms[k].model : "");
    }
    for (unsigned k = 0; k < n; k++)
        free(terms[k].model);
    return status;
}

static zipllm_status put_info(zipllm_store *store, const zipllm_tensor_row *row,
                              const bitx_frame_info *info, const char *dtype,
                              char text[ZIPLLM_MADE_TEXT], zipllm_error *error)
{
    int64_t parents[ZIPLLM_PARENTS_MAX];
    const bool exact = zipllm_made_exactly(row->nbytes, row->length);
    const zipllm_status status = zipllm_index_parents(store->index, row, parents, error);
    if (status != ZIPLLM_OK)
        return status;
    if (info->predictor == BITX_PREDICT_MERGE)
        return put_sum(store, parents, info, text, error);
    if (!exact && info->predictor != BITX_PREDICT_ADAPTER)
        put(text, "delta of ");
    if (info->predictor == BITX_PREDICT_CAST)
        (void)snprintf(text + strlen(text), ZIPLLM_MADE_TEXT - strlen(text), "%s cast of ", dtype);
    else if (info->predictor == BITX_PREDICT_ADAPTER ||
             (info->predictor == BITX_PREDICT_LOWRANK && exact))
        (void)snprintf(text, ZIPLLM_MADE_TEXT, "LoRA r=%u of ", info->rank);
    else if (exact)
        put(text, "delta of ");
    const zipllm_status put_base = put_model(store, parents[0], text, error);
    if (put_base != ZIPLLM_OK || info->predictor != BITX_PREDICT_ADAPTER)
        return put_base;
    put(text, " by ");
    return put_model(store, parents[1], text, error);
}

zipllm_status zipllm_made_text(zipllm_store *store, const zipllm_tensor_row *row, const char *dtype,
                               char text[ZIPLLM_MADE_TEXT], zipllm_error *error)
{
    zipllm_pack_file *pack;
    zipllm_stored *stored = NULL;
    text[0] = '\0';
    if (row->nparents == 0)
        return ZIPLLM_OK;
    zipllm_status status = zipllm_store_workers(store, error);
    if (status == ZIPLLM_OK)
        status = zipllm_store_pack(store, row->pack, &pack, error);
    if (status != ZIPLLM_OK)
        return status;
    status = zipllm_stored_open_raw(store, pack->fd, row, &stored, error);
    if (status == ZIPLLM_OK)
        status = put_info(store, row, &stored->info, dtype, text, error);
    zipllm_stored_close(store, stored);
    zipllm_store_pack_release(store, pack);
    return status;
}
