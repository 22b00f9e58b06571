/* The statistics that every number of bitx-bench rests on. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/ab.h"
#include "bench/buffers.h"
#include "bench/sample.h"
#include "bench/stats.h"

static int near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

Test(stats, median_odd_even_and_unsorted)
{
    const double odd[] = {9, 1, 5};
    const double even[] = {4, 1, 3, 2};
    bench_summary s;
    bench_summarize(odd, 3, &s);
    cr_assert(near(s.median, 5) && near(s.min, 1) && near(s.max, 9));
    bench_summarize(even, 4, &s);
    cr_assert(near(s.median, 2.5));
    bench_summarize(even, 0, &s);
    cr_assert(s.n == 0 && near(s.median, 0));
    cr_assert(near(odd[0], 9), "the input must not be sorted in place");
}

Test(stats, mad_and_outliers)
{
    const double x[] = {10, 11, 9, 10, 12, 8, 10, 500};
    bench_summary s;
    bench_summarize(x, 8, &s);
    cr_assert(near(s.median, 10));
    cr_assert(near(s.mad, 1)); /* deviations 0 0 0 1 1 2 2 490 */
    cr_assert_eq(s.noutliers, 1);
    cr_assert(near(s.max, 500), "outliers are labelled, never dropped");
}

/* Conover, Practical Nonparametric Statistics, table A3: ranks of the 95% interval of a median. */
Test(stats, order_interval_matches_binomial_tables)
{
    cr_assert_eq(bench_order_index(5), 5, "five samples cannot give 95%%");
    cr_assert_eq(bench_order_index(6), 0);
    cr_assert_eq(bench_order_index(8), 0);
    cr_assert_eq(bench_order_index(9), 1);
    cr_assert_eq(bench_order_index(20), 5);
    cr_assert_eq(bench_order_index(31), 9);
    cr_assert_eq(bench_order_index(52), 18);
    cr_assert_eq(bench_order_index(100), 39);
}

/* Draws from a skewed distribution whose median is known: coverage must be at least about 95%. */
Test(stats, interval_covers_the_median)
{
    enum { TRIALS = 4000, N = 31 };
    uint64_t rng = 12345;
    int covered = 0;
    for (int t = 0; t < TRIALS; t++) {
        double x[N];
        for (int i = 0; i < N; i++)
            x[i] = -log((double)(bench_random(&rng) >> 11) / 9007199254740992.0 + 1e-18);
        bench_summary s;
        bench_summarize(x, N, &s);
        covered += s.low <= log(2.0) && log(2.0) <= s.high;
    }
    cr_assert(covered > 0.94 * TRIALS && covered < 0.99 * TRIALS, "%d of %d", covered, TRIALS);
}

Test(stats, sign_test)
{
    cr_assert(near(bench_sign_test(0, 0), 1));
    cr_assert(near(bench_sign_test(5, 5), 1));
    cr_assert(near(bench_sign_test(0, 6), 2.0 / 64));
    cr_assert(near(bench_sign_test(6, 0), 2.0 / 64));
    cr_assert(near(bench_sign_test(1, 7), 2 * 9.0 / 256));
}

Test(stats, log_ratios)
{
    const double a[] = {2, 1}, b[] = {1, 4};
    double r[2];
    bench_log_ratios(a, b, 2, r);
    cr_assert(near(r[0], log(2.0)) && near(r[1], -log(4.0)));
}

static bench_verdict judge(double low, double high, size_t n, bench_quality q)
{
    bench_summary s;
    memset(&s, 0, sizeof(s));
    s.n = n;
    s.median = 100;
    s.low = low;
    s.high = high;
    return bench_judge(&s, &q);
}

Test(stats, verdicts)
{
    const bench_quality calm = {0, 0, 0, 3.0, 3.0};
    const bench_quality preempted = {8, 0, 0, 3.0, 3.0};
    const bench_quality faulted = {0, 1, 1, 3.0, 3.0};
    const bench_quality retaken = {0, 0, 8, 3.0, 3.0};
    const bench_quality throttled = {0, 0, 0, 3.0, 2.8};
    cr_assert_eq(judge(98, 102, 31, calm), BENCH_STABLE);
    cr_assert_eq(judge(96, 102, 31, calm), BENCH_NOISY);
    cr_assert_eq(judge(98, 102, 31, preempted), BENCH_NOISY);
    cr_assert_eq(judge(98, 102, 31, retaken), BENCH_NOISY);
    cr_assert_eq(judge(98, 102, 31, throttled), BENCH_NOISY);
    cr_assert_eq(judge(98, 102, 31, faulted), BENCH_INVALID);
    cr_assert_eq(judge(98, 102, 5, calm), BENCH_INVALID);
    cr_assert_eq(bench_verdict_worse(BENCH_NOISY, BENCH_STABLE), BENCH_NOISY);
    cr_assert_str_eq(bench_verdict_name(BENCH_INVALID), "invalid");
}

Test(buffers, streams_do_not_overlap_nor_share_a_page_phase)
{
    const size_t nbytes[] = {8192, 1, 4096, 100000, 0};
    size_t offsets[5];
    size_t total = bench_layout(nbytes, 5, offsets);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(offsets[i] % 64, 0);
        cr_assert(offsets[i] + nbytes[i] + 192 <= (i + 1 < 5 ? offsets[i + 1] : total));
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(offsets[i] % 4096, offsets[j] % 4096);
    }
}

