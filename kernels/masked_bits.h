/* pack_bits and unpack_bits of a row, from its pext, pdep and popcount. Private to kernels/. */
#ifndef BITX_MASKED_BITS_H
#define BITX_MASKED_BITS_H

#include "bitstring.h"

/* 64 bits of a plane; the last n of it. */
static inline uint64_t plane_bits(const uint8_t *plane, size_t i, size_t n)
{
    return n < 64 ? bits_at(plane, i, n) : bits64_at(plane, i);
}

/* The n bits of a string from `bit` on, 64 where it still has so many. */
static inline uint64_t next_bits(const uint8_t *p, size_t bit, size_t n, size_t nbits)
{
    if (nbits - bit >= 64)
        return bits64_at(p, bit);
    return n ? bits_at(p, bit, n) : 0;
}

/* For a file with pack64(bits, mask), unpack64(bits, mask) and ones64(mask). */
#define BITX_MASKED_BITS_FUNCTIONS(attributes, isa)                                                \
    attributes size_t bitx_pack_bits_##isa(uint8_t *dst, const uint8_t *src, const uint8_t *mask,  \
                                           size_t nbits)                                           \
    {                                                                                              \
        uint64_t pending = 0;                                                                      \
        size_t total = 0;                                                                          \
        for (size_t i = 0; i < nbits; i += 64) {                                                   \
            size_t n = nbits - i < 64 ? nbits - i : 64;                                            \
            uint64_t m = plane_bits(mask, i, n), bits = pack64(plane_bits(src, i, n), m);          \
            unsigned shift = total % 64, ones = ones64(m);                                         \
            pending |= bits << shift;                                                              \
            if (shift + ones >= 64) {                                                              \
                memcpy(dst + total / 64 * 8, &pending, 8);                                         \
                pending = shift ? bits >> (64 - shift) : 0;                                        \
            }                                                                                      \
            total += ones;                                                                         \
        }                                                                                          \
        memcpy(dst + total / 64 * 8, &pending, (total % 64 + 7) / 8);                              \
        return total;                                                                              \
    }                                                                                              \
    attributes size_t bitx_unpack_bits_##isa(uint8_t *dst, const uint8_t *src,                     \
                                             const uint8_t *mask, size_t nbits)                    \
    {                                                                                              \
        size_t total = (size_t)bitx_count_ones_##isa(mask, 0, nbits), bit = 0;                     \
        for (size_t i = 0; i < nbits; i += 64) {                                                   \
            size_t n = nbits - i < 64 ? nbits - i : 64;                                            \
            uint64_t m = plane_bits(mask, i, n);                                                   \
            unsigned ones = ones64(m);                                                             \
            uint64_t bits = unpack64(next_bits(src, bit, ones, total), m);                         \
            memcpy(dst + i / 8, &bits, (n + 7) / 8);                                               \
            bit += ones;                                                                           \
        }                                                                                          \
        return total;                                                                              \
    }

#endif
