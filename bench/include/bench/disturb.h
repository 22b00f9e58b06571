/* bench/disturb.h: what the machine did to us over a whole run. */
#ifndef BENCH_DISTURB_H
#define BENCH_DISTURB_H

#include <stdio.h>

typedef struct bench_disturb {
    double wall_ns;
    double steal_ticks, total_ticks; /* of /proc/stat, all CPUs; total 0: unknown */
    double pressure_us; /* of /proc/pressure/cpu: some task waited; negative: unknown */
} bench_disturb;

void bench_disturb_read(bench_disturb *d);
/* Share of CPU time that the hypervisor took (steal) and of time in which some task waited for a
   CPU (pressure) since *before, in percent; negative: unknown. */
void bench_disturb_since(const bench_disturb *before, double *steal, double *pressure);
/* One line of the two, with the run's duration. */
void bench_disturb_print(const bench_disturb *before, FILE *out);

#endif
