/* Coders: compressed size against speed, with the front that no other coder beats in both. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/labels.h"
#include "report/report.h"

enum { WIDTH = 460, HEIGHT = 400, MAX_POINTS = 256 };

typedef struct point {
    const report_entry *e;
    double rate, ratio; /* GB/s; compressed / original */
    int front;
} point;

/* Ours; others that take the base too; others that do not; memcpy. */
static unsigned style_of(const char *coder)
{
    static const char *const with_base[] = {"paper-bitx",    "tensorx",       "fm-delta",
                                            "xor-rans32-o0", "xor-rans32-o1", "zipnn-xor",
                                            "zstd-patch",    "fastcdc-64k"};
    if (strncmp(coder, "bitx:", 5) == 0)
        return 0;
    if (strcmp(coder, "memcpy") == 0)
        return 6;
    for (size_t i = 0; i < sizeof(with_base) / sizeof(with_base[0]); i++)
        if (strcmp(coder, with_base[i]) == 0)
            return 1;
    return 2;
}

static int by_rate(const void *a, const void *b)
{
    const point *x = a, *y = b;
    return (x->rate > y->rate) - (x->rate < y->rate);
}

/* What saves nothing is not on the front, nor what was no measurement. */
static int competes(const point *p)
{
    return p->ratio < 1 && strcmp(p->e->label, "invalid") != 0;
}

static void mark_front(point *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i].front = competes(&p[i]);
        for (size_t j = 0; j < n && p[i].front; j++)
            if (j != i && competes(&p[j]) && p[j].rate >= p[i].rate && p[j].ratio <= p[i].ratio &&
                (p[j].rate > p[i].rate || p[j].ratio < p[i].ratio))
                p[i].front = 0;
    }
}

/* Those of one run, data set and direction, with one thread; sorted by speed. */
static size_t collect(const report_run *run, const char *data, const char *direction, point *p)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n && n < MAX_POINTS; i++) {
        const report_entry *e = &run->at[i];
        double ratio = report_number(e, "bitx_ratio");
        if (!report_is(e, "codec") || e->threads != 1 || !(ratio >= 1e-6 && ratio <= 1e3) ||
            !(e->rate > 0) || strcmp(report_part(e, "data"), data) != 0 ||
            strcmp(report_part(e, "direction"), direction) != 0)
            continue;
        p[n++] = (point){e, e->rate / 1e9, ratio, 0};
    }
    qsort(p, n, sizeof(*p), by_rate);
    mark_front(p, n);
    return n;
}

/* One scale for all panels of a data set, so that they can be compared. */
static int scales(const report *r, const char *data, svg_axis *x, svg_axis *y)
{
    static const char *const directions[] = {"encode", "decode"};
    point p[MAX_POINTS];
    *x = (svg_axis){INFINITY, 0, 46, WIDTH - 14, 1};
    *y = (svg_axis){INFINITY, 0, HEIGHT - 44, 30, 0};
    for (size_t i = 0; i < r->nruns; i++)
        for (int d = 0; d < 2; d++) {
            size_t n = collect(&r->runs[i], data, directions[d], p);
            for (size_t k = 0; k < n; k++) {
                x->low = fmin(x->low, p[k].rate);
                x->high = fmax(x->high, p[k].rate);
                y->low = fmin(y->low, p[k].ratio);
                y->high = fmax(y->high, p[k].ratio);
            }
        }
    if (!(x->high > 0))
        return 0;
    y->log = y->high > 12 * y->low;
    if (!y->log)
        y->low = 0;
    if (y->high > 1 && y->high < 1.02) /* stored with a header: no axis up to 1.2 for that */
        y->high = 1;
    x->low /= 1.15;
    x->high *= 1.15;
    svg_axis_nice(x);
    svg_axis_nice(y);
    return 1;
}

