/* bitx-bench scale: how bandwidth and a kernel grow with threads, by where the threads are. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/args.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/disturb.h"
#include "bench/kernel.h"
#include "bench/results.h"
#include "bench/table.h"
#include "bench/topo.h"

enum { MAX_ROUNDS = 256 };

typedef struct scale_options {
    const char *synthetic, *xml, *size, *rounds, *op;
    int placement_only, small_pages;
    bench_outputs outputs;
} scale_options;

/* A thread's share: its CPU, its buffers on its own node, its kernel. */
typedef struct worker {
    pthread_t thread;
    struct team *team;
    size_t cpu;
    const char *failure;
    double begin_ns[MAX_ROUNDS], end_ns[MAX_ROUNDS];
    uint64_t nbytes; /* of tensor, a round */
} worker;

typedef struct team {
    const bench_topo *topo;
    const scale_options *o;
    const bitx_op *op;
    bitx_fn fn;
    size_t nbytes, nrounds, nworkers;
    pthread_barrier_t barrier;
    worker workers[BENCH_CPUS_MAX];
} team;

static void shape(const team *t, const bench_driver *d, bench_set *set, size_t *nelem)
{
    enum { QUANTUM = 2048, SLICE_TRAFFIC = 4 << 20 };
    (void)bench_driver_shape(d, t->op, QUANTUM, set);
    *nelem = SLICE_TRAFFIC / bench_set_traffic(set) * QUANTUM;
    (void)bench_driver_shape(d, t->op, *nelem, set);
    set->nslices = t->nbytes / bench_set_traffic(set);
}

/* Binds, allocates on the own node, fills; the arena to unmap is in *set. */
static const char *settle(worker *w, bench_set *set, bench_kernel_loop *loop)
{
    const team *t = w->team;
    size_t nelem;
    memset(set, 0, sizeof(*set));
    const char *failure = bench_topo_bind(t->topo, w->cpu);
    if (failure)
        return failure;
    *loop = (bench_kernel_loop){t->op, bench_driver_for(t->op->sig), t->fn, set, 0, 0};
    shape(t, loop->driver, set, &nelem);
    loop->nelem = nelem;
    size_t nbytes = bench_set_layout(set);
    bench_pages pages = t->o->small_pages ? BENCH_PAGES_SMALL : BENCH_PAGES_HUGE;
    failure = bench_arena_on_node(t->topo, &set->arena, nbytes, pages, t->topo->cpus[w->cpu].node);
    if (failure)
        return failure;
    bench_set_attach(set);
    bench_call c;
    for (size_t slice = 0; slice < set->nslices; slice++) {
        bench_driver_bind(t->op, set, slice, nelem, &c);
        bench_fill_bf16(&c, set->nread, set->nbytes, 1 + slice);
    }
    w->nbytes = set->nslices * nelem * t->op->width / 8;
    return NULL;
}

static void *work(void *arg)
{
    worker *w = arg;
    bench_set set;
    bench_kernel_loop loop;
    w->failure = settle(w, &set, &loop);
    if (!w->failure && !w->team->o->placement_only)
        bench_kernel_run(&loop, set.nslices); /* warm */
    for (size_t r = 0; r < w->team->nrounds; r++) {
        pthread_barrier_wait(&w->team->barrier);
        w->begin_ns[r] = bench_wall_ns();
        if (!w->failure && !w->team->o->placement_only)
            bench_kernel_run(&loop, set.nslices);
        w->end_ns[r] = bench_wall_ns();
    }
    if (!w->failure)
        bench_set_unmap(&set);
    return NULL;
}

