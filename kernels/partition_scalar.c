/* One list into two, and the plane that says which element went where, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "bitstring.h"

/*
 * Both lists are written each time and one of them moves on: a branch would be mispredicted. What
 * is written last is read first, so that low may be src.
 */
static inline __attribute__((always_inline)) void
move_on(uint8_t *low, uint8_t *high, const uint8_t *src, size_t i, size_t nhigh, size_t width)
{
    uint8_t x[2];
    memcpy(x, src + i * width, width);
    memcpy(low + (i - nhigh) * width, x, width);
    memcpy(high + nhigh * width, x, width);
}

/* predicate: of x, the element. */
#define PARTITION(TYPE, predicate)                                                                 \
    if (nelem == 0)                                                                                \
        return 0;                                                                                  \
    bit_appender w = append_at(plane, bit);                                                        \
    size_t nhigh = 0;                                                                              \
    for (size_t i = 0; i < nelem; i += 64) {                                                       \
        size_t n = nelem - i < 64 ? nelem - i : 64;                                                \
        uint64_t bits = 0;                                                                         \
        for (size_t k = 0; k < n; k++) {                                                           \
            TYPE x;                                                                                \
            memcpy(&x, src + (i + k) * sizeof(TYPE), sizeof(TYPE));                                \
            size_t one = predicate;                                                                \
            bits |= (uint64_t)one << k;                                                            \
            move_on(low, high, src, i + k, nhigh, sizeof(TYPE));                                   \
            nhigh += one;                                                                          \
        }                                                                                          \
        if (n == 64)                                                                               \
            append64(&w, bits);                                                                    \
        else                                                                                       \
            append_last(&w, bits, n);                                                              \
    }                                                                                              \
    if (nelem % 64 == 0)                                                                           \
        append_last(&w, 0, 0);                                                                     \
    return nhigh;

size_t bitx_partition_u8_scalar(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                const uint8_t *src, size_t nelem,
                                unsigned pivot){PARTITION(uint8_t, x >= pivot)}

size_t bitx_partition_u16_scalar(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                 const uint8_t *src, size_t nelem,
                                 unsigned pivot){PARTITION(uint16_t, x >= pivot)}

size_t bitx_partition_set_u8_scalar(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                    const uint8_t *src, size_t nelem,
                                    const uint8_t *set){PARTITION(uint8_t, set[x / 8] >> x % 8 & 1)}

size_t bitx_partition_set_u16_scalar(uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit,
                                     const uint8_t *src, size_t nelem, const uint8_t *set)
{
    PARTITION(uint16_t, set[x / 8] >> x % 8 & 1)
}

static inline __attribute__((always_inline)) size_t
partition_plane(uint8_t *low, uint8_t *high, const uint8_t *src, const uint8_t *plane, size_t bit,
                size_t nelem, size_t width)
{
    size_t nhigh = 0;
    for (size_t i = 0; i < nelem; i++) {
        move_on(low, high, src, i, nhigh, width);
        nhigh += plane[(bit + i) / 8] >> (bit + i) % 8 & 1;
    }
    return nhigh;
}

size_t bitx_partition_plane_u8_scalar(uint8_t *low, uint8_t *high, const uint8_t *src,
                                      const uint8_t *plane, size_t bit, size_t nelem)
{
    return partition_plane(low, high, src, plane, bit, nelem, 1);
}

size_t bitx_partition_plane_u16_scalar(uint8_t *low, uint8_t *high, const uint8_t *src,
                                       const uint8_t *plane, size_t bit, size_t nelem)
{
    return partition_plane(low, high, src, plane, bit, nelem, 2);
}
