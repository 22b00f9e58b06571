/*
 * Factors of low rank in the predictor's section. Numbers of one component are about normal, and
 * each component has a width of its own, so that a Rice code with a parameter for each is within
 * 0.05 bits of the entropy; and a matrix without a change in some rows (adapters of parts of a
 * fused projection) pays one bit for each of these.
 */
#include <string.h>

#include "bits.h"
#include "bytes.h"
#include "carve.h"
#include "predict.h"

enum {
    PARAMETER_BITS = 4,
    QUOTIENT_MAX = 24, /* so many ones, and no zero: the magnitude follows as it is */
    MAGNITUDE_BITS = 15
};

static size_t padded_rank(const bitx_prediction *p)
{
    return p->rank + p->rank % 2;
}

static size_t tiles_of(uint64_t columns)
{
    return (size_t)((columns + LOWRANK_TILE_COLUMNS - 1) / LOWRANK_TILE_COLUMNS);
}

size_t bitx_prediction_memory(const bitx_prediction *p)
{
    if (p->predictor != BITX_PREDICTOR_LOWRANK && p->predictor != BITX_PREDICTOR_ADAPTER)
        return 0;
    const size_t each = padded_rank(p) * sizeof(int16_t);
    return carved((size_t)p->rows * each) +
           carved(tiles_of(p->columns) * LOWRANK_TILE_COLUMNS * each);
}

/* ---- reading ------------------------------------------------------------------------------- */

static int16_t read_factor(bit_reader *r, unsigned parameter)
{
    const uint64_t bits = bits_peek(r->src, r->nbytes, r->pos);
    const unsigned ones = ~bits ? (unsigned)__builtin_ctzll(~bits) : QUOTIENT_MAX;
    uint64_t magnitude;
    unsigned negative = 0;
    if (ones < QUOTIENT_MAX) { /* all of it is among the bits */
        const uint64_t rest = bits >> (ones + 1);
        magnitude = (uint64_t)ones << parameter | bits_low(rest, parameter);
        const unsigned sign = magnitude != 0;
        negative = (unsigned)(rest >> parameter) & sign;
        const unsigned n = ones + 1 + parameter + sign;
        r->bad |= n > 8 * r->nbytes - r->pos || magnitude > INT16_MAX;
        r->pos += r->bad ? 0 : n;
    } else {
        (void)bits_get(r, QUOTIENT_MAX);
        magnitude = bits_get(r, MAGNITUDE_BITS);
        negative = magnitude != 0 ? (unsigned)bits_get(r, 1) : 0;
    }
    /* Signs are not to be predicted. */
    return (int16_t)(r->bad ? 0 : ((int)magnitude ^ -(int)negative) + (int)negative);
}

static void read_matrix(bit_reader *r, uint64_t n, unsigned rank, size_t padded, bool tiled,
                        int16_t *out)
{
    unsigned parameters[LOWRANK_RANK_MAX];
    const bool sparse = bits_get(r, 1);
    bit_reader flags = *r;
    if (sparse) {
        if (n > 8 * r->nbytes - r->pos) {
            r->bad = true;
            return;
        }
        r->pos += (size_t)n;
    }
    for (unsigned k = 0; k < rank; k++)
        parameters[k] = (unsigned)bits_get(r, PARAMETER_BITS);
    for (uint64_t i = 0; i < n && !r->bad; i++) {
        if (sparse && !bits_get(&flags, 1))
            continue;
        for (unsigned k = 0; k < rank; k++)
            out[bitx_factor_place(tiled, (size_t)i, k, padded)] = read_factor(r, parameters[k]);
    }
}

bitx_status bitx_lowrank_load(bitx_prediction *p, const uint8_t *section, size_t section_nbytes,
                              uint8_t *memory)
{
    const size_t rank = padded_rank(p);
    memset(memory, 0, bitx_prediction_memory(p));
    uint8_t *u = carve(&memory, (size_t)p->rows * rank * sizeof(int16_t)), *v = memory;
    bit_reader r = {.src = section + p->factors_at, .nbytes = section_nbytes - p->factors_at};
    read_matrix(&r, p->rows, p->rank, rank, false, (void *)u);
    read_matrix(&r, p->columns, p->rank, rank, true, (void *)v);
    bits_align(&r);
    p->u = u;
    p->v = v;
    return !r.bad && r.pos == 8 * r.nbytes ? BITX_OK : BITX_ERR_CORRUPT;
}

