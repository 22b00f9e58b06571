/* The page around the charts, and the tables below them. */
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "report/report.h"
#include "report/style.h"

void html_text(FILE *f, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&':
            fputs("&amp;", f);
            break;
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '"':
            fputs("&quot;", f);
            break;
        default:
            fputc((unsigned char)*s < ' ' ? ' ' : *s, f);
        }
    }
}

void page_begin(FILE *f, const report *r, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>",
          f);
    html_text(f, title);
    fprintf(f, "</title>\n<style>\n%s%s</style>\n</head>\n<body>\n<header>\n<h1>", page_style,
            page_style_more);
    html_text(f, title);
    fputs("</h1>\n<p class=\"mute\">", f);
    for (size_t i = 0; i < r->nruns; i++) {
        fputs(i ? " &middot; " : "", f);
        html_text(f, r->runs[i].title);
    }
    fputs("</p>\n</header>\n", f);
}

void page_end(FILE *f)
{
    char date[64];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M %z", &tm);
    fprintf(f,
            "<footer>Made by <code>bitx-bench report</code> on %s from the files named under "
            "Environment. Speeds: medians of thread CPU time with one thread, of wall time with "
            "more; 1 GB = 10<sup>9</sup> bytes; intervals: 95%%, from order statistics. Hollow "
            "marks: the verdict was not &ldquo;stable&rdquo;.</footer>\n</body>\n</html>\n",
            date);
}

void section_begin(FILE *f, const char *id, const char *title)
{
    fprintf(f, "<section id=\"%s\">\n<h2>", id);
    html_text(f, title);
    fputs("</h2>\n", f);
}

void section_end(FILE *f)
{
    fputs("</section>\n", f);
}

void figures_begin(FILE *f, const char *width)
{
    fprintf(f, "<div class=\"figures %s\">\n", width);
}

void figures_end(FILE *f)
{
    fputs("</div>\n", f);
}

void figure_begin(FILE *f, const char *format, ...)
{
    char caption[512];
    va_list args;
    va_start(args, format);
    vsnprintf(caption, sizeof(caption), format, args);
    va_end(args);
    fputs("<figure><figcaption>", f);
    html_text(f, caption);
    fputs("</figcaption>\n", f);
}

void figure_end(FILE *f)
{
    fputs("</figure>\n", f);
}

/* HTML lets the end tags of rows and cells go: a third of the bytes of a long table. */
void table_begin(FILE *f, const char *caption, const char *heads)
{
    fputs("<details><summary>Table: ", f);
    html_text(f, caption);
    fputs("</summary><div class=\"scroll\" tabindex=\"0\">\n<table><thead><tr>", f);
    for (const char *p = heads; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL) {
        char head[128];
        int word = *p == '<';
        snprintf(head, sizeof(head), "%.*s", (int)strcspn(p + word, "|"), p + word);
        fputs(word ? "<th class=w>" : "<th>", f);
        html_text(f, head);
    }
    fputs("</thead><tbody>", f);
}

void table_row(FILE *f)
{
    fputs("\n<tr>", f);
}

void table_text(FILE *f, const char *s)
{
    fputs(strlen(s) > 60 ? "<td class=\"w wrap\">" : "<td class=w>", f);
    html_text(f, s);
}

void table_number(FILE *f, const char *format, double x)
{
    fputs("<td>", f);
    if (isfinite(x))
        fprintf(f, format, x);
    else
        fputs("n/a", f);
}

void table_range(FILE *f, const char *format, double low, double high)
{
    fputs("<td>", f);
    if (!isfinite(low) || !isfinite(high)) {
        fputs("n/a", f);
        return;
    }
    fprintf(f, format, low);
    fputs("&ndash;", f);
    fprintf(f, format, high);
}

void table_against(FILE *f, const report *r, const report_entry *e)
{
    if (r->nruns < 2)
        return;
    const report_entry *first = report_find(&r->runs[0], e->run_name);
    table_number(f, "%.3f", first ? first->ns / e->ns : NAN);
}

void table_end(FILE *f)
{
    fputs("\n</tbody></table></div></details>\n", f);
}
