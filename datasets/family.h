/*
 * A family of models as hubs keep them: one base and its fine-tunes, each a directory. What a model
 * holds is described here; model_files.h writes it.
 */
#ifndef DATASETS_FAMILY_H
#define DATASETS_FAMILY_H

#include <stddef.h>
#include <stdint.h>

#include "random_weights.h"

/* The shape of a Llama-like decoder. */
typedef struct architecture {
    unsigned hidden, layers, heads, kv_heads, mlp, vocab;
} architecture;

/* The widest architecture of at least 8 layers whose weights take nbytes or a little more. */
architecture architecture_of_size(uint64_t nbytes, weight_type type);

typedef struct tensor {
    char name[64];
    unsigned ndim;
    uint64_t shape[2];
    int is_norm;    /* weights around 1, not around 0 */
    unsigned shard; /* from 0 */
    uint64_t nbytes;
    uint64_t offset; /* in the shard's data */
} tensor;

/* What the whole family shares. */
typedef struct family {
    const char *prefix; /* of the models' names */
    weight_type type;
    architecture arch;
    uint64_t key;         /* of all random streams */
    uint32_t sigma_q32;   /* of the weights */
    uint32_t delta_q32;   /* of the fine-tunes' differences */
    uint32_t changed_q32; /* share of a fine-tune's elements that differ; UINT32_MAX: all */
} family;

/* One model of it. */
typedef struct model {
    const char *suffix;
    const char *about; /* a sentence for the card */
    int is_base;
    unsigned nshards;
    int shares_embedding; /* embed_tokens is the base's */
    int has_card;
} model;

/* The family's models, the base first; *count of them. */
const model *family_models(size_t *count);

/*
 * The tensors of a model, sorted by shard and name, with their places. NULL when memory is out; the
 * caller frees it.
 */
tensor *model_tensors(const family *f, const model *m, size_t *count);

/* How to make one of its tensors. */
weight_source tensor_source(const family *f, const model *m, const tensor *t);

#endif
