/* Measures one kernel against its roofline. */
#include "bench/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/roofline.h"
#include "bench/sample.h"

enum {
    DRAM_SLICE_NBYTES = 96 << 20, /* of traffic: calls as long as a tensor's, for kernels look */
    QUANTUM_NELEM = 2048,         /* a bit plane of so many elements is four cache lines */
    MAX_ROUNDS = 4096
};

void bench_kernel_run(void *arg, uint64_t reps)
{
    bench_kernel_loop *k = arg;
    bench_call c;
    if (k->set->nslices == 1)
        bench_driver_bind(k->op, k->set, 0, k->nelem, &c);
    for (uint64_t i = 0; i < reps; i++) {
        if (k->set->nslices > 1)
            bench_driver_bind(k->op, k->set, bench_set_next(k->set), k->nelem, &c);
        k->sum += k->driver->call(k->fn, &c);
    }
}

static const bench_driver *driver_of(const bench_kernel_params *p)
{
    return p->driver ? p->driver : bench_driver_for(p->op->sig);
}

/* The largest element count whose streams fit, cut in slices where that is more than a batch. */
static int shape_set(const bench_kernel_params *p, const bench_driver *d, bench_set *set,
                     size_t *nelem)
{
    set->nslices = 1;
    if (p->nelem) {
        *nelem = p->nelem;
        return bench_driver_shape(d, p->op, *nelem, set);
    }
    if (bench_driver_shape(d, p->op, QUANTUM_NELEM, set) != 0)
        return -1;
    size_t traffic = bench_set_traffic(set);
    /* An L1 set of a many-stream kernel may be less than a quantum; it is not made smaller. */
    size_t quanta = p->set_nbytes / traffic ? p->set_nbytes / traffic : 1;
    size_t slice_quanta = quanta;
    if (p->set_nbytes > 4 * (size_t)DRAM_SLICE_NBYTES) {
        slice_quanta = DRAM_SLICE_NBYTES / traffic ? DRAM_SLICE_NBYTES / traffic : 1;
        set->nslices = quanta / slice_quanta;
    }
    *nelem = slice_quanta * QUANTUM_NELEM;
    return bench_driver_shape(d, p->op, *nelem, set);
}

/* Later slices repeat the first: random numbers for gigabytes would take minutes. */
static void fill_set(const bench_kernel_params *p, const bench_driver *d, bench_set *set,
                     size_t nelem)
{
    bench_call c;
    bench_driver_bind(p->op, set, 0, nelem, &c);
    (d->fill ? d->fill : bench_fill_bf16)(&c, set->nread, set->nbytes, p->seed);
    for (size_t slice = 1; slice < set->nslices; slice++)
        for (unsigned s = 0; s < set->nread; s++)
            memcpy(bench_set_at(set, s, slice), bench_set_at(set, s, 0), bench_set_stride(set, s));
}

/* Destinations for the reference, zeroed like the kernel's own; NULL when out of memory. */
static uint8_t *shadow_outputs(const bench_set *set, const bench_call *got, bench_call *want)
{
    size_t total = 256;
    for (unsigned i = 0; i < set->nwrite; i++)
        total += bench_set_stride(set, set->nread + i) + 256;
    uint8_t *shadow = calloc(1, total), *next = shadow;
    *want = *got;
    for (unsigned i = 0; i < set->nwrite && shadow; i++) {
        size_t room = bench_set_stride(set, set->nread + i);
        want->w[i] = next;
        next += room + 256;
        memset(got->w[i], 0, room);
    }
    return shadow;
}

/* Whether fn and the reference give the same bytes and value on a slice. */
static const char *check_slice(const bench_kernel_params *p, const bench_driver *d, bench_set *set,
                               size_t nelem, size_t slice)
{
    bench_call got, want;
    bench_driver_bind(p->op, set, slice, nelem, &got);
    uint8_t *shadow = shadow_outputs(set, &got, &want);
    if (!shadow)
        return "out of memory";
    uint64_t value = d->call(p->reference, &want);
    const char *failure = NULL;
    if (d->call(p->fn, &got) != value)
        failure = "WRONG: value differs from scalar";
    for (unsigned i = 0; i < set->nwrite && !failure; i++) {
        size_t *nbytes = &set->nbytes[set->nread + i];
        size_t written = d->written ? d->written(&want, i, value) : *nbytes;
        if (memcmp(got.w[i], want.w[i], written) != 0)
            failure = "WRONG: output differs from scalar";
        /* What the data made of an R stream is its traffic from now on; counters stay none. */
        if (*nbytes)
            *nbytes = written;
    }
    free(shadow);
    return failure;
}

/* Rounds of the kernel (case 0) and of the roofline's candidates, and room to work on them. */
typedef struct kernel_rounds {
    size_t ncases, nrounds;
    bench_case cases[1 + BENCH_ROOFLINE_CANDIDATES];
    bench_roofline roofs[BENCH_ROOFLINE_CANDIDATES];
    bench_sample *samples;
    double *ns[3]; /* columns of nrounds */
} kernel_rounds;

/* The candidate with the lowest median: its column in ns[1], its index returned. */
static size_t best_roofline(kernel_rounds *k, bench_summary *best, bench_quality *quality)
{
    size_t index = 0;
    for (size_t i = 1; i < k->ncases; i++) {
        bench_quality q;
        bench_summary s;
        bench_column(k->samples, k->ncases, i, k->nrounds, k->cases[i].reps, k->ns[2], &q);
        bench_summarize(k->ns[2], k->nrounds, &s);
        if (index && s.median >= best->median)
            continue;
        *best = s;
        *quality = q;
        memcpy(k->ns[1], k->ns[2], k->nrounds * sizeof(double));
        index = i;
    }
    return index - 1;
}

