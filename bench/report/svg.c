/* Axes, marks and words of charts. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "report/report.h"

double svg_at(const svg_axis *a, double value)
{
    double t = a->log ? log(value / a->low) / log(a->high / a->low)
                      : (value - a->low) / (a->high - a->low);
    t = t < 0 ? 0 : t > 1 ? 1 : t; /* also what lies outside stays on the plot */
    return a->from + t * (a->to - a->from);
}

/* The largest of 1, 2, 5 times a power of ten that is at most x. */
static double round_down(double x)
{
    double power = pow(10, floor(log10(x) + 1e-9));
    double digit = x / power + 1e-9;
    return power * (digit >= 5 ? 5 : digit >= 2 ? 2 : 1);
}

static double round_up(double x)
{
    double down = round_down(x);
    double power = pow(10, floor(log10(x) + 1e-9));
    if (down > x * (1 - 1e-6))
        return down;
    return down < 1.5 * power ? 2 * power : down < 3 * power ? 5 * power : 10 * power;
}

static double linear_step(const svg_axis *a)
{
    return round_up((a->high - a->low) / 6);
}

void svg_axis_nice(svg_axis *a)
{
    if (a->log) {
        a->low = round_down(a->low);
        a->high = round_up(a->high);
        if (a->high < 4 * a->low) {
            a->low = round_down(a->low / 1.5);
            a->high = round_up(a->high * 1.5);
        }
        return;
    }
    if (!(a->high > a->low))
        a->high = a->low + 1;
    double step = linear_step(a);
    a->low = step * floor(a->low / step + 1e-9);
    a->high = step * ceil(a->high / step - 1e-9);
}

static size_t log_ticks(const svg_axis *a, double *ticks, size_t n)
{
    static const double digits[] = {1, 2, 5};
    double decades = log10(a->high / a->low);
    size_t ndigits = decades > 3.2 ? 1 : 3, count = 0;
    for (double power = floor(log10(a->low) + 1e-9); power <= log10(a->high) + 1e-9; power += 1)
        for (size_t d = 0; d < ndigits; d++) {
            double tick = digits[d] * pow(10, power);
            if (tick >= a->low * (1 - 1e-9) && tick <= a->high * (1 + 1e-9) && count < n)
                ticks[count++] = tick;
        }
    return count;
}

size_t svg_ticks(const svg_axis *a, double *ticks, size_t n)
{
    if (a->log)
        return log_ticks(a, ticks, n);
    double step = linear_step(a);
    size_t count = 0;
    for (double i = ceil(a->low / step - 1e-9); i * step <= a->high + 1e-9 * step && count < n; i++)
        ticks[count++] = i * step;
    return count;
}

void svg_begin(FILE *f, double width, double height, const char *description)
{
    fprintf(f, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width, height);
    html_text(f, description);
    fputs("\">\n", f);
}

void svg_end(FILE *f)
{
    fputs("</svg>\n", f);
}

void svg_text(FILE *f, double x, double y, char anchor, const char *class, const char *text)
{
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\"", x, y);
    if (anchor != 's')
        fprintf(f, " text-anchor=\"%s\"", anchor == 'm' ? "middle" : "end");
    if (*class)
        fprintf(f, " class=\"%s\"", class);
    fputc('>', f);
    html_text(f, text);
    fputs("</text>\n", f);
}

void svg_textf(FILE *f, double x, double y, char anchor, const char *class, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    svg_text(f, x, y, anchor, class, text);
}

