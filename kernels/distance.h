/* Bit distance by position, from a row's bit planes and its count of ones. Private to kernels/. */
#ifndef BITX_DISTANCE_H
#define BITX_DISTANCE_H

/* Planes of a chunk that stay in L1; `ones` is the row that counts for this one. */
#define BITX_DISTANCE_POSITIONS_WIDTH(isa, ones, bits)                                             \
    void bitx_distance_positions_u##bits##_##isa(uint64_t *counts, const uint8_t *a,               \
                                                 const uint8_t *b, size_t nelem)                   \
    {                                                                                              \
        enum { CHUNK = 2048, STRIDE = CHUNK / 8 };                                                 \
        uint8_t planes[bits * STRIDE];                                                             \
        for (size_t i = 0; i < nelem; i += CHUNK) {                                                \
            size_t n = nelem - i < CHUNK ? nelem - i : CHUNK, at = bits / 8 * i;                   \
            bitx_xor_split_bits_u##bits##_##isa(planes, STRIDE, a + at, b + at, n);                \
            for (size_t p = 0; p < bits; p++)                                                      \
                counts[p] += bitx_count_ones_##ones(planes + p * STRIDE, 0, n);                    \
        }                                                                                          \
    }

#define BITX_DISTANCE_POSITIONS(isa, ones)                                                         \
    BITX_DISTANCE_POSITIONS_WIDTH(isa, ones, 16)                                                   \
    BITX_DISTANCE_POSITIONS_WIDTH(isa, ones, 32)

#endif
