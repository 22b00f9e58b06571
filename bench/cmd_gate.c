/*
 * bitx-bench gate: did this build get wrong (G0), longer or larger (G1), slower than an older one
 * (G2), or slower than ever (G3)? GATE.md says what each level can see.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/args.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/compare_print.h"
#include "bench/disturb.h"
#include "bench/exact.h"
#include "bench/fitness.h"
#include "bench/floors.h"
#include "bench/frame_sizes.h"
#include "bench/sources.h"
#include "bench/words.h"

typedef struct gate_options {
    const char *base, *no_base, *head, *levels, *counts, *sizes, *floors, *pairs, *ops, *isas,
        *sets, *codecs, *only, *accept, *expect, *budget, *markdown, *qemu, *cpu, *seed;
    int no_selftest;
    bench_outputs outputs;
} gate_options;

enum { RIGHT = 0, ALARM = 1, UNFIT = 3, UNMEASURED = 4 };

typedef struct gate {
    const gate_options *o;
    bench_library base, head, own;
    bench_sources made; /* what codecs are timed and checked on */
    bench_caches caches;
    double start_ns, budget_s;
    uint64_t seed;
    FILE *marked;
    bench_results results;
    size_t alarms, holes; /* over all levels */
    int unfit;
} gate;

static void heading(const gate *g, const char *level, const char *what)
{
    printf("\n== %s: %s\n", level, what);
    fflush(stdout);
    if (g->marked)
        fprintf(g->marked, "\n### %s: %s\n\n", level, what);
}

/* A line for people and one for the step summary. */
static void say(const gate *g, const char *text)
{
    printf("%s\n", text);
    if (g->marked)
        fprintf(g->marked, "%s\n\n", text);
}

static double left_s(const gate *g)
{
    return g->budget_s - (bench_wall_ns() - g->start_ns) / 1e9;
}

/* ---- G0: right results, and by the ISA that was expected ---------------------------------------
 */

static void check_isa(gate *g)
{
    const char *expected = g->o->expect, *ran;
    char text[256];
    if (!g->head.isa_active) {
        say(g, "n/a           this library does not say which ISA it runs");
        return;
    }
    for (int isa = BITX_ISA_COUNT - 1; !expected && isa >= 0; isa--)
        if (bitx_isa_usable((bitx_isa)isa))
            expected = bitx_isa_name((bitx_isa)isa);
    ran = bitx_isa_name(g->head.isa_active());
    int right = strcmp(expected, ran) == 0;
    g->alarms += !right;
    snprintf(text, sizeof(text), "%-12s  the library runs %s, expected %s",
             right ? "right" : "WRONG", ran, expected);
    say(g, text);
}

static void run_g0(gate *g)
{
    bench_compare_options options = {g->o->ops, g->o->isas, "L1",    g->o->codecs, g->o->only,
                                     NULL,      0,          g->seed, g->made.at,   g->made.n};
    bench_compare c = {.base = &g->own, .head = &g->head, .o = &options, .caches = g->caches};
    size_t nright = 0, nwrong = 0;
    char text[160];
    heading(g, "G0", "right results, by the expected ISA");
    check_isa(g);
    if (bench_compare_plan(&c) != 0) {
        say(g, "n/a           out of memory");
        g->holes++;
        return;
    }
    bench_compare_check(&c);
    for (size_t i = 0; i < c.n; i++) {
        const bench_compare_case *k = &c.at[i];
        if (!k->op && k->decode)
            continue;
        nright += !k->why;
        nwrong += k->wrong != 0;
        g->holes += k->hole && !k->wrong;
        if (k->why)
            printf("%-12s  %s  %s\n", k->wrong ? "WRONG" : "n/a", k->name, k->why);
        if (k->why && g->marked)
            fprintf(g->marked, "- `%s`: %s\n", k->name, k->why);
    }
    g->alarms += nwrong;
    g->holes += nright + nwrong == 0;
    snprintf(text, sizeof(text), "%zu checked: %zu right, %zu wrong", nright + nwrong, nright,
             nwrong);
    say(g, text);
    bench_compare_free(&c);
}

/* ---- G1: exact figures -------------------------------------------------------------------------
 */

