#include "harness.h"
#include "harness_call.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Inputs and outputs of one call, and private copies for the reference. */
enum { CANARY = 256, MAX_REPORTS = 5 };

typedef struct arena {
    uint8_t *lo, *hi; /* between the two guard pages */
} arena;

static arena arenas[2 * KC_STREAMS]; /* inputs, outputs */
static uint8_t *private_in[KC_STREAMS], *private_out[KC_STREAMS];

static struct {
    const char *op, *isa, *layout;
    const kc_case *live;
    uint64_t seed;
    size_t nelem;
    int failures;
} now;

uint64_t kc_random(kc_rng *rng)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

unsigned kc_below(kc_rng *rng, unsigned bound)
{
    return (unsigned)(kc_random(rng) % bound);
}

void kc_random_bytes(kc_rng *rng, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t r = kc_random(rng);
        memcpy(p + i, &r, n - i < 8 ? n - i : 8);
    }
}

uint64_t kc_seed(void)
{
    const char *s = getenv("BITX_TEST_SEED");
    if (s && *s)
        return strtoull(s, NULL, 0);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000003u + (uint64_t)t.tv_nsec;
}

/* What goes wrong outside a kernel is told with its seed as well. */
static void say_where(const char *what)
{
    fprintf(stderr, "FAIL %s %s: %s; nelem=%zu, BITX_TEST_SEED=%#llx\n", now.op ? now.op : "?",
            now.isa ? now.isa : "?", what, now.nelem, (unsigned long long)now.seed);
}

static void die(const char *what)
{
    perror(what);
    say_where(what);
    exit(2);
}

static void make_arenas(void)
{
    if (arenas[0].lo)
        return;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < 2 * KC_STREAMS; i++) {
        uint8_t *p = mmap(NULL, KC_CAP + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p + page, KC_CAP, PROT_READ | PROT_WRITE) != 0)
            die("mmap");
        arenas[i] = (arena){p + page, p + page + KC_CAP};
    }
    for (int i = 0; i < KC_STREAMS; i++) {
        private_in[i] = malloc(KC_CAP);
        private_out[i] = malloc(KC_CAP);
        if (!private_in[i] || !private_out[i])
            die("malloc");
    }
}

static void report(const char *what)
{
    if (++now.failures > MAX_REPORTS)
        return;
    fprintf(stderr, "FAIL %s %s: %s; nelem=%zu, %s, BITX_TEST_SEED=%#llx\n", now.op, now.isa, what,
            now.nelem, now.layout, (unsigned long long)now.seed);
}

/* ---- crashes ---- */

static sigjmp_buf crash_jump;
static volatile sig_atomic_t crash_armed;
static int crash_signal;
static const uint8_t *crash_address;

static void on_crash(int signo, siginfo_t *info, void *context)
{
    (void)context;
    if (!crash_armed) {
        say_where(strsignal(signo));
        signal(signo, SIG_DFL);
        raise(signo);
        return;
    }
    crash_armed = 0;
    crash_signal = signo;
    crash_address = info->si_addr;
    siglongjmp(crash_jump, 1);
}

static void catch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGVTALRM};
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
}

/* "17 bytes past the end of in[1]" */
static void locate(char *text, size_t cap, const uint8_t *address)
{
    const kc_case *c = now.live;
    for (unsigned k = 0; k < c->nin + c->nout; k++) {
        int is_in = k < c->nin;
        unsigned i = is_in ? k : k - c->nin;
        const uint8_t *p = is_in ? c->in[i] : c->out[i];
        size_t n = is_in ? c->in_nbytes[i] : c->out_room[i];
        const arena *a = &arenas[is_in ? i : KC_STREAMS + i];
        if (address >= a->hi && address < a->hi + 4096)
            snprintf(text, cap, "%td bytes past the end of %s[%u]", address - (p + n) + 1,
                     is_in ? "in" : "out", i);
        else if (address < a->lo && address >= a->lo - 4096)
            snprintf(text, cap, "%td bytes before %s[%u]", p - address, is_in ? "in" : "out", i);
        else
            continue;
        return;
    }
    snprintf(text, cap, "address %p", (const void *)address);
}

static void report_crash(void)
{
    char where[80], what[160];
    locate(where, sizeof(where), crash_address);
    snprintf(what, sizeof(what), "CRASH, signal %d (%s), %s", crash_signal, strsignal(crash_signal),
             where);
    report(what);
}

/* ---- one call ---- */

