/* One list into two, and the plane that says which element went where, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "bitstring.h"

/* Both lists are written each time and one of them moves on: a branch would be mispredicted. What
 * is written last is read first, so that low may be src. */
#define PARTITION(TYPE, predicate)                                                                 \
    if (nelem == 0)                                                                                \
        return 0;                                                                                  \
    bit_appender w = append_at(plane, bit);                                                        \
    size_t nhigh = 0;                                                                              \
    for (size_t i = 0; i < nelem; i += 64) {                                                       \
        size_t n = nelem - i < 64 ? nelem - i : 64;                                                \
        uint64_t bits = 0;                                                                         \
        for (size_t k = 0; k < n; k++) {                                                           \
            TYPE x;                                                                                \
            memcpy(&x, src + (i + k) * sizeof(TYPE), sizeof(TYPE));                                \
            size_t one = predicate;                                                                \
            bits |= (uint64_t)one << k;                                                            \
            memcpy(low + (i + k - nhigh) * sizeof(TYPE), &x, sizeof(TYPE));                        \
            memcpy(high + nhigh * sizeof(TYPE), &x, sizeof(TYPE));                                 \
            nhigh += one;                                                                          \
        }                                                                                          \
        if (n == 64)                                                                               \
            append64(&w, bits);                                                                    \
        else                                                                                       \
            append_last(&w, bits, n);                                                              \
    }                                                                                              \
    if (nelem % 64 == 0)                                                                           \
        append_last(&w, 0, 0);                                                                     \
    return nhigh;

size_t bitx_partition_u8_scalar(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                const uint8_t *src, size_t nelem,
                                unsigned pivot){PARTITION(uint8_t, x >= pivot)}

size_t bitx_partition_u16_scalar(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                 const uint8_t *src, size_t nelem, unsigned pivot)
{
    PARTITION(uint16_t, x >= pivot)
}