static void run_g1(gate *g)
{
    bench_exact_options e;
    bench_exact_sum sum = {0, 0, 0};
    heading(g, "G1", "instructions of each kernel, bytes of each codec");
    memset(&e, 0, sizeof(e));
    e.counts = g->o->counts;
    e.sizes = g->o->sizes;
    e.pairs = g->o->pairs;
    e.ops = g->o->ops;
    e.isas = g->o->isas;
    e.codecs = g->o->codecs;
    e.only = g->o->only;
    e.accept = g->o->accept;
    e.qemu_program = g->o->qemu;
    e.tolerance = BENCH_COUNT_TOLERANCE;
    e.seed = 1;
    e.marked = g->marked;
    e.results = &g->results;
    if (!e.counts || !e.sizes || !e.pairs)
        say(g,
            "n/a           without --counts, --sizes and --family some figures have no baseline");
    g->holes += !e.counts || !e.sizes || !e.pairs;
    (void)bench_exact_run(&g->head, g->o->base ? &g->base : NULL, &e, &sum);
    g->alarms += sum.alarms + sum.wrong;
    g->holes += sum.holes;
}

/* ---- G2: against an older build ----------------------------------------------------------------
 */

static void progress(const bench_compare *c, size_t done)
{
    if (done % 32 == 0 && done < c->n)
        fprintf(stderr, "bitx-bench gate: %zu of %zu cases\n", done, c->n);
}

static void run_g2(gate *g)
{
    bench_compare_options options = {g->o->ops,
                                     g->o->isas,
                                     g->o->sets ? g->o->sets : "L2,DRAM",
                                     g->o->codecs,
                                     g->o->only,
                                     g->o->accept,
                                     0,
                                     g->seed,
                                     g->made.at,
                                     g->made.n};
    bench_compare c = {.base = &g->base, .head = &g->head, .o = &options, .caches = g->caches};
    bench_compare_sum sum;
    char text[512];
    heading(g, "G2", "speed against the older build");
    if (!g->o->base) {
        snprintf(text, sizeof(text), "n/a           no older build: %s",
                 g->o->no_base ? g->o->no_base : "none was given (--base)");
        say(g, text);
        g->holes++;
        return;
    }
    printf("old %s\nnew %s\n", g->base.path, g->head.path);
    if (!g->o->no_selftest && !bench_machine_is_fit(g->seed, stdout)) {
        say(g, "n/a           this machine is unfit to compare speeds now");
        g->unfit = 1;
        return;
    }
    if (bench_compare_plan(&c) != 0 || c.n == 0) {
        say(g, "n/a           no case that both libraries and the options allow");
        g->holes++;
        return;
    }
    if (bench_in_list(options.sets, "L3") || bench_in_list(options.sets, "DRAM"))
        bench_caches_find_knee(&c.caches, (size_t)512 << 20);
    options.budget_s = left_s(g) > 1 ? left_s(g) : 1;
    bench_compare_run(&c, progress);
    bench_compare_print(&c, stdout);
    bench_compare_print_sum(&c, stdout);
    if (g->marked)
        bench_compare_markdown(&c, g->marked);
    bench_compare_results(&c, &g->results);
    bench_compare_count(&c, &sum);
    int code = bench_compare_exit(&c);
    g->alarms += code == ALARM ? sum.count[BENCH_AB_SLOWER] - sum.accepted + sum.wrong : 0;
    g->holes += sum.holes - sum.wrong + sum.count[BENCH_AB_INCONCLUSIVE];
    bench_compare_free(&c);
}

/* ---- G3: floors ---------------------------------------------------------------------------------
 */

