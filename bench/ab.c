/* A against B. */
#include "bench/ab.h"

#include <math.h>
#include <stdlib.h>

const char *bench_ab_name(bench_ab_outcome outcome)
{
    static const char *const names[BENCH_AB_COUNT] = {"same", "slower", "faster", "inconclusive"};
    return (unsigned)outcome < BENCH_AB_COUNT ? names[outcome] : "?";
}

bench_ab_outcome bench_ab_judge(const double *log_ratios, size_t n, bench_ab_result *out)
{
    bench_summary s;
    bench_summarize(log_ratios, n, &s);
    out->change = expm1(s.median);
    out->low = expm1(s.low);
    out->high = expm1(s.high);
    if (s.n < 6)
        out->outcome = BENCH_AB_INCONCLUSIVE;
    else if (s.low > log(1.03) && s.median > log(1.05))
        out->outcome = BENCH_AB_SLOWER;
    else if (s.high < -log(1.03) && s.median < -log(1.05))
        out->outcome = BENCH_AB_FASTER;
    else if (out->high - out->low > 0.08) /* too wide to call it the same */
        out->outcome = BENCH_AB_INCONCLUSIVE;
    else
        out->outcome = BENCH_AB_SAME;
    return out->outcome;
}

/* ABBA or BAAB: whatever drifts linearly over the four samples cancels. */
static double round_log_ratio(const bench_case *a, const bench_case *b, uint64_t *rng)
{
    int a_outside = (int)(bench_random(rng) >> 63);
    const bench_case *outer = a_outside ? a : b, *inner = a_outside ? b : a;
    bench_sample s[4];
    bench_take(outer, &s[0]);
    bench_take(inner, &s[1]);
    bench_take(inner, &s[2]);
    bench_take(outer, &s[3]);
    double outer_ns = (s[0].cpu_ns + s[3].cpu_ns) / (double)outer->reps;
    double inner_ns = (s[1].cpu_ns + s[2].cpu_ns) / (double)inner->reps;
    return a_outside ? log(inner_ns / outer_ns) : log(outer_ns / inner_ns);
}

/* Two runs in three must agree on an alarm; an inconclusive run is made again. */
int bench_ab(const bench_case *a, const bench_case *b, size_t nrounds, uint64_t *rng,
             bench_ab_result *out)
{
    double *ratios = calloc(nrounds, sizeof(*ratios));
    size_t votes[BENCH_AB_COUNT] = {0};
    if (!ratios)
        return -1;
    out->nrounds = nrounds;
    out->nruns = 0;
    do {
        for (size_t i = 0; i < nrounds; i++)
            ratios[i] = round_log_ratio(a, b, rng);
        votes[bench_ab_judge(ratios, nrounds, out)]++;
        out->nruns++;
    } while (out->outcome != BENCH_AB_SAME && votes[out->outcome] < 2 && out->nruns < 3);
    /* An alarm that was not repeated is none. */
    if (out->outcome != BENCH_AB_SAME && votes[out->outcome] < 2)
        out->outcome = BENCH_AB_INCONCLUSIVE;
    free(ratios);
    return 0;
}
