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

/*
 * Direct loops: a few vectors of every stream in each iteration, all unrolled, for the shapes that
 * kernels have. They win in L1, where the general loops' bookkeeping shows. K0 to K7 are vectors
 * per stream and step, four sources and four destinations, 0 for none; M repeats the step.
 */
#define PATTERNS(X, tag, m)                                                                        \
    X(tag, m, 1, 0, 0, 0, 0, 0, 0, 0)                                                              \
    X(tag, m, 1, 0, 0, 0, 1, 0, 0, 0)                                                              \
    X(tag, m, 1, 1, 0, 0, 0, 0, 0, 0)                                                              \
    X(tag, m, 1, 1, 0, 0, 1, 0, 0, 0)                                                              \
    X(tag, m, 2, 0, 0, 0, 1, 0, 0, 0)                                                              \
    X(tag, m, 2, 0, 0, 0, 1, 1, 0, 0)                                                              \
    X(tag, m, 2, 2, 0, 0, 1, 1, 0, 0)                                                              \
    X(tag, m, 1, 1, 0, 0, 2, 0, 0, 0)                                                              \
    X(tag, m, 1, 1, 2, 0, 2, 0, 0, 0)                                                              \
    X(tag, m, 4, 0, 0, 0, 1, 1, 1, 1)                                                              \
    X(tag, m, 4, 4, 0, 0, 1, 1, 1, 1)                                                              \
    X(tag, m, 1, 1, 1, 1, 4, 0, 0, 0)                                                              \
    X(tag, m, 4, 0, 0, 0, 1, 3, 0, 0)                                                              \
    X(tag, m, 4, 4, 0, 0, 1, 3, 0, 0)                                                              \
    X(tag, m, 1, 3, 0, 0, 4, 0, 0, 0)                                                              \
    X(tag, m, 1, 3, 4, 0, 4, 0, 0, 0)                                                              \
    X(tag, m, 4, 0, 0, 0, 1, 2, 1, 0)                                                              \
    X(tag, m, 1, 2, 1, 0, 4, 0, 0, 0)                                                              \
    X(tag, m, 8, 0, 0, 0, 4, 4, 1, 0)                                                              \
    X(tag, m, 4, 4, 1, 0, 8, 0, 0, 0)                                                              \
    X(tag, m, 4, 1, 0, 0, 8, 0, 0, 0)                                                              \
    X(tag, m, 1, 0, 0, 0, 8, 0, 0, 0)                                                              \
    X(tag, m, 2, 2, 0, 0, 2, 1, 0, 0)

enum { PATTERN_STREAMS = 8 };

#define DIRECT_BODY(tag, m, k0, k1, k2, k3, k4, k5, k6, k7)                                        \
    static TARGET_##tag void direct_##tag##_##m##_##k0##k1##k2##k3##_##k4##k5##k6##k7(             \
        uint8_t *const *at, size_t nsteps)                                                         \
    {                                                                                              \
        uint8_t *p0 = at[0], *p1 = at[1], *p2 = at[2], *p3 = at[3];                                \
        uint8_t *p4 = at[4], *p5 = at[5], *p6 = at[6], *p7 = at[7];                                \
        for (size_t u = 0; u < nsteps; u++) {                                                      \
            direct_read_##tag(&p0, k0 *m);                                                         \
            direct_read_##tag(&p1, k1 *m);                                                         \
            direct_read_##tag(&p2, k2 *m);                                                         \
            direct_read_##tag(&p3, k3 *m);                                                         \
            direct_write_##tag(&p4, k4 *m);                                                        \
            direct_write_##tag(&p5, k5 *m);                                                        \
            direct_write_##tag(&p6, k6 *m);                                                        \
            direct_write_##tag(&p7, k7 *m);                                                        \
        }                                                                                          \
    }
#define DIRECT_LINE(tag, m, k0, k1, k2, k3, k4, k5, k6, k7)                                        \
    {direct_##tag##_##m##_##k0##k1##k2##k3##_##k4##k5##k6##k7, m, {k0, k1, k2, k3, k4, k5, k6, k7}},

/* n is a constant at every call, so these unroll completely. */
#define DIRECT(tag, step, vec, load, store, zero, constraint)                                      \
    TARGET_##tag static inline                                                                     \
        __attribute__((always_inline)) void direct_read_##tag(uint8_t **p, int n)                  \
    {                                                                                              \
        for (int i = 0; i < n; i++) {                                                              \
            vec v = load(*p + i * (step));                                                         \
            __asm__ volatile("" : : constraint(v));                                                \
        }                                                                                          \
        *p += n * (step);                                                                          \
    }                                                                                              \
    TARGET_##tag static inline                                                                     \
        __attribute__((always_inline)) void direct_write_##tag(uint8_t **p, int n)                 \
    {                                                                                              \
        for (int i = 0; i < n; i++)                                                                \
            store(*p + i * (step), zero);                                                          \
        *p += n * (step);                                                                          \
    }                                                                                              \
    PATTERNS(DIRECT_BODY, tag, 1)                                                                  \
    PATTERNS(DIRECT_BODY, tag, 4)                                                                  \
    static const direct_loop direct_##tag[] = {PATTERNS(DIRECT_LINE, tag, 1)                       \
                                                   PATTERNS(DIRECT_LINE, tag, 4)};

