/* bench/counts.h: instructions of each operation, on one ISA, for one or two sizes. */
#ifndef BENCH_COUNTS_H
#define BENCH_COUNTS_H

#include "bench/figures.h"
#include "bench/library.h"

/* Elements of a call; the long one is for groups_merge_u8, whose avx2 takes the scalar way below.
 */
enum { BENCH_COUNT_TAIL = 333, BENCH_COUNT_WHOLE = 2048, BENCH_COUNT_LONG = 16384 };

typedef enum bench_count_tool {
    BENCH_COUNT_STEPS,     /* what this CPU runs */
    BENCH_COUNT_CALLGRIND, /* valgrind, of this program's own scalar and avx2 */
    BENCH_COUNT_QEMU,      /* neon, of a program for AArch64 */
    BENCH_COUNT_TOOLS
} bench_count_tool;

typedef struct bench_count_options {
    bitx_isa isa;
    bench_count_tool tool;
    const char *ops, *only; /* a list; a part of OP/ISA/N; NULL: all */
    const char *program;    /* for callgrind this one, for qemu the other */
    uint64_t seed;
} bench_count_options;

/* Measures into *out, whose key says of what the numbers hold. NULL, or why nothing can be counted.
 */
const char *bench_counts_measure(const bench_library *l, const bench_count_options *o,
                                 bench_figures *out);

/* One call of an operation on nelem elements, made ready: for programs that others count. */
int bench_count_call(const char *op, const char *isa, size_t nelem);

/* Compiler, version and flags of this build. */
const char *bench_build_name(void);

#endif
