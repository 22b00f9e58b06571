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

/* As many whole lines of 64 bytes as there are; returns the bytes done. */
BITX_AVX2_INLINE size_t xor_lines(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n,
                                  int past_caches)
{
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        __m256i v0 = _mm256_xor_si256(load256(a + i), load256(b + i));
        __m256i v1 = _mm256_xor_si256(load256(a + i + 32), load256(b + i + 32));
        put_line(dst + i, v0, v1, past_caches);
    }
    return i;
}

/* The last vector is computed first and stored last: it overlaps what the loop wrote. */
BITX_AVX2_INLINE void xor_cached(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n)
{
    if (n < 32) {
        xor_short(dst, a, b, n);
        return;
    }
    __m256i tail = _mm256_xor_si256(load256(a + n - 32), load256(b + n - 32));
    size_t i = xor_lines(dst, a, b, n, 0);
    if (n - i >= 32)
        store256(dst + i, _mm256_xor_si256(load256(a + i), load256(b + i)));
    store256(dst + n - 32, tail);
}

BITX_AVX2 void bitx_xor_bytes_avx2(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    /* In place, the line was read already. */
    if (nbytes >= BITX_NONTEMPORAL_MIN && dst != a && dst != b) {
        size_t i = to_next_line(dst);
        xor_cached(dst, a, b, i);
        i += xor_lines(dst + i, a + i, b + i, nbytes - i, 1);
        _mm_sfence();
        dst += i;
        a += i;
        b += i;
        nbytes -= i;
    }
    xor_cached(dst, a, b, nbytes);
}

#endif
