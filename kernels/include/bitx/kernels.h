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
 * defining BITX_KERNEL_ROWS; they must know that the CPU has the ISA. avx2 means AVX2, F16C, BMI1,
 * BMI2, POPCNT and LZCNT; avx512 means Ice Lake or Zen 4: F, BW, DQ, VL, CD, VBMI, VBMI2,
 * VPOPCNTDQ, BITALG, VNNI, GFNI. Where kernels/README.md names a narrower ISA in a column, that
 * function is the one.
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

/* The same of one stream, without XOR. */
BITX_KERNEL(void, split_bf16, uint8_t *exponent, uint8_t *signman, const uint8_t *src,
            size_t nelem);
BITX_KERNEL(void, merge_bf16, uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
            size_t nelem);

/*
 * F16: exponent[i] = bits 14..10; signman has 16 bits for each element, the sign as bit 10 above
 * the mantissa (9..0) and zeros above it. merge ignores bits above the fields. (The BF16 functions
 * on F16 data give two streams of bytes: the exponent with three bits of the mantissa, and the sign
 * with seven.)
 */
BITX_KERNEL(void, split_f16, uint8_t *exponent, uint8_t *signman, const uint8_t *src, size_t nelem);
BITX_KERNEL(void, merge_f16, uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
            size_t nelem);
BITX_KERNEL(void, xor_split_f16, uint8_t *exponent, uint8_t *signman, const uint8_t *a,
            const uint8_t *b, size_t nelem);
BITX_KERNEL(void, xor_merge_f16, uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
            const uint8_t *b, size_t nelem);

/* F32: exponent[i] = bits 30..23; signman has 3 bytes for each element, the sign as bit 23 above
 * the mantissa (22..0). */
BITX_KERNEL(void, split_f32, uint8_t *exponent, uint8_t *signman, const uint8_t *src, size_t nelem);
BITX_KERNEL(void, merge_f32, uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
            size_t nelem);
BITX_KERNEL(void, xor_split_f32, uint8_t *exponent, uint8_t *signman, const uint8_t *a,
            const uint8_t *b, size_t nelem);
BITX_KERNEL(void, xor_merge_f32, uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
            const uint8_t *b, size_t nelem);

/* Number of differing bits (Hamming distance) of two buffers of nbytes each. */
BITX_KERNEL(uint64_t, distance_bits, const uint8_t *a, const uint8_t *b, size_t nbytes);

/* The same by position: adds to counts[p] the number of elements that differ in bit p, for
 * as many p as an element has bits. */
BITX_KERNEL(void, distance_positions_u16, uint64_t *counts, const uint8_t *a, const uint8_t *b,
            size_t nelem);
BITX_KERNEL(void, distance_positions_u32, uint64_t *counts, const uint8_t *a, const uint8_t *b,
            size_t nelem);

/* ---- scans ---- */

/* Index of the first byte that differs; nbytes if none does. */
BITX_KERNEL(size_t, first_difference, const uint8_t *a, const uint8_t *b, size_t nbytes);

/* Number of elements from the first on that equal it: nelem if all are equal. */
BITX_KERNEL(size_t, equal_run_u8, const uint8_t *src, size_t nelem);
BITX_KERNEL(size_t, equal_run_u16, const uint8_t *src, size_t nelem);
BITX_KERNEL(size_t, equal_run_u32, const uint8_t *src, size_t nelem);

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

/* The same where the elements of a set go to high: value v is in it if bit v % 8 of set[v / 8] is.
 * A set of bytes has 32 of them, one of 16-bit values 8192. */
BITX_KERNEL(size_t, partition_set_u8, uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
            const uint8_t *src, size_t nelem, const uint8_t *set);

BITX_KERNEL(size_t, partition_set_u16, uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
            const uint8_t *src, size_t nelem, const uint8_t *set);

/*
 * The same where all that goes to low, to high, or to either is one value, which needs no list: the
 * inverses of merge_lowconst, merge_highconst and merge_const. An element that equals low_value
 * goes to low, all others to high; an element that equals high_value goes to high, all others to
 * low (partition_const: of which the caller knows that they are one value too). Of a value, as many
 * bits count as an element has.
 */
