/* Bits under a mask packed and unpacked: pext and pdep, which every CPU with AVX2 has. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "masked_bits.h"
#    include "target_avx2.h"

BITX_AVX2_INLINE uint64_t pack64(uint64_t bits, uint64_t mask)
{
    return _pext_u64(bits, mask);
}

BITX_AVX2_INLINE uint64_t unpack64(uint64_t bits, uint64_t mask)
{
    return _pdep_u64(bits, mask);
}

BITX_AVX2_INLINE unsigned ones64(uint64_t mask)
{
    return (unsigned)_mm_popcnt_u64(mask);
}

BITX_MASKED_BITS_FUNCTIONS(BITX_AVX2, avx2)

#endif
