/* bitx-bench cells: is what each row runs the fastest of the functions that it could run? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/args.h"
#include "bench/buffers.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/disturb.h"
#include "bench/kernel.h"
#include "bench/machine.h"
#include "bench/sample.h"
#include "bench/table.h"
#include "bench/words.h"

enum { MAX_COUNTS = 32, MAX_ROUNDS = 255 };

#define CELLS_BATCH_NS 40e3 /* many cells: short batches, and medians of ratios within a round */
#define CELLS_MARGIN 1.05
#define CELLS_COUNTS "64,66,100,128,200,256,500,1024,2000,4096,65536"

typedef struct cells_options {
    const char *ops, *isas, *counts, *rounds, *cpu;
} cells_options;

/* The rows of this CPU, narrowest first. */
typedef struct cells_row {
    const char *isa;
    bitx_fn fn;
    double speedup[MAX_COUNTS]; /* over scalar */
    char slower[160];           /* where a row below is faster by more than the margin */
} cells_row;

typedef struct cells_run {
    size_t counts[MAX_COUNTS], ncounts, nrounds, nrows, nslower;
    cells_row rows[BITX_ISA_COUNT];
    uint64_t rng;
    bench_table *table;
    int nwrong;
} cells_run;

static int read_counts(cells_run *r, const char *list)
{
    char *end;
    for (const char *p = list; *p; p = *end == ',' ? end + 1 : end) {
        unsigned long n = strtoul(p, &end, 10);
        if (end == p || (*end && *end != ',') || n < 1 || n > 1 << 24 || r->ncounts == MAX_COUNTS) {
            fprintf(stderr, "bitx-bench cells: --counts: not a list of element counts: %s\n", list);
            return -1;
        }
        r->counts[r->ncounts++] = n;
    }
    return r->ncounts ? 0 : -1;
}

static void find_rows(cells_run *r, const bitx_op *op)
{
    bitx_sig sig;
    r->nrows = 0;
    for (unsigned i = 0; i < BITX_ISA_COUNT; i++) {
        const char *isa = bitx_isa_name((bitx_isa)i);
        bitx_fn fn = bitx_op_find(op->name, isa, &sig);
        if (fn) {
            cells_row *row = &r->rows[r->nrows++];
            memset(row, 0, sizeof(*row));
            row->isa = isa;
            row->fn = fn;
        }
    }
}

/* Median over the rounds of the time of row a over that of row b. */
static double time_ratio(const cells_run *r, const bench_sample *samples, const bench_case *cases,
                         size_t a, size_t b)
{
    double ratio[MAX_ROUNDS];
    bench_summary s;
    for (size_t k = 0; k < r->nrounds; k++) {
        const bench_sample *of = &samples[k * r->nrows];
        ratio[k] = of[a].cpu_ns / (double)cases[a].reps / (of[b].cpu_ns / (double)cases[b].reps);
    }
    bench_summarize(ratio, r->nrounds, &s);
    return s.median;
}

static void note_slower(cells_run *r, cells_row *row, const char *below, size_t count, double ratio)
{
    size_t n = strlen(row->slower);
    if (n < sizeof(row->slower))
        snprintf(row->slower + n, sizeof(row->slower) - n, "%s%s at %zu (%.2f)", n ? ", " : "",
                 below, count, 1 / ratio);
    r->nslower++;
}

static void measure_count(cells_run *r, const bench_kernel_params *p, bench_set *set, size_t k)
{
    bench_kernel_loop loops[BITX_ISA_COUNT];
    bench_case cases[BITX_ISA_COUNT];
    bench_sample samples[MAX_ROUNDS * BITX_ISA_COUNT];
    const bench_driver *driver = bench_driver_for(p->op->sig);
    for (size_t i = 0; i < r->nrows; i++) {
        loops[i] = (bench_kernel_loop){p->op, driver, r->rows[i].fn, set, p->nelem, 0};
        cases[i] = (bench_case){bench_kernel_run, &loops[i], 1};
        bench_calibrate(&cases[i], CELLS_BATCH_NS, CELLS_BATCH_NS);
    }
    bench_rounds(cases, r->nrows, r->nrounds, &r->rng, samples);
    for (size_t i = 0; i < r->nrows; i++) {
        cells_row *row = &r->rows[i];
        row->speedup[k] = time_ratio(r, samples, cases, 0, i);
        for (size_t below = 0; below < i; below++) {
            double ratio = time_ratio(r, samples, cases, i, below);
            if (ratio > CELLS_MARGIN && r->rows[below].fn != row->fn)
                note_slower(r, row, r->rows[below].isa, r->counts[k], ratio);
        }
    }
}

