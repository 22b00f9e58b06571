/* See predict_find.h. */
#include "predict_find.h"

#include <string.h>

#include "adapter_find.h"
#include "carve.h"
#include "lowrank_fit.h"

void bitx_found_release(const bitx_allocator *a, bitx_found *found)
{
    if (found->section)
        a->release(a->user, found->section);
    if (found->memory)
        a->release(a->user, found->memory);
    memset(found, 0, sizeof(*found));
}

void bitx_found_free(bitx_ctx *ctx, bitx_found *found)
{
    bitx_found_release(&ctx->allocator, found);
}

static void plain(bitx_found *found, bitx_dtype dtype, const bitx_bases *bases, unsigned k)
{
    memset(found, 0, sizeof(*found));
    found->there = true;
    found->prediction.dtype = found->prediction.parent_dtype = dtype;
    if (!bases || k >= bases->n || bases->bases[k].nbytes == 0)
        return;
    found->prediction.predictor = BITX_PREDICTOR_BASE;
    found->prediction.nparents = 1;
    found->used[0] = k;
    found->base_nbytes = bases->bases[k].nbytes;
}

/* The first base from k on of that dtype. */
static unsigned next_base(const bitx_bases *bases, unsigned k, bitx_dtype dtype)
{
    while (bases && k < bases->n && (bases->bases[k].dtype != dtype || !bases->bases[k].nbytes))
        k++;
    return k;
}

void bitx_found_base(bitx_found *found, bitx_dtype dtype, const bitx_bases *bases)
{
    plain(found, dtype, bases, next_base(bases, 0, dtype));
}

static bitx_status read_exactly(const bitx_source *source, uint64_t offset, uint8_t *dst,
                                size_t nbytes)
{
    return nbytes == 0 || source->read(source->user, offset, dst, nbytes) == 0 ? BITX_OK
                                                                               : BITX_ERR_SOURCE;
}

bitx_status bitx_predict_piece(bitx_ctx *ctx, const bitx_found *found, const bitx_bases *bases,
                               uint64_t offset, size_t nbytes, uint8_t *dst, size_t *predicted)
{
    const bitx_prediction *p = &found->prediction;
    const uint8_t *parents[PARENTS_MAX] = {0};
    const size_t unit = bitx_unit_nbytes(p->dtype);
    uint64_t from;
    const size_t n = bitx_prediction_range(p, found->base_nbytes, offset, nbytes, &from);
    const size_t nelem = n / bitx_unit_nbytes(p->parent_dtype);
    *predicted = nelem * unit;
    if (n == 0)
        return BITX_OK;
    if (bitx_prediction_plain(p))
        return read_exactly(&bases->bases[found->used[0]].source, from, dst, n);
    bitx_status status = bitx_buffer_grow(&ctx->allocator, &ctx->offsets, p->nparents * carved(n));
    for (unsigned k = 0; k < p->nparents && status == BITX_OK; k++) {
        uint8_t *to = ctx->offsets.data + k * carved(n);
        status = read_exactly(&bases->bases[found->used[k]].source, from, to, n);
        parents[k] = to;
    }
    if (status == BITX_OK)
        bitx_predict(p, dst, parents, offset / unit, nelem);
    return status;
}

size_t bitx_predictor_section_max(const bitx_params *params, uint64_t nbytes, uint64_t base_nbytes)
{
    if (!base_nbytes || !bitx_predictable(params->dtype))
        return 0;
    return MERGE_MAX_NBYTES + ADAPTER_MAX_NBYTES + (params->row_nelem ? (size_t)nbytes / 4 : 0);
}

/* ---- low rank ------------------------------------------------------------------------------ */

/* Rows of the tensor and of the first base, side by side: those that begin behind the sample's
   pieces, so that a reader finds them where it has just been. */
