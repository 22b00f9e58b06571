/*
 * bench/report/report.h: results that were read back, and the page made of them. Nothing here
 * measures; everything is drawn by us, so that the page needs no script and no network.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "bench/names.h"

/* ---- what was read (read.c) ---- */

typedef struct report_entry {
    const char *run_name;
    bench_name name;
    const char *label;    /* the verdict */
    double ns, low, high; /* CPU time of a repetition, wall time with several threads */
    double rate;          /* bytes per second; NaN: none */
    unsigned threads;
    const json_t *json;
} report_entry;

typedef struct report_run {
    char title[224];
    char key[512]; /* files of equal key are one run */
    const json_t *context;
    json_t **roots;
    const char **paths;
    size_t nroots;
    report_entry *at; /* sorted by nothing: as in the files */
    size_t n;
} report_run;

typedef struct report {
    report_run *runs;
    size_t nruns;
    struct report_refusal {
        char *path, reason[256];
    } * refused;
    size_t nrefused;
} report;

/* Adds a file to the run called `title` (NULL: the run of its machine and revision). A file that
   cannot be used is told on standard error, and kept in r->refused. 0, or -1. */
int report_read(report *r, const char *path, const char *title);
/* Names runs that have no title yet by what tells them apart. */
void report_name_runs(report *r);
void report_free(report *r);

/* Whether an entry of bitx_bits is as METHODS.md says (bits.c). */
int report_bits_valid(const json_t *x);

/* A number of an entry; NaN where it has none. */
double report_number(const report_entry *e, const char *key);
/* A part of its name. */
const char *report_part(const report_entry *e, const char *key);
int report_is(const report_entry *e, const char *kind);
/* The entry of that name in a run, or NULL. */
const report_entry *report_find(const report_run *run, const char *run_name);
const char *report_context(const report_run *run, const char *key);

/* A set of words in the order of their first use. */
typedef struct report_words {
    const char **at;
    size_t n;
} report_words;
/* Its index; added where it is new. */
size_t report_word(report_words *w, const char *word);
/* Every value that a part of that kind's names has, over all runs. */
void report_collect(const report *r, const char *kind, const char *key, report_words *w);

/* ---- HTML (page.c) ---- */

void html_text(FILE *f, const char *s);
void page_begin(FILE *f, const report *r, const char *title);
void page_end(FILE *f);
void section_begin(FILE *f, const char *id, const char *title);
void section_end(FILE *f);
/* Figures stand side by side where there is room, `small`, `narrow` or `middle`. */
void figures_begin(FILE *f, const char *width);
void figures_end(FILE *f);
void figure_begin(FILE *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
void figure_end(FILE *f);

/* Heads are separated by '|'; one that begins with '<' is of text, aligned left. */
void table_begin(FILE *f, const char *caption, const char *heads);
void table_row(FILE *f);
void table_text(FILE *f, const char *s);
/* n/a where x is not finite. */
void table_number(FILE *f, const char *format, double x) __attribute__((format(printf, 2, 0)));
void table_range(FILE *f, const char *format, double low, double high)
    __attribute__((format(printf, 2, 0)));
void table_end(FILE *f);
/* The cell that sets an entry's speed against that of the first run; empty with one run. */
void table_against(FILE *f, const report *r, const report_entry *e);

/* ---- SVG (svg.c) ---- */

enum { SVG_STYLES = 7 };

typedef struct svg_axis {
    double low, high; /* values */
    double from, to;  /* where they are drawn */
    int log;
} svg_axis;

double svg_at(const svg_axis *a, double value);
/* Widens [low, high] to values that read well. */
void svg_axis_nice(svg_axis *a);
/* Ticks; at most n. */
size_t svg_ticks(const svg_axis *a, double *ticks, size_t n);

void svg_begin(FILE *f, double width, double height, const char *description);
void svg_end(FILE *f);
/* anchor: 's', 'm', 'e'. class: "" or more than one word. */
void svg_text(FILE *f, double x, double y, char anchor, const char *class, const char *text);
void svg_textf(FILE *f, double x, double y, char anchor, const char *class, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
void svg_line(FILE *f, const char *class, double x1, double y1, double x2, double y2);
/* Grid, ticks, numbers and title of an axis below (x) or at the left (y) of the plot. */
void svg_axis_x(FILE *f, const svg_axis *x, const svg_axis *y, const char *title);
void svg_axis_y(FILE *f, const svg_axis *x, const svg_axis *y, const char *title);
/* A mark of a style's colour and shape; hollow for what is not stable; NULL: no tooltip. */
void svg_mark(FILE *f, unsigned style, double x, double y, double r, int hollow,
              const char *tooltip);
/* An entry that is no "stable" is drawn hollow. */
int svg_hollow(const report_entry *e);
double svg_text_width(const char *s, double size);

/* A row of marks with their names. */
void legend_begin(FILE *f);
void legend_item(FILE *f, unsigned style, const char *name);
void legend_end(FILE *f, const char *more);

/* ---- the sections; each returns whether it had something to show ---- */

int section_overview(FILE *f, const report *r);
int section_changes(FILE *f, const report *r);
int section_codecs(FILE *f, const report *r);
int section_kernels(FILE *f, const report *r);
int section_roofline(FILE *f, const report *r);
int section_numa(FILE *f, const report *r);
int section_scale(FILE *f, const report *r);
int section_bits(FILE *f, const report *r);
int section_others(FILE *f, const report *r);
int section_absent(FILE *f, const report *r);

#endif
