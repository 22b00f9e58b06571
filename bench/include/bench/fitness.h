/* bench/fitness.h: the selftest that every gate begins with. */
#ifndef BENCH_FITNESS_H
#define BENCH_FITNESS_H

#include <stdint.h>
#include <stdio.h>

/* A few seconds: a kernel of this program against itself, and with 10% planted, at L2 size on the
   calling (pinned) thread. Prints one line. A machine that fails is asked once more. */
int bench_machine_is_fit(uint64_t seed, FILE *out);

#endif
