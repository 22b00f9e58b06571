/* XOR and bit distance, any CPU: the reference that every other row is compared with. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

void bitx_xor_bytes_scalar(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        dst[i] = (uint8_t)(a[i] ^ b[i]);
}

uint64_t bitx_distance_bits_scalar(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < nbytes; i++)
        bits += (uint64_t)__builtin_popcount((unsigned)(a[i] ^ b[i]));
    return bits;
}
