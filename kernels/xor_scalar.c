/* XOR of two streams, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

void bitx_xor_bytes_scalar(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        dst[i] = (uint8_t)(a[i] ^ b[i]);
}
