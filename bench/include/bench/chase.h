/* bench/chase.h: latency of dependent loads. */
#ifndef BENCH_CHASE_H
#define BENCH_CHASE_H

#include <stddef.h>
#include <stdint.h>

/* Links the lines of a buffer into one cycle that no prefetcher follows, and walks it: ns per load.
   Overwrites the buffer. */
double bench_chase_ns(uint8_t *base, size_t nbytes);

#endif
