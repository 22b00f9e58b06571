/* What memory and caches allow: sustained, and the fastest seen. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum { WIDTH = 460, ROW = 17 };

static const char *const sets[] = {"L1", "L2", "L3", "DRAM"};
enum { NSETS = sizeof(sets) / sizeof(sets[0]) };

static double limit_of(const report_entry *e)
{
    double limit = report_number(e, "bitx_limit_bytes_per_second");
    return limit >= 1 && limit < 1e16 ? limit : NAN;
}

/* One scale for all runs; 0: nothing to show. */
static int scale(const report *r, svg_axis *x)
{
    *x = (svg_axis){INFINITY, 0, 118, WIDTH - 16, 1};
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++) {
            const report_entry *e = &r->runs[i].at[j];
            if (!report_is(e, "roofline") || !(e->rate > 0))
                continue;
            x->low = fmin(x->low, e->rate / 1e9);
            x->high = fmax(x->high, fmax(e->rate, limit_of(e)) / 1e9);
        }
    if (!(x->high > 0))
        return 0;
    svg_axis_nice(x);
    return 1;
}

static void panel(FILE *f, const report *r, const report_run *run, const report_words *streams,
                  const svg_axis *x)
{
    size_t rows = 0;
    for (size_t i = 0; i < run->n; i++)
        rows += report_is(&run->at[i], "roofline");
    if (rows == 0)
        return;
    double top = 20, height = top + ROW * (double)rows + 44, y = top + ROW / 2.0;
    svg_axis vertical = {0, 1, height - 44, top, 0};
    figure_begin(f, "Traffic that this core sustains%s%s", r->nruns > 1 ? ": " : "",
                 r->nruns > 1 ? run->title : "");
    svg_begin(f, WIDTH, height, "Bandwidth by working set and number of streams");
    svg_axis_x(f, x, &vertical, "reads and writes together, GB/s (log)");
    for (size_t s = 0; s < NSETS; s++)
        for (size_t k = 0; k < streams->n; k++)
            for (size_t i = 0; i < run->n; i++) {
                const report_entry *e = &run->at[i];
                char tip[200];
                if (!report_is(e, "roofline") || strcmp(report_part(e, "set"), sets[s]) != 0 ||
                    strcmp(report_part(e, "streams"), streams->at[k]) != 0)
                    continue;
                char name[64];
                snprintf(name, sizeof(name), "%s %s", sets[s], streams->at[k]);
                for (char *p = name; *p; p++)
                    *p = *p == '_' ? ' ' : *p; /* "2_to_1" */
                svg_text(f, x->from - 8, y + 4, 'e', "l", name);
                snprintf(tip, sizeof(tip), "%s %s: %.2f GB/s (%s)", sets[s], streams->at[k],
                         e->rate / 1e9, e->label);
                double at = svg_at(x, e->rate / 1e9), limit = limit_of(e) / 1e9;
                if (limit > 0) {
                    snprintf(tip + strlen(tip), sizeof(tip) - strlen(tip), ", fastest %.2f", limit);
                    svg_line(f, "n", at, y, svg_at(x, limit), y);
                    svg_mark(f, 6, svg_at(x, limit), y, 4, 1, tip);
                }
                svg_mark(f, 0, at, y, 4, svg_hollow(e), tip);
                y += ROW;
            }
    svg_end(f);
    figure_end(f);
}

static void table(FILE *f, const report *r)
{
    table_begin(f, "traffic",
                r->nruns > 1 ? "<set|<streams|<run|GB/s|95% interval|fastest seen|<verdict|"
                               "speed / first run's"
                             : "<set|<streams|GB/s|95% interval|fastest seen|<verdict");
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++) {
            const report_entry *e = &r->runs[i].at[j];
            if (!report_is(e, "roofline"))
                continue;
            table_row(f);
            table_text(f, report_part(e, "set"));
            table_text(f, report_part(e, "streams"));
            if (r->nruns > 1)
                table_text(f, r->runs[i].title);
            table_number(f, "%.2f", e->rate / 1e9);
            table_range(f, "%.2f", e->rate / 1e9 * e->ns / e->high, e->rate / 1e9 * e->ns / e->low);
            table_number(f, "%.2f", limit_of(e) / 1e9);
            table_text(f, e->label);
            table_against(f, r, e);
        }
    table_end(f);
}

int section_roofline(FILE *f, const report *r)
{
    report_words streams;
    svg_axis x;
    report_collect(r, "roofline", "streams", &streams);
    int shown = streams.n > 0;
    if (shown) {
        section_begin(f, "roofline", "What the memory allows");
        legend_begin(f);
        legend_item(f, 0, "sustained (median)");
        legend_item(f, 6, "fastest ever seen");
        legend_end(f, "");
        if (scale(r, &x)) {
            figures_begin(f, "middle");
            for (size_t i = 0; i < r->nruns; i++)
                panel(f, r, &r->runs[i], &streams, &x);
            figures_end(f);
        }
        table(f, r);
        section_end(f);
    }
    free(streams.at);
    return shown;
}
