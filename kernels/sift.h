/* What the vector files of delta_sift and delta_places share: planes of up to 16 groups, 64
   elements at a time. Private to kernels/. */
#ifndef BITX_SIFT_H
#define BITX_SIFT_H

#include <string.h>

#include "bitx/kernels.h"

static inline unsigned sift_groups(const uint8_t group[16], unsigned nclasses)
{
    unsigned most = 0;
    for (unsigned c = 0; c < nclasses; c++)
        most = group[c] > most ? group[c] : most;
    return most + 1;
}

/* Where the next bits of a group come from. keep: all ones, or 0 where there is no plane. */
typedef struct sift_source {
    const uint8_t *bytes;
    size_t bit, keep;
} sift_source;

static inline void sift_open(sift_source sources[16], const bitx_plane_sources *planes)
{
    static const uint64_t constant[2][2] = {{0}, {UINT64_MAX, UINT64_MAX}};
    for (unsigned g = 0; g < 16; g++) {
        const uint8_t *bytes = planes->bytes[g];
        sources[g] = (sift_source){bytes ? bytes : (const uint8_t *)constant[planes->ones >> g & 1],
                                   planes->bit[g], bytes ? ~(size_t)0 : 0};
    }
}

/* The next 64, of which n are taken. */
static inline uint64_t sift_next(sift_source *s, size_t n)
{
    const size_t at = s->bit & s->keep;
    const unsigned shift = at % 8;
    uint64_t low;
    memcpy(&low, s->bytes + at / 8, 8);
    const uint64_t high = s->bytes[at / 8 + 8];
    s->bit += n;
    return low >> shift | high << 1 << (63 - shift);
}

/* n of at most 64 bits, those above them zero. */
static inline void sift_put(uint8_t *bytes, size_t *bit, uint64_t bits, size_t n)
{
    const size_t at = *bit;
    const unsigned shift = at % 8;
    uint8_t *p = bytes + at / 8;
    const uint64_t low = *p | bits << shift;
    memcpy(p, &low, 8);
    p[8] = (uint8_t)(bits >> 1 >> (63 - shift));
    *bit = at + n;
}

/* The bits that stay, and nothing above them. */
static inline void sift_begin(const bitx_plane_sinks *planes, unsigned ngroups)
{
    for (unsigned g = 0; g < ngroups; g++)
        planes->bytes[g][planes->bit[g] / 8] &= (uint8_t)((1u << planes->bit[g] % 8) - 1);
}

#endif
