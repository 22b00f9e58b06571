/* Elements few of which are not those of the base, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include <string.h>

static inline unsigned load_word(const uint8_t *p, size_t i)
{
    return p[2 * i] | (unsigned)p[2 * i + 1] << 8;
}

static inline void store_word(uint8_t *p, size_t i, unsigned v)
{
    const uint16_t word = (uint16_t)v;
    memcpy(p + 2 * i, &word, 2);
}

static inline unsigned class_of(const bitx_delta_params *p, unsigned element)
{
    const unsigned origin = element >> p->zero_bits & ((1u << (p->width - p->sign)) - 1);
    const unsigned high = origin >> p->class_shift;
    const unsigned index = high > p->class_low ? high - p->class_low : 0;
    return index < p->nclasses ? index : p->nclasses - 1;
}

size_t bitx_delta_sift_u16_scalar(uint8_t *coded, uint8_t *coded_base, bitx_plane_sinks *planes,
                                  const uint8_t *x, const uint8_t *base, size_t nelem,
                                  const bitx_delta_params *params)
{
    const bitx_delta_params p = *params;
    size_t n = 0;
    for (size_t i = 0; i < nelem; i++) {
        const unsigned word = load_word(x, i), from = load_word(base, i);
        const unsigned g = planes->group[class_of(&p, from)];
        const unsigned is = (word ^ from) >> p.zero_bits || planes->ones >> g & 1;
        const size_t bit = planes->bit[g]++;
        uint8_t *byte = planes->bytes[g] + bit / 8;
        *byte = (uint8_t)((*byte & ((1u << bit % 8) - 1)) | is << bit % 8);
        store_word(coded, n, word);
        store_word(coded_base, n, from);
        n += is;
    }
    return n;
}

size_t bitx_delta_places_u16_scalar(uint8_t *places, bitx_plane_sources *planes,
                                    const uint8_t *base, size_t nelem,
                                    const bitx_delta_params *params)
{
    const bitx_delta_params p = *params;
    size_t n = 0;
    for (size_t i = 0; i < nelem; i++) {
        const unsigned from = load_word(base, i), g = planes->group[class_of(&p, from)];
        const size_t bit = planes->bit[g]++;
        const unsigned is =
            planes->bytes[g] ? planes->bytes[g][bit / 8] >> bit % 8 : planes->ones >> g;
        store_word(places, n, (unsigned)i);
        n += is & 1;
    }
    return n;
}
