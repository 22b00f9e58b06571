/* Counts of bytes and of pairs, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include <string.h>

/*
 * Eight tables by turns: two counts of one value wait for each other's store, five cycles long, and
 * lists of few symbols repeat them all the time (four tables: 1.2 cycles an element, eight: 0.7).
 * No vector form: gathers and conflict detection are slower than stores (and slow on Zen 4 and
 * since the Downfall microcode).
 */
void bitx_histogram_u8_scalar(uint32_t counts[256], const uint8_t *src, size_t nelem)
{
    uint32_t turns[8][256];
    size_t i = 0;
    if (nelem >= 1024) {
        memset(turns, 0, sizeof(turns));
        for (; nelem - i >= 8; i += 8) {
            uint64_t v;
            memcpy(&v, src + i, 8);
            for (unsigned k = 0; k < 8; k++)
                turns[k][v >> 8 * k & 255]++;
        }
        for (unsigned k = 0; k < 8; k++)
            for (unsigned v = 0; v < 256; v++)
                counts[v] += turns[k][v];
    }
    for (; i < nelem; i++)
        counts[src[i]]++;
}

void bitx_histogram_pairs_u8_scalar(uint32_t *counts, const uint8_t *contexts, const uint8_t *src,
                                    size_t nelem)
{
    for (size_t i = 0; i < nelem; i++)
        counts[256 * (size_t)contexts[i] + src[i]]++;
}
