/* A base and a product of two matrices of low rank, any CPU. */
#include "floats.h"
#include "lowrank.h"

static int32_t load_i16(const uint8_t *p)
{
    int16_t x;
    memcpy(&x, p, sizeof(x));
    return x;
}

static void add_one(uint8_t *dst, const uint8_t *base, int32_t sum, float scale, lowrank_kind kind)
{
    uint16_t half = 0;
    uint32_t bits = 0;
    if (kind == LOWRANK_F32)
        memcpy(&bits, base, sizeof(bits));
    else
        memcpy(&half, base, sizeof(half));
    if (kind == LOWRANK_BF16)
        bits = (uint32_t)half << 16;
    else if (kind == LOWRANK_F16)
        bits = f32_of_f16(half);
    bits = bits_of_float(float_of_bits(bits) + rounded((float)sum * scale));
    if (kind == LOWRANK_F32) {
        bits = is_nan_bits(bits) ? NAN_F32 : bits;
        memcpy(dst, &bits, sizeof(bits));
        return;
    }
    half = kind == LOWRANK_BF16 ? bf16_of_f32(bits) : f16_of_f32(bits);
    memcpy(dst, &half, sizeof(half));
}

static void tile_scalar(const lowrank_tile *t, size_t rows, lowrank_kind kind)
{
    const float scale = power_of_half(t->shift);
    const size_t width = LOWRANK_WIDTH(kind);
    for (size_t r = 0; r < rows; r++) {
        uint32_t sums[LOWRANK_TILE] = {0};
        const uint8_t *u = t->u + r * t->rank * 2;
        for (size_t k = 0; k < t->rank; k += 2) {
            const int32_t even = load_i16(u + 2 * k), odd = load_i16(u + 2 * k + 2);
            const uint8_t *v = t->v + k * 2 * LOWRANK_TILE;
            for (size_t j = 0; j < LOWRANK_TILE; j++)
                sums[j] += (uint32_t)(even * load_i16(v + 4 * j)) +
                           (uint32_t)(odd * load_i16(v + 4 * j + 2));
        }
        for (size_t j = 0; j < LOWRANK_TILE; j++)
            add_one(t->dst + r * t->stride + j * width, t->base + r * t->stride + j * width,
                    (int32_t)sums[j], scale, kind);
    }
}

LOWRANK_FUNCTIONS(, scalar, tile_scalar, LOWRANK_ROWS)
