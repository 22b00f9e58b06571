/* The list of results. */
#include "bench/results.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bench_result *bench_results_add(bench_results *r, const char *format, ...)
{
    if (r->n == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 64;
        bench_result *at = realloc(r->at, capacity * sizeof(*at));
        if (!at)
            abort();
        r->at = at;
        r->capacity = capacity;
    }
    bench_result *x = &r->at[r->n++];
    memset(x, 0, sizeof(*x));
    x->threads = 1;
    va_list args;
    va_start(args, format);
    vsnprintf(x->name, sizeof(x->name), format, args);
    va_end(args);
    return x;
}

void bench_counter(bench_result *r, const char *key, double value)
{
    if (r->ncounters == BENCH_COUNTERS_MAX)
        return;
    r->counters[r->ncounters].key = key;
    r->counters[r->ncounters++].value = value;
}

static void *grown(void *at, size_t n, size_t size)
{
    at = realloc(at, (n + 1) * size);
    if (!at)
        abort();
    return at;
}

void bench_results_add_bits(bench_results *r, const bench_bits *bits)
{
    r->bits = grown(r->bits, r->nbits, sizeof(*r->bits));
    r->bits[r->nbits++] = *bits;
}

void bench_results_add_absent(bench_results *r, const char *reason, const char *format, ...)
{
    r->absent = grown(r->absent, r->nabsent, sizeof(*r->absent));
    bench_absent *x = &r->absent[r->nabsent++];
    snprintf(x->reason, sizeof(x->reason), "%s", reason);
    va_list args;
    va_start(args, format);
    vsnprintf(x->name, sizeof(x->name), format, args);
    va_end(args);
}

const char *bench_result_label(const bench_result *r)
{
    return r->label ? r->label : bench_verdict_name(r->verdict);
}

void bench_results_free(bench_results *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->at[i].samples);
    free(r->at);
    free(r->bits);
    free(r->absent);
    memset(r, 0, sizeof(*r));
}
