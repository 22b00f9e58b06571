/*
 * usage: make_blends FOLDER   writes models there that arithmetic made of each other:
 *     root (F32), base (its BF16 cast), half (its F16 cast), a and b (full fine-tunes of base),
 *     mean (0.5 a + 0.5 b), task (base + 0.7 (a - base) + 0.4 (b - base)), a-f16 (its cast),
 *     lora (base and a merged adapter), near (mean with a few weights changed).
 * Among their tensors are one of several blocks, one of one row, a constant one, and one with
 * infinite values and NaN.
 */
#include <math.h>
#include <stdio.h>

#include "predict_cases.h"

typedef struct shape {
    const char *name;
    unsigned rows, columns;
} shape;

static const shape shapes[] = {{"m0.weight", 96, 128},  {"m1.weight", 128, 96},
                               {"m2.weight", 128, 128}, {"big.weight", 1100, 1024},
                               {"norm", 0, 128},        {"row", 1, 768},
                               {"constant", 64, 64},    {"bad", 64, 64}};
enum { TENSORS = sizeof(shapes) / sizeof(shapes[0]), MOST = 1100 * 1024 };

static size_t nelem_of(const shape *s)
{
    return (size_t)(s->rows ? s->rows : 1) * s->columns;
}

static void *checked(void *p)
{
    if (!p) {
        perror("make_blends");
        exit(1);
    }
    return p;
}

typedef struct model {
    bitx_dtype dtype;
    uint8_t *units[TENSORS];
} model;

static void put(model *m, int i, const float *wide)
{
    const size_t n = nelem_of(&shapes[i]);
    m->units[i] = checked(malloc(n * case_unit(m->dtype)));
    case_narrow(m->units[i], wide, n, m->dtype);
}

static void get(float *wide, const model *m, int i)
{
    case_widen(wide, m->units[i], nelem_of(&shapes[i]), m->dtype);
}

static void write_model(const char *folder, const char *name, const model *m)
{
    const char *dtype = m->dtype == BITX_F32 ? "F32" : m->dtype == BITX_F16 ? "F16" : "BF16";
    char path[1024], header[4096], shape_text[64];
    size_t offset = 0;
    int at = snprintf(header, sizeof(header), "{");
    for (int i = 0; i < TENSORS; i++) {
        const size_t nbytes = nelem_of(&shapes[i]) * case_unit(m->dtype);
        if (shapes[i].rows)
            snprintf(shape_text, sizeof(shape_text), "[%u,%u]", shapes[i].rows, shapes[i].columns);
        else
            snprintf(shape_text, sizeof(shape_text), "[%u]", shapes[i].columns);
        at += snprintf(header + at, sizeof(header) - (size_t)at,
                       "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
                       i ? "," : "", shapes[i].name, dtype, shape_text, offset, offset + nbytes);
        offset += nbytes;
    }
    at += snprintf(header + at, sizeof(header) - (size_t)at, "}");
    const uint64_t n = (uint64_t)at;
    snprintf(path, sizeof(path), "%s/%s.safetensors", folder, name);
    FILE *f = checked(fopen(path, "wb"));
    int failed = fwrite(&n, 8, 1, f) != 1 || fwrite(header, 1, n, f) != n;
    for (int i = 0; i < TENSORS; i++) {
        const size_t nbytes = nelem_of(&shapes[i]) * case_unit(m->dtype);
        failed |= fwrite(m->units[i], 1, nbytes, f) != nbytes;
    }
    failed |= fclose(f);
    if (failed)
        checked(NULL);
}

static void weights(float *wide, int i, uint64_t *state)
{
    const size_t n = nelem_of(&shapes[i]);
    for (size_t k = 0; k < n; k++)
        wide[k] = strcmp(shapes[i].name, "constant") == 0 ? 0.75F : 0.02F * case_normal(state);
    if (strcmp(shapes[i].name, "bad") != 0)
        return;
    wide[3] = INFINITY;
    wide[70] = -INFINITY;
    wide[99] = NAN;
    wide[200] = 3e38F;
    wide[201] = 1e-40F;
}