BITX_KERNEL(size_t, partition_lowconst_u8, uint8_t *high, uint8_t *plane, size_t bit,
            const uint8_t *src, size_t nelem, unsigned low_value);
BITX_KERNEL(size_t, partition_lowconst_u16, uint8_t *high, uint8_t *plane, size_t bit,
            const uint8_t *src, size_t nelem, unsigned low_value);
BITX_KERNEL(size_t, partition_highconst_u8, uint8_t *low, uint8_t *plane, size_t bit,
            const uint8_t *src, size_t nelem, unsigned high_value);
BITX_KERNEL(size_t, partition_highconst_u16, uint8_t *low, uint8_t *plane, size_t bit,
            const uint8_t *src, size_t nelem, unsigned high_value);
BITX_KERNEL(size_t, partition_const_u8, uint8_t *plane, size_t bit, const uint8_t *src,
            size_t nelem, unsigned high_value);
BITX_KERNEL(size_t, partition_const_u16, uint8_t *plane, size_t bit, const uint8_t *src,
            size_t nelem, unsigned high_value);

/* The same by a plane that is given, with the ones to high. */
BITX_KERNEL(size_t, partition_plane_u8, uint8_t *low, uint8_t *high, const uint8_t *src,
            const uint8_t *plane, size_t bit, size_t nelem);
BITX_KERNEL(size_t, partition_plane_u16, uint8_t *low, uint8_t *high, const uint8_t *src,
            const uint8_t *plane, size_t bit, size_t nelem);

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

/* The same of all: low or high may be NULL for one value over and over. Up to 64 bytes behind the
 * elements of each list are read, and up to 63 behind dst's written. */
BITX_KERNEL(void, merge_lists_u8, uint8_t *dst, const uint8_t *low, unsigned low_value,
            const uint8_t *high, unsigned high_value, const uint8_t *plane, size_t bit,
            size_t nelem);

/*
 * Trees of prefix codes, leaves leftmost at each depth: node j of depth d is a leaf, of symbol
 * symbol[first[d] + j], if j < count[d]; else its children are nodes 2 (j - count[d]) and that + 1
 * of depth d + 1. No node is deeper than BITX_TREE_DEPTH_MAX.
 */
enum { BITX_TREE_DEPTH_MAX = 20 };
typedef struct bitx_tree_shape {
    const uint16_t *count, *first; /* BITX_TREE_DEPTH_MAX + 1 */
    const uint8_t *symbol;
} bitx_tree_shape;

/*
 * The nelem symbols, 1 to 64, that reach a node: its plane (a one: to the right child), those of
 * its left subtree and those of its right one lie in this order in the bits of planes[0 .. nbytes)
 * from bit number `bit` on, at most 8 nbytes. Writes 64 bytes to list, of which those above nelem
 * are undefined. Returns the number of the bit behind the planes; SIZE_MAX if there are too few,
 * list being undefined then.
 */
BITX_KERNEL(size_t, subtree_u8, uint8_t *list, size_t nelem, const bitx_tree_shape *shape,
            unsigned depth, unsigned node, const uint8_t *planes, size_t nbytes, size_t bit);

/* Number of ones among bits [bit, bit + nbits) of the plane. */
BITX_KERNEL(uint64_t, count_ones, const uint8_t *plane, size_t bit, size_t nbits);

/*
 * Bits under a mask (pext and pdep) of planes that begin at bit 0, (nbits + 7) / 8 bytes each.
 * pack: the bits of src where the mask has ones, one after the other; returns how many; the bits
 * above the last of them in its byte of dst become zero. unpack, the inverse: bits of dst where the
 * mask has ones come from src in order, the others are zero, also those above nbits.
 */
BITX_KERNEL(size_t, pack_bits, uint8_t *dst, const uint8_t *src, const uint8_t *mask, size_t nbits);
BITX_KERNEL(size_t, unpack_bits, uint8_t *dst, const uint8_t *src, const uint8_t *mask,
            size_t nbits);

/* ---- elements given those of a base ---- */

