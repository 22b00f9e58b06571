/* bitx-bench roofline: what this machine's memory allows, and where its caches end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/args.h"
#include "bench/caches.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/disturb.h"
#include "bench/limit.h"
#include "bench/results.h"
#include "bench/roofline.h"
#include "bench/table.h"
#include "bench/words.h"

enum {
    MAX_ROUNDS = 256,
    SLICE_NBYTES = 8 << 20,
    MAX_REPEATS = 64,
    NSHAPES = 7,
    NSETS = 3, /* L1, L2, L3: sets small enough that all are there at once */
    NBUFFERS = 4,
    NSLOTS = 20 /* for each limit */
};
#define SLOT_NS 0.125e9

typedef struct roofline_options {
    const char *sets, *rounds, *repeat, *cpu;
    int small_pages;
    bench_outputs outputs;
} roofline_options;

static const struct {
    const char *name;
    unsigned nread, nwrite;
} shapes[NSHAPES] = {{"read", 1, 0},   {"read 2", 2, 0}, {"write", 0, 1}, {"copy", 1, 1},
                     {"2 to 1", 2, 1}, {"1 to 2", 1, 2}, {"2 to 2", 2, 2}};

typedef struct copy_loop {
    bench_set *set;
} copy_loop;

static void run_memcpy(void *arg, uint64_t reps)
{
    bench_set *set = ((copy_loop *)arg)->set;
    for (uint64_t i = 0; i < reps; i++) {
        size_t slice = bench_set_next(set);
        memcpy(bench_set_at(set, 1, slice), bench_set_at(set, 0, slice), set->nbytes[0]);
        __asm__ volatile("" : : : "memory");
    }
}

static int make_set(bench_set *set, unsigned nread, unsigned nwrite, size_t nbytes,
                    bench_pages pages)
{
    memset(set, 0, sizeof(*set));
    set->nread = nread;
    set->nwrite = nwrite;
    size_t each = nbytes / (nread + nwrite) / 4096 * 4096;
    each = each ? each : 4096;
    set->nslices = nbytes > 4 * (size_t)SLICE_NBYTES ? nbytes / SLICE_NBYTES : 1;
    for (unsigned i = 0; i < nread + nwrite; i++)
        set->nbytes[i] = each / set->nslices / 4096 * 4096;
    return bench_set_map(set, pages);
}

typedef struct roofline_limit {
    bench_set sets[NBUFFERS];
    bench_limit at[NBUFFERS];
    double rate[MAX_REPEATS]; /* GB/s */
    const char *loop;
} roofline_limit;

typedef struct roofline_state {
    const roofline_options *o;
    size_t nrounds, nrepeats;
    bench_caches caches;
    bench_table *table;
    roofline_limit limits[NSETS][NSHAPES];
    bench_results results;
} roofline_state;

/* ns of one slice by the best loop (index in *best), or by memcpy. */
static bench_verdict time_cases(roofline_state *s, bench_case *cases, size_t ncases,
                                bench_summary *best, size_t *index, double *wall_ns)
{
    bench_sample *samples = malloc(ncases * s->nrounds * sizeof(*samples));
    double ns[MAX_ROUNDS];
    bench_quality quality = {0, 0, 0, 0, 0};
    uint64_t rng = 1;
    if (!samples)
        return BENCH_INVALID;
    memset(samples, 1, ncases * s->nrounds * sizeof(*samples));
    memset(ns, 0, sizeof(ns));
    double before = bench_clock_ghz();
    bench_rounds(cases, ncases, s->nrounds, &rng, samples);
    double after = bench_clock_ghz();
    *index = ncases;
    for (size_t i = 0; i < ncases; i++) {
        bench_summary sum, wall;
        bench_quality q;
        bench_column(samples, ncases, i, s->nrounds, cases[i].reps, ns, &q);
        bench_summarize(ns, s->nrounds, &sum);
        if (*index < ncases && sum.median >= best->median)
            continue;
        *best = sum;
        *index = i;
        quality = q;
        for (size_t r = 0; r < s->nrounds; r++)
            ns[r] = samples[r * ncases + i].wall_ns / (double)cases[i].reps;
        bench_summarize(ns, s->nrounds, &wall);
        *wall_ns = wall.median;
    }
    free(samples);
    quality.ghz_before = before;
    quality.ghz_after = after;
    return bench_judge(best, &quality);
}

