/* Plans of frames, as callers see them. */
#include <string.h>

#include "encode.h"
#include "zstd_stream.h"

/* ---- parameters ---------------------------------------------------------------------------- */

bitx_status bitx_params_read(const bitx_params *given, bitx_params *p)
{
    if (!given || given->size != sizeof(bitx_params))
        return BITX_ERR_ARGUMENT;
    *p = *given;
    if (p->block_nbytes == 0)
        p->block_nbytes = BITX_BLOCK_DEFAULT;
    if (p->zstd_level == 0)
        p->zstd_level = BITX_ZSTD_LEVEL_DEFAULT;
    if ((unsigned)p->dtype >= BITX_DTYPE_COUNT || (unsigned)p->codec >= BITX_CODEC_COUNT ||
        (unsigned)p->effort > BITX_EFFORT_MAX || p->block_nbytes < BITX_BLOCK_MIN ||
        p->block_nbytes > BITX_BLOCK_MAX || (p->block_nbytes & (p->block_nbytes - 1)) ||
        p->zstd_level < 1 || p->zstd_level > BITX_ZSTD_LEVEL_MAX)
        return BITX_ERR_ARGUMENT;
    return BITX_OK;
}

unsigned bitx_block_log2(uint32_t power)
{
    unsigned n = 0;
    while (power >> n != 1)
        n++;
    return n;
}

bitx_status bitx_encode_bound(const bitx_params *params, size_t nbytes, size_t base_nbytes,
                              size_t *bound)
{
    bitx_params p;
    bitx_status status = bitx_params_read(params, &p);
    if (status != BITX_OK || !bound)
        return BITX_ERR_ARGUMENT;
    if (nbytes > BITX_TENSOR_MAX || base_nbytes > BITX_TENSOR_MAX)
        return BITX_ERR_ARGUMENT;
    bitx_header header = {.predictor = base_nbytes ? BITX_PREDICTOR_BASE : BITX_PREDICTOR_NONE,
                          .nbytes = nbytes,
                          .base_nbytes = base_nbytes,
                          .block_log2 = bitx_block_log2(p.block_nbytes),
                          .predictor_nbytes = bitx_predictor_section_max(&p, nbytes, base_nbytes),
                          .tables_nbytes = bitx_tables_section_max()};
    bitx_header_layout(&header);
    if (header.header_nbytes > SIZE_MAX - nbytes)
        return BITX_ERR_ARGUMENT;
    *bound = (size_t)header.header_nbytes + nbytes; /* no payload is longer than its block */
    return BITX_OK;
}

/* ---- plans --------------------------------------------------------------------------------- */

/* base_nbytes 0: none. section: bitx_tables_section_max() bytes; objects: 64-byte aligned. */
bitx_status bitx_plan_make(bitx_ctx *ctx, const bitx_params *p, const bitx_source *src,
                           uint64_t nbytes, const bitx_bases *bases, uint8_t *section,
                           uint8_t *objects, bitx_plan *plan)
{
    *plan = (bitx_plan){.allocator = ctx->allocator,
                        .header = {.dtype = p->dtype,
                                   .codec = p->codec,
                                   .block_log2 = bitx_block_log2(p->block_nbytes),
                                   .nbytes = nbytes},
                        .tuning = {p->effort, p->zstd_level}};
    bitx_found first;
    bitx_found_base(&first, p->dtype, nbytes ? bases : NULL);
    bitx_plan_set_found(plan, &first);
    bitx_status status = bitx_plan_list(plan, p->codec, plan->header.base_nbytes != 0);
    if (status == BITX_ERR_ARGUMENT && nbytes && bases->n)
        status = bitx_plan_list(plan, p->codec, true); /* a base of another dtype may do */
    bitx_finder finder;
    bitx_finder_start(&finder, ctx, p, src, nbytes, bases, NULL);
    const bool sampled = bitx_plan_wants_sample(plan);
    const bitx_plan start = *plan;
    if (status == BITX_OK && nbytes && (sampled || bitx_finder_promises(&finder)))
        status = bitx_plan_predict(ctx, plan, p, src, bases, section, objects);
    if (status != BITX_OK)
        return status;
    if (!sampled && plan->found.there && bitx_prediction_plain(&plan->found.prediction)) {
        /* What promised more was not kept, so the only block is as good as without a sample. */
        const bitx_found kept = plan->found;
        *plan = start;
        bitx_plan_set_found(plan, &kept);
        status = bitx_plan_list(plan, p->codec, plan->header.base_nbytes != 0);
        if (status != BITX_OK)
            return status;
    }
    bool uses_base = false;
    for (unsigned i = 0; i < plan->ncandidates; i++)
        uses_base |= plan->candidates[i]->uses_base;
    if (!uses_base) {
        bitx_found_free(ctx, &plan->found);
        bitx_found_base(&first, p->dtype, NULL);
        bitx_plan_set_found(plan, &first);
    }
    plan->header.predictor = plan->header.prediction.predictor;
    bitx_header_layout(&plan->header);
    return BITX_OK;
}