typedef struct direct_loop {
    void (*run)(uint8_t *const *at, size_t nsteps);
    unsigned repeat;
    unsigned char vectors[PATTERN_STREAMS];
} direct_loop;

#if defined(__x86_64__)
#    define TARGET_plain256 AVX2
#    define TARGET_stream256 AVX2
#    define TARGET_plain512 AVX512
#    define TARGET_stream512 AVX512
DIRECT(plain256, 32, __m256i, LOAD256, STORE256, _mm256_setzero_si256(), "x")
DIRECT(plain512, 64, __m512i, LOAD512, STORE512, _mm512_setzero_si512(), "v")
DIRECT(stream512, 64, __m512i, LOAD512, STREAM512, _mm512_setzero_si512(), "v")
DIRECT(stream256, 32, __m256i, LOAD256, STREAM256, _mm256_setzero_si256(), "x")
#endif
#define TARGET_plain64
DIRECT(plain64, 8, uint64_t, load64, store64, 0, "r")

enum { NDIRECT = sizeof(direct_plain64) / sizeof(direct_plain64[0]) };

typedef struct loop {
    const char *name;
    void (*pass)(const bench_roofline *r, size_t slice); /* NULL: a direct loop */
    const direct_loop *direct;
    unsigned repeat;    /* of a direct loop */
    size_t unit_nbytes; /* a vector, or a step of the smallest stream */
    int isa;            /* 0 any, 256, 512 */
    int streams;        /* non-temporal stores */
} loop;

