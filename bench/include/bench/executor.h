/* bench/executor.h: a pool of threads behind bitx_executor. */
#ifndef BENCH_EXECUTOR_H
#define BENCH_EXECUTOR_H

#include "bitx/codec.h"

typedef struct bench_executor bench_executor;

/* NULL when threads or memory lack. The caller of run() works, too: nthreads in all. */
bench_executor *bench_executor_new(unsigned nthreads);
void bench_executor_free(bench_executor *e); /* NULL is allowed */
bitx_executor bench_executor_handle(bench_executor *e);

#endif
