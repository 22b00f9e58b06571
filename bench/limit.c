/* The fastest that a set was ever walked. */
#include "bench/limit.h"

#include <string.h>

#include "bench/clock.h"

#define SHORT_NS 1e5  /* shorter than the pauses of a neighbour on the core */
#define HOPELESS 1.15 /* times the best: not tried again */

void bench_limit_init(bench_limit *l, bench_set *set)
{
    memset(l, 0, sizeof(*l));
    l->set = set;
    for (unsigned i = 0; i < bench_roofline_nloops() && l->nloops < BENCH_LIMIT_LOOPS; i++) {
        bench_roofline *r = &l->loops[l->nloops];
        if (!bench_roofline_name(i) || bench_roofline_init(r, i, set) != 0)
            continue;
        l->cases[l->nloops] = (bench_case){bench_roofline_run, r, 1};
        bench_calibrate(&l->cases[l->nloops++], SHORT_NS, 10 * SHORT_NS);
    }
}

static void keep(double *fastest, double ns)
{
    unsigned at = BENCH_LIMIT_KEPT;
    while (at > 0 && (fastest[at - 1] == 0 || ns < fastest[at - 1]))
        at--;
    if (at == BENCH_LIMIT_KEPT)
        return;
    memmove(fastest + at + 1, fastest + at, (BENCH_LIMIT_KEPT - 1 - at) * sizeof(*fastest));
    fastest[at] = ns;
}

/* The third fastest: two samples that were lucky (a clock that stepped) are left out. */
static double loop_ns(const bench_limit *l, unsigned i)
{
    return l->fastest_ns[i][BENCH_LIMIT_KEPT - 1];
}

double bench_limit_ns(const bench_limit *l, const char **name)
{
    double best = 0;
    *name = "none";
    for (unsigned i = 0; i < l->nloops; i++) {
        double ns = loop_ns(l, i);
        if (ns <= 0 || (best > 0 && ns >= best))
            continue;
        best = ns;
        *name = bench_roofline_name(l->loops[i].loop);
    }
    return best;
}

double bench_limit_second_ns(const bench_limit *l, size_t n, const char **name)
{
    double first = 0, second = 0;
    *name = "none";
    for (size_t i = 0; i < n; i++) {
        const char *loop;
        double ns = bench_limit_ns(&l[i], &loop);
        double worse = first > ns ? first : ns; /* of this one and the best so far */
        if (first > 0 && (second == 0 || worse < second)) {
            second = worse;
            *name = loop;
        }
        first = first == 0 || ns < first ? ns : first;
    }
    return second;
}

void bench_limit_slot(bench_limit *l, double slot_ns)
{
    const char *name;
    double start = bench_wall_ns(), limit = HOPELESS * bench_limit_ns(l, &name);
    do {
        for (unsigned i = 0; i < l->nloops; i++) {
            if (limit > 0 && (loop_ns(l, i) > limit || loop_ns(l, i) <= 0))
                continue;
            double before = bench_cpu_ns();
            l->cases[i].run(l->cases[i].arg, l->cases[i].reps);
            keep(l->fastest_ns[i], (bench_cpu_ns() - before) / (double)l->cases[i].reps);
        }
    } while (bench_wall_ns() - start < slot_ns);
}
