/* Bit distance, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "distance.h"
#    include "target_avx512.h"

BITX_AVX512_INLINE __m512i differing(const uint8_t *a, const uint8_t *b)
{
    return _mm512_popcnt_epi64(_mm512_xor_si512(load512(a), load512(b)));
}

BITX_AVX512 uint64_t bitx_distance_bits_avx512(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    __m512i t0 = _mm512_setzero_si512(), t1 = t0;
    size_t i = 0;
    for (; nbytes - i >= 256; i += 256) {
        t0 = _mm512_add_epi64(t0, differing(a + i, b + i));
        t1 = _mm512_add_epi64(t1, differing(a + i + 64, b + i + 64));
        t0 = _mm512_add_epi64(t0, differing(a + i + 128, b + i + 128));
        t1 = _mm512_add_epi64(t1, differing(a + i + 192, b + i + 192));
    }
    for (; nbytes - i >= 64; i += 64)
        t0 = _mm512_add_epi64(t0, differing(a + i, b + i));
    size_t left = nbytes - i;
    __m512i x = _mm512_xor_si512(load512_first(a + i, left), load512_first(b + i, left));
    t1 = _mm512_add_epi64(t1, _mm512_popcnt_epi64(x));
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(t0, t1));
}

BITX_DISTANCE_POSITIONS(avx512, avx2)

#endif