/*
 * How words of a tensor are seen by the delta kernels. A word is an element without its zero_bits
 * low bits. With `sign`, it is a float, whose origin is the magnitude of the base; without, an
 * integer, whose origin is the base itself.
 *
 * Difference: with sign, the word is flipped if the base is negative, and mapped from sign and
 * magnitude to two's complement (if then negative, its magnitude bits are inverted); less the
 * origin, modulo 2^width, as a signed number.
 *
 * Class of an element: (origin >> class_shift) - class_low, at least 0, at most nclasses - 1.
 *
 * Symbol and raw bits of a difference, for the shift s of its class: u = difference + 2^s / 2,
 * signed modulo 2^width; m is u, or its ones' complement if negative; magnitude = m >> s. If
 * magnitude < 16, c = magnitude and e = 0, else e = floor(log2(magnitude - 14)) and c = 15 + e.
 * The symbol is 2 c + (u negative), and its raw bits are the s + e low bits of
 * m - ((2^e + 14) << s), inverted if u is negative. Symbol 255 is the difference 0, without any raw
 * bits.
 */
typedef struct bitx_delta_params {
    unsigned width;       /* bits of a word: those of the element less zero_bits, at least 2 */
    unsigned zero_bits;   /* low bits of every element, zero */
    unsigned sign;        /* 1: sign and magnitude, 0: an integer */
    unsigned class_shift; /* below width */
    unsigned class_low;
    unsigned nclasses;     /* 1 to 16 */
    uint8_t shift[16];     /* of a class, at most width - 2 */
    uint16_t same_classes; /* bit c: a difference 0 of class c has symbol 255 */
} bitx_delta_params;

/* The class of each element of the base, 16 bits wide. */
BITX_KERNEL(void, delta_classes_u16, uint8_t *classes, const uint8_t *base, size_t nelem,
            const bitx_delta_params *params);

/* The differences of x from the base, as 16-bit signed numbers, and the classes. */
BITX_KERNEL(void, delta_diff_u16, uint8_t *differences, uint8_t *classes, const uint8_t *x,
            const uint8_t *base, size_t nelem, const bitx_delta_params *params);

/*
 * Raw bits of words of 16 bits, at most 14 of each: of 8 and more, the low 8 are a byte of string
 * 1; the others, at most 7, are in string 0, of every word in order. So eight of string 0 are in a
 * qword, wherever they begin.
 */
typedef struct bitx_raw_sink {
    uint8_t *bytes[2];
    size_t bit[2]; /* where the next go, in bits; bit[1] is a multiple of 8 */
} bitx_raw_sink;

typedef struct bitx_raw_source {
    const uint8_t *bytes[2];
    size_t nbytes[2];
    size_t bit[2]; /* where the next come from, in bits; bit[1] is a multiple of 8 */
} bitx_raw_source;

/*
 * Symbols of differences, one byte each, and their raw bits, whose places in *raw move on. A class
 * of 0xff gives symbol 255. Each string needs room for bit / 8 + nelem + 8 bytes: the bits below it
 * in its first byte stay, those above it in its last byte become zero, what lies beyond is
 * undefined.
 */
BITX_KERNEL(void, delta_split_u16, uint8_t *symbols, bitx_raw_sink *raw, const uint8_t *differences,
            const uint8_t *classes, size_t nelem, const bitx_delta_params *params);

/* delta_diff and delta_split in one pass, without the differences. */
BITX_KERNEL(void, delta_encode_u16, uint8_t *symbols, uint8_t *classes, bitx_raw_sink *raw,
            const uint8_t *x, const uint8_t *base, size_t nelem, const bitx_delta_params *params);

/*
 * delta_encode without classes: the symbol of an element of class c goes to the end of list
 * group[c], and lists move on. Groups are below 16. Each list needs room for nelem + 64 bytes: what
 * lies behind its symbols is undefined.
 */
BITX_KERNEL(void, delta_lists_u16, uint8_t *lists[16], bitx_raw_sink *raw, const uint8_t *x,
            const uint8_t *base, size_t nelem, const bitx_delta_params *params,
            const uint8_t group[16]);

/*
 * Symbols of elements in lists, one for each group: the symbol of an element of class c is the next
 * of next[group[c]]; groups are below 16. With scales (else NULL), those of elements of chunk k, of
 * 2^chunk_log2, have class_low less 14 - scales[k], which is at least 0; of scale 15, the elements
 * are those of the base with their zero_bits cleared, and have no symbols. chunk_log2 is at
 * least 6.
 */
