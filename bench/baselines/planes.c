/* Splitting and merging that several recipes share; plain loops that compilers vectorise. */
#include <stdlib.h>
#include <string.h>

#include "bench/codec.h"

const char *bench_version_own(void)
{
    return "this tree";
}

uint8_t *bench_scratch(size_t nbytes)
{
    void *p;
    size_t rounded = (nbytes + 127) / 64 * 64;
    if (rounded < nbytes || posix_memalign(&p, 64, rounded) != 0)
        return NULL;
    memset(p, 0, rounded);
    return p;
}

size_t bench_unit_nbytes(bitx_dtype dtype)
{
    unsigned bits = bitx_dtype_bits(dtype);
    if (dtype == BITX_C64)
        return 4;
    return bits <= 8 ? 1 : bits / 8;
}

static void split2(uint8_t *restrict p0, uint8_t *restrict p1, const uint8_t *restrict src,
                   size_t nunits)
{
    for (size_t i = 0; i < nunits; i++) {
        p0[i] = src[2 * i];
        p1[i] = src[2 * i + 1];
    }
}

static void split2_xor(uint8_t *restrict p0, uint8_t *restrict p1, const uint8_t *restrict src,
                       const uint8_t *restrict base, size_t nunits)
{
    for (size_t i = 0; i < nunits; i++) {
        p0[i] = (uint8_t)(src[2 * i] ^ base[2 * i]);
        p1[i] = (uint8_t)(src[2 * i + 1] ^ base[2 * i + 1]);
    }
}

static void merge2(uint8_t *restrict dst, const uint8_t *restrict p0, const uint8_t *restrict p1,
                   const uint8_t *restrict base, size_t nunits)
{
    for (size_t i = 0; i < nunits; i++) {
        dst[2 * i] = (uint8_t)(p0[i] ^ base[2 * i]);
        dst[2 * i + 1] = (uint8_t)(p1[i] ^ base[2 * i + 1]);
    }
}

void bench_planes_split(uint8_t *planes, const uint8_t *src, const uint8_t *base, size_t nbytes,
                        size_t unit)
{
    size_t nunits = nbytes / unit, done = nunits * unit;
    if (unit == 2 && base) {
        split2_xor(planes, planes + nunits, src, base, nunits);
    } else if (unit == 2) {
        split2(planes, planes + nunits, src, nunits);
    } else {
        for (size_t k = 0; k < unit; k++)
            for (size_t i = 0; i < nunits; i++)
                planes[k * nunits + i] =
                    (uint8_t)(src[i * unit + k] ^ (base ? base[i * unit + k] : 0));
    }
    for (size_t i = done; i < nbytes; i++)
        planes[i] = (uint8_t)(src[i] ^ (base ? base[i] : 0));
}

void bench_planes_merge(uint8_t *dst, const uint8_t *planes, const uint8_t *base, size_t nbytes,
                        size_t unit)
{
    size_t nunits = nbytes / unit, done = nunits * unit;
    if (unit == 2 && base) {
        merge2(dst, planes, planes + nunits, base, nunits);
    } else {
        for (size_t k = 0; k < unit; k++)
            for (size_t i = 0; i < nunits; i++)
                dst[i * unit + k] =
                    (uint8_t)(planes[k * nunits + i] ^ (base ? base[i * unit + k] : 0));
    }
    for (size_t i = done; i < nbytes; i++)
        dst[i] = (uint8_t)(planes[i] ^ (base ? base[i] : 0));
}

static inline unsigned load16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static void bf16_split_loop(uint8_t *restrict e, uint8_t *restrict m, const uint8_t *restrict src,
                            const uint8_t *restrict base, size_t n, unsigned mask)
{
    for (size_t i = 0; i < n; i++) {
        unsigned x = load16(src + 2 * i) ^ (load16(base + 2 * i) & mask);
        e[i] = (uint8_t)(x >> 7);
        m[i] = (uint8_t)((x >> 8 & 0x80) | (x & 0x7f));
    }
}

void bench_bf16_split(uint8_t *planes, const uint8_t *src, const uint8_t *base, size_t nbytes)
{
    size_t n = nbytes / 2;
    /* Without a base its bits are masked away. */
    bf16_split_loop(planes, planes + n, src, base ? base : src, n, base ? 0xffff : 0);
    if (nbytes % 2)
        planes[nbytes - 1] = (uint8_t)(src[nbytes - 1] ^ (base ? base[nbytes - 1] : 0));
}

static void bf16_merge_loop(uint8_t *restrict dst, const uint8_t *restrict e,
                            const uint8_t *restrict m, const uint8_t *restrict base, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned x = (unsigned)(m[i] & 0x80) << 8 | (unsigned)e[i] << 7 | (m[i] & 0x7fU);
        uint16_t y = (uint16_t)(x ^ load16(base + 2 * i));
        memcpy(dst + 2 * i, &y, sizeof(y));
    }
}

void bench_bf16_merge(uint8_t *dst, const uint8_t *planes, const uint8_t *base, size_t nbytes)
{
    size_t n = nbytes / 2;
    if (base) {
        bf16_merge_loop(dst, planes, planes + n, base, n);
    } else {
        for (size_t i = 0; i < n; i++) {
            unsigned m = planes[n + i];
            uint16_t y = (uint16_t)((m & 0x80) << 8 | (unsigned)planes[i] << 7 | (m & 0x7f));
            memcpy(dst + 2 * i, &y, sizeof(y));
        }
    }
    if (nbytes % 2)
        dst[nbytes - 1] = (uint8_t)(planes[nbytes - 1] ^ (base ? base[nbytes - 1] : 0));
}
