/* Verifies and times coders. */
#include "bench/codec_run.h"

#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/codec_roof.h"
#include "bench/sample.h"

enum { SLACK_NBYTES = 256, POISON = 0xa5 };

/* The tensors that a coder gets: those of the family, or one that is all of them. */
typedef struct view {
    const bench_tensor *at;
    size_t n, nbytes, max_nbytes;
    bench_tensor whole;
} view;

static size_t timed_count(const bench_codec_params *p, size_t *nbytes)
{
    size_t n = 0;
    *nbytes = 0;
    while (n < p->family->n && (n == 0 || *nbytes + p->family->at[n].nbytes <= p->timing_nbytes))
        *nbytes += p->family->at[n++].nbytes;
    return n;
}

size_t bench_codec_timed_nbytes(const bench_codec_params *p)
{
    size_t nbytes;
    (void)timed_count(p, &nbytes);
    return nbytes;
}

static void make_view(view *v, const bench_family *f, size_t count, const bench_codec *codec)
{
    memset(v, 0, sizeof(*v));
    v->at = f->at;
    v->n = count;
    size_t base_nbytes = 0;
    bitx_dtype dtype = f->at[0].dtype;
    for (size_t i = 0; i < count; i++) {
        v->nbytes += f->at[i].nbytes;
        base_nbytes += f->at[i].base_nbytes;
        if (f->at[i].nbytes > v->max_nbytes)
            v->max_nbytes = f->at[i].nbytes;
        if (f->at[i].dtype != dtype)
            dtype = BITX_BYTES;
    }
    if (!(codec->flags & BENCH_CODEC_WHOLE))
        return;
    v->whole.dtype = dtype;
    v->whole.data = f->data.base;
    v->whole.nbytes = v->max_nbytes = v->nbytes;
    v->whole.base = base_nbytes ? f->base.base : NULL;
    v->whole.base_nbytes = base_nbytes;
    v->at = &v->whole;
    v->n = 1;
}

static void fail(bench_codec_result *r, const char *why, int wrong)
{
    r->failure = why;
    r->wrong = wrong;
}

static void verify_tensor(bench_codec_result *r, void *state, const bench_tensor *t, uint8_t *coded,
                          size_t cap, uint8_t *out, size_t *ncoded)
{
    bench_tensor hidden = *t;
    hidden.data = NULL;
    memset(out, POISON, t->nbytes + 1);
    if (r->codec->encode(state, t, coded, cap, ncoded) != 0)
        fail(r, "cannot encode this data", 0);
    else if (r->codec->decode(state, &hidden, out, coded, *ncoded) != 0)
        fail(r, "WRONG: cannot decode its own output", 1);
    else if (memcmp(out, t->data, t->nbytes) != 0)
        fail(r, "WRONG: decodes to other bytes", 1);
    else if (out[t->nbytes] != POISON)
        fail(r, "WRONG: writes beyond the tensor", 1);
}

static void verify_view(const view *v, bench_codec_result *r, void *state)
{
    size_t cap = r->codec->bound(v->max_nbytes) + SLACK_NBYTES;
    uint8_t *coded = malloc(cap), *out = malloc(v->max_nbytes + SLACK_NBYTES);
    if (!coded || !out)
        fail(r, "out of memory", 0);
    int whole = v->at == &v->whole, all_paired = 1;
    for (size_t i = 0; i < v->n && !r->failure; i++) {
        const bench_tensor *t = &v->at[i];
        size_t n = 0;
        if (t->nbytes)
            verify_tensor(r, state, t, coded, cap - SLACK_NBYTES, out, &n);
        r->total += n;
        all_paired = all_paired && t->base_nbytes == t->nbytes;
        if (!whole) {
            r->tensor_nbytes[i] = n;
            r->paired += t->base ? n : 0;
        }
    }
    if (whole && all_paired)
        r->paired = r->total;
    free(coded);
    free(out);
}