/* `limit`: NULL where none was taken (memcpy; sets in DRAM). */
static void add_row(roofline_state *s, const char *name, bench_ws ws, const bench_set *set,
                    const bench_summary *ns, double wall_ns, const char *loop,
                    bench_verdict verdict, const roofline_limit *limit)
{
    double traffic = (double)bench_set_traffic(set);
    bench_cell(s->table, "%s", bench_ws_name(ws));
    bench_cell(s->table, "%s", name);
    bench_cell(s->table, "%.1f", traffic * (double)set->nslices / 1024);
    if (limit)
        bench_cell(s->table, "%.2f", limit->rate[0]);
    else
        bench_cell(s->table, "-");
    bench_cell(s->table, "%s", limit ? limit->loop : "-");
    bench_cell(s->table, "%.2f", traffic / ns->median);
    bench_cell(s->table, "%.2f-%.2f", traffic / ns->high, traffic / ns->low);
    bench_cell(s->table, "%s", loop);
    bench_cell(s->table, "%s", bench_verdict_name(verdict));
    char key[32];
    snprintf(key, sizeof(key), "%s", name);
    for (char *p = key; *p; p++)
        *p = *p == ' ' ? '_' : *p;
    bench_result *r = bench_results_add(&s->results, "roofline/%s/%s", key, bench_ws_name(ws));
    r->cpu = *ns;
    r->real_ns = wall_ns;
    r->bytes_per_second = traffic / ns->median * 1e9;
    r->verdict = verdict;
    if (limit)
        bench_counter(r, "bitx_limit_bytes_per_second", 1e9 * limit->rate[0]);
}

static int measure_shape(roofline_state *s, size_t shape, bench_ws ws)
{
    bench_set set;
    bench_roofline_choice choice;
    bench_roofline roofs[BENCH_ROOFLINE_CANDIDATES];
    bench_case cases[BENCH_ROOFLINE_CANDIDATES];
    bench_summary best;
    size_t index = 0;
    double wall_ns = 0;
    memset(&choice, 0, sizeof(choice));
    memset(&best, 0, sizeof(best));
    if (make_set(&set, shapes[shape].nread, shapes[shape].nwrite, bench_ws_nbytes(&s->caches, ws),
                 s->o->small_pages ? BENCH_PAGES_SMALL : BENCH_PAGES_HUGE) != 0)
        return -1;
    bench_roofline_choose(&set, &choice);
    for (unsigned i = 0; i < choice.nloops; i++) {
        (void)bench_roofline_init(&roofs[i], choice.loop[i], &set);
        cases[i] = (bench_case){bench_roofline_run, &roofs[i], 1};
        bench_calibrate(&cases[i], BENCH_BATCH_NS, i == 0 ? BENCH_WARMUP_NS : BENCH_BATCH_NS);
    }
    bench_verdict verdict = time_cases(s, cases, choice.nloops, &best, &index, &wall_ns);
    add_row(s, shapes[shape].name, ws, &set, &best, wall_ns,
            bench_roofline_name(choice.loop[index]), verdict,
            (unsigned)ws < NSETS ? &s->limits[ws][shape] : NULL);
    if (shapes[shape].nread == 1 && shapes[shape].nwrite == 1) {
        copy_loop loop = {&set};
        bench_case c = {run_memcpy, &loop, 1};
        bench_calibrate(&c, BENCH_BATCH_NS, BENCH_BATCH_NS);
        verdict = time_cases(s, &c, 1, &best, &index, &wall_ns);
        add_row(s, "memcpy", ws, &set, &best, wall_ns, "libc", verdict, NULL);
    }
    bench_set_unmap(&set);
    return 0;
}

/* The limits of all sets and shapes asked for, in fresh buffers; a slot of each in turn, so that
   the slots of one are seconds apart. */
static int measure_limits(roofline_state *s, size_t repeat)
{
    roofline_limit *asked[NSETS * NSHAPES];
    size_t n = 0;
    int failed = 0;
    for (unsigned ws = 0; ws < NSETS; ws++)
        for (size_t i = 0; i < NSHAPES && !failed; i++) {
            roofline_limit *l = &s->limits[ws][i];
            if (!bench_in_list(s->o->sets, bench_ws_name((bench_ws)ws)))
                continue;
            memset(l->sets, 0, sizeof(l->sets));
            asked[n++] = l;
            for (size_t b = 0; b < NBUFFERS && !failed; b++) {
                failed = make_set(&l->sets[b], shapes[i].nread, shapes[i].nwrite,
                                  bench_ws_nbytes(&s->caches, (bench_ws)ws),
                                  s->o->small_pages ? BENCH_PAGES_SMALL : BENCH_PAGES_HUGE);
                if (!failed)
                    bench_limit_init(&l->at[b], &l->sets[b]);
            }
        }
    for (size_t slot = 0; slot < NSLOTS && !failed; slot++)
        for (size_t i = 0; i < n; i++)
            bench_limit_slot(&asked[i]->at[slot % NBUFFERS], SLOT_NS);
    for (size_t i = 0; i < n; i++) {
        double ns = bench_limit_second_ns(asked[i]->at, NBUFFERS, &asked[i]->loop);
        asked[i]->rate[repeat] = ns > 0 ? (double)bench_set_traffic(&asked[i]->sets[0]) / ns : 0;
        for (size_t b = 0; b < NBUFFERS; b++)
            bench_set_unmap(&asked[i]->sets[b]);
    }
    return failed;
}

