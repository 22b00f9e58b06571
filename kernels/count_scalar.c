/* Ones of a bit plane, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "bitstring.h"

uint64_t bitx_count_ones_scalar(const uint8_t *plane, size_t bit, size_t nbits)
{
    uint64_t ones = 0;
    size_t i = 0;
    for (; nbits - i >= 64; i += 64)
        ones += (uint64_t)__builtin_popcountll(bits64_at(plane, bit + i));
    if (i < nbits)
        ones += (uint64_t)__builtin_popcountll(bits_at(plane, bit + i, nbits - i));
    return ones;
}
