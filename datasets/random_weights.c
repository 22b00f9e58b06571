/* Gaussian weights in integer arithmetic. */
#include "random_weights.h"

typedef struct format {
    const char *name;
    unsigned mantissa_bits;
    unsigned exponent_bits;
} format;

static const format formats[WEIGHT_TYPE_COUNT] = {
    [WEIGHT_BF16] = {"BF16", 7, 8},
    [WEIGHT_F16] = {"F16", 10, 5},
    [WEIGHT_F32] = {"F32", 23, 8},
};

static const uint32_t quantiles[] = {
#include "normal_quantiles.def"
};

const char *weight_type_name(weight_type type)
{
    return formats[type].name;
}

static inline size_t type_nbytes(weight_type type)
{
    return (formats[type].mantissa_bits + formats[type].exponent_bits + 1) / 8;
}

size_t weight_type_nbytes(weight_type type)
{
    return type_nbytes(type);
}

/*
 * Signs are random, so everything here is branchless: a mispredicted branch costs more than all the
 * rest. ALWAYS_INLINE makes one loop per type, with that type's constants.
 */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* -1 for negative x, else 0. */
ALWAYS_INLINE int64_t sign_mask(int64_t x)
{
    return -(int64_t)((uint64_t)x >> 63);
}

/* x where mask is 0, -x where it is -1. */
ALWAYS_INLINE int64_t negate_if(int64_t x, int64_t mask)
{
    return (x ^ mask) - mask;
}

/* Subnormals, and what is too small to fill a significand in q48; zero included. */
static uint32_t encode_small(weight_type type, uint64_t magnitude)
{
    const int mbits = (int)formats[type].mantissa_bits;
    const int bias = (1 << (formats[type].exponent_bits - 1)) - 1;
    if (magnitude == 0)
        return 0;
    const int exponent = 63 - __builtin_clzll(magnitude) - 48 + bias;
    const int field = exponent < 1 ? 1 : exponent;
    const int drop = field - bias + 48 - mbits;
    const uint32_t implied = (uint32_t)(field - 1) << mbits; /* the leading one carries into it */
    if (drop <= 0)
        return implied + (uint32_t)(magnitude << -drop);
    const uint64_t half = (UINT64_C(1) << drop) >> 1;
    return implied + (uint32_t)((magnitude + half - 1 + ((magnitude >> drop) & 1)) >> drop);
}

ALWAYS_INLINE uint32_t encode(weight_type type, int64_t x)
{
    const int mbits = (int)formats[type].mantissa_bits;
    const int ebits = (int)formats[type].exponent_bits;
    const int bias = (1 << (ebits - 1)) - 1;
    const int64_t negative = sign_mask(x);
    const uint32_t sign = (uint32_t)negative & (1u << (mbits + ebits));
    const uint64_t magnitude = (uint64_t)negate_if(x, negative);
    const int normal_from = 49 - bias > mbits ? 49 - bias : mbits; /* log2 */
    if (magnitude >> normal_from == 0)
        return sign | encode_small(type, magnitude);

    const int zeros = __builtin_clzll(magnitude);
    const uint64_t aligned = (magnitude << zeros) >> 1; /* room for a carry */
    const uint64_t half = UINT64_C(1) << (61 - mbits);
    const uint64_t odd = (aligned >> (62 - mbits)) & 1;
    const uint32_t significand = (uint32_t)((aligned + half - 1 + odd) >> (62 - mbits));
    /* The leading one carries into the exponent field. */
    return sign | (((uint32_t)(14 - zeros + bias) << mbits) + significand);
}

ALWAYS_INLINE int64_t decode(weight_type type, uint32_t bits)
{
    const int mbits = (int)formats[type].mantissa_bits;
    const int ebits = (int)formats[type].exponent_bits;
    const int bias = (1 << (ebits - 1)) - 1;
    const int field = (int)((bits >> mbits) & ((1u << ebits) - 1));
    const uint64_t leading = (uint64_t)(field != 0) << mbits;
    const uint64_t significand = (bits & ((1u << mbits) - 1)) | leading;
    const int shift = field + (field == 0) - bias + 48 - mbits;
    /* Bits that encode() gave have nothing below q48: what goes there is zero. */
    const int right = shift < -63 ? 63 : -shift;
    const uint64_t magnitude = shift < 0 ? significand >> right : significand << shift;
    return negate_if((int64_t)magnitude, -(int64_t)((bits >> (mbits + ebits)) & 1));
}

uint32_t weight_encode(weight_type type, int64_t x_q48)
{
    return encode(type, x_q48);
}

