/* Bits under a mask packed and unpacked, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "masked_bits.h"

/*
 * What pext does (Warren, Hacker's Delight, 7-4): each bit of the mask moves down by as many places
 * as there are zeros below it, one power of two at a time; the same steps back are pdep.
 */
typedef struct moves {
    uint64_t by[6]; /* bits that move by 1, 2, 4, ... 32 */
} moves;

static inline moves moves_of(uint64_t mask)
{
    moves m;
    uint64_t zeros = ~mask << 1; /* zeros to the right of each bit */
    for (unsigned k = 0; k < 6; k++) {
        uint64_t parity = zeros;
        for (unsigned step = 1; step < 64; step *= 2)
            parity ^= parity << step;
        m.by[k] = parity & mask;
        mask = (mask ^ m.by[k]) | m.by[k] >> (1u << k);
        zeros &= ~parity;
    }
    return m;
}

static inline uint64_t pack64(uint64_t bits, uint64_t mask)
{
    moves m = moves_of(mask);
    bits &= mask;
    for (unsigned k = 0; k < 6; k++) {
        uint64_t moving = bits & m.by[k];
        bits = (bits ^ moving) | moving >> (1u << k);
    }
    return bits;
}

static inline uint64_t unpack64(uint64_t bits, uint64_t mask)
{
    moves m = moves_of(mask);
    for (unsigned k = 6; k-- > 0;) {
        uint64_t moved = bits << (1u << k);
        bits = (bits & ~m.by[k]) | (moved & m.by[k]);
    }
    return bits & mask;
}

static inline unsigned ones64(uint64_t mask)
{
    return (unsigned)__builtin_popcountll(mask);
}

BITX_MASKED_BITS_FUNCTIONS(, scalar)
