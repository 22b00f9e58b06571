/* Partitions of which one list or both have one value over and over, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "partition_const.h"
#    include "target_avx512.h"

BITX_AVX512_INLINE __m512i compressed(uint64_t bits, __m512i x, size_t width)
{
    return width == 1 ? _mm512_maskz_compress_epi8(_cvtu64_mask64(bits), x)
                      : _mm512_maskz_compress_epi16(_cvtu32_mask32((uint32_t)bits), x);
}

BITX_AVX512_INLINE uint64_t equal_mask(__m512i x, __m512i value, size_t width)
{
    return width == 1 ? _cvtmask64_u64(_mm512_cmpeq_epi8_mask(x, value))
                      : _cvtmask32_u32(_mm512_cmpeq_epi16_mask(x, value));
}

/* A vector of 64 bytes at a time, stored whole: the list is never ahead of the source, so that it
   stays within nelem. The last 64 elements, or fewer, touch no byte beyond them. */
BITX_AVX512_INLINE size_t partition_const(uint8_t *list, int inverted, uint8_t *plane, size_t bit,
                                          const uint8_t *src, size_t nelem, unsigned value,
                                          size_t width)
{
    enum { VECTOR = 64 };
    const size_t lanes = VECTOR / width;
    const __m512i v = width == 1 ? _mm512_set1_epi8((char)value) : _mm512_set1_epi16((short)value);
    size_t i = 0, others = 0;
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    for (; nelem - i >= 64; i += 64) {
        uint64_t bits = 0;
        for (size_t k = 0; k < 64; k += lanes) {
            __m512i x = load512(src + width * (i + k));
            uint64_t other = ~equal_mask(x, v, width) & (~(uint64_t)0 >> (64 - lanes));
            bits |= other << k;
            if (list)
                store512(list + width * others, compressed(other, x, width));
            others += (size_t)_mm_popcnt_u64(other);
        }
        append64(&w, inverted ? bits : ~bits);
    }
    uint64_t bits = 0;
    const size_t left = nelem - i;
    for (size_t k = 0; k < left; k += lanes) {
        size_t n = left - k < lanes ? left - k : lanes;
        __m512i x = load512_first(src + width * (i + k), width * n);
        uint64_t other = _bzhi_u64(~equal_mask(x, v, width), (unsigned)n);
        bits |= other << k;
        size_t kept = (size_t)_mm_popcnt_u64(other);
        if (list)
            store512_first(list + width * others, compressed(other, x, width), width * kept);
        others += kept;
    }
    append_last(&w, inverted ? bits : _bzhi_u64(~bits, (unsigned)left), left);
    return nelem - others;
}

BITX_PARTITION_CONST_FUNCTIONS(BITX_AVX512, avx512, 8)
BITX_PARTITION_CONST_FUNCTIONS(BITX_AVX512, avx512, 16)

#endif
