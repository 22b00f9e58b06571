/* Memory nodes: a matrix of CPU node by memory node for each quantity and page size. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum { WIDTH = 400, MAX_NODES = 64 };

typedef struct quantity {
    const char *name, *loop;
    int less_is_better;
} quantity;

static const quantity quantities[] = {{"read, GB/s", "read", 0},
                                      {"copy, GB/s", "copy", 0},
                                      {"latency of a dependent load, ns", "read", 1}};

static double value_of(const report_entry *e, const quantity *q)
{
    return q->less_is_better ? report_number(e, "bitx_latency_ns") : e->rate / 1e9;
}

static const report_entry *cell_of(const report_run *run, const quantity *q, const char *pages,
                                   const char *cpu, const char *mem)
{
    char name[200];
    snprintf(name, sizeof(name), "numa/%s/cpu%s/mem%s/%s", q->loop, cpu, mem, pages);
    return report_find(run, name);
}

static int by_number(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return atoi(*x) - atoi(*y);
}

/* Nodes with a measured cell, and those that were refused one. */
static void nodes_of(const report *r, report_words *nodes)
{
    memset(nodes, 0, sizeof(*nodes));
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++)
            if (report_is(&r->runs[i].at[j], "numa")) {
                report_word(nodes, report_part(&r->runs[i].at[j], "cpu"));
                report_word(nodes, report_part(&r->runs[i].at[j], "mem"));
            }
    if (nodes->n)
        qsort(nodes->at, nodes->n, sizeof(*nodes->at), by_number);
}

static void range(const report_run *run, const quantity *q, const char *pages, double *low,
                  double *high)
{
    *low = INFINITY;
    *high = 0;
    for (size_t i = 0; i < run->n; i++) {
        const report_entry *e = &run->at[i];
        if (!report_is(e, "numa") || strcmp(report_part(e, "loop"), q->loop) != 0 ||
            strcmp(report_part(e, "pages"), pages) != 0 || !(value_of(e, q) > 0))
            continue;
        *low = fmin(*low, value_of(e, q));
        *high = fmax(*high, value_of(e, q));
    }
}

static void cell(FILE *f, const report_entry *e, const quantity *q, double x, double y, double size,
                 double low, double high)
{
    double value = e ? value_of(e, q) : NAN;
    if (!(value > 0)) {
        fprintf(f, "<rect class=\"d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", x,
                y, size - 2, size - 2);
        svg_text(f, x + size / 2 - 1, y + size / 2 + 3, 'm', "t", "n/a");
        return;
    }
    /* Stronger is better; the number is there for whoever needs more than that. */
    double good = high > low ? (value - low) / (high - low) : 1;
    good = q->less_is_better && high > low ? 1 - good : good;
    fprintf(f,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" style=\"fill:var(--c0);"
            "opacity:%.2f\"><title>CPU node %s, memory node %s: ",
            x, y, size - 2, size - 2, 0.1 + 0.4 * good, report_part(e, "cpu"),
            report_part(e, "mem"));
    fprintf(f, "%.2f (", value);
    html_text(f, e->label);
    fputs(")</title></rect>\n", f);
    char text[32];
    snprintf(text, sizeof(text), q->less_is_better ? "%.0f" : "%.1f", value);
    svg_text(f, x + size / 2 - 1, y + size / 2 + 4, 'm', size < 34 ? "t" : "b", text);
}

static void panel(FILE *f, const report *r, const report_run *run, const quantity *q,
                  const char *pages, const report_words *nodes)
{
    double low, high;
    range(run, q, pages, &low, &high);
    if (!(high > 0))
        return;
    size_t n = nodes->n < MAX_NODES ? nodes->n : MAX_NODES;
    double left = 58, top = 46, size = fmin(72, (WIDTH - left - 4) / (double)n);
    figure_begin(f, "%s, %s pages%s%s", q->name, pages, r->nruns > 1 ? ": " : "",
                 r->nruns > 1 ? run->title : "");
    svg_begin(f, WIDTH, top + size * (double)n + 6, "CPU node by memory node");
    svg_text(f, left, 16, 's', "a", "memory node");
    svg_text(f, 2, top - 8, 's', "a", "CPU node");
    for (size_t i = 0; i < n; i++) {
        svg_text(f, left + size * ((double)i + 0.5) - 1, 34, 'm', "t", nodes->at[i]);
        svg_text(f, left - 10, top + size * ((double)i + 0.5) + 4, 'e', "t", nodes->at[i]);
        for (size_t j = 0; j < n; j++)
            cell(f, cell_of(run, q, pages, nodes->at[i], nodes->at[j]), q, left + size * (double)j,
                 top + size * (double)i, size, low, high);
    }
    svg_end(f);
    figure_end(f);
}

static void table(FILE *f, const report *r)
{
    table_begin(f, "memory nodes",
                r->nruns > 1 ? "<loop|CPU node|memory node|distance|<pages|<run|GB/s|95% interval|"
                               "latency, ns|on huge pages|<verdict|speed / first run's"
                             : "<loop|CPU node|memory node|distance|<pages|GB/s|95% interval|"
                               "latency, ns|on huge pages|<verdict");
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++) {
            const report_entry *e = &r->runs[i].at[j];
            if (!report_is(e, "numa"))
                continue;
            double distance = report_number(e, "bitx_distance");
            table_row(f);
            table_text(f, report_part(e, "loop"));
            table_number(f, "%.0f", atof(report_part(e, "cpu")));
            table_number(f, "%.0f", atof(report_part(e, "mem")));
            table_number(f, "%.0f", distance > 0 ? distance : NAN);
            table_text(f, report_part(e, "pages"));
            if (r->nruns > 1)
                table_text(f, r->runs[i].title);
            table_number(f, "%.2f", e->rate / 1e9);
            table_range(f, "%.2f", e->rate / 1e9 * e->ns / e->high, e->rate / 1e9 * e->ns / e->low);
            table_number(f, "%.1f", report_number(e, "bitx_latency_ns"));
            table_number(f, "%.2f", report_number(e, "bitx_huge_share"));
            table_text(f, e->label);
            table_against(f, r, e);
        }
    table_end(f);
}

int section_numa(FILE *f, const report *r)
{
    report_words nodes, pages;
    nodes_of(r, &nodes);
    report_collect(r, "numa", "pages", &pages);
    int shown = nodes.n > 0;
    if (shown) {
        section_begin(f, "numa", "Memory nodes (NUMA)");
        if (nodes.n == 1)
            fputs("<p>One memory node: there is no remote memory to compare with (n/a). What huge "
                  "pages bring is seen all the same.</p>\n",
                  f);
        else
            fputs("<p>Each cell: a thread bound to the CPU node, memory bound to the memory node, "
                  "64 pages of 64 found there before the clock started. The stronger the colour, "
                  "the better.</p>\n",
                  f);
        figures_begin(f, "narrow");
        for (size_t i = 0; i < r->nruns; i++)
            for (size_t q = 0; q < sizeof(quantities) / sizeof(quantities[0]); q++)
                for (size_t p = 0; p < pages.n; p++)
                    panel(f, r, &r->runs[i], &quantities[q], pages.at[p], &nodes);
        figures_end(f);
        table(f, r);
        section_end(f);
    }
    free(nodes.at);
    free(pages.at);
    return shown;
}
