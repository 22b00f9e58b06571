/*
 * bench/driver_tables.h: drivers by family of operations, a line per signature class; a class is in
 * one table, and its line in the others is empty. And what their sources are filled with.
 */
#ifndef BENCH_DRIVER_TABLES_H
#define BENCH_DRIVER_TABLES_H

#include "bench/drivers.h"

extern const bench_driver bench_drivers_words[BITX_SIG_COUNT];
extern const bench_driver bench_drivers_planes[BITX_SIG_COUNT];
extern const bench_driver bench_drivers_lists[BITX_SIG_COUNT];
extern const bench_driver bench_drivers_delta[BITX_SIG_COUNT];

/* A source, ours to fill; the kernels get it as const. */
uint8_t *bench_source(const bench_call *c, unsigned i);
/* About N(0, sigma), of a uniform random number. */
float bench_normal(uint64_t r, float sigma);
/* F32 weights of N(0, 0.02) in all sources. */
void bench_fill_floats(const bench_call *c, unsigned nread, size_t *nbytes, uint64_t seed);

#endif
