/* First difference and equal runs, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "scan.h"
#    include "target_avx512.h"

BITX_AVX512_INLINE __m512i differing(const uint8_t *a, const uint8_t *b, size_t i)
{
    return _mm512_xor_si512(load512(a + i), load512(b + i));
}

/* 256 bytes for each branch. */
BITX_AVX512 size_t bitx_first_difference_avx512(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    size_t i = 0;
    for (; nbytes - i >= 256; i += 256) {
        __m512i d0 = _mm512_or_si512(differing(a, b, i), differing(a, b, i + 64));
        __m512i d1 = _mm512_or_si512(differing(a, b, i + 128), differing(a, b, i + 192));
        __m512i d = _mm512_or_si512(d0, d1);
        if (_mm512_test_epi64_mask(d, d))
            break;
    }
    while (i < nbytes) {
        size_t n = nbytes - i < 64 ? nbytes - i : 64;
        __m512i x = load512_first(a + i, n), y = load512_first(b + i, n);
        uint64_t unequal = _cvtmask64_u64(_mm512_cmpneq_epi8_mask(x, y));
        if (unequal)
            return i + (size_t)_tzcnt_u64(unequal);
        i += n;
    }
    return nbytes;
}

BITX_EQUAL_RUNS(avx512)

#endif
