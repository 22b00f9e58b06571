/* Counts row by row, then sizes. */
#include "bench/exact.h"

#include <string.h>

#include "bench/args.h"
#include "bench/frame_sizes.h"

#define RECORD "./dev perf-record"

static const char counts_head[] =
    "# Instructions of one call: OPERATION/ISA/ELEMENTS COUNT, as bitx-bench count takes them.\n"
    "# Each section is of one compiler, its flags, one ISA, one tool. Written by " RECORD ".\n";
static const char sizes_head[] =
    "# Bytes of all frames of a model: CODEC/MODEL BYTES, as bitx-bench count takes them. Each\n"
    "# section is of one version of zstd. Written by " RECORD ".\n";

static const char *measure_counts(const bench_library *l, const bench_exact_options *o,
                                  bitx_isa isa, bench_figures *f)
{
    bench_count_options c = {isa, BENCH_COUNT_STEPS, o->ops, o->only, NULL, o->seed};
    if (isa == BITX_ISA_NEON && !bitx_isa_usable(isa)) {
        c.tool = BENCH_COUNT_QEMU;
        c.program = o->qemu_program;
    } else if (o->self && isa != BITX_ISA_AVX512) { /* valgrind has no AVX-512 */
        c.tool = BENCH_COUNT_CALLGRIND;
        c.program = o->self;
    }
    memset(f, 0, sizeof(*f));
    return bench_counts_measure(l, &c, f);
}

static const char *measure_sizes(const bench_library *l, const bench_exact_options *o,
                                 bench_figures *f)
{
    bench_sources families;
    memset(f, 0, sizeof(*f));
    f->what = "frame sizes";
    if (bench_sources_load(&families, o->pairs, o->seed) != 0)
        return "the family could not be read";
    const char *why = bench_frame_sizes(l, &families, o->codecs, o->only, f);
    bench_sources_free(&families);
    return why;
}

static void report(const bench_figures *f, double tolerance, const char *prefix,
                   const bench_exact_options *o, bench_exact_sum *sum)
{
    bench_figures_sum s;
    bench_figures_print(f, tolerance, o->accept, o->all, stdout, &s);
    if (!f->key_known && f->n > 0)
        printf("n/a           record a baseline for it with: " RECORD "\n");
    if (o->marked)
        bench_figures_markdown(f, tolerance, o->accept, o->marked);
    if (o->results)
        bench_figures_results(f, prefix, tolerance, o->results);
    fflush(stdout);
    sum->alarms += s.count[BENCH_CHANGE_ALARM] - s.accepted;
    sum->wrong += s.wrong;
    sum->holes += f->key_known ? s.count[BENCH_CHANGE_MISSING] - s.wrong : f->n > 0;
}

/* What is expected is the file's word, and where it has none, what the older library has. */
static int expect(bench_figures *f, const char *path, const bench_library *base,
                  const bench_exact_options *o, bitx_isa isa)
{
    bench_figures old;
    int status = bench_figures_expect(f, path);
    if (f->key_known || !base)
        return status;
    const char *why =
        isa < BITX_ISA_COUNT ? measure_counts(base, o, isa, &old) : measure_sizes(base, o, &old);
    if (!why) {
        snprintf(f->key + strlen(f->key), sizeof(f->key) - strlen(f->key),
                 "; against the older build");
        bench_figures_expect_of(f, &old);
    }
    bench_figures_free(&old);
    return status;
}

static int run_counts(const bench_library *head, const bench_library *base,
                      const bench_exact_options *o, bench_exact_sum *sum)
{
    int status = 0;
    for (unsigned isa = 0; isa < BITX_ISA_COUNT; isa++) {
        bench_figures f;
        if (!bench_in_list(o->isas, bitx_isa_name((bitx_isa)isa)))
            continue;
        const char *why = measure_counts(head, o, (bitx_isa)isa, &f);
        if (why) {
            printf("n/a           instruction counts of %s: %s\n", bitx_isa_name((bitx_isa)isa),
                   why);
            bench_figures_free(&f);
            continue;
        }
        /* An emulator counts its own program, never a library. */
        int countable = bitx_isa_usable((bitx_isa)isa);
        status |= expect(&f, o->counts, countable ? base : NULL, o, (bitx_isa)isa);
        report(&f, o->tolerance, "count", o, sum);
        bench_figures_free(&f);
    }
    return status;
}

static int run_sizes(const bench_library *head, const bench_library *base,
                     const bench_exact_options *o, bench_exact_sum *sum)
{
    bench_figures f;
    const char *why = measure_sizes(head, o, &f);
    if (why) {
        printf("n/a           frame sizes: %s\n", why);
        sum->holes++;
        bench_figures_free(&f);
        return 0;
    }
    int status = expect(&f, o->sizes, base, o, BITX_ISA_COUNT);
    report(&f, 0, "size", o, sum);
    bench_figures_free(&f);
    return status;
}

int bench_exact_run(const bench_library *head, const bench_library *base,
                    const bench_exact_options *o, bench_exact_sum *sum)
{
    int status = 0;
    if (o->counts)
        status |= run_counts(head, base, o, sum);
    if (o->sizes && o->pairs)
        status |= run_sizes(head, base, o, sum);
    sum->holes += status != 0;
    return status;
}

static int record_one(const bench_figures *f, const char *path, const char *head)
{
    if (bench_figures_record(f, path, head) != 0)
        return -1;
    printf("recorded %zu of %s [%s] in %s\n", f->n, f->what, f->key, path);
    return 0;
}

int bench_exact_record(const bench_library *head, const bench_exact_options *o)
{
    int status = 0;
    bench_figures f;
    for (unsigned isa = 0; o->counts && isa < BITX_ISA_COUNT && status == 0; isa++) {
        if (!bench_in_list(o->isas, bitx_isa_name((bitx_isa)isa)))
            continue;
        const char *why = measure_counts(head, o, (bitx_isa)isa, &f);
        if (why)
            printf("n/a           instruction counts of %s: %s\n", bitx_isa_name((bitx_isa)isa),
                   why);
        else
            status = record_one(&f, o->counts, counts_head);
        bench_figures_free(&f);
    }
    if (o->sizes && o->pairs && status == 0) {
        const char *why = measure_sizes(head, o, &f);
        if (why)
            printf("n/a           frame sizes: %s\n", why);
        status = why ? -1 : record_one(&f, o->sizes, sizes_head);
        bench_figures_free(&f);
    }
    return status;
}