/* A round lasts from its first start to its last end. */
static const char *run_team(team *t, const size_t *cpus, size_t n, bench_summary *ns,
                            uint64_t *nbytes)
{
    double round_ns[MAX_ROUNDS];
    t->nworkers = n;
    if (pthread_barrier_init(&t->barrier, NULL, (unsigned)n) != 0)
        return "no barrier";
    for (size_t i = 0; i < n; i++) {
        t->workers[i].team = t;
        t->workers[i].cpu = cpus[i];
        t->workers[i].failure = NULL;
        if (pthread_create(&t->workers[i].thread, NULL, work, &t->workers[i]) != 0)
            abort(); /* the others wait at the barrier for it */
    }
    for (size_t i = 0; i < n; i++)
        pthread_join(t->workers[i].thread, NULL);
    pthread_barrier_destroy(&t->barrier);
    *nbytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (t->workers[i].failure)
            return t->workers[i].failure;
        *nbytes += t->workers[i].nbytes;
    }
    for (size_t r = 0; r < t->nrounds; r++) {
        double begin = t->workers[0].begin_ns[r], end = t->workers[0].end_ns[r];
        for (size_t i = 1; i < n; i++) {
            begin = t->workers[i].begin_ns[r] < begin ? t->workers[i].begin_ns[r] : begin;
            end = t->workers[i].end_ns[r] > end ? t->workers[i].end_ns[r] : end;
        }
        round_ns[r] = end - begin;
    }
    bench_summarize(round_ns, t->nrounds, ns);
    return NULL;
}

typedef struct scale_state {
    team *team;
    bench_table *table;
    bench_results results;
    double one_rate; /* bytes per second of one thread, for the speedup */
} scale_state;

static void team_row(scale_state *s, const char *policy, const size_t *cpus, size_t n)
{
    bench_summary ns;
    uint64_t nbytes;
    bench_quality q = {0, 0, 0, 1, 1};
    const char *failure = run_team(s->team, cpus, n, &ns, &nbytes);
    bench_cell(s->table, "%s", policy);
    bench_cell(s->table, "%zu", n);
    if (failure)
        bench_results_add_absent(&s->results, failure, "scale/%s/%s/threads:%zu", s->team->op->name,
                                 policy, n);
    if (failure || s->team->o->placement_only) {
        bench_cell(s->table, "%s", failure ? "n/a" : "-");
        for (int i = 0; i < 3; i++)
            bench_cell(s->table, "-");
        bench_cell(s->table, "%s", failure ? failure : "placed, not timed");
        return;
    }
    double rate = (double)nbytes / ns.median;
    if (n == 1 && s->one_rate <= 0)
        s->one_rate = rate;
    bench_verdict verdict = bench_judge(&ns, &q);
    bench_cell(s->table, "%.2f", rate);
    bench_cell(s->table, "%.2f-%.2f", (double)nbytes / ns.high, (double)nbytes / ns.low);
    bench_cell(s->table, "%.2f", s->one_rate > 0 ? rate / s->one_rate : 0);
    bench_cell(s->table, "%.2f", s->one_rate > 0 ? rate / s->one_rate / (double)n : 0);
    bench_cell(s->table, "%s", bench_verdict_name(verdict));
    bench_result *r =
        bench_results_add(&s->results, "scale/%s/%s/threads:%zu", s->team->op->name, policy, n);
    r->threads = (unsigned)n;
    r->cpu = ns; /* wall time: there is no one thread's CPU time here */
    r->real_ns = ns.median;
    r->bytes_per_second = rate * 1e9;
    r->verdict = verdict;
}

/* 1, 2, 4, ... and all. */
static size_t next_count(size_t n, size_t all)
{
    return n == all ? all + 1 : 2 * n < all ? 2 * n : all;
}

static void run_policies(scale_state *s, const bench_topo *t)
{
    size_t order[BENCH_CPUS_MAX];
    bench_topo_order(t, BENCH_COMPACT, order);
    for (size_t n = 1; n <= t->ncpus; n = next_count(n, t->ncpus))
        team_row(s, "compact", order, n);
    bench_topo_order(t, BENCH_SCATTER, order);
    for (size_t n = 1; n <= t->ncpus; n = next_count(n, t->ncpus))
        team_row(s, "scatter", order, n);
    for (size_t node = 0; node < t->nnodes; node++) {
        char name[32];
        size_t n = 0;
        for (size_t i = 0; i < t->ncpus; i++)
            if (t->cpus[i].node == node)
                order[n++] = i;
        snprintf(name, sizeof(name), "node %u", t->nodes[node].os_index);
        if (n) {
            team_row(s, name, order, n);
            continue;
        }
        bench_cell(s->table, "%s", name);
        bench_cell(s->table, "0");
        bench_cell(s->table, "n/a");
        for (int i = 0; i < 3; i++)
            bench_cell(s->table, "-");
        bench_cell(s->table, "node without CPUs");
        bench_results_add_absent(&s->results, "node without CPUs", "scale/%s/%s", s->team->op->name,
                                 name);
    }
}