/* 1: returned. 0: crashed, and reported. */
static int call_guarded(bitx_fn fn, bitx_sig sig, kc_case *c)
{
    now.live = c;
    if (sigsetjmp(crash_jump, 1)) {
        report_crash();
        return 0;
    }
    crash_armed = 1;
    /* No operation with a table has a stream in that arena. */
    kc_call(fn, sig, c, arenas[KC_STREAMS - 1].hi);
    crash_armed = 0;
    return 1;
}

/* ---- placement ---- */

typedef enum layout { AT_END, AT_START, LAYOUTS } layout;

static uint8_t canary_at(const uint8_t *p)
{
    return (uint8_t)((uintptr_t)p * 167 >> 3 ^ 0x5a);
}

static const uint8_t *below(const uint8_t *p, const uint8_t *limit)
{
    return p - limit > CANARY ? p - CANARY : limit;
}

static const uint8_t *above(const uint8_t *p, const uint8_t *limit)
{
    return limit - p > CANARY ? p + CANARY : limit;
}

/* n bytes that end (or begin) `offset` bytes from the guard page, with canaries around them. */
static uint8_t *place(const arena *a, size_t n, layout where, size_t offset)
{
    uint8_t *p = where == AT_END ? a->hi - n - offset : a->lo + offset;
    uint8_t *end = p + n;
    for (uint8_t *q = p - (p - below(p, a->lo)); q < p; q++)
        *q = canary_at(q);
    for (uint8_t *q = end; q < above(end, a->hi); q++)
        *q = canary_at(q);
    return p;
}

static int canaries_intact(const arena *a, const uint8_t *p, size_t n, size_t slack)
{
    const uint8_t *end = p + n;
    for (const uint8_t *q = below(p, a->lo); q < p; q++)
        if (*q != canary_at(q))
            return 0;
    for (const uint8_t *q = end + slack; q < above(end, a->hi); q++)
        if (*q != canary_at(q))
            return 0;
    return 1;
}

typedef struct placement {
    layout where;
    size_t offset[2 * KC_STREAMS];
    int in_place; /* index of the input that out[0] is; -1: none */
} placement;

static void describe(char *text, size_t cap, const placement *p, const kc_case *c)
{
    int n = snprintf(text, cap, "%s guard page, offsets",
                     p->where == AT_END ? "before the" : "after the");
    for (unsigned i = 0; i < c->nin + c->nout && n > 0 && (size_t)n < cap; i++)
        n += snprintf(text + n, cap - (size_t)n, " %s[%u]:%zu", i < c->nin ? "in" : "out",
                      i < c->nin ? i : i - c->nin,
                      p->offset[i < c->nin ? i : KC_STREAMS + i - c->nin]);
    if (p->in_place >= 0 && n > 0 && (size_t)n < cap)
        snprintf(text + n, cap - (size_t)n, ", out[0] is in[%d]", p->in_place);
}

static void check_streams(const kc_case *live, const kc_case *want, const placement *p,
                          size_t slack)
{
    char what[64];
    for (unsigned i = 0; i < live->nin; i++) {
        if ((int)i == p->in_place)
            continue;
        if (memcmp(live->in[i], want->in[i], live->in_nbytes[i]) != 0 ||
            !canaries_intact(&arenas[i], live->in[i], live->in_nbytes[i], 0)) {
            snprintf(what, sizeof(what), "in[%u] or bytes around it overwritten", i);
            report(what);
        }
    }
    for (unsigned i = 0; i < live->nout; i++) {
        const arena *a =
            i == 0 && p->in_place >= 0 ? &arenas[p->in_place] : &arenas[KC_STREAMS + i];
        for (size_t k = 0; k < live->out_nbytes[i]; k++) {
            if (live->out[i][k] == want->out[i][k])
                continue;
            snprintf(what, sizeof(what), "out[%u][%zu] is %#x, want %#x", i, k, live->out[i][k],
                     want->out[i][k]);
            report(what);
            break;
        }
        if (!canaries_intact(a, live->out[i], live->out_room[i], slack)) {
            snprintf(what, sizeof(what), "bytes around out[%u] overwritten", i);
            report(what);
        }
    }
    if (live->result != want->result) {
        snprintf(what, sizeof(what), "returned %llu, want %llu", (unsigned long long)live->result,
                 (unsigned long long)want->result);
        report(what);
    }
}

typedef struct target {
    bitx_fn fn;
    bitx_sig sig;
    size_t slack;
} target;

