#include "group.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "family.h"

/* Unrelated tensors are not worth a prediction: see neighbors.h. */
enum { PROBE_FAR = 26 };

zipllm_status zipllm_group_open(zipllm_group *group, zipllm_store *store, zipllm_error *error)
{
    memset(group, 0, sizeof *group);
    group->store = store;
    group->error = error;
    group->predictor = zipllm_predictor_new();
    return group->predictor != NULL ? ZIPLLM_OK : zipllm_fail_memory(error, sizeof *group);
}

void zipllm_group_clear(zipllm_group *group)
{
    for (size_t i = 0; i < group->n; i++) {
        free(group->members[i].name);
        free(group->members[i].shape);
        free(group->members[i].sketch);
    }
    group->n = 0;
}

void zipllm_group_close(zipllm_group *group)
{
    zipllm_group_clear(group);
    zipllm_predictor_free(group->predictor);
    group->predictor = NULL;
}

/* ---- members ------------------------------------------------------------------------------------
 */

static zipllm_sketch_view view_of(const zipllm_member *m)
{
    return (zipllm_sketch_view){(bitx_dtype)m->row.dtype, m->row.nbytes, m->sketch};
}

static void free_member(zipllm_member *m)
{
    free(m->name);
    free(m->shape);
    free(m->sketch);
}

zipllm_status zipllm_group_add(zipllm_group *group, const zipllm_tensor_row *row, const char *name,
                               const char *shape)
{
    zipllm_member *m = &group->members[group->n];
    bool found = false;
    if (group->n == ZIPLLM_ASSIGN_MAX)
        return ZIPLLM_OK;
    *m = (zipllm_member){.row = *row, .name = strdup(name), .shape = strdup(shape)};
    m->sketch = malloc(ZIPLLM_SKETCH_MAX);
    zipllm_status status = ZIPLLM_OK;
    if (m->name == NULL || m->shape == NULL || m->sketch == NULL)
        status = zipllm_fail_memory(group->error, ZIPLLM_SKETCH_MAX);
    if (status == ZIPLLM_OK)
        status = zipllm_family_sketch(group->store->index, row, m->sketch, &found, group->error);
    if (status != ZIPLLM_OK || !found) { /* the sketch of another version or size */
        free_member(m);
        return status;
    }
    const zipllm_sketch_view view = view_of(m);
    m->has_probe = zipllm_probe_of(&view, &m->probe);
    group->n++;
    return ZIPLLM_OK;
}

bool zipllm_group_takes(const zipllm_group *group, const zipllm_tensor_row *row, const char *name,
                        const char *shape)
{
    const zipllm_member *first = &group->members[0];
    if (group->n == 0)
        return true;
    return group->n < ZIPLLM_ASSIGN_MAX && strcmp(first->name, name) == 0 &&
           first->row.dtype == row->dtype &&
           (first->row.nbytes == row->nbytes || zipllm_same_rows(first->shape, shape));
}

/* ---- costs -------------------------------------------------------------------------------------
 */

static double raw_delta(const zipllm_group *group, const zipllm_member *a, const zipllm_member *b)
{
    const zipllm_sketch_view tensor = view_of(a), base = view_of(b);
    zipllm_prediction p;
    zipllm_predict(group->predictor, &tensor, &base, &p);
    return p.nsamples > 0 && (double)p.delta_nbytes < 0.97 * (double)p.whole_nbytes
               ? (double)p.delta_nbytes
               : INFINITY;
}

static double raw_whole(const zipllm_member *m)
{
    const zipllm_sketch_view view = view_of(m);
    zipllm_prediction p;
    zipllm_predict_whole(&view, &p);
    return (double)p.whole_nbytes;
}

double zipllm_group_delta(const zipllm_group *group, const zipllm_member *a, const zipllm_member *b)
{
    if (a->row.parent == b->row.id)
        return (double)a->row.length;
    if (a->has_probe && b->has_probe && a->probe.key == b->probe.key &&
        __builtin_popcountll(a->probe.bits ^ b->probe.bits) >= PROBE_FAR)
        return INFINITY;
    return raw_delta(group, a, b) * group->delta_scale;
}

