/* A table with aligned columns, printed at once. */
#ifndef ZIPLLM_TOOLS_TABLE_H
#define ZIPLLM_TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct table table;

/* align: one letter per column, 'l' or 'r'. headings: as many texts, which must outlive the table;
   NULL for none. */
table *table_new(const char *align, const char *const *headings);
/* Adds a row of escaped texts, which are copied; NULL stands for "". */
void table_row(table *t, const char *const *cells);
/* Prints, two spaces before each line and between columns, and frees. */
void table_print(table *t, FILE *out);
void table_free(table *t);
bool table_empty(const table *t);

#endif
