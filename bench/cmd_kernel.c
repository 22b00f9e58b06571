/* bitx-bench kernel: each operation, ISA and working set as a share of its roofline. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/args.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/disturb.h"
#include "bench/kernel.h"
#include "bench/results.h"
#include "bench/rivals.h"
#include "bench/table.h"
#include "bench/words.h"

typedef struct kernel_options {
    const char *ops, *isas, *sets, *rounds, *cpu, *seed, *budget;
    int small_pages;
    bench_outputs outputs;
} kernel_options;

typedef struct kernel_run_state {
    bench_caches caches;
    bench_kernel_params params;
    bench_table *table;
    bench_results results;
    bench_roofline_choice choices[BENCH_WS_COUNT];
    double deadline_ns; /* wall time; 0: none */
    size_t nskipped;    /* cells left out for lack of time */
    int nwrong;
} kernel_run_state;

static void add_result(kernel_run_state *s, bench_ws ws, const bench_kernel_result *k)
{
    bench_result *r = bench_results_add(&s->results, "kernel/%s/%s/%s", s->params.op->name,
                                        s->params.isa, bench_ws_name(ws));
    r->iterations = k->reps;
    r->real_ns = k->wall_ns;
    r->cpu = k->ns;
    r->samples = k->samples;
    r->bytes_per_second = (double)k->tensor_nbytes / k->ns.median * 1e9;
    r->verdict = k->verdict;
    bench_counter(r, "bitx_roofline", k->share.median);
    bench_counter(r, "bitx_roofline_low", k->share.low);
    bench_counter(r, "bitx_roofline_high", k->share.high);
    bench_counter(r, "bitx_cycles_per_element", k->cycles_per_element);
    bench_counter(r, "bitx_traffic_per_byte", (double)k->traffic_nbytes / (double)k->tensor_nbytes);
    bench_counter(r, "bitx_ghz", k->ghz);
}

static void add_row(kernel_run_state *s, bench_ws ws, const bench_kernel_result *k)
{
    bench_table *t = s->table;
    bench_cell(t, "%s", s->params.op->name);
    bench_cell(t, "%s", s->params.isa);
    bench_cell(t, "%s", bench_ws_name(ws));
    if (k->failure) {
        bench_cell(t, "n/a");
        for (int i = 0; i < 9; i++)
            bench_cell(t, "-");
        bench_cell(t, "%s", k->failure);
        bench_results_add_absent(&s->results, k->failure, "kernel/%s/%s/%s", s->params.op->name,
                                 s->params.isa, bench_ws_name(ws));
        return;
    }
    double call_nbytes = (double)k->tensor_nbytes;
    bench_cell(t, "%.2f", call_nbytes / k->ns.median);
    bench_cell(t, "%.2f-%.2f", call_nbytes / k->ns.high, call_nbytes / k->ns.low);
    bench_cell(t, "%.1f", 100 * k->ns.mad / k->ns.median);
    bench_cell(t, "%.2f", (double)k->nelem / k->ns.median);
    bench_cell(t, "%.3f", k->cycles_per_element);
    bench_cell(t, "%.2f", (double)k->traffic_nbytes / call_nbytes);
    bench_cell(t, "%.2f", call_nbytes / k->roofline_ns);
    bench_cell(t, "%s", k->roofline_loop);
    bench_cell(t, "%.2f", k->share.median);
    bench_cell(t, "%.2f-%.2f", k->share.low, k->share.high);
    bench_cell(t, "%s", bench_verdict_name(k->verdict));
}

static void run_cell(kernel_run_state *s, bench_ws ws)
{
    bench_kernel_result k;
    if (s->deadline_ns > 0 && bench_wall_ns() > s->deadline_ns) {
        memset(&k, 0, sizeof(k));
        k.failure = "not measured: out of time (--budget)";
        s->nskipped++;
        add_row(s, ws, &k);
        return;
    }
    s->params.set_nbytes = bench_ws_nbytes(&s->caches, ws);
    s->params.choice = &s->choices[ws];
    bench_kernel_measure(&s->params, &k);
    /* A page fault may be the kernel compacting memory: once more, and then believe it. */
    if (!k.failure && k.verdict == BENCH_INVALID) {
        free(k.samples);
        bench_kernel_measure(&s->params, &k);
    }
    add_row(s, ws, &k);
    if (!k.failure)
        add_result(s, ws, &k);
    s->nwrong += k.failure && strncmp(k.failure, "WRONG", 5) == 0;
}

/* One line for all sets. */
static void add_missing(kernel_run_state *s, const char *why)
{
    bench_cell(s->table, "%s", s->params.op->name);
    bench_cell(s->table, "%s", s->params.isa);
    bench_cell(s->table, "all");
    bench_cell(s->table, "n/a");
    for (int i = 0; i < 9; i++)
        bench_cell(s->table, "-");
    bench_cell(s->table, "%s", why);
    bench_results_add_absent(&s->results, why, "kernel/%s/%s", s->params.op->name, s->params.isa);
}

static void run_op(kernel_run_state *s, const bitx_op *op, const kernel_options *o)
{
    bitx_sig sig;
    s->params.op = op;
    s->params.reference = bitx_op_find(op->name, "scalar", &sig);
    for (unsigned i = 0; i < BITX_ISA_COUNT; i++) {
        s->params.isa = bitx_isa_name((bitx_isa)i);
        if (!bench_in_list(o->isas, s->params.isa))
            continue;
        s->params.fn = bitx_op_find(op->name, s->params.isa, &sig);
        if (!s->params.fn || !bench_driver_for(op->sig)) {
            const char *absent = bitx_isa_absent_reason((bitx_isa)i);
            add_missing(s, s->params.fn ? "no driver for this signature class yet"
                           : absent     ? absent
                                        : "not in this row");
            continue;
        }
        for (unsigned ws = 0; ws < BENCH_WS_COUNT; ws++)
            if (bench_in_list(o->sets, bench_ws_name((bench_ws)ws)))
                run_cell(s, (bench_ws)ws);
    }
}

