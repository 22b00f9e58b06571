/* What the sources of calls are filled with. */
#include "bench/driver_tables.h"

#include <string.h>

#include "bench/sample.h"

uint8_t *bench_source(const bench_call *c, unsigned i)
{
    return (uint8_t *)(uintptr_t)c->r[i];
}

/* The sum of four uniform 16-bit numbers is near enough. */
float bench_normal(uint64_t r, float sigma)
{
    int32_t sum =
        (int32_t)((r & 0xffff) + (r >> 16 & 0xffff) + (r >> 32 & 0xffff) + (r >> 48)) - 2 * 65535;
    return (float)sum * (sigma / 37837.0F);
}

static uint16_t bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float bf16_value(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

void bench_fill_bf16(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    for (unsigned s = 0; s < nread; s++) {
        uint64_t rng = seed;
        for (size_t i = 0; i + 2 <= nbytes[s]; i += 2) {
            uint64_t r = bench_random(&rng), step = bench_random(&rng);
            uint16_t w = bf16(bench_normal(r, 0.02F));
            if (s == 0) /* the fine-tune */
                w = bf16(bf16_value(w) + bench_normal(step, 2e-4F));
            memcpy(bench_source(c, s) + i, &w, sizeof(w));
        }
    }
}

void bench_fill_floats(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed)
{
    for (unsigned s = 0; s < nread; s++)
        for (size_t i = 0; i + 4 <= nbytes[s]; i += 4) {
            float w = bench_normal(bench_random(&seed), 0.02F);
            memcpy(bench_source(c, s) + i, &w, sizeof(w));
        }
}
