#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

struct table {
    const char *align;
    const char *const *headings;
    size_t ncolumns, nrows, cap;
    char **cells; /* row by row */
};

table *table_new(const char *align, const char *const *headings)
{
    table *t = text_allocate(sizeof *t);

    *t = (table){align, headings, strlen(align), 0, 0, NULL};
    return t;
}

void table_row(table *t, const char *const *cells)
{
    size_t i;

    if (t->nrows == t->cap) {
        t->cap = t->cap == 0 ? 16 : 2 * t->cap;
        t->cells = text_reallocate(t->cells, t->cap * t->ncolumns * sizeof *t->cells);
    }
    for (i = 0; i < t->ncolumns; i++)
        t->cells[t->nrows * t->ncolumns + i] = text_copy(cells[i] != NULL ? cells[i] : "");
    t->nrows++;
}

static void pad(FILE *out, size_t n)
{
    (void)fprintf(out, "%*s", (int)n, "");
}

static void print_line(const table *t, const char *const *cells, const size_t *widths, FILE *out)
{
    size_t owed = 2, i; /* spaces are written only before text, so that no line ends in one */

    for (i = 0; i < t->ncolumns; i++) {
        size_t blank = widths[i] - text_columns(cells[i]);
        if (t->align[i] == 'r')
            owed += blank;
        if (cells[i][0] != '\0') {
            pad(out, owed);
            (void)fputs(cells[i], out);
            owed = 0;
        }
        owed += 2 + (t->align[i] == 'r' ? 0 : blank);
    }
    (void)fputc('\n', out);
}

void table_print(table *t, FILE *out)
{
    size_t *widths = text_allocate(t->ncolumns * sizeof *widths), i;

    for (i = 0; i < t->ncolumns; i++)
        widths[i] = t->headings != NULL ? text_columns(t->headings[i]) : 0;
    for (i = 0; i < t->nrows * t->ncolumns; i++) {
        size_t width = text_columns(t->cells[i]);
        if (width > widths[i % t->ncolumns])
            widths[i % t->ncolumns] = width;
    }
    if (t->headings != NULL)
        print_line(t, t->headings, widths, out);
    for (i = 0; i < t->nrows; i++)
        print_line(t, (const char *const *)&t->cells[i * t->ncolumns], widths, out);
    free(widths);
    table_free(t);
}

void table_free(table *t)
{
    size_t i;

    for (i = 0; i < t->nrows * t->ncolumns; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
}

bool table_empty(const table *t)
{
    return t->nrows == 0;
}
