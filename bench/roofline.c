/* Loops that move a kernel's bytes and do nothing with them. */
#include "bench/roofline.h"

#include <string.h>

#if defined(__x86_64__)
#    include <immintrin.h>
#endif

typedef void read_fn(const uint8_t *p, size_t nbytes);
typedef void write_fn(uint8_t *p, size_t nbytes);

/* One loop: unrolled by four vectors while they last, then one at a time. The empty asm keeps a
   load that nobody uses. */
#define STREAM_LOOPS(tag, target, step, vec, load, store, zero, constraint)                        \
    target static inline void read_##tag(const uint8_t *p, size_t nbytes)                          \
    {                                                                                              \
        size_t i = 0;                                                                              \
        for (; i + 4 * (step) <= nbytes; i += 4 * (step)) {                                        \
            vec a = load(p + i), b = load(p + i + (step));                                         \
            vec c = load(p + i + 2 * (step)), d = load(p + i + 3 * (step));                        \
            __asm__ volatile("" : : constraint(a), constraint(b), constraint(c), constraint(d));   \
        }                                                                                          \
        for (; i + (step) <= nbytes; i += (step)) {                                                \
            vec a = load(p + i);                                                                   \
            __asm__ volatile("" : : constraint(a));                                                \
        }                                                                                          \
    }                                                                                              \
    target static inline void write_##tag(uint8_t *p, size_t nbytes)                               \
    {                                                                                              \
        size_t i = 0;                                                                              \
        vec z = zero;                                                                              \
        for (; i + 4 * (step) <= nbytes; i += 4 * (step)) {                                        \
            store(p + i, z);                                                                       \
            store(p + i + (step), z);                                                              \
            store(p + i + 2 * (step), z);                                                          \
            store(p + i + 3 * (step), z);                                                          \
        }                                                                                          \
        for (; i + (step) <= nbytes; i += (step))                                                  \
            store(p + i, z);                                                                       \
    }                                                                                              \
    target static void pass_##tag(const bench_roofline *r, size_t slice)                           \
    {                                                                                              \
        const bench_set *set = r->set;                                                             \
        unsigned n = set->nread + set->nwrite;                                                     \
        uint8_t *at[BENCH_STREAMS_MAX];                                                            \
        for (unsigned s = 0; s < n; s++)                                                           \
            at[s] = bench_set_at(set, s, slice);                                                   \
        for (size_t u = 0; u < r->nunits; u++) {                                                   \
            for (unsigned s = 0; s < set->nread; s++, at[s - 1] += r->chunk[s - 1])                \
                read_##tag(at[s], r->chunk[s]);                                                    \
            for (unsigned s = set->nread; s < n; s++, at[s - 1] += r->chunk[s - 1])                \
                write_##tag(at[s], r->chunk[s]);                                                   \
        }                                                                                          \
        for (unsigned s = 0; s < n; s++) {                                                         \
            size_t rest = set->nbytes[s] - r->nunits * r->chunk[s];                                \
            if (s < set->nread)                                                                    \
                read_##tag(at[s], rest);                                                           \
            else                                                                                   \
                write_##tag(at[s], rest);                                                          \
        }                                                                                          \
    }

#if defined(__x86_64__)
#    define AVX2 __attribute__((target("avx2")))
#    define AVX512 __attribute__((target("avx512f")))
#    define LOAD256(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#    define STORE256(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)
#    define STREAM256(p, v) _mm256_stream_si256((__m256i *)(void *)(p), v)
#    define LOAD512(p) _mm512_loadu_si512((const void *)(p))
#    define STORE512(p, v) _mm512_storeu_si512((void *)(p), v)
#    define STREAM512(p, v) _mm512_stream_si512((__m512i *)(void *)(p), v)
STREAM_LOOPS(plain256, AVX2, 32, __m256i, LOAD256, STORE256, _mm256_setzero_si256(), "x")
STREAM_LOOPS(stream256, AVX2, 32, __m256i, LOAD256, STREAM256, _mm256_setzero_si256(), "x")
STREAM_LOOPS(plain512, AVX512, 64, __m512i, LOAD512, STORE512, _mm512_setzero_si512(), "v")
STREAM_LOOPS(stream512, AVX512, 64, __m512i, LOAD512, STREAM512, _mm512_setzero_si512(), "v")
#endif

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}
static inline void store64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof(v));
    __asm__ volatile("" : : : "memory");
}
STREAM_LOOPS(plain64, , 8, uint64_t, load64, store64, 0, "r")

