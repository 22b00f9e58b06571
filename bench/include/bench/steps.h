/*
 * bench/steps.h: how many instructions a call runs, counted one by one: a child sets the CPU's trap
 * flag, and a signal handler counts. So any instruction that this CPU has can be counted, without
 * counters in hardware and without the rights of a debugger. (ptrace does the same with two
 * switches of process a step. On a virtual machine, where the trap itself costs most, a step took
 * 29 us by ptrace and 22 so.) The count depends on code and data alone.
 */
#ifndef BENCH_STEPS_H
#define BENCH_STEPS_H

#include <stdint.h>

#include "dispatch/ops.h"

/*
 * Runs call(arg), which calls fn once, in a child, and counts from fn's first instruction until it
 * returns: those of the executable or library that fn is in, so not libc's, whose memcpy depends
 * on the CPU. A repeated string instruction counts once. NULL, or why there is no count.
 */
const char *bench_count_steps(bitx_fn fn, void (*call)(void *arg), void *arg, uint64_t *count);

#endif
