/* Pointer chasing. */
#include "bench/chase.h"

#include "bench/clock.h"

enum { LINE_NBYTES = 64, CHUNK_STEPS = 1 << 13, CHUNKS = 64 };

/*
 * Links all lines of the arena's first nlines into one cycle, in the order of a full-period
 * congruential generator, whose changing strides no prefetcher follows.
 */
static void link_lines(uint8_t *base, size_t nlines)
{
    size_t mask = 1;
    while (mask < nlines)
        mask *= 2;
    mask -= 1;
    size_t at = 0;
    for (size_t i = 0; i < nlines; i++) {
        size_t next = at;
        do
            next = (next * 1664525 + 1013904223) & mask;
        while (next >= nlines);
        *(void **)(void *)(base + at * LINE_NBYTES) = base + next * LINE_NBYTES;
        at = next;
    }
}

/* Walks on from *at; ns per load. */
static double chase_ns(const void **at)
{
    const void *p = *at;
    double start = bench_cpu_ns();
    for (int i = 0; i < CHUNK_STEPS; i++) {
        p = *(const void *const *)p;
        __asm__ volatile("" : "+r"(p));
    }
    *at = p;
    return (bench_cpu_ns() - start) / CHUNK_STEPS;
}

double bench_chase_ns(uint8_t *base, size_t nbytes)
{
    size_t nlines = nbytes / LINE_NBYTES;
    const void *at = base;
    double best = 0;
    link_lines(base, nlines);
    /* The fastest of many short walks: on a busy CPU a neighbour empties the caches at every
       switch, and a long walk would show that instead. */
    for (int i = 0; i < CHUNKS; i++) {
        double ns = chase_ns(&at);
        best = best > 0 && best < ns ? best : ns;
    }
    return best;
}
