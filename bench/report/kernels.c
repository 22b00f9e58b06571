/* Kernels as shares of their rooflines: all together, and one by one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum { ROW = 15, WIDTH = 400, NAME_WIDTH = 158, OVERVIEW_WIDTH = 310, MAX_VALUES = 1024 };

static const char *const sets[] = {"L1", "L2", "L3", "DRAM"};
enum { NSETS = sizeof(sets) / sizeof(sets[0]) };

static unsigned style_of(const char *isa)
{
    static const char *const isas[] = {"avx512", "avx2", "neon"};
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(isas[i], isa) == 0)
            return i;
    return strcmp(isa, "scalar") == 0 ? 6 : 3;
}

static double share_of(const report_entry *e)
{
    double share = report_number(e, "bitx_roofline");
    return share >= 0 && share < 1000 ? share : NAN;
}

static int is_cell(const report_entry *e, const char *isa, const char *set)
{
    return report_is(e, "kernel") && (!isa || strcmp(report_part(e, "isa"), isa) == 0) &&
           strcmp(report_part(e, "set"), set) == 0 && share_of(e) >= 0;
}

static int any_cell(const report_run *run, const char *isa, const char *set)
{
    for (size_t i = 0; i < run->n; i++)
        if (is_cell(&run->at[i], isa, set))
            return 1;
    return 0;
}

/* What the axis of shares ends at: 1.2, or more where kernels beat every loop, but at most 2. */
static double highest(const report *r)
{
    double most = 1.2;
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++)
            if (report_is(&r->runs[i].at[j], "kernel") && share_of(&r->runs[i].at[j]) > most)
                most = share_of(&r->runs[i].at[j]);
    return fmin(2, ceil(5 * most - 1e-9) / 5);
}

typedef struct dot {
    const report_entry *e;
    double share;
} dot;

static int by_share(const void *a, const void *b)
{
    const dot *x = a, *y = b;
    return (x->share > y->share) - (x->share < y->share);
}

/* Dots of about equal share lie side by side. */
static void swarm(FILE *f, const dot *d, size_t n, unsigned style, double middle, double room,
                  const svg_axis *y)
{
    enum { R = 3 };
    double at[MAX_VALUES], offset[MAX_VALUES];
    for (size_t i = 0; i < n; i++) {
        at[i] = svg_at(y, d[i].share);
        offset[i] = 0;
        for (int step = 0; step < 64; step++) {
            double try = (step % 2 ? 1 : -1) * (step + 1) / 2 * (2.0 * R + 0.8);
            int taken = 0;
            for (size_t j = 0; j < i && !taken; j++)
                taken = fabs(at[j] - at[i]) < 2 * R + 0.8 && fabs(offset[j] - try) < 2 * R + 0.8;
            if (taken && fabs(try) < room)
                continue;
            offset[i] = fabs(try) < room ?
            try:
                0;
            break;
        }
        char tip[256];
        snprintf(tip, sizeof(tip), "%s %s %s: %.2f of its roofline (%s)", report_part(d[i].e, "op"),
                 report_part(d[i].e, "isa"), report_part(d[i].e, "set"), d[i].share, d[i].e->label);
        svg_mark(f, style, middle + offset[i], at[i], R, svg_hollow(d[i].e), tip);
    }
}

static size_t collect(const report_run *run, const char *isa, const char *set, dot *d)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n && n < MAX_VALUES; i++)
        if (is_cell(&run->at[i], isa, set))
            d[n++] = (dot){&run->at[i], share_of(&run->at[i])};
    qsort(d, n, sizeof(*d), by_share);
    return n;
}

