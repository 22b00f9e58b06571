/* verify.h: telling of damage, by the models that it concerns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "model_name.h"
#include "verify.h"

bool zipllm_ids_has(const zipllm_ids *set, int64_t id)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->list[i] == id)
            return true;
    return false;
}

zipllm_status zipllm_verify_put(zipllm_verifying *v, zipllm_ids *set, int64_t id)
{
    if ((set->n & (set->n - 1)) == 0) {
        int64_t *list = realloc(set->list, (set->n == 0 ? 1 : 2 * set->n) * sizeof *list);
        if (list == NULL)
            return zipllm_fail_memory(v->error, 2 * set->n * sizeof *list);
        set->list = list;
    }
    set->list[set->n++] = id;
    return ZIPLLM_OK;
}

static bool chosen(const zipllm_verifying *v, int64_t model)
{
    return v->options->nnames == 0 || zipllm_ids_has(&v->models, model);
}

zipllm_status zipllm_verify_tell(zipllm_verifying *v, int64_t model, const char *name,
                                 const char *revision, const char *file, const char *tensor,
                                 const zipllm_error *why)
{
    if (!v->found)
        v->first = *why;
    v->found = true;
    v->result->damages++;
    if (model != 0 && !zipllm_ids_has(&v->damaged, model)) {
        v->result->models_damaged++;
        const zipllm_status status = zipllm_verify_put(v, &v->damaged, model);
        if (status != ZIPLLM_OK)
            return status;
    }
    if (v->options->damage == NULL)
        return ZIPLLM_OK;
    char path[sizeof why->message];
    char *full = zipllm_model_name_join(name, revision);
    if (full == NULL)
        return zipllm_fail_memory(v->error, strlen(name));
    (void)snprintf(path, sizeof path, "%.*s", (int)why->path_nbytes, why->message);
    const zipllm_damage damage = {full, file,        tensor,
                                  path, why->offset, why->message + why->reason_at};
    v->options->damage(v->options->user, &damage);
    free(full);
    return ZIPLLM_OK;
}

zipllm_status zipllm_verify_tell_users(zipllm_verifying *v, zipllm_query query, int64_t id,
                                       int ncolumns, const char *tensor, const zipllm_error *why)
{
    struct sqlite3_stmt *s = zipllm_index_query(v->store->index, query, v->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, id);
    int step;
    bool any = false;
    while ((step = zipllm_index_step(v->store->index, s, v->error)) > 0) {
        const int64_t model = zipllm_index_number(s, 0);
        if (!chosen(v, model))
            continue;
        any = true;
        const zipllm_status status =
            zipllm_verify_tell(v, model, zipllm_index_string(s, 1), zipllm_index_string(s, 2),
                               ncolumns > 3 ? zipllm_index_string(s, 3) : "",
                               ncolumns > 4 ? zipllm_index_string(s, 4) : tensor, why);
        if (status != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return status;
        }
    }
    if (step < 0)
        return ZIPLLM_ERROR;
    return any ? ZIPLLM_OK : zipllm_verify_tell(v, 0, "", "", "", tensor, why);
}
