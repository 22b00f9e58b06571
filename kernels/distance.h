/*
 * Bit distance by position: the loops of a row, and the scalar ones. Private to kernels/.
 *
 * Words of 16 bits lie side by side in vectors. Sixteen vectors go through a tree of carry-save
 * adders, which leaves their sum as bits of weight 1, 2, 4, 8 and 16 in five vectors; four of these
 * are carried on, and of the sixteens each position is shifted down and added to a counter of its
 * own (Klarqvist, Mula, Lemire, arXiv 1911.02696). Counters are bytes, so that positions p and p +
 * 8 of a word need one shift. 32-bit words are two of 16 bits: even lanes have the lower positions,
 * odd lanes the upper.
 */
#ifndef BITX_DISTANCE_H
#define BITX_DISTANCE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nontemporal.h"

/* Before the counters' bytes are full: each block adds one. */
enum { POSITIONS_BLOCKS = 255 };

/*
 * For a file with a type `lanes`, load_xored(a, b) (b may be NULL), carry_save(&sum, b, c), which
 * returns the carry, and for words of 16 bits positions(v, p), the bits p and p + 8 at the bottom
 * of their bytes; low_bytes(v), high_bytes(v) as words; add(a, b); times(v, n), which shifts left;
 * and even_sum(v), odd_sum(v) of the lanes.
 */
#define BITX_DISTANCE_POSITIONS(inlined, isa)                                                      \
    /* Sixteen vectors more; returns the sixteens. */                                              \
    inlined lanes positions_block_##isa(lanes low[4], const uint8_t *a, const uint8_t *b)          \
    {                                                                                              \
        enum { V = sizeof(lanes) };                                                                \
        lanes carries[3][2];                                                                       \
        lanes sixteen = low[0];                                                                    \
        _Pragma("GCC unroll 8") for (size_t k = 0; k < 8; k++)                                     \
        {                                                                                          \
            const uint8_t *p = a + 2 * k * V, *q = b ? b + 2 * k * V : NULL;                       \
            lanes carry =                                                                          \
                carry_save(&low[0], load_xored(p, q), load_xored(p + V, q ? q + V : NULL));        \
            carries[0][k % 2] = carry;                                                             \
            if (k % 2 == 1)                                                                        \
                carries[1][k / 2 % 2] = carry_save(&low[1], carries[0][0], carry);                 \
            if (k % 4 == 3)                                                                        \
                carries[2][k / 4 % 2] = carry_save(&low[2], carries[1][0], carries[1][1]);         \
            if (k == 7)                                                                            \
                sixteen = carry_save(&low[3], carries[2][0], carries[2][1]);                       \
        }                                                                                          \
        return sixteen;                                                                            \
    }                                                                                              \
    inlined void positions_sum_##isa(uint64_t *counts, lanes words, unsigned p, size_t bits)       \
    {                                                                                              \
        counts[p] += even_sum(words);                                                              \
        counts[bits == 32 ? p + 16 : p] += odd_sum(words);                                         \
    }                                                                                              \
    /* Sixteen times `sixteens`, and `ones`: eight vectors of bytes each. */                       \
    inlined void positions_flush_##isa(uint64_t *counts, const lanes sixteens[8],                  \
                                       const lanes ones[8], size_t bits)                           \
    {                                                                                              \
        for (unsigned p = 0; p < 8; p++) {                                                         \
            lanes low = add(times(low_bytes(sixteens[p]), 4), low_bytes(ones[p]));                 \
            lanes high = add(times(high_bytes(sixteens[p]), 4), high_bytes(ones[p]));              \
            positions_sum_##isa(counts, low, p, bits);                                             \
            positions_sum_##isa(counts, high, p + 8, bits);                                        \
        }                                                                                          \
    }                                                                                              \
    inlined void positions_##isa(uint64_t *counts, const uint8_t *a, const uint8_t *b,             \
                                 size_t nbytes, size_t bits)                                       \
    {                                                                                              \
        enum { BLOCK = 16 * sizeof(lanes) };                                                       \
        const lanes zero = {0};                                                                    \
        const lanes none[8] = {zero, zero, zero, zero, zero, zero, zero, zero};                    \
        lanes low[4] = {zero, zero, zero, zero}, counters[8], ones[8];                             \
        uint8_t rest[BLOCK];                                                                       \
        size_t i = 0, left;                                                                        \
        do {                                                                                       \
            for (unsigned p = 0; p < 8; p++)                                                       \
                counters[p] = zero;                                                                \
            for (size_t k = 0; k < POSITIONS_BLOCKS && nbytes - i >= BLOCK; k++, i += BLOCK) {     \
                fetch_source(a + i, BLOCK, nbytes >= BITX_NONTEMPORAL_MIN / 2);                    \
                fetch_source(b + i, BLOCK, nbytes >= BITX_NONTEMPORAL_MIN / 2);                    \
                lanes sixteen = positions_block_##isa(low, a + i, b + i);                          \
                _Pragma("GCC unroll 8") for (unsigned p = 0; p < 8; p++) counters[p] =             \
                    add(counters[p], positions(sixteen, p));                                       \
            }                                                                                      \
            left = nbytes - i;                                                                     \
            if (left >= BLOCK)                                                                     \
                positions_flush_##isa(counts, counters, none, bits);                               \
        } while (left >= BLOCK);                                                                   \
        for (size_t k = 0; k < left; k++)                                                          \
            rest[k] = a[i + k] ^ b[i + k];                                                         \
        memset(rest + left, 0, BLOCK - left);                                                      \
        lanes sixteen = positions_block_##isa(low, rest, NULL);                                    \
        _Pragma("GCC unroll 8") for (unsigned p = 0; p < 8; p++)                                   \
        {                                                                                          \
            lanes sum = add(positions(low[0], p), times(positions(low[1], p), 1));                 \
            sum = add(sum, times(positions(low[2], p), 2));                                        \
            sum = add(sum, times(positions(low[3], p), 3));                                        \
            ones[p] = add(sum, times(positions(sixteen, p), 4));                                   \
        }                                                                                          \
        positions_flush_##isa(counts, counters, ones, bits);                                       \
    }

/* The two functions of a file, of `enough` bytes; fewer take those of the row `below`. */
#define BITX_DISTANCE_POSITIONS_FUNCTION(attributes, isa, bits, enough, below)                     \
    attributes void bitx_distance_positions_u##bits##_##isa(uint64_t *counts, const uint8_t *a,    \
                                                            const uint8_t *b, size_t nelem)        \
    {                                                                                              \
        const size_t nbytes = bits / 8 * nelem;                                                    \
        if (nbytes < (enough))                                                                     \
            bitx_distance_positions_u##bits##_##below(counts, a, b, nelem);                        \
        else                                                                                       \
            positions_##isa(counts, a, b, nbytes, bits);                                           \
    }

#endif
