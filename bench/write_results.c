/* Results to files: which, and the two formats that are mere lists. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/results.h"

/* In quotes, with its own quotes doubled (RFC 4180). */
static void csv_text(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"')
            fputc('"', f);
        fputc(*s, f);
    }
    fputc('"', f);
}

static void write_csv(FILE *f, const bench_results *r)
{
    fputs("name,threads,samples,cpu_ns,cpu_ns_low,cpu_ns_high,cpu_ns_mad,cpu_ns_min,wall_ns,"
          "bytes_per_second,verdict,counters\n",
          f);
    for (size_t i = 0; i < r->n; i++) {
        const bench_result *x = &r->at[i];
        csv_text(f, x->name);
        fprintf(f, ",%u,%zu,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%s,\"", x->threads, x->cpu.n,
                x->cpu.median, x->cpu.low, x->cpu.high, x->cpu.mad, x->cpu.min, x->real_ns,
                x->bytes_per_second, bench_result_label(x));
        for (size_t c = 0; c < x->ncounters; c++)
            fprintf(f, "%s%s=%.6g", c ? ";" : "", x->counters[c].key, x->counters[c].value);
        fputs("\"\n", f);
    }
}

/* "customSmallerIsBetter": a list of {name, unit, value, range, extra}. */
static void write_gha(FILE *f, const bench_results *r)
{
    fputs("[\n", f);
    for (size_t i = 0; i < r->n; i++) {
        const bench_result *x = &r->at[i];
        fputs("  {\"name\": ", f);
        bench_write_json_string(f, x->name);
        fprintf(f,
                ", \"unit\": \"ns\", \"value\": %.6g, \"range\": \"%.6g-%.6g\", "
                "\"extra\": \"%s\"}%s\n",
                x->cpu.median, x->cpu.low, x->cpu.high, bench_result_label(x),
                i + 1 < r->n ? "," : "");
    }
    fputs("]\n", f);
}

static int write_one(const char *path, const bench_results *r,
                     void (*write)(FILE *, const bench_results *))
{
    if (!path)
        return 0;
    int is_stdout = strcmp(path, "-") == 0;
    FILE *f = is_stdout ? stdout : fopen(path, "w");
    if (!f) {
        fprintf(stderr, "bitx-bench: %s: %s\n", path, strerror(errno));
        return 2;
    }
    write(f, r);
    int failed = ferror(f) || (is_stdout ? fflush(f) : fclose(f)) != 0;
    if (failed)
        fprintf(stderr, "bitx-bench: %s: %s\n", path, strerror(errno));
    return failed ? 2 : 0;
}

int bench_results_write(const bench_results *r, const bench_outputs *out)
{
    const struct {
        const char *path;
        void (*write)(FILE *, const bench_results *);
    } files[] = {{out->json, bench_write_json},
                 {out->csv, write_csv},
                 {out->gha, write_gha},
                 {out->benchstat, bench_write_benchstat},
                 {out->openmetrics, bench_write_openmetrics}};
    int status = 0;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (write_one(files[i].path, r, files[i].write) != 0)
            status = 2;
    return status;
}
