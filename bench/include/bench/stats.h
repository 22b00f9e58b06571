/*
 * bench/stats.h: robust statistics of timings. A timing is a minimum plus one-sided noise, so
 * everything here rests on order statistics; no mean, no normal distribution.
 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>

typedef struct bench_summary {
    size_t n;
    double median, mad, min, max;
    double low, high; /* interval of the median, at least 95% where n >= 6, else the range */
    size_t noutliers; /* further than 5 scaled MADs from the median; labelled, never dropped */
} bench_summary;

/* Linear-time enough for thousands of samples; x is not changed. n == 0 gives all zeros. */
void bench_summarize(const double *x, size_t n, bench_summary *out);

/*
 * The largest j such that [x(j), x(n-1-j)] of the sorted samples (from 0) covers the median with
 * probability >= 0.95, whatever the distribution: binomial tails of 0.025. n when there is none
 * (n < 6).
 */
size_t bench_order_index(size_t n);

/* Two-sided p of the sign test; ties are left out by the caller. */
double bench_sign_test(size_t nless, size_t ngreater);

/* out[i] = ln(num[i] / den[i]). */
void bench_log_ratios(const double *num, const double *den, size_t n, double *out);

/* What happened around the samples of one case. */
typedef struct bench_quality {
    size_t npreempted; /* samples with an involuntary context switch */
    size_t nfaulted;   /* samples with page faults that matter, however often taken again */
    size_t nretaken;   /* samples that were taken again for such faults */
    double ghz_before, ghz_after;
} bench_quality;

typedef enum bench_verdict {
    BENCH_STABLE,
    BENCH_NOISY,  /* right, but do not compare at a few percent */
    BENCH_INVALID /* not a measurement: page faults, or too few samples */
} bench_verdict;

/* Interval wider than 5% of the median, clock changed by 5%, or a quarter of the samples preempted
   or taken again: noisy. A page fault inside a sample, or fewer than 6 samples: invalid. */
bench_verdict bench_judge(const bench_summary *s, const bench_quality *q);
const char *bench_verdict_name(bench_verdict v);
/* The worse of two. */
bench_verdict bench_verdict_worse(bench_verdict a, bench_verdict b);

#endif
