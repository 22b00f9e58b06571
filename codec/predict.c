/* Predictions from parents: sections but for factors of low rank, and the arithmetic. */
#include "predict.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "bitx/kernels.h"
#include "bytes.h"

bool bitx_predictable(bitx_dtype dtype)
{
    return dtype == BITX_BF16 || dtype == BITX_F16 || dtype == BITX_F32;
}

/* ---- sections ------------------------------------------------------------------------------ */

/* What lowrank and adapter begin with. */
static bitx_status parse_rank(uint64_t nbytes, uint64_t base_nbytes, const uint8_t *section,
                              size_t section_nbytes, bitx_prediction *p)
{
    size_t pos = 0;
    uint64_t rank;
    const uint64_t unit = bitx_unit_nbytes(p->dtype);
    const uint64_t nelem = (nbytes < base_nbytes ? nbytes : base_nbytes) / unit;
    if (load_varint(section, section_nbytes, &pos, UINT32_MAX, &p->columns) != VARINT_OK ||
        load_varint(section, section_nbytes, &pos, LOWRANK_RANK_MAX, &rank) != VARINT_OK)
        return BITX_ERR_CORRUPT;
    if (pos == section_nbytes || section[pos] > LOWRANK_SHIFT_MAX || rank == 0 || p->columns == 0 ||
        p->columns > nelem)
        return BITX_ERR_CORRUPT;
    p->shift = section[pos++];
    p->rank = (unsigned)rank;
    p->rows = (nelem + p->columns - 1) / p->columns;
    /* Factors that outnumber the elements are of no use, and would be much memory for few bits. */
    if ((p->rows + p->columns) * rank > nelem)
        return BITX_ERR_CORRUPT;
    p->factors_at = pos;
    return BITX_OK;
}

static bitx_status parse_adapter(uint64_t nbytes, uint64_t base_nbytes, const uint8_t *section,
                                 size_t section_nbytes, bitx_prediction *p)
{
    const bitx_status status = parse_rank(nbytes, base_nbytes, section, section_nbytes, p);
    if (status != BITX_OK)
        return status;
    const uint8_t *at = section + p->factors_at;
    const uint64_t nelem =
        (nbytes < base_nbytes ? nbytes : base_nbytes) / bitx_unit_nbytes(p->dtype);
    if (section_nbytes != p->factors_at + 6 + p->rank + 2 * (size_t)BITX_HASH_NBYTES ||
        nelem % p->columns != 0 || at[0] >= BITX_DTYPE_COUNT ||
        !bitx_predictable((bitx_dtype)at[0]) || at[1] > BITX_ROUND_F16)
        return BITX_ERR_CORRUPT;
    p->factor_dtype = (bitx_dtype)at[0];
    p->round_product = at[1];
    memcpy(&p->scale, at + 2, 4);
    memcpy(p->exponents, at + 6, p->rank);
    p->hashes = at + 6 + p->rank;
    for (unsigned k = 0; k < p->rank; k++) {
        const int u = p->exponents[k], v = (int)p->shift - u;
        if (u < -126 || u > 126 || v < -126 || v > 126)
            return BITX_ERR_CORRUPT;
    }
    return isfinite(p->scale) ? BITX_OK : BITX_ERR_CORRUPT;
}

static bitx_status parse_merge(const uint8_t *section, size_t nbytes, bitx_prediction *p)
{
    bitx_combine_params *c = &p->combine;
    if (nbytes < 4)
        return BITX_ERR_CORRUPT;
    p->nparents = section[0];
    if (p->nparents < 2 || p->nparents > PARENTS_MAX || section[1] > 1 || section[2] > 8 ||
        section[2] % 3 > BITX_ROUND_F16 || section[3] >= BITX_DTYPE_COUNT)
        return BITX_ERR_CORRUPT;
    if (nbytes != 4 + (size_t)(p->nparents - 1) * BITX_HASH_NBYTES + (size_t)p->nparents * 4)
        return BITX_ERR_CORRUPT;
    c->nparents = p->nparents;
    c->relative = section[1];
    c->round_products = section[2] % 3;
    c->round_sums = section[2] / 3;
    p->parent_dtype = (bitx_dtype)section[3];
    p->hashes = section + 4;
    const uint8_t *at = section + nbytes - (size_t)p->nparents * 4;
    for (unsigned k = 0; k < p->nparents; k++, at += 4) {
        memcpy(&c->coefficients[k], at, 4);
        if (!isfinite(c->coefficients[k]))
            return BITX_ERR_CORRUPT;
    }
    return BITX_OK;
}

