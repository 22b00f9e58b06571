/*
 * Least squares over the samples of the nearest tensors, each sample in the steps of its float
 * format; parents that are within the noise are left out one by one. What is left is a merge where
 * its sum is near the tensor by far more than any stored tensor alone.
 */
#include "blend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bitx/kernels.h"
#include "error.h"
#include "family.h"
#include "stored.h"

enum {
    SAMPLES_MAX = ZIPLLM_SKETCH_MAX / 2,
    CANDIDATES = 8, /* of which a sum is looked for */
    RECIPES = 8,
    TOKENS = 65,
    /* Samples that are too few to tell the parents of a sum from their relatives. */
    FEW = 512
};

/* A share of what a tensor takes otherwise, below which a blend is worth reading its parents. */
static const double WORTH = 0.75;
/* A parent stays whose coefficient is so many times its standard error, and no rounding error of a
   merge of many. */
static const double SIGNIFICANT = 5, IDLE = 0.01;
/* Standard deviations by which a delta must be nearer than an original; there are several deltas.
 */
static const double CERTAIN = 2.5;

typedef struct candidate {
    zipllm_tensor_row row;
    int64_t model;
    double bits;  /* per element, against it alone */
    float *value; /* of each sample; NULL for another dtype */
} candidate;

/* Models of which several tensors of a file were made. */
typedef struct usual {
    int64_t models[ZIPLLM_BLEND_MAX];
    unsigned n;
    uint64_t nbytes; /* of these tensors */
} usual;

struct zipllm_blender {
    float part[SAMPLES_MAX], sum[SAMPLES_MAX], weight[SAMPLES_MAX], other[SAMPLES_MAX];
    float values[ZIPLLM_KIN_MAX][SAMPLES_MAX];
    uint8_t units[4 * SAMPLES_MAX];
    candidate list[ZIPLLM_KIN_MAX];
    size_t n;
    uint32_t nsamples;
    usual recipes[RECIPES];
    size_t nrecipes;
    uint64_t seen_nbytes; /* of this file's tensors that were looked at */
};

bool zipllm_blend_castable(bitx_dtype a, bitx_dtype b)
{
    return (a == BITX_BF16 || a == BITX_F16 || a == BITX_F32) &&
           (b == BITX_BF16 || b == BITX_F16 || b == BITX_F32);
}

/* ---- samples -----------------------------------------------------------------------------------
 */

void zipllm_to_f32(float *dst, const uint8_t *src, size_t n, bitx_dtype dtype)
{
    if (dtype == BITX_BF16)
        bitx_cast_bf16_f32((void *)dst, src, n);
    else if (dtype == BITX_F16)
        bitx_cast_f16_f32((void *)dst, src, n);
    else
        memcpy(dst, src, 4 * n);
}

static void from_f32(uint8_t *dst, const float *src, size_t n, bitx_dtype dtype)
{
    if (dtype == BITX_BF16)
        bitx_cast_f32_bf16(dst, (const void *)src, n);
    else if (dtype == BITX_F16)
        bitx_cast_f32_f16(dst, (const void *)src, n);
    else
        memcpy(dst, src, 4 * n);
}

/* Floats of one format in order, as integers. */
static int64_t ordered(const uint8_t *at, size_t width)
{
    uint32_t x = 0;
    memcpy(&x, at, width);
    const uint32_t sign = (uint32_t)1 << (8 * width - 1);
    return (x & sign) != 0 ? -(int64_t)(x & (sign - 1)) : (int64_t)x;
}

/* Order-0 entropy of the sizes of differences, and the bits below their highest. */
typedef struct tokens {
    uint32_t counts[TOKENS];
    uint32_t n, equal;
    uint64_t raw;
} tokens;

static void count_token(tokens *t, int64_t difference)
{
    const uint64_t size = (uint64_t)(difference < 0 ? -difference : difference);
    const unsigned nbits = size == 0 ? 0 : 64 - (unsigned)__builtin_clzll(size);
    t->counts[difference < 0 ? nbits + 32 : nbits]++;
    t->raw += nbits > 1 ? nbits - 1 : 0;
    t->equal += difference == 0;
    t->n++;
}

static double token_bits(const tokens *t)
{
    double bits = (double)t->raw;
    for (int i = 0; i < TOKENS; i++)
        if (t->counts[i] != 0)
            bits += t->counts[i] * log2((double)t->n / t->counts[i]);
    return t->n != 0 ? bits / t->n : 64;
}

