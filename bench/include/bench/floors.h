/* bench/floors.h: speeds that do not fall below a share of what was once recorded, as ratios within
   one run: coders of this program against memcpy and zstd -3. */
#ifndef BENCH_FLOORS_H
#define BENCH_FLOORS_H

#include "bench/figures.h"

#define BENCH_FLOOR_TOLERANCE (-0.3)

/* In thousandths. NULL, or why nothing could be measured. */
const char *bench_floors_measure(const char *only, uint64_t seed, bench_figures *out);

#endif
