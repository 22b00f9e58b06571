#include "neighbors.h"

#include <stdlib.h>
#include <string.h>

/* ---- probes -----------------------------------------------------------------------------------
 */

static bool is_float(bitx_dtype dtype)
{
    return dtype == BITX_BF16 || dtype == BITX_F16 || dtype == BITX_F32 || dtype == BITX_F64;
}

/* A number that orders elements of one dtype; for integers and bytes as unsigned numbers. */
static int64_t rank_of(const uint8_t *p, size_t width, bitx_dtype dtype)
{
    uint64_t x = 0;
    uint64_t sign = UINT64_C(1) << (8 * width - 1);

    memcpy(&x, p, width);
    if (is_float(dtype))
        return (x & sign) != 0 ? -(int64_t)(x & (sign - 1)) : (int64_t)x;
    return (int64_t)(x >> 1); /* one bit less keeps 64-bit integers in order */
}

static int compare_ranks(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

bool zipllm_probe_of(const zipllm_sketch_view *tensor, zipllm_probe *probe)
{
    zipllm_sketch_plan plan = zipllm_sketch_plan_of(tensor->dtype, tensor->nbytes);
    int64_t ranks[ZIPLLM_PROBE_BITS];
    int64_t sorted[ZIPLLM_PROBE_BITS];
    uint64_t key = plan.nelem * 0x9e3779b97f4a7c15u + (uint64_t)tensor->dtype;
    size_t i;

    if (plan.nsamples < ZIPLLM_PROBE_BITS)
        return false;
    for (i = 0; i < ZIPLLM_PROBE_BITS; i++) {
        size_t at = i * plan.nsamples / ZIPLLM_PROBE_BITS;
        ranks[i] = rank_of(tensor->samples + at * plan.width, plan.width, tensor->dtype);
    }
    memcpy(sorted, ranks, sizeof sorted);
    qsort(sorted, ZIPLLM_PROBE_BITS, sizeof sorted[0], compare_ranks);
    if (sorted[0] == sorted[ZIPLLM_PROBE_BITS - 1])
        return false;
    probe->key = (uint32_t)((key * 0xbf58476d1ce4e5b9u) >> 32);
    probe->bits = 0;
    for (i = 0; i < ZIPLLM_PROBE_BITS; i++)
        probe->bits |= (uint64_t)(ranks[i] >= sorted[ZIPLLM_PROBE_BITS / 2]) << i;
    return true;
}

/* FNV-1a, mixed once more for its weak high bits. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    hash = (hash ^ (hash >> 32)) * 0xbf58476d1ce4e5b9u;
    return hash ^ (hash >> 29);
}

void zipllm_probes_offer(zipllm_probes *probes, const char *name, const zipllm_sketch_view *tensor)
{
    uint64_t order = hash_name(name);
    zipllm_probe probe;
    size_t i;

    if (probes->count == ZIPLLM_PROBES_MAX && order >= probes->order[ZIPLLM_PROBES_MAX - 1])
        return;
    if (!zipllm_probe_of(tensor, &probe))
        return;
    if (probes->count < ZIPLLM_PROBES_MAX)
        probes->count++;
    for (i = probes->count - 1; i > 0 && probes->order[i - 1] > order; i--) {
        probes->order[i] = probes->order[i - 1];
        probes->probes[i] = probes->probes[i - 1];
    }
    probes->order[i] = order;
    probes->probes[i] = probe;
}

/* ---- the index --------------------------------------------------------------------------------
 */

typedef struct entry {
    uint64_t bits;
    uint32_t key;
    uint32_t model; /* in ids[] */
} entry;

struct zipllm_neighbors {
    entry *entries; /* by (key, model) once sorted */
    size_t nentries, capacity;
    int64_t *ids;
    uint32_t *scores, *hits; /* of one search, per model */
    size_t nmodels, models_capacity;
    bool sorted;
};

zipllm_neighbors *zipllm_neighbors_new(void)
{
    return calloc(1, sizeof(zipllm_neighbors));
}

void zipllm_neighbors_free(zipllm_neighbors *neighbors)
{
    if (neighbors == NULL)
        return;
    free(neighbors->entries);
    free(neighbors->ids);
    free(neighbors->scores);
    free(neighbors->hits);
    free(neighbors);
}

static bool grow(void *array, size_t count, size_t nbytes)
{
    void *old;
    void *grown;

    memcpy(&old, array, sizeof old);
    grown = realloc(old, count * nbytes);
    if (grown == NULL)
        return false;
    memcpy(array, &grown, sizeof grown);
    return true;
}

static bool reserve(zipllm_neighbors *n, size_t nprobes)
{
    if (n->nmodels == n->models_capacity) {
        size_t capacity = n->models_capacity == 0 ? 64 : 2 * n->models_capacity;
        if (!grow(&n->ids, capacity, sizeof *n->ids) ||
            !grow(&n->scores, capacity, sizeof *n->scores) ||
            !grow(&n->hits, capacity, sizeof *n->hits))
            return false;
        n->models_capacity = capacity;
    }
    if (n->capacity - n->nentries < nprobes) {
        size_t capacity = 2 * (n->nentries + nprobes);
        if (!grow(&n->entries, capacity, sizeof *n->entries))
            return false;
        n->capacity = capacity;
    }
    return true;
}

bool zipllm_neighbors_add(zipllm_neighbors *neighbors, int64_t id, const zipllm_probe *probes,
                          size_t nprobes)
{
    size_t i;

    if (!reserve(neighbors, nprobes))
        return false;
    for (i = 0; i < nprobes; i++)
        neighbors->entries[neighbors->nentries++] =
            (entry){probes[i].bits, probes[i].key, (uint32_t)neighbors->nmodels};
    neighbors->ids[neighbors->nmodels++] = id;
    neighbors->sorted = false;
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a;
    const entry *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->model > y->model) - (x->model < y->model);
}