/* Of n elements against as many floats, rounded to their format. */
static tokens compare(const uint8_t *tensor, bitx_dtype dtype, const float *value, size_t n,
                      uint8_t *units)
{
    const size_t width = bitx_dtype_bits(dtype) / 8;
    tokens t = {.n = 0};
    from_f32(units, value, n, dtype);
    for (size_t i = 0; i < n; i++)
        count_token(&t, ordered(tensor + i * width, width) - ordered(units + i * width, width));
    return t;
}

double zipllm_blend_cast_bits(const zipllm_part *part, const zipllm_tensor_row *row,
                              const uint8_t *sketch, uint32_t *nsamples)
{
    const bitx_dtype other = (bitx_dtype)row->dtype;
    const size_t width = bitx_dtype_bits(part->dtype) / 8, theirs = bitx_dtype_bits(other) / 8;
    zipllm_sketch_plan a = zipllm_sketch_plan_of(part->dtype, part->nbytes);
    zipllm_sketch_plan b = zipllm_sketch_plan_of(other, row->nbytes);
    zipllm_sketch_matcher matcher = {&a, &b, 0, 0};
    zipllm_sketch_pair pair;
    tokens t = {.n = 0};
    *nsamples = 0;
    if (!zipllm_blend_castable(part->dtype, other) || a.nelem != b.nelem)
        return 64;
    b.width = a.width; /* positions count elements, whatever their width */
    while (zipllm_sketch_match(&matcher, &pair)) {
        float value;
        uint8_t unit[4];
        zipllm_to_f32(&value, sketch + pair.b * theirs, 1, other);
        from_f32(unit, &value, 1, part->dtype);
        count_token(&t, ordered(part->sketch + pair.a * width, width) - ordered(unit, width));
    }
    *nsamples = t.n;
    return token_bits(&t);
}

/* ---- least squares -----------------------------------------------------------------------------
 */

/* Gauss and Jordan, with pivots; false if the matrix is singular. */
static bool invert(double *a, double *inverse, size_t n)
{
    for (size_t i = 0; i < n * n; i++)
        inverse[i] = i / n == i % n;
    for (size_t c = 0; c < n; c++) {
        size_t pivot = c;
        for (size_t r = c + 1; r < n; r++)
            pivot = fabs(a[r * n + c]) > fabs(a[pivot * n + c]) ? r : pivot;
        const double p = a[pivot * n + c];
        if (!(fabs(p) > 1e-300))
            return false;
        for (size_t k = 0; k < n; k++) {
            const double x = a[pivot * n + k] / p, y = inverse[pivot * n + k] / p;
            a[pivot * n + k] = a[c * n + k];
            inverse[pivot * n + k] = inverse[c * n + k];
            a[c * n + k] = x;
            inverse[c * n + k] = y;
        }
        for (size_t r = 0; r < n; r++) {
            const double f = r != c ? a[r * n + c] : 0;
            for (size_t k = 0; k < n && f != 0; k++) {
                a[r * n + k] -= f * a[c * n + k];
                inverse[r * n + k] -= f * inverse[c * n + k];
            }
        }
    }
    return true;
}

typedef struct fit {
    const candidate *of[CANDIDATES];
    size_t n;
    double c[CANDIDATES], error[CANDIDATES];
} fit;

/* Inverse steps of the elements; those of small ones are limited, as rounding errors of what was
   summed are not smaller there. */
static void weigh(struct zipllm_blender *b, bitx_dtype dtype)
{
    const float part = dtype == BITX_BF16 ? 0x1p-8F : dtype == BITX_F16 ? 0x1p-11F : 0x1p-24F;
    double sum = 0;
    for (uint32_t i = 0; i < b->nsamples; i++)
        sum += fabsf(b->part[i]) < 1e15F ? (double)fabsf(b->part[i]) : 0;
    const float least = (float)(sum / b->nsamples) * 0x1p-6F;
    for (uint32_t i = 0; i < b->nsamples; i++) {
        const float x = fabsf(b->part[i]), step = part * (x > least ? x : least);
        bool good = x < 1e15F && step > 1e-30F;
        for (size_t k = 0; k < b->n; k++)
            good = good && (b->list[k].value == NULL || fabsf(b->list[k].value[i]) < 1e15F);
        b->weight[i] = good ? 1 / step : 0;
    }
}

