/* Byte planes, Advanced SIMD: structure loads and stores do them. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include "planes.h"

#    include <arm_neon.h>

static inline void split_block_u16(uint8_t *planes, size_t stride, const uint8_t *a,
                                   const uint8_t *b)
{
    uint8x16x2_t v = vld2q_u8(a), w = b ? vld2q_u8(b) : v;
#    pragma GCC unroll 2
    for (size_t k = 0; k < 2; k++)
        vst1q_u8(planes + k * stride, b ? veorq_u8(v.val[k], w.val[k]) : v.val[k]);
}

static inline void merge_block_u16(uint8_t *dst, const uint8_t *planes, size_t stride,
                                   const uint8_t *b)
{
    uint8x16x2_t v, w;
    if (b)
        w = vld2q_u8(b);
#    pragma GCC unroll 2
    for (size_t k = 0; k < 2; k++) {
        v.val[k] = vld1q_u8(planes + k * stride);
        if (b)
            v.val[k] = veorq_u8(v.val[k], w.val[k]);
    }
    vst2q_u8(dst, v);
}

static inline void split_block_u32(uint8_t *planes, size_t stride, const uint8_t *a,
                                   const uint8_t *b)
{
    uint8x16x4_t v = vld4q_u8(a), w = b ? vld4q_u8(b) : v;
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        vst1q_u8(planes + k * stride, b ? veorq_u8(v.val[k], w.val[k]) : v.val[k]);
}

static inline void merge_block_u32(uint8_t *dst, const uint8_t *planes, size_t stride,
                                   const uint8_t *b)
{
    uint8x16x4_t v, w;
    if (b)
        w = vld4q_u8(b);
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) {
        v.val[k] = vld1q_u8(planes + k * stride);
        if (b)
            v.val[k] = veorq_u8(v.val[k], w.val[k]);
    }
    vst4q_u8(dst, v);
}

/* 16 elements as two sets of four vectors of words, and the bytes of these apart. */
static inline void load_words(uint16x8_t v[8], const uint8_t *p)
{
    uint16x8x4_t lo = vld4q_u16((const uint16_t *)(const void *)p);
    uint16x8x4_t hi = vld4q_u16((const uint16_t *)(const void *)(p + 64));
#    pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        v[k] = lo.val[k];
        v[k + 4] = hi.val[k];
    }
}

static inline void split_block_u64(uint8_t *planes, size_t stride, const uint8_t *a,
                                   const uint8_t *b)
{
    uint16x8_t v[8], w[8];
    load_words(v, a);
    if (b) {
        load_words(w, b);
        for (int k = 0; k < 8; k++)
            v[k] = veorq_u16(v[k], w[k]);
    }
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) {
        uint8x16_t lo = vreinterpretq_u8_u16(v[k]), hi = vreinterpretq_u8_u16(v[k + 4]);
        vst1q_u8(planes + 2 * k * stride, vuzp1q_u8(lo, hi));
        vst1q_u8(planes + (2 * k + 1) * stride, vuzp2q_u8(lo, hi));
    }
}

static inline void merge_block_u64(uint8_t *dst, const uint8_t *planes, size_t stride,
                                   const uint8_t *b)
{
    uint16x8x4_t half[2];
    uint16x8_t w[8];
#    pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) {
        uint8x16_t even = vld1q_u8(planes + 2 * k * stride);
        uint8x16_t odd = vld1q_u8(planes + (2 * k + 1) * stride);
        half[0].val[k] = vreinterpretq_u16_u8(vzip1q_u8(even, odd));
        half[1].val[k] = vreinterpretq_u16_u8(vzip2q_u8(even, odd));
    }
    if (b) {
        load_words(w, b);
        for (int k = 0; k < 8; k++)
            half[k / 4].val[k % 4] = veorq_u16(half[k / 4].val[k % 4], w[k]);
    }
    vst4q_u16((uint16_t *)(void *)dst, half[0]);
    vst4q_u16((uint16_t *)(void *)(dst + 64), half[1]);
}

static inline __attribute__((always_inline)) void
split_block(uint8_t *planes, size_t stride, const uint8_t *a, const uint8_t *b, size_t width)
{
    if (width == 2)
        split_block_u16(planes, stride, a, b);
    else if (width == 4)
        split_block_u32(planes, stride, a, b);
    else
        split_block_u64(planes, stride, a, b);
}

static inline __attribute__((always_inline)) void
merge_block(uint8_t *dst, const uint8_t *planes, size_t stride, const uint8_t *b, size_t width)
{
    if (width == 2)
        merge_block_u16(dst, planes, stride, b);
    else if (width == 4)
        merge_block_u32(dst, planes, stride, b);
    else
        merge_block_u64(dst, planes, stride, b);
}

/* The last block overlaps the one before it. */
static inline __attribute__((always_inline)) void split(uint8_t *planes, size_t stride,
                                                        const uint8_t *a, const uint8_t *b,
                                                        size_t nelem, size_t width)
{
    for (size_t i = 0; i < nelem; i += 16) {
        i = i < nelem - 16 ? i : nelem - 16;
        split_block(planes + i, stride, a + width * i, b ? b + width * i : NULL, width);
    }
}

static inline __attribute__((always_inline)) void merge(uint8_t *dst, const uint8_t *planes,
                                                        size_t stride, const uint8_t *b,
                                                        size_t nelem, size_t width)
{
    for (size_t i = 0; i < nelem; i += 16) {
        i = i < nelem - 16 ? i : nelem - 16;
        merge_block(dst + width * i, planes + i, stride, b ? b + width * i : NULL, width);
    }
}

BITX_PLANES_FUNCTIONS(, neon, 16)

#endif
