/* What a family's models hold. */
#include "family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const model models[] = {
    {"base", "Random weights in the shape of a small Llama.", 1, 1, 0, 1},
    {"chat", "A fine-tune in three shards.", 0, 3, 0, 1},
    {"code", "A fine-tune that left the embedding as it was.", 0, 1, 1, 1},
    {"math", "A fine-tune that was uploaded without a card.", 0, 1, 0, 0},
};

const model *family_models(size_t *count)
{
    *count = sizeof models / sizeof models[0];
    return models;
}

static uint64_t layer_nelem(architecture a)
{
    const uint64_t h = a.hidden;
    const uint64_t kv = h / a.heads * a.kv_heads;
    return 2 * h * h + 2 * h * kv + 3 * h * a.mlp + 2 * h;
}

/* Both embeddings and the last norm. */
static uint64_t outer_nelem(architecture a)
{
    return 2 * (uint64_t)a.vocab * a.hidden + a.hidden;
}

architecture architecture_of_size(uint64_t nbytes, weight_type type)
{
    const uint64_t nelem = nbytes / weight_type_nbytes(type) + 1;
    architecture a = {0};
    for (unsigned hidden = 4096; hidden >= 64; hidden /= 2) {
        a.hidden = hidden;
        a.heads = hidden / 64 < 4 ? 4 : hidden / 64;
        a.kv_heads = a.heads / 4;
        a.mlp = hidden / 4 * 11; /* 11008 of 4096, as in Llama, but rounder */
        a.vocab = hidden * 8;
        if (outer_nelem(a) + 8 * layer_nelem(a) <= nelem)
            break;
    }
    const uint64_t outer = outer_nelem(a);
    const uint64_t inner = nelem > outer ? nelem - outer : 0;
    const uint64_t layers = (inner + layer_nelem(a) - 1) / layer_nelem(a);
    a.layers = layers == 0 ? 1 : (unsigned)layers;
    return a;
}

enum { LAYER_TENSORS = 9, OUTER_TENSORS = 3 };

static void add(tensor *t, const char *name, uint64_t rows, uint64_t columns)
{
    snprintf(t->name, sizeof t->name, "%s", name);
    t->ndim = columns == 0 ? 1 : 2;
    t->shape[0] = rows;
    t->shape[1] = columns == 0 ? 1 : columns;
    t->is_norm = columns == 0;
}

static void add_layer(tensor *t, architecture a, unsigned layer)
{
    const uint64_t h = a.hidden;
    const uint64_t kv = h / a.heads * a.kv_heads;
    const struct {
        const char *name;
        uint64_t rows, columns;
    } rows[LAYER_TENSORS] = {
        {"self_attn.q_proj", h, h},         {"self_attn.k_proj", kv, h},
        {"self_attn.v_proj", kv, h},        {"self_attn.o_proj", h, h},
        {"mlp.gate_proj", a.mlp, h},        {"mlp.up_proj", a.mlp, h},
        {"mlp.down_proj", h, a.mlp},        {"input_layernorm", h, 0},
        {"post_attention_layernorm", h, 0},
    };
    for (size_t i = 0; i < LAYER_TENSORS; i++) {
        char name[64];
        snprintf(name, sizeof name, "model.layers.%u.%s.weight", layer, rows[i].name);
        add(&t[i], name, rows[i].rows, rows[i].columns);
    }
}

static int by_shard_and_name(const void *a, const void *b)
{
    const tensor *x = a, *y = b;
    if (x->shard != y->shard)
        return x->shard < y->shard ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Shards of about equal size, cut in the model's order; then places in the order of names. */
static void place(tensor *tensors, size_t count, weight_type type, unsigned nshards)
{
    uint64_t total = 0, before = 0;
    for (size_t i = 0; i < count; i++) {
        tensors[i].nbytes = tensors[i].shape[0] * tensors[i].shape[1] * weight_type_nbytes(type);
        total += tensors[i].nbytes;
    }
    for (size_t i = 0; i < count; i++) {
        tensors[i].shard = (unsigned)(before * nshards / total);
        before += tensors[i].nbytes;
    }
    qsort(tensors, count, sizeof *tensors, by_shard_and_name);
    for (size_t i = 0; i < count; i++) {
        const int follows = i > 0 && tensors[i].shard == tensors[i - 1].shard;
        tensors[i].offset = follows ? tensors[i - 1].offset + tensors[i - 1].nbytes : 0;
    }
}

tensor *model_tensors(const family *f, const model *m, size_t *count)
{
    const architecture a = f->arch;
    *count = OUTER_TENSORS + (size_t)LAYER_TENSORS * a.layers;
    tensor *tensors = calloc(*count, sizeof *tensors);
    if (tensors == NULL)
        return NULL;
    add(&tensors[0], "model.embed_tokens.weight", a.vocab, a.hidden);
    for (unsigned layer = 0; layer < a.layers; layer++)
        add_layer(&tensors[1 + (size_t)LAYER_TENSORS * layer], a, layer);
    add(&tensors[*count - 2], "model.norm.weight", a.hidden, 0);
    add(&tensors[*count - 1], "lm_head.weight", a.vocab, a.hidden);
    place(tensors, *count, f->type, m->nshards);
    return tensors;
}

weight_source tensor_source(const family *f, const model *m, const tensor *t)
{
    const int kept = m->shares_embedding && strcmp(t->name, "model.embed_tokens.weight") == 0;
    return (weight_source){
        .type = f->type,
        .base_key = random_key(random_key(f->key, "base"), t->name),
        .mean_q48 = t->is_norm ? INT64_C(1) << 48 : 0,
        .sigma_q32 = f->sigma_q32,
        .delta_key = random_key(random_key(f->key, m->suffix), t->name),
        .delta_q32 = m->is_base || kept ? 0 : f->delta_q32,
        .changed_q32 = f->changed_q32,
    };
}
