/* Arenas on transparent huge pages, and the layout of streams within. */
#include "bench/buffers.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_NBYTES = 2 << 20, PAGE_NBYTES = 4096, LINE_NBYTES = 64, SPARE_NBYTES = 192 };

int bench_arena_map(bench_arena *a, size_t nbytes, bench_pages pages)
{
    size_t rounded = (nbytes + HUGE_NBYTES - 1) / HUGE_NBYTES * HUGE_NBYTES;
    size_t mapped = rounded + HUGE_NBYTES;
    a->base = NULL;
    if (nbytes == 0 || mapped < nbytes) {
        errno = EINVAL;
        return -1;
    }
    uint8_t *p = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return -1;
    size_t head = (HUGE_NBYTES - (uintptr_t)p % HUGE_NBYTES) % HUGE_NBYTES;
    if (head)
        munmap(p, head);
    if (HUGE_NBYTES - head)
        munmap(p + head + rounded, HUGE_NBYTES - head);
    a->base = p + head;
    a->nbytes = rounded;
    /* Refused where the kernel has no THP: smaller pages then, which huge_share() reports. */
    (void)madvise(a->base, rounded, pages == BENCH_PAGES_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return 0;
}

void bench_arena_touch(const bench_arena *a)
{
    for (size_t i = 0; i < a->nbytes; i += PAGE_NBYTES)
        ((volatile uint8_t *)a->base)[i] = 1;
}

void bench_arena_unmap(bench_arena *a)
{
    if (a->base)
        munmap(a->base, a->nbytes);
    a->base = NULL;
    a->nbytes = 0;
}

double bench_arena_huge_share(const bench_arena *a)
{
    FILE *f = fopen("/proc/self/smaps", "r");
    if (!f)
        return -1;
    char line[512];
    uintptr_t begin = (uintptr_t)a->base, end = begin + a->nbytes;
    unsigned long lo = 0, hi = 0, kib;
    double huge = 0;
    int inside = 0;
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2 && strchr(line, '-') < strchr(line, ' '))
            inside = lo < end && hi > begin;
        else if (inside && sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
            huge += (double)kib * 1024;
    }
    fclose(f);
    /* A neighbouring mapping with the same flags is merged into the same line of smaps. */
    double share = huge / (double)a->nbytes;
    return share < 1 ? share : 1;
}

void bench_memory_warm(size_t nbytes)
{
    bench_arena a;
    if (bench_arena_map(&a, nbytes, BENCH_PAGES_HUGE) != 0)
        return;
    bench_arena_touch(&a);
    bench_arena_unmap(&a);
}

size_t bench_layout(const size_t *nbytes, size_t n, size_t *offsets)
{
    size_t next = 0;
    for (size_t i = 0; i < n; i++) {
        size_t phase = i * PAGE_NBYTES / n / LINE_NBYTES * LINE_NBYTES;
        size_t page = next / PAGE_NBYTES * PAGE_NBYTES;
        offsets[i] = page + phase >= next ? page + phase : page + PAGE_NBYTES + phase;
        next =
            (offsets[i] + nbytes[i] + SPARE_NBYTES + LINE_NBYTES - 1) / LINE_NBYTES * LINE_NBYTES;
    }
    return next;
}

int bench_pin(int cpu)
{
    if (cpu < 0)
        cpu = sched_getcpu();
    if (cpu < 0 || cpu >= CPU_SETSIZE)
        return -1;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0 ? cpu : -1;
}
