/* Ones of a bit plane: popcnt, which every CPU with AVX2 has. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitstring.h"
#    include "target_avx2.h"

/* Whole words from the byte of the first bit on, less the bits of that byte below it. */
BITX_AVX2 uint64_t bitx_count_ones_avx2(const uint8_t *plane, size_t bit, size_t nbits)
{
    if (nbits == 0)
        return 0;
    plane += bit / 8;
    bit %= 8;
    size_t end = bit + nbits, i = 0;
    uint64_t ones = 0, more = 0;
    for (; end - i >= 256; i += 256) {
        ones += (uint64_t)_mm_popcnt_u64(load64(plane + i / 8));
        more += (uint64_t)_mm_popcnt_u64(load64(plane + i / 8 + 8));
        ones += (uint64_t)_mm_popcnt_u64(load64(plane + i / 8 + 16));
        more += (uint64_t)_mm_popcnt_u64(load64(plane + i / 8 + 24));
    }
    for (; end - i >= 64; i += 64)
        ones += (uint64_t)_mm_popcnt_u64(load64(plane + i / 8));
    if (i < end)
        ones += (uint64_t)_mm_popcnt_u64(bits_at(plane, i, end - i));
    return ones + more - (uint64_t)_mm_popcnt_u32(plane[0] & ((1u << bit) - 1));
}

#endif
