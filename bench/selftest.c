/* The same kernel against itself, and against itself with a tenth of its work done twice. */
#include "bench/selftest.h"

#include <math.h>
#include <string.h>

/* The kernel, and after each call a part of it again. */
typedef struct planted_loop {
    bench_kernel_loop whole, part;
} planted_loop;

static void run_planted(void *arg, uint64_t reps)
{
    planted_loop *p = arg;
    for (uint64_t i = 0; i < reps; i++) {
        bench_kernel_run(&p->whole, 1);
        bench_kernel_run(&p->part, 1);
    }
}

static int trial(const bench_kernel_loop *loop, double slowdown, uint64_t *rng,
                 bench_ab_result *out)
{
    bench_kernel_loop a = *loop;
    planted_loop b = {*loop, *loop};
    b.part.nelem = (size_t)((double)loop->nelem * slowdown);
    bench_case cases[2] = {{bench_kernel_run, &a, 1}, {run_planted, &b, 1}};
    if (b.part.nelem == 0)
        cases[1] = (bench_case){bench_kernel_run, &b.whole, 1};
    bench_calibrate(&cases[0], BENCH_BATCH_NS, 2 * BENCH_BATCH_NS);
    cases[1].reps = cases[0].reps;
    return bench_ab(&cases[0], &cases[1], BENCH_AB_ROUNDS, rng, out);
}

int bench_selftest_run(const bench_kernel_loop *loop, double slowdown, size_t trials, uint64_t *rng,
                       bench_selftest_tally *out)
{
    memset(out, 0, sizeof(*out));
    for (out->trials = 0; out->trials < trials; out->trials++) {
        bench_ab_result r;
        if (trial(loop, slowdown, rng, &r) != 0)
            return -1;
        out->count[r.outcome]++;
        out->widest = fmax(out->widest, r.high - r.low);
        out->largest = fmax(out->largest, fabs(r.change - slowdown));
    }
    return 0;
}

int bench_selftest_fit(const bench_selftest_tally *same, const bench_selftest_tally *planted)
{
    return same->count[BENCH_AB_SLOWER] + same->count[BENCH_AB_FASTER] == 0 &&
           planted->count[BENCH_AB_SLOWER] == planted->trials;
}
