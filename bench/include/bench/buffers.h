/*
 * bench/buffers.h: memory to measure on. One arena of 2 MiB pages, touched first by the thread
 * that will read it, in which streams lie at fixed offsets.
 */
#ifndef BENCH_BUFFERS_H
#define BENCH_BUFFERS_H

#include <stddef.h>
#include <stdint.h>

typedef enum bench_pages { BENCH_PAGES_HUGE, BENCH_PAGES_SMALL } bench_pages;

typedef struct bench_arena {
    uint8_t *base; /* 2 MiB aligned; NULL when empty */
    size_t nbytes;
} bench_arena;

/* Maps without touching. 0, or -1 with errno. */
int bench_arena_map(bench_arena *a, size_t nbytes, bench_pages pages);
/* Writes a byte of every page from the calling thread (pin it first). */
void bench_arena_touch(const bench_arena *a);
void bench_arena_unmap(bench_arena *a);
/* Share of the arena that is backed by huge pages now, from /proc/self/smaps; -1 if unknown. */
double bench_arena_huge_share(const bench_arena *a);

/*
 * Offsets for n streams. Starts are spread evenly over a 4 KiB page: where a load follows a store
 * to the same page offset the core stalls on a false dependency, and a layout left to chance would
 * move L1 results by tens of percent. Returns the bytes needed; streams are 64-byte aligned and
 * have 192 spare bytes behind them.
 */
size_t bench_layout(const size_t *nbytes, size_t n, size_t *offsets);

/*
 * Touches nbytes of memory and gives them back, so that the kernel's free pages are backed by the
 * host. A guest whose hypervisor takes freed pages back (free page reporting, balloons) pays a
 * fault of the host for each page that it touches again: seconds later the same command runs at a
 * third or a quarter of its rate. For samples that make and drop many pages, in caches or on tmpfs.
 */
void bench_memory_warm(size_t nbytes);

/* Pins the calling thread to one CPU, -1 for the one it runs on. The CPU, or -1. */
int bench_pin(int cpu);

#endif
