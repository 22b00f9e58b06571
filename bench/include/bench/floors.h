/* bench/floors.h: speeds that do not fall below a share of what was once recorded, as ratios within
   one run: coders of this program against memcpy and zstd -3. */
#ifndef BENCH_FLOORS_H
#define BENCH_FLOORS_H

#include "bench/figures.h"

#define BENCH_FLOOR_TOLERANCE (-0.3)

/* In thousandths. NULL, or why nothing could be measured. */
const char *bench_floors_measure(const char *only, uint64_t seed, bench_figures *out);
/* Takes the greater of each figure of the two. */
void bench_floors_best(bench_figures *f, const bench_figures *again);
/* After bench_figures_expect. Spares what is below the floor of one yardstick alone: a slower coder
   is below both, while memcpy gains half when the neighbours leave the caches to it. The alarms
   that remain. */
size_t bench_floors_settle(bench_figures *f);

#endif
