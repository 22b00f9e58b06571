/* bench/caches.h: cache sizes as this core feels them, and the working sets made from them. */
#ifndef BENCH_CACHES_H
#define BENCH_CACHES_H

#include <stddef.h>

enum { BENCH_KNEE_POINTS = 32 };

typedef struct bench_caches {
    size_t l1d_nbytes, l2_nbytes; /* as the machine reports them */
    size_t l3_reported_nbytes;    /* in virtual machines often the host's; 0: none reported */
    size_t knee_nbytes;           /* largest set that still has L3's latency, measured */
    int knee_found;               /* 0: no step in latency; knee_nbytes is a guess then */
    size_t npoints;               /* the latencies it was read from */
    size_t point_nbytes[BENCH_KNEE_POINTS];
    double point_ns[BENCH_KNEE_POINTS];
} bench_caches;

/* Reported sizes only: no time. */
void bench_caches_read(bench_caches *c);
/*
 * The knee by dependent loads over growing sets on huge pages, from the calling (pinned) thread:
 * two or three seconds. max_nbytes bounds the largest set.
 */
void bench_caches_find_knee(bench_caches *c, size_t max_nbytes);

typedef enum bench_ws {
    BENCH_WS_L1,
    BENCH_WS_L2,
    BENCH_WS_L3,
    BENCH_WS_DRAM,
    BENCH_WS_COUNT
} bench_ws;
const char *bench_ws_name(bench_ws ws);
/* Bytes of all streams together: L1/2, L2/2, knee/2; for DRAM 8 knees and at least 128 MiB, less
   where memory is short. */
size_t bench_ws_nbytes(const bench_caches *c, bench_ws ws);

/* MemAvailable of /proc/meminfo; 1 GiB if unknown. */
size_t bench_memory_available(void);

#endif