void bench_codec_verify(const bench_codec_params *p, const bench_codec *codec,
                        bench_codec_result *out)
{
    view v;
    memset(out, 0, sizeof(*out));
    out->codec = codec;
    const char *missing = codec->missing ? codec->missing() : NULL;
    out->tensor_nbytes = calloc(p->family->n, sizeof(*out->tensor_nbytes));
    if (missing || !out->tensor_nbytes) {
        fail(out, missing ? missing : "out of memory", 0);
        return;
    }
    make_view(&v, p->family, p->family->n, codec);
    void *state = codec->open(v.max_nbytes, p->nthreads);
    if (!state) {
        fail(out, "out of memory", 0);
        return;
    }
    verify_view(&v, out, state);
    codec->close(state);
}

/* ---- timing ---------------------------------------------------------------------------------- */

/* One coder, ready to run. */
typedef struct runner {
    bench_codec_result *result;
    view v;
    void *state;
    uint8_t *dst; /* shared by all encoders */
    size_t dst_cap;
    uint8_t *out;   /* shared by all decoders */
    uint8_t *coded; /* what the decoder reads: a compact copy */
    size_t *sizes;
    int failed;
} runner;

static void run_encode(void *arg, uint64_t reps)
{
    runner *k = arg;
    for (uint64_t rep = 0; rep < reps; rep++) {
        size_t at = 0;
        for (size_t i = 0; i < k->v.n; i++) {
            const bench_tensor *t = &k->v.at[i];
            size_t n = 0;
            if (t->nbytes &&
                k->result->codec->encode(k->state, t, k->dst + at, k->dst_cap - at, &n) != 0)
                k->failed = 1;
            k->sizes[i] = n;
            at += n;
        }
    }
}

static void run_decode(void *arg, uint64_t reps)
{
    runner *k = arg;
    for (uint64_t rep = 0; rep < reps; rep++) {
        size_t in = 0, at = 0;
        for (size_t i = 0; i < k->v.n; i++) {
            bench_tensor t = k->v.at[i];
            t.data = NULL;
            if (t.nbytes && k->result->codec->decode(k->state, &t, k->out + at, k->coded + in,
                                                     k->sizes[i]) != 0)
                k->failed = 1;
            in += k->sizes[i];
            at += t.nbytes;
        }
    }
}

static size_t view_bound(const view *v, const bench_codec *codec)
{
    size_t sum = SLACK_NBYTES;
    for (size_t i = 0; i < v->n; i++)
        sum += codec->bound(v->at[i].nbytes);
    return sum;
}

/* Encodes once and keeps the result for the decoder. */
static int prepare(runner *k)
{
    size_t total = 0;
    k->sizes = calloc(k->v.n, sizeof(*k->sizes));
    if (!k->sizes)
        return -1;
    run_encode(k, 1);
    for (size_t i = 0; i < k->v.n; i++)
        total += k->sizes[i];
    k->coded = malloc(total + SLACK_NBYTES);
    if (!k->coded)
        return -1;
    memcpy(k->coded, k->dst, total);
    memset(k->coded + total, 0, SLACK_NBYTES);
    return 0;
}

typedef struct timing {
    const bench_codec_params *p;
    runner *runners;
    size_t nrunners;
    size_t ncases;
    bench_case *cases; /* encode and decode of each runner in turn; then the rooflines */
    bench_codec_roof roof;
    bench_sample *samples;
    bench_arena dst, out;
    size_t nbytes;
} timing;

/* Every decoder's output is compared, and spoilt for the next. */
static void check_decoded(timing *t, runner *k)
{
    if (memcmp(t->out.base, t->p->family->data.base, t->nbytes) != 0)
        k->failed = 1;
    memset(t->out.base, POISON, t->nbytes);
}

static void take_rounds(timing *t)
{
    size_t order[BENCH_CASES_MAX], ncases = t->ncases;
    uint64_t rng = t->p->seed;
    for (size_t r = 0; r < t->p->nrounds; r++) {
        bench_shuffle(order, ncases, &rng);
        for (size_t i = 0; i < ncases; i++) {
            bench_take(&t->cases[order[i]], &t->samples[r * ncases + order[i]]);
            if (order[i] % 2 && order[i] < 2 * t->nrunners)
                check_decoded(t, &t->runners[order[i] / 2]);
        }
    }
}