static int run(const scale_options *o, const bench_topo *t, size_t nbytes, size_t nrounds)
{
    scale_state s;
    memset(&s, 0, sizeof(s));
    s.team = calloc(1, sizeof(*s.team));
    if (!s.team)
        return 2;
    bitx_sig sig;
    const char *name = o->op ? o->op : "xor_split_bf16";
    for (size_t i = 0; bitx_op_at(i); i++)
        if (strcmp(bitx_op_at(i)->name, name) == 0)
            s.team->op = bitx_op_at(i);
    const bench_driver *d = s.team->op ? bench_driver_for(s.team->op->sig) : NULL;
    if (!d || d->fill) {
        fprintf(stderr,
                "bitx-bench scale: --op %s: no such operation, or its time depends on data\n",
                name);
        free(s.team);
        return 2;
    }
    s.team->fn = bitx_op_find(name, bitx_isa_name(bitx_isa_active()), &sig);
    s.team->topo = t;
    s.team->o = o;
    s.team->nbytes = nbytes;
    s.team->nrounds = nrounds;
    printf("%s/%s over %zu MiB a thread, each thread bound, its memory on its node and checked\n\n",
           name, bitx_isa_name(bitx_isa_active()), nbytes >> 20);
    s.table = bench_table_new("GB/s of tensor by wall time, all threads together",
                              "<policy|threads|GB/s|interval|speedup|efficiency|<verdict");
    bench_disturb before;
    bench_disturb_read(&before);
    s.results.start = &before;
    run_policies(&s, t);
    bench_table_print(s.table, stdout);
    bench_table_free(s.table);
    bench_disturb_print(&before, stdout);
    int status = bench_results_write(&s.results, &o->outputs);
    bench_results_free(&s.results);
    free(s.team);
    return status;
}

int bench_cmd_scale(int argc, char **argv)
{
    scale_options o;
    memset(&o, 0, sizeof(o));
    const bench_option options[] = {
        {"--synthetic", "S", "plan for a made-up machine; refuses to time it", &o.synthetic, NULL},
        {"--xml", "FILE", "plan for a machine saved by lstopo; likewise", &o.xml, NULL},
        {"--op", "NAME", "operation (default xor_split_bf16)", &o.op, NULL},
        {"--size", "MIB", "of buffers of each thread (default 64)", &o.size, NULL},
        {"--rounds", "N", "samples (default 31)", &o.rounds, NULL},
        {"--small-pages", NULL, "4 KiB pages instead of huge ones", NULL, &o.small_pages},
        {"--placement-only", NULL, "bind, allocate and check pages; no timing", NULL,
         &o.placement_only},
        BENCH_OUTPUT_OPTIONS(o.outputs),
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench scale [options]", options,
                             sizeof(options) / sizeof(options[0]));
    if (status != 0)
        return status == 1 ? 0 : 2;
    long size = bench_number("--size", o.size, 64, 16, 65536);
    long rounds = bench_number("--rounds", o.rounds, 31, 6, MAX_ROUNDS);
    bench_topo *t = calloc(1, sizeof(*t));
    if (size < 0 || rounds < 0 || !t || bench_topo_load(t, o.synthetic, o.xml) != 0) {
        free(t);
        return 2;
    }
    status = run(&o, t, (size_t)size << 20, (size_t)rounds);
    bench_topo_free(t);
    free(t);
    return status;
}
