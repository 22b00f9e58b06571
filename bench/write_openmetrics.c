/*
 * Results as OpenMetrics 1.0 text, which Prometheus' older text format reads too: so gauges only,
 * and an info metric is a gauge of value 1.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "bench/machine.h"
#include "bench/names.h"
#include "bench/results.h"

static const struct {
    const char *key, *metric, *unit, *help;
    double scale;
} families[] = {
    {"bitx_roofline", "bitx_bench_roofline_ratio", "ratio", "Share of the roofline.", 1},
    {"bitx_roofline_low", "bitx_bench_roofline_low_ratio", "ratio",
     "Lower end of the share's 95% interval.", 1},
    {"bitx_roofline_high", "bitx_bench_roofline_high_ratio", "ratio",
     "Upper end of the share's 95% interval.", 1},
    {"bitx_ratio", "bitx_bench_coded_ratio", "ratio", "Compressed bytes by original bytes.", 1},
    {"bitx_memcpy", "bitx_bench_memcpy_ratio", "ratio", "Speed by that of memcpy.", 1},
    {"bitx_cycles_per_element", "bitx_bench_cycles_per_element", "", "Core cycles per element.", 1},
    {"bitx_latency_ns", "bitx_bench_latency_seconds", "seconds", "Of one dependent load.", 1e-9},
    {"bitx_change", "bitx_bench_change_ratio", "ratio",
     "Time of the new library by that of the old, less 1.", 1},
    {"bitx_limit_bytes_per_second", "bitx_bench_limit_bytes_per_second", "",
     "The fastest traffic ever seen.", 1},
};

static void head(FILE *f, const char *metric, const char *unit, const char *help)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s gauge\n", metric, help, metric);
    if (*unit)
        fprintf(f, "# UNIT %s %s\n", metric, unit);
}

static void label(FILE *f, const char *key, const char *value, int first)
{
    fprintf(f, "%s%s=\"", first ? "" : ",", key);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            fprintf(f, "\\%c", *value);
        else if (*value == '\n')
            fputs("\\n", f);
        else
            fputc((unsigned char)*value < 0x80 ? *value : '?', f);
    }
    fputc('"', f);
}

static void sample(FILE *f, const char *metric, const bench_result *r, const char *key,
                   const char *value, double x)
{
    bench_name name;
    if (!isfinite(x))
        return;
    fprintf(f, "%s{", metric);
    label(f, "benchmark", r->name, 1);
    if (bench_name_split(r->name, &name) == 0) {
        label(f, "kind", name.kind, 0);
        for (size_t i = 0; i < name.n; i++)
            if (strcmp(name.parts[i].key, "part") != 0 && strcmp(name.parts[i].key, "threads") != 0)
                label(f, name.parts[i].key, name.parts[i].value, 0);
    }
    fprintf(f, ",threads=\"%u\"", r->threads);
    if (key)
        label(f, key, value, 0);
    fprintf(f, "} %.9g\n", x);
}

static void write_run(FILE *f)
{
    bench_machine m;
    bench_machine_read(&m);
    head(f, "bitx_bench_run", "", "What ran, and on what.");
    fputs("bitx_bench_run{", f);
    label(f, "revision", m.revision, 1);
    label(f, "cpu_model", m.cpu_model, 0);
    label(f, "isa", m.isa, 0);
    label(f, "os", m.os, 0);
    label(f, "compiler", m.compiler, 0);
    fputs("} 1\n", f);
    head(f, "bitx_bench_run_timestamp_seconds", "seconds", "When these results were written.");
    fprintf(f, "bitx_bench_run_timestamp_seconds %lld\n", (long long)time(NULL));
}

static void write_times(FILE *f, const bench_results *r)
{
    static const char metric[] = "bitx_bench_time_seconds";
    head(f, metric, "seconds",
         "Of one repetition: thread CPU time with one thread, wall time with more.");
    for (size_t i = 0; i < r->n; i++) {
        const bench_summary *s = &r->at[i].cpu;
        sample(f, metric, &r->at[i], "statistic", "median", 1e-9 * s->median);
        sample(f, metric, &r->at[i], "statistic", "low", 1e-9 * s->low);
        sample(f, metric, &r->at[i], "statistic", "high", 1e-9 * s->high);
        sample(f, metric, &r->at[i], "statistic", "min", 1e-9 * s->min);
    }
    head(f, "bitx_bench_bytes_per_second", "", "Bytes of tensor, or of traffic, in a second.");
    for (size_t i = 0; i < r->n; i++)
        if (r->at[i].bytes_per_second > 0)
            sample(f, "bitx_bench_bytes_per_second", &r->at[i], NULL, NULL,
                   r->at[i].bytes_per_second);
    head(f, "bitx_bench_verdict", "", "1 at the verdict on the result.");
    for (size_t i = 0; i < r->n; i++)
        sample(f, "bitx_bench_verdict", &r->at[i], "verdict", bench_result_label(&r->at[i]), 1);
}

static void write_counters(FILE *f, const bench_results *r)
{
    for (size_t k = 0; k < sizeof(families) / sizeof(families[0]); k++) {
        int any = 0;
        for (size_t i = 0; i < r->n; i++)
            for (size_t c = 0; c < r->at[i].ncounters; c++) {
                if (strcmp(r->at[i].counters[c].key, families[k].key) != 0)
                    continue;
                if (!any++)
                    head(f, families[k].metric, families[k].unit, families[k].help);
                sample(f, families[k].metric, &r->at[i], NULL, NULL,
                       families[k].scale * r->at[i].counters[c].value);
            }
    }
}

static void write_bits(FILE *f, const bench_results *r)
{
    static const char metric[] = "bitx_bench_bit_changed_ratio";
    if (r->nbits)
        head(f, metric, "ratio", "Share of weights in which a bit differs from the base's.");
    for (size_t i = 0; i < r->nbits; i++)
        for (unsigned p = 0; p < r->bits[i].nbits; p++) {
            fprintf(f, "%s{", metric);
            label(f, "data", r->bits[i].data, 1);
            label(f, "dtype", r->bits[i].dtype, 0);
            fprintf(f, ",bit=\"%u\"} %.9g\n", p,
                    (double)r->bits[i].changed[p] / (double)r->bits[i].nelem);
        }
}

void bench_write_openmetrics(FILE *f, const bench_results *r)
{
    write_run(f);
    if (r->n) {
        write_times(f, r);
        write_counters(f, r);
    }
    write_bits(f, r);
    fputs("# EOF\n", f);
}
