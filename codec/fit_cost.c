/* See fit_cost.h. Bins and raw bits are about those of codec `delta`. */
#include "fit_cost.h"

#include <math.h>
#include <string.h>

enum { BINS = 64 };

static unsigned bin_of(float steps)
{
    uint32_t bits;
    const float n = (float)(int32_t)(steps + 0.5F);
    if (n < 2)
        return (unsigned)n;
    memcpy(&bits, &n, sizeof(bits));
    const unsigned bin = (bits >> 22) - 2 * 127; /* two for each power of two */
    return bin < BINS ? bin : BINS - 1;
}

double bitx_cost_bits(const bitx_cost_sample *s)
{
    static const float most = 1e9F;
    uint32_t counts[COST_EXPONENTS][BINS] = {{0}};
    const size_t n = s->nrows * s->columns;
    for (size_t i = 0; i < n; i++) {
        const float steps = fabsf(s->change[i] - s->predicted[i]) * s->inverse[i];
        counts[s->exponent[i]][bin_of(steps < most ? steps : most)]++;
    }
    double bits = 0;
    for (unsigned e = 0; e < COST_EXPONENTS; e++) {
        double total = 0;
        for (unsigned b = 0; b < BINS; b++)
            total += counts[e][b];
        for (unsigned b = 0; b < BINS; b++) {
            if (!counts[e][b])
                continue;
            const double raw = (b > 3 ? b / 2 - 1 : 0) + (b > 0);
            bits += counts[e][b] * (raw - log2(counts[e][b] / total));
        }
    }
    return bits;
}
