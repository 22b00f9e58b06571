#include "family_sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bitx/kernels.h"

uint64_t sim_next(sim_rng *rng)
{
    uint64_t x = rng->state += 0x9e3779b97f4a7c15u;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

double sim_uniform(sim_rng *rng)
{
    return (double)(sim_next(rng) >> 11) * 0x1p-53;
}

double sim_normal(sim_rng *rng)
{
    double u = 1 - sim_uniform(rng);

    return sqrt(-2 * log(u)) * cos(2 * M_PI * sim_uniform(rng));
}

uint16_t sim_bf16(double x)
{
    float f = (float)x;
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

double sim_from_bf16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float f;

    memcpy(&f, &wide, sizeof f);
    return f;
}

static double log_uniform(sim_rng *rng, double low, double high)
{
    return low * pow(high / low, sim_uniform(rng));
}

static void allocate(sim_model *model, uint32_t nsamples)
{
    size_t t;

    for (t = 0; t < SIM_TENSORS; t++)
        model->samples[t] = malloc(nsamples * sizeof **model->samples);
}

static void make_base(sim_model *model, uint32_t nsamples, sim_rng *rng)
{
    double scale = log_uniform(rng, 0.005, 0.08);
    size_t t;
    uint32_t i;

    allocate(model, nsamples);
    for (t = 0; t < SIM_TENSORS; t++) {
        double own = scale * exp(0.5 * sim_normal(rng));
        for (i = 0; i < nsamples; i++)
            model->samples[t][i] = sim_bf16(own * sim_normal(rng));
    }
}

/* A change of one absolute scale for all tensors, as one learning rate makes it; one fine-tune in
   five leaves most elements alone, as reinforcement learning does. */
static void make_tuned(sim_model *model, const sim_model *parent, uint32_t nsamples, sim_rng *rng)
{
    double touched = sim_uniform(rng) < 0.2 ? 0.1 : 1;
    double scale = 0;
    size_t t;
    uint32_t i;

    allocate(model, nsamples);
    for (i = 0; i < nsamples; i++)
        scale += pow(sim_from_bf16(parent->samples[0][i]), 2) / nsamples;
    scale = sqrt(scale) * model->change;
    for (t = 0; t < SIM_TENSORS; t++)
        for (i = 0; i < nsamples; i++) {
            uint16_t w = parent->samples[t][i];
            double moved = sim_from_bf16(w) + scale * sim_normal(rng);
            model->samples[t][i] = sim_uniform(rng) < touched ? sim_bf16(moved) : w;
        }
}

sim_hub sim_hub_new(size_t nfamilies, size_t size, size_t nloners, uint64_t seed)
{
    zipllm_sketch_plan plan = zipllm_sketch_plan_of(BITX_BF16, 2 * SIM_TENSOR_NELEM);
    sim_hub hub = {NULL, nfamilies * size + nloners, plan.nsamples};
    sim_rng rng = {seed};
    size_t i;

    hub.models = calloc(hub.nmodels, sizeof *hub.models);
    for (i = 0; i < hub.nmodels; i++) {
        sim_model *m = &hub.models[i];
        size_t member = i < nfamilies * size ? i % size : 0;
        m->family = (int)(i < nfamilies * size ? i / size : i);
        m->architecture = m->family % 3;
        m->parent = -1;
        if (member == 0) {
            make_base(m, hub.nsamples, &rng);
            continue;
        }
        /* The last of a family continues another fine-tune. */
        m->parent = (int)(i - member + (member + 1 == size && size > 2 ? 1 : 0));
        m->change = log_uniform(&rng, 1e-4, 1e-1);
        make_tuned(m, &hub.models[m->parent], hub.nsamples, &rng);
    }
    return hub;
}

void sim_hub_free(sim_hub *hub)
{
    size_t i;
    size_t t;

    for (i = 0; i < hub->nmodels; i++)
        for (t = 0; t < SIM_TENSORS; t++)
            free(hub->models[i].samples[t]);
    free(hub->models);
}

zipllm_sketch_view sim_view(const sim_model *model, size_t tensor)
{
    return (zipllm_sketch_view){BITX_BF16, 2 * SIM_TENSOR_NELEM,
                                (const uint8_t *)model->samples[tensor]};
}

/* Architectures differ in names only: their tensors have one shape. */
void sim_probes(const sim_model *model, zipllm_probes *probes)
{
    char name[64];
    size_t t;

    memset(probes, 0, sizeof *probes);
    for (t = 0; t < SIM_TENSORS; t++) {
        zipllm_sketch_view view = sim_view(model, t);
        snprintf(name, sizeof name, "architecture%d.layers.%zu.weight", model->architecture, t);
        zipllm_probes_offer(probes, name, &view);
    }
}

double sim_distance(const sim_hub *hub, size_t a, size_t b)
{
    uint64_t sum = 0;
    size_t t;

    if (hub->models[a].architecture != hub->models[b].architecture)
        return INFINITY;
    for (t = 0; t < SIM_TENSORS; t++)
        sum += bitx_distance_bits((const uint8_t *)hub->models[a].samples[t],
                                  (const uint8_t *)hub->models[b].samples[t], 2 * hub->nsamples);
    return (double)sum / (SIM_TENSORS * hub->nsamples);
}

void sim_predict(const sim_hub *hub, const zipllm_predictor *predictor, size_t a, size_t b,
                 double *delta_nbytes, double *whole_nbytes)
{
    size_t t;

    *delta_nbytes = *whole_nbytes = 0;
    for (t = 0; t < SIM_TENSORS; t++) {
        zipllm_sketch_view tensor = sim_view(&hub->models[a], t);
        zipllm_sketch_view base = sim_view(&hub->models[b], t);
        zipllm_prediction p;
        zipllm_predict(predictor, &tensor, &base, &p);
        *delta_nbytes += (double)p.delta_nbytes;
        *whole_nbytes += (double)p.whole_nbytes;
    }
}

static size_t nearest(const sim_hub *hub, size_t query)
{
    double best = INFINITY;
    size_t at = query;
    size_t i;

    for (i = 0; i < hub->nmodels; i++) {
        double distance = i == query ? INFINITY : sim_distance(hub, query, i);
        if (distance < best) {
            best = distance;
            at = i;
        }
    }
    return at;
}

enum { SHORT_LIST = 17 }; /* sixteen and the query itself */

/* The best of the short list by both measures; -1: none that saves 3%. */
static void search(const sim_hub *hub, const zipllm_predictor *predictor,
                   const zipllm_probes *index, size_t query, int64_t *by_distance,
                   int64_t *by_bytes)
{
    zipllm_neighbors near;
    double best_distance = INFINITY;
    double best_nbytes = INFINITY;
    size_t i;

    zipllm_neighbors_init(&near, index[query].probes, index[query].count, SHORT_LIST);
    for (i = 0; i < hub->nmodels; i++)
        zipllm_neighbors_offer(&near, (int64_t)i, index[i].probes, index[i].count);
    *by_distance = *by_bytes = -1;
    for (i = 0; i < near.n; i++) {
        double distance;
        double delta;
        double whole;
        if (near.found[i].id == (int64_t)query)
            continue;
        distance = sim_distance(hub, query, (size_t)near.found[i].id);
        if (distance < best_distance) {
            best_distance = distance;
            *by_distance = near.found[i].id;
        }
        sim_predict(hub, predictor, query, (size_t)near.found[i].id, &delta, &whole);
        if (delta < best_nbytes && delta < 0.97 * whole) {
            best_nbytes = delta;
            *by_bytes = near.found[i].id;
        }
    }
}

static bool has_relatives(const sim_hub *hub, size_t i)
{
    int family = hub->models[i].family;

    return (i > 0 && hub->models[i - 1].family == family) ||
           (i + 1 < hub->nmodels && hub->models[i + 1].family == family);
}

sim_recall sim_recall_of(const sim_hub *hub, const zipllm_predictor *predictor)
{
    zipllm_probes *index = calloc(hub->nmodels, sizeof *index);
    sim_recall r = {0};
    size_t i;

    for (i = 0; i < hub->nmodels; i++) {
        sim_probes(&hub->models[i], &index[i]);
        zipllm_probes_sort(index[i].probes, index[i].count);
    }
    for (i = 0; i < hub->nmodels; i++) {
        const sim_model *m = &hub->models[i];
        int64_t distance;
        int64_t bytes;
        search(hub, predictor, index, i, &distance, &bytes);
        if (!has_relatives(hub, i)) {
            r.loners++;
            r.loners_alone += bytes < 0;
            continue;
        }
        r.queries++;
        r.right_nearest += distance == (int64_t)nearest(hub, i);
        r.right_family += bytes >= 0 && hub->models[bytes].family == m->family;
        r.right_parent += bytes >= 0 && (bytes == m->parent || hub->models[bytes].parent == (int)i);
    }
    free(index);
    return r;
}