/* Coefficients and their standard errors. */
static bool solve(struct zipllm_blender *b, fit *f)
{
    double square[CANDIDATES * CANDIDATES] = {0}, inverse[CANDIDATES * CANDIDATES];
    double right[CANDIDATES] = {0}, rest = 0;
    uint32_t used = 0;
    for (uint32_t i = 0; i < b->nsamples; i++) {
        const double w = (double)b->weight[i] * (double)b->weight[i];
        if (!(w > 0))
            continue;
        used++;
        for (size_t k = 0; k < f->n; k++) {
            const double x = w * (double)f->of[k]->value[i];
            right[k] += x * (double)b->part[i];
            for (size_t j = 0; j <= k; j++)
                square[k * f->n + j] += x * (double)f->of[j]->value[i];
        }
    }
    for (size_t k = 0; k < f->n; k++)
        for (size_t j = 0; j < k; j++)
            square[j * f->n + k] = square[k * f->n + j];
    if (used < 4 * f->n || !invert(square, inverse, f->n))
        return false;
    for (size_t k = 0; k < f->n; k++) {
        f->c[k] = 0;
        for (size_t j = 0; j < f->n; j++)
            f->c[k] += inverse[k * f->n + j] * right[j];
    }
    for (uint32_t i = 0; i < b->nsamples; i++) {
        double r = (double)b->part[i];
        for (size_t k = 0; k < f->n; k++)
            r -= f->c[k] * (double)f->of[k]->value[i];
        rest += r * r * (double)b->weight[i] * (double)b->weight[i];
    }
    /* No residual is below that of rounding to a step. */
    const double noise = fmax(rest / (used - (double)f->n), 1.0 / 12);
    for (size_t k = 0; k < f->n; k++)
        f->error[k] = sqrt(fmax(noise * inverse[k * f->n + k], 0));
    return true;
}

/* Leaves out the least significant parent until all matter. */
static bool reduce(struct zipllm_blender *b, fit *f)
{
    while (f->n >= 2) {
        size_t least = 0;
        if (!solve(b, f))
            return false;
        for (size_t k = 1; k < f->n; k++)
            if (fabs(f->c[k]) * f->error[least] < fabs(f->c[least]) * f->error[k])
                least = k;
        if (fabs(f->c[least]) >= SIGNIFICANT * f->error[least] && fabs(f->c[least]) >= IDLE)
            return f->n <= ZIPLLM_BLEND_MAX;
        f->n--;
        for (size_t k = least; k < f->n; k++)
            f->of[k] = f->of[k + 1];
    }
    return false;
}

static void add_up(struct zipllm_blender *b, const fit *f)
{
    for (uint32_t i = 0; i < b->nsamples; i++) {
        double sum = 0;
        for (size_t k = 0; k < f->n; k++)
            sum += f->c[k] * (double)f->of[k]->value[i];
        b->sum[i] = (float)sum;
    }
}

/* ---- candidates --------------------------------------------------------------------------------
 */

/* A blend of what is deltas itself needs a third frame, and no fourth. Those made of several are
   left alone, so that what a worker decodes at a time stays small. */
static bool may_serve(const zipllm_tensor_row *row)
{
    return row->depth < ZIPLLM_DEPTH_MAX && row->nparents <= 1;
}

static zipllm_status add_candidate(zipllm_ingest *in, const zipllm_part *part, int64_t model)
{
    struct zipllm_blender *b = in->blender;
    candidate c = {.model = model};
    uint8_t sketch[ZIPLLM_SKETCH_MAX];
    const char *reason;
    bool known = false;
    zipllm_status status = zipllm_ingest_model_row(in, model, part, &c.row, &reason);
    if (status != ZIPLLM_OK || c.row.id == 0)
        return status;
    const bool cast = c.row.dtype != (uint32_t)part->dtype;
    const bool several = c.row.depth < ZIPLLM_DEPTH_MAX && cast;
    if (!(may_serve(&c.row) || several) || (!cast && c.row.nbytes != part->nbytes))
        return ZIPLLM_OK;
    for (size_t i = 0; i < b->n; i++)
        if (b->list[i].row.id == c.row.id)
            return ZIPLLM_OK;
    status = zipllm_family_sketch(in->store->index, &c.row, sketch, &known, in->error);
    if (status != ZIPLLM_OK || !known)
        return status;
    uint32_t n = 0;
    if (cast) {
        c.bits = zipllm_blend_cast_bits(part, &c.row, sketch, &n);
    } else {
        n = b->nsamples;
        c.value = b->values[b->n];
        zipllm_to_f32(c.value, sketch, n, part->dtype);
        const tokens t = compare(part->sketch, part->dtype, c.value, n, b->units);
        c.bits = token_bits(&t);
    }
    if (n != 0)
        b->list[b->n++] = c;
    return ZIPLLM_OK;
}

