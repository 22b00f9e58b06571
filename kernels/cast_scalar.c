/* Floats from one width to another, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include "floats.h"

static uint16_t load_u16(const uint8_t *p)
{
    uint16_t x;
    memcpy(&x, p, sizeof(x));
    return x;
}

static uint32_t load_u32(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof(x));
    return x;
}

void bitx_cast_f32_bf16_scalar(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        uint16_t x = bf16_of_f32(load_u32(src + 4 * i));
        memcpy(dst + 2 * i, &x, sizeof(x));
    }
}

void bitx_cast_f32_f16_scalar(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    float_modes modes = float_modes_set();
    for (size_t i = 0; i < nelem; i++) {
        uint16_t x = f16_of_f32(load_u32(src + 4 * i));
        memcpy(dst + 2 * i, &x, sizeof(x));
    }
    float_modes_restore(modes);
}

void bitx_cast_bf16_f32_scalar(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        uint32_t x = (uint32_t)load_u16(src + 2 * i) << 16;
        memcpy(dst + 4 * i, &x, sizeof(x));
    }
}

void bitx_cast_f16_f32_scalar(uint8_t *dst, const uint8_t *src, size_t nelem)
{
    float_modes modes = float_modes_set();
    for (size_t i = 0; i < nelem; i++) {
        uint32_t x = f32_of_f16(load_u16(src + 2 * i));
        memcpy(dst + 4 * i, &x, sizeof(x));
    }
    float_modes_restore(modes);
}
