/* What the avx512 files share. The ISA is an attribute, so that plain cc -O2 builds every file. */
#ifndef BITX_TARGET_AVX512_H
#define BITX_TARGET_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nontemporal.h"

/* Ice Lake and Zen 4. */
#define BITX_TARGET_AVX512                                                                         \
    target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vbmi,avx512vbmi2,avx512vpopcntdq,"   \
           "avx512bitalg,avx512vnni,gfni,avx2,bmi,bmi2,popcnt,lzcnt")
#define BITX_AVX512 __attribute__((BITX_TARGET_AVX512))
#define BITX_AVX512_INLINE static inline __attribute__((always_inline, BITX_TARGET_AVX512))

BITX_AVX512_INLINE __m512i load512(const uint8_t *p)
{
    return _mm512_loadu_si512((const void *)p);
}

BITX_AVX512_INLINE void store512(uint8_t *p, __m512i v)
{
    _mm512_storeu_si512((void *)p, v);
}

/* p on a 64-byte boundary if past the caches; end such a loop with _mm_sfence(). */
BITX_AVX512_INLINE void put512(uint8_t *p, __m512i v, int past_caches)
{
    if (past_caches)
        _mm512_stream_si512((void *)p, v);
    else
        store512(p, v);
}

/* The lowest n bits set, n <= 64. */
BITX_AVX512_INLINE __mmask64 low_mask64(size_t n)
{
    return _cvtu64_mask64(_bzhi_u64(~(uint64_t)0, (unsigned)n));
}

/* The first n bytes at p, zeros above them; touches no byte past them. n <= 64. */
BITX_AVX512_INLINE __m512i load512_first(const uint8_t *p, size_t n)
{
    return _mm512_maskz_loadu_epi8(low_mask64(n), p);
}

BITX_AVX512_INLINE void store512_first(uint8_t *p, __m512i v, size_t n)
{
    _mm512_mask_storeu_epi8(p, low_mask64(n), v);
}

#endif
