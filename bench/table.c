/* Aligned text tables. */
#include "bench/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 24 };

struct bench_table {
    char *title;
    size_t ncolumns, ncells, capacity;
    int left[MAX_COLUMNS];
    char **cells; /* the heads first */
};

static void push(bench_table *t, const char *text)
{
    if (t->ncells == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 256;
        char **cells = realloc(t->cells, capacity * sizeof(*cells));
        if (!cells)
            abort();
        t->cells = cells;
        t->capacity = capacity;
    }
    t->cells[t->ncells] = strdup(text);
    if (!t->cells[t->ncells++])
        abort();
}

bench_table *bench_table_new(const char *title, const char *heads)
{
    bench_table *t = calloc(1, sizeof(*t));
    char *copy = strdup(heads), *state = NULL;
    if (!t || !copy || !(t->title = strdup(title)))
        abort();
    for (char *h = strtok_r(copy, "|", &state); h && t->ncolumns < MAX_COLUMNS;
         h = strtok_r(NULL, "|", &state)) {
        t->left[t->ncolumns++] = *h == '<';
        push(t, *h == '<' ? h + 1 : h);
    }
    free(copy);
    return t;
}

void bench_cell(bench_table *t, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    push(t, text);
}

void bench_row_end(bench_table *t, const char *filler)
{
    while (t->ncells % t->ncolumns)
        push(t, filler);
}

void bench_table_print(const bench_table *t, FILE *out)
{
    int width[MAX_COLUMNS] = {0};
    for (size_t i = 0; i < t->ncells; i++) {
        int w = (int)strlen(t->cells[i]);
        if (w > width[i % t->ncolumns])
            width[i % t->ncolumns] = w;
    }
    if (*t->title)
        fprintf(out, "%s\n", t->title);
    for (size_t i = 0; i < t->ncells; i++) {
        size_t c = i % t->ncolumns;
        int last = c + 1 == t->ncolumns;
        if (t->left[c] && last)
            fprintf(out, "%s", t->cells[i]);
        else
            fprintf(out, "%*s", t->left[c] ? -width[c] : width[c], t->cells[i]);
        fputs(last ? "\n" : "  ", out);
    }
    fputc('\n', out);
}

void bench_table_free(bench_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->ncells; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t->title);
    free(t);
}
