/* First difference and equal runs, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "scan.h"
#    include "target_avx2.h"

BITX_AVX2_INLINE __m256i equal_at(const uint8_t *a, const uint8_t *b, size_t i)
{
    return _mm256_cmpeq_epi8(load256(a + i), load256(b + i));
}

/* Of 32 bytes, those that differ. */
BITX_AVX2_INLINE uint32_t unequal_at(const uint8_t *a, const uint8_t *b, size_t i)
{
    return ~(uint32_t)_mm256_movemask_epi8(equal_at(a, b, i));
}

/* 128 bytes for each branch; the last vector overlaps bytes that were found equal. */
BITX_AVX2 size_t bitx_first_difference_avx2(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    if (nbytes < 32)
        return bitx_first_difference_scalar(a, b, nbytes);
    size_t i = 0;
    for (; nbytes - i >= 128; i += 128) {
        __m256i e0 = _mm256_and_si256(equal_at(a, b, i), equal_at(a, b, i + 32));
        __m256i e1 = _mm256_and_si256(equal_at(a, b, i + 64), equal_at(a, b, i + 96));
        if (_mm256_movemask_epi8(_mm256_and_si256(e0, e1)) != -1)
            break;
    }
    for (; i < nbytes; i += 32) {
        i = i < nbytes - 32 ? i : nbytes - 32;
        uint32_t unequal = unequal_at(a, b, i);
        if (unequal)
            return i + (size_t)_tzcnt_u32(unequal);
    }
    return nbytes;
}

BITX_EQUAL_RUNS(avx2)

#endif
