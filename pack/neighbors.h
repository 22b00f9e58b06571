/*
 * neighbors.h: which of many models are near one, without looking at their sketches.
 *
 * A model is described by up to ZIPLLM_PROBES_MAX of its tensors: of each the name, dtype and size
 * as one number, and one bit for each of 64 sampled elements: above the middle of them or not. For
 * weights around zero these are their signs, of which a fine-tune flips few and an unrelated model
 * half. Many probes, because one shard of a large model must meet some of them.
 *
 * The result is a short list, to be settled by the sketches themselves (predict.h).
 */
#ifndef ZIPLLM_NEIGHBORS_H
#define ZIPLLM_NEIGHBORS_H

#include "predict.h"

enum {
    ZIPLLM_PROBE_VERSION = 2, /* of what follows; others are not compared */
    ZIPLLM_PROBES_MAX = 80,   /* of four models on one page of the index */
    ZIPLLM_PROBE_BITS = 64,
    /* Bits that may differ. Two unrelated tensors: 32 +- 4; the nearest of 1000 about 20. */
    ZIPLLM_PROBE_NEAR = 18
};

typedef struct zipllm_probe {
    uint32_t key; /* dtype and number of elements; in a model's probes the name, too */
    uint64_t bits;
} zipllm_probe;

/* Of a tensor without a name. False where the sketch has fewer samples than a probe has bits, or
 * all of them are equal. */
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

/* As if the tensor had that dtype: floats that were cast keep their order, and so their bits. */
void zipllm_probes_offer_as(zipllm_probes *probes, const char *name,
                            const zipllm_sketch_view *tensor, bitx_dtype dtype);

/* By rising keys, as a search takes them: done once a model's tensors have all been offered. */
void zipllm_probes_sort(zipllm_probe *probes, size_t nprobes);

typedef struct zipllm_neighbor {
    int64_t id;     /* the caller's */
    uint32_t score; /* bits by which its probes are nearer than ZIPLLM_PROBE_NEAR, summed */
    uint32_t hits;  /* probes of the query that found a near one */
} zipllm_neighbor;

enum { ZIPLLM_NEIGHBORS_MAX = 32 };

/*
 * A search: models go by one after the other, and those with the highest scores stay, those first.
 * Models without any near probe are left out; of equal scores the one that came first wins.
 */
typedef struct zipllm_neighbors {
    zipllm_probe query[ZIPLLM_PROBES_MAX];
    size_t nquery, cap, n;
    zipllm_neighbor found[ZIPLLM_NEIGHBORS_MAX];
} zipllm_neighbors;

/* At most ZIPLLM_PROBES_MAX probes in any order, and the `cap` best, up to ZIPLLM_NEIGHBORS_MAX. */
void zipllm_neighbors_init(zipllm_neighbors *search, const zipllm_probe *query, size_t nquery,
                           size_t cap);
/* probes: sorted. */
void zipllm_neighbors_offer(zipllm_neighbors *search, int64_t id, const zipllm_probe *probes,
                            size_t nprobes);

#endif
