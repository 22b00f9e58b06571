/* bitx-bench numa: every node's CPUs against every node's memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/args.h"
#include "bench/chase.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/disturb.h"
#include "bench/results.h"
#include "bench/roofline.h"
#include "bench/table.h"
#include "bench/topo.h"

typedef struct numa_options {
    const char *synthetic, *xml, *size, *rounds;
    int placement_only;
    bench_outputs outputs;
} numa_options;

typedef struct numa_state {
    const bench_topo *topo;
    const numa_options *o;
    size_t nbytes, nrounds;
    bench_results results;
    size_t nplaced, nfailed;
} numa_state;

/* One cell of the matrix. */
typedef struct numa_cell {
    const char *failure;
    bench_summary read_ns, copy_ns; /* of nbytes read, and of nbytes / 2 copied */
    double read_wall_ns, copy_wall_ns;
    double latency_ns;
    double huge_share;
    bench_verdict verdict;
} numa_cell;

/* A set over an arena that was placed by us; no set of its own. */
static void set_over(bench_set *set, const bench_arena *a, unsigned nread, unsigned nwrite)
{
    enum { SLICE_NBYTES = 4 << 20 };
    size_t each = a->nbytes / (nread + nwrite) / SLICE_NBYTES * SLICE_NBYTES;
    memset(set, 0, sizeof(*set));
    set->nread = nread;
    set->nwrite = nwrite;
    set->nslices = each / SLICE_NBYTES;
    for (unsigned i = 0; i < nread + nwrite; i++) {
        set->nbytes[i] = SLICE_NBYTES;
        set->base[i] = a->base + i * each;
    }
}

static bench_verdict time_set(const numa_state *s, bench_set *set, bench_summary *ns,
                              double *wall_ns)
{
    bench_roofline_choice choice;
    bench_roofline r;
    bench_sample samples[64];
    double x[64];
    bench_quality q;
    bench_summary wall;
    memset(&choice, 0, sizeof(choice));
    memset(samples, 1, sizeof(samples));
    memset(x, 0, sizeof(x));
    bench_roofline_choose(set, &choice);
    (void)bench_roofline_init(&r, choice.loop[0], set);
    bench_case c = {bench_roofline_run, &r, 1};
    bench_calibrate(&c, BENCH_BATCH_NS, BENCH_WARMUP_NS);
    uint64_t rng = 1;
    q.ghz_before = bench_clock_ghz();
    bench_rounds(&c, 1, s->nrounds, &rng, samples);
    q.ghz_after = bench_clock_ghz();
    for (size_t i = 0; i < s->nrounds; i++)
        x[i] = samples[i].wall_ns / (double)c.reps;
    bench_summarize(x, s->nrounds, &wall);
    *wall_ns = wall.median;
    bench_column(samples, 1, 0, s->nrounds, c.reps, x, &q);
    bench_summarize(x, s->nrounds, ns);
    return bench_judge(ns, &q);
}

static void measure_cell(numa_state *s, size_t from, size_t to, bench_pages pages, numa_cell *cell)
{
    bench_arena a;
    memset(cell, 0, sizeof(*cell));
    size_t cpu = bench_topo_first_cpu(s->topo, from);
    if (cpu == s->topo->ncpus) {
        cell->failure = "node without CPUs";
        return;
    }
    cell->failure = bench_topo_bind(s->topo, cpu);
    if (!cell->failure)
        cell->failure = bench_arena_on_node(s->topo, &a, s->nbytes, pages, to);
    if (cell->failure)
        return;
    cell->huge_share = bench_arena_huge_share(&a);
    if (!s->o->placement_only) {
        bench_set set;
        set_over(&set, &a, 1, 0);
        bench_verdict read = time_set(s, &set, &cell->read_ns, &cell->read_wall_ns);
        set_over(&set, &a, 1, 1);
        bench_verdict copy = time_set(s, &set, &cell->copy_ns, &cell->copy_wall_ns);
        cell->verdict = bench_verdict_worse(read, copy);
        cell->latency_ns = bench_chase_ns(a.base, a.nbytes);
    }
    bench_arena_unmap(&a);
}

static void add_results(numa_state *s, size_t from, size_t to, const char *pages,
                        const numa_cell *c)
{
    static const char *const kinds[] = {"read", "copy"};
    for (int k = 0; k < 2; k++) {
        const bench_summary *ns = k ? &c->copy_ns : &c->read_ns;
        bench_result *r =
            bench_results_add(&s->results, "numa/%s/cpu%u/mem%u/%s", kinds[k],
                              s->topo->nodes[from].os_index, s->topo->nodes[to].os_index, pages);
        r->cpu = *ns;
        r->real_ns = k ? c->copy_wall_ns : c->read_wall_ns;
        r->bytes_per_second = (double)(4 << 20) / ns->median * 1e9;
        r->verdict = c->verdict;
        bench_counter(r, "bitx_latency_ns", c->latency_ns);
        bench_counter(r, "bitx_distance", bench_topo_distance(s->topo, from, to));
        bench_counter(r, "bitx_huge_share", c->huge_share);
    }
}