bitx_status bitx_prediction_parse(bitx_predictor predictor, bitx_dtype dtype, uint64_t nbytes,
                                  uint64_t base_nbytes, const uint8_t *section,
                                  size_t section_nbytes, bitx_prediction *p)
{
    memset(p, 0, sizeof(*p));
    p->predictor = predictor;
    p->dtype = p->parent_dtype = dtype;
    p->nparents = predictor != BITX_PREDICTOR_NONE;
    bitx_status status = BITX_OK;
    switch (predictor) {
    case BITX_PREDICTOR_LOWRANK:
        status = parse_rank(nbytes, base_nbytes, section, section_nbytes, p);
        break;
    case BITX_PREDICTOR_ADAPTER:
        status = parse_adapter(nbytes, base_nbytes, section, section_nbytes, p);
        break;
    case BITX_PREDICTOR_MERGE:
        status = parse_merge(section, section_nbytes, p);
        break;
    case BITX_PREDICTOR_CAST:
        if (section_nbytes != CAST_NBYTES || section[0] >= BITX_DTYPE_COUNT || section[0] == dtype)
            return BITX_ERR_CORRUPT;
        p->parent_dtype = (bitx_dtype)section[0];
        break;
    default:
        return section_nbytes == 0 ? BITX_OK : BITX_ERR_CORRUPT;
    }
    if (status == BITX_OK && (!bitx_predictable(dtype) || !bitx_predictable(p->parent_dtype)))
        return BITX_ERR_CORRUPT;
    return status;
}

size_t bitx_merge_write(const bitx_prediction *p, uint8_t *dst)
{
    const bitx_combine_params *c = &p->combine;
    const size_t hashes = (size_t)(c->nparents - 1) * BITX_HASH_NBYTES;
    dst[0] = (uint8_t)c->nparents;
    dst[1] = (uint8_t)c->relative;
    dst[2] = (uint8_t)(c->round_products + 3 * c->round_sums);
    dst[3] = (uint8_t)p->parent_dtype;
    memcpy(dst + 4, p->hashes, hashes);
    memcpy(dst + 4 + hashes, c->coefficients, (size_t)c->nparents * 4);
    return 4 + hashes + (size_t)c->nparents * 4;
}

/* ---- ranges -------------------------------------------------------------------------------- */

size_t bitx_prediction_range(const bitx_prediction *p, uint64_t base_nbytes, uint64_t offset,
                             size_t nbytes, uint64_t *parent_offset)
{
    const uint64_t unit = bitx_unit_nbytes(p->dtype), theirs = bitx_unit_nbytes(p->parent_dtype);
    uint64_t from = offset / unit * theirs;
    *parent_offset = from;
    if (base_nbytes <= from)
        return 0;
    uint64_t n = nbytes / unit, exist = (base_nbytes - from) / theirs;
    return (size_t)((n < exist ? n : exist) * theirs);
}

/* ---- arithmetic ---------------------------------------------------------------------------- */

static void to_f32(uint8_t *dst, const uint8_t *src, size_t nelem, bitx_dtype dtype)
{
    if (dtype == BITX_BF16)
        bitx_cast_bf16_f32(dst, src, nelem);
    else if (dtype == BITX_F16)
        bitx_cast_f16_f32(dst, src, nelem);
    else
        memcpy(dst, src, 4 * nelem);
}

static void from_f32(uint8_t *dst, const uint8_t *src, size_t nelem, bitx_dtype dtype)
{
    if (dtype == BITX_BF16)
        bitx_cast_f32_bf16(dst, src, nelem);
    else if (dtype == BITX_F16)
        bitx_cast_f32_f16(dst, src, nelem);
    else
        memcpy(dst, src, 4 * nelem);
}