typedef struct loop {
    const char *name;
    void (*pass)(const bench_roofline *r, size_t slice);
    size_t unit_nbytes;
    int isa;     /* 0 any, 256, 512 */
    int streams; /* non-temporal stores */
} loop;

static const loop loops[] = {
#if defined(__x86_64__)
    {"plain256/64", pass_plain256, 64, 256, 0},
    {"plain256/256", pass_plain256, 256, 256, 0},
    {"plain256/1024", pass_plain256, 1024, 256, 0},
    {"stream256/256", pass_stream256, 256, 256, 1},
    {"plain512/64", pass_plain512, 64, 512, 0},
    {"plain512/256", pass_plain512, 256, 512, 0},
    {"plain512/1024", pass_plain512, 1024, 512, 0},
    {"stream512/64", pass_stream512, 64, 512, 1},
    {"stream512/256", pass_stream512, 256, 512, 1},
    {"stream512/1024", pass_stream512, 1024, 512, 1},
#endif
    {"plain64/256", pass_plain64, 256, 0, 0},
};

enum { NLOOPS = sizeof(loops) / sizeof(loops[0]) };

static int have_isa(int isa)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (isa == 256)
        return __builtin_cpu_supports("avx2") != 0;
    if (isa == 512)
        return __builtin_cpu_supports("avx512f") != 0;
#endif
    return isa == 0;
}

unsigned bench_roofline_nloops(void)
{
    return NLOOPS;
}

const char *bench_roofline_name(unsigned index)
{
    return index < NLOOPS && have_isa(loops[index].isa) ? loops[index].name : NULL;
}

void bench_roofline_init(bench_roofline *r, unsigned index, bench_set *set)
{
    unsigned n = set->nread + set->nwrite;
    r->loop = index;
    r->set = set;
    /* The smallest stream that matters takes one unit per step, the others in proportion. Streams
       under a line (a few counters) go into the tail. */
    size_t smallest = SIZE_MAX;
    for (unsigned s = 0; s < n; s++)
        if (set->nbytes[s] >= 1024 && set->nbytes[s] < smallest)
            smallest = set->nbytes[s];
    r->nunits = smallest == SIZE_MAX ? 0 : smallest / loops[index].unit_nbytes;
    for (unsigned s = 0; s < n; s++)
        r->chunk[s] = r->nunits ? set->nbytes[s] / r->nunits / 64 * 64 : 0;
}

void bench_roofline_run(void *arg, uint64_t reps)
{
    bench_roofline *r = arg;
    const loop *l = &loops[r->loop];
    for (uint64_t i = 0; i < reps; i++)
        l->pass(r, bench_set_next(r->set));
#if defined(__x86_64__)
    if (l->streams)
        _mm_sfence();
#endif
}

void bench_roofline_choose(bench_roofline *r, bench_set *set, bench_case *c)
{
    enum { TRIES = 5 };
    double best_ns = 0;
    bench_roofline best;
    for (unsigned i = 0; i < NLOOPS; i++) {
        if (!bench_roofline_name(i) || (set->nwrite == 0 && loops[i].streams))
            continue;
        bench_roofline_init(r, i, set);
        bench_case trial = {bench_roofline_run, r, 1};
        bench_calibrate(&trial, BENCH_BATCH_NS, 2 * BENCH_BATCH_NS);
        double ns[TRIES];
        for (int t = 0; t < TRIES; t++) {
            bench_sample s;
            bench_take(&trial, &s);
            ns[t] = s.cpu_ns / (double)trial.reps;
        }
        bench_summary sum;
        bench_summarize(ns, TRIES, &sum);
        if (best_ns == 0 || sum.median < best_ns) {
            best_ns = sum.median;
            best = *r;
            *c = trial;
        }
    }
    *r = best;
    c->arg = r;
}
