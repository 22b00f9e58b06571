/* Coders against memcpy and zstd in one run. */
#include "bench/floors.h"

#include <stdio.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/codec_run.h"
#include "dispatch/ops.h"

static const char *const names[] = {"memcpy",     "zstd-3",     "bitx:zstd", "bitx:bitx",
                                    "bitx:float", "bitx:delta", "bitx:auto"};
enum { NCODERS = sizeof(names) / sizeof(names[0]), YARDSTICKS = 2, NROUNDS = 15 };

/* "vendor family-model": shares of memcpy differ from one kind of CPU to the next. */
static void cpu_name(char *name, size_t cap)
{
    char line[256], vendor[64] = "unknown";
    unsigned family = 0, model = 0;
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof(line), f) && line[0] != '\n') {
        (void)sscanf(line, "vendor_id : %63s", vendor);
        (void)sscanf(line, "cpu family : %u", &family);
        (void)sscanf(line, "model : %u", &model);
    }
    if (f)
        fclose(f);
    snprintf(name, cap, "%s %u-%u", vendor, family, model);
}

static void add(bench_figures *out, const char *only, const char *coder, const char *direction,
                const char *against, double ratio)
{
    char name[BENCH_NAME_MAX];
    snprintf(name, sizeof(name), "codec/%s/%s/%s", coder, direction, against);
    if (only && !strstr(name, only))
        return;
    bench_figures_add(out, name)->value = (uint64_t)(1000 * ratio + 0.5);
}

static void add_coder(bench_figures *out, const char *only, const bench_codec_result *r,
                      const bench_codec_result *zstd)
{
    if (r->failure) {
        bench_figure *x = bench_figures_add(out, r->codec->name);
        x->wrong = r->wrong;
        snprintf(x->why, sizeof(x->why), "%s", r->failure);
        return;
    }
    add(out, only, r->codec->name, "encode", "memcpy", r->encode.memcpy.median);
    add(out, only, r->codec->name, "decode", "memcpy", r->decode.memcpy.median);
    if (zstd->failure)
        return;
    add(out, only, r->codec->name, "encode", "zstd-3",
        zstd->encode.ns.median / r->encode.ns.median);
    add(out, only, r->codec->name, "decode", "zstd-3",
        zstd->decode.ns.median / r->decode.ns.median);
}

const char *bench_floors_measure(const char *only, uint64_t seed, bench_figures *out)
{
    bench_codec_result results[NCODERS];
    bench_codec_params p;
    bench_family family;
    char cpu[96];
    size_t n = 0;
    out->what = "floors, in thousandths";
    cpu_name(cpu, sizeof(cpu));
    snprintf(out->key, sizeof(out->key), "%s; %s", cpu, bitx_isa_name(bitx_isa_active()));
    memset(&p, 0, sizeof(p));
    if (bench_family_make(&family, "s2e-4", 2e-4, 1, 1 << 20, seed) != 0)
        return "out of memory";
    p.family = &family;
    p.nrounds = NROUNDS;
    p.nthreads = 1;
    p.timing_nbytes = family.nbytes;
    p.seed = seed;
    p.ghz = bench_clock_ghz();
    for (size_t i = 0; i < NCODERS; i++)
        for (size_t j = 0; bench_codec_at(j); j++)
            if (strcmp(bench_codec_at(j)->name, names[i]) == 0)
                bench_codec_verify(&p, bench_codec_at(j), &results[n++]);
    const char *why = bench_codec_time(&p, results, n) != 0 ? "out of memory" : NULL;
    for (size_t i = YARDSTICKS; i < n && !why; i++)
        add_coder(out, only, &results[i], &results[1]);
    for (size_t i = 0; i < n; i++)
        bench_codec_result_free(&results[i]);
    bench_family_free(&family);
    return why;
}

void bench_floors_best(bench_figures *f, const bench_figures *again)
{
    for (size_t i = 0; i < f->n && i < again->n; i++)
        if (strcmp(f->at[i].name, again->at[i].name) == 0 && !*f->at[i].why && !*again->at[i].why &&
            again->at[i].value > f->at[i].value)
            f->at[i].value = again->at[i].value;
}

/* Whether both names are of one coder and direction. */
static int sisters(const char *a, const char *b)
{
    size_t n = (size_t)(strrchr(a, '/') - a);
    return strcmp(a, b) != 0 && strncmp(a, b, n + 1) == 0;
}

size_t bench_floors_settle(bench_figures *f)
{
    size_t alarms = 0;
    for (size_t i = 0; i < f->n; i++)
        f->at[i].spared = 0;
    for (size_t i = 0; i < f->n; i++) {
        bench_figure *x = &f->at[i];
        if (bench_figure_change(x, BENCH_FLOOR_TOLERANCE) != BENCH_CHANGE_ALARM)
            continue;
        for (size_t j = 0; j < f->n; j++)
            x->spared |= sisters(x->name, f->at[j].name) &&
                         bench_figure_change(&f->at[j], BENCH_FLOOR_TOLERANCE) == BENCH_CHANGE_NONE;
        alarms += !x->spared;
    }
    return alarms;
}
