/* Bit planes, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include <string.h>

enum { CHUNK = 512 }; /* elements */

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

/* CHUNK bytes to eight planes of CHUNK / 8 bytes. */
static inline void split_chunk(uint8_t *planes, size_t stride, const uint8_t *src)
{
    for (size_t i = 0; i < CHUNK; i += 8) {
        uint64_t x;
        memcpy(&x, src + i, 8);
        x = transpose8(x);
        for (unsigned p = 0; p < 8; p++)
            planes[p * stride + i / 8] = (uint8_t)(x >> 8 * p);
    }
}

static inline void merge_chunk(uint8_t *dst, const uint8_t *planes, size_t stride)
{
    for (size_t i = 0; i < CHUNK; i += 8) {
        uint64_t x = 0;
        for (unsigned p = 0; p < 8; p++)
            x |= (uint64_t)planes[p * stride + i / 8] << 8 * p;
        x = transpose8(x);
        memcpy(dst + i, &x, 8);
    }
}

/* Bytes of elements to byte planes in `bytes`, CHUNK apart. */
static inline __attribute__((always_inline)) void to_bytes(uint8_t *bytes, const uint8_t *a,
                                                           const uint8_t *b, size_t width, size_t n)
{
    if (width == 1 && b)
        bitx_xor_bytes_scalar(bytes, a, b, n);
    else if (width == 1)
        memcpy(bytes, a, n);
    else if (width == 2 && b)
        bitx_xor_split_planes_u16_scalar(bytes, CHUNK, a, b, n);
    else if (width == 2)
        bitx_split_planes_u16_scalar(bytes, CHUNK, a, n);
    else if (b)
        bitx_xor_split_planes_u32_scalar(bytes, CHUNK, a, b, n);
    else
        bitx_split_planes_u32_scalar(bytes, CHUNK, a, n);
}

static inline __attribute__((always_inline)) void
from_bytes(uint8_t *dst, const uint8_t *bytes, const uint8_t *b, size_t width, size_t n)
{
    if (width == 1 && b)
        bitx_xor_bytes_scalar(dst, bytes, b, n);
    else if (width == 1)
        memcpy(dst, bytes, n);
    else if (width == 2 && b)
        bitx_xor_merge_planes_u16_scalar(dst, bytes, CHUNK, b, n);
    else if (width == 2)
        bitx_merge_planes_u16_scalar(dst, bytes, CHUNK, n);
    else if (b)
        bitx_xor_merge_planes_u32_scalar(dst, bytes, CHUNK, b, n);
    else
        bitx_merge_planes_u32_scalar(dst, bytes, CHUNK, n);
}

/* Byte planes of a chunk that stays in L1, then the bit planes of each; the last chunk is filled up
   with zeros, and only the bytes that hold its bits are copied out. */
static inline __attribute__((always_inline)) void split(uint8_t *planes, size_t stride,
                                                        const uint8_t *a, const uint8_t *b,
                                                        size_t width, size_t nelem)
{
    uint8_t bytes[4 * CHUNK], bits[CHUNK];
    for (size_t i = 0; i < nelem; i += CHUNK) {
        size_t n = nelem - i < CHUNK ? nelem - i : CHUNK, nbytes = (n + 7) / 8;
        to_bytes(bytes, a + width * i, b ? b + width * i : NULL, width, n);
        for (size_t k = 0; k < width; k++) {
            uint8_t *to = planes + 8 * k * stride + i / 8;
            if (n == CHUNK) {
                split_chunk(to, stride, bytes + k * CHUNK);
                continue;
            }
            memset(bytes + k * CHUNK + n, 0, CHUNK - n);
            split_chunk(bits, CHUNK / 8, bytes + k * CHUNK);
            for (size_t p = 0; p < 8; p++)
                memcpy(to + p * stride, bits + p * (CHUNK / 8), nbytes);
        }
    }
}

static inline __attribute__((always_inline)) void merge(uint8_t *dst, const uint8_t *planes,
                                                        size_t stride, const uint8_t *b,
                                                        size_t width, size_t nelem)
{
    uint8_t bytes[4 * CHUNK], bits[CHUNK] = {0};
    for (size_t i = 0; i < nelem; i += CHUNK) {
        size_t n = nelem - i < CHUNK ? nelem - i : CHUNK, nbytes = (n + 7) / 8;
        for (size_t k = 0; k < width; k++) {
            const uint8_t *from = planes + 8 * k * stride + i / 8;
            if (n == CHUNK) {
                merge_chunk(bytes + k * CHUNK, from, stride);
                continue;
            }
            for (size_t p = 0; p < 8; p++)
                memcpy(bits + p * (CHUNK / 8), from + p * stride, nbytes);
            merge_chunk(bytes + k * CHUNK, bits, CHUNK / 8);
        }
        from_bytes(dst + width * i, bytes, b ? b + width * i : NULL, width, n);
    }
}

void bitx_split_bits_u8_scalar(uint8_t *planes, size_t stride, const uint8_t *src, size_t nelem)
{
    split(planes, stride, src, NULL, 1, nelem);
}

void bitx_xor_split_bits_u8_scalar(uint8_t *planes, size_t stride, const uint8_t *a,
                                   const uint8_t *b, size_t nelem)
{
    split(planes, stride, a, b, 1, nelem);
}

void bitx_merge_bits_u8_scalar(uint8_t *dst, const uint8_t *planes, size_t stride, size_t nelem)
{
    merge(dst, planes, stride, NULL, 1, nelem);
}

void bitx_xor_merge_bits_u8_scalar(uint8_t *dst, const uint8_t *planes, size_t stride,
                                   const uint8_t *b, size_t nelem)
{
    merge(dst, planes, stride, b, 1, nelem);
}

void bitx_split_bits_u16_scalar(uint8_t *planes, size_t stride, const uint8_t *src, size_t nelem)
{
    split(planes, stride, src, NULL, 2, nelem);
}

void bitx_xor_split_bits_u16_scalar(uint8_t *planes, size_t stride, const uint8_t *a,
                                    const uint8_t *b, size_t nelem)
{
    split(planes, stride, a, b, 2, nelem);
}

void bitx_merge_bits_u16_scalar(uint8_t *dst, const uint8_t *planes, size_t stride, size_t nelem)
{
    merge(dst, planes, stride, NULL, 2, nelem);
}

void bitx_xor_merge_bits_u16_scalar(uint8_t *dst, const uint8_t *planes, size_t stride,
                                    const uint8_t *b, size_t nelem)
{
    merge(dst, planes, stride, b, 2, nelem);
}

void bitx_split_bits_u32_scalar(uint8_t *planes, size_t stride, const uint8_t *src, size_t nelem)
{
    split(planes, stride, src, NULL, 4, nelem);
}

void bitx_xor_split_bits_u32_scalar(uint8_t *planes, size_t stride, const uint8_t *a,
                                    const uint8_t *b, size_t nelem)
{
    split(planes, stride, a, b, 4, nelem);
}

void bitx_merge_bits_u32_scalar(uint8_t *dst, const uint8_t *planes, size_t stride, size_t nelem)
{
    merge(dst, planes, stride, NULL, 4, nelem);
}

void bitx_xor_merge_bits_u32_scalar(uint8_t *dst, const uint8_t *planes, size_t stride,
                                    const uint8_t *b, size_t nelem)
{
    merge(dst, planes, stride, b, 4, nelem);
}