/* Another library's kernel: not chosen by --isa, for it has but one. */
static void run_rival(kernel_run_state *s, const bench_rival *r, const kernel_options *o)
{
    s->params.op = &r->op;
    s->params.isa = r->isa;
    s->params.driver = &r->driver;
    s->params.fn = r->fn;
    s->params.reference = r->reference;
    if (r->missing)
        add_missing(s, r->missing);
    for (unsigned ws = 0; ws < BENCH_WS_COUNT && !r->missing; ws++)
        if (bench_in_list(o->sets, bench_ws_name((bench_ws)ws)))
            run_cell(s, (bench_ws)ws);
}

static const char *op_or_rival(size_t i)
{
    size_t nops = 0;
    while (bench_op_word(nops))
        nops++;
    if (i < nops)
        return bench_op_word(i);
    const bench_rival *r = bench_rival_at(i - nops);
    return r ? r->op.name : NULL;
}

static void find_caches(kernel_run_state *s, const kernel_options *o)
{
    bench_caches_read(&s->caches);
    if (!bench_in_list(o->sets, "L3") && !bench_in_list(o->sets, "DRAM"))
        return;
    size_t limit = bench_memory_available() / 8, gib = (size_t)1 << 30;
    bench_caches_find_knee(&s->caches, limit < gib ? limit : gib);
}

static void print_title(const kernel_run_state *s, int cpu)
{
    printf("kernels on CPU %d at %.2f GHz (probed); L1d %zu KiB, L2 %zu KiB, L3 knee %zu MiB (%s)\n"
           "GB/s: bytes of the tensor per second of thread CPU time; share: of the best loop that\n"
           "moves the same streams, pair by pair; both with their 95%% intervals\n\n",
           cpu, bench_clock_ghz(), s->caches.l1d_nbytes >> 10, s->caches.l2_nbytes >> 10,
           s->caches.knee_nbytes >> 20, s->caches.knee_found ? "measured" : "assumed");
    fflush(stdout);
}

static int run(const kernel_options *o)
{
    kernel_run_state s;
    memset(&s, 0, sizeof(s));
    long rounds = bench_number("--rounds", o->rounds, 31, 6, 4096);
    long cpu = bench_number("--cpu", o->cpu, -1, 0, 4095);
    long seed = bench_number("--seed", o->seed, 1, 1, 1L << 30);
    long budget = bench_number("--budget", o->budget, 0, 1, 1000000);
    if (rounds < 0 || budget < 0 || (cpu < 0 && o->cpu) || seed < 0 ||
        bench_check_list("--op", o->ops, op_or_rival) ||
        bench_check_list("--isa", o->isas, bench_isa_word) ||
        bench_check_list("--ws", o->sets, bench_ws_word))
        return 2;
    bench_disturb before;
    bench_disturb_read(&before);
    s.results.start = &before;
    int pinned = bench_pin((int)cpu);
    if (pinned < 0) {
        fprintf(stderr, "bitx-bench kernel: cannot run on CPU %ld\n", cpu);
        return 2;
    }
    s.deadline_ns = budget > 0 ? bench_wall_ns() + 1e9 * (double)budget : 0;
    s.params.nrounds = (size_t)rounds;
    s.params.seed = (uint64_t)seed;
    s.params.pages = o->small_pages ? BENCH_PAGES_SMALL : BENCH_PAGES_HUGE;
    find_caches(&s, o);
    print_title(&s, pinned);
    s.table =
        bench_table_new("", "<op|<isa|<set|GB/s|interval|MAD %|elem/ns|cyc/elem|traffic|roofline|"
                            "<loop|share|interval|<verdict");
    for (size_t i = 0; bitx_op_at(i); i++)
        if (bench_in_list(o->ops, bitx_op_at(i)->name))
            run_op(&s, bitx_op_at(i), o);
    for (size_t i = 0; bench_rival_at(i); i++)
        if (bench_in_list(o->ops, bench_rival_at(i)->op.name))
            run_rival(&s, bench_rival_at(i), o);
    bench_table_print(s.table, stdout);
    bench_table_free(s.table);
    bench_disturb_print(&before, stdout);
    int status = bench_results_write(&s.results, &o->outputs);
    bench_results_free(&s.results);
    return s.nwrong ? 1 : status;
}

int bench_cmd_kernel(int argc, char **argv)
{
    kernel_options o;
    memset(&o, 0, sizeof(o));
    const bench_option options[] = {
        {"--op", "LIST", "operations, ours and rivals', comma-separated (default: all)", &o.ops,
         NULL},
        {"--isa", "LIST", "scalar, avx2, avx512, neon (default: all)", &o.isas, NULL},
        {"--ws", "LIST", "working sets: L1, L2, L3, DRAM (default: all)", &o.sets, NULL},
        {"--rounds", "N", "pairs of kernel and roofline (default 31)", &o.rounds, NULL},
        {"--cpu", "N", "CPU to run on (default: the current one)", &o.cpu, NULL},
        {"--seed", "N", "of the data and the order of samples (default 1)", &o.seed, NULL},
        {"--budget", "SECONDS", "stop measuring after this long, and say so", &o.budget, NULL},
        {"--small-pages", NULL, "4 KiB pages instead of huge ones", NULL, &o.small_pages},
        BENCH_OUTPUT_OPTIONS(o.outputs),
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench kernel [options]", options,
                             sizeof(options) / sizeof(options[0]));
    return status == 0 ? run(&o) : status == 1 ? 0 : 2;
}
