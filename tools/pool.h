/* Worker threads behind a bitx_executor. */
#ifndef ZIPLLM_TOOLS_POOL_H
#define ZIPLLM_TOOLS_POOL_H

#include "bitx/codec.h"

typedef struct pool pool;

/* nthreads workers, the calling thread being one of them; fewer where the system refuses threads.
   NULL when out of memory. One run() at a time. */
pool *pool_new(unsigned nthreads);
void pool_free(pool *p);
bitx_executor pool_executor(pool *p);

/* CPUs that this process may use: its affinity, and the cgroup's quota rounded up. At least 1. */
unsigned pool_usable_cpus(void);

#endif
