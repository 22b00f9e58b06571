/* What was run and where, how good the numbers are, and the shortest answer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

static void refusals(FILE *f, const report *r)
{
    if (r->nrefused == 0)
        return;
    fputs("<div class=\"refused\"><p><b>Not on this page:</b></p><ul>\n", f);
    for (size_t i = 0; i < r->nrefused; i++) {
        fputs("<li>", f);
        html_text(f, r->refused[i].path);
        fputs(": ", f);
        html_text(f, r->refused[i].reason);
        fputs("</li>\n", f);
    }
    fputs("</ul></div>\n", f);
}

static void heads(FILE *f, const report *r, const char *first)
{
    fprintf(f, "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th class=w>%s", first);
    for (size_t i = 0; i < r->nruns; i++) {
        fputs("<th class=w>", f);
        html_text(f, r->runs[i].title);
    }
    fputs("</thead><tbody>", f);
}

static void context_row(FILE *f, const report *r, const char *name, const char *key)
{
    int any = 0;
    for (size_t i = 0; i < r->nruns; i++)
        any |= *report_context(&r->runs[i], key) != '\0';
    if (!any)
        return;
    table_row(f);
    table_text(f, name);
    for (size_t i = 0; i < r->nruns; i++)
        table_text(f, *report_context(&r->runs[i], key) ? report_context(&r->runs[i], key) : "n/a");
}

/* The range of a number over all files of a run. */
static void number_row(FILE *f, const report *r, const char *name, const char *key, double scale,
                       const char *unit)
{
    table_row(f);
    table_text(f, name);
    for (size_t i = 0; i < r->nruns; i++) {
        double low = INFINITY, high = -INFINITY;
        char text[96];
        for (size_t j = 0; j < r->runs[i].nroots; j++) {
            const json_t *x = json_object_get(json_object_get(r->runs[i].roots[j], "context"), key);
            x = json_is_array(x) ? json_array_get(x, 0) : x;
            if (!json_is_number(x))
                continue;
            low = fmin(low, scale * json_number_value(x));
            high = fmax(high, scale * json_number_value(x));
        }
        if (!(high >= low))
            snprintf(text, sizeof(text), "n/a");
        else if (high - low < 0.005 * high || high <= low)
            snprintf(text, sizeof(text), "%.4g%s", high, unit);
        else
            snprintf(text, sizeof(text), "%.3g to %.3g%s", low, high, unit);
        table_text(f, text);
    }
}

static void cache_row(FILE *f, const report *r)
{
    table_row(f);
    table_text(f, "caches, as reported");
    for (size_t i = 0; i < r->nruns; i++) {
        char text[160] = "";
        const json_t *caches = json_object_get(r->runs[i].context, "caches"), *c;
        size_t k;
        json_array_foreach(caches, k, c)
        {
            double size = json_number_value(json_object_get(c, "size")) / 1024;
            size_t n = strlen(text);
            snprintf(text + n, sizeof(text) - n, "%sL%d %.0f %s", n ? ", " : "",
                     (int)json_number_value(json_object_get(c, "level")),
                     size >= 2048 ? size / 1024 : size, size >= 2048 ? "MiB" : "KiB");
        }
        table_text(f, *text ? text : "n/a");
    }
}

/* "kernel.json: bitx-bench kernel --ws L2 ..." for each file. */
static void files_row(FILE *f, const report *r)
{
    table_row(f);
    table_text(f, "files and commands");
    for (size_t i = 0; i < r->nruns; i++) {
        fputs("<td class=\"w wrap\">", f);
        for (size_t j = 0; j < r->runs[i].nroots; j++) {
            const char *path = r->runs[i].paths[j], *slash = strrchr(path, '/');
            const char *command = json_string_value(
                json_object_get(json_object_get(r->runs[i].roots[j], "context"), "bitx_command"));
            fputs(j ? "<br>" : "", f);
            html_text(f, slash ? slash + 1 : path);
            fputs(command ? ": <code>" : "", f);
            html_text(f, command ? command : "");
            fputs(command ? "</code>" : "", f);
        }
    }
}

static void environment(FILE *f, const report *r)
{
    heads(f, r, "");
    context_row(f, r, "CPU", "bitx_cpu_model");
    context_row(f, r, "hypervisor", "bitx_hypervisor");
    context_row(f, r, "kernels in use", "bitx_isa");
    context_row(f, r, "system", "bitx_os");
    context_row(f, r, "host", "host_name");
    context_row(f, r, "compiler", "bitx_compiler");
    context_row(f, r, "revision", "bitx_revision");
    context_row(f, r, "date", "date");
    number_row(f, r, "CPUs", "num_cpus", 1, "");
    number_row(f, r, "clock, probed", "mhz_per_cpu", 0.001, " GHz");
    cache_row(f, r);
    number_row(f, r, "load", "load_avg", 1, "");
    number_row(f, r, "steal during the runs", "bitx_steal_percent", 1, "%");
    number_row(f, r, "pressure (a task waited for a CPU)", "bitx_pressure_percent", 1, "%");
    files_row(f, r);
    fputs("</tbody></table></div>\n", f);
}

static size_t count(const report_run *run, const char *kind, const char *label)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n; i++)
        n += report_is(&run->at[i], kind) && (!label || strcmp(run->at[i].label, label) == 0);
    return n;
}

static void verdicts(FILE *f, const report *r)
{
    static const char *const labels[] = {"stable", "noisy", "invalid"};
    report_words kinds = {NULL, 0};
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++)
            report_word(&kinds, r->runs[i].at[j].name.kind);
    fputs("<h3>Verdicts on the numbers</h3><p>Stable: interval within 5% of the median, steady "
          "clock, hardly preempted. Noisy numbers are right, but say nothing about a few "
          "percent.</p><div class=\"scroll\" tabindex=\"0\"><table><thead><tr>"
          "<th class=w>results of<th class=w>run<th>all<th>stable<th>noisy<th>invalid<th>other"
          "</thead><tbody>",
          f);
    for (size_t k = 0; k < kinds.n; k++)
        for (size_t i = 0; i < r->nruns; i++) {
            size_t all = count(&r->runs[i], kinds.at[k], NULL), rest = all;
            if (all == 0)
                continue;
            table_row(f);
            table_text(f, kinds.at[k]);
            table_text(f, r->runs[i].title);
            table_number(f, "%.0f", (double)all);
            for (int l = 0; l < 3; l++) {
                size_t n = count(&r->runs[i], kinds.at[k], labels[l]);
                rest -= n;
                table_number(f, "%.0f", (double)n);
            }
            table_number(f, "%.0f", (double)rest);
        }
    fputs("</tbody></table></div>\n", f);
    free(kinds.at);
}

int section_overview(FILE *f, const report *r)
{
    section_begin(f, "environment", "Environment and verdicts");
    refusals(f, r);
    environment(f, r);
    verdicts(f, r);
    section_end(f);
    return 1;
}
