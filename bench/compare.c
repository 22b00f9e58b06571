/* The plan of a comparison, its budget, and what is measured again. */
#include "bench/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/args.h"
#include "bench/clock.h"
#include "bench/compare_pair.h"
#include "bench/figures.h"

/*
 * A short loop may run at half the speed where it happens to lie, in every round of a pass; the
 * next pass has other copies of both libraries. Four passes that agree leave such luck 1 in 256.
 */
enum { LEAST_ROUNDS = 12, MOST_PASSES = 7, ALARM_PASSES = 4, LEAST_AGAIN = 4, SEED_STEP = 97 };
/* Of the budget; what is left is for measuring again. */
#define FIRST_PASS 0.75
#define SETUP_NS 5e7 /* of a case, about */

const char bench_compare_late[] = "out of time (--budget)";

static bench_compare_case *add(bench_compare *c, const char *format, const char *a, const char *b,
                               const char *what)
{
    bench_compare_case *k = &c->at[c->n];
    snprintf(k->name, sizeof(k->name), format, a, b, what);
    if (c->o->only && !strstr(k->name, c->o->only))
        return NULL;
    c->n++;
    return k;
}

/* The row of a wide ISA may run a narrower one's function for an operation: timed there. */
static int same_as_narrower(const bench_library *l, const char *op, bitx_isa isa)
{
    const char *cell = l->op_find ? l->op_cell(op, isa) : NULL;
    return cell && strcmp(cell, bitx_isa_name(isa)) != 0;
}

/* What only one side exports is no comparison; what a whole libbitx lacks is a hole, unless it is
   new. */
static void note_absent(const bench_compare *c, bench_compare_case *k, const bitx_op *op)
{
    const char *why_base, *why_head;
    bitx_fn in_base = bench_library_op(c->base, op, k->isa, &why_base);
    bitx_fn in_head = bench_library_op(c->head, op, k->isa, &why_head);
    if (in_base && in_head)
        return;
    const char *why = in_head ? why_base : why_head;
    const char *side = in_head ? "old" : "new";
    k->hole = strstr(why, "signature") != NULL || (!in_head && c->head->op_find);
    snprintf(k->reason, sizeof(k->reason), "%s library: %s", side, why);
    k->why = k->reason;
}

/* Beyond the caches all rows wait for the same memory, at ten times an L2 set's cost: there only
   the row that runs is compared, unless rows were asked for. */
static int is_wanted(const bench_compare *c, bitx_isa isa, bench_ws ws)
{
    if (!bitx_isa_usable(isa) || !bench_in_list(c->o->isas, bitx_isa_name(isa)))
        return 0;
    return ws != BENCH_WS_DRAM || c->o->isas || isa == bitx_isa_active();
}

static void plan_op(bench_compare *c, const bitx_op *op, bench_ws ws)
{
    for (unsigned isa = 0; isa < BITX_ISA_COUNT; isa++) {
        const char *name = bitx_isa_name((bitx_isa)isa), *why;
        if (!is_wanted(c, (bitx_isa)isa, ws))
            continue;
        if (same_as_narrower(c->base, op->name, (bitx_isa)isa) &&
            same_as_narrower(c->head, op->name, (bitx_isa)isa))
            continue;
        /* Libraries of a few functions are not blamed for all others. */
        if ((!c->base->op_find && !bench_library_op(c->base, op, (bitx_isa)isa, &why)) ||
            (!c->head->op_find && !bench_library_op(c->head, op, (bitx_isa)isa, &why)))
            continue;
        bench_compare_case *k = add(c, "kernel/%s/%s/%s", op->name, name, bench_ws_name(ws));
        if (!k)
            continue;
        k->op = op;
        k->isa = (bitx_isa)isa;
        k->ws = ws;
        note_absent(c, k, op);
    }
}

static const bitx_codec codecs[] = {BITX_CODEC_RAW,   BITX_CODEC_ZSTD,  BITX_CODEC_BITX,
                                    BITX_CODEC_FLOAT, BITX_CODEC_DELTA, BITX_CODEC_AUTO};
enum { NCODECS = sizeof(codecs) / sizeof(codecs[0]) };

const char *bench_compare_codec_word(size_t index)
{
    if (index >= NCODECS)
        return index == NCODECS ? "none" : NULL;
    return codecs[index] == BITX_CODEC_AUTO ? "auto" : bitx_codec_name(codecs[index]);
}

static void plan_codecs(bench_compare *c)
{
    if (!c->base->ctx_new || !c->head->ctx_new)
        return; /* a library of kernels alone */
    for (size_t f = 0; f < c->o->nfamilies; f++)
        for (size_t i = 0; i < NCODECS; i++)
            for (int decode = 0; decode < 2; decode++) {
                const char *name = bench_compare_codec_word(i);
                if (!bench_in_list(c->o->codecs, name) ||
                    (codecs[i] == BITX_CODEC_DELTA && c->o->families[f].paired_nbytes == 0))
                    continue;
                bench_compare_case *k = add(c, "codec/%s/%s/%s", name, c->o->families[f].label,
                                            decode ? "decode" : "encode");
                if (!k)
                    continue;
                k->codec = codecs[i];
                k->family = f;
                k->decode = decode;
            }
}

