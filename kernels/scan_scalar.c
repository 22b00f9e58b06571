/* First difference and equal runs, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "scan.h"

#include <string.h>

size_t bitx_first_difference_scalar(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    size_t i = 0;
    for (; nbytes - i >= 8; i += 8) {
        uint64_t x, y;
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y)
            break;
    }
    while (i < nbytes && a[i] == b[i])
        i++;
    return i;
}

BITX_EQUAL_RUNS(scalar)
