/* Runs against the first: what became faster or slower, group by group. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum { WIDTH = 480, ROW = 44, MAX_ROWS = 60 };

typedef struct change {
    const report_entry *old, *new;
    double speed; /* of the new by the old */
    int apart;    /* the intervals do not meet */
} change;

/* "kernel L2", "codec decode": what is alike enough to be seen together. */
static const char *group_of(const report_entry *e, char *text, size_t n)
{
    const char *set = report_part(e, "set"), *direction = report_part(e, "direction");
    snprintf(text, n, "%s%s%s", e->name.kind, *set || *direction ? " " : "",
             *set ? set : direction);
    return text;
}

static int by_size(const void *a, const void *b)
{
    double x = fabs(log(((const change *)a)->speed)), y = fabs(log(((const change *)b)->speed));
    return (x < y) - (x > y);
}

static size_t collect(const report *r, size_t run, change *c)
{
    size_t n = 0;
    for (size_t i = 0; i < r->runs[run].n; i++) {
        const report_entry *new = &r->runs[run].at[i],
                           *old = report_find(&r->runs[0], new->run_name);
        if (!old)
            continue;
        c[n++] =
            (change){old, new, old->ns / new->ns, new->low > old->high || new->high < old->low};
    }
    qsort(c, n, sizeof(*c), by_size);
    return n;
}

static void group_row(FILE *f, const change *c, size_t n, const char *group, const svg_axis *x,
                      double middle)
{
    char text[300];
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(group_of(c[i].new, text, sizeof(text)), group) != 0)
            continue;
        /* A column of its own for each of several dots at one place would need a search; a spread
           that depends on the place in the list does. */
        double offset = ((double)(count * 7 % 11) - 5) * 2.4;
        sum += log(c[i].speed);
        count++;
        char tip[400];
        snprintf(tip, sizeof(tip), "%s: speed x %.3f%s", c[i].new->run_name, c[i].speed,
                 c[i].apart ? "" : " (intervals meet)");
        svg_mark(f,
                 !c[i].apart      ? 6
                 : c[i].speed > 1 ? 0
                                  : 1,
                 svg_at(x, c[i].speed), middle + offset, 3, !c[i].apart, tip);
    }
    svg_textf(f, x->from - 8, middle - 2, 'e', "l", "%.24s", group);
    svg_textf(f, x->from - 8, middle + 11, 'e', "t", "%zu, mean x %.3f", count,
              exp(sum / (double)count));
}

static void chart(FILE *f, const report *r, size_t run, const change *c, size_t n)
{
    report_words groups = {NULL, 0};
    char text[300];
    for (size_t i = 0; i < r->runs[run].n; i++) {
        if (!report_find(&r->runs[0], r->runs[run].at[i].run_name))
            continue;
        group_of(&r->runs[run].at[i], text, sizeof(text));
        size_t before = groups.n;
        if (report_word(&groups, text) == before) {
            groups.at[before] = strdup(text);
            if (!groups.at[before])
                abort();
        }
    }
    double most = 1.5, top = 30, height = top + ROW * (double)groups.n + 44;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fmin(8, exp(fabs(log(c[i].speed)))));
    svg_axis x = {1 / most, most, 132, WIDTH - 16, 1}, y = {0, 1, height - 44, top, 0};
    figure_begin(f, "%s, against %s", r->runs[run].title, r->runs[0].title);
    svg_begin(f, WIDTH, height, "Speed by that of the first run");
    svg_axis_x(f, &x, &y, "speed by that of the first run (log)");
    svg_line(f, "r", svg_at(&x, 1), y.from, svg_at(&x, 1), y.to);
    svg_text(f, svg_at(&x, 1) + 8, top - 8, 's', "t", "faster");
    svg_text(f, svg_at(&x, 1) - 8, top - 8, 'e', "t", "slower");
    for (size_t i = 0; i < groups.n; i++) {
        group_row(f, c, n, groups.at[i], &x, top + ROW * ((double)i + 0.5));
        free((void *)(uintptr_t)groups.at[i]);
    }
    svg_end(f);
    figure_end(f);
    free(groups.at);
}

static void table(FILE *f, const report *r, size_t run, const change *c, size_t n)
{
    char caption[600];
    snprintf(caption, sizeof(caption), "largest changes from %s to %s, intervals apart first",
             r->runs[0].title, r->runs[run].title);
    table_begin(f, caption, "<result|first run, GB/s|this run, GB/s|speed x|<intervals");
    size_t rows = 0;
    for (int apart = 1; apart >= 0; apart--)
        for (size_t i = 0; i < n && rows < MAX_ROWS; i++) {
            if (c[i].apart != apart)
                continue;
            rows++;
            table_row(f);
            table_text(f, c[i].new->run_name);
            table_number(f, "%.3f", c[i].old->rate / 1e9);
            table_number(f, "%.3f", c[i].new->rate / 1e9);
            table_number(f, "%.3f", c[i].speed);
            table_text(f, c[i].apart ? "apart" : "meet");
        }
    table_end(f);
}

int section_changes(FILE *f, const report *r)
{
    int begun = 0;
    for (size_t run = 1; run < r->nruns; run++) {
        change *c = calloc(r->runs[run].n + 1, sizeof(*c));
        if (!c)
            abort();
        size_t n = collect(r, run, c);
        if (n && !begun++) {
            section_begin(f, "changes", "Run against run");
            fputs("<p>Separate processes scatter by 6 to 12% even where nothing changed. For a "
                  "verdict on a commit use <code>bitx-bench ab</code>, which has both in one "
                  "process.</p>\n",
                  f);
            legend_begin(f);
            legend_item(f, 0, "faster, intervals apart");
            legend_item(f, 1, "slower, intervals apart");
            legend_end(f, "grey: the intervals meet");
        }
        if (n) {
            figures_begin(f, "middle");
            chart(f, r, run, c, n);
            figures_end(f);
            table(f, r, run, c, n);
        }
        free(c);
    }
    if (begun)
        section_end(f);
    return begun > 0;
}
