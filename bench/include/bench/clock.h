/* bench/clock.h: time sources, and the core's clock as it runs now. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

double bench_wall_ns(void); /* CLOCK_MONOTONIC */
double bench_cpu_ns(void);  /* of the calling thread: other processes on this CPU do not count */

/*
 * Clock of the calling thread's core in GHz: a chain of dependent register adds retires one per
 * cycle on every out-of-order core, so adds per nanosecond of thread CPU time are cycles. About
 * 2 ms. (Adds of a constant would not do: Golden Cove folds them away at rename.)
 */
double bench_clock_ghz(void);

#endif