static double sample_ns(const timing *t, size_t round, size_t index)
{
    const bench_sample *s = &t->samples[round * t->ncases + index];
    double ns = t->p->nthreads > 1 ? s->wall_ns : s->cpu_ns;
    return ns / (double)t->cases[index].reps;
}

/* The time that its bytes take without arithmetic, as a share of its own. */
static void summarize_roof(const timing *t, size_t index, double *ns, bench_summary *out)
{
    const runner *k = &t->runners[index / 2];
    double best = 0;
    int uses_base = k->v.at[0].base && (k->result->codec->flags & BENCH_CODEC_USES_BASE);
    unsigned shape = uses_base != 0;
    size_t roof = 0;
    double traffic = 0;
    if (t->p->nthreads > 1) /* one thread's roofline is no limit to several */
        return;
    for (size_t i = 0; i < k->v.n; i++)
        traffic += (double)(k->v.at[i].nbytes + k->sizes[i]) +
                   (uses_base ? (double)k->v.at[i].base_nbytes : 0);
    for (unsigned j = 0; j < BENCH_ROOFLINE_CANDIDATES; j++) {
        size_t at = 2 * t->nrunners + shape * BENCH_ROOFLINE_CANDIDATES + j;
        for (size_t r = 0; r < t->p->nrounds; r++)
            ns[r] = sample_ns(t, r, at);
        bench_summarize(ns, t->p->nrounds, out);
        roof = best == 0 || out->median < best ? at : roof;
        best = best == 0 || out->median < best ? out->median : best;
    }
    for (size_t r = 0; r < t->p->nrounds; r++)
        ns[r] = sample_ns(t, r, roof) / (double)t->roof.traffic[shape] * traffic /
                sample_ns(t, r, index);
    bench_summarize(ns, t->p->nrounds, out);
}

static void summarize_case(const timing *t, size_t index, size_t yardstick, double ghz_before,
                           double ghz_after, bench_codec_speed *out)
{
    size_t n = t->p->nrounds;
    double *ns = calloc(2 * n, sizeof(*ns));
    if (!ns)
        return;
    bench_quality q = {0, 0, 0, 0, 0};
    bench_summary wall;
    bench_column(t->samples, t->ncases, index, n, t->cases[index].reps, ns, &q);
    q.ghz_before = ghz_before;
    q.ghz_after = ghz_after;
    for (size_t r = 0; r < n; r++)
        ns[r] = sample_ns(t, r, index);
    bench_summarize(ns, n, &out->ns);
    out->samples = malloc(n * sizeof(*ns));
    if (out->samples)
        memcpy(out->samples, ns, n * sizeof(*ns));
    for (size_t r = 0; r < n; r++)
        ns[r] = yardstick < 2 * t->nrunners ? sample_ns(t, r, yardstick) / ns[r] : 0;
    bench_summarize(ns, n, &out->memcpy);
    summarize_roof(t, index, ns, &out->roofline);
    for (size_t r = 0; r < n; r++)
        ns[r] = t->samples[r * t->ncases + index].wall_ns / (double)t->cases[index].reps;
    bench_summarize(ns, n, &wall);
    out->wall_ns = wall.median;
    out->reps = t->cases[index].reps;
    /* Threads of a pool are preempted and faulted out of sight; their wall time shows it. */
    out->verdict = bench_judge(&out->ns, &q);
    free(ns);
}

static void summarize(timing *t, double ghz_before, double ghz_after)
{
    size_t yardstick = 2 * t->nrunners;
    for (size_t i = 0; i < t->nrunners; i++)
        if (strcmp(t->runners[i].result->codec->name, "memcpy") == 0)
            yardstick = 2 * i;
    for (size_t i = 0; i < t->nrunners; i++) {
        runner *k = &t->runners[i];
        size_t decode_yardstick = yardstick < 2 * t->nrunners ? yardstick + 1 : yardstick;
        summarize_case(t, 2 * i, yardstick, ghz_before, ghz_after, &k->result->encode);
        summarize_case(t, 2 * i + 1, decode_yardstick, ghz_before, ghz_after, &k->result->decode);
        if (k->failed)
            fail(k->result, "WRONG: a timed round gave other bytes", 1);
    }
}