/* A change of each weight, or (rank) of a matrix of that rank. */
static void tune(float *wide, int i, unsigned rank, uint64_t *state)
{
    const shape *s = &shapes[i];
    const size_t n = nelem_of(s);
    float u[1100 * 4], v[1024 * 4];
    if (strcmp(s->name, "constant") == 0)
        return;
    if (!rank) {
        for (size_t k = 0; k < n; k++)
            wide[k] += 0.002F * case_normal(state);
        return;
    }
    if (s->rows < 2)
        return;
    for (unsigned k = 0; k < s->rows * rank; k++)
        u[k] = case_normal(state);
    for (unsigned k = 0; k < s->columns * rank; k++)
        v[k] = 0.001F * case_normal(state);
    for (size_t k = 0; k < n; k++)
        for (unsigned r = 0; r < rank; r++)
            wide[k] += u[k / s->columns * rank + r] * v[k % s->columns * rank + r];
}

static void combine(float *out, const model *const *of, unsigned n, const float *c,
                    unsigned relative, int i)
{
    static float wide[3][MOST];
    const uint8_t *parents[8] = {0};
    bitx_combine_params p = {n, relative, BITX_ROUND_NONE, BITX_ROUND_NONE, {0}};
    for (unsigned k = 0; k < n; k++) {
        get(wide[k], of[k], i);
        parents[k] = (const uint8_t *)wide[k];
        p.coefficients[k] = c[k];
    }
    bitx_combine_f32((uint8_t *)out, parents, nelem_of(&shapes[i]), &p);
}

int main(int argc, char **argv)
{
    static float wide[MOST], other[MOST];
    static const float halves[] = {0.5F, 0.5F}, task_c[] = {0, 0.7F, 0.4F};
    model root = {BITX_F32, {0}}, half = {BITX_F16, {0}}, a_f16 = {BITX_F16, {0}};
    model base = {BITX_BF16, {0}}, a = base, b = base, mean = base, task = base, lora = base;
    model near = base;
    const model *pair[] = {&a, &b}, *three[] = {&base, &a, &b};
    uint64_t state = 12345;
    if (argc != 2) {
        fprintf(stderr, "usage: make_blends FOLDER\n");
        return 2;
    }
    for (int i = 0; i < TENSORS; i++) {
        const size_t n = nelem_of(&shapes[i]);
        weights(wide, i, &state);
        put(&root, i, wide);
        put(&half, i, wide);
        put(&base, i, wide);
        get(wide, &base, i);
        memcpy(other, wide, 4 * n);
        tune(other, i, 0, &state);
        put(&a, i, other);
        memcpy(other, wide, 4 * n);
        tune(other, i, 0, &state);
        put(&b, i, other);
        memcpy(other, wide, 4 * n);
        tune(other, i, 4, &state);
        put(&lora, i, other);
        combine(other, pair, 2, halves, 0, i);
        put(&mean, i, other);
        other[n / 2] += 1;
        put(&near, i, other);
        get(other, &a, i);
        put(&a_f16, i, other);
        combine(other, three, 3, task_c, 1, i);
        put(&task, i, other);
    }
    write_model(argv[1], "root", &root);
    write_model(argv[1], "half", &half);
    write_model(argv[1], "base", &base);
    write_model(argv[1], "a", &a);
    write_model(argv[1], "b", &b);
    write_model(argv[1], "mean", &mean);
    write_model(argv[1], "a-f16", &a_f16);
    write_model(argv[1], "near", &near);
    write_model(argv[1], "task", &task);
    write_model(argv[1], "lora", &lora);
    model *const all[] = {&root, &half, &base, &a, &b, &mean, &a_f16, &near, &task, &lora};
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
        for (int i = 0; i < TENSORS; i++)
            free(all[k]->units[i]);
    return 0;
}
