/*
 * family_sim.h: sketches of made-up model families, the same on every run: what a store of a hub
 * would hold, without the tensors. Elements of a base are normal with a scale per tensor and
 * family; a fine-tune adds a change of its own scale to its parent and is rounded to BF16.
 */
#ifndef TESTS_FAMILY_SIM_H
#define TESTS_FAMILY_SIM_H

#include "neighbors.h"

enum { SIM_TENSORS = 12, SIM_TENSOR_NELEM = 1 << 20 };

typedef struct sim_rng {
    uint64_t state;
} sim_rng;
uint64_t sim_next(sim_rng *rng);
double sim_uniform(sim_rng *rng); /* [0, 1) */
double sim_normal(sim_rng *rng);
uint16_t sim_bf16(double x);
double sim_from_bf16(uint16_t bits);

typedef struct sim_model {
    int family;
    int parent; /* index of the model that it was made from; -1: none */
    int architecture;
    double change;                  /* scale of its change in standard deviations of the weights */
    uint16_t *samples[SIM_TENSORS]; /* malloced; SIM_TENSOR_NELEM elements each, sampled */
} sim_model;

typedef struct sim_hub {
    sim_model *models;
    size_t nmodels;
    uint32_t nsamples; /* per tensor */
} sim_hub;

/* nfamilies of `size` models each, one of them the base, and nloners models without relatives; all
   of them share three architectures, whose tensors have equal shapes. */
sim_hub sim_hub_new(size_t nfamilies, size_t size, size_t nloners, uint64_t seed);
void sim_hub_free(sim_hub *hub);
zipllm_sketch_view sim_view(const sim_model *model, size_t tensor);
void sim_probes(const sim_model *model, zipllm_probes *probes);

/* Mean bit distance over all tensors, from all samples; INFINITY for other architectures. */
double sim_distance(const sim_hub *hub, size_t a, size_t b);
/* Predicted bytes of a coded against b, and by itself. */
void sim_predict(const sim_hub *hub, const zipllm_predictor *predictor, size_t a, size_t b,
                 double *delta_nbytes, double *whole_nbytes);

/* How the search fares, model by model, each against all others. */
typedef struct sim_recall {
    size_t queries;       /* models that have relatives */
    size_t right_nearest; /* the model nearest by exhaustive bit distance is the one found */
    size_t right_family;  /* the one with the fewest predicted bytes is of the family */
    size_t right_parent;  /* ... is the model it was made from (or, for a base, made from it) */
    size_t loners, loners_alone; /* without relatives, and found to be so */
} sim_recall;
sim_recall sim_recall_of(const sim_hub *hub, const zipllm_predictor *predictor);

#endif
