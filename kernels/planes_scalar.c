/* Byte planes, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

/* b: NULL for plain planes. */
static inline __attribute__((always_inline)) void split(uint8_t *planes, size_t stride,
                                                        const uint8_t *a, const uint8_t *b,
                                                        size_t width, size_t nelem)
{
    for (size_t k = 0; k < width; k++)
        for (size_t i = 0; i < nelem; i++)
            planes[k * stride + i] = (uint8_t)(a[i * width + k] ^ (b ? b[i * width + k] : 0));
}

static inline __attribute__((always_inline)) void merge(uint8_t *dst, const uint8_t *planes,
                                                        size_t stride, const uint8_t *b,
                                                        size_t width, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++)
        for (size_t k = 0; k < width; k++)
            dst[i * width + k] = (uint8_t)(planes[k * stride + i] ^ (b ? b[i * width + k] : 0));
}

#define PLANES_WIDTH(bits)                                                                         \
    void bitx_split_planes_u##bits##_scalar(uint8_t *planes, size_t stride, const uint8_t *src,    \
                                            size_t nelem)                                          \
    {                                                                                              \
        split(planes, stride, src, NULL, bits / 8, nelem);                                         \
    }                                                                                              \
    void bitx_xor_split_planes_u##bits##_scalar(uint8_t *planes, size_t stride, const uint8_t *a,  \
                                                const uint8_t *b, size_t nelem)                    \
    {                                                                                              \
        split(planes, stride, a, b, bits / 8, nelem);                                              \
    }                                                                                              \
    void bitx_merge_planes_u##bits##_scalar(uint8_t *dst, const uint8_t *planes, size_t stride,    \
                                            size_t nelem)                                          \
    {                                                                                              \
        merge(dst, planes, stride, NULL, bits / 8, nelem);                                         \
    }                                                                                              \
    void bitx_xor_merge_planes_u##bits##_scalar(uint8_t *dst, const uint8_t *planes,               \
                                                size_t stride, const uint8_t *b, size_t nelem)     \
    {                                                                                              \
        merge(dst, planes, stride, b, bits / 8, nelem);                                            \
    }

PLANES_WIDTH(16)
PLANES_WIDTH(32)
PLANES_WIDTH(64)
