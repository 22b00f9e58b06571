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

/*
 * Partition and merge, of lists of 8- or 16-bit elements by a plane of bits: the two directions of
 * one level of a wavelet tree (Grossi, Gupta, Vitter 2003; in Huffman shape and by SIMD: Zukowski,
 * arXiv 2606.05765).
 *
 * A plane is a string of bits, lowest bit of a byte first, that begins at bit number `bit` of
 * `plane`: bit i of it belongs to element i. Its bytes are plane[bit / 8] to
 * plane[(bit + nelem - 1) / 8].
 */

/*
 * Elements below the pivot go to low, the others to high, each in their order; the plane says which
 * did. Returns the number of elements in high. Both lists need room for nelem elements: what lies
 * beyond their own is undefined after the call. low may be src. Of the plane's first and last
 * byte, the bits below the string stay and the bits above it become zero.
 */
BITX_KERNEL(size_t, partition_u8, uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
            const uint8_t *src, size_t nelem, unsigned pivot);
BITX_KERNEL(size_t, partition_u16, uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
            const uint8_t *src, size_t nelem, unsigned pivot);

/* Each element of dst is the next of high where the plane has a one, else the next of low. Reads
 * of each list as many elements as the plane asks for. */
BITX_KERNEL(void, merge_u8, uint8_t *dst, const uint8_t *low, const uint8_t *high,
            const uint8_t *plane, size_t bit, size_t nelem);
BITX_KERNEL(void, merge_u16, uint8_t *dst, const uint8_t *low, const uint8_t *high,
            const uint8_t *plane, size_t bit, size_t nelem);

/* The same where low, high, or both are one value over and over. */
BITX_KERNEL(void, merge_lowconst_u8, uint8_t *dst, unsigned low_value, const uint8_t *high,
            const uint8_t *plane, size_t bit, size_t nelem);
BITX_KERNEL(void, merge_lowconst_u16, uint8_t *dst, unsigned low_value, const uint8_t *high,
            const uint8_t *plane, size_t bit, size_t nelem);
BITX_KERNEL(void, merge_highconst_u8, uint8_t *dst, const uint8_t *low, unsigned high_value,
            const uint8_t *plane, size_t bit, size_t nelem);
BITX_KERNEL(void, merge_highconst_u16, uint8_t *dst, const uint8_t *low, unsigned high_value,
            const uint8_t *plane, size_t bit, size_t nelem);
BITX_KERNEL(void, merge_const_u8, uint8_t *dst, unsigned low_value, unsigned high_value,
            const uint8_t *plane, size_t bit, size_t nelem);
BITX_KERNEL(void, merge_const_u16, uint8_t *dst, unsigned low_value, unsigned high_value,
            const uint8_t *plane, size_t bit, size_t nelem);

/* Number of ones among bits [bit, bit + nbits) of the plane. */
BITX_KERNEL(uint64_t, count_ones, const uint8_t *plane, size_t bit, size_t nbits);

#ifdef __cplusplus
}
#endif

#endif