/* want: planned, and its reference run. */
static void check_placed(const target *t, const kc_case *want, const placement *p)
{
    static char layout_text[200];
    kc_case live = *want;
    live.result = 0;
    describe(layout_text, sizeof(layout_text), p, want);
    now.layout = layout_text;
    for (unsigned i = 0; i < live.nin; i++) {
        live.in[i] = place(&arenas[i], live.in_nbytes[i], p->where, p->offset[i]);
        if (live.in_nbytes[i])
            memcpy(live.in[i], want->in[i], live.in_nbytes[i]);
    }
    for (unsigned i = 0; i < live.nout; i++) {
        if (i == 0 && p->in_place >= 0) {
            live.out[0] = live.in[p->in_place];
            continue;
        }
        size_t slack = p->where == AT_END ? t->slack : 0;
        live.out[i] = place(&arenas[KC_STREAMS + i], live.out_room[i], p->where,
                            p->offset[KC_STREAMS + i] + slack);
        memset(live.out[i], 0xa5, live.out_room[i]);
    }
    if (call_guarded(t->fn, t->sig, &live))
        check_streams(&live, want, p, t->slack);
}

static void plan_and_reference(const kc_spec *spec, kc_case *c, size_t nelem, kc_rng *rng)
{
    memset(c, 0, sizeof(*c));
    for (int i = 0; i < KC_STREAMS; i++) {
        c->in[i] = private_in[i];
        c->out[i] = private_out[i];
    }
    c->shape = spec->shape;
    c->nelem = nelem;
    now.nelem = nelem;
    spec->plan(c, rng);
    for (unsigned i = 0; i < c->nout; i++) {
        if (c->out_room[i] < c->out_nbytes[i])
            c->out_room[i] = c->out_nbytes[i];
        memset(c->out[i], 0xa5, c->out_room[i]);
    }
    spec->reference(c);
}

/* ---- the whole check of one implementation ---- */

/* 497 and 1009 bits are 63 and 127 bytes, wherever in a byte they begin. */
static const size_t edge_lengths[] = {497,   1009,  511,   512,   513,   767,   768,   769,
                                      1023,  1024,  1025,  2047,  2048,  2049,  4095,  4096,
                                      4097,  8191,  8192,  8193,  9999,  16383, 16384, 16385,
                                      32767, 32768, 32769, 65535, 65536, 65537};
enum { NEDGES = sizeof(edge_lengths) / sizeof(edge_lengths[0]), SHORT = 301 };

/* How much of it: all, or what an emulator of AVX-512 does in minutes (BITX_TEST_QUICK). */
typedef struct extent {
    size_t repeats, nedges, noffsets;
} extent;

static extent how_much(void)
{
    static const extent all = {4, NEDGES, 64}, quick = {1, 11, 8};
    const char *s = getenv("BITX_TEST_QUICK");
    return s && *s ? quick : all;
}

static void check_both_ends(const kc_spec *spec, const target *t, const kc_case *c,
                            unsigned long *ncases)
{
    for (int where = 0; where < LAYOUTS; where++) {
        placement p = {.where = (layout)where, .in_place = -1};
        check_placed(t, c, &p);
        ++*ncases;
        for (int k = 0; k < KC_STREAMS; k++) {
            if (!(spec->in_place >> k & 1))
                continue;
            p.in_place = k;
            check_placed(t, c, &p);
            ++*ncases;
        }
    }
}

/* Each stream at each offset from 0 to 63 alone, then all of them at random ones. */
static void check_misaligned(const target *t, const kc_case *c, kc_rng *rng, unsigned long *ncases)
{
    const size_t noffsets = how_much().noffsets;
    for (unsigned s = 0; s < c->nin + c->nout; s++) {
        for (size_t offset = 0; offset < 64; offset += 64 / noffsets) {
            placement p = {.where = AT_START, .in_place = -1};
            p.offset[s < c->nin ? s : KC_STREAMS + s - c->nin] = offset;
            check_placed(t, c, &p);
            ++*ncases;
        }
    }
    for (size_t i = 0; i < noffsets; i++) {
        placement p = {.where = (layout)(i % LAYOUTS), .in_place = -1};
        for (int s = 0; s < 2 * KC_STREAMS; s++)
            p.offset[s] = kc_below(rng, 64);
        check_placed(t, c, &p);
        ++*ncases;
    }
}

static void begin(const char *op, const char *isa, uint64_t seed, kc_rng *rng)
{
    now.op = op;
    now.isa = isa;
    now.seed = seed;
    make_arenas();
    catch_crashes();
    now.failures = 0;
    rng->state = seed;
    for (const char *s = op; *s; s++)
        rng->state = rng->state * 31 + (uint8_t)*s;
}

static const bitx_op *op_named(const char *name)
{
    for (size_t i = 0; bitx_op_at(i); i++)
        if (strcmp(bitx_op_at(i)->name, name) == 0)
            return bitx_op_at(i);
    return NULL;
}

