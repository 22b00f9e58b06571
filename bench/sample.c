/* Taking samples. */
#include "bench/sample.h"

#include <sys/resource.h>

#include "bench/clock.h"

/* A page fault costs about 1.7 us; below a thousandth of a sample they do not matter. */
static int faults_matter(const bench_sample *s)
{
    return 1700.0 * (s->minor_faults + 100.0 * s->major_faults) > 1e-3 * s->wall_ns;
}

static void take_once(const bench_case *c, bench_sample *out)
{
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    double wall = bench_wall_ns();
    double cpu = bench_cpu_ns();
    c->run(c->arg, c->reps);
    out->cpu_ns = bench_cpu_ns() - cpu;
    out->wall_ns = bench_wall_ns() - wall;
    getrusage(RUSAGE_THREAD, &after);
    out->preemptions = (uint32_t)(after.ru_nivcsw - before.ru_nivcsw);
    out->minor_faults = (uint32_t)(after.ru_minflt - before.ru_minflt);
    out->major_faults = (uint32_t)(after.ru_majflt - before.ru_majflt);
}

/* The kernel unmaps pages for its own ends now and then (to compact memory, to make huge pages);
   what faults again and again is the case's own doing, and stays. */
void bench_take(const bench_case *c, bench_sample *out)
{
    unsigned again = 0;
    take_once(c, out);
    for (; faults_matter(out) && again < BENCH_RETAKES; again++)
        take_once(c, out);
    out->retaken = again;
}

void bench_calibrate(bench_case *c, double batch_ns, double warmup_ns)
{
    bench_sample s;
    double start = bench_cpu_ns(), total_ns;
    c->reps = 1;
    bench_take(c, &s); /* cold: not used */
    do {
        bench_take(c, &s);
        total_ns = bench_cpu_ns() - start;
        if (s.cpu_ns < 0.9 * batch_ns) {
            double scale = batch_ns / (s.cpu_ns > 1e3 ? s.cpu_ns : 1e3);
            uint64_t reps = (uint64_t)((double)c->reps * (scale < 16 ? scale : 16)) + 1;
            c->reps = reps;
        }
    } while (total_ns < warmup_ns || s.cpu_ns < 0.9 * batch_ns);
}

uint64_t bench_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

void bench_shuffle(size_t *order, size_t n, uint64_t *rng)
{
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)(bench_random(rng) % (i + 1));
        order[i] = order[j];
        order[j] = i;
    }
}

void bench_rounds(const bench_case *cases, size_t ncases, size_t nrounds, uint64_t *rng,
                  bench_sample *samples)
{
    size_t order[BENCH_CASES_MAX];
    if (ncases > BENCH_CASES_MAX)
        ncases = BENCH_CASES_MAX;
    for (size_t r = 0; r < nrounds; r++) {
        bench_shuffle(order, ncases, rng);
        for (size_t i = 0; i < ncases; i++)
            bench_take(&cases[order[i]], &samples[r * ncases + order[i]]);
    }
}

void bench_column(const bench_sample *samples, size_t ncases, size_t index, size_t nrounds,
                  uint64_t reps, double *ns, bench_quality *q)
{
    q->npreempted = q->nfaulted = q->nretaken = 0;
    for (size_t r = 0; r < nrounds; r++) {
        const bench_sample *s = &samples[r * ncases + index];
        ns[r] = s->cpu_ns / (double)reps;
        q->npreempted += s->preemptions != 0;
        q->nfaulted += faults_matter(s);
        q->nretaken += s->retaken != 0;
    }
}
