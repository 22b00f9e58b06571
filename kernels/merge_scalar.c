/* Two lists into one by a bit plane, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "bitstring.h"

/* A pointer is chosen and then read: to choose among two values read would read past a list's end.
 */
#define MERGE(TYPE, dst, low, low_step, high, high_step)                                           \
    for (size_t i = 0; i < nelem; i += 64) {                                                       \
        size_t n = nelem - i < 64 ? nelem - i : 64;                                                \
        uint64_t bits = n < 64 ? bits_at(plane, bit + i, n) : bits64_at(plane, bit + i);           \
        for (size_t k = 0; k < n; k++, bits >>= 1) {                                               \
            size_t one = bits & 1;                                                                 \
            uintptr_t l = (uintptr_t)(low), h = (uintptr_t)(high);                                 \
            const uint8_t *from = (const uint8_t *)(l ^ ((l ^ h) & (0 - one)));                    \
            memcpy((dst) + (i + k) * sizeof(TYPE), from, sizeof(TYPE));                            \
            low += (low_step) * sizeof(TYPE) & (one - 1);                                          \
            high += (high_step) * sizeof(TYPE) & (0 - one);                                        \
        }                                                                                          \
    }

void bitx_merge_u8_scalar(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                          const uint8_t *plane, size_t bit, size_t nelem)
{
    MERGE(uint8_t, dst, low, 1, high, 1)
}

void bitx_merge_lowconst_u8_scalar(uint8_t *dst, unsigned low_value, const uint8_t *high,
                                   const uint8_t *plane, size_t bit, size_t nelem)
{
    uint8_t value = (uint8_t)low_value;
    const uint8_t *low = &value;
    MERGE(uint8_t, dst, low, 0, high, 1)
}

void bitx_merge_highconst_u8_scalar(uint8_t *dst, const uint8_t *low, unsigned high_value,
                                    const uint8_t *plane, size_t bit, size_t nelem)
{
    uint8_t value = (uint8_t)high_value;
    const uint8_t *high = &value;
    MERGE(uint8_t, dst, low, 1, high, 0)
}

void bitx_merge_const_u8_scalar(uint8_t *dst, unsigned low_value, unsigned high_value,
                                const uint8_t *plane, size_t bit, size_t nelem)
{
    unsigned flip = low_value ^ high_value;
    for (size_t i = 0; i < nelem; i += 64) {
        size_t n = nelem - i < 64 ? nelem - i : 64;
        uint64_t bits = n < 64 ? bits_at(plane, bit + i, n) : bits64_at(plane, bit + i);
        for (size_t k = 0; k < n; k++)
            dst[i + k] = (uint8_t)(low_value ^ (flip & (0 - (unsigned)(bits >> k & 1))));
    }
}

void bitx_merge_u16_scalar(uint8_t *dst, const uint8_t *low, const uint8_t *high,
                           const uint8_t *plane, size_t bit, size_t nelem)
{
    MERGE(uint16_t, dst, low, 1, high, 1)
}

void bitx_merge_lowconst_u16_scalar(uint8_t *dst, unsigned low_value, const uint8_t *high,
                                    const uint8_t *plane, size_t bit, size_t nelem)
{
    uint8_t value[2] = {(uint8_t)low_value, (uint8_t)(low_value >> 8)};
    const uint8_t *low = value;
    MERGE(uint16_t, dst, low, 0, high, 1)
}

void bitx_merge_highconst_u16_scalar(uint8_t *dst, const uint8_t *low, unsigned high_value,
                                     const uint8_t *plane, size_t bit, size_t nelem)
{
    uint8_t value[2] = {(uint8_t)high_value, (uint8_t)(high_value >> 8)};
    const uint8_t *high = value;
    MERGE(uint16_t, dst, low, 1, high, 0)
}

void bitx_merge_const_u16_scalar(uint8_t *dst, unsigned low_value, unsigned high_value,
                                 const uint8_t *plane, size_t bit, size_t nelem)
{
    unsigned flip = low_value ^ high_value;
    for (size_t i = 0; i < nelem; i += 64) {
        size_t n = nelem - i < 64 ? nelem - i : 64;
        uint64_t bits = n < 64 ? bits_at(plane, bit + i, n) : bits64_at(plane, bit + i);
        for (size_t k = 0; k < n; k++) {
            uint16_t v = (uint16_t)(low_value ^ (flip & (0 - (unsigned)(bits >> k & 1))));
            memcpy(dst + 2 * (i + k), &v, 2);
        }
    }
}
