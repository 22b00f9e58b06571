/* Ones of a bit plane: vpopcntq. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx512.h"

/* Whole bytes, less the bits of the first below the plane and of the last above it. */
BITX_AVX512 uint64_t bitx_count_ones_avx512(const uint8_t *plane, size_t bit, size_t nbits)
{
    if (nbits == 0)
        return 0;
    plane += bit / 8;
    bit %= 8;
    size_t end = bit + nbits, nbytes = (end + 7) / 8, i = 0;
    __m512i ones = _mm512_setzero_si512(), more = _mm512_setzero_si512();
    for (; nbytes - i >= 128; i += 128) {
        ones = _mm512_add_epi64(ones, _mm512_popcnt_epi64(load512(plane + i)));
        more = _mm512_add_epi64(more, _mm512_popcnt_epi64(load512(plane + i + 64)));
    }
    for (; i < nbytes; i += 64) {
        size_t n = nbytes - i < 64 ? nbytes - i : 64;
        ones = _mm512_add_epi64(ones, _mm512_popcnt_epi64(load512_first(plane + i, n)));
    }
    unsigned first = plane[0] & ((1u << bit) - 1), last = 0;
    if (end % 8)
        last = plane[nbytes - 1] >> end % 8;
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(ones, more)) -
           (uint64_t)_mm_popcnt_u32(first) - (uint64_t)_mm_popcnt_u32(last);
}

#endif
