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

/* As many whole blocks of 256 bytes as there are; returns the bytes done. */
BITX_AVX512_INLINE size_t add_blocks(__m512i *t0, __m512i *t1, const uint8_t *a, const uint8_t *b,
                                     size_t nbytes, int past_caches)
{
    size_t i = 0;
    for (; nbytes - i >= 256; i += 256) {
        fetch_source(a + i, 256, past_caches);
        fetch_source(b + i, 256, past_caches);
        *t0 = _mm512_add_epi64(*t0, differing(a + i, b + i));
        *t1 = _mm512_add_epi64(*t1, differing(a + i + 64, b + i + 64));
        *t0 = _mm512_add_epi64(*t0, differing(a + i + 128, b + i + 128));
        *t1 = _mm512_add_epi64(*t1, differing(a + i + 192, b + i + 192));
    }
    return i;
}

BITX_AVX512 uint64_t bitx_distance_bits_avx512(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    __m512i t0 = _mm512_setzero_si512(), t1 = t0;
    size_t i;
    if (nbytes >= BITX_NONTEMPORAL_MIN / 2)
        i = add_blocks(&t0, &t1, a, b, nbytes, 1);
    else
        i = add_blocks(&t0, &t1, a, b, nbytes, 0);
    for (; nbytes - i >= 64; i += 64)
        t0 = _mm512_add_epi64(t0, differing(a + i, b + i));
    size_t left = nbytes - i;
    __m512i x = _mm512_xor_si512(load512_first(a + i, left), load512_first(b + i, left));
    t1 = _mm512_add_epi64(t1, _mm512_popcnt_epi64(x));
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(t0, t1));
}

typedef __m512i lanes;

BITX_AVX512_INLINE __m512i load_xored(const uint8_t *a, const uint8_t *b)
{
    return b ? _mm512_xor_si512(load512(a), load512(b)) : load512(a);
}

/* vpternlog's tables: a ^ b ^ c, and the majority of them. */
BITX_AVX512_INLINE __m512i carry_save(__m512i *sum, __m512i b, __m512i c)
{
    __m512i carry = _mm512_ternarylogic_epi64(*sum, b, c, 0xe8);
    *sum = _mm512_ternarylogic_epi64(*sum, b, c, 0x96);
    return carry;
}

BITX_AVX512_INLINE __m512i positions(__m512i v, unsigned p)
{
    return _mm512_and_si512(_mm512_srli_epi16(v, p), _mm512_set1_epi8(1));
}

BITX_AVX512_INLINE __m512i low_bytes(__m512i v)
{
    return _mm512_and_si512(v, _mm512_set1_epi16(0xff));
}

BITX_AVX512_INLINE __m512i high_bytes(__m512i v)
{
    return _mm512_srli_epi16(v, 8);
}

BITX_AVX512_INLINE __m512i add(__m512i a, __m512i b)
{
    return _mm512_add_epi16(a, b);
}

BITX_AVX512_INLINE __m512i times(__m512i v, unsigned shift)
{
    return _mm512_slli_epi16(v, shift);
}

/* Of lanes below 2^15, as madd has them signed. */
BITX_AVX512_INLINE uint64_t even_sum(__m512i v)
{
    return (uint64_t)_mm512_reduce_add_epi32(_mm512_madd_epi16(v, _mm512_set1_epi32(1)));
}

BITX_AVX512_INLINE uint64_t odd_sum(__m512i v)
{
    return (uint64_t)_mm512_reduce_add_epi32(_mm512_madd_epi16(v, _mm512_set1_epi32(0x10000)));
}

BITX_DISTANCE_POSITIONS(BITX_AVX512_INLINE, avx512)
BITX_DISTANCE_POSITIONS_FUNCTION(BITX_AVX512, avx512, 16, 1536, avx2)
BITX_DISTANCE_POSITIONS_FUNCTION(BITX_AVX512, avx512, 32, 1536, avx2)

#endif