int bench_compare_plan(bench_compare *c)
{
    size_t nops = 0;
    while (bitx_op_at(nops))
        nops++;
    size_t most = nops * BITX_ISA_COUNT * BENCH_WS_COUNT + c->o->nfamilies * 16;
    c->at = calloc(most, sizeof(*c->at));
    c->n = 0;
    if (!c->at)
        return -1;
    plan_codecs(c);
    for (unsigned ws = 0; ws < BENCH_WS_COUNT; ws++)
        for (size_t i = 0; i < nops && bench_in_list(c->o->sets, bench_ws_name((bench_ws)ws)); i++)
            if (bench_in_list(c->o->ops, bitx_op_at(i)->name))
                plan_op(c, bitx_op_at(i), (bench_ws)ws);
    return 0;
}

/* As many rounds as this case's share of the time allows: precision is what a short budget costs.
   0: no time at all. */
static size_t rounds_for(const bench_case *cases, double allowance_ns)
{
    bench_sample s;
    bench_take(&cases[0], &s);
    double round_ns = 4 * s.wall_ns;
    double rounds = allowance_ns / round_ns;
    if (rounds >= BENCH_AB_ROUNDS)
        return BENCH_AB_ROUNDS;
    return rounds > LEAST_ROUNDS ? (size_t)rounds : LEAST_ROUNDS;
}

/* One pass. Both sides' samples are of as many repetitions. */
static void time_case(bench_compare_case *k, bench_pair *p, double allowance_ns, uint64_t *rng)
{
    bench_sample s[2];
    bench_calibrate(&p->cases[0], BENCH_BATCH_NS, 4 * BENCH_BATCH_NS);
    p->cases[1].reps = p->cases[0].reps;
    bench_take(&p->cases[1], &s[1]);
    size_t nrounds = rounds_for(p->cases, allowance_ns);
    if (bench_ab(&p->cases[0], &p->cases[1], nrounds, rng, &k->r) != 0) {
        k->why = "out of memory";
        k->hole = 1;
        return;
    }
    bench_take(&p->cases[0], &s[0]);
    bench_take(&p->cases[1], &s[1]);
    k->ns = s[1].cpu_ns / (double)p->cases[1].reps;
    k->least_rounds = k->npasses == 0 || nrounds < k->least_rounds ? nrounds : k->least_rounds;
    k->npasses++;
    k->votes[k->r.outcome]++;
}

/* An alarm stands when every pass, on other buffers, at other addresses and times, repeats it. */
static bench_ab_outcome decide(const bench_compare_case *k)
{
    unsigned slower = k->votes[BENCH_AB_SLOWER], faster = k->votes[BENCH_AB_FASTER];
    unsigned same = k->votes[BENCH_AB_SAME];
    if (slower >= ALARM_PASSES && faster + same == 0)
        return BENCH_AB_SLOWER;
    if (faster >= ALARM_PASSES && slower + same == 0)
        return BENCH_AB_FASTER;
    return same > slower + faster ? BENCH_AB_SAME : BENCH_AB_INCONCLUSIVE;
}

/* Why a check failed, and on which side. */
static void blame(bench_compare_case *k, const char *why, int is_head)
{
    k->hole = 1;
    k->wrong = is_head && strncmp(why, "WRONG", 5) == 0;
    snprintf(k->reason, sizeof(k->reason), "%s library: %s", is_head ? "new" : "old", why);
    k->why = k->reason;
}

static void measure(bench_compare *c, bench_compare_case *k, bench_pair *p, double allowance_ns,
                    uint64_t *rng)
{
    double start = bench_wall_ns();
    if (start > c->deadline_ns) {
        k->why = k->npasses ? NULL : bench_compare_late;
        k->hole = k->npasses == 0;
        return;
    }
    bench_pair_open(p, c, k);
    if (!p->why)
        time_case(k, p, allowance_ns, rng);
    const char *failed = bench_pair_close(p, k);
    if (p->why || failed)
        blame(k, p->why ? p->why : failed, p->is_head);
    k->outcome = decide(k);
    k->pass_ns = bench_wall_ns() - start;
}

static int is_open(const bench_compare_case *k)
{
    return !k->why && k->outcome == BENCH_AB_INCONCLUSIVE;
}