static int no_such_test(const char *op, const char *isa)
{
    fprintf(stderr, "FAIL %s %s: no spec, no op or no row\n", op, isa);
    return 1;
}

int kc_check(const char *op, const char *isa, uint64_t seed, unsigned long *ncases)
{
    kc_rng rng;
    kc_case c;
    const kc_spec *spec = kc_spec_find(op);
    const bitx_op *entry = op_named(op);
    target t = {0};
    if (spec && entry)
        t = (target){bitx_op_find(op, isa, &t.sig), entry->sig, entry->slack};
    if (!t.fn)
        return no_such_test(op, isa);
    begin(op, isa, seed, &rng);
    const extent much = how_much();
    for (size_t n = 0; n < SHORT; n++) {
        for (size_t repeat = 0; repeat < much.repeats; repeat++) {
            plan_and_reference(spec, &c, n, &rng);
            check_both_ends(spec, &t, &c, ncases);
        }
    }
    for (size_t i = 0; i < much.nedges; i++) {
        plan_and_reference(spec, &c, edge_lengths[i], &rng);
        check_both_ends(spec, &t, &c, ncases);
    }
    for (unsigned i = 0; i < spec->shape.many; i++) {
        plan_and_reference(spec, &c, 515, &rng);
        check_both_ends(spec, &t, &c, ncases);
    }
    static const size_t odd_lengths[] = {67, 131, 300, 1027};
    for (int i = 0; i < 4; i++) {
        plan_and_reference(spec, &c, odd_lengths[i], &rng);
        check_misaligned(&t, &c, &rng, ncases);
    }
    return now.failures;
}

/* The inverse reads the outputs of the op first; whatever it reads besides are the op's inputs. */
static void check_inverse(const target *t, const kc_case *split, size_t nelem, const char *isa)
{
    static char text[80];
    kc_case merge = {.nelem = nelem, .bit = split->bit, .stride = split->stride};
    memcpy(merge.value, split->value, sizeof(merge.value));
    merge.nin = split->nout + split->nin - 1;
    merge.nout = 1;
    snprintf(text, sizeof(text), "outputs of row %s", isa);
    now.layout = text;
    now.nelem = nelem;
    for (unsigned i = 0; i < merge.nin; i++) {
        int is_out = i < split->nout;
        unsigned k = is_out ? i : i - split->nout + 1;
        merge.in[i] = is_out ? split->out[k] : split->in[k];
        merge.in_nbytes[i] = is_out ? split->out_nbytes[k] : split->in_nbytes[k];
    }
    merge.out_nbytes[0] = merge.out_room[0] = split->in_nbytes[0];
    merge.out[0] =
        place(&arenas[KC_STREAMS + split->nout], merge.out_nbytes[0] + t->slack, AT_END, 0);
    if (!call_guarded(t->fn, t->sig, &merge))
        return;
    if (merge.out_nbytes[0] && memcmp(merge.out[0], split->in[0], merge.out_nbytes[0]) != 0)
        report("does not restore what was split");
}

int kc_check_crossed(const char *op, const char *isa, uint64_t seed, unsigned long *ncases)
{
    const kc_spec *spec = kc_spec_find(op);
    target split = {0};
    kc_rng rng;
    kc_case c;
    if (spec && spec->inverse == NULL)
        return 0;
    if (spec)
        split.fn = bitx_op_find(op, isa, &split.sig);
    if (!split.fn)
        return no_such_test(op, isa);
    begin(spec->inverse, isa, seed, &rng);
    const size_t nedges = how_much().nedges;
    for (int i = 0; i < BITX_ISA_COUNT; i++) {
        const char *other = bitx_isa_name((bitx_isa)i);
        target merge = {.slack = op_named(spec->inverse)->slack};
        merge.fn = bitx_op_find(spec->inverse, other, &merge.sig);
        if (!merge.fn)
            continue;
        now.isa = other;
        for (size_t n = 0; n < SHORT + nedges; n++) {
            plan_and_reference(spec, &c, n < SHORT ? n : edge_lengths[n - SHORT], &rng);
            for (unsigned k = 0; k < c.nout; k++)
                c.out[k] = place(&arenas[KC_STREAMS + k], c.out_room[k] + op_named(op)->slack,
                                 AT_START, 0);
            for (unsigned k = 0; k < c.nout; k++)
                memset(c.out[k], 0xa5, c.out_room[k]);
            if (call_guarded(split.fn, split.sig, &c))
                check_inverse(&merge, &c, c.nelem, isa);
            ++*ncases;
        }
    }
    return now.failures;
}
