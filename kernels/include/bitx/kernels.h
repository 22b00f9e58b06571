/*
 * bitx/kernels.h: the kernels. Every function here is total: it cannot fail, allocates nothing,
 * keeps no state, and may be called from any thread.
 *
 * Shapes: destinations first, then sources, then the count (nbytes, or nelem of the stated width).
 *
 * Buffers: any alignment. Each function reads and writes exactly the ranges that its comment gives.
 * A destination may be the same buffer as a source only where the comment says so, and may not
 * overlap one otherwise.
 *
 * Format: elements are little-endian. BF16 is sign (bit 15), exponent (14..7), mantissa (6..0).
 *
 * ISA: the plain name (bitx_xor_bytes) runs the fastest implementation for this CPU; the
 * environment variable BITX_ISA (scalar, avx2, avx512, neon; read once) is a ceiling on that choice
 * and never raises it; a word that is none of this architecture's leaves scalar.
 * Those who copy kernels/ alone call an implementation by its full name (bitx_xor_bytes_avx2) after
 * defining BITX_KERNEL_ROWS; they must know that the CPU has the ISA. avx2 means AVX2, BMI1, BMI2,
 * POPCNT and LZCNT; avx512 means Ice Lake or Zen 4: F, BW, DQ, VL, CD, VBMI, VBMI2, VPOPCNTDQ,
 * BITALG, GFNI. Where kernels/README.md names a narrower ISA in a column, that function is the one.
 */
#ifndef BITX_KERNELS_H
#define BITX_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#    error "bitx supports little-endian hosts only"
#endif

#if defined(__GNUC__)
#    define BITX_API __attribute__((visibility("default")))
#    define BITX_WARN_UNUSED __attribute__((warn_unused_result))
#else
#    define BITX_API
#    define BITX_WARN_UNUSED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* One line declares an operation: its plain name, and with BITX_KERNEL_ROWS its implementations. */
#ifdef BITX_KERNEL_ROWS
#    if defined(__x86_64__)
#        define BITX_KERNEL(ret, name, ...)                                                        \
            BITX_API ret bitx_##name(__VA_ARGS__);                                                 \
            ret bitx_##name##_scalar(__VA_ARGS__);                                                 \
            ret bitx_##name##_avx2(__VA_ARGS__);                                                   \
            ret bitx_##name##_avx512(__VA_ARGS__)
#    elif defined(__aarch64__)
#        define BITX_KERNEL(ret, name, ...)                                                        \
            BITX_API ret bitx_##name(__VA_ARGS__);                                                 \
            ret bitx_##name##_scalar(__VA_ARGS__);                                                 \
            ret bitx_##name##_neon(__VA_ARGS__)
#    else
#        define BITX_KERNEL(ret, name, ...)                                                        \
            BITX_API ret bitx_##name(__VA_ARGS__);                                                 \
            ret bitx_##name##_scalar(__VA_ARGS__)
#    endif
#else
#    define BITX_KERNEL(ret, name, ...) BITX_API ret bitx_##name(__VA_ARGS__)
#endif

/* dst[i] = a[i] ^ b[i], nbytes each. dst may be a or b. */
BITX_KERNEL(void, xor_bytes, uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t nbytes);

/*
 * XOR of two BF16 streams, its exponents and its sign+mantissas apart (ZipLLM, arXiv 2505.06252,
 * section 4.3): for x = a[i] ^ b[i], exponent[i] = bits 14..7 of x, and signman[i] = bit 15 of x as
 * bit 7, bits 6..0 of x below it. a and b hold 2 * nelem bytes, the destinations nelem bytes.
 */
BITX_KERNEL(void, xor_split_bf16, uint8_t *exponent, uint8_t *signman, const uint8_t *a,
            const uint8_t *b, size_t nelem);

/* The inverse of xor_split_bf16: a from the two streams and b. dst may be b. */
BITX_KERNEL(void, xor_merge_bf16, uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
            const uint8_t *b, size_t nelem);

/* Number of differing bits (Hamming distance) of two buffers of nbytes each. */
BITX_KERNEL(uint64_t, distance_bits, const uint8_t *a, const uint8_t *b, size_t nbytes);

#ifdef __cplusplus
}
#endif

#endif