static const loop loops[] = {
#if defined(__x86_64__)
    {"plain256/64", pass_plain256, NULL, 0, 64, 256, 0},
    {"plain256/256", pass_plain256, NULL, 0, 256, 256, 0},
    {"plain256/1024", pass_plain256, NULL, 0, 1024, 256, 0},
    {"stream256/256", pass_stream256, NULL, 0, 256, 256, 1},
    {"plain512/64", pass_plain512, NULL, 0, 64, 512, 0},
    {"plain512/256", pass_plain512, NULL, 0, 256, 512, 0},
    {"plain512/1024", pass_plain512, NULL, 0, 1024, 512, 0},
    {"stream512/64", pass_stream512, NULL, 0, 64, 512, 1},
    {"stream512/256", pass_stream512, NULL, 0, 256, 512, 1},
    {"stream512/1024", pass_stream512, NULL, 0, 1024, 512, 1},
    {"direct256x1", NULL, direct_plain256, 1, 32, 256, 0},
    {"direct256x4", NULL, direct_plain256, 4, 32, 256, 0},
    {"direct512x1", NULL, direct_plain512, 1, 64, 512, 0},
    {"direct512x4", NULL, direct_plain512, 4, 64, 512, 0},
    {"dstream256x4", NULL, direct_stream256, 4, 32, 256, 1},
    {"dstream512x1", NULL, direct_stream512, 1, 64, 512, 1},
    {"dstream512x4", NULL, direct_stream512, 4, 64, 512, 1},
#endif
    {"plain64/256", pass_plain64, NULL, 0, 256, 0, 0},
    {"direct64x4", NULL, direct_plain64, 4, 8, 0, 0},
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

/* Place of a stream in a pattern: sources from 0, destinations from 4, streams without traffic (a
   few parameters) left out. PATTERN_STREAMS: nowhere. */
static unsigned pattern_stream(const bench_set *set, unsigned s)
{
    unsigned first = s < set->nread ? 0 : set->nread, place = 0;
    if (set->nbytes[s] == 0)
        return PATTERN_STREAMS;
    for (unsigned i = first; i < s; i++)
        place += set->nbytes[i] != 0;
    if (place >= 4)
        return PATTERN_STREAMS;
    return first == 0 && s < set->nread ? place : 4 + place;
}

/* Whether the streams' bytes are in the proportions of the pattern; the unit they share. */
static int fits_pattern(const bench_set *set, const direct_loop *d, size_t *unit)
{
    unsigned char seen[PATTERN_STREAMS] = {0};
    size_t u = 0;
    for (unsigned s = 0; s < set->nread + set->nwrite; s++) {
        unsigned p = pattern_stream(set, s);
        if (set->nbytes[s] == 0)
            continue;
        if (p == PATTERN_STREAMS || d->vectors[p] == 0 || set->nbytes[s] % d->vectors[p] != 0)
            return 0;
        seen[p] = 1;
        size_t each = set->nbytes[s] / d->vectors[p];
        if (u && each != u)
            return 0;
        u = each;
    }
    for (unsigned p = 0; p < PATTERN_STREAMS; p++)
        if (d->vectors[p] && !seen[p])
            return 0;
    *unit = u;
    return u != 0;
}

static int init_direct(bench_roofline *r, const loop *l, const bench_set *set)
{
    for (unsigned i = 0; i < NDIRECT; i++) {
        const direct_loop *d = &l->direct[i];
        size_t unit, step = l->unit_nbytes * l->repeat;
        if (d->repeat != l->repeat || !fits_pattern(set, d, &unit) || unit % step != 0)
            continue;
        r->direct = i;
        r->nunits = unit / step;
        return 0;
    }
    return -1;
}

int bench_roofline_init(bench_roofline *r, unsigned index, bench_set *set)
{
    unsigned n = set->nread + set->nwrite;
    memset(r, 0, sizeof(*r));
    r->loop = index;
    r->set = set;
    if (set->nwrite == 0 && loops[index].streams)
        return -1;
    if (!loops[index].pass)
        return init_direct(r, &loops[index], set);
    /* The smallest stream that matters takes one unit per step, the others in proportion. Streams
       under a kilobyte (a few counters) go into the tail. */
    size_t smallest = SIZE_MAX;
    for (unsigned s = 0; s < n; s++)
        if (set->nbytes[s] >= 1024 && set->nbytes[s] < smallest)
            smallest = set->nbytes[s];
    r->nunits = smallest == SIZE_MAX ? 0 : smallest / loops[index].unit_nbytes;
    for (unsigned s = 0; s < n; s++)
        r->chunk[s] = r->nunits ? set->nbytes[s] / r->nunits / 64 * 64 : 0;
    return 0;
}

static void direct_pass(const bench_roofline *r, size_t slice)
{
    uint8_t *at[PATTERN_STREAMS] = {0};
    for (unsigned s = 0; s < r->set->nread + r->set->nwrite; s++)
        if (r->set->nbytes[s])
            at[pattern_stream(r->set, s)] = bench_set_at(r->set, s, slice);
    loops[r->loop].direct[r->direct].run(at, r->nunits);
}

void bench_roofline_run(void *arg, uint64_t reps)
{
    bench_roofline *r = arg;
    const loop *l = &loops[r->loop];
    for (uint64_t i = 0; i < reps; i++) {
        size_t slice = bench_set_next(r->set);
        if (l->pass)
            l->pass(r, slice);
        else
            direct_pass(r, slice);
    }
#if defined(__x86_64__)
    if (l->streams)
        _mm_sfence();
#endif
}

/* Whether the cached choice was made for streams of the same sizes. */
static int same_shape(const bench_roofline_choice *c, const bench_set *set)
{
    unsigned n = set->nread + set->nwrite;
    return c->nloops && c->nread == set->nread && c->nwrite == set->nwrite &&
           c->nslices == set->nslices &&
           memcmp(c->nbytes, set->nbytes, n * sizeof(*c->nbytes)) == 0;
}

static double quick_ns(unsigned index, bench_set *set)
{
    enum { TRIES = 5 };
    bench_roofline r;
    if (!bench_roofline_name(index) || bench_roofline_init(&r, index, set) != 0)
        return 0;
    bench_case c = {bench_roofline_run, &r, 1};
    bench_calibrate(&c, BENCH_BATCH_NS, BENCH_BATCH_NS);
    double best = 0;
    for (int t = 0; t < TRIES; t++) {
        bench_sample s;
        bench_take(&c, &s);
        double ns = s.cpu_ns / (double)c.reps;
        if (best == 0 || ns < best)
            best = ns;
    }
    return best;
}

void bench_roofline_choose(bench_set *set, bench_roofline_choice *choice)
{
    double best[BENCH_ROOFLINE_CANDIDATES] = {0};
    if (same_shape(choice, set))
        return;
    memset(choice, 0, sizeof(*choice));
    for (unsigned i = 0; i < NLOOPS; i++) {
        double ns = quick_ns(i, set);
        if (ns <= 0)
            continue;
        unsigned at = choice->nloops;
        while (at > 0 && ns < best[at - 1])
            at--;
        for (unsigned j = BENCH_ROOFLINE_CANDIDATES - 1; j > at; j--) {
            best[j] = best[j - 1];
            choice->loop[j] = choice->loop[j - 1];
        }
        if (at == BENCH_ROOFLINE_CANDIDATES)
            continue;
        best[at] = ns;
        choice->loop[at] = i;
        choice->nloops += choice->nloops < BENCH_ROOFLINE_CANDIDATES;
    }
    choice->nread = set->nread;
    choice->nwrite = set->nwrite;
    choice->nslices = set->nslices;
    memcpy(choice->nbytes, set->nbytes, sizeof(choice->nbytes));
}