typedef struct bitx_delta_lists {
    const uint8_t *next[16];
    uint8_t group[16];
    const uint8_t *scales;
    unsigned chunk_log2;
} bitx_delta_lists;

/*
 * The inverse of delta_encode: elements from the base, symbols (below 60, or 255) and raw bits;
 * the places in *lists and *raw move on. Of each list up to 64 bytes behind the last symbol are
 * read, whatever they are. Returns 0, or 1 if there are too few raw bits or an element has more
 * than width - 2; dst is undefined then.
 */
BITX_KERNEL(int, delta_restore_u16, uint8_t *dst, const uint8_t *base, bitx_delta_lists *lists,
            bitx_raw_source *raw, size_t nelem, const bitx_delta_params *params);

/*
 * A plane of bits for each group of classes, groups being below 16: the bits of its elements, in
 * order, from number bit[g] of bytes[g] on. NULL: no plane, and every bit is bit g of `ones`.
 */
typedef struct bitx_plane_sources {
    const uint8_t *bytes[16];
    size_t bit[16];
    uint8_t group[16]; /* of a class */
    uint16_t ones;
} bitx_plane_sources;

/* The same to be written; of a group of `ones`, all bits are 1. */
typedef struct bitx_plane_sinks {
    uint8_t *bytes[16]; /* of all groups up to the greatest */
    size_t bit[16];
    uint8_t group[16];
    uint16_t ones;
} bitx_plane_sinks;

/*
 * For elements few of which are not those of the base. delta_sift: those whose words differ from
 * the base's, and all of groups of `ones`, go to coded, their bases to coded_base; planes get a bit
 * for every element, 1 if it is one of them. Returns how many there are. coded and coded_base have
 * room for nelem + 64 elements. The planes' places move on; each needs room for
 * bit / 8 + nelem / 8 + 16 bytes: the bits below it in its first byte stay, those above it in its
 * last byte become zero, what lies beyond is undefined, as is the first byte where there are none.
 */
BITX_KERNEL(size_t, delta_sift_u16, uint8_t *coded, uint8_t *coded_base, bitx_plane_sinks *planes,
            const uint8_t *x, const uint8_t *base, size_t nelem, const bitx_delta_params *params);

/*
 * Which they are: places gets the indices of the elements whose bit is 1, 16 bits each. Returns how
 * many. nelem is at most 65536; places has room for nelem + 64. The planes' places move on; of each
 * up to 16 bytes behind its last bit are read.
 */
BITX_KERNEL(size_t, delta_places_u16, uint8_t *places, bitx_plane_sources *planes,
            const uint8_t *base, size_t nelem, const bitx_delta_params *params);

/*
 * Elements to the lists of their groups and back: the group of element i is group[classes[i]], the
 * class of 0xff has none: groups_split drops the element, groups_merge makes it 255. Classes are
 * below 16 else, groups below 16. lists[g] moves on as elements are written or read; no byte beyond
 * is written, and up to 64 beyond those of a list are read.
 */
BITX_KERNEL(void, groups_split_u8, uint8_t *lists[16], const uint8_t *src, const uint8_t *classes,
            const uint8_t group[16], size_t nelem);
BITX_KERNEL(void, groups_merge_u8, uint8_t *dst, const uint8_t *lists[16], const uint8_t *classes,
            const uint8_t group[16], size_t nelem);

/* How many elements are in each group. */
BITX_KERNEL(void, groups_count_u8, uint32_t counts[16], const uint8_t *classes,
            const uint8_t group[16], size_t nelem);

/*
 * How words of 16 bits are made of a symbol and raw bits: v = (low + symbol) << shift | raw; of its
 * `width` bits, fold 1 moves the lowest to the top, fold 2 inverts the others where that is set
 * (and drops it); then come zero_bits zeros.
 */
typedef struct bitx_float_params {
    unsigned width;     /* 16 - zero_bits, at least 2 */
    unsigned zero_bits; /* at most 14 */
    unsigned fold;      /* 0, 1, 2 */
    unsigned shift;     /* below width */
    unsigned low;       /* low + symbol < 2^(width - shift) */
} bitx_float_params;