static bitx_status looks_lowrank(const bitx_finder *f, const bitx_pair_source *pair, bool *yes)
{
    enum { SIDE_BYTES = LOWRANK_TEST_MAX * LOWRANK_TEST_MAX * 4 };
    enum { CHEAP_NBYTES = 1 << 16 };
    const size_t unit = bitx_unit_nbytes(pair->dtype);
    const uint64_t elements = pair->rows * pair->columns;
    size_t side = 24;
    while (side < LOWRANK_TEST_MAX && (uint64_t)side * side * side < elements)
        side += 8;
    const size_t q = pair->columns < side ? (size_t)pair->columns : side;
    const size_t p = pair->rows < side ? (size_t)pair->rows : side;
    *yes = false;
    if (p < 6 || q < 6)
        return BITX_OK;
    bitx_status status = bitx_buffer_grow(&f->ctx->allocator, &f->ctx->fit, 2 * SIDE_BYTES);
    uint8_t *src = f->ctx->fit.data, *base = src + SIDE_BYTES;
    for (size_t i = 0; i < p && status == BITX_OK; i++) {
        const uint64_t at = (i * pair->rows / p * pair->columns + (pair->columns - q) / 2) * unit;
        status = read_exactly(pair->src, at, src + i * q * unit, q * unit);
        if (status == BITX_OK)
            status = read_exactly(pair->base, at, base + i * q * unit, q * unit);
    }
    if (status == BITX_OK)
        *yes = bitx_lowrank_test(pair->dtype, src, base, p, q, elements * unit <= CHEAP_NBYTES);
    return status;
}

/* The tensor and base k as matrices. */
static bool matrix_pair(const bitx_finder *f, unsigned k, bitx_pair_source *pair)
{
    const bitx_params *params = f->params;
    const size_t unit = bitx_unit_nbytes(params->dtype);
    if (!params->row_nelem || !bitx_predictable(params->dtype) || k >= f->bases->n)
        return false;
    const bitx_base_source *base = &f->bases->bases[k];
    const uint64_t nelem = (f->nbytes < base->nbytes ? f->nbytes : base->nbytes) / unit;
    *pair = (bitx_pair_source){params->dtype, nelem / params->row_nelem, params->row_nelem, f->src,
                               &base->source};
    return nelem % params->row_nelem == 0 && pair->rows >= 2;
}

static bool lowrank_pair(const bitx_finder *f, unsigned k, bitx_pair_source *pair)
{
    return f->params->effort != BITX_EFFORT_FAST && matrix_pair(f, k, pair);
}

bool bitx_finder_promises(const bitx_finder *f)
{
    bitx_pair_source pair;
    bool likely = f->params->effort == BITX_EFFORT_MAX;
    if (f->bases->n && f->params->adapter)
        return true;
    if (f->bases->n > 1 || (f->bases->n == 1 && f->bases->bases[0].dtype != f->params->dtype))
        return true;
    if (!lowrank_pair(f, next_base(f->bases, 0, f->params->dtype), &pair))
        return false;
    return likely || (looks_lowrank(f, &pair, &likely) == BITX_OK && likely);
}

static bitx_status find_lowrank(const bitx_finder *f, bitx_found *found)
{
    const bitx_params *params = f->params;
    const unsigned k = next_base(f->bases, 0, params->dtype);
    bitx_pair_source pair;
    if (!lowrank_pair(f, k, &pair) || f->least < f->nbytes / 128 || f->adapted)
        return BITX_OK;
    const bitx_base_source *base = &f->bases->bases[k];
    bool likely = params->effort == BITX_EFFORT_MAX;
    bitx_status status = likely ? BITX_OK : looks_lowrank(f, &pair, &likely);
    if (status != BITX_OK || !likely)
        return status;
    const uint64_t memory = params->fit_nbytes ? params->fit_nbytes : BITX_FIT_DEFAULT;
    plain(found, params->dtype, f->bases, k);
    found->there = false;
    status = bitx_lowrank_fit(f->ctx, &pair, params->effort, memory, &found->section,
                              &found->section_nbytes);
    if (status != BITX_OK || !found->section)
        return status;
    bitx_prediction *p = &found->prediction;
    status = bitx_prediction_parse(BITX_PREDICTOR_LOWRANK, params->dtype, f->nbytes, base->nbytes,
                                   found->section, found->section_nbytes, p);
    const bitx_allocator *a = &f->ctx->allocator;
    if (status == BITX_OK) {
        found->memory = a->allocate(a->user, bitx_prediction_memory(p) + 64);
        status = found->memory ? BITX_OK : BITX_ERR_MEMORY;
    }
    if (status == BITX_OK)
        status = bitx_lowrank_load(p, found->section, found->section_nbytes,
                                   found->memory + (64 - (uintptr_t)found->memory % 64) % 64);
    found->there = status == BITX_OK;
    if (status != BITX_OK)
        bitx_found_free(f->ctx, found);
    return status;
}

static bitx_status find_adapter(const bitx_finder *f, bitx_found *found)
{
    const bitx_params *params = f->params;
    const unsigned k = next_base(f->bases, 0, params->dtype);
    bitx_pair_source pair;
    if (!params->adapter || !matrix_pair(f, k, &pair))
        return BITX_OK;
    plain(found, params->dtype, f->bases, k);
    found->there = false;
    const bitx_status status =
        bitx_adapter_find(f->ctx, &pair, params->fit_nbytes ? params->fit_nbytes : BITX_FIT_DEFAULT,
                          params->adapter, found);
    if (status != BITX_OK)
        bitx_found_free(f->ctx, found);
    return status;
}

