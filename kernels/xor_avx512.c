/* XOR of two streams, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx512.h"

/* As many whole blocks of 256 bytes as there are; returns the bytes done. */
BITX_AVX512_INLINE size_t xor_blocks(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n,
                                     int past_caches)
{
    size_t i = 0;
    for (; n - i >= 256; i += 256) {
        __m512i v0 = _mm512_xor_si512(load512(a + i), load512(b + i));
        __m512i v1 = _mm512_xor_si512(load512(a + i + 64), load512(b + i + 64));
        __m512i v2 = _mm512_xor_si512(load512(a + i + 128), load512(b + i + 128));
        __m512i v3 = _mm512_xor_si512(load512(a + i + 192), load512(b + i + 192));
        put512(dst + i, v0, past_caches);
        put512(dst + i + 64, v1, past_caches);
        put512(dst + i + 128, v2, past_caches);
        put512(dst + i + 192, v3, past_caches);
    }
    return i;
}

/* n <= 64 */
BITX_AVX512_INLINE void xor_first(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n)
{
    store512_first(dst, _mm512_xor_si512(load512_first(a, n), load512_first(b, n)), n);
}

BITX_AVX512 void bitx_xor_bytes_avx512(uint8_t *dst, const uint8_t *a, const uint8_t *b,
                                       size_t nbytes)
{
    size_t i = 0;
    /* In place, the line was read already. */
    if (nbytes >= BITX_NONTEMPORAL_MIN && dst != a && dst != b) {
        i = to_next_line(dst);
        xor_first(dst, a, b, i);
        i += xor_blocks(dst + i, a + i, b + i, nbytes - i, 1);
        _mm_sfence();
    }
    i += xor_blocks(dst + i, a + i, b + i, nbytes - i, 0);
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, _mm512_xor_si512(load512(a + i), load512(b + i)));
    if (i < nbytes)
        xor_first(dst + i, a + i, b + i, nbytes - i);
}

#endif