static int open_runners(timing *t, bench_codec_result *results, size_t n)
{
    size_t count = timed_count(t->p, &t->nbytes), cap = 0;
    t->runners = calloc(n, sizeof(*t->runners));
    size_t most = 2 * n + BENCH_CODEC_ROOF_CASES;
    t->cases = calloc(most, sizeof(*t->cases));
    t->samples = malloc(most * t->p->nrounds * sizeof(*t->samples));
    if (!t->runners || !t->cases || !t->samples)
        return -1;
    memset(t->samples, 1, most * t->p->nrounds * sizeof(*t->samples));
    for (size_t i = 0; i < n; i++) {
        const bench_codec *codec = results[i].codec;
        if (results[i].failure || 2 * t->nrunners + 2 + BENCH_CODEC_ROOF_CASES > BENCH_CASES_MAX ||
            (t->p->nthreads > 1 && !(codec->flags & BENCH_CODEC_THREADS) &&
             strcmp(codec->name, "memcpy") != 0)) /* the yardstick always takes part */
            continue;
        runner *k = &t->runners[t->nrunners++];
        k->result = &results[i];
        make_view(&k->v, t->p->family, count, codec);
        size_t bound = view_bound(&k->v, codec);
        cap = bound > cap ? bound : cap;
        k->state = codec->open(k->v.max_nbytes, t->p->nthreads);
        if (!k->state)
            return -1;
    }
    /* make_view() pointed into the array element itself, so runners must not move. */
    if (t->nrunners == 0 || bench_arena_map(&t->dst, cap, BENCH_PAGES_HUGE) != 0 ||
        bench_arena_map(&t->out, t->nbytes + SLACK_NBYTES, BENCH_PAGES_HUGE) != 0)
        return -1;
    bench_arena_touch(&t->dst);
    bench_arena_touch(&t->out);
    for (size_t i = 0; i < t->nrunners; i++) {
        t->runners[i].dst = t->dst.base;
        t->runners[i].dst_cap = cap - SLACK_NBYTES;
        t->runners[i].out = t->out.base;
        if (prepare(&t->runners[i]) != 0)
            return -1;
    }
    return 0;
}

static void close_runners(timing *t)
{
    for (size_t i = 0; i < t->nrunners; i++) {
        runner *k = &t->runners[i];
        if (k->state)
            k->result->codec->close(k->state);
        free(k->coded);
        free(k->sizes);
    }
    bench_codec_roof_close(&t->roof);
    free(t->runners);
    free(t->cases);
    free(t->samples);
    bench_arena_unmap(&t->dst);
    bench_arena_unmap(&t->out);
}

int bench_codec_time(const bench_codec_params *p, bench_codec_result *results, size_t n)
{
    timing t;
    memset(&t, 0, sizeof(t));
    t.p = p;
    int status = open_runners(&t, results, n);
    if (status == 0) {
        for (size_t i = 0; i < t.nrunners; i++) {
            t.cases[2 * i] = (bench_case){run_encode, &t.runners[i], 1};
            t.cases[2 * i + 1] = (bench_case){run_decode, &t.runners[i], 1};
            bench_calibrate(&t.cases[2 * i], BENCH_BATCH_NS, BENCH_BATCH_NS);
            bench_calibrate(&t.cases[2 * i + 1], BENCH_BATCH_NS, BENCH_BATCH_NS);
        }
        t.ncases = 2 * t.nrunners + BENCH_CODEC_ROOF_CASES;
        status = bench_codec_roof_open(&t.roof, t.nbytes, &t.cases[2 * t.nrunners]);
    }
    if (status == 0) {
        double before = bench_clock_ghz();
        take_rounds(&t);
        summarize(&t, before, bench_clock_ghz());
    }
    close_runners(&t);
    return status;
}

void bench_codec_result_free(bench_codec_result *r)
{
    free(r->tensor_nbytes);
    free(r->encode.samples);
    free(r->decode.samples);
    r->tensor_nbytes = NULL;
    r->encode.samples = r->decode.samples = NULL;
}
