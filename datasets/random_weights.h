/*
 * Gaussian weights in integer arithmetic, so that their bytes are the same on every machine and
 * with every compiler. A weight is a signed fixed-point number with 48 fraction bits ("q48").
 */
#ifndef DATASETS_RANDOM_WEIGHTS_H
#define DATASETS_RANDOM_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

/* The float types that weights can be stored as. */
typedef enum weight_type { WEIGHT_BF16, WEIGHT_F16, WEIGHT_F32, WEIGHT_TYPE_COUNT } weight_type;

/* "BF16", as safetensors spells it. */
const char *weight_type_name(weight_type type);
size_t weight_type_nbytes(weight_type type);

/* The bits of x in that type, rounded to nearest, ties to even. |x| < 2^15. */
uint32_t weight_encode(weight_type type, int64_t x_q48);
/* The inverse, for bits that weight_encode() gave. */
int64_t weight_decode(weight_type type, uint32_t bits);

/* Word `index` of the random stream `key`: splitmix64 (Steele, Lea, Flood, OOPSLA 2014), by
 * counter. */
uint64_t random_word(uint64_t key, uint64_t index);
/* A key from another key and a name. */
uint64_t random_key(uint64_t key, const char *name);

/* A standard normal number with 28 fraction bits from 32 uniform bits; |z| < 6.4. */
int64_t normal_q28(uint32_t uniform);

/* Weights of one tensor: N(mean, sigma), and for a fine-tune N(0, delta) added to some of them. */
typedef struct weight_source {
    weight_type type;
    uint64_t base_key;
    int64_t mean_q48;
    uint32_t sigma_q32;
    uint64_t delta_key;
    uint32_t delta_q32;   /* 0: the base itself */
    uint32_t changed_q32; /* the share of elements that get a delta; UINT32_MAX: all */
} weight_source;

/* Writes elements [first, first + nelem), little-endian; first is even. */
void weight_fill(const weight_source *source, uint64_t first, size_t nelem, uint8_t *dst);

#endif