/*
 * Symbols, one byte each, and the raw bits of all words as a string from the first bit of raw on:
 * ceil(shift * nelem / 8) bytes, zeros behind the last bit. The zero_bits are not looked at.
 * Returns 0, or 1 if some symbol is not 0 to 255: its byte is then the low one.
 */
BITX_KERNEL(int, float_split_u16, uint8_t *symbols, uint8_t *raw, const uint8_t *src, size_t nelem,
            const bitx_float_params *params);

/* The inverse: words from symbols and as many bytes of raw bits. */
BITX_KERNEL(void, float_join_u16, uint8_t *dst, const uint8_t *symbols, const uint8_t *raw,
            size_t nelem, const bitx_float_params *params);

/* dst[i] = table[src[i]]. dst may be src. */
BITX_KERNEL(void, map_u8, uint8_t *dst, const uint8_t *src, const uint8_t table[256], size_t nelem);

/* Adds the number of bytes of each value to counts. */
BITX_KERNEL(void, histogram_u8, uint32_t counts[256], const uint8_t *src, size_t nelem);

/* Adds to counts[256 * c + v] the number of elements of value v whose context is c. counts has 256
 * for each context there is. */
BITX_KERNEL(void, histogram_pairs_u8, uint32_t *counts, const uint8_t *contexts, const uint8_t *src,
            size_t nelem);

/* ---- byte planes ---- */

/*
 * Byte k of element i to planes[k * stride + i], for elements of 2, 4 or 8 bytes: with
 * stride = nelem the layout of Parquet's BYTE_STREAM_SPLIT. stride is at least nelem; the bytes
 * between planes are left alone. xor_split takes the planes of a ^ b, and xor_merge gives a back.
 */
BITX_KERNEL(void, split_planes_u16, uint8_t *planes, size_t stride, const uint8_t *src,
            size_t nelem);
BITX_KERNEL(void, xor_split_planes_u16, uint8_t *planes, size_t stride, const uint8_t *a,
            const uint8_t *b, size_t nelem);
BITX_KERNEL(void, merge_planes_u16, uint8_t *dst, const uint8_t *planes, size_t stride,
            size_t nelem);
BITX_KERNEL(void, xor_merge_planes_u16, uint8_t *dst, const uint8_t *planes, size_t stride,
            const uint8_t *b, size_t nelem);

BITX_KERNEL(void, split_planes_u32, uint8_t *planes, size_t stride, const uint8_t *src,
            size_t nelem);
BITX_KERNEL(void, xor_split_planes_u32, uint8_t *planes, size_t stride, const uint8_t *a,
            const uint8_t *b, size_t nelem);
BITX_KERNEL(void, merge_planes_u32, uint8_t *dst, const uint8_t *planes, size_t stride,
            size_t nelem);
BITX_KERNEL(void, xor_merge_planes_u32, uint8_t *dst, const uint8_t *planes, size_t stride,
            const uint8_t *b, size_t nelem);

BITX_KERNEL(void, split_planes_u64, uint8_t *planes, size_t stride, const uint8_t *src,
            size_t nelem);
BITX_KERNEL(void, xor_split_planes_u64, uint8_t *planes, size_t stride, const uint8_t *a,
            const uint8_t *b, size_t nelem);
BITX_KERNEL(void, merge_planes_u64, uint8_t *dst, const uint8_t *planes, size_t stride,
            size_t nelem);
BITX_KERNEL(void, xor_merge_planes_u64, uint8_t *dst, const uint8_t *planes, size_t stride,
            const uint8_t *b, size_t nelem);

/* ---- differences in the order of numbers ---- */

/*
 * dst[i] = x[i] - base[i], modulo 2^width, of plain integers; and of floats of sign and magnitude
 * (any of them: BF16 and F16 are u16) as steps in the order of floats, positive away from zero on
 * the base's side: both are flipped where the base is negative, and mapped to two's complement by
 * inverting the magnitude bits of what is negative then. A step of one ulp is +1 or -1 everywhere,
 * also where it carries into the exponent. undiff is the inverse. dst may be any of the sources.
 */
