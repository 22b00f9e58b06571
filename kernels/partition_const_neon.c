/* Partitions of which one list or both have one value over and over, Advanced SIMD. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__aarch64__)
#    include <arm_neon.h>
#    include "partition_const.h"
#    include "shuffle_tables.h"

/* Which of eight elements differ from the value. */
static inline unsigned others8(const uint8_t *src, unsigned value, size_t width)
{
    uint8x8_t equal;
    if (width == 1)
        equal = vceq_u8(vld1_u8(src), vdup_n_u8((uint8_t)value));
    else
        equal =
            vmovn_u16(vceqq_u16(vreinterpretq_u16_u8(vld1q_u8(src)), vdupq_n_u16((uint16_t)value)));
    return vaddv_u8(vbic_u8(vcreate_u8(0x8040201008040201u), equal));
}

/* The list is never ahead of the source, so that eight elements stay within nelem. */
static inline void pack8(uint8_t *list, const uint8_t *src, unsigned mask, size_t width)
{
    if (width == 1) {
        uint8x8_t x = vld1_u8(src);
        vst1_u8(list, vqtbl1_u8(vcombine_u8(x, x), vcreate_u8(bitx_shuffle_pack8[mask])));
    } else {
        uint8x16_t row = vreinterpretq_u8_u64(vld1q_u64(bitx_shuffle_pack16[mask]));
        vst1q_u8(list, vqtbl1q_u8(vld1q_u8(src), row));
    }
}

static inline size_t partition_const(uint8_t *list, int inverted, uint8_t *plane, size_t bit,
                                     const uint8_t *src, size_t nelem, unsigned value, size_t width)
{
    size_t i = 0, others = 0, rest = nelem % 64;
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    for (; nelem - i >= 64; i += 64) {
        uint64_t bits = 0;
        for (unsigned k = 0; k < 64; k += 8) {
            unsigned mask = others8(src + width * (i + k), value, width);
            bits |= (uint64_t)mask << k;
            if (list)
                pack8(list + width * others, src + width * (i + k), mask, width);
            others += vaddv_u8(vcnt_u8(vcreate_u8(mask)));
        }
        append64(&w, inverted ? bits : ~bits);
    }
    if (i)
        append_last(&w, 0, 0);
    const size_t equal = i - others;
    src += width * i;
    bit += i;
    list = list ? list + width * others : NULL;
    if (width == 1 && inverted)
        return equal + rest - bitx_partition_lowconst_u8_scalar(list, plane, bit, src, rest, value);
    if (width == 1)
        return equal + (list
                            ? bitx_partition_highconst_u8_scalar(list, plane, bit, src, rest, value)
                            : bitx_partition_const_u8_scalar(plane, bit, src, rest, value));
    if (inverted)
        return equal + rest -
               bitx_partition_lowconst_u16_scalar(list, plane, bit, src, rest, value);
    return equal + (list ? bitx_partition_highconst_u16_scalar(list, plane, bit, src, rest, value)
                         : bitx_partition_const_u16_scalar(plane, bit, src, rest, value));
}

BITX_PARTITION_CONST_FUNCTIONS(, neon, 8)
BITX_PARTITION_CONST_FUNCTIONS(, neon, 16)

#endif
