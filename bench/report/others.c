/* Results that have no chart, and cases that have no number. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

static int has_chart(const report_entry *e)
{
    static const char *const kinds[] = {"codec", "kernel", "roofline", "numa", "scale"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (report_is(e, kinds[i]))
            return 1;
    return 0;
}

/* All of our own numbers that a column does not have. */
static void counters(const report_entry *e, char *text, size_t n)
{
    const char *key;
    const json_t *value;
    *text = '\0';
    /* jansson's loop wants an object that it may change. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)e->json); at;
         at = json_object_iter_next((json_t *)(uintptr_t)e->json, at)) {
        key = json_object_iter_key(at);
        value = json_object_iter_value(at);
        if (strncmp(key, "bitx_", 5) != 0 || strncmp(key, "bitx_cpu_", 9) == 0 ||
            !json_is_number(value))
            continue;
        size_t used = strlen(text);
        snprintf(text + used, n - used, "%s%s %.4g", used ? ", " : "", key + 5,
                 json_number_value(value));
    }
}

int section_others(FILE *f, const report *r)
{
    int begun = 0;
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++) {
            const report_entry *e = &r->runs[i].at[j];
            char text[512];
            if (has_chart(e))
                continue;
            if (!begun++) {
                section_begin(f, "others", "Other results");
                table_begin(f, "results without a chart",
                            "<result|<run|time, ns|95% interval|GB/s|threads|<more|<verdict");
            }
            counters(e, text, sizeof(text));
            table_row(f);
            table_text(f, e->run_name);
            table_text(f, r->runs[i].title);
            table_number(f, "%.6g", e->ns);
            table_range(f, "%.6g", e->low, e->high);
            table_number(f, "%.3f", e->rate / 1e9);
            table_number(f, "%.0f", e->threads);
            table_text(f, text);
            table_text(f, e->label);
        }
    if (begun) {
        table_end(f);
        section_end(f);
    }
    return begun > 0;
}

int section_absent(FILE *f, const report *r)
{
    int begun = 0;
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].nroots; j++) {
            const json_t *all = json_object_get(r->runs[i].roots[j], "bitx_absent"), *x;
            size_t k;
            json_array_foreach(all, k, x)
            {
                const char *name = json_string_value(json_object_get(x, "run_name")),
                           *reason = json_string_value(json_object_get(x, "reason"));
                if (!name || !reason)
                    continue;
                if (!begun++) {
                    section_begin(f, "absent", "What has no number");
                    table_begin(f, "cases without a number, and why", "<case|<run|<reason");
                }
                table_row(f);
                table_text(f, name);
                table_text(f, r->runs[i].title);
                table_text(f, reason);
            }
        }
    if (begun) {
        table_end(f);
        section_end(f);
    }
    return begun > 0;
}