static void cell_row(numa_state *s, bench_table *t, size_t from, size_t to, bench_pages pages)
{
    numa_cell c;
    const char *page_name = pages == BENCH_PAGES_HUGE ? "huge" : "4k";
    measure_cell(s, from, to, pages, &c);
    s->nplaced += c.failure == NULL;
    bench_cell(t, "%u", s->topo->nodes[from].os_index);
    bench_cell(t, "%u", s->topo->nodes[to].os_index);
    bench_cell(t, "%s", page_name);
    if (c.failure) {
        bench_results_add_absent(&s->results, c.failure, "numa/cpu%u/mem%u/%s",
                                 s->topo->nodes[from].os_index, s->topo->nodes[to].os_index,
                                 page_name);
        bench_cell(t, "n/a");
        for (int i = 0; i < 4; i++)
            bench_cell(t, "-");
        bench_cell(t, "%s", c.failure);
        return;
    }
    bench_cell(t, "64 pages of 64");
    bench_cell(t, "%.2f", c.huge_share);
    if (s->o->placement_only) {
        for (int i = 0; i < 3; i++)
            bench_cell(t, "-");
        bench_cell(t, "placed, not timed");
        return;
    }
    double slice = 4 << 20;
    bench_cell(t, "%.2f", slice / c.read_ns.median);
    bench_cell(t, "%.2f", slice / c.copy_ns.median);
    bench_cell(t, "%.0f", c.latency_ns);
    bench_cell(t, "%s", bench_verdict_name(c.verdict));
    add_results(s, from, to, page_name, &c);
}

static void plan_only(const bench_topo *t)
{
    bench_table *table = bench_table_new("plan", "CPU node|memory node|first CPU|<timing");
    for (size_t i = 0; i < t->nnodes; i++)
        for (size_t j = 0; j < t->nnodes; j++) {
            size_t cpu = bench_topo_first_cpu(t, i);
            bench_cell(table, "%u", t->nodes[i].os_index);
            bench_cell(table, "%u", t->nodes[j].os_index);
            if (cpu < t->ncpus)
                bench_cell(table, "%u", t->cpus[cpu].os_index);
            else
                bench_cell(table, "none");
            bench_cell(table, "n/a: not this machine's topology, refused");
        }
    bench_table_print(table, stdout);
    bench_table_free(table);
}

static int run(numa_state *s)
{
    const bench_topo *t = s->topo;
    printf("%s: %zu memory nodes, %zu CPUs; %zu MiB a cell, strictly bound, pages checked\n\n",
           t->source, t->nnodes, t->ncpus, s->nbytes >> 20);
    bench_disturb before;
    bench_disturb_read(&before);
    s->results.start = &before;
    if (!t->real) {
        plan_only(t);
        return 0;
    }
    bench_table *table =
        bench_table_new("GB/s by thread CPU time; latency of dependent loads",
                        "CPU node|memory node|<pages|<placed|on huge pages|read|copy|latency, ns|"
                        "<verdict");
    for (size_t i = 0; i < t->nnodes; i++)
        for (size_t j = 0; j < t->nnodes; j++) {
            cell_row(s, table, i, j, BENCH_PAGES_HUGE);
            cell_row(s, table, i, j, BENCH_PAGES_SMALL);
        }
    bench_table_print(table, stdout);
    bench_table_free(table);
    if (t->nnodes == 1)
        printf("one memory node: there is no remote memory to compare with (n/a)\n");
    bench_disturb_print(&before, stdout);
    printf("placed %zu of %zu cells\n", s->nplaced, 2 * t->nnodes * t->nnodes);
    return bench_results_write(&s->results, &s->o->outputs);
}

int bench_cmd_numa(int argc, char **argv)
{
    numa_options o;
    numa_state s;
    memset(&o, 0, sizeof(o));
    memset(&s, 0, sizeof(s));
    const bench_option options[] = {
        {"--synthetic", "S", "plan for a made-up machine; refuses to time it", &o.synthetic, NULL},
        {"--xml", "FILE", "plan for a machine saved by lstopo; likewise", &o.xml, NULL},
        {"--size", "MIB", "of the buffer of a cell (default 128)", &o.size, NULL},
        {"--rounds", "N", "samples of a cell (default 31)", &o.rounds, NULL},
        {"--placement-only", NULL, "bind, allocate and check pages; no timing", NULL,
         &o.placement_only},
        BENCH_OUTPUT_OPTIONS(o.outputs),
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench numa [options]", options,
                             sizeof(options) / sizeof(options[0]));
    if (status != 0)
        return status == 1 ? 0 : 2;
    long size = bench_number("--size", o.size, 128, 16, 65536);
    long rounds = bench_number("--rounds", o.rounds, 31, 6, 64);
    bench_topo *t = calloc(1, sizeof(*t));
    if (size < 0 || rounds < 0 || !t || bench_topo_load(t, o.synthetic, o.xml) != 0) {
        free(t);
        return 2;
    }
    s.topo = t;
    s.o = &o;
    s.nbytes = (size_t)size << 20;
    s.nrounds = (size_t)rounds;
    status = run(&s);
    bench_results_free(&s.results);
    bench_topo_free(t);
    free(t);
    return status;
}