void svg_line(FILE *f, const char *class, double x1, double y1, double x2, double y2)
{
    fprintf(f, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", class, x1, y1, x2, y2);
}

/* Linear ticks are multiples of a step, so that all have the digits that the step has. */
static void tick_text(const svg_axis *a, double tick, char *text, size_t n)
{
    if (a->log) {
        snprintf(text, n, "%g", tick);
        return;
    }
    double step = linear_step(a);
    int digits = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    snprintf(text, n, "%.*f", digits, fabs(tick) < step / 2 ? 0 : tick);
}

void svg_axis_x(FILE *f, const svg_axis *x, const svg_axis *y, const char *title)
{
    double ticks[32];
    char text[32];
    size_t n = svg_ticks(x, ticks, 32);
    for (size_t i = 0; i < n; i++) {
        double at = svg_at(x, ticks[i]);
        svg_line(f, "g", at, y->from, at, y->to);
        tick_text(x, ticks[i], text, sizeof(text));
        svg_text(f, at, y->from + 16, 'm', "t", text);
    }
    svg_line(f, "x", x->from, y->from, x->to, y->from);
    svg_text(f, (x->from + x->to) / 2, y->from + 34, 'm', "a", title);
}

void svg_axis_y(FILE *f, const svg_axis *x, const svg_axis *y, const char *title)
{
    double ticks[32];
    char text[32];
    size_t n = svg_ticks(y, ticks, 32);
    for (size_t i = 0; i < n; i++) {
        double at = svg_at(y, ticks[i]);
        svg_line(f, "g", x->from, at, x->to, at);
        tick_text(y, ticks[i], text, sizeof(text));
        svg_text(f, x->from - 7, at + 4, 'e', "t", text);
    }
    svg_line(f, "x", x->from, y->from, x->from, y->to);
    /* Above the axis, not along it: read without turning the head. */
    svg_text(f, 2, y->to - 10, 's', "a", title);
}

double svg_text_width(const char *s, double size)
{
    double n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return 0.57 * size * n;
}

int svg_hollow(const report_entry *e)
{
    return strcmp(e->label, "stable") != 0;
}

/* Circle, triangle, square, diamond, triangle upside down, hexagon, cross-like diamond. */
void svg_mark(FILE *f, unsigned style, double x, double y, double r, int hollow,
              const char *tooltip)
{
    const char *o = hollow ? " o" : "";
    const char *end = tooltip ? ">" : "/>";
    style %= SVG_STYLES;
    double h = 1.15 * r, w = 0.9 * r, d = 1.3 * r;
    switch (style) {
    case 0:
        fprintf(f, "<circle class=\"m s0%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"%s", o, x, y, r,
                end);
        break;
    case 1:
        fprintf(f, "<path class=\"m s1%s\" d=\"M%.1f %.1fl%.1f %.1fh%.1fz\"%s", o, x, y - h, h,
                2 * h - 1, -2 * h, end);
        break;
    case 2:
        fprintf(f, "<path class=\"m s2%s\" d=\"M%.1f %.1fh%.1fv%.1fh%.1fz\"%s", o, x - w, y - w,
                2 * w, 2 * w, -2 * w, end);
        break;
    case 4:
        fprintf(f, "<path class=\"m s4%s\" d=\"M%.1f %.1fl%.1f %.1fh%.1fz\"%s", o, x, y + h, h,
                -2 * h + 1, -2 * h, end);
        break;
    case 5:
        fprintf(
            f, "<path class=\"m s5%s\" d=\"M%.1f %.1fl%.1f %.1fv%.1fl%.1f %.1fl%.1f %.1fv%.1fz\"%s",
            o, x, y - r, r, r / 2, r, -r, r / 2, -r, -r / 2, -r, end);
        break;
    default:
        fprintf(f, "<path class=\"m s%u%s\" d=\"M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz\"%s",
                style, o, x, y - d, style == 6 ? r * 0.7 : d, d, style == 6 ? -r * 0.7 : -d, d,
                style == 6 ? -r * 0.7 : -d, -d, end);
    }
    if (!tooltip) {
        fputc('\n', f);
        return;
    }
    fputs("<title>", f);
    html_text(f, tooltip);
    fprintf(f, "</title></%s>\n", style == 0 ? "circle" : "path");
}

void legend_begin(FILE *f)
{
    fputs("<div class=\"legend\">", f);
}

void legend_item(FILE *f, unsigned style, const char *name)
{
    fputs("<span><svg viewBox=\"0 0 18 16\" aria-hidden=\"true\">", f);
    svg_mark(f, style, 9, 8, 5, 0, NULL);
    fputs("</svg>", f);
    html_text(f, name);
    fputs("</span>", f);
}

void legend_end(FILE *f, const char *more)
{
    fputs("<span class=\"mute\">", f);
    html_text(f, more);
    fputs("</span></div>\n", f);
}
