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

static bool probe_as(const zipllm_sketch_view *tensor, bitx_dtype dtype, zipllm_probe *probe)
{
    zipllm_sketch_plan plan = zipllm_sketch_plan_of(tensor->dtype, tensor->nbytes);
    int64_t ranks[ZIPLLM_PROBE_BITS];
    int64_t sorted[ZIPLLM_PROBE_BITS];
    uint64_t key = plan.nelem * 0x9e3779b97f4a7c15u + (uint64_t)dtype;
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

bool zipllm_probe_of(const zipllm_sketch_view *tensor, zipllm_probe *probe)
{
    return probe_as(tensor, tensor->dtype, probe);
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
    zipllm_probes_offer_as(probes, name, tensor, tensor->dtype);
}

void zipllm_probes_offer_as(zipllm_probes *probes, const char *name,
                            const zipllm_sketch_view *tensor, bitx_dtype dtype)
{
    uint64_t order = hash_name(name);
    zipllm_probe probe;
    size_t i;

    if (probes->count == ZIPLLM_PROBES_MAX && order >= probes->order[ZIPLLM_PROBES_MAX - 1])
        return;
    if (!probe_as(tensor, dtype, &probe))
        return;
    probe.key ^= (uint32_t)order;
    if (probes->count < ZIPLLM_PROBES_MAX)
        probes->count++;
    for (i = probes->count - 1; i > 0 && probes->order[i - 1] > order; i--) {
        probes->order[i] = probes->order[i - 1];
        probes->probes[i] = probes->probes[i - 1];
    }
    probes->order[i] = order;
    probes->probes[i] = probe;
}

static int by_key(const void *a, const void *b)
{
    const zipllm_probe *x = a;
    const zipllm_probe *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

void zipllm_probes_sort(zipllm_probe *probes, size_t nprobes)
{
    if (nprobes > 1)
        qsort(probes, nprobes, sizeof *probes, by_key);
}

/* ---- the search -------------------------------------------------------------------------------
 */

/* Models are scored as they are read: an index in memory, sorted by key, was searched as fast, but
   a command asks once, and filling it took ten times as long. */
void zipllm_neighbors_init(zipllm_neighbors *search, const zipllm_probe *query, size_t nquery,
                           size_t cap)
{
    search->nquery = nquery < ZIPLLM_PROBES_MAX ? nquery : ZIPLLM_PROBES_MAX;
    search->cap = cap < ZIPLLM_NEIGHBORS_MAX ? cap : ZIPLLM_NEIGHBORS_MAX;
    search->n = 0;
    memcpy(search->query, query, search->nquery * sizeof *query);
    zipllm_probes_sort(search->query, search->nquery);
}

/* Set bits of 64. The compiler's own is a call where the CPU need not have popcnt. */
static unsigned count_bits(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)((x * 0x0101010101010101u) >> 56);
}

/* Keeps found[] ordered by falling scores. */
static void keep(zipllm_neighbors *s, const zipllm_neighbor *candidate)
{
    size_t i;

    if (s->n == s->cap && (s->cap == 0 || s->found[s->cap - 1].score >= candidate->score))
        return;
    if (s->n < s->cap)
        s->n++;
    for (i = s->n - 1; i > 0 && s->found[i - 1].score < candidate->score; i--)
        s->found[i] = s->found[i - 1];
    s->found[i] = *candidate;
}

void zipllm_neighbors_offer(zipllm_neighbors *search, int64_t id, const zipllm_probe *probes,
                            size_t nprobes)
{
    zipllm_neighbor candidate = {id, 0, 0};
    size_t at = 0;
    size_t i;
    size_t k;

    for (i = 0; i < search->nquery; i++) {
        const zipllm_probe *q = &search->query[i];
        unsigned nearest = ZIPLLM_PROBE_BITS;
        while (at < nprobes && probes[at].key < q->key)
            at++;
        for (k = at; k < nprobes && probes[k].key == q->key; k++) {
            unsigned d = count_bits(probes[k].bits ^ q->bits);
            nearest = d < nearest ? d : nearest;
        }
        if (nearest < ZIPLLM_PROBE_NEAR) {
            candidate.score += ZIPLLM_PROBE_NEAR - nearest;
            candidate.hits++;
        }
    }
    if (candidate.hits > 0)
        keep(search, &candidate);
}