static void run_g3(gate *g)
{
    bench_figures f;
    bench_figures_sum sum;
    heading(g, "G3", "coders of this bitx-bench against memcpy and zstd, with a tolerance of 30%");
    if (!g->o->floors) {
        say(g, "n/a           no floors were given (--floors)");
        g->holes++;
        return;
    }
    memset(&f, 0, sizeof(f));
    const char *why = bench_floors_measure(g->o->only, g->seed, &f);
    if (why)
        printf("n/a           floors: %s\n", why);
    g->holes += why != NULL || bench_figures_expect(&f, g->o->floors) != 0;
    if (bench_floors_settle(&f) != 0) { /* a floor: the best of two runs is what can be done */
        bench_figures again;
        memset(&again, 0, sizeof(again));
        if (!bench_floors_measure(g->o->only, g->seed, &again))
            bench_floors_best(&f, &again);
        bench_figures_free(&again);
        (void)bench_floors_settle(&f);
    }
    bench_figures_print(&f, BENCH_FLOOR_TOLERANCE, g->o->accept, 0, stdout, &sum);
    if (!f.key_known) {
        say(g, "n/a           record floors for this CPU with: ./dev perf-record");
        g->holes++;
    }
    if (g->marked)
        bench_figures_markdown(&f, BENCH_FLOOR_TOLERANCE, g->o->accept, g->marked);
    bench_figures_results(&f, "floor", BENCH_FLOOR_TOLERANCE, &g->results);
    g->alarms += sum.count[BENCH_CHANGE_ALARM] - sum.accepted + sum.wrong;
    bench_figures_free(&f);
}

