/* Bit distance, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "distance.h"

#include <string.h>

/* Eight bytes at a time; without the popcnt instruction a byte costs the compiler a table look-up.
 */
uint64_t bitx_distance_bits_scalar(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    uint64_t bits = 0;
    size_t i = 0;
    for (; nbytes - i >= 8; i += 8) {
        uint64_t x, y;
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        bits += (uint64_t)__builtin_popcountll(x ^ y);
    }
    for (; i < nbytes; i++)
        bits += (uint64_t)__builtin_popcount((unsigned)(a[i] ^ b[i]));
    return bits;
}

BITX_DISTANCE_POSITIONS(scalar, scalar)