static void add_rows(cells_run *r, const bitx_op *op, const cells_options *o)
{
    for (size_t i = 1; i < r->nrows; i++) {
        const cells_row *row = &r->rows[i];
        if (!bench_in_list(o->isas, row->isa))
            continue;
        bitx_isa isa = 0;
        while (strcmp(bitx_isa_name(isa), row->isa) != 0)
            isa++;
        bench_cell(r->table, "%s", op->name);
        bench_cell(r->table, "%s", row->isa);
        bench_cell(r->table, "%s", bitx_op_cell(op->name, isa));
        for (size_t k = 0; k < r->ncounts; k++)
            bench_cell(r->table, "%.2f", row->speedup[k]);
        bench_cell(r->table, "%s", *row->slower ? row->slower : "-");
    }
}

static void run_op(cells_run *r, const bitx_op *op, const cells_options *o)
{
    find_rows(r, op);
    for (size_t k = 0; k < r->ncounts; k++) {
        bench_set set;
        size_t nelem;
        bench_kernel_params p = {.op = op, .nelem = r->counts[k], .seed = 1};
        p.fn = p.reference = r->rows[0].fn;
        const char *failure = bench_kernel_setup(&p, &set, &nelem);
        for (size_t i = 1; i < r->nrows && !failure; i++) {
            p.fn = r->rows[i].fn;
            failure = bench_kernel_check(&p, &set, nelem);
        }
        if (failure) {
            fprintf(stderr, "bitx-bench cells: %s, %zu elements: %s\n", op->name, nelem, failure);
            r->nwrong++;
            return;
        }
        measure_count(r, &p, &set, k);
        bench_set_unmap(&set);
    }
    add_rows(r, op, o);
}

static bench_table *new_table(const cells_run *r)
{
    char heads[512] = "<op|<row|<runs";
    for (size_t k = 0; k < r->ncounts; k++) {
        size_t n = strlen(heads);
        snprintf(heads + n, sizeof(heads) - n, "|%zu", r->counts[k]);
    }
    strncat(heads, "|<faster below", sizeof(heads) - strlen(heads) - 1);
    return bench_table_new("", heads);
}

static int run(const cells_options *o)
{
    static cells_run r;
    bench_disturb before;
    long rounds = bench_number("--rounds", o->rounds, 15, 6, MAX_ROUNDS);
    long cpu = bench_number("--cpu", o->cpu, -1, 0, 4095);
    if (rounds < 0 || (cpu < 0 && o->cpu) || bench_check_list("--op", o->ops, bench_op_word) ||
        bench_check_list("--isa", o->isas, bench_isa_word) ||
        read_counts(&r, o->counts ? o->counts : CELLS_COUNTS) != 0)
        return 2;
    bench_disturb_read(&before);
    int pinned = bench_pin((int)cpu);
    if (pinned < 0) {
        fprintf(stderr, "bitx-bench cells: cannot run on CPU %ld\n", cpu);
        return 2;
    }
    r.nrounds = (size_t)rounds;
    r.rng = 1;
    r.table = new_table(&r);
    printf(
        "times as fast as scalar, by elements of a call; CPU %d at %.2f GHz (probed), caches warm\n"
        "runs: whose function the row's cell is; faster below: where a narrower row takes less\n"
        "than 1/%.2f of the time (its time over this row's)\n\n",
        pinned, bench_clock_ghz(), CELLS_MARGIN);
    for (size_t i = 0; bitx_op_at(i); i++)
        if (bench_in_list(o->ops, bitx_op_at(i)->name))
            run_op(&r, bitx_op_at(i), o);
    bench_table_print(r.table, stdout);
    bench_table_free(r.table);
    printf("\n%zu cells where a narrower row is faster\n", r.nslower);
    bench_disturb_print(&before, stdout);
    return r.nwrong ? 1 : 0;
}

int bench_cmd_cells(int argc, char **argv)
{
    cells_options o;
    memset(&o, 0, sizeof(o));
    const bench_option options[] = {
        {"--op", "LIST", "operations, comma-separated (default: all)", &o.ops, NULL},
        {"--isa", "LIST", "rows to show: avx2, avx512, neon (default: all)", &o.isas, NULL},
        {"--counts", "LIST", "elements of a call (default " CELLS_COUNTS ")", &o.counts, NULL},
        {"--rounds", "N", "samples of each function, by turns (default 15)", &o.rounds, NULL},
        {"--cpu", "N", "CPU to run on (default: the current one)", &o.cpu, NULL},
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench cells [options]", options,
                             sizeof(options) / sizeof(options[0]));
    return status == 0 ? run(&o) : status == 1 ? 0 : 2;
}
