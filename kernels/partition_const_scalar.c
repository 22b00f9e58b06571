/* Partitions of which one list or both have one value over and over, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "partition_const.h"

/*
 * Ones, or zeros where `inverted`, for the elements that equal the value; the others to `list`
 * unless that is NULL. Each is written and the list moves on or not: a branch would be
 * mispredicted. Returns the number of elements that equal.
 */
static inline __attribute__((always_inline)) size_t
partition_const(uint8_t *list, int inverted, uint8_t *plane, size_t bit, const uint8_t *src,
                size_t nelem, unsigned value, size_t width)
{
    size_t others = 0;
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    for (size_t i = 0; i < nelem; i += 64) {
        size_t n = nelem - i < 64 ? nelem - i : 64;
        uint64_t bits = 0;
        for (size_t k = 0; k < n; k++) {
            uint16_t x = 0, v = (uint16_t)(width == 1 ? value & 0xff : value);
            memcpy(&x, src + (i + k) * width, width);
            size_t other = x != v;
            bits |= (uint64_t)(inverted ? other : 1 - other) << k;
            if (list)
                memcpy(list + others * width, &x, width);
            others += other;
        }
        if (n == 64)
            append64(&w, bits);
        else
            append_last(&w, bits, n);
    }
    if (nelem % 64 == 0)
        append_last(&w, 0, 0);
    return nelem - others;
}

BITX_PARTITION_CONST_FUNCTIONS(, scalar, 8)
BITX_PARTITION_CONST_FUNCTIONS(, scalar, 16)
