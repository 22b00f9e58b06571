/*
 * neighbors.h: which of many models are near one, without looking at their sketches.
 *
 * A model is described by up to ZIPLLM_PROBES_MAX of its tensors: of each the dtype and the size as
 * one number, and one bit for each of 64 sampled elements: above the middle of them or not. For
 * weights around zero these are their signs, of which a fine-tune flips few and an unrelated model
 * half. Tensors are compared wherever dtype and size agree, whatever their names.
 *
 * The result is a short list, to be settled by the sketches themselves (predict.h).
 */
#ifndef ZIPLLM_NEIGHBORS_H
#define ZIPLLM_NEIGHBORS_H

#include "predict.h"

enum {
    ZIPLLM_PROBES_MAX = 32,
    ZIPLLM_PROBE_BITS = 64,
    /* Bits that may differ. Two unrelated tensors: 32 +- 4; the nearest of 1000 about 20. */
    ZIPLLM_PROBE_NEAR = 18
};

typedef struct zipllm_probe {
    uint32_t key; /* dtype and number of elements */
    uint64_t bits;
} zipllm_probe;

/* False where the sketch has fewer samples than a probe has bits, or all of them are equal. */
bool zipllm_probe_of(const zipllm_sketch_view *tensor, zipllm_probe *probe);

/*
 * Chooses a model's probes as its tensors go by: those whose names have the lowest hashes, so that
 * the models of a family choose the same tensors, also where one has more or fewer of them.
 */
typedef struct zipllm_probes {
    zipllm_probe probes[ZIPLLM_PROBES_MAX];
    uint64_t order[ZIPLLM_PROBES_MAX]; /* rising */
    size_t count;
} zipllm_probes;
void zipllm_probes_offer(zipllm_probes *probes, const char *name, const zipllm_sketch_view *tensor);

typedef struct zipllm_neighbors zipllm_neighbors;
zipllm_neighbors *zipllm_neighbors_new(void); /* NULL: out of memory, here and below */
void zipllm_neighbors_free(zipllm_neighbors *neighbors);
/* id is the caller's. 24 bytes per probe, and 16 per model. False: out of memory. */
bool zipllm_neighbors_add(zipllm_neighbors *neighbors, int64_t id, const zipllm_probe *probes,
                          size_t nprobes);

typedef struct zipllm_neighbor {
    int64_t id;
    uint32_t score; /* bits by which its probes are nearer than ZIPLLM_PROBE_NEAR, summed */
    uint32_t hits;  /* probes of the query that found a near one */
} zipllm_neighbor;

/* The models with the highest scores, those first; *n of them, at most cap. Models without any near
   probe are left out. Of equal scores the model added first. */
void zipllm_neighbors_find(zipllm_neighbors *neighbors, const zipllm_probe *probes, size_t nprobes,
                           zipllm_neighbor *found, size_t cap, size_t *n);

#endif
