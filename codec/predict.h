/*
 * codec/predict.h: predictions: what the delta codec takes for the base of a tensor. A prediction
 * is computed block by block from the bytes of one base or of several (its parents) and from the
 * predictor's section of the header, as FORMAT.md 2.6 has it. Internal to codec/.
 */
#ifndef CODEC_PREDICT_H
#define CODEC_PREDICT_H

#include "block.h"

typedef enum bitx_predictor {
    BITX_PREDICTOR_NONE = 0,
    BITX_PREDICTOR_BASE = 1,
    BITX_PREDICTOR_LOWRANK = 2,
    BITX_PREDICTOR_MERGE = 3,
    BITX_PREDICTOR_CAST = 4,
    BITX_PREDICTOR_ADAPTER = 5,
    BITX_PREDICTOR_COUNT
} bitx_predictor;

enum {
    LOWRANK_RANK_MAX = 256,
    LOWRANK_SHIFT_MAX = 126,
    LOWRANK_TILE_COLUMNS = 16, /* of v: see bitx_lowrank_add_bf16() */
    PARENTS_MAX = BITX_BASES_MAX
};

typedef struct bitx_prediction {
    bitx_predictor predictor;
    bitx_dtype dtype, parent_dtype; /* of the tensor and of every parent */
    unsigned nparents;              /* 0 to PARENTS_MAX */
    const uint8_t *hashes; /* of the parents but the first, in the section; ADAPTER: of a, b */

    /* lowrank, adapter */
    uint64_t rows, columns;
    unsigned rank;        /* as written, 1 to LOWRANK_RANK_MAX */
    unsigned shift;       /* sums are times 2^-shift */
    size_t factors_at;    /* the bit string, from the section's start */
    const uint8_t *u, *v; /* as the kernels want them; set by bitx_lowrank_load() */

    /* adapter: u and v follow from its two matrices, a (rank x columns) and b (rows x rank) */
    bitx_dtype factor_dtype;
    unsigned round_product;             /* BITX_ROUND_...: of u v before it is added */
    float scale;                        /* of b */
    int8_t exponents[LOWRANK_RANK_MAX]; /* of u, by component; those of v: shift minus these */

    /* merge */
    bitx_combine_params combine;
} bitx_prediction;

/* Whether floats of this dtype can be predicted by arithmetic: BF16, F16, F32. */
bool bitx_predictable(bitx_dtype dtype);

/* A section, but for its factors. nbytes and base_nbytes: of the tensor and its base. */
bitx_status bitx_prediction_parse(bitx_predictor predictor, bitx_dtype dtype, uint64_t nbytes,
                                  uint64_t base_nbytes, const uint8_t *section,
                                  size_t section_nbytes, bitx_prediction *out);

/* What bitx_lowrank_load() needs; 0 for all other predictors. */
size_t bitx_prediction_memory(const bitx_prediction *prediction);
/* Decodes the factors into memory, 64-byte aligned. */
bitx_status bitx_lowrank_load(bitx_prediction *prediction, const uint8_t *section,
                              size_t section_nbytes, uint8_t *memory);

/* Bytes of matrix a (0) or b (1) of an adapter. */
uint64_t bitx_adapter_nbytes(const bitx_prediction *prediction, unsigned which);
/* Makes u and v of the matrices, in memory as for bitx_lowrank_load(). */
void bitx_adapter_load(bitx_prediction *prediction, const uint8_t *a, const uint8_t *b,
                       uint8_t *memory);

/* Where number k of vector i of u lies (or, tiled, of v): rank as the kernels have it, even. */
static inline size_t bitx_factor_place(bool tiled, size_t i, size_t k, size_t rank)
{
    if (!tiled)
        return i * rank + k;
    const size_t tile = i / LOWRANK_TILE_COLUMNS, within = i % LOWRANK_TILE_COLUMNS;
    return (tile * rank + k / 2 * 2) * LOWRANK_TILE_COLUMNS + 2 * within + k % 2;
}

/* The parents whose blocks of the tensor's range are given to bitx_predict() are nparents; these
   are whole, and not among them. */
static inline unsigned bitx_prediction_factors(const bitx_prediction *p)
{
    return p->predictor == BITX_PREDICTOR_ADAPTER ? 2 : 0;
}

/* Whether parents are used as they are, without bitx_predict(). */
static inline bool bitx_prediction_plain(const bitx_prediction *p)
{
    return p->predictor <= BITX_PREDICTOR_BASE;
}

/*
 * The bytes of the parents under nbytes of the tensor from `offset` on, which is a multiple of 8:
 * *parent_offset, and how many exist of parents of base_nbytes; in whole units of both.
 */
size_t bitx_prediction_range(const bitx_prediction *p, uint64_t base_nbytes, uint64_t offset,
                             size_t nbytes, uint64_t *parent_offset);

/* Units [first, first + nelem) of the tensor, predicted from the parents' units of the same range.
   Not for plain ones. */
void bitx_predict(const bitx_prediction *p, uint8_t *dst, const uint8_t *const *parents,
                  uint64_t first, size_t nelem);

/* What the codecs take for the base of a block at span->offset: the parent, or `memory` with the
   prediction from all parents, of which base_nbytes each are given. */
void bitx_span_set_base(bitx_span *span, const bitx_prediction *p, uint8_t *memory,
                        const uint8_t *const *parents, size_t base_nbytes);

/* ---- sections written ---- */

/* Factors as integers, row by row of each matrix, `rank` for each row. */
typedef struct bitx_factors {
    uint64_t rows, columns;
    unsigned rank, shift;
    int16_t *u, *v; /* rows * rank, columns * rank */
} bitx_factors;

/* To dst; 0 if cap is too little. dst NULL: only the size. */
size_t bitx_lowrank_write(const bitx_factors *factors, uint8_t *dst, size_t cap);
/* hashes: of parents 1 and on, BITX_HASH_NBYTES each. Returns the size, at most MERGE_MAX_NBYTES.
 */
enum { MERGE_MAX_NBYTES = 4 + 7 * BITX_HASH_NBYTES + 8 * 4, CAST_NBYTES = 1 };
size_t bitx_merge_write(const bitx_prediction *p, uint8_t *dst);
/* From all fields that a section of an adapter has. Returns the size, at most ADAPTER_MAX_NBYTES.
 */
enum { ADAPTER_MAX_NBYTES = 5 + 2 + 3 + 4 + LOWRANK_RANK_MAX + 2 * BITX_HASH_NBYTES };
size_t bitx_adapter_write(const bitx_prediction *p, uint8_t *dst);

#endif
