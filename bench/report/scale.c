/* How a kernel's rate grows with threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum { WIDTH = 460, HEIGHT = 330 };

static const report_entry *next_of(const report_run *run, const char *op, const char *policy,
                                   unsigned after)
{
    const report_entry *best = NULL;
    for (size_t i = 0; i < run->n; i++) {
        const report_entry *e = &run->at[i];
        if (report_is(e, "scale") && strcmp(report_part(e, "op"), op) == 0 &&
            strcmp(report_part(e, "policy"), policy) == 0 && e->threads > after && e->rate > 0 &&
            (!best || e->threads < best->threads))
            best = e;
    }
    return best;
}

/* The rate of one thread, wherever it was: what a speedup is over. NaN: none. */
static double one_rate(const report_run *run, const char *op)
{
    for (size_t i = 0; i < run->n; i++)
        if (report_is(&run->at[i], "scale") && run->at[i].threads == 1 &&
            strcmp(report_part(&run->at[i], "op"), op) == 0)
            return run->at[i].rate / 1e9;
    return NAN;
}

static int scales(const report *r, const char *op, svg_axis *x, svg_axis *y)
{
    unsigned most = 0;
    double least = INFINITY;
    *y = (svg_axis){0, 0, HEIGHT - 44, 30, 0};
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++) {
            const report_entry *e = &r->runs[i].at[j];
            if (!report_is(e, "scale") || strcmp(report_part(e, "op"), op) != 0 || !(e->rate > 0))
                continue;
            most = e->threads > most ? e->threads : most;
            least = fmin(least, e->rate / 1e9);
            y->high = fmax(y->high, e->rate / 1e9 * (e->low > 0 ? e->ns / e->low : 1));
        }
    *x = (svg_axis){0.5, most, 46, WIDTH - 16, 0};
    x->high = most + 0.5;
    if (most > 16) { /* both by factors: proportional growth is a straight line again */
        *x = (svg_axis){0.9, 1.1 * most, 46, WIDTH - 16, 1};
        *y = (svg_axis){least, y->high, y->from, y->to, 1};
    }
    svg_axis_nice(y);
    return most > 0;
}

/* Whole numbers of threads, and no others. */
static void thread_axis(FILE *f, const svg_axis *x, const svg_axis *y)
{
    unsigned most = (unsigned)x->high;
    for (unsigned n = 1; n <= most; n = x->log || most > 8 ? 2 * n : n + 1) {
        svg_line(f, "g", svg_at(x, n), y->from, svg_at(x, n), y->to);
        svg_textf(f, svg_at(x, n), y->from + 16, 'm', "t", "%u", n);
    }
    svg_line(f, "x", x->from, y->from, x->to, y->from);
    svg_text(f, (x->from + x->to) / 2, y->from + 34, 'm', "a",
             x->log ? "threads (log)" : "threads");
}

/* Proportional growth, as far as it stays on the plot. */
static void ideal(FILE *f, double one, const svg_axis *x, const svg_axis *y)
{
    if (!(one > 0))
        return;
    fputs("<path class=\"r\" style=\"fill:none\" d=\"", f);
    double end = fmin(x->log ? x->high / 1.1 : x->high - 0.5, y->high / one);
    for (int i = 0; i <= 24; i++) {
        double n = x->log ? pow(end, i / 24.0) : 1 + (end - 1) * i / 24.0;
        fprintf(f, "%c%.1f %.1f", i ? 'L' : 'M', svg_at(x, n), svg_at(y, one * n));
    }
    fputs("\"/>\n", f);
}

