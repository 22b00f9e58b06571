/* bench/table.h: aligned text tables. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdio.h>

typedef struct bench_table bench_table;

/* `heads` is a list of column heads separated by '|'; a head that starts with '<' is aligned left.
 */
bench_table *bench_table_new(const char *title, const char *heads);
/* The next cell; a row is complete with its last column. */
void bench_cell(bench_table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Fills the rest of an incomplete row. */
void bench_row_end(bench_table *t, const char *filler);
void bench_table_print(const bench_table *t, FILE *out);
void bench_table_free(bench_table *t);

#endif
