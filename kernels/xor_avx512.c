/* XOR of two streams, AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx512.h"

BITX_AVX512 void bitx_xor_bytes_avx512(uint8_t *dst, const uint8_t *a, const uint8_t *b,
                                       size_t nbytes)
{
    size_t i = 0;
    for (; nbytes - i >= 256; i += 256) {
        __m512i v0 = _mm512_xor_si512(load512(a + i), load512(b + i));
        __m512i v1 = _mm512_xor_si512(load512(a + i + 64), load512(b + i + 64));
        __m512i v2 = _mm512_xor_si512(load512(a + i + 128), load512(b + i + 128));
        __m512i v3 = _mm512_xor_si512(load512(a + i + 192), load512(b + i + 192));
        store512(dst + i, v0);
        store512(dst + i + 64, v1);
        store512(dst + i + 128, v2);
        store512(dst + i + 192, v3);
    }
    for (; nbytes - i >= 64; i += 64)
        store512(dst + i, _mm512_xor_si512(load512(a + i), load512(b + i)));
    size_t left = nbytes - i;
    __m512i v = _mm512_xor_si512(load512_first(a + i, left), load512_first(b + i, left));
    store512_first(dst + i, v, left);
}

#endif