static size_t first_of_key(const zipllm_neighbors *n, uint32_t key)
{
    size_t low = 0;
    size_t high = n->nentries;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (n->entries[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Adds what one probe finds: of each model its nearest tensor of that key. */
static void score_probe(zipllm_neighbors *n, const zipllm_probe *probe)
{
    size_t i = first_of_key(n, probe->key);

    while (i < n->nentries && n->entries[i].key == probe->key) {
        uint32_t model = n->entries[i].model;
        unsigned nearest = ZIPLLM_PROBE_BITS;
        for (; i < n->nentries && n->entries[i].key == probe->key && n->entries[i].model == model;
             i++) {
            unsigned d = (unsigned)__builtin_popcountll(n->entries[i].bits ^ probe->bits);
            nearest = d < nearest ? d : nearest;
        }
        if (nearest < ZIPLLM_PROBE_NEAR) {
            n->scores[model] += ZIPLLM_PROBE_NEAR - nearest;
            n->hits[model]++;
        }
    }
}

/* Keeps found[] ordered by falling scores; cap is small. */
static void keep(const zipllm_neighbor *candidate, zipllm_neighbor *found, size_t cap, size_t *n)
{
    size_t i;

    if (*n == cap && (cap == 0 || found[cap - 1].score >= candidate->score))
        return;
    if (*n < cap)
        ++*n;
    for (i = *n - 1; i > 0 && found[i - 1].score < candidate->score; i--)
        found[i] = found[i - 1];
    found[i] = *candidate;
}

void zipllm_neighbors_find(zipllm_neighbors *neighbors, const zipllm_probe *probes, size_t nprobes,
                           zipllm_neighbor *found, size_t cap, size_t *n)
{
    size_t i;

    *n = 0;
    if (neighbors->nmodels == 0)
        return;
    if (!neighbors->sorted && neighbors->nentries > 0)
        qsort(neighbors->entries, neighbors->nentries, sizeof *neighbors->entries, compare_entries);
    neighbors->sorted = true;
    memset(neighbors->scores, 0, neighbors->nmodels * sizeof *neighbors->scores);
    memset(neighbors->hits, 0, neighbors->nmodels * sizeof *neighbors->hits);
    for (i = 0; i < nprobes; i++)
        score_probe(neighbors, &probes[i]);
    for (i = 0; i < neighbors->nmodels; i++)
        if (neighbors->hits[i] > 0)
            keep(&(zipllm_neighbor){neighbors->ids[i], neighbors->scores[i], neighbors->hits[i]},
                 found, cap, n);
}
