/* The functions of float fields of a row, plain and with XOR, from its loops. Private to kernels/.
 */
#ifndef BITX_FIELDS_H
#define BITX_FIELDS_H

#include "nontemporal.h"

/* Where there is a second stream. */
static inline const uint8_t *fields_at(const uint8_t *b, size_t nbytes)
{
    return b ? b + nbytes : NULL;
}

/* Whether stores past the caches pay, for streams of 1 and `wide` bytes for each element of
   `width`: both begin a line at the same element. */
static inline int fields_past_caches(const uint8_t *exponent, const uint8_t *signman, size_t nelem,
                                     size_t width, size_t wide)
{
    return width * nelem >= BITX_NONTEMPORAL_MIN && nelem >= 128 &&
           (uintptr_t)(signman + wide * to_next_line(exponent)) % 64 == 0;
}

/* And of elements: an element begins at the next line; in place, it was read already. */
static inline int merge_past_caches(const uint8_t *dst, const uint8_t *b, size_t nelem,
                                    size_t width)
{
    return width * nelem >= BITX_NONTEMPORAL_MIN && nelem >= 128 && dst != b &&
           (uintptr_t)dst % width == 0;
}

/* For a file with split_<format>(exponent, signman, a, b, nelem) and merge_<format>(dst, exponent,
   signman, b, nelem), where b may be NULL. */
#define BITX_FIELDS_FUNCTIONS(attributes, isa, format)                                             \
    attributes void bitx_split_##format##_##isa(uint8_t *exponent, uint8_t *signman,               \
                                                const uint8_t *src, size_t nelem)                  \
    {                                                                                              \
        split_##format(exponent, signman, src, NULL, nelem);                                       \
    }                                                                                              \
    attributes void bitx_xor_split_##format##_##isa(                                               \
        uint8_t *exponent, uint8_t *signman, const uint8_t *a, const uint8_t *b, size_t nelem)     \
    {                                                                                              \
        split_##format(exponent, signman, a, b, nelem);                                            \
    }                                                                                              \
    attributes void bitx_merge_##format##_##isa(uint8_t *dst, const uint8_t *exponent,             \
                                                const uint8_t *signman, size_t nelem)              \
    {                                                                                              \
        merge_##format(dst, exponent, signman, NULL, nelem);                                       \
    }                                                                                              \
    attributes void bitx_xor_merge_##format##_##isa(uint8_t *dst, const uint8_t *exponent,         \
                                                    const uint8_t *signman, const uint8_t *b,      \
                                                    size_t nelem)                                  \
    {                                                                                              \
        merge_##format(dst, exponent, signman, b, nelem);                                          \
    }

#endif