/* How well the limits repeat: the whole procedure again and again. */
static int measure_repeats(roofline_state *s)
{
    int failed = 0;
    for (size_t r = 1; r < s->nrepeats && !failed; r++)
        failed = measure_limits(s, r);
    bench_table *t = bench_table_new("the limits taken again and again: spread of the results",
                                     "<set|<streams|runs|lowest GB/s|median|highest|spread %");
    for (unsigned ws = 0; ws < NSETS && !failed; ws++)
        for (size_t i = 0; i < NSHAPES; i++) {
            bench_summary sum;
            if (!bench_in_list(s->o->sets, bench_ws_name((bench_ws)ws)))
                continue;
            bench_summarize(s->limits[ws][i].rate, s->nrepeats, &sum);
            bench_cell(t, "%s", bench_ws_name((bench_ws)ws));
            bench_cell(t, "%s", shapes[i].name);
            bench_cell(t, "%zu", s->nrepeats);
            bench_cell(t, "%.2f", sum.min);
            bench_cell(t, "%.2f", sum.median);
            bench_cell(t, "%.2f", sum.max);
            bench_cell(t, "%.1f", 100 * (sum.max - sum.min) / sum.median);
        }
    bench_table_print(t, stdout);
    bench_table_free(t);
    return failed;
}

static void print_caches(const bench_caches *c)
{
    printf("L1d %zu KiB, L2 %zu KiB, L3 %zu MiB as reported; knee %zu MiB (%s)\n",
           c->l1d_nbytes >> 10, c->l2_nbytes >> 10, c->l3_reported_nbytes >> 20,
           c->knee_nbytes >> 20, c->knee_found ? "measured" : "no step found: assumed");
    printf("latency of dependent loads, MiB:ns ");
    for (size_t i = 0; i < c->npoints; i++)
        printf(" %zu:%.0f", c->point_nbytes[i] >> 20, c->point_ns[i]);
    printf("\n\n");
}

static int run(const roofline_options *o)
{
    static roofline_state s; /* too large for a stack */
    long rounds = bench_number("--rounds", o->rounds, 31, 6, MAX_ROUNDS);
    long repeat = bench_number("--repeat", o->repeat, 1, 1, MAX_REPEATS);
    long cpu = bench_number("--cpu", o->cpu, -2, 0, 4095);
    if (rounds < 0 || repeat < 0 || cpu == -1 || bench_check_list("--ws", o->sets, bench_ws_word))
        return 2;
    int pinned = bench_pin(cpu >= 0 ? (int)cpu : -1);
    if (pinned < 0) {
        fprintf(stderr, "bitx-bench roofline: cannot run on CPU %ld\n", cpu);
        return 2;
    }
    size_t limit = bench_memory_available() / 8, gib = (size_t)1 << 30;
    bench_disturb before;
    bench_disturb_read(&before);
    s.results.start = &before;
    s.o = o;
    s.nrounds = (size_t)rounds;
    s.nrepeats = (size_t)repeat;
    bench_caches_read(&s.caches);
    bench_caches_find_knee(&s.caches, limit < gib ? limit : gib);
    printf("CPU %d at %.2f GHz (probed)\n", pinned, bench_clock_ghz());
    print_caches(&s.caches);
    s.table = bench_table_new(
        "GB/s of traffic, reads and writes together, by thread CPU time: the limit is\n"
        "the fastest ever seen, the rest medians of what was sustained",
        "<set|<streams|KiB|limit|<loop|GB/s|interval|<best loop|<verdict");
    int failed = measure_limits(&s, 0);
    for (unsigned ws = 0; ws < BENCH_WS_COUNT && !failed; ws++)
        for (size_t i = 0; i < NSHAPES && !failed; i++)
            if (bench_in_list(o->sets, bench_ws_name((bench_ws)ws)))
                failed = measure_shape(&s, i, (bench_ws)ws);
    bench_table_print(s.table, stdout);
    if (!failed && s.nrepeats > 1)
        failed = measure_repeats(&s);
    bench_table_free(s.table);
    bench_disturb_print(&before, stdout);
    if (failed)
        fprintf(stderr, "bitx-bench roofline: out of memory\n");
    int status = failed ? 2 : bench_results_write(&s.results, &o->outputs);
    bench_results_free(&s.results);
    return status;
}

int bench_cmd_roofline(int argc, char **argv)
{
    roofline_options o;
    memset(&o, 0, sizeof(o));
    const bench_option options[] = {
        {"--ws", "LIST", "working sets: L1, L2, L3, DRAM (default: all)", &o.sets, NULL},
        {"--rounds", "N", "samples of each loop (default 31)", &o.rounds, NULL},
        {"--repeat", "N", "also the spread of the limits over N runs", &o.repeat, NULL},
        {"--cpu", "N", "CPU to run on (default: the current one)", &o.cpu, NULL},
        {"--small-pages", NULL, "4 KiB pages instead of huge ones", NULL, &o.small_pages},
        BENCH_OUTPUT_OPTIONS(o.outputs),
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench roofline [options]", options,
                             sizeof(options) / sizeof(options[0]));
    return status == 0 ? run(&o) : status == 1 ? 0 : 2;
}
