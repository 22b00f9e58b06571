/* Streams longer than the caches: how kernels write them, and read them. Private to kernels/. */
#ifndef BITX_NONTEMPORAL_H
#define BITX_NONTEMPORAL_H

#include <stddef.h>
#include <stdint.h>

/*
 * A plain store first reads the line it will overwrite. A call whose destinations are together at
 * least this long leaves nothing useful in a cache anyway, so it stores past them: half as much
 * again in DRAM (Sapphire Rapids, one core, XOR: 12.6 against 19.3 GB/s of traffic), and half the
 * speed in L2 (80 against 51). Calls block by block stay far below. Tests lower it. At 64 MiB
 * tensors of ordinary size missed it.
 */
#ifndef BITX_NONTEMPORAL_MIN
#    define BITX_NONTEMPORAL_MIN ((size_t)16 << 20)
#endif

/*
 * Where such a call reads is fetched ahead: prefetchers stop at every page, and a loop with some
 * arithmetic comes late to the next (Sapphire Rapids, avx2, DRAM, share of the roofline: F32 split
 * 0.77 became 0.90, distance 0.79 0.92). nbytes, a constant, that lie AHEAD beyond p; p may be
 * NULL.
 */
static inline __attribute__((always_inline)) void fetch_source(const uint8_t *p, size_t nbytes,
                                                               int past_caches)
{
    enum { AHEAD = 1024 /* bytes */ };
    if (!past_caches || !p)
        return;
    for (size_t i = 0; i < nbytes; i += 64)
        __builtin_prefetch((const void *)((uintptr_t)p + AHEAD + i));
}

/* What was stored past the caches before is seen before what is stored from here on. */
static inline void end_nontemporal(void)
{
#if defined(__x86_64__)
    __builtin_ia32_sfence();
#endif
}

/* Bytes from p to the next cache line. */
static inline size_t to_next_line(const uint8_t *p)
{
    return (size_t)(-(uintptr_t)p & 63);
}

/* Whether both begin at the same place of a cache line. */
static inline int same_line_offset(const uint8_t *p, const uint8_t *q)
{
    return (((uintptr_t)p ^ (uintptr_t)q) & 63) == 0;
}

#endif
