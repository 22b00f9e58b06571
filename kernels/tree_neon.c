/* Merges of lists with room behind them, NEON: those that read lists exactly. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)

void bitx_merge_lists_u8_neon(uint8_t *dst, const uint8_t *low, unsigned low_value,
                              const uint8_t *high, unsigned high_value, const uint8_t *plane,
                              size_t bit, size_t nelem)
{
    if (low && high)
        bitx_merge_u8_neon(dst, low, high, plane, bit, nelem);
    else if (low)
        bitx_merge_highconst_u8_neon(dst, low, high_value, plane, bit, nelem);
    else if (high)
        bitx_merge_lowconst_u8_neon(dst, low_value, high, plane, bit, nelem);
    else
        bitx_merge_const_u8_neon(dst, low_value, high_value, plane, bit, nelem);
}

#endif
