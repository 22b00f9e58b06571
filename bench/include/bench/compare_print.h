/* bench/compare_print.h: a comparison as text, Markdown and results for files. */
#ifndef BENCH_COMPARE_PRINT_H
#define BENCH_COMPARE_PRINT_H

#include <stdio.h>

#include "bench/compare.h"

/* One line a case. */
void bench_compare_print(const bench_compare *c, FILE *out);
/* How many of each, and what the numbers can be held for. */
void bench_compare_print_sum(const bench_compare *c, FILE *out);
/* For a step summary: the sum, what is not "same", and the rest folded. */
void bench_compare_markdown(const bench_compare *c, FILE *out);
/* bitx_change, bitx_change_low, bitx_change_high; the label is the outcome. */
void bench_compare_results(const bench_compare *c, bench_results *r);

/* The exit code: 0 nothing slower, 1 something slower or wrong, 4 nothing slower, but not all
   measured and decided. */
int bench_compare_exit(const bench_compare *c);

#endif
