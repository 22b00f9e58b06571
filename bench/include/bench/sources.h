/* bench/sources.h: the families that a comparison of codecs runs on. */
#ifndef BENCH_SOURCES_H
#define BENCH_SOURCES_H

#include "bench/tensors.h"

enum { BENCH_SOURCES_MAX = 16 };

typedef struct bench_sources {
    bench_family at[BENCH_SOURCES_MAX];
    size_t n;
} bench_sources;

/* Lines of 'DATA BASE' in a file ('-': no base), paths from its folder; or, without one, a made
   BF16 family of 1 MiB. 0, or -1 after printing the file, the line and the reason. */
int bench_sources_load(bench_sources *s, const char *pairs, uint64_t seed);
void bench_sources_free(bench_sources *s);

#endif