/* The smallest size that is to be had at each speed: steps down to the left. */
static void draw_front(FILE *f, const point *p, size_t n, const svg_axis *x, const svg_axis *y)
{
    double last = NAN;
    for (size_t i = 0; i < n; i++) {
        if (!p[i].front)
            continue;
        if (isnan(last))
            fprintf(f, "<path class=\"f\" d=\"M%.1f %.1f", x->from, svg_at(y, p[i].ratio));
        else
            fprintf(f, "V%.1f", svg_at(y, p[i].ratio));
        fprintf(f, "H%.1f", svg_at(x, p[i].rate));
        last = p[i].ratio;
    }
    if (!isnan(last))
        fprintf(f, "V%.1f\"/>\n", y->to);
}

/* The front's steps as boxes, which names keep off. How many. */
static size_t front_boxes(const point *p, size_t n, const svg_axis *x, const svg_axis *y,
                          report_box *boxes)
{
    double left = x->from, bottom = NAN;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!p[i].front)
            continue;
        double right = svg_at(x, p[i].rate), at = svg_at(y, p[i].ratio);
        if (!isnan(bottom))
            boxes[count++] = (report_box){left - 1, at, left + 1, bottom};
        boxes[count++] = (report_box){left, at - 1, right, at + 1};
        left = right;
        bottom = at;
    }
    if (count)
        boxes[count++] = (report_box){left - 1, y->to, left + 1, bottom};
    return count;
}

static void draw_points(FILE *f, const point *p, size_t n, const svg_axis *x, const svg_axis *y)
{
    for (size_t i = 0; i < n; i++) {
        char tip[256];
        const report_entry *e = p[i].e;
        snprintf(tip, sizeof(tip), "%s: ratio %.4f at %.3f GB/s%s (%s)", report_part(e, "coder"),
                 p[i].ratio, p[i].rate, p[i].front ? ", on the front" : "", e->label);
        svg_mark(f, style_of(report_part(e, "coder")), svg_at(x, p[i].rate), svg_at(y, p[i].ratio),
                 p[i].front ? 5 : 4, svg_hollow(e), tip);
    }
}

/* The front's names first, then ours, then the others'. */
static size_t draw_names(FILE *f, const point *p, size_t n, const svg_axis *x, const svg_axis *y)
{
    report_label labels[MAX_POINTS];
    size_t count = 0;
    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < n; i++) {
            const char *coder = report_part(p[i].e, "coder");
            int order = p[i].front ? 0 : style_of(coder) == 0 ? 1 : 2;
            if (order == pass)
                labels[count++] = (report_label){svg_at(x, p[i].rate), svg_at(y, p[i].ratio), coder,
                                                 p[i].front ? "l b h" : "l h"};
        }
    report_box steps[2 * MAX_POINTS + 1], frame = {x->from + 2, y->to, x->to + 12, y->from - 2};
    return report_labels(f, labels, count, steps, front_boxes(p, n, x, y, steps), &frame);
}

static void panel(FILE *f, const report *r, const report_run *run, const char *data,
                  const char *direction, const svg_axis *x, const svg_axis *y)
{
    point p[MAX_POINTS];
    size_t n = collect(run, data, direction, p);
    if (n == 0)
        return;
    figure_begin(f, "%s of %s%s%s", strcmp(direction, "encode") == 0 ? "Encoding" : "Decoding",
                 data, r->nruns > 1 ? ": " : "", r->nruns > 1 ? run->title : "");
    svg_begin(f, WIDTH, HEIGHT, "Compressed size against speed, a mark for each coder");
    svg_axis_x(f, x, y, "speed, GB/s of the fine-tune, one thread (log)");
    svg_axis_y(f, x, y, y->log ? "compressed / original (log)" : "compressed / original");
    svg_text(f, x->to, y->to - 10, 'e', "t", "better: right and down");
    draw_front(f, p, n, x, y);
    draw_points(f, p, n, x, y);
    size_t missing = draw_names(f, p, n, x, y);
    svg_end(f);
    if (missing)
        fprintf(f,
                "<p class=\"mute\">%zu name%s found no room: see the table, or point at the "
                "mark.</p>\n",
                missing, missing > 1 ? "s" : "");
    figure_end(f);
}

static int on_front(const report_run *run, const report_entry *e)
{
    point p[MAX_POINTS];
    size_t n = collect(run, report_part(e, "data"), report_part(e, "direction"), p);
    for (size_t i = 0; i < n; i++)
        if (p[i].e == e)
            return p[i].front;
    return 0;
}

