/* Order statistics and the verdict. */
#include "bench/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double sorted_median(const double *x, size_t n)
{
    return n % 2 ? x[n / 2] : 0.5 * (x[n / 2 - 1] + x[n / 2]);
}

/* P(Binomial(n, 1/2) <= k) */
static double binomial_half_cdf(size_t n, size_t k)
{
    double sum = 0;
    for (size_t i = 0; i <= k; i++)
        sum += exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) -
                   (double)n * log(2.0));
    return sum < 1 ? sum : 1;
}

size_t bench_order_index(size_t n)
{
    if (n < 6)
        return n;
    size_t j = 0;
    while (j + 1 < n / 2 && binomial_half_cdf(n, j + 1) <= 0.025)
        j++;
    return j;
}

double bench_sign_test(size_t nless, size_t ngreater)
{
    size_t n = nless + ngreater;
    size_t smaller = nless < ngreater ? nless : ngreater;
    if (n == 0)
        return 1;
    double p = 2 * binomial_half_cdf(n, smaller);
    return p < 1 ? p : 1;
}

void bench_log_ratios(const double *num, const double *den, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = log(num[i] / den[i]);
}

static void summarize_sorted(const double *x, double *scratch, bench_summary *out)
{
    size_t n = out->n;
    out->median = sorted_median(x, n);
    out->min = x[0];
    out->max = x[n - 1];
    size_t j = bench_order_index(n);
    out->low = j < n ? x[j] : x[0];
    out->high = j < n ? x[n - 1 - j] : x[n - 1];
    for (size_t i = 0; i < n; i++)
        scratch[i] = fabs(x[i] - out->median);
    qsort(scratch, n, sizeof(*scratch), compare_double);
    out->mad = sorted_median(scratch, n);
    /* 1.4826 makes the MAD of a normal distribution its standard deviation. */
    double limit = 5 * 1.4826 * out->mad;
    for (size_t i = n; i-- > 0 && scratch[i] > limit;)
        out->noutliers++;
}

void bench_summarize(const double *x, size_t n, bench_summary *out)
{
    memset(out, 0, sizeof(*out));
    double *sorted = n ? calloc(2 * n, sizeof(*sorted)) : NULL;
    if (!sorted)
        return;
    memcpy(sorted, x, n * sizeof(*x));
    qsort(sorted, n, sizeof(*sorted), compare_double);
    out->n = n;
    summarize_sorted(sorted, sorted + n, out);
    free(sorted);
}

bench_verdict bench_judge(const bench_summary *s, const bench_quality *q)
{
    if (s->n < 6 || q->nfaulted > 0 || !(s->median > 0))
        return BENCH_INVALID;
    if ((s->high - s->low) > 0.05 * s->median)
        return BENCH_NOISY;
    if (4 * q->npreempted > s->n || 4 * q->nretaken > s->n)
        return BENCH_NOISY;
    if (fabs(q->ghz_after - q->ghz_before) > 0.05 * q->ghz_before)
        return BENCH_NOISY;
    return BENCH_STABLE;
}

const char *bench_verdict_name(bench_verdict v)
{
    static const char *const names[] = {"stable", "noisy", "invalid"};
    return (unsigned)v < 3 ? names[v] : "?";
}

bench_verdict bench_verdict_worse(bench_verdict a, bench_verdict b)
{
    return a > b ? a : b;
}