/* ---- writing ------------------------------------------------------------------------------- */

static unsigned magnitude_of(int16_t v)
{
    return v < 0 ? 0u - (unsigned)v : (unsigned)v;
}

static unsigned factor_bits(unsigned magnitude, unsigned parameter)
{
    const unsigned quotient = magnitude >> parameter;
    const unsigned sign = magnitude != 0;
    return quotient >= QUOTIENT_MAX ? QUOTIENT_MAX + MAGNITUDE_BITS + sign
                                    : quotient + 1 + parameter + sign;
}

static bool zero_vector(const int16_t *v, unsigned rank)
{
    for (unsigned k = 0; k < rank; k++)
        if (v[k] != 0)
            return false;
    return true;
}

static unsigned best_parameter(const int16_t *v, uint64_t n, unsigned rank, bool sparse)
{
    enum { PARAMETERS = 1 << PARAMETER_BITS };
    uint64_t sums[PARAMETERS] = {0};
    for (uint64_t i = 0; i < n; i++) {
        if (sparse && v[i * rank] == 0) /* about: the others of its vector may not be zero */
            continue;
        const unsigned magnitude = magnitude_of(v[i * rank]);
        for (unsigned g = 0; g < PARAMETERS; g++)
            sums[g] += factor_bits(magnitude, g);
    }
    unsigned best = 0;
    for (unsigned g = 1; g < PARAMETERS; g++)
        if (sums[g] < sums[best])
            best = g;
    return best;
}

static void write_factor(bit_writer *w, int16_t v, unsigned parameter)
{
    const unsigned magnitude = magnitude_of(v), quotient = magnitude >> parameter;
    if (quotient >= QUOTIENT_MAX) {
        bits_put(w, (uint64_t)-1, QUOTIENT_MAX);
        bits_put(w, magnitude, MAGNITUDE_BITS);
    } else {
        bits_put(w, (uint64_t)-1, quotient);
        bits_put(w, 0, 1);
        bits_put(w, magnitude, parameter);
    }
    if (magnitude)
        bits_put(w, v < 0, 1);
}

static void write_matrix(bit_writer *w, const int16_t *v, uint64_t n, unsigned rank)
{
    uint8_t parameters[LOWRANK_RANK_MAX];
    uint64_t nzero = 0;
    for (uint64_t i = 0; i < n; i++)
        nzero += zero_vector(v + i * rank, rank);
    const bool sparse = nzero * 2 * rank > n; /* a zero takes two bits, or more */
    bits_put(w, sparse, 1);
    for (uint64_t i = 0; i < n && sparse; i++)
        bits_put(w, !zero_vector(v + i * rank, rank), 1);
    for (unsigned k = 0; k < rank; k++) {
        parameters[k] = (uint8_t)best_parameter(v + k, n, rank, sparse);
        bits_put(w, parameters[k], PARAMETER_BITS);
    }
    for (uint64_t i = 0; i < n; i++) {
        if (sparse && zero_vector(v + i * rank, rank))
            continue;
        for (unsigned k = 0; k < rank; k++)
            write_factor(w, v[i * rank + k], parameters[k]);
    }
}

size_t bitx_lowrank_write(const bitx_factors *f, uint8_t *dst, size_t cap)
{
    uint8_t head[32];
    uint8_t *end = store_varint(store_varint(head, f->columns), f->rank);
    *end++ = (uint8_t)f->shift;
    const size_t nhead = (size_t)(end - head);
    if (cap < nhead)
        return 0;
    memcpy(dst, head, nhead);
    bit_writer w = {.dst = dst + nhead, .cap = cap - nhead};
    write_matrix(&w, f->u, f->rows, f->rank);
    write_matrix(&w, f->v, f->columns, f->rank);
    bits_flush(&w);
    return w.full ? 0 : nhead + w.nbytes;
}
