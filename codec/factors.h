/*
 * Real factors of a change: u (rows x rank) and v (columns x rank) of D = tensor - base, of rows
 * that are in memory. Internal to codec/; lowrank_fit.c says what they are for.
 */
#ifndef CODEC_FACTORS_H
#define CODEC_FACTORS_H

#include <stdatomic.h>
#include <string.h>

#include "fit_cost.h"
#include "lowrank_fit.h"

enum {
    FACTORS_PANEL = 32, /* rows or columns of one job */
    OVERSAMPLING = 8,   /* of the SVD */
    RANK_STEP = 24,     /* the first rank that is looked for */
    WEIGHTED_RANK = 48, /* beyond it least squares take too long: r^2 for each element */
    COST_ELEMENTS = 1 << 16
};

typedef struct factors_fit {
    bitx_ctx *ctx;
    const bitx_pair_source *pair;
    bitx_effort effort;
    size_t rows, columns; /* in memory */
    uint64_t row_step;    /* of the tensor, between them */
    size_t unit;
    uint8_t *src, *base; /* rows * columns units */
    float scale;         /* of the change: what is worked with is D / scale */
    float rest;          /* mean square of what no rounding explains, in that scale */
    unsigned rank, cap;  /* cap: vectors that u and v have room for */
    float *u, *v;        /* by component: rank rows of `rows`, of `columns` floats */
    float *scratch;      /* scratch_nelem for each worker */
    double *square;      /* square_nelem for each worker */
    size_t scratch_nelem, square_nelem;
    bitx_cost_sample cost;
    _Atomic unsigned failed;
} factors_fit;

/* Rows, or columns, of the change and of its weights, one vector after the other. */
typedef struct factors_panel {
    size_t n, length, first;
    float *change, *weight,
        *spare; /* spare: 2 FACTORS_PANEL + 2 length floats, and more for the squares */
} factors_panel;

static inline float *worker_scratch(const factors_fit *f, unsigned worker)
{
    return f->scratch + worker * f->scratch_nelem;
}

static inline double *worker_square(const factors_fit *f, unsigned worker)
{
    return f->square + worker * f->square_nelem;
}

static inline unsigned exponent_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits >> 23 & 0xff;
}

/* n floats of n units. */
void bitx_widen(float *dst, const uint8_t *src, size_t n, bitx_dtype dtype);
/* The distance between neighbours of the format at x. */
float bitx_step_at(float x, bitx_dtype dtype);
/* change and weight of n elements; wide: 2 n floats. Where a number is none, both are 0. */
void bitx_factors_load(const factors_fit *f, const uint8_t *src, const uint8_t *base, size_t n,
                       float *wide, float *change, float *weight);
/* Panel `index` of rows or of columns, in memory of f->scratch_nelem floats. */
factors_panel bitx_factors_panel(const factors_fit *f, size_t index, bool by_columns,
                                 float *memory);

/* Start: f->rank factors by a randomised SVD without weights. */
void bitx_factors_decompose(factors_fit *f);
/* The best vector of `rank` numbers for one row of changes, given factors of its length, to out.
   weighted: rank * length floats; square: rank * rank. */
void bitx_factors_solve_one(const factors_fit *f, const float *change, const float *weight,
                            size_t length, const float *factors, float *weighted, double *square,
                            double *out);
/* v given u (by_columns), or u given v, by weighted least squares. */
void bitx_factors_solve(factors_fit *f, bool by_columns);
/* Components orthogonal in both, of equal length, greatest first: integers of one precision then
   err alike in all of them, and later ones need fewer bits. */
void bitx_factors_balance(factors_fit *f);

#endif
