/* When a kernel writes past the caches. Private to kernels/. */
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