BITX_KERNEL(void, float_diff_u8, uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem);
BITX_KERNEL(void, float_diff_u16, uint8_t *dst, const uint8_t *x, const uint8_t *base,
            size_t nelem);
BITX_KERNEL(void, float_diff_u32, uint8_t *dst, const uint8_t *x, const uint8_t *base,
            size_t nelem);
BITX_KERNEL(void, float_diff_u64, uint8_t *dst, const uint8_t *x, const uint8_t *base,
            size_t nelem);

BITX_KERNEL(void, float_undiff_u8, uint8_t *dst, const uint8_t *difference, const uint8_t *base,
            size_t nelem);
BITX_KERNEL(void, float_undiff_u16, uint8_t *dst, const uint8_t *difference, const uint8_t *base,
            size_t nelem);
BITX_KERNEL(void, float_undiff_u32, uint8_t *dst, const uint8_t *difference, const uint8_t *base,
            size_t nelem);
BITX_KERNEL(void, float_undiff_u64, uint8_t *dst, const uint8_t *difference, const uint8_t *base,
            size_t nelem);

BITX_KERNEL(void, int_diff_u8, uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem);
BITX_KERNEL(void, int_diff_u16, uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem);
BITX_KERNEL(void, int_diff_u32, uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem);
BITX_KERNEL(void, int_diff_u64, uint8_t *dst, const uint8_t *x, const uint8_t *base, size_t nelem);

BITX_KERNEL(void, int_undiff_u8, uint8_t *dst, const uint8_t *difference, const uint8_t *base,
            size_t nelem);
BITX_KERNEL(void, int_undiff_u16, uint8_t *dst, const uint8_t *difference, const uint8_t *base,
            size_t nelem);
BITX_KERNEL(void, int_undiff_u32, uint8_t *dst, const uint8_t *difference, const uint8_t *base,
            size_t nelem);
BITX_KERNEL(void, int_undiff_u64, uint8_t *dst, const uint8_t *difference, const uint8_t *base,
            size_t nelem);

/* ---- bit planes ---- */

/*
 * Bit p of element i to bit i % 8 of planes[p * stride + i / 8], p from the lowest bit on, for any
 * number of elements of 8, 16 or 32 bits: the full transpose, each plane (nelem + 7) / 8 bytes.
 * The bits above the last element in the last byte of a plane are written as 0 and ignored when
 * read. stride is at least the bytes of a plane; the bytes between planes are left alone.
 */
BITX_KERNEL(void, split_bits_u8, uint8_t *planes, size_t stride, const uint8_t *src, size_t nelem);
BITX_KERNEL(void, xor_split_bits_u8, uint8_t *planes, size_t stride, const uint8_t *a,
            const uint8_t *b, size_t nelem);
BITX_KERNEL(void, merge_bits_u8, uint8_t *dst, const uint8_t *planes, size_t stride, size_t nelem);
BITX_KERNEL(void, xor_merge_bits_u8, uint8_t *dst, const uint8_t *planes, size_t stride,
            const uint8_t *b, size_t nelem);

BITX_KERNEL(void, split_bits_u16, uint8_t *planes, size_t stride, const uint8_t *src, size_t nelem);
BITX_KERNEL(void, xor_split_bits_u16, uint8_t *planes, size_t stride, const uint8_t *a,
            const uint8_t *b, size_t nelem);
BITX_KERNEL(void, merge_bits_u16, uint8_t *dst, const uint8_t *planes, size_t stride, size_t nelem);
BITX_KERNEL(void, xor_merge_bits_u16, uint8_t *dst, const uint8_t *planes, size_t stride,
            const uint8_t *b, size_t nelem);

BITX_KERNEL(void, split_bits_u32, uint8_t *planes, size_t stride, const uint8_t *src, size_t nelem);
BITX_KERNEL(void, xor_split_bits_u32, uint8_t *planes, size_t stride, const uint8_t *a,
            const uint8_t *b, size_t nelem);
BITX_KERNEL(void, merge_bits_u32, uint8_t *dst, const uint8_t *planes, size_t stride, size_t nelem);
BITX_KERNEL(void, xor_merge_bits_u32, uint8_t *dst, const uint8_t *planes, size_t stride,
            const uint8_t *b, size_t nelem);

