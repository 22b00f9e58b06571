/* The functions of partitions with constant lists of a row, from its one loop. Private to kernels/.
 */
#ifndef BITX_PARTITION_CONST_H
#define BITX_PARTITION_CONST_H

#include "bitstring.h"

/* For a file with partition_const(list or NULL, inverted, plane, bit, src, nelem, value, width in
   bytes), which returns how many elements equal the value. */
#define BITX_PARTITION_CONST_FUNCTIONS(attributes, isa, bits)                                      \
    attributes size_t bitx_partition_lowconst_u##bits##_##isa(uint8_t *high, uint8_t *plane,       \
                                                              size_t bit, const uint8_t *src,      \
                                                              size_t nelem, unsigned low_value)    \
    {                                                                                              \
        return nelem - partition_const(high, 1, plane, bit, src, nelem, low_value, bits / 8);      \
    }                                                                                              \
    attributes size_t bitx_partition_highconst_u##bits##_##isa(uint8_t *low, uint8_t *plane,       \
                                                               size_t bit, const uint8_t *src,     \
                                                               size_t nelem, unsigned high_value)  \
    {                                                                                              \
        return partition_const(low, 0, plane, bit, src, nelem, high_value, bits / 8);              \
    }                                                                                              \
    attributes size_t bitx_partition_const_u##bits##_##isa(                                        \
        uint8_t *plane, size_t bit, const uint8_t *src, size_t nelem, unsigned high_value)         \
    {                                                                                              \
        return partition_const(NULL, 0, plane, bit, src, nelem, high_value, bits / 8);             \
    }

#endif