static void series(FILE *f, const report_run *run, const char *op, const char *policy,
                   unsigned style, double shift, const svg_axis *x, const svg_axis *y)
{
    int begun = 0;
    for (const report_entry *e = next_of(run, op, policy, 0); e;
         e = next_of(run, op, policy, e->threads)) {
        fprintf(f, begun++ ? "L" : "<path class=\"p s%u\" d=\"M", style);
        fprintf(f, "%.1f %.1f", svg_at(x, e->threads) + shift, svg_at(y, e->rate / 1e9));
    }
    if (!begun)
        return;
    fputs("\"/>\n", f);
    for (const report_entry *e = next_of(run, op, policy, 0); e;
         e = next_of(run, op, policy, e->threads)) {
        char tip[200];
        double at = svg_at(x, e->threads) + shift, rate = e->rate / 1e9;
        if (e->low > 0)
            svg_line(f, "n", at, svg_at(y, rate * e->ns / e->low), at,
                     svg_at(y, rate * e->ns / e->high));
        snprintf(tip, sizeof(tip), "%s, %u threads: %.2f GB/s (%s)", policy, e->threads, rate,
                 e->label);
        svg_mark(f, style, at, svg_at(y, rate), 4.5, svg_hollow(e), tip);
    }
}

static void panel(FILE *f, const report *r, const report_run *run, const char *op,
                  const report_words *policies, const svg_axis *x, const svg_axis *y)
{
    double one = one_rate(run, op);
    int any = 0;
    for (size_t i = 0; i < policies->n; i++)
        any |= next_of(run, op, policies->at[i], 0) != NULL;
    if (!any)
        return;
    figure_begin(f, "%s%s%s", op, r->nruns > 1 ? ": " : "", r->nruns > 1 ? run->title : "");
    svg_begin(f, WIDTH, HEIGHT, "Rate against number of threads, a line for each placement");
    thread_axis(f, x, y);
    svg_axis_y(f, x, y,
               y->log ? "GB/s of tensor by wall time (log)" : "GB/s of tensor by wall time");
    ideal(f, one, x, y);
    for (size_t i = 0; i < policies->n; i++)
        series(f, run, op, policies->at[i], (unsigned)i % 6,
               x->log ? 0 : 5 * ((double)i - (double)(policies->n - 1) / 2), x, y);
    svg_end(f);
    figure_end(f);
}

static void table(FILE *f, const report *r)
{
    table_begin(f, "threads",
                r->nruns > 1 ? "<operation|<placement|threads|<run|GB/s|95% interval|speedup|"
                               "efficiency|<verdict|speed / first run's"
                             : "<operation|<placement|threads|GB/s|95% interval|speedup|"
                               "efficiency|<verdict");
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++) {
            const report_entry *e = &r->runs[i].at[j];
            if (!report_is(e, "scale"))
                continue;
            double one = one_rate(&r->runs[i], report_part(e, "op")), rate = e->rate / 1e9;
            table_row(f);
            table_text(f, report_part(e, "op"));
            table_text(f, report_part(e, "policy"));
            table_number(f, "%.0f", e->threads);
            if (r->nruns > 1)
                table_text(f, r->runs[i].title);
            table_number(f, "%.2f", rate);
            table_range(f, "%.2f", rate * e->ns / e->high, rate * e->ns / e->low);
            table_number(f, "%.2f", rate / one);
            table_number(f, "%.2f", rate / one / e->threads);
            table_text(f, e->label);
            table_against(f, r, e);
        }
    table_end(f);
}

int section_scale(FILE *f, const report *r)
{
    report_words ops, policies;
    report_collect(r, "scale", "op", &ops);
    report_collect(r, "scale", "policy", &policies);
    int shown = ops.n > 0;
    if (shown) {
        section_begin(f, "scale", "Threads");
        fputs("<p>Each thread is bound to a CPU, with buffers of its own on its memory node. "
              "Dashed: one thread's rate times the number of threads.</p>\n",
              f);
        legend_begin(f);
        for (size_t i = 0; i < policies.n && i < 12; i++)
            legend_item(f, (unsigned)i % 6, policies.at[i]);
        legend_end(f, "hollow: noisy");
        figures_begin(f, "middle");
        for (size_t k = 0; k < ops.n; k++) {
            svg_axis x, y;
            if (scales(r, ops.at[k], &x, &y))
                for (size_t i = 0; i < r->nruns; i++)
                    panel(f, r, &r->runs[i], ops.at[k], &policies, &x, &y);
        }
        figures_end(f);
        table(f, r);
        section_end(f);
    }
    free(ops.at);
    free(policies.at);
    return shown;
}