/* ---- predictions: floats computed from other floats ---- */

/*
 * These are exact to the bit on every machine: F32 arithmetic of IEEE 754, each operation rounded
 * to nearest even by itself, with denormals, whatever modes the caller's thread has. Every NaN in
 * a result is 0x7fc0 (BF16), 0x7e00 (F16) or 0x7fc00000 (F32).
 */

/* From F32, rounded to nearest even, and to F32, exactly. */
BITX_KERNEL(void, cast_f32_bf16, uint8_t *dst, const uint8_t *src, size_t nelem);
BITX_KERNEL(void, cast_f32_f16, uint8_t *dst, const uint8_t *src, size_t nelem);
/* The same for every value but NaNs of BF16, whose 16 bits are kept. */
BITX_KERNEL(void, cast_bf16_f32, uint8_t *dst, const uint8_t *src, size_t nelem);
BITX_KERNEL(void, cast_f16_f32, uint8_t *dst, const uint8_t *src, size_t nelem);

/*
 * A matrix of low rank added to elements [first, first + nelem) of a matrix in row-major order
 * (LoRA, arXiv 2106.09685, merged): for element (i, j), the sum over k < rank of u[i][k] * v[j][k],
 * integers modulo 2^32 taken as signed; made a float, times 2^-shift; added to the base; rounded to
 * its format.
 *
 * u: 16-bit integers, rank for each row from row 0 on. v: tiles of 16 columns; tile t has for each
 * pair of ranks 2p, 2p + 1 the integers v[16t][2p], v[16t][2p + 1], v[16t + 1][2p], ..., of columns
 * beyond the last anything. dst may be base.
 */
typedef struct bitx_lowrank_params {
    size_t columns; /* at least 1 */
    size_t first;
    unsigned rank;  /* even, at least 2 */
    unsigned shift; /* at most 126 */
} bitx_lowrank_params;

BITX_KERNEL(void, lowrank_add_bf16, uint8_t *dst, const uint8_t *base, const uint8_t *u,
            const uint8_t *v, size_t nelem, const bitx_lowrank_params *params);
BITX_KERNEL(void, lowrank_add_f16, uint8_t *dst, const uint8_t *base, const uint8_t *u,
            const uint8_t *v, size_t nelem, const bitx_lowrank_params *params);
BITX_KERNEL(void, lowrank_add_f32, uint8_t *dst, const uint8_t *base, const uint8_t *u,
            const uint8_t *v, size_t nelem, const bitx_lowrank_params *params);

/*
 * Sums of parents p[0], p[1], ... as tools that merge models compute them. With R(x) and S(x) the
 * roundings of products and of sums (BITX_ROUND_NONE: none but that of F32):
 * relative 0 (linear, SLERP): R(c[0] p[0]), then the sum S(sum + R(c[k] p[k])) for k = 1, 2, ...;
 * relative 1 (task arithmetic, arXiv 2212.04089): x[k] = R(c[k] R(p[k] - p[0])) for k = 1, 2, ...
 * are summed likewise, from x[1] on, and the result is S(p[0] + sum); c[0] is not looked at.
 * dst may be any parent.
 */
enum { BITX_ROUND_NONE = 0, BITX_ROUND_BF16 = 1, BITX_ROUND_F16 = 2 };
typedef struct bitx_combine_params {
    unsigned nparents; /* 1 to 8; with relative at least 2 */
    unsigned relative;
    unsigned round_products, round_sums;
    float coefficients[8];
} bitx_combine_params;

BITX_KERNEL(void, combine_f32, uint8_t *dst, const uint8_t *const parents[8], size_t nelem,
            const bitx_combine_params *params);

/* ---- the whole ---- */

/*
 * Runs every operation as the plain names do on this CPU, on fixed inputs of up to 600 elements,
 * and compares all that it wrote with known answers: about a millisecond and 64 KiB of stack, for
 * programs that want to know at start that compiler, CPU and hypervisor agree. NULL: all right.
 * Else the name of the first operation that is wrong; BITX_ISA=scalar may then be a way out.
 */
BITX_API BITX_WARN_UNUSED const char *bitx_selftest(void);

#ifdef __cplusplus
}
#endif

#endif
