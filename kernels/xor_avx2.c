/* XOR of two streams, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx2.h"

/* n < 32. Both ends are read before either is written, so that dst may be a source. */
BITX_AVX2_INLINE void xor_short(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n)
{
    if (n >= 16) {
        __m128i head = _mm_xor_si128(load128(a), load128(b));
        __m128i tail = _mm_xor_si128(load128(a + n - 16), load128(b + n - 16));
        store128(dst, head);
        store128(dst + n - 16, tail);
        return;
    }
    if (n >= 8) {
        uint64_t head = load64(a) ^ load64(b);
        uint64_t tail = load64(a + n - 8) ^ load64(b + n - 8);
        store64(dst, head);
        store64(dst + n - 8, tail);
        return;
    }
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint8_t)(a[i] ^ b[i]);
}

/* The last vector is computed first and stored last: it overlaps what the loop wrote. */
BITX_AVX2 void bitx_xor_bytes_avx2(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    if (nbytes < 32) {
        xor_short(dst, a, b, nbytes);
        return;
    }
    __m256i tail = _mm256_xor_si256(load256(a + nbytes - 32), load256(b + nbytes - 32));
    size_t i = 0;
    for (; nbytes - i >= 128; i += 128) {
        __m256i v0 = _mm256_xor_si256(load256(a + i), load256(b + i));
        __m256i v1 = _mm256_xor_si256(load256(a + i + 32), load256(b + i + 32));
        __m256i v2 = _mm256_xor_si256(load256(a + i + 64), load256(b + i + 64));
        __m256i v3 = _mm256_xor_si256(load256(a + i + 96), load256(b + i + 96));
        store256(dst + i, v0);
        store256(dst + i + 32, v1);
        store256(dst + i + 64, v2);
        store256(dst + i + 96, v3);
    }
    for (; nbytes - i >= 32; i += 32)
        store256(dst + i, _mm256_xor_si256(load256(a + i), load256(b + i)));
    store256(dst + nbytes - 32, tail);
}

#endif