/* ---- in turn -------------------------------------------------------------------------------- */

typedef enum stage {
    STAGE_PLAIN,
    STAGE_CAST,
    STAGE_MERGE,
    STAGE_ADAPTER,
    STAGE_LOWRANK,
    STAGE_END
} stage;

void bitx_finder_start(bitx_finder *finder, bitx_ctx *ctx, const bitx_params *params,
                       const bitx_source *src, uint64_t nbytes, const bitx_bases *bases,
                       const bitx_sample *sample)
{
    *finder = (bitx_finder){ctx, params, src, nbytes, bases, sample, STAGE_PLAIN, 0, 0, false};
}

bool bitx_finder_compares(const bitx_finder *f)
{
    return f->bases->n > 1 || (f->bases->n == 1 && (f->params->row_nelem != 0 ||
                                                    f->bases->bases[0].dtype != f->params->dtype));
}

static bool same_shape(const bitx_finder *f, unsigned k)
{
    const bitx_base_source *base = &f->bases->bases[k];
    return base->nbytes / bitx_unit_nbytes(base->dtype) ==
               f->nbytes / bitx_unit_nbytes(f->params->dtype) &&
           bitx_predictable(base->dtype) && bitx_predictable(f->params->dtype);
}

static bool next_plain(bitx_finder *f, bitx_found *found)
{
    const unsigned k = next_base(f->bases, f->next, f->params->dtype);
    if (k >= f->bases->n && f->next)
        return false;
    plain(found, f->params->dtype, f->bases, k);
    f->next = k + 1;
    return true;
}

static bitx_status next_cast(bitx_finder *f, bitx_found *found)
{
    const bitx_dtype dtype = f->params->dtype;
    for (unsigned k = f->next; k < f->bases->n; k++) {
        const bitx_base_source *base = &f->bases->bases[k];
        if (base->dtype == dtype || !same_shape(f, k))
            continue;
        const bitx_allocator *a = &f->ctx->allocator;
        memset(found, 0, sizeof(*found));
        found->section = a->allocate(a->user, CAST_NBYTES);
        if (!found->section)
            return BITX_ERR_MEMORY;
        found->section[0] = (uint8_t)base->dtype;
        found->section_nbytes = CAST_NBYTES;
        found->used[0] = k;
        found->base_nbytes = base->nbytes;
        found->prediction = (bitx_prediction){.predictor = BITX_PREDICTOR_CAST,
                                              .dtype = dtype,
                                              .parent_dtype = base->dtype,
                                              .nparents = 1};
        found->there = true;
        f->next = k + 1;
        return BITX_OK;
    }
    return BITX_OK;
}

/* All bases of one dtype at once, in the order given: first those of the tensor's. */
static bitx_status next_merge(bitx_finder *f, bitx_found *found)
{
    static const bitx_dtype parent_dtypes[] = {BITX_BF16, BITX_F16, BITX_F32};
    bitx_status status = BITX_OK;
    while (f->next < 3 && status == BITX_OK && !found->there) {
        unsigned parents[PARENTS_MAX], n = 0;
        const bitx_dtype dtype = parent_dtypes[f->next++];
        for (unsigned k = 0; k < f->bases->n; k++)
            if (f->bases->bases[k].dtype == dtype && same_shape(f, k))
                parents[n++] = k;
        if (n >= 2)
            status =
                bitx_merge_find(f->ctx, f->params->dtype, f->bases, parents, n, f->sample, found);
    }
    return status;
}

bitx_status bitx_finder_next(bitx_finder *f, bitx_found *found)
{
    bitx_status status = BITX_OK;
    memset(found, 0, sizeof(*found));
    for (; f->stage < STAGE_END && status == BITX_OK; f->stage++, f->next = 0) {
        if (f->stage == STAGE_PLAIN && next_plain(f, found))
            return BITX_OK;
        if (f->stage == STAGE_CAST)
            status = next_cast(f, found);
        if (f->stage == STAGE_MERGE)
            status = next_merge(f, found);
        if (f->stage == STAGE_ADAPTER && f->next++ == 0)
            status = find_adapter(f, found);
        if (f->stage == STAGE_LOWRANK && f->next++ == 0)
            status = find_lowrank(f, found);
        if (found->there)
            return status;
    }
    return status;
}
