/*
 * The sixteen differences of a row, from its one loop: four kinds in four widths. Private to
 * kernels/.
 */
#ifndef BITX_DIFF_H
#define BITX_DIFF_H

#include "nontemporal.h"

typedef enum diff_kind { FLOAT_DIFF, FLOAT_UNDIFF, INT_DIFF, INT_UNDIFF } diff_kind;

/* Whether stores past the caches pay; in place, the line was read already. */
static inline int diff_past_caches(const uint8_t *dst, const uint8_t *x, const uint8_t *base,
                                   size_t nbytes, size_t width)
{
    return nbytes >= BITX_NONTEMPORAL_MIN && dst != x && dst != base && (uintptr_t)dst % width == 0;
}

typedef void diff_function(uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem);

/* A file with diff(dst, x, base, nelem, width in bytes, kind, the scalar function) says
   BITX_DIFF_FUNCTIONS(attributes, isa). */
#define BITX_DIFF_FUNCTION(attributes, isa, name, bits, kind)                                      \
    attributes void bitx_##name##_u##bits##_##isa(uint8_t *dst, const uint8_t *x,                  \
                                                  const uint8_t *base, size_t nelem)               \
    {                                                                                              \
        diff(dst, x, base, nelem, bits / 8, kind, bitx_##name##_u##bits##_scalar);                 \
    }

#define BITX_DIFF_WIDTHS(attributes, isa, name, kind)                                              \
    BITX_DIFF_FUNCTION(attributes, isa, name, 8, kind)                                             \
    BITX_DIFF_FUNCTION(attributes, isa, name, 16, kind)                                            \
    BITX_DIFF_FUNCTION(attributes, isa, name, 32, kind)                                            \
    BITX_DIFF_FUNCTION(attributes, isa, name, 64, kind)

#define BITX_DIFF_FUNCTIONS(attributes, isa)                                                       \
    BITX_DIFF_WIDTHS(attributes, isa, float_diff, FLOAT_DIFF)                                      \
    BITX_DIFF_WIDTHS(attributes, isa, float_undiff, FLOAT_UNDIFF)                                  \
    BITX_DIFF_WIDTHS(attributes, isa, int_diff, INT_DIFF)                                          \
    BITX_DIFF_WIDTHS(attributes, isa, int_undiff, INT_UNDIFF)

#endif
