/* Weighted sums of several tensors, any CPU. */
#include "combine.h"
#include "floats.h"

static float load_float(const uint8_t *p)
{
    float x;
    memcpy(&x, p, sizeof(x));
    return x;
}

static float round_to(float x, unsigned format)
{
    const uint32_t bits = bits_of_float(x);
    if (format == BITX_ROUND_BF16)
        return float_of_bits((uint32_t)bf16_of_f32(bits) << 16);
    if (format == BITX_ROUND_F16)
        return float_of_bits(f32_of_f16(f16_of_f32(bits)));
    return rounded(x);
}

#define AT(c) (c)
#define MUL(a, b) ((a) * (b))
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define LOAD(k) load_float(parents[k] + 4 * i)

void bitx_combine_f32_scalar(uint8_t *dst, const uint8_t *const parents[8], size_t nelem,
                             const bitx_combine_params *params)
{
    float_modes modes = float_modes_set();
    for (size_t i = 0; i < nelem; i++) {
        COMBINE_STEPS(float, LOAD, AT, MUL, ADD, SUB, round_to)
        uint32_t bits = bits_of_float(sum);
        bits = is_nan_bits(bits) ? NAN_F32 : bits;
        memcpy(dst + 4 * i, &bits, sizeof(bits));
    }
    float_modes_restore(modes);
}