static int by_bits(const void *x, const void *y)
{
    const candidate *a = x, *b = y;
    return (a->bits > b->bits) - (a->bits < b->bits);
}

static void take(zipllm_part *part, const candidate *const *of, size_t n, double bits)
{
    part->nblend = (unsigned)n;
    part->blend_nbytes = bits * (double)part->nbytes / bitx_dtype_bits(part->dtype) + 256;
    for (size_t k = 0; k < n; k++)
        part->blend[k] = of[k]->row.id;
}

/* By itself, or against one that is whole: of this dtype, or of any. */
static double otherwise(const struct zipllm_blender *b, const zipllm_part *part, bool casts)
{
    zipllm_prediction whole;
    zipllm_predict_whole(&(zipllm_sketch_view){part->dtype, part->nbytes, part->sketch}, &whole);
    double bits = whole.whole_bits;
    for (size_t i = 0; i < b->n; i++)
        if (b->list[i].row.depth == 0 && (casts || b->list[i].value != NULL) &&
            b->list[i].bits < bits)
            bits = b->list[i].bits;
    return bits;
}

static int by_model(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Counts the part's blend for its models. */
static void note_recipe(struct zipllm_blender *b, const zipllm_part *part)
{
    usual u = {.n = part->nblend, .nbytes = part->nbytes};
    for (unsigned k = 0; k < u.n; k++)
        for (size_t i = 0; i < b->n; i++)
            if (b->list[i].row.id == part->blend[k])
                u.models[k] = b->list[i].model;
    qsort(u.models, u.n, sizeof u.models[0], by_model);
    for (size_t i = 0; i < b->nrecipes; i++) {
        if (b->recipes[i].n == u.n &&
            memcmp(b->recipes[i].models, u.models, sizeof u.models) == 0) {
            b->recipes[i].nbytes += u.nbytes;
            return;
        }
    }
    if (b->nrecipes < RECIPES)
        b->recipes[b->nrecipes++] = u;
}

/* Candidates are in order. */
static void find_merge(struct zipllm_blender *b, zipllm_part *part, double *best)
{
    fit f = {.n = 0};
    for (size_t i = 0; i < b->n && f.n < CANDIDATES; i++)
        if (b->list[i].value != NULL && may_serve(&b->list[i].row))
            f.of[f.n++] = &b->list[i];
    if (f.n < 2 || f.of[0]->bits == 0)
        return;
    weigh(b, part->dtype);
    if (!reduce(b, &f))
        return;
    add_up(b, &f);
    const tokens t = compare(part->sketch, part->dtype, b->sum, b->nsamples, b->units);
    const double bits = token_bits(&t);
    if (bits >= *best || t.equal < b->nsamples / 8)
        return;
    *best = bits;
    take(part, f.of, f.n, bits);
}

static void find_cast(struct zipllm_blender *b, zipllm_part *part, bool whole, double *best)
{
    for (size_t i = 0; i < b->n; i++) {
        const candidate *c = &b->list[i];
        if (c->value != NULL || (c->row.depth == 0) != whole || c->bits >= *best)
            continue;
        *best = c->bits;
        take(part, &c, 1, c->bits);
    }
}

/* Squares of a change, over the elements that all candidates have. Not in steps: of a small
   tensor's sample a few elements near zero would decide. */
static double energy_of(const struct zipllm_blender *b, const float *x, const float *y)
{
    double sum = 0;
    for (uint32_t i = 0; i < b->nsamples; i++) {
        const double d = b->weight[i] > 0 ? (double)x[i] - (double)y[i] : 0;
        sum += d * d;
    }
    return sum;
}

/* Nothing but a cast: its frame has next to no bytes. */
static bool is_mere_cast(const zipllm_tensor_row *row)
{
    return row->predictor == BITX_PREDICT_CAST && row->length < 128 + row->nbytes / 64;
}

/* Whether the part was made of a delta rather than of the original, given its changes from both:
   what one of them changed adds its energy to the other's, give or take twice its product with the
   part's own change, of which a sample shows a chance value. */
static bool is_nearer(const struct zipllm_blender *b, const candidate *delta, double energy,
                      const candidate *original, double from_original)
{
    if (original == NULL)
        return true;
    const double apart = energy_of(b, delta->value, original->value);
    return from_original - energy > CERTAIN * 2 * sqrt(energy / b->nsamples * apart);
}

/* A change of low rank is one of what the part was made of, and hardly one of its relatives. Where
   that is a delta or a cast itself, and as near as any, it is tried as a base. */
static void find_made_of(struct zipllm_blender *b, zipllm_part *part)
{
    const candidate *original = NULL, *delta = NULL;
    double from_original = INFINITY, from_delta = INFINITY;
    if (zipllm_row_nelem(part->shape) == 0)
        return;
    weigh(b, part->dtype);
    for (size_t i = 0; i < b->n; i++) {
        const candidate *c = &b->list[i];
        const bool near = c->bits >= 1 && c->bits <= 1.1 * b->list[0].bits;
        const bool cast = c->row.depth == 1 && is_mere_cast(&c->row);
        if (c->value == NULL || (c->row.depth != 0 && !(near && c->row.depth == 1)))
            continue;
        const double energy = energy_of(b, b->part, c->value);
        if ((c->row.depth == 0 || cast) && energy < from_original) {
            from_original = energy;
            original = c;
        } else if (c->row.depth == 1 && !cast && energy < from_delta) {
            from_delta = energy;
            delta = c;
        }
    }
    const candidate *base = original;
    if (delta != NULL && is_nearer(b, delta, from_delta, original, from_original))
        base = delta;
    if (base == NULL || base->row.depth == 0)
        return;
    take(part, &base, 1, base->bits);
    part->blend_nbytes = INFINITY; /* a mere try */
}

static zipllm_status look_at(zipllm_ingest *in, zipllm_part *part)
{
    struct zipllm_blender *b = in->blender;
    const zipllm_sketch_plan plan = zipllm_sketch_plan_of(part->dtype, part->nbytes);
    zipllm_status status = ZIPLLM_OK;
    b->n = 0;
    b->seen_nbytes += part->nbytes;
    b->nsamples = plan.nsamples;
    zipllm_to_f32(b->part, part->sketch, plan.nsamples, part->dtype);
    for (size_t i = 0; i < in->nkin && status == ZIPLLM_OK; i++)
        status = add_candidate(in, part, in->kin[i]);
    if (status != ZIPLLM_OK || b->n == 0)
        return status;
    qsort(b->list, b->n, sizeof b->list[0], by_bits);
    double best = WORTH * otherwise(b, part, false);
    find_cast(b, part, true, &best);
    best = fmin(best, WORTH * otherwise(b, part, true));
    const double plain = best;
    find_cast(b, part, false, &best);
    find_merge(b, part, &best);
    if (part->nblend != 0)
        note_recipe(b, part);
    if (best >= plain)
        find_made_of(b, part);
    return ZIPLLM_OK;
}

static void put_parent(zipllm_part *part, const zipllm_tensor_row *row)
{
    const bool cast = row->dtype != (uint32_t)part->dtype;
    bool takes = row->id != 0 && may_serve(row) && (cast || row->nbytes == part->nbytes) &&
                 part->nblend < ZIPLLM_PARENTS_MAX;
    for (unsigned k = 0; k < part->nblend; k++)
        takes = takes && part->blend[k] != row->id;
    if (takes)
        part->blend[part->nblend++] = row->id;
}

/*
 * Parts that are too small to say what they were made of, where most of the file says it: the
 * tensors of its models, and other near ones, as two models may share what a third does not. All of
 * a small tensor is looked at by the coder, which decides.
 */
static zipllm_status guess(zipllm_ingest *in, zipllm_part *part, const usual *u)
{
    zipllm_tensor_row row;
    const char *reason;
    zipllm_status status = ZIPLLM_OK;
    part->blend_nbytes = part->nblend != 0 ? part->blend_nbytes : INFINITY;
    for (unsigned k = 0; k < u->n && status == ZIPLLM_OK; k++) {
        status = zipllm_ingest_model_row(in, u->models[k], part, &row, &reason);
        if (status == ZIPLLM_OK)
            put_parent(part, &row);
    }
    for (size_t i = 0; i < in->nkin && u->n > 1 && status == ZIPLLM_OK; i++) {
        status = zipllm_ingest_model_row(in, in->kin[i], part, &row, &reason);
        if (status == ZIPLLM_OK && row.dtype == (uint32_t)part->dtype)
            put_parent(part, &row);
    }
    return status;
}

static bool is_mute(const zipllm_part *part)
{
    const zipllm_sketch_plan plan = zipllm_sketch_plan_of(part->dtype, part->nbytes);
    return part->nblend == 0 || (part->nblend > 1 && plan.nsamples < FEW);
}

static const usual *main_recipe(const struct zipllm_blender *b)
{
    for (size_t i = 0; i < b->nrecipes; i++)
        if (b->recipes[i].nbytes > b->seen_nbytes / 2)
            return &b->recipes[i];
    return NULL;
}

static zipllm_status is_known(zipllm_ingest *in, const zipllm_part *part, bool *known)
{
    zipllm_tensor_row row;
    const zipllm_status status =
        zipllm_index_find_tensor(in->store->index, part->nbytes, part->hash, 0, &row, in->error);
    *known = status == ZIPLLM_OK && row.id != 0;
    return status;
}

/* Each by its sketch, or (u) as most of the file. */
static zipllm_status blend_for(zipllm_ingest *in, const zipllm_ingest_file *file, const usual *u)
{
    zipllm_status status = ZIPLLM_OK;
    for (size_t i = 0; i < file->layout.nparts && status == ZIPLLM_OK; i++) {
        zipllm_part *part = &file->layout.parts[i];
        bool known;
        if (part->kind != ZIPLLM_TENSOR || part->nbytes == 0 ||
            !zipllm_blend_castable(part->dtype, part->dtype) ||
            (u != NULL ? !is_mute(part) : part->sketch == NULL))
            continue;
        status = is_known(in, part, &known);
        if (status == ZIPLLM_OK && !known)
            status = u != NULL ? guess(in, part, u) : look_at(in, part);
    }
    return status;
}

zipllm_status zipllm_blend_for(zipllm_ingest *in, const zipllm_ingest_file *file)
{
    if (in->nkin == 0)
        return ZIPLLM_OK;
    if (in->blender == NULL && (in->blender = malloc(sizeof *in->blender)) == NULL)
        return zipllm_fail_memory(in->error, sizeof *in->blender);
    in->blender->nrecipes = 0;
    in->blender->seen_nbytes = 0;
    /* One transaction, as each of a thousand statements would take its locks by itself. */
    zipllm_status status = zipllm_index_begin_read(in->store->index, in->error);
    if (status != ZIPLLM_OK)
        return status;
    status = blend_for(in, file, NULL);
    const usual *u = main_recipe(in->blender);
    if (status == ZIPLLM_OK && u != NULL)
        status = blend_for(in, file, u);
    zipllm_index_rollback(in->store->index);
    return status;
}

void zipllm_blend_forget(zipllm_ingest *in)
{
    free(in->blender);
    in->blender = NULL;
}

/* ---- for the coder -----------------------------------------------------------------------------
 */

zipllm_status zipllm_blend_open(zipllm_ingest *in, const zipllm_part *part, zipllm_task *task)
{
    for (unsigned k = 0; k < part->nblend; k++) {
        zipllm_tensor_row row;
        zipllm_status status =
            zipllm_index_tensor(in->store->index, part->blend[k], &row, in->error);
        if (status == ZIPLLM_OK && row.id != 0 && row.depth < ZIPLLM_DEPTH_MAX)
            status = zipllm_stored_open(in->store, &row, &task->blend[k], in->error);
        else if (status == ZIPLLM_OK)
            status = ZIPLLM_DAMAGED; /* it was removed or recoded meanwhile */
        if (status == ZIPLLM_OK) {
            task->nblend = k + 1;
            continue;
        }
        for (unsigned j = 0; j < task->nblend; j++)
            zipllm_stored_close(in->store, task->blend[j]);
        task->nblend = 0;
        return status == ZIPLLM_DAMAGED ? ZIPLLM_OK : status; /* then without it */
    }
    return ZIPLLM_OK;
}
