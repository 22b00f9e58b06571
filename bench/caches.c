/* Reported cache sizes and the measured L3 knee. */
#include "bench/caches.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/buffers.h"
#include "bench/chase.h"
#include "bench/stats.h"

enum { MIB = 1 << 20 };

static size_t cache_nbytes(int name, size_t fallback)
{
    long n = sysconf(name);
    return n > 0 ? (size_t)n : fallback;
}

void bench_caches_read(bench_caches *c)
{
    memset(c, 0, sizeof(*c));
    c->l1d_nbytes = cache_nbytes(_SC_LEVEL1_DCACHE_SIZE, 32 << 10);
    c->l2_nbytes = cache_nbytes(_SC_LEVEL2_CACHE_SIZE, MIB);
    c->l3_reported_nbytes = cache_nbytes(_SC_LEVEL3_CACHE_SIZE, 0);
    c->knee_nbytes = c->l3_reported_nbytes ? c->l3_reported_nbytes : 16 * c->l2_nbytes;
    if (c->knee_nbytes > 64 * (size_t)MIB)
        c->knee_nbytes = 64 * (size_t)MIB;
}

void bench_caches_find_knee(bench_caches *c, size_t max_nbytes)
{
    bench_arena a;
    if (bench_arena_map(&a, max_nbytes, BENCH_PAGES_HUGE) != 0)
        return;
    bench_arena_touch(&a);
    size_t n = 0;
    for (double size = 2.0 * (double)c->l2_nbytes; n < BENCH_KNEE_POINTS; size *= sqrt(2)) {
        size_t nbytes = (size_t)size / MIB * MIB;
        if (nbytes > a.nbytes)
            break;
        c->point_nbytes[n] = nbytes;
        c->point_ns[n++] = bench_chase_ns(a.base, nbytes);
    }
    bench_arena_unmap(&a);
    c->npoints = n;
    if (n < 4)
        return;
    /* A smaller set cannot be slower: where it is, something else was in the caches. */
    double ns[BENCH_KNEE_POINTS];
    for (size_t k = n; k-- > 0;)
        ns[k] = k + 1 < n && ns[k + 1] < c->point_ns[k] ? ns[k + 1] : c->point_ns[k];
    double l3_ns = ns[0];
    bench_summary dram;
    bench_summarize(ns + n - 3, 3, &dram);
    double dram_ns = dram.median;
    if (dram_ns < 2 * l3_ns)
        return; /* one plateau, or neighbours that keep L3 from us */
    double limit = sqrt(l3_ns * dram_ns);
    size_t i = 0;
    while (i + 1 < n && ns[i + 1] <= limit)
        i++;
    c->knee_nbytes = c->point_nbytes[i];
    c->knee_found = 1;
}

const char *bench_ws_name(bench_ws ws)
{
    static const char *const names[BENCH_WS_COUNT] = {"L1", "L2", "L3", "DRAM"};
    return (unsigned)ws < BENCH_WS_COUNT ? names[ws] : "?";
}

size_t bench_ws_nbytes(const bench_caches *c, bench_ws ws)
{
    size_t dram = 8 * c->knee_nbytes, limit = bench_memory_available() / 4;
    dram = dram > 128 * (size_t)MIB ? dram : 128 * (size_t)MIB;
    switch (ws) {
    case BENCH_WS_L1:
        return c->l1d_nbytes / 2;
    case BENCH_WS_L2:
        return c->l2_nbytes / 2;
    case BENCH_WS_L3:
        return c->knee_nbytes / 2;
    default:
        return dram < limit ? dram : limit;
    }
}

size_t bench_memory_available(void)
{
    FILE *f = fopen("/proc/meminfo", "r");
    char line[256];
    unsigned long kib = 1 << 20;
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "MemAvailable: %lu kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return (size_t)kib * 1024;
}