static void row(FILE *f, const report *r, const report_run *run, const report_entry *e)
{
    double memcpy_share = report_number(e, "bitx_memcpy"), ratio = report_number(e, "bitx_ratio");
    table_row(f);
    table_text(f, report_part(e, "coder"));
    table_text(f, report_part(e, "direction"));
    table_number(f, "%.0f", e->threads);
    if (r->nruns > 1)
        table_text(f, run->title);
    table_number(f, "%.4f", ratio);
    table_number(f, "%.3f", e->rate / 1e9);
    table_range(f, "%.3f", e->rate / 1e9 * e->ns / e->high, e->rate / 1e9 * e->ns / e->low);
    table_number(f, "%.3f", memcpy_share);
    table_number(f, "%.2f", report_number(e, "bitx_cycles_per_element"));
    table_text(f, on_front(run, e) ? "front" : "");
    table_text(f, e->label);
    table_against(f, r, e);
}

static void data_table(FILE *f, const report *r, const char *data)
{
    report_words names = {NULL, 0};
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++)
            if (report_is(&r->runs[i].at[j], "codec") &&
                strcmp(report_part(&r->runs[i].at[j], "data"), data) == 0)
                report_word(&names, r->runs[i].at[j].run_name);
    char caption[256];
    snprintf(caption, sizeof(caption), "coders on %.120s", data);
    table_begin(f, caption,
                r->nruns > 1 ? "<coder|<direction|threads|<run|ratio|GB/s|95% interval|x memcpy|"
                               "cycles/element|<|<verdict|speed / first run's"
                             : "<coder|<direction|threads|ratio|GB/s|95% interval|x memcpy|"
                               "cycles/element|<|<verdict");
    for (size_t k = 0; k < names.n; k++)
        for (size_t i = 0; i < r->nruns; i++) {
            const report_entry *e = report_find(&r->runs[i], names.at[k]);
            if (e)
                row(f, r, &r->runs[i], e);
        }
    table_end(f);
    free(names.at);
}

/* What the made families are; others are files, whose names the command has. */
static void describe(FILE *f, const char *data)
{
    static const char *const made[][2] = {
        {"s1e-5", "each weight gets N(0, 1e-5) added"},
        {"s2e-4", "each weight gets N(0, 2e-4) added"},
        {"s1e-3", "each weight gets N(0, 1e-3) added"},
        {"sparse", "1.2% of the weights get N(0, 2e-4) added, the others nothing"}};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        if (strcmp(made[i][0], data) == 0)
            fprintf(f,
                    "<p class=\"mute\">Made BF16 weights, N(0, 0.02); in the fine-tune %s.</p>\n",
                    made[i][1]);
}

int section_codecs(FILE *f, const report *r)
{
    static const char *const directions[] = {"encode", "decode"};
    report_words data;
    report_collect(r, "codec", "data", &data);
    if (data.n == 0)
        return 0;
    section_begin(f, "codecs", "Coders: size against speed");
    fputs("<p>All coders worked on the same tensors, and every decoder's output was compared with "
          "the original. The line is the Pareto front: no coder is both faster and smaller than "
          "one on it. Only with the base at hand can a coder get far below two thirds.</p>\n",
          f);
    legend_begin(f);
    legend_item(f, 0, "libbitx");
    legend_item(f, 1, "others, given the base");
    legend_item(f, 2, "others, without the base");
    legend_item(f, 6, "memcpy");
    legend_end(f, "hollow: noisy");
    for (size_t d = 0; d < data.n; d++) {
        svg_axis x, y;
        fputs("<h3>", f);
        html_text(f, data.at[d]);
        fputs("</h3>\n", f);
        describe(f, data.at[d]);
        if (scales(r, data.at[d], &x, &y)) {
            figures_begin(f, "middle");
            for (int k = 0; k < 2; k++)
                for (size_t i = 0; i < r->nruns; i++)
                    panel(f, r, &r->runs[i], data.at[d], directions[k], &x, &y);
            figures_end(f);
        }
        data_table(f, r, data.at[d]);
    }
    section_end(f);
    free(data.at);
    return 1;
}