typedef struct counted {
    uint64_t calls;
    volatile uint64_t sink;
} counted;

static void spin(void *arg, uint64_t reps)
{
    counted *c = arg;
    for (uint64_t i = 0; i < reps * 1000; i++)
        c->sink += i;
    c->calls++;
}

Test(sample, rounds_take_every_case_once)
{
    enum { ROUNDS = 20 };
    counted count[3];
    memset(count, 0, sizeof(count));
    bench_case cases[3] = {{spin, &count[0], 1}, {spin, &count[1], 2}, {spin, &count[2], 3}};
    bench_sample samples[3 * ROUNDS];
    uint64_t rng = 7;
    bench_rounds(cases, 3, ROUNDS, &rng, samples);
    for (int i = 0; i < 3; i++)
        for (int r = 0; r < ROUNDS; r++)
            count[i].calls -= samples[3 * r + i].retaken;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(count[i].calls, ROUNDS);
    for (int i = 0; i < 3 * ROUNDS; i++)
        cr_assert(samples[i].cpu_ns > 0 && samples[i].wall_ns > 0);
}

static void touch_pages(void *arg, uint64_t reps)
{
    bench_arena *a = arg;
    for (uint64_t i = 0; i < reps; i++)
        ((volatile uint8_t *)a->base)[i * 4096] = 1;
}

static void touch_fresh_pages(void *arg, uint64_t reps)
{
    madvise(((bench_arena *)arg)->base, reps * 4096, MADV_DONTNEED);
    touch_pages(arg, reps);
}

Test(sample, page_faults_are_seen)
{
    enum { PAGES = 16 };
    bench_arena a;
    cr_assert_eq(bench_arena_map(&a, 1 << 20, BENCH_PAGES_SMALL), 0);
    bench_case fresh = {touch_fresh_pages, &a, PAGES}, old = {touch_pages, &a, PAGES};
    bench_sample s[2];
    bench_quality q;
    double ns[2];
    bench_take(&fresh, &s[0]);
    bench_take(&old, &s[1]);
    cr_assert_geq(s[0].minor_faults, PAGES);
    cr_assert_eq(s[1].minor_faults, 0, "the second time all pages are there");
    bench_column(s, 1, 0, 2, PAGES, ns, &q);
    cr_assert_eq(q.nfaulted, 1);
    bench_arena_unmap(&a);
    cr_assert_null(a.base);
}

static bench_ab_outcome judge_ratios(double change, double spread, size_t n)
{
    double log_ratios[64];
    bench_ab_result r;
    for (size_t i = 0; i < n; i++)
        log_ratios[i] = log(1 + change) + spread * ((double)i - (double)(n - 1) / 2) / (double)n;
    return bench_ab_judge(log_ratios, n, &r);
}

/* BENCH_AB_ROUNDS evenly spread ratios: the interval spans 16 of 52 of them. */
Test(ab, verdicts)
{
    cr_assert_eq(judge_ratios(0, 0.1, 52), BENCH_AB_SAME);
    cr_assert_eq(judge_ratios(0.04, 0.01, 52), BENCH_AB_SAME, "above 3%% but not above 5%%");
    cr_assert_eq(judge_ratios(0.06, 0.01, 52), BENCH_AB_SLOWER);
    cr_assert_eq(judge_ratios(0.06, 0.20, 52), BENCH_AB_SAME, "the interval reaches below 3%%");
    cr_assert_eq(judge_ratios(-0.06, 0.01, 52), BENCH_AB_FASTER);
    cr_assert_eq(judge_ratios(0.02, 0.4, 52), BENCH_AB_INCONCLUSIVE);
    cr_assert_eq(judge_ratios(0.5, 0.4, 52), BENCH_AB_SLOWER, "wide, but all of it above");
    cr_assert_eq(judge_ratios(0.5, 0.01, 5), BENCH_AB_INCONCLUSIVE, "too few rounds");
}

Test(ab, rounds_are_balanced)
{
    counted a = {0, 0}, b = {0, 0};
    bench_case cases[2] = {{spin, &a, 300}, {spin, &b, 300}};
    bench_ab_result r;
    uint64_t rng = 3;
    cr_assert_eq(bench_ab(&cases[0], &cases[1], 12, &rng, &r), 0);
    /* each round takes both cases twice; a page that faults first adds a call or two */
    uint64_t least = 24 * r.nruns, most = least + 2 * BENCH_RETAKES;
    cr_assert(a.calls >= least && a.calls <= most && b.calls >= least && b.calls <= most);
}

/* A page given back and touched again in each run, or in the first only. */
typedef struct faulting {
    uint8_t *page;
    int times;
} faulting;

static void touch(void *arg, uint64_t reps)
{
    faulting *f = arg;
    (void)reps;
    if (f->times-- > 0)
        madvise(f->page, 4096, MADV_DONTNEED);
    *(volatile uint8_t *)f->page = 1;
}

Test(sample, faults_that_do_not_come_again_are_taken_again)
{
    bench_sample s;
    faulting f = {mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 0};
    bench_case c = {touch, &f, 1};
    cr_assert(f.page != MAP_FAILED);
    touch(&f, 1);
    f.times = 1;
    bench_take(&c, &s);
    cr_expect(s.retaken >= 1 && s.minor_faults == 0);
    f.times = 100;
    bench_take(&c, &s);
    cr_expect(s.retaken == BENCH_RETAKES && s.minor_faults >= 1);
    munmap(f.page, 4096);
}
