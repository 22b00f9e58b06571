/* The four functions of byte planes of one width, from a file's loops. Private to kernels/. */
#ifndef BITX_PLANES_H
#define BITX_PLANES_H

#include "nontemporal.h"

/* Whether stores past the caches pay: all planes begin at the same place of a line. */
static inline int planes_past_caches(size_t stride, size_t nelem, size_t width)
{
    return width * nelem >= BITX_NONTEMPORAL_MIN && nelem >= 128 && stride % 64 == 0;
}

/* And of elements: whether an element begins at the next line. */
static inline int words_past_caches(const uint8_t *dst, size_t nelem, size_t width)
{
    return width * nelem >= BITX_NONTEMPORAL_MIN && nelem >= 128 && (uintptr_t)dst % width == 0;
}

/* For a file with split(planes, stride, a, b, nelem, width in bytes) and merge(dst, planes, stride,
   b, nelem, width), where b may be NULL, that take `least` elements and more. */
#define BITX_PLANES_WIDTH(attributes, isa, bits, least)                                            \
    attributes void bitx_split_planes_u##bits##_##isa(uint8_t *planes, size_t stride,              \
                                                      const uint8_t *src, size_t nelem)            \
    {                                                                                              \
        if (nelem < least)                                                                         \
            bitx_split_planes_u##bits##_scalar(planes, stride, src, nelem);                        \
        else                                                                                       \
            split(planes, stride, src, NULL, nelem, bits / 8);                                     \
    }                                                                                              \
    attributes void bitx_xor_split_planes_u##bits##_##isa(                                         \
        uint8_t *planes, size_t stride, const uint8_t *a, const uint8_t *b, size_t nelem)          \
    {                                                                                              \
        if (nelem < least)                                                                         \
            bitx_xor_split_planes_u##bits##_scalar(planes, stride, a, b, nelem);                   \
        else                                                                                       \
            split(planes, stride, a, b, nelem, bits / 8);                                          \
    }                                                                                              \
    attributes void bitx_merge_planes_u##bits##_##isa(uint8_t *dst, const uint8_t *planes,         \
                                                      size_t stride, size_t nelem)                 \
    {                                                                                              \
        if (nelem < least)                                                                         \
            bitx_merge_planes_u##bits##_scalar(dst, planes, stride, nelem);                        \
        else                                                                                       \
            merge(dst, planes, stride, NULL, nelem, bits / 8);                                     \
    }                                                                                              \
    attributes void bitx_xor_merge_planes_u##bits##_##isa(                                         \
        uint8_t *dst, const uint8_t *planes, size_t stride, const uint8_t *b, size_t nelem)        \
    {                                                                                              \
        if (nelem < least)                                                                         \
            bitx_xor_merge_planes_u##bits##_scalar(dst, planes, stride, b, nelem);                 \
        else                                                                                       \
            merge(dst, planes, stride, b, nelem, bits / 8);                                        \
    }

#define BITX_PLANES_FUNCTIONS(attributes, isa, least)                                              \
    BITX_PLANES_WIDTH(attributes, isa, 16, least)                                                  \
    BITX_PLANES_WIDTH(attributes, isa, 32, least)                                                  \
    BITX_PLANES_WIDTH(attributes, isa, 64, least)

#endif
