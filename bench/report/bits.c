/* Which bits of the weights the fine-tune changed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum { WIDTH = 520, HEIGHT = 270, MAX_BITS = 64 };

typedef struct bits {
    const char *data, *dtype;
    unsigned n, exponent, mantissa;
    double elements, changed;
    double share[MAX_BITS]; /* by position, 0 the least significant */
} bits;

static double number(const json_t *x, const char *key, double low, double high)
{
    const json_t *v = json_object_get(x, key);
    double n = json_is_number(v) ? json_number_value(v) : NAN;
    return n >= low && n <= high ? n : NAN;
}

/* 0, or -1 where it is not as METHODS.md says. */
static int read_bits(const json_t *x, bits *b)
{
    const json_t *shares = json_object_get(x, "bit_changed");
    b->data = json_string_value(json_object_get(x, "data"));
    b->dtype = json_string_value(json_object_get(x, "dtype"));
    double n = number(x, "bits", 1, MAX_BITS), exponent = number(x, "exponent_bits", 0, 32),
           mantissa = number(x, "mantissa_bits", 0, 63);
    b->elements = number(x, "elements", 1, 1e18);
    b->changed = number(x, "elements_changed", 0, 1e18);
    if (!b->data || !b->dtype || isnan(n + exponent + mantissa + b->elements + b->changed) ||
        json_array_size(shares) != (size_t)n)
        return -1;
    b->n = (unsigned)n;
    b->exponent = (unsigned)exponent;
    b->mantissa = (unsigned)mantissa;
    for (unsigned i = 0; i < b->n; i++) {
        const json_t *share = json_array_get(shares, i);
        b->share[i] = json_is_number(share) ? json_number_value(share) : NAN;
        if (!(b->share[i] >= 0 && b->share[i] <= 1))
            return -1;
    }
    return !b->exponent || 1 + b->exponent + b->mantissa == b->n ? 0 : -1;
}

int report_bits_valid(const json_t *x)
{
    bits b;
    memset(&b, 0, sizeof(b));
    return read_bits(x, &b) == 0;
}

static void fields(FILE *f, const bits *b, double left, double column, const svg_axis *y)
{
    const struct {
        const char *name;
        unsigned from, n; /* counted from the most significant */
    } parts[] = {
        {"sign", 0, 1}, {"exponent", 1, b->exponent}, {"mantissa", 1 + b->exponent, b->mantissa}};
    for (size_t i = 0; i < 3 && b->exponent; i++) {
        double from = left + column * parts[i].from, width = column * parts[i].n;
        if (i == 1)
            fprintf(f, "<rect class=\"d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                    from, y->to, width, y->from - y->to);
        svg_text(f, i ? from + width / 2 : from, y->to + 13, i ? 'm' : 's', "t", parts[i].name);
    }
}

static void panel(FILE *f, const bits *b)
{
    double most = 0;
    for (unsigned i = 0; i < b->n; i++)
        most = fmax(most, 100 * b->share[i]);
    svg_axis x = {0, b->n, 46, WIDTH - 8, 0}, y = {0, fmax(1.25 * most, 1e-6), HEIGHT - 46, 30, 0};
    double column = (x.to - x.from) / b->n;
    svg_axis_nice(&y);
    figure_begin(f, "%s, %s: %.3g%% of the weights changed", b->data, b->dtype,
                 100 * b->changed / b->elements);
    svg_begin(f, WIDTH, HEIGHT, "Share of weights in which each bit changed");
    fields(f, b, x.from, column, &y);
    svg_axis_y(f, &x, &y, "weights in which the bit differs from the base's, %");
    for (unsigned i = 0; i < b->n; i++) {
        unsigned bit = b->n - 1 - i;
        double left = x.from + column * i, top = svg_at(&y, 100 * b->share[bit]);
        unsigned style = bit + 1 == b->n ? 1 : b->exponent && bit >= b->mantissa ? 2 : 0;
        fprintf(f,
                "<rect class=\"m s%u\" style=\"stroke:none\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                "height=\"%.1f\"><title>bit %u: %.4g%%</title></rect>\n",
                b->exponent ? style : 0, left + column * 0.12, top, column * 0.76, y.from - top,
                bit, 100 * b->share[bit]);
        if (column > 24)
            svg_textf(f, left + column / 2, top - 4, 'm', "t", "%.2g", 100 * b->share[bit]);
        if (column > 18 || bit % 4 == 0 || bit + 1 == b->n)
            svg_textf(f, left + column / 2, y.from + 16, 'm', "t", "%u", bit);
    }
    svg_line(f, "x", x.from, y.from, x.to, y.from);
    svg_text(f, (x.from + x.to) / 2, y.from + 36, 'm', "a",
             "bit of the weight, the most significant at the left");
    svg_end(f);
    figure_end(f);
}

static void table(FILE *f, const bits *b, size_t n)
{
    table_begin(f, "bits, in % of the weights", "<data|<dtype|weights|changed %|bit|<field|%");
    for (size_t i = 0; i < n; i++)
        for (unsigned bit = b[i].n; bit-- > 0;) {
            table_row(f);
            table_text(f, b[i].data);
            table_text(f, b[i].dtype);
            table_number(f, "%.0f", b[i].elements);
            table_number(f, "%.4f", 100 * b[i].changed / b[i].elements);
            table_number(f, "%.0f", bit);
            table_text(f, !b[i].exponent         ? "integer"
                          : bit + 1 == b[i].n    ? "sign"
                          : bit >= b[i].mantissa ? "exponent"
                                                 : "mantissa");
            table_number(f, "%.5g", 100 * b[i].share[bit]);
        }
    table_end(f);
}

static int same(const bits *a, const bits *b)
{
    return strcmp(a->data, b->data) == 0 && strcmp(a->dtype, b->dtype) == 0 && a->n == b->n &&
           memcmp(a->share, b->share, a->n * sizeof(a->share[0])) == 0;
}

/* The same data in several runs is shown once. */
static void add(bits **list, size_t *n, const json_t *x)
{
    bits b;
    memset(&b, 0, sizeof(b));
    if (read_bits(x, &b) != 0)
        return; /* told when the file was read */
    for (size_t i = 0; i < *n; i++)
        if (same(&(*list)[i], &b))
            return;
    *list = realloc(*list, (*n + 1) * sizeof(**list));
    if (!*list)
        abort();
    (*list)[(*n)++] = b;
}

int section_bits(FILE *f, const report *r)
{
    bits *list = NULL;
    size_t n = 0;
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].nroots; j++) {
            const json_t *all = json_object_get(r->runs[i].roots[j], "bitx_bits"), *x;
            size_t k;
            json_array_foreach(all, k, x) add(&list, &n, x);
        }
    if (n) {
        section_begin(f, "bits", "Which bits a fine-tune changes");
        fputs("<p>Of all tensors that have a base. Low bits of the mantissa change in up to half "
              "of the weights, as noise would; the sign and the top of the exponent hardly ever "
              "do.</p>\n",
              f);
        figures_begin(f, "middle");
        for (size_t i = 0; i < n; i++)
            panel(f, &list[i]);
        figures_end(f);
        table(f, list, n);
        section_end(f);
    }
    free(list);
    return n > 0;
}