/* dtype: of dst and base. */
static void add_lowrank(const bitx_prediction *p, bitx_dtype dtype, uint8_t *dst,
                        const uint8_t *base, uint64_t first, size_t nelem)
{
    const bitx_lowrank_params params = {.columns = (size_t)p->columns,
                                        .first = (size_t)first,
                                        .rank = p->rank + p->rank % 2,
                                        .shift = p->shift};
    if (dtype == BITX_BF16)
        bitx_lowrank_add_bf16(dst, base, p->u, p->v, nelem, &params);
    else if (dtype == BITX_F16)
        bitx_lowrank_add_f16(dst, base, p->u, p->v, nelem, &params);
    else
        bitx_lowrank_add_f32(dst, base, p->u, p->v, nelem, &params);
}

/* The base plus the rounded product. */
static void add_rounded(const bitx_prediction *p, uint8_t *dst, const uint8_t *base, uint64_t first,
                        size_t nelem)
{
    enum { CHUNK = 512 };
    static const uint8_t zeros[4 * CHUNK];
    const bitx_dtype narrow = p->round_product == BITX_ROUND_BF16 ? BITX_BF16 : BITX_F16;
    const bitx_combine_params sum = {.nparents = 2, .coefficients = {1, 1}};
    const size_t unit = bitx_unit_nbytes(p->dtype);
    uint8_t wide[2][4 * CHUNK], rounded[2 * CHUNK];
    for (size_t i = 0; i < nelem; i += CHUNK) {
        const size_t n = nelem - i < CHUNK ? nelem - i : CHUNK;
        const uint8_t *const parents[8] = {wide[0], wide[1]};
        to_f32(wide[0], base + i * unit, n, p->dtype);
        add_lowrank(p, BITX_F32, wide[1], zeros, first + i, n);
        from_f32(rounded, wide[1], n, narrow);
        to_f32(wide[1], rounded, n, narrow);
        bitx_combine_f32(wide[0], parents, n, &sum);
        from_f32(dst + i * unit, wide[0], n, p->dtype);
    }
}

void bitx_predict(const bitx_prediction *p, uint8_t *dst, const uint8_t *const *parents,
                  uint64_t first, size_t nelem)
{
    enum { CHUNK = 512 };
    static_assert(PARENTS_MAX == 8, "bitx_combine_f32() takes as many");
    uint8_t wide[PARENTS_MAX + 1][4 * CHUNK];
    const size_t unit = bitx_unit_nbytes(p->dtype), theirs = bitx_unit_nbytes(p->parent_dtype);
    if (p->predictor == BITX_PREDICTOR_ADAPTER && p->round_product != BITX_ROUND_NONE) {
        add_rounded(p, dst, parents[0], first, nelem);
        return;
    }
    if (p->predictor == BITX_PREDICTOR_LOWRANK || p->predictor == BITX_PREDICTOR_ADAPTER) {
        add_lowrank(p, p->dtype, dst, parents[0], first, nelem);
        return;
    }
    for (size_t i = 0; i < nelem; i += CHUNK) {
        const size_t n = nelem - i < CHUNK ? nelem - i : CHUNK;
        const uint8_t *at[PARENTS_MAX] = {0}, *result = wide[0];
        for (unsigned k = 0; k < p->nparents; k++) {
            to_f32(wide[k], parents[k] + i * theirs, n, p->parent_dtype);
            at[k] = wide[k];
        }
        if (p->predictor == BITX_PREDICTOR_MERGE) {
            bitx_combine_f32(wide[PARENTS_MAX], at, n, &p->combine);
            result = wide[PARENTS_MAX];
        }
        from_f32(dst + i * unit, result, n, p->dtype);
    }
}

void bitx_span_set_base(bitx_span *span, const bitx_prediction *p, uint8_t *memory,
                        const uint8_t *const *parents, size_t base_nbytes)
{
    const size_t unit = bitx_unit_nbytes(p->dtype);
    const size_t nelem = base_nbytes / bitx_unit_nbytes(p->parent_dtype);
    span->base_nbytes = nelem * unit;
    span->base = nelem ? parents[0] : NULL;
    if (nelem == 0 || bitx_prediction_plain(p))
        return;
    bitx_predict(p, memory, parents, span->offset / unit, nelem);
    span->base = memory;
}
