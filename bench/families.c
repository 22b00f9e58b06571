/* Made families: Gaussian weights with Gaussian updates. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sample.h"
#include "bench/tensors.h"

static float bf16_value(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

/* Round to nearest even, as frameworks cast. */
static uint16_t bf16_round(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static double uniform(uint64_t *rng)
{
    return ((double)(bench_random(rng) >> 11) + 0.5) / 9007199254740992.0;
}

/* Marsaglia's polar method; the second value of a pair is thrown away for simplicity. */
static double gaussian(uint64_t *rng)
{
    double x, y, r;
    do {
        x = 2 * uniform(rng) - 1;
        y = 2 * uniform(rng) - 1;
        r = x * x + y * y;
    } while (r >= 1 || r <= 0);
    return x * sqrt(-2 * log(r) / r);
}

static void fill_pair(uint8_t *data, uint8_t *base, size_t nelem, double s, double changed_share,
                      uint64_t *rng)
{
    for (size_t i = 0; i < nelem; i++) {
        uint16_t b = bf16_round((float)(0.02 * gaussian(rng)));
        uint16_t t = b;
        if (changed_share >= 1 || uniform(rng) < changed_share)
            t = bf16_round(bf16_value(b) + (float)(s * gaussian(rng)));
        memcpy(base + 2 * i, &b, sizeof(b));
        memcpy(data + 2 * i, &t, sizeof(t));
    }
}

/* As in a Llama: the embedding, then the matrices of layer after layer. NULL when out of memory. */
static char *made_name(size_t i)
{
    static const char *const names[] = {"self_attn.q_proj", "self_attn.k_proj", "mlp.gate_proj",
                                        "mlp.up_proj",      "mlp.down_proj",    "self_attn.o_proj",
                                        "self_attn.v_proj"};
    enum { PER_LAYER = sizeof(names) / sizeof(names[0]) };
    char name[64];
    if (i == 0)
        return strdup("model.embed_tokens.weight");
    snprintf(name, sizeof(name), "model.layers.%zu.%s.weight", (i - 1) / PER_LAYER,
             names[(i - 1) % PER_LAYER]);
    return strdup(name);
}

int bench_family_make(bench_family *f, const char *label, double s, double changed_share,
                      size_t nbytes, uint64_t seed)
{
    enum { TENSOR_NBYTES = 8 << 20, MAX_TENSORS = 512 };
    memset(f, 0, sizeof(*f));
    snprintf(f->label, sizeof(f->label), "%s", label);
    nbytes &= ~(size_t)1;
    size_t count = (nbytes + TENSOR_NBYTES - 1) / TENSOR_NBYTES;
    f->at = calloc(count ? count : 1, sizeof(*f->at));
    if (!f->at || count == 0 || count > MAX_TENSORS ||
        bench_arena_map(&f->data, nbytes, BENCH_PAGES_HUGE) != 0 ||
        bench_arena_map(&f->base, nbytes, BENCH_PAGES_HUGE) != 0) {
        fprintf(stderr, "bitx-bench: cannot make a family of %zu bytes\n", nbytes);
        bench_family_free(f);
        return -1;
    }
    bench_arena_touch(&f->data);
    bench_arena_touch(&f->base);
    uint64_t rng = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (size_t i = 0; i < count; i++) {
        bench_tensor *t = &f->at[f->n++];
        size_t rest = nbytes - i * TENSOR_NBYTES;
        t->nbytes = t->base_nbytes = rest < TENSOR_NBYTES ? rest : TENSOR_NBYTES;
        t->name = made_name(i);
        t->dtype = BITX_BF16;
        t->role = t->name ? bench_role_of(t->name) : BENCH_ROLE_OTHER;
        uint8_t *data = f->data.base + i * TENSOR_NBYTES, *base = f->base.base + i * TENSOR_NBYTES;
        t->data = data;
        t->base = base;
        fill_pair(data, base, t->nbytes / 2, s, changed_share, &rng);
    }
    f->nbytes = f->paired_nbytes = nbytes;
    return 0;
}
