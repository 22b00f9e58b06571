/* Bit distance, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

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

/* Bit planes of a chunk that stays in L1, and their ones. */
#define POSITIONS(bits)                                                                            \
    void bitx_distance_positions_u##bits##_scalar(uint64_t *counts, const uint8_t *a,              \
                                                  const uint8_t *b, size_t nelem)                  \
    {                                                                                              \
        enum { CHUNK = 2048, STRIDE = CHUNK / 8 };                                                 \
        uint8_t planes[bits * STRIDE];                                                             \
        for (size_t i = 0; i < nelem; i += CHUNK) {                                                \
            size_t n = nelem - i < CHUNK ? nelem - i : CHUNK, at = bits / 8 * i;                   \
            bitx_xor_split_bits_u##bits##_scalar(planes, STRIDE, a + at, b + at, n);               \
            for (size_t p = 0; p < bits; p++)                                                      \
                counts[p] += bitx_count_ones_scalar(planes + p * STRIDE, 0, n);                    \
        }                                                                                          \
    }

POSITIONS(16)
POSITIONS(32)
