/*
 * Bit planes, Advanced SIMD: 8 x 8 bits of each qword (8 elements) transposed by exchanges, then
 * 8 x 8 bytes of eight of them by tbl, 64 elements at a time.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include "bitplanes.h"

#    include <arm_neon.h>

/* Exchanges the bits that the mask marks with those `n` above them. */
#    define EXCHANGE(x, n, mask)                                                                   \
        do {                                                                                       \
            uint64x2_t t_ = vandq_u64(veorq_u64(x, vshrq_n_u64(x, n)), vdupq_n_u64(mask));         \
            (x) = veorq_u64(x, veorq_u64(t_, vshlq_n_u64(t_, n)));                                 \
        } while (0)

/* Bit c of byte r to bit r of byte c in each qword (Warren, Hacker's Delight, 7-3). */
static inline uint8x16_t transpose_bits(uint8x16_t v)
{
    uint64x2_t x = vreinterpretq_u64_u8(v);
    EXCHANGE(x, 7, 0x00aa00aa00aa00aau);
    EXCHANGE(x, 14, 0x0000cccc0000ccccu);
    EXCHANGE(x, 28, 0x00000000f0f0f0f0u);
    return vreinterpretq_u8_u64(x);
}

/* 8 x 8 bytes transposed; its own inverse. */
static inline uint8x16x4_t transpose_bytes(uint8x16x4_t v)
{
    static const uint8_t column[16] = {0, 8, 16, 24, 32, 40, 48, 56, 1, 9, 17, 25, 33, 41, 49, 57};
    uint8x16_t index = vld1q_u8(column);
    uint8x16x4_t result;
    for (int k = 0; k < 4; k++)
        result.val[k] = vqtbl4q_u8(v, vaddq_u8(index, vdupq_n_u8((uint8_t)(2 * k))));
    return result;
}

/* A chunk of bytes to eight planes. */
static void split_chunk(uint8_t *planes, size_t stride, const uint8_t *src, int past_caches)
{
    (void)past_caches;
    for (size_t i = 0; i < BITPLANES_CHUNK; i += 64) {
        uint8x16x4_t v;
        for (size_t k = 0; k < 4; k++)
            v.val[k] = transpose_bits(vld1q_u8(src + i + 16 * k));
        v = transpose_bytes(v);
        for (size_t k = 0; k < 4; k++) {
            vst1_u8(planes + 2 * k * stride + i / 8, vget_low_u8(v.val[k]));
            vst1_u8(planes + (2 * k + 1) * stride + i / 8, vget_high_u8(v.val[k]));
        }
    }
}

static void merge_chunk(uint8_t *dst, const uint8_t *planes, size_t stride, int past_caches)
{
    (void)past_caches;
    for (size_t i = 0; i < BITPLANES_CHUNK; i += 64) {
        uint8x16x4_t v;
        for (size_t k = 0; k < 4; k++)
            v.val[k] = vcombine_u8(vld1_u8(planes + 2 * k * stride + i / 8),
                                   vld1_u8(planes + (2 * k + 1) * stride + i / 8));
        v = transpose_bytes(v);
        for (size_t k = 0; k < 4; k++)
            vst1q_u8(dst + i + 16 * k, transpose_bits(v.val[k]));
    }
}

#    define BITPLANES_SPLIT_WORDS NULL
#    define BITPLANES_MERGE_WORDS NULL
#    define BITPLANES_FETCH_WIDTH 0
#    define BITPLANES_PAST_CACHES 0
BITX_BITPLANES_FUNCTIONS(, neon)

#endif
