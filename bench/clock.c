/* Clocks, and the frequency probe. */
#include "bench/clock.h"

#include <stdint.h>
#include <time.h>

static double now_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_wall_ns(void)
{
    return now_ns(CLOCK_MONOTONIC);
}

double bench_cpu_ns(void)
{
    return now_ns(CLOCK_THREAD_CPUTIME_ID);
}

enum { ADDS_PER_STEP = 64, STEPS = 8192, PROBES = 9 };

static void dependent_adds(void)
{
    uint64_t x = 1;
#if defined(__x86_64__)
#    define ADD1 "add %0, %0\n"
#elif defined(__aarch64__)
#    define ADD1 "add %0, %0, %0\n"
#endif
#if defined(ADD1)
#    define ADD8 ADD1 ADD1 ADD1 ADD1 ADD1 ADD1 ADD1 ADD1
    for (int i = 0; i < STEPS; i++)
        __asm__ volatile(ADD8 ADD8 ADD8 ADD8 ADD8 ADD8 ADD8 ADD8 : "+r"(x));
#else
    for (int i = 0; i < STEPS * ADDS_PER_STEP; i++) {
        x += x;
        __asm__ volatile("" : "+r"(x));
    }
#endif
}

double bench_clock_ghz(void)
{
    /* The fastest of several short probes: an interrupt only ever makes one slower. */
    double best = 0;
    for (int i = 0; i < PROBES; i++) {
        double start = bench_cpu_ns();
        dependent_adds();
        double ghz = (double)STEPS * ADDS_PER_STEP / (bench_cpu_ns() - start);
        if (ghz > best)
            best = ghz;
    }
    return best;
}