static void summarize(kernel_rounds *k, bench_kernel_result *out)
{
    size_t n = k->nrounds;
    bench_summary roof, wall;
    bench_quality quality = {0, 0, 0, 0, 0};
    double *ratio = k->ns[2];
    size_t best = best_roofline(k, &roof, &quality);
    quality.ghz_before = out->quality.ghz_before;
    quality.ghz_after = out->quality.ghz_after;
    bench_column(k->samples, k->ncases, 0, n, k->cases[0].reps, k->ns[0], &out->quality);
    bench_summarize(k->ns[0], n, &out->ns);
    for (size_t i = 0; i < n; i++)
        ratio[i] = k->ns[1][i] / k->ns[0][i];
    bench_summarize(ratio, n, &out->share);
    for (size_t i = 0; i < n; i++)
        ratio[i] = k->samples[k->ncases * i].wall_ns / (double)k->cases[0].reps;
    bench_summarize(ratio, n, &wall);
    out->wall_ns = wall.median;
    out->roofline_ns = roof.median;
    out->roofline_loop = bench_roofline_name(k->roofs[best].loop);
    out->verdict =
        bench_verdict_worse(bench_judge(&out->ns, &out->quality), bench_judge(&roof, &quality));
}

static int rounds_new(kernel_rounds *k, size_t ncases, size_t nrounds)
{
    memset(k, 0, sizeof(*k));
    k->ncases = ncases;
    k->nrounds = nrounds;
    k->samples = malloc(ncases * nrounds * sizeof(*k->samples));
    double *columns = malloc(3 * nrounds * sizeof(*columns));
    for (size_t i = 0; i < 3 && columns; i++)
        k->ns[i] = columns + i * nrounds;
    if (!k->samples || !columns) {
        free(k->samples);
        free(columns);
        return -1;
    }
    /* Touched now, or the first rounds would fault on them. */
    memset(k->samples, 1, ncases * nrounds * sizeof(*k->samples));
    memset(columns, 1, 3 * nrounds * sizeof(*columns));
    return 0;
}

static void measure_set(const bench_kernel_params *p, const bench_driver *d, bench_set *set,
                        size_t nelem, bench_kernel_result *out)
{
    bench_kernel_loop loop = {p->op, d, p->fn, set, nelem, 0};
    bench_roofline_choice own, *choice = p->choice ? p->choice : &own;
    kernel_rounds k;
    uint64_t rng = p->seed;
    memset(&own, 0, sizeof(own));
    bench_roofline_choose(set, choice);
    if (rounds_new(&k, 1 + choice->nloops, p->nrounds) != 0) {
        out->failure = "out of memory";
        return;
    }
    for (unsigned i = 0; i < choice->nloops; i++) {
        (void)bench_roofline_init(&k.roofs[i], choice->loop[i], set); /* it fitted when chosen */
        k.cases[1 + i] = (bench_case){bench_roofline_run, &k.roofs[i], 1};
        bench_calibrate(&k.cases[1 + i], BENCH_BATCH_NS, BENCH_BATCH_NS);
    }
    k.cases[0] = (bench_case){bench_kernel_run, &loop, 1};
    bench_calibrate(&k.cases[0], BENCH_BATCH_NS, BENCH_WARMUP_NS);
    out->quality.ghz_before = bench_clock_ghz();
    bench_rounds(k.cases, k.ncases, k.nrounds, &rng, k.samples);
    out->quality.ghz_after = bench_clock_ghz();
    summarize(&k, out);
    out->reps = k.cases[0].reps;
    out->ghz = 0.5 * (out->quality.ghz_before + out->quality.ghz_after);
    out->cycles_per_element = out->ns.median * out->ghz / (double)nelem;
    out->samples = k.ns[0]; /* all columns are one allocation, the kernel's first */
    free(k.samples);
}

const char *bench_kernel_check(const bench_kernel_params *p, bench_set *set, size_t nelem)
{
    const bench_driver *d = driver_of(p);
    if (!p->fn || !p->reference)
        return "not on this CPU";
    const char *failure = check_slice(p, d, set, nelem, 0);
    return failure ? failure : check_slice(p, d, set, nelem, set->nslices - 1);
}

const char *bench_kernel_setup(const bench_kernel_params *p, bench_set *set, size_t *nelem)
{
    const bench_driver *d = driver_of(p);
    memset(set, 0, sizeof(*set));
    if (!d)
        return "no driver for this signature class yet";
    if (!p->fn || !p->reference)
        return "not on this CPU";
    if (shape_set(p, d, set, nelem) != 0)
        return "too many streams";
    if (bench_set_map(set, p->pages) != 0)
        return "out of memory";
    fill_set(p, d, set, *nelem);
    const char *failure = bench_kernel_check(p, set, *nelem);
    if (failure)
        bench_set_unmap(set);
    return failure;
}

void bench_kernel_measure(const bench_kernel_params *p, bench_kernel_result *out)
{
    bench_set set;
    size_t nelem;
    memset(out, 0, sizeof(*out));
    out->failure = p->nrounds < 1 || p->nrounds > MAX_ROUNDS ? "number of rounds out of range"
                                                             : bench_kernel_setup(p, &set, &nelem);
    if (out->failure)
        return;
    out->nelem = nelem;
    out->nslices = set.nslices;
    out->tensor_nbytes = nelem * p->op->width / 8;
    out->traffic_nbytes = bench_set_traffic(&set);
    out->huge_share = bench_arena_huge_share(&set.arena);
    measure_set(p, driver_of(p), &set, nelem, out);
    bench_set_unmap(&set);
}