int64_t weight_decode(weight_type type, uint32_t bits)
{
    return decode(type, bits);
}

ALWAYS_INLINE uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

ALWAYS_INLINE uint64_t word_at(uint64_t key, uint64_t index)
{
    return mix(key + (index + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

uint64_t random_word(uint64_t key, uint64_t index)
{
    return word_at(key, index);
}

uint64_t random_key(uint64_t key, const char *name)
{
    for (size_t i = 0; name[i] != '\0'; i++)
        key = mix(key ^ (uint8_t)name[i]) + UINT64_C(0x9e3779b97f4a7c15);
    return mix(key);
}

/*
 * The magnitude, by the inverse of the two-sided tail probability p, which 31 bits give: its octave
 * is a row of the table, 5 bits a column, and the rest interpolates. Rows of equal ratio keep the
 * far tail exact.
 */
ALWAYS_INLINE uint64_t normal_magnitude(uint32_t uniform)
{
    const uint32_t p = uniform | 1; /* p * 2^-32; the lowest bit is the sign's */
    const int zeros = __builtin_clz(p);
    const uint32_t top = p << zeros;
    const uint32_t cell = (31u - (uint32_t)zeros) * 32 + ((top >> 26) & 31);
    const uint64_t fraction = top & ((1u << 26) - 1);
    const uint64_t step = quantiles[cell] - quantiles[cell + 1];
    return quantiles[cell] - ((step * fraction) >> 26);
}

ALWAYS_INLINE int64_t normal_sign(uint32_t uniform)
{
    return -(int64_t)(uniform & 1);
}

int64_t normal_q28(uint32_t uniform)
{
    return negate_if((int64_t)normal_magnitude(uniform), normal_sign(uniform));
}

/* N(0, sigma) with 48 fraction bits: q32 * q28 is q60. Rounded towards zero. */
ALWAYS_INLINE int64_t normal_q48(uint32_t sigma_q32, uint32_t uniform)
{
    const uint64_t magnitude = (sigma_q32 * normal_magnitude(uniform)) >> 12;
    return negate_if((int64_t)magnitude, normal_sign(uniform));
}

ALWAYS_INLINE void store(weight_type type, uint32_t bits, uint8_t *dst)
{
    for (size_t i = 0; i < type_nbytes(type); i++)
        dst[i] = (uint8_t)(bits >> (8 * i));
}

/* One element: `w` and `d` are its words for the base and for the delta. */
ALWAYS_INLINE uint32_t element(weight_type type, const weight_source *s, uint32_t w, uint32_t d,
                               uint32_t lot)
{
    uint32_t bits = encode(type, s->mean_q48 + normal_q48(s->sigma_q32, w));
    if (s->delta_q32 != 0 && lot <= s->changed_q32)
        bits = encode(type, decode(type, bits) + normal_q48(s->delta_q32, d));
    return bits;
}

/* `type` is a constant in each caller, so that the compiler makes one loop per type. */
ALWAYS_INLINE void fill(weight_type type, const weight_source *source, uint64_t first, size_t nelem,
                        uint8_t *dst)
{
    const weight_source local = *source; /* a store to dst cannot change it */
    const weight_source *const s = &local;
    const int all = s->changed_q32 == UINT32_MAX;
    const uint64_t lot_key = ~s->delta_key;
    for (size_t i = 0; i < nelem; i += 2) {
        const uint64_t pair = (first + i) / 2;
        const uint64_t w = word_at(s->base_key, pair);
        const uint64_t d = s->delta_q32 == 0 ? 0 : word_at(s->delta_key, pair);
        const uint64_t lot = all ? 0 : word_at(lot_key, pair);
        uint8_t *const at = dst + i * type_nbytes(type);
        store(type, element(type, s, (uint32_t)w, (uint32_t)d, (uint32_t)lot), at);
        if (i + 1 < nelem)
            store(type,
                  element(type, s, (uint32_t)(w >> 32), (uint32_t)(d >> 32), (uint32_t)(lot >> 32)),
                  at + type_nbytes(type));
    }
}

void weight_fill(const weight_source *source, uint64_t first, size_t nelem, uint8_t *dst)
{
    switch (source->type) {
    case WEIGHT_BF16:
        fill(WEIGHT_BF16, source, first, nelem, dst);
        break;
    case WEIGHT_F16:
        fill(WEIGHT_F16, source, first, nelem, dst);
        break;
    case WEIGHT_F32:
    case WEIGHT_TYPE_COUNT:
        fill(WEIGHT_F32, source, first, nelem, dst);
        break;
    }
}
