/* Results as Google Benchmark JSON (schema v1). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/caches.h"
#include "bench/clock.h"
#include "bench/machine.h"
#include "bench/results.h"

/* Length of the UTF-8 sequence at s, 0 where there is none. */
static size_t utf8_length(const unsigned char *s)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] > 0xf4 || (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

void bench_write_json_string(FILE *f, const char *text)
{
    fputc('"', f);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = utf8_length(s);
        if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else if (*s < 0x20 || n == 0)
            fprintf(f, "\\u%04x", n ? *s : 0xfffdu);
        else
            fwrite(s, 1, n, f);
        s += n ? n : 1;
    }
    fputc('"', f);
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

static void json_text(FILE *f, const char *key, const char *value)
{
    fprintf(f, "    \"%s\": ", key);
    bench_write_json_string(f, value);
    fputs(",\n", f);
}

static void json_machine(FILE *f)
{
    bench_machine m;
    bench_machine_read(&m);
    json_text(f, "bitx_cpu_model", m.cpu_model);
    json_text(f, "bitx_hypervisor", m.hypervisor ? "yes" : "no");
    json_text(f, "bitx_os", m.os);
    json_text(f, "bitx_isa", m.isa);
    json_text(f, "bitx_compiler", m.compiler);
    json_text(f, "bitx_revision", m.revision);
    json_text(f, "bitx_command", m.command);
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
    bench_write_json_string(f, host);
    fprintf(f,
            ",\n    \"executable\": \"bitx-bench\",\n    \"num_cpus\": %ld,\n"
            "    \"mhz_per_cpu\": %.0f,\n    \"cpu_scaling_enabled\": false,\n    \"caches\": [\n",
            sysconf(_SC_NPROCESSORS_ONLN), 1000 * bench_clock_ghz());
    json_cache(f, 1, "Data", c.l1d_nbytes, 0);
    json_cache(f, 2, "Unified", c.l2_nbytes, 0);
    json_cache(f, 3, "Unified", c.l3_reported_nbytes, 1);
    fprintf(f, "    ],\n    \"load_avg\": [%.2f, %.2f, %.2f],\n", load[0], load[1], load[2]);
    json_disturb(f, start);
    json_machine(f);
    fputs("    \"library_build_type\": \"release\"\n  },\n", f);
}

/* compare.py's U test takes the single runs, and wants nine or more of them. */
static void json_samples(FILE *f, const bench_result *r, size_t index)
{
    for (size_t i = 0; r->samples && i < r->cpu.n; i++) {
        fputs("    {\n      \"name\": ", f);
        bench_write_json_string(f, r->name);
        fprintf(f, ",\n      \"family_index\": %zu,\n", index);
        fputs("      \"per_family_instance_index\": 0,\n      \"run_name\": ", f);
        bench_write_json_string(f, r->name);
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
    bench_write_json_string(f, name);
    fprintf(f, ",\n      \"family_index\": %zu,\n", index);
    fputs("      \"per_family_instance_index\": 0,\n      \"run_name\": ", f);
    bench_write_json_string(f, r->name);
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
    fprintf(f, "      \"label\": \"%s\"\n    }%s\n", bench_result_label(r), last ? "" : ",");
}

/* Shares of elements whose bit changed, the least significant bit first. */
static void json_bits(FILE *f, const bench_bits *b, int last)
{
    fputs("    {\n      \"data\": ", f);
    bench_write_json_string(f, b->data);
    fprintf(f,
            ",\n      \"dtype\": \"%s\",\n      \"bits\": %u,\n      \"exponent_bits\": %u,\n"
            "      \"mantissa_bits\": %u,\n      \"elements\": %llu,\n"
            "      \"elements_changed\": %llu,\n      \"bit_changed\": [",
            b->dtype, b->nbits, b->exponent_bits, b->mantissa_bits, (unsigned long long)b->nelem,
            (unsigned long long)b->nchanged);
    for (unsigned i = 0; i < b->nbits; i++)
        fprintf(f, "%s%.6g", i ? ", " : "", (double)b->changed[i] / (double)b->nelem);
    fprintf(f, "]\n    }%s\n", last ? "" : ",");
}

static void json_absent(FILE *f, const bench_absent *a, int last)
{
    fputs("    {\"run_name\": ", f);
    bench_write_json_string(f, a->name);
    fputs(", \"reason\": ", f);
    bench_write_json_string(f, a->reason);
    fprintf(f, "}%s\n", last ? "" : ",");
}

void bench_write_json(FILE *f, const bench_results *r)
{
    fputs("{\n", f);
    json_context(f, r->start);
    if (r->nbits) {
        fputs("  \"bitx_bits\": [\n", f);
        for (size_t i = 0; i < r->nbits; i++)
            json_bits(f, &r->bits[i], i + 1 == r->nbits);
        fputs("  ],\n", f);
    }
    if (r->nabsent) {
        fputs("  \"bitx_absent\": [\n", f);
        for (size_t i = 0; i < r->nabsent; i++)
            json_absent(f, &r->absent[i], i + 1 == r->nabsent);
        fputs("  ],\n", f);
    }
    fputs("  \"benchmarks\": [\n", f);
    for (size_t i = 0; i < r->n; i++) {
        json_samples(f, &r->at[i], i);
        json_result(f, &r->at[i], i, i + 1 == r->n);
    }
    fputs("  ]\n}\n", f);
}