/* All kernels of a run at one working set: a column for each ISA, with its median. */
static void overview(FILE *f, const report *r, const report_run *run, const char *set,
                     const report_words *isas)
{
    static dot d[MAX_VALUES];
    size_t ncolumns = 0, column = 0;
    for (size_t i = 0; i < isas->n; i++)
        ncolumns += style_of(isas->at[i]) != 3 && any_cell(run, isas->at[i], set);
    if (ncolumns == 0)
        return;
    svg_axis y = {0, highest(r), 330, 34, 0}, x = {0, (double)ncolumns, 36, OVERVIEW_WIDTH - 4, 0};
    double half = (x.to - x.from) / (double)ncolumns / 2;
    figure_begin(f, "%s%s%s%s", set, strcmp(set, "DRAM") == 0 ? "" : " size",
                 r->nruns > 1 ? ": " : "", r->nruns > 1 ? run->title : "");
    svg_begin(f, OVERVIEW_WIDTH, 354, "Shares of the roofline of all kernels by instruction set");
    svg_axis_y(f, &x, &y, "share of the roofline; bar: median");
    svg_line(f, "r", x.from, svg_at(&y, 1), x.to, svg_at(&y, 1));
    svg_line(f, "x", x.from, y.from, x.to, y.from);
    for (size_t i = 0; i < isas->n; i++) {
        size_t n = collect(run, isas->at[i], set, d);
        if (n == 0 || style_of(isas->at[i]) == 3)
            continue;
        double middle = svg_at(&x, (double)column++ + 0.5),
               median = n % 2 ? d[n / 2].share : (d[n / 2 - 1].share + d[n / 2].share) / 2;
        swarm(f, d, n, style_of(isas->at[i]), middle, half - 4, &y);
        svg_line(f, "f", middle - half * 0.85, svg_at(&y, median), middle + half * 0.85,
                 svg_at(&y, median));
        svg_textf(f, middle + half * 0.85, svg_at(&y, median) - 5, 'e', "l b h", "%.2f", median);
        svg_textf(f, middle, y.from + 18, 'm', "a", "%s (%zu)", isas->at[i], n);
    }
    svg_end(f);
    figure_end(f);
}

static void op_row(FILE *f, const report_run *run, const char *op, const char *set,
                   const report_words *isas, const svg_axis *x, double y)
{
    double best = NAN;
    for (size_t k = isas->n; k-- > 0;)
        for (size_t i = 0; i < run->n; i++) {
            const report_entry *e = &run->at[i];
            if (!is_cell(e, isas->at[k], set) || strcmp(report_part(e, "op"), op) != 0)
                continue;
            double share = share_of(e), low = report_number(e, "bitx_roofline_low"),
                   high = report_number(e, "bitx_roofline_high");
            if (low > 0 && high >= low)
                svg_line(f, "n", svg_at(x, low), y, svg_at(x, high), y);
            char tip[200];
            snprintf(tip, sizeof(tip), "%s %s %s: %.2f (%s)", op, isas->at[k], set, share,
                     e->label);
            svg_mark(f, style_of(isas->at[k]), svg_at(x, share), y,
                     style_of(isas->at[k]) == 6 ? 3 : 4, svg_hollow(e), tip);
            best = isnan(best) || share > best ? share : best;
        }
    if (best >= 0)
        svg_textf(f, WIDTH - 2, y + 4, 'e', "t", "%.2f", best);
}

/* Kernel by kernel at one working set; the same rows for every run. */
static void panel(FILE *f, const report *r, const report_run *run, const char *set,
                  const report_words *isas)
{
    report_words used = {NULL, 0}, *ops = &used;
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++)
            if (is_cell(&r->runs[i].at[j], NULL, set))
                report_word(ops, report_part(&r->runs[i].at[j], "op"));
    if (!any_cell(run, NULL, set)) {
        free(used.at);
        return;
    }
    double top = 30, height = top + ROW * (double)ops->n + 44;
    svg_axis x = {0, highest(r), NAME_WIDTH, WIDTH - 34, 0}, y = {0, 1, height - 44, top, 0};
    figure_begin(f, "%s%s%s%s", set, strcmp(set, "DRAM") == 0 ? "" : " size",
                 r->nruns > 1 ? ": " : "", r->nruns > 1 ? run->title : "");
    svg_begin(f, WIDTH, height, "Share of the roofline of each kernel");
    for (size_t i = 0; i < ops->n; i += 2)
        fprintf(f, "<rect class=\"d\" x=\"0\" y=\"%.1f\" width=\"%d\" height=\"%d\"/>\n",
                top + ROW * (double)i, WIDTH, ROW);
    svg_axis_x(f, &x, &y, "share of the roofline");
    svg_line(f, "r", svg_at(&x, 1), y.from, svg_at(&x, 1), y.to);
    svg_text(f, svg_at(&x, 1), top - 6, 'm', "t", "roofline");
    svg_text(f, WIDTH - 2, top - 6, 'e', "t", "best");
    for (size_t i = 0; i < ops->n; i++) {
        double middle = top + ROW * ((double)i + 0.5);
        svg_textf(f, NAME_WIDTH - 8, middle + 4, 'e', "l", "%.26s", ops->at[i]);
        op_row(f, run, ops->at[i], set, isas, &x, middle);
    }
    svg_end(f);
    figure_end(f);
    free(used.at);
}