/* What the first pass found slower comes first, then what is quickly measured, then the most so. */
static int by_alarm(const void *a, const void *b)
{
    const bench_compare_case *x = *(bench_compare_case *const *)a;
    const bench_compare_case *y = *(bench_compare_case *const *)b;
    int xs = x->votes[BENCH_AB_SLOWER] > 0, ys = y->votes[BENCH_AB_SLOWER] > 0;
    if (xs != ys)
        return ys - xs;
    int xd = x->op && x->ws == BENCH_WS_DRAM, yd = y->op && y->ws == BENCH_WS_DRAM;
    if (xd != yd)
        return xd - yd;
    return (x->r.change < y->r.change) - (x->r.change > y->r.change);
}

/* The i-th case to be measured: those in caches first, from a place that the seed names, so that a
   short budget leaves out others on other days. */
static size_t nth(const bench_compare *c, size_t i)
{
    size_t near = 0;
    while (near < c->n && !(c->at[near].op && c->at[near].ws == BENCH_WS_DRAM))
        near++;
    return i < near ? (i + (size_t)(c->o->seed - 1) * SEED_STEP) % near : i;
}

static void first_pass(bench_compare *c, bench_pair *p, double deadline_ns, uint64_t *rng,
                       void (*progress)(const bench_compare *, size_t))
{
    size_t left = 0;
    for (size_t i = 0; i < c->n; i++)
        left += !c->at[i].why;
    for (size_t i = 0; i < c->n; i++) {
        bench_compare_case *k = &c->at[nth(c, i)];
        if (!k->why)
            measure(c, k, p, (deadline_ns - bench_wall_ns()) / (double)left-- - SETUP_NS, rng);
        progress(c, i + 1);
    }
}

/* The undecided ones, as many as there is time for: a few alarms confirmed are worth more than many
   that are not. */
static size_t choose_open(bench_compare *c, bench_compare_case **open)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (is_open(&c->at[i]))
            open[n++] = &c->at[i];
    qsort(open, n, sizeof(*open), by_alarm);
    double left_ns = c->deadline_ns - bench_wall_ns();
    size_t most = 0;
    for (; most < n && (most < LEAST_AGAIN || left_ns > 0); most++)
        left_ns -= (ALARM_PASSES - 1) * open[most]->pass_ns;
    return most;
}

/* Time for a run of the i-th of n in this pass: the passes that an alarm needs share what is left,
   and each makes two runs. */
static double again_ns(const bench_compare *c, int pass, size_t i, size_t n)
{
    size_t later = pass < ALARM_PASSES ? (size_t)(ALARM_PASSES - 1 - pass) : 0;
    return (c->deadline_ns - bench_wall_ns()) / (double)(n - i + later * n) / 2 - SETUP_NS;
}

void bench_compare_run(bench_compare *c, void (*progress)(const bench_compare *, size_t done))
{
    bench_pair p;
    uint64_t rng = c->o->seed;
    double start = bench_wall_ns(), budget_ns = 1e9 * c->o->budget_s;
    bench_compare_case **open = calloc(c->n + 1, sizeof(*open));
    memset(&p, 0, sizeof(p));
    c->deadline_ns = start + budget_ns;
    first_pass(c, &p, start + FIRST_PASS * budget_ns, &rng, progress);
    size_t n = open ? choose_open(c, open) : 0;
    for (int pass = 1; pass < MOST_PASSES && n > 0; pass++) {
        bench_pair_free(&p); /* other buffers, and other addresses of the code, new before old */
        (void)bench_library_again(pass % 2 ? c->head : c->base);
        (void)bench_library_again(pass % 2 ? c->base : c->head);
        for (size_t i = 0; i < n; i++)
            if (is_open(open[i]))
                measure(c, open[i], &p, again_ns(c, pass, i, n), &rng);
    }
    bench_pair_free(&p);
    free(open);
}

void bench_compare_check(bench_compare *c)
{
    bench_pair p;
    memset(&p, 0, sizeof(p));
    for (size_t i = 0; i < c->n; i++) {
        bench_compare_case *k = &c->at[i];
        if (k->why || (!k->op && k->decode)) /* one check is of both directions */
            continue;
        bench_pair_open(&p, c, k);
        const char *failed = bench_pair_close(&p, k);
        if (p.why || failed)
            blame(k, p.why ? p.why : failed, p.is_head);
    }
    bench_pair_free(&p);
}

void bench_compare_free(bench_compare *c)
{
    free(c->at);
    c->at = NULL;
    c->n = 0;
}

void bench_compare_count(const bench_compare *c, bench_compare_sum *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < c->n; i++) {
        const bench_compare_case *k = &c->at[i];
        if (k->why) {
            out->holes += k->hole != 0;
            out->absent += !k->hole;
            out->late += k->why == bench_compare_late;
            out->wrong += k->wrong != 0;
            continue;
        }
        int accepted = k->outcome == BENCH_AB_SLOWER && bench_part_of(c->o->accept, k->name);
        out->accepted += accepted != 0;
        out->count[k->outcome]++;
        out->hurried += k->least_rounds < BENCH_AB_ROUNDS;
    }
}