static int record_floors(const gate_options *o, uint64_t seed)
{
    static const char head[] =
        "# Coders against memcpy and zstd -3 in one run, in thousandths; an alarm is 30% below. "
        "Each\n"
        "# section is of one kind of CPU and one ISA. Written by ./dev perf-record.\n";
    bench_figures f;
    memset(&f, 0, sizeof(f));
    const char *why = bench_floors_measure(NULL, seed, &f);
    int failed = why || bench_figures_record(&f, o->floors, head) != 0;
    if (why)
        fprintf(stderr, "bitx-bench gate: floors: %s\n", why);
    else if (!failed)
        printf("recorded %zu of %s [%s] in %s\n", f.n, f.what, f.key, o->floors);
    bench_figures_free(&f);
    return failed ? 2 : 0;
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

static int verdict(const gate *g)
{
    int code = g->alarms ? ALARM : g->unfit ? UNFIT : g->holes ? UNMEASURED : RIGHT;
    static const char *const words[] = {"nothing is wrong, longer, larger or slower", "ALARM", "",
                                        "this machine is unfit to compare speeds",
                                        "nothing found, but not all was measured and decided"};
    char text[160];
    snprintf(text, sizeof(text), "gate: %s (%zu alarm(s), %zu not measured or undecided; exit %d)",
             words[code], g->alarms, g->holes, code);
    printf("\n");
    say(g, text);
    return code;
}

static const char *level_word(size_t index)
{
    static const char *const names[] = {"G0", "G1", "G2", "G3"};
    return index < sizeof(names) / sizeof(names[0]) ? names[index] : NULL;
}

static int run_levels(gate *g)
{
    static void (*const run[])(gate *) = {run_g0, run_g1, run_g2, run_g3};
    bench_disturb before;
    bench_disturb_read(&before);
    g->results.start = &before;
    /* G2 last: it takes what the budget has left. */
    static const int order[] = {0, 1, 3, 2};
    for (int i = 0; i < 4; i++)
        if (bench_in_list(g->o->levels, level_word((size_t)order[i])))
            run[order[i]](g);
    bench_disturb_print(&before, stdout);
    int code = verdict(g);
    int written = bench_results_write(&g->results, &g->o->outputs);
    bench_results_free(&g->results);
    return written ? written : code;
}

static int open_all(gate *g)
{
    const gate_options *o = g->o;
    bench_library_own(&g->own);
    if (!o->head)
        bench_library_own(&g->head);
    else if (bench_library_open(&g->head, o->head) != 0)
        return -1;
    if (o->base && bench_library_open(&g->base, o->base) != 0)
        return -1;
    g->marked = o->markdown ? fopen(o->markdown, "a") : NULL; /* a step summary is added to */
    if (o->markdown && !g->marked) {
        fprintf(stderr, "bitx-bench gate: %s: %s\n", o->markdown, strerror(errno));
        return -1;
    }
    bench_caches_read(&g->caches);
    return bench_sources_load(&g->made, NULL, g->seed);
}

static int run(const gate_options *o, int record)
{
    static gate g;
    long budget = bench_number("--budget", o->budget, 540, 1, 100000);
    long cpu = bench_number("--cpu", o->cpu, -2, 0, 4095);
    long seed = bench_number("--seed", o->seed, 1, 1, 1L << 30);
    if (budget < 0 || cpu == -1 || seed < 0 ||
        bench_check_list("--levels", o->levels, level_word) ||
        bench_check_list("--ops", o->ops, bench_op_or_none_word) ||
        bench_check_list("--isa", o->isas, bench_isa_word) ||
        bench_check_list("--ws", o->sets, bench_ws_word) ||
        bench_check_list("--codecs", o->codecs, bench_size_coder_word))
        return 2;
    if (bench_pin(cpu >= 0 ? (int)cpu : -1) < 0) {
        fprintf(stderr, "bitx-bench gate: cannot run on CPU %ld\n", cpu);
        return 2;
    }
    g.o = o;
    g.seed = (uint64_t)seed;
    g.budget_s = (double)budget;
    g.start_ns = bench_wall_ns();
    if (record)
        return record_floors(o, g.seed);
    int status = open_all(&g) == 0 ? run_levels(&g) : 2;
    if (g.marked && fclose(g.marked) != 0)
        status = 2;
    bench_sources_free(&g.made);
    bench_library_close(&g.head);
    bench_library_close(&g.base);
    return status;
}

int bench_cmd_gate(int argc, char **argv)
{
    gate_options o;
    int record = 0;
    memset(&o, 0, sizeof(o));
    const bench_option options[] = {
        {"--base", "OLD.so", "older build, for G2", &o.base, NULL},
        {"--no-base", "WHY", "what G2 says where there is no older build", &o.no_base, NULL},
        {"--head", "NEW.so", "the build in question (default: this program's own)", &o.head, NULL},
        {"--levels", "LIST", "G0,G1,G2,G3 (default: all)", &o.levels, NULL},
        {"--counts", "FILE", "expected instruction counts, for G1", &o.counts, NULL},
        {"--sizes", "FILE", "expected frame sizes, for G1", &o.sizes, NULL},
        {"--family", "FILE", "lines of 'DATA BASE', what sizes are of", &o.pairs, NULL},
        {"--floors", "FILE", "expected speeds against memcpy and zstd, for G3", &o.floors, NULL},
        {"--record-floors", NULL, "write --floors from this run, and do nothing else", NULL,
         &record},
        {"--ops", "LIST", "operations; 'none' (default: all)", &o.ops, NULL},
        {"--isa", "LIST", "scalar, avx2, avx512, neon (default: all)", &o.isas, NULL},
        {"--ws", "LIST", "working sets of G2: L1, L2, L3, DRAM (default: L2,DRAM)", &o.sets, NULL},
        {"--codecs", "LIST", "raw, zstd, bitx, float, delta, auto; 'none' (default: all)",
         &o.codecs, NULL},
        {"--only", "TEXT", "cases with this in their name", &o.only, NULL},
        {"--accept", "LIST", "parts of names whose alarms are wanted", &o.accept, NULL},
        {"--expect-isa", "ISA", "what must run (default: the widest this CPU has)", &o.expect,
         NULL},
        {"--qemu-program", "FILE", "counts neon where the CPU has none: qemu_count.c's program",
         &o.qemu, NULL},
        {"--budget", "SECONDS", "fewer rounds rather than more time (default 540)", &o.budget,
         NULL},
        {"--no-selftest", NULL, "trust this machine", NULL, &o.no_selftest},
        {"--cpu", "N", "CPU to run on (default: the current one)", &o.cpu, NULL},
        {"--seed", "N", "of the data and the order of samples (default 1)", &o.seed, NULL},
        {"--markdown", "FILE", "append a summary, as CI shows it", &o.markdown, NULL},
        {"--json", "FILE", "results in Google Benchmark's schema", &o.outputs.json, NULL},
        {"--csv", "FILE", "results as CSV", &o.outputs.csv, NULL},
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench gate [options]", options,
                             sizeof(options) / sizeof(options[0]));
    if (status == 0 && record && !o.floors) {
        fprintf(stderr, "bitx-bench gate: --record-floors needs --floors, the file\n");
        return 2;
    }
    return status == 0 ? run(&o, record) : status == 1 ? 0 : 2;
}