double zipllm_group_whole(const zipllm_group *group, const zipllm_member *m)
{
    return m->row.parent == 0 ? (double)m->row.length : raw_whole(m) * group->whole_scale;
}

static double ratio_of(double real, double predicted)
{
    const double ratio = predicted > 0 ? real / predicted : 1;
    return ratio < 0.8 ? 0.8 : ratio > 1.25 ? 1.25 : ratio;
}

static void measure_scales(zipllm_group *group)
{
    double delta[2] = {0, 0}, whole[2] = {0, 0};
    for (size_t i = 0; i < group->n; i++) {
        const zipllm_member *m = &group->members[i];
        if (m->row.parent == 0) {
            whole[0] += (double)m->row.length;
            whole[1] += raw_whole(m);
        }
        for (size_t k = 0; k < group->n && m->row.parent != 0; k++) {
            const zipllm_member *base = &group->members[k];
            const double nbytes =
                m->row.parent == base->row.id ? raw_delta(group, m, base) : INFINITY;
            if (isinf(nbytes))
                continue;
            delta[0] += (double)m->row.length;
            delta[1] += nbytes;
        }
    }
    group->delta_scale = ratio_of(delta[0], delta[1]);
    group->whole_scale = ratio_of(whole[0], whole[1]);
}

/* ---- the plan ----------------------------------------------------------------------------------
 */

/* One that others than the group are coded against stays as it is. */
static zipllm_status has_other_children(zipllm_group *group, size_t i, bool *has)
{
    size_t own = 0;
    for (size_t k = 0; k < group->n; k++)
        own += group->members[k].row.parent == group->members[i].row.id;
    struct sqlite3_stmt *s =
        zipllm_index_query(group->store->index, ZIPLLM_Q_CHILDREN, group->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, group->members[i].row.id);
    if (zipllm_index_step(group->store->index, s, group->error) < 0)
        return ZIPLLM_ERROR;
    *has = (uint64_t)zipllm_index_number(s, 0) > own;
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

static bool is_member(const zipllm_group *group, int64_t id)
{
    for (size_t i = 0; i < group->n; i++)
        if (group->members[i].row.id == id)
            return true;
    return false;
}

zipllm_status zipllm_group_plan(zipllm_group *group, int *base, double *saves)
{
    static const size_t most = ZIPLLM_ASSIGN_MAX;
    const size_t n = group->n;
    double whole[ZIPLLM_ASSIGN_MAX];
    bool fixed[ZIPLLM_ASSIGN_MAX];
    double *delta = malloc(most * most * sizeof *delta);
    double now = 0;
    zipllm_status status =
        delta != NULL ? ZIPLLM_OK : zipllm_fail_memory(group->error, most * most);
    measure_scales(group);
    for (size_t i = 0; i < n && status == ZIPLLM_OK; i++) {
        const zipllm_member *m = &group->members[i];
        now += (double)m->row.length;
        whole[i] = zipllm_group_whole(group, m);
        status = has_other_children(group, i, &fixed[i]);
        /* Coded against one outside of the group: stays so, as if it cost nothing to leave it. */
        if (m->row.parent != 0 && !is_member(group, m->row.parent))
            fixed[i] = true;
        for (size_t k = 0; k < n && status == ZIPLLM_OK; k++)
            delta[i * n + k] = i == k ? INFINITY : zipllm_group_delta(group, m, &group->members[k]);
    }
    if (status == ZIPLLM_OK) {
        const zipllm_costs costs = {n, whole, delta, fixed};
        *saves = now - zipllm_assign(&costs, base);
        for (size_t i = 0; i < n; i++) /* such a one cannot be a base either */
            if (fixed[i] && group->members[i].row.parent != 0)
                *saves = -1;
    }
    free(delta);
    return status;
}
