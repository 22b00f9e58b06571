/* Bit planes, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include "bitplanes.h"

/* 8 x 8 bits transposed: bit c of byte r to bit r of byte c (Warren, Hacker's Delight, 7-3). */
static inline uint64_t transpose8(uint64_t x)
{
    uint64_t t = (x ^ x >> 7) & 0x00aa00aa00aa00aau;
    x ^= t ^ t << 7;
    t = (x ^ x >> 14) & 0x0000cccc0000ccccu;
    x ^= t ^ t << 14;
    t = (x ^ x >> 28) & 0x00000000f0f0f0f0u;
    return x ^ t ^ t << 28;
}

/* A chunk of bytes to eight planes of BITPLANES_CHUNK / 8 bytes. */
static void split_chunk(uint8_t *planes, size_t stride, const uint8_t *src, int past_caches)
{
    (void)past_caches;
    for (size_t i = 0; i < BITPLANES_CHUNK; i += 8) {
        uint64_t x;
        memcpy(&x, src + i, 8);
        x = transpose8(x);
        for (unsigned p = 0; p < 8; p++)
            planes[p * stride + i / 8] = (uint8_t)(x >> 8 * p);
    }
}

static void merge_chunk(uint8_t *dst, const uint8_t *planes, size_t stride, int past_caches)
{
    (void)past_caches;
    for (size_t i = 0; i < BITPLANES_CHUNK; i += 8) {
        uint64_t x = 0;
        for (unsigned p = 0; p < 8; p++)
            x |= (uint64_t)planes[p * stride + i / 8] << 8 * p;
        x = transpose8(x);
        memcpy(dst + i, &x, 8);
    }
}

#define BITPLANES_SPLIT_WORDS NULL
#define BITPLANES_MERGE_WORDS NULL
#define BITPLANES_FETCH_WIDTH 0
#define BITPLANES_PAST_CACHES 0
BITX_BITPLANES_FUNCTIONS(, scalar)
