/* A base and a product of two matrices of low rank, NEON. */
#include "lowrank.h"

#if defined(__aarch64__)
#    include "floats_neon.h"

static inline void add_four(uint8_t *dst, const uint8_t *base, int32x4_t sum, float32x4_t scale,
                            lowrank_kind kind)
{
    float32x4_t x = rounded_neon(vmulq_f32(vcvtq_f32_s32(sum), scale));
    if (kind == LOWRANK_BF16) {
        x = vaddq_f32(widen_bf16_neon(vreinterpret_u16_u8(vld1_u8(base))), x);
        vst1_u8(dst, vreinterpret_u8_u16(narrow_bf16_neon(x)));
    } else if (kind == LOWRANK_F16) {
        x = vaddq_f32(widen_f16_neon(vreinterpret_u16_u8(vld1_u8(base))), x);
        vst1_u8(dst, vreinterpret_u8_u16(narrow_f16_neon(x)));
    } else {
        x = vaddq_f32(vreinterpretq_f32_u8(vld1q_u8(base)), x);
        vst1q_u8(dst, vreinterpretq_u8_f32(plain_nan_neon(x)));
    }
}

/* Two rows of 16 sums each take eight registers, and the tile's pairs four. */
static inline __attribute__((always_inline)) void two_rows(const lowrank_tile *t, size_t first,
                                                           const size_t rows, lowrank_kind kind)
{
    const float32x4_t scale = vdupq_n_f32(power_of_half(t->shift));
    const size_t width = LOWRANK_WIDTH(kind), u_stride = (size_t)t->rank * 2;
    const uint8_t *v = t->v, *u = t->u + first * u_stride;
    int32x4_t sums[2][4];
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < 4; k++)
            sums[r][k] = vdupq_n_s32(0);
    for (const uint8_t *end = u + u_stride; u < end; u += 4, v += 4 * LOWRANK_TILE) {
        const int16x8x2_t a =
            vuzpq_s16(vreinterpretq_s16_u8(vld1q_u8(v)), vreinterpretq_s16_u8(vld1q_u8(v + 16)));
        const int16x8x2_t b = vuzpq_s16(vreinterpretq_s16_u8(vld1q_u8(v + 32)),
                                        vreinterpretq_s16_u8(vld1q_u8(v + 48)));
        for (size_t r = 0; r < rows; r++) {
            int16_t pair[2];
            memcpy(pair, u + r * u_stride, sizeof(pair));
            for (int k = 0; k < 2; k++) {
                sums[r][0] = vmlal_n_s16(sums[r][0], vget_low_s16(a.val[k]), pair[k]);
                sums[r][1] = vmlal_n_s16(sums[r][1], vget_high_s16(a.val[k]), pair[k]);
                sums[r][2] = vmlal_n_s16(sums[r][2], vget_low_s16(b.val[k]), pair[k]);
                sums[r][3] = vmlal_n_s16(sums[r][3], vget_high_s16(b.val[k]), pair[k]);
            }
        }
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < 4; k++) {
            const size_t at = (first + r) * t->stride + 4 * k * width;
            add_four(t->dst + at, t->base + at, sums[r][k], scale, kind);
        }
}

static inline __attribute__((always_inline)) void tile_neon(const lowrank_tile *t,
                                                            const size_t rows, lowrank_kind kind)
{
    if (rows == 1) {
        two_rows(t, 0, 1, kind);
        return;
    }
    for (size_t r = 0; r < rows; r += 2)
        two_rows(t, r, 2, kind);
}

LOWRANK_FUNCTIONS(, neon, tile_neon, LOWRANK_ROWS)

#endif