static void row(FILE *f, const report *r, const report_run *run, const report_entry *e)
{
    table_row(f);
    table_text(f, report_part(e, "op"));
    table_text(f, report_part(e, "isa"));
    table_text(f, report_part(e, "set"));
    if (r->nruns > 1)
        table_text(f, run->title);
    table_number(f, "%.2f", e->rate / 1e9);
    table_range(f, "%.2f", e->rate / 1e9 * e->ns / e->high, e->rate / 1e9 * e->ns / e->low);
    table_number(f, "%.3f", report_number(e, "bitx_cycles_per_element"));
    table_number(f, "%.2f", report_number(e, "bitx_traffic_per_byte"));
    table_number(f, "%.2f", report_number(e, "bitx_roofline"));
    table_range(f, "%.2f", report_number(e, "bitx_roofline_low"),
                report_number(e, "bitx_roofline_high"));
    table_text(f, e->label);
    table_against(f, r, e);
}

static void table(FILE *f, const report *r)
{
    report_words names = {NULL, 0};
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++)
            if (report_is(&r->runs[i].at[j], "kernel"))
                report_word(&names, r->runs[i].at[j].run_name);
    table_begin(f, "kernels",
                r->nruns > 1 ? "<operation|<ISA|<set|<run|GB/s|95% interval|cycles/element|"
                               "traffic/byte|roofline|95% interval|<verdict|speed / first run's"
                             : "<operation|<ISA|<set|GB/s|95% interval|cycles/element|"
                               "traffic/byte|roofline|95% interval|<verdict");
    for (size_t k = 0; k < names.n; k++)
        for (size_t i = 0; i < r->nruns; i++) {
            const report_entry *e = report_find(&r->runs[i], names.at[k]);
            if (e)
                row(f, r, &r->runs[i], e);
        }
    table_end(f);
    free(names.at);
}

int section_kernels(FILE *f, const report *r)
{
    report_words ops, isas;
    report_collect(r, "kernel", "op", &ops);
    report_collect(r, "kernel", "isa", &isas);
    if (ops.n) {
        section_begin(f, "kernels", "Kernels against their rooflines");
        fputs("<p>The roofline of a kernel is the best of up to 19 loops that move the same number "
              "of streams and the same bytes on the same buffers, without arithmetic, measured in "
              "turn with it. At L1 size and in L3, layout and neighbours move the shares; compare "
              "at L2 size and in DRAM.</p>\n",
              f);
        legend_begin(f);
        for (size_t i = 0; i < isas.n; i++)
            legend_item(f, style_of(isas.at[i]), isas.at[i]);
        legend_end(f, "hollow: noisy; thin line: 95% interval");
        fputs("<h3>All kernels</h3>\n", f);
        figures_begin(f, "small");
        for (size_t s = 0; s < NSETS; s++)
            for (size_t i = 0; i < r->nruns; i++)
                overview(f, r, &r->runs[i], sets[s], &isas);
        figures_end(f);
        fputs("<h3>One by one</h3>\n", f);
        figures_begin(f, "narrow");
        for (size_t s = 0; s < NSETS; s++)
            for (size_t i = 0; i < r->nruns; i++)
                panel(f, r, &r->runs[i], sets[s], &isas);
        figures_end(f);
        table(f, r);
        section_end(f);
    }
    int shown = ops.n > 0;
    free(ops.at);
    free(isas.at);
    return shown;
}
