/* Results as Google Benchmark JSON (schema v1), CSV and github-action-benchmark's custom format. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/caches.h"
#include "bench/clock.h"
#include "bench/results.h"

static void json_string(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            fprintf(f, "\\u%04x", (unsigned)(unsigned char)*s);
        else
            fputc(*s, f);
    }
    fputc('"', f);
}

static const char *label_of(const bench_result *r)
{
    return r->label ? r->label : bench_verdict_name(r->verdict);
}

/* JSON has no inf and no nan. */
static void json_number(FILE *f, double x)
{
    if (isfinite(x))
        fprintf(f, "%.17g", x);
    else
        fputs("null", f);
}

static void json_cache(FILE *f, int level, const char *type, size_t nbytes, int last)
{
    fprintf(f, "      {\"type\": \"%s\", \"level\": %d, \"size\": %zu, \"num_sharing\": 0}%s\n",
            type, level, nbytes, last ? "" : ",");
}

/* In percent of the run: CPU time that the hypervisor took, time in which some task waited. */
static void json_disturb(FILE *f, const bench_disturb *start)
{
    double steal, pressure;
    if (!start)
        return;
    bench_disturb_since(start, &steal, &pressure);
    if (steal >= 0)
        fprintf(f, "    \"bitx_steal_percent\": %.2f,\n", steal);
    if (pressure >= 0)
        fprintf(f, "    \"bitx_pressure_percent\": %.2f,\n", pressure);
}

static void json_context(FILE *f, const bench_disturb *start)
{
    char date[64], host[256] = "";
    time_t now = time(NULL);
    struct tm tm;
    double load[3] = {0, 0, 0};
    bench_caches c;
    localtime_r(&now, &tm);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S%z", &tm);
    gethostname(host, sizeof(host) - 1);
    if (getloadavg(load, 3) != 3)
        load[0] = load[1] = load[2] = 0;
    bench_caches_read(&c);
    fprintf(f, "  \"context\": {\n    \"date\": \"%s\",\n    \"host_name\": ", date);
    json_string(f, host);
    fprintf(f,
            ",\n    \"executable\": \"bitx-bench\",\n    \"num_cpus\": %ld,\n"
            "    \"mhz_per_cpu\": %.0f,\n    \"cpu_scaling_enabled\": false,\n    \"caches\": [\n",
            sysconf(_SC_NPROCESSORS_ONLN), 1000 * bench_clock_ghz());
    json_cache(f, 1, "Data", c.l1d_nbytes, 0);
    json_cache(f, 2, "Unified", c.l2_nbytes, 0);
    json_cache(f, 3, "Unified", c.l3_reported_nbytes, 1);
    fprintf(f, "    ],\n    \"load_avg\": [%.2f, %.2f, %.2f],\n", load[0], load[1], load[2]);
    json_disturb(f, start);
    fputs("    \"library_build_type\": \"release\"\n  },\n", f);
}

/* compare.py's U test takes the single runs, and wants nine or more of them. */
static void json_samples(FILE *f, const bench_result *r, size_t index)
{
    for (size_t i = 0; r->samples && i < r->cpu.n; i++) {
        fputs("    {\n      \"name\": ", f);
        json_string(f, r->name);
        fprintf(f, ",\n      \"family_index\": %zu,\n", index);
        fputs("      \"per_family_instance_index\": 0,\n      \"run_name\": ", f);
        json_string(f, r->name);
        fprintf(f,
                ",\n      \"run_type\": \"iteration\",\n      \"repetitions\": %zu,\n"
                "      \"repetition_index\": %zu,\n      \"threads\": %u,\n"
                "      \"iterations\": %llu,\n      \"real_time\": %.17g,\n"
                "      \"cpu_time\": %.17g,\n      \"time_unit\": \"ns\"\n    },\n",
                r->cpu.n, i, r->threads, (unsigned long long)r->iterations, r->samples[i],
                r->samples[i]);
    }
}

static void json_result(FILE *f, const bench_result *r, size_t index, int last)
{
    char name[BENCH_NAME_MAX + 8];
    snprintf(name, sizeof(name), "%s_median", r->name);
    fputs("    {\n      \"name\": ", f);
    json_string(f, name);
    fprintf(f, ",\n      \"family_index\": %zu,\n", index);
    fputs("      \"per_family_instance_index\": 0,\n      \"run_name\": ", f);
    json_string(f, r->name);
    fprintf(f,
            ",\n      \"run_type\": \"aggregate\",\n      \"repetitions\": %zu,\n"
            "      \"threads\": %u,\n      \"aggregate_name\": \"median\",\n"
            "      \"aggregate_unit\": \"time\",\n      \"iterations\": %zu,\n",
            r->cpu.n, r->threads, r->cpu.n);
    fputs("      \"real_time\": ", f);
    json_number(f, r->real_ns);
    fputs(",\n      \"cpu_time\": ", f);
    json_number(f, r->cpu.median);
    fputs(",\n      \"time_unit\": \"ns\"", f);
    if (r->bytes_per_second > 0) {
        fputs(",\n      \"bytes_per_second\": ", f);
        json_number(f, r->bytes_per_second);
    }
    for (size_t i = 0; i < r->ncounters; i++) {
        fprintf(f, ",\n      \"%s\": ", r->counters[i].key);
        json_number(f, r->counters[i].value);
    }
    fprintf(f, ",\n      \"bitx_cpu_low\": %.17g,\n      \"bitx_cpu_high\": %.17g,\n", r->cpu.low,
            r->cpu.high);
    fprintf(f, "      \"bitx_cpu_mad\": %.17g,\n      \"bitx_cpu_min\": %.17g,\n", r->cpu.mad,
            r->cpu.min);
    fprintf(f, "      \"label\": \"%s\"\n    }%s\n", label_of(r), last ? "" : ",");
}

static void write_json(FILE *f, const bench_results *r)
{
    fputs("{\n", f);
    json_context(f, r->start);
    fputs("  \"benchmarks\": [\n", f);
    for (size_t i = 0; i < r->n; i++) {
        json_samples(f, &r->at[i], i);
        json_result(f, &r->at[i], i, i + 1 == r->n);
    }
    fputs("  ]\n}\n", f);
}

static void write_csv(FILE *f, const bench_results *r)
{
    fputs("name,threads,samples,cpu_ns,cpu_ns_low,cpu_ns_high,cpu_ns_mad,cpu_ns_min,wall_ns,"
          "bytes_per_second,verdict,counters\n",
          f);
    for (size_t i = 0; i < r->n; i++) {
        const bench_result *x = &r->at[i];
        fprintf(f, "\"%s\",%u,%zu,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%s,\"", x->name, x->threads,
                x->cpu.n, x->cpu.median, x->cpu.low, x->cpu.high, x->cpu.mad, x->cpu.min,
                x->real_ns, x->bytes_per_second, label_of(x));
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
        fprintf(f,
                "  {\"name\": \"%s\", \"unit\": \"ns\", \"value\": %.6g, \"range\": \"%.6g-%.6g\", "
                "\"extra\": \"%s\"}%s\n",
                x->name, x->cpu.median, x->cpu.low, x->cpu.high, label_of(x),
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
    int json = write_one(out->json, r, write_json);
    int csv = write_one(out->csv, r, write_csv);
    int gha = write_one(out->gha, r, write_gha);
    return json ? json : csv ? csv : gha;
}