bitx_status bitx_bases_check(const bitx_base_source *bases, unsigned nbases)
{
    if (nbases > BITX_BASES_MAX || (!bases && nbases))
        return BITX_ERR_ARGUMENT;
    for (unsigned k = 0; k < nbases; k++)
        if (!bases[k].source.read || !bases[k].hash || bases[k].nbytes > BITX_TENSOR_MAX ||
            (unsigned)bases[k].dtype >= BITX_DTYPE_COUNT)
            return BITX_ERR_ARGUMENT;
    return BITX_OK;
}

bitx_status bitx_plan_new(bitx_ctx *ctx, const bitx_params *params, const bitx_source *src,
                          uint64_t nbytes, const bitx_source *base, uint64_t base_nbytes,
                          const uint8_t *base_hash, bitx_plan **out)
{
    bitx_params p;
    bitx_status status = bitx_params_read(params, &p);
    if (status != BITX_OK)
        return status;
    if (base_nbytes > BITX_TENSOR_MAX || (!base && base_nbytes) ||
        (base && (!base->read || !base_hash)))
        return BITX_ERR_ARGUMENT;
    bitx_base_source only = {.nbytes = base_nbytes, .dtype = p.dtype, .hash = base_hash};
    if (base)
        only.source = *base;
    return bitx_plan_new_bases(ctx, params, src, nbytes, &only, base && base_nbytes, out);
}

bitx_status bitx_plan_new_bases(bitx_ctx *ctx, const bitx_params *params, const bitx_source *src,
                                uint64_t nbytes, const bitx_base_source *bases, unsigned nbases,
                                bitx_plan **out)
{
    bitx_params p;
    bitx_status status = bitx_params_read(params, &p);
    if (status == BITX_OK)
        status = bitx_bases_check(bases, nbases);
    if (status != BITX_OK)
        return status;
    if (!ctx || !out || (nbytes && (!src || !src->read)) || nbytes > BITX_TENSOR_MAX)
        return BITX_ERR_ARGUMENT;
    size_t objects_at = (sizeof(bitx_plan) + 63) & ~(size_t)63;
    size_t section_at = objects_at + bitx_tables_objects_nbytes();
    uint8_t *memory =
        ctx->allocator.allocate(ctx->allocator.user, section_at + bitx_tables_section_max() + 64);
    if (!memory)
        return BITX_ERR_MEMORY;
    bitx_plan *plan = (void *)memory;
    uint8_t *aligned = memory + (64 - (uintptr_t)memory % 64) % 64;
    const bitx_bases given = {nbases, bases};
    status = bitx_plan_make(ctx, &p, src, nbytes, &given, aligned + section_at,
                            aligned + objects_at, plan);
    if (status != BITX_OK) {
        ctx->allocator.release(ctx->allocator.user, memory);
        return status;
    }
    if (plan->header.base_nbytes)
        memcpy(plan->header.base_hash, bases[plan->found.used[0]].hash, BITX_HASH_NBYTES);
    *out = plan;
    return BITX_OK;
}

unsigned bitx_plan_bases(const bitx_plan *plan, unsigned used[BITX_BASES_MAX])
{
    for (unsigned k = 0; k < plan->header.prediction.nparents; k++)
        used[k] = plan->found.used[k];
    return plan->header.prediction.nparents;
}

bitx_prediction_kind bitx_plan_predictor(const bitx_plan *plan)
{
    return (bitx_prediction_kind)plan->header.predictor;
}

bitx_status bitx_plan_base_range(const bitx_plan *plan, uint64_t index, uint64_t *offset,
                                 size_t *nbytes)
{
    if (!plan || !offset || !nbytes || index >= plan->header.nblocks)
        return BITX_ERR_ARGUMENT;
    *nbytes = bitx_block_base_range(&plan->header, index, offset);
    return BITX_OK;
}

void bitx_plan_free(bitx_plan *plan)
{
    if (!plan)
        return;
    bitx_allocator allocator = plan->allocator;
    bitx_found_release(&allocator, &plan->found);
    allocator.release(allocator.user, plan);
}

void bitx_plan_geometry(const bitx_plan *plan, bitx_geometry *out)
{
    const bitx_header *h = &plan->header;
    out->nblocks = h->nblocks;
    out->header_nbytes = h->header_nbytes;
    out->block_nbytes = (uint32_t)1 << h->block_log2;
    out->block_bound = h->nblocks ? (uint32_t)bitx_block_nbytes(h, 0) : 0;
    out->base_nbytes = h->base_nbytes;
}
