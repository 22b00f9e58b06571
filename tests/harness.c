#include "harness.h"

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

static void die(const char *what)
{
    perror(what);
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
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
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

/* A table at the end of an arena that no operation with a table uses for a stream. */
static const uint8_t *guarded_table(const uint8_t *table, size_t nbytes)
{
    uint8_t *p = arenas[KC_STREAMS - 1].hi - nbytes;
    memcpy(p, table, nbytes);
    return p;
}

static void call_groups_count(bitx_fn_GROUPS_COUNT *fn, kc_case *c)
{
    uint32_t counts[16];
    fn(counts, c->in[0], guarded_table(c->group, 16), c->nelem);
    memcpy(c->out[0], counts, sizeof(counts));
}

/* The result says where both strings end. */
static void call_delta_split(bitx_fn_DELTA_SPLIT *fn, kc_case *c)
{
    bitx_raw_sink raw = {{c->out[1], c->out[2]}, {c->bit, c->value[0]}};
    fn(c->out[0], &raw, c->in[0], c->in[1], c->nelem, &c->params);
    c->result = raw.bit[0] | (uint64_t)raw.bit[1] << 32;
}

static void call_delta_encode(bitx_fn_DELTA_ENCODE *fn, kc_case *c)
{
    bitx_raw_sink raw = {{c->out[1], c->out[2]}, {c->bit, c->value[0]}};
    fn(c->out[0], c->out[3], &raw, c->in[0], c->in[1], c->nelem, &c->params);
    c->result = raw.bit[0] | (uint64_t)raw.bit[1] << 32;
}

/* Lists apart, each with the room that it needs and a guard behind; end to end afterwards. */
static void call_delta_lists(bitx_fn_DELTA_LISTS *fn, kc_case *c)
{
    enum { GUARD = 64 };
    static uint8_t memory[16 * (KC_MAX_NELEM + 64 + GUARD)];
    const size_t room = c->nelem + 64;
    bitx_raw_sink raw = {{c->out[1], c->out[2]}, {c->bit, c->value[0]}};
    uint8_t *lists[16], *to = c->out[0];
    memset(memory, 0x5a, 16 * (room + GUARD));
    for (int g = 0; g < 16; g++)
        lists[g] = memory + g * (room + GUARD);
    fn(lists, &raw, c->in[0], c->in[1], c->nelem, &c->params, guarded_table(c->group, 16));
    c->result = raw.bit[0] | (uint64_t)raw.bit[1] << 32;
    for (int g = 0; g < 16; g++) {
        const uint8_t *list = memory + g * (room + GUARD);
        size_t n = (size_t)(lists[g] - list);
        for (size_t i = 0; i < GUARD; i++)
            n = list[room + i] == 0x5a ? n : SIZE_MAX;
        c->result = c->result * 1000003 + n;
        n = n < c->nelem - (size_t)(to - c->out[0]) ? n : c->nelem - (size_t)(to - c->out[0]);
        memcpy(to, list, n);
        to += n;
    }
}

static void call_delta_restore(bitx_fn_DELTA_RESTORE *fn, kc_case *c)
{
    bitx_raw_source raw = {
        {c->in[3], c->in[4]}, {c->in_nbytes[3], c->in_nbytes[4]}, {c->bit, c->value[0]}};
    bitx_delta_lists lists = {.scales = c->value[1] ? c->in[2] : NULL, .chunk_log2 = c->value[1]};
    memcpy(lists.group, c->group, 16);
    for (int g = 0; g < 16; g++)
        lists.next[g] = c->in[1] + c->group_start[g];
    int bad = fn(c->out[0], c->in[0], &lists, &raw, c->nelem, &c->params);
    c->result = raw.bit[0] | (uint64_t)raw.bit[1] << 32;
    for (int g = 0; g < 16; g++)
        c->result = c->result * 1000003 + (size_t)(lists.next[g] - c->in[1]);
    if (bad)
        c->result = UINT64_MAX;
}

static void call_delta_sift(bitx_fn_DELTA_SIFT *fn, kc_case *c)
{
    bitx_plane_sinks planes = {.ones = (uint16_t)c->value[0]};
    memcpy(planes.group, c->group, 16);
    for (unsigned g = 0; g < 16; g++) {
        planes.bytes[g] = c->out[2] + g * c->stride;
        planes.bit[g] = c->bit + g;
    }
    c->result = fn(c->out[0], c->out[1], &planes, c->in[0], c->in[1], c->nelem, &c->params);
    kc_end_planes(c, planes.bit);
}

static void call_delta_places(bitx_fn_DELTA_PLACES *fn, kc_case *c)
{
    bitx_plane_sources planes = {.ones = (uint16_t)c->value[0]};
    memcpy(planes.group, c->group, 16);
    for (unsigned g = 0; g < 16; g++) {
        planes.bytes[g] = c->value[1] >> g & 1 ? NULL : c->in[1] + c->group_start[g];
        planes.bit[g] = c->bit + g;
    }
    c->result = fn(c->out[0], &planes, c->in[0], c->nelem, &c->params);
    for (unsigned g = 0; g < 16; g++)
        c->result = c->result * 1000003 + planes.bit[g];
}

/* NULL for a list that is one value. */
static void call_merge_lists(bitx_fn_MERGE_LISTS *fn, kc_case *c)
{
    fn(c->out[0], c->value[0] < 256 ? NULL : c->in[0], c->value[0] & 255,
       c->value[1] < 256 ? NULL : c->in[1], c->value[1] & 255, c->in[2], c->bit, c->nelem);
}

/* Of 1 to 64 elements, at node value[1] of depth value[0]. */
static void call_subtree(bitx_fn_SUBTREE *fn, kc_case *c)
{
    bitx_tree_shape shape = {c->tree_count, c->tree_first, c->table};
    c->result = fn(c->out[0], kc_subtree_nelem(c), &shape, c->value[0], c->value[1], c->in[0],
                   c->in_nbytes[0], c->bit);
}

/* The result says how far each list moved on. */
static void call_groups_split(bitx_fn_GROUPS_SPLIT *fn, kc_case *c)
{
    uint8_t *lists[16];
    for (int g = 0; g < 16; g++)
        lists[g] = c->out[0] + c->group_start[g];
    fn(lists, c->in[0], c->in[1], guarded_table(c->group, 16), c->nelem);
    for (int g = 0; g < 16; g++)
        c->result = c->result * 1000003 + (size_t)(lists[g] - c->out[0]);
}

static void call_groups_merge(bitx_fn_GROUPS_MERGE *fn, kc_case *c)
{
    const uint8_t *lists[16];
    for (int g = 0; g < 16; g++)
        lists[g] = c->in[0] + c->group_start[g];
    fn(c->out[0], lists, c->in[1], guarded_table(c->group, 16), c->nelem);
    for (int g = 0; g < 16; g++)
        c->result = c->result * 1000003 + (size_t)(lists[g] - c->in[0]);
}

/* The counts are aligned as their type is, and added to what the output was filled with. */
static void call_histogram(bitx_fn_HISTOGRAM *fn, kc_case *c)
{
    uint32_t counts[256];
    memcpy(counts, c->out[0], sizeof(counts));
    fn(counts, c->in[0], c->nelem);
    memcpy(c->out[0], counts, sizeof(counts));
}

static void call_histogram_pairs(bitx_fn_HISTOGRAM_PAIRS *fn, kc_case *c)
{
    static uint32_t counts[16 * 256];
    memcpy(counts, c->out[0], sizeof(counts));
    fn(counts, c->in[0], c->in[1], c->nelem);
    memcpy(c->out[0], counts, sizeof(counts));
}

static void call_distance_positions(bitx_fn_DISTANCE_POSITIONS *fn, kc_case *c)
{
    uint64_t counts[32];
    memcpy(counts, c->out[0], c->out_nbytes[0]);
    fn(counts, c->in[0], c->in[1], c->nelem);
    memcpy(c->out[0], counts, c->out_nbytes[0]);
}

static void call_combine(bitx_fn_COMBINE *fn, kc_case *c)
{
    const uint8_t *parents[8] = {0};
    for (unsigned k = 0; k < c->combine.nparents; k++)
        parents[k] = c->in[0] + 4 * k * c->nelem;
    fn(c->out[0], parents, c->nelem, &c->combine);
}

/* Functions that compute with floats do so in modes of their own, and leave the caller's: rounding
   to zero without denormals, in every second call. The result is whether they were left. */
static uint64_t set_modes(uint64_t modes)
{
    uint64_t old = 0;
#if defined(__x86_64__)
    old = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr((unsigned)modes);
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" ::"r"(modes));
#else
    (void)modes;
#endif
    return old;
}

static void call_floats(bitx_fn fn, bitx_sig sig, kc_case *c)
{
#if defined(__x86_64__)
    const uint64_t other = 0xffc0; /* DAZ, FTZ, toward zero, exceptions masked */
#else
    const uint64_t other = 7u << 22; /* FZ, toward zero */
#endif
    const int hostile = c->nelem & 1;
    const uint64_t old = hostile ? set_modes(other) : 0;
    if (sig == BITX_SIG_LOWRANK_ADD)
        ((bitx_fn_LOWRANK_ADD *)fn)(c->out[0], c->in[0], c->in[1], c->in[2], c->nelem, &c->lowrank);
    else if (sig == BITX_SIG_COMBINE)
        call_combine((bitx_fn_COMBINE *)fn, c);
    else
        ((bitx_fn_CAST_DOWN *)fn)(c->out[0], c->in[0], c->nelem);
    if (hostile)
        c->result = (set_modes(old) & ~UINT64_C(0x3f)) != other;
}

static void call(bitx_fn fn, bitx_sig sig, kc_case *c)
{
    uint8_t *const *o = c->out;
    uint8_t *const *s = c->in;
    switch (sig) {
    case BITX_SIG_BINARY:
        ((bitx_fn_BINARY *)fn)(o[0], s[0], s[1], c->nelem);
        return;
    case BITX_SIG_SPLIT2:
    case BITX_SIG_SPLIT_F16:
    case BITX_SIG_SPLIT_F32:
        ((bitx_fn_SPLIT2 *)fn)(o[0], o[1], s[0], c->nelem);
        return;
    case BITX_SIG_MERGE2:
    case BITX_SIG_MERGE_F16:
    case BITX_SIG_MERGE_F32:
        ((bitx_fn_MERGE2 *)fn)(o[0], s[0], s[1], c->nelem);
        return;
    case BITX_SIG_SPLIT2_XOR:
    case BITX_SIG_XOR_SPLIT_F16:
    case BITX_SIG_XOR_SPLIT_F32:
        ((bitx_fn_SPLIT2_XOR *)fn)(o[0], o[1], s[0], s[1], c->nelem);
        return;
    case BITX_SIG_MERGE2_XOR:
    case BITX_SIG_XOR_MERGE_F16:
    case BITX_SIG_XOR_MERGE_F32:
        ((bitx_fn_MERGE2_XOR *)fn)(o[0], s[0], s[1], s[2], c->nelem);
        return;
    case BITX_SIG_REDUCE2:
        c->result = ((bitx_fn_REDUCE2 *)fn)(s[0], s[1], c->nelem);
        return;
    case BITX_SIG_DISTANCE_POSITIONS:
        call_distance_positions((bitx_fn_DISTANCE_POSITIONS *)fn, c);
        return;
    case BITX_SIG_SCAN2:
        c->result = ((bitx_fn_SCAN2 *)fn)(s[0], s[1], c->nelem);
        return;
    case BITX_SIG_SCAN:
        c->result = ((bitx_fn_SCAN *)fn)(s[0], c->nelem);
        return;
    case BITX_SIG_PARTITION_SET:
        c->result =
            ((bitx_fn_PARTITION_SET *)fn)(o[0], o[1], o[2], c->bit, s[0], c->nelem,
                                          c->shape.width == 2 ? s[1] : guarded_table(c->table, 32));
        return;
    case BITX_SIG_PARTITION_VALUE:
        c->result =
            ((bitx_fn_PARTITION_VALUE *)fn)(o[0], o[1], c->bit, s[0], c->nelem, c->value[0]);
        return;
    case BITX_SIG_PARTITION_CONST:
        c->result = ((bitx_fn_PARTITION_CONST *)fn)(o[0], c->bit, s[0], c->nelem, c->value[0]);
        return;
    case BITX_SIG_PARTITION_PLANE:
        c->result = ((bitx_fn_PARTITION_PLANE *)fn)(o[0], o[1], s[0], s[1], c->bit, c->nelem);
        return;
    case BITX_SIG_PACK_BITS:
    case BITX_SIG_UNPACK_BITS:
        c->result = ((bitx_fn_PACK_BITS *)fn)(o[0], s[0], s[1], c->nelem);
        return;
    case BITX_SIG_HISTOGRAM_PAIRS:
        call_histogram_pairs((bitx_fn_HISTOGRAM_PAIRS *)fn, c);
        return;
    case BITX_SIG_PARTITION:
        c->result =
            ((bitx_fn_PARTITION *)fn)(o[0], o[1], o[2], c->bit, s[0], c->nelem, c->value[0]);
        return;
    case BITX_SIG_MERGE:
        ((bitx_fn_MERGE *)fn)(o[0], s[0], s[1], s[2], c->bit, c->nelem);
        return;
    case BITX_SIG_MERGE_LOWCONST:
        ((bitx_fn_MERGE_LOWCONST *)fn)(o[0], c->value[0], s[0], s[1], c->bit, c->nelem);
        return;
    case BITX_SIG_MERGE_HIGHCONST:
        ((bitx_fn_MERGE_HIGHCONST *)fn)(o[0], s[0], c->value[0], s[1], c->bit, c->nelem);
        return;
    case BITX_SIG_MERGE_CONST:
        ((bitx_fn_MERGE_CONST *)fn)(o[0], c->value[0], c->value[1], s[0], c->bit, c->nelem);
        return;
    case BITX_SIG_MERGE_LISTS:
        call_merge_lists((bitx_fn_MERGE_LISTS *)fn, c);
        return;
    case BITX_SIG_SUBTREE:
        call_subtree((bitx_fn_SUBTREE *)fn, c);
        return;
    case BITX_SIG_COUNT_BITS:
        c->result = ((bitx_fn_COUNT_BITS *)fn)(s[0], c->bit, c->nelem);
        return;
    case BITX_SIG_DELTA_CLASSES:
        ((bitx_fn_DELTA_CLASSES *)fn)(o[0], s[0], c->nelem, &c->params);
        return;
    case BITX_SIG_DELTA_DIFF:
        ((bitx_fn_DELTA_DIFF *)fn)(o[0], o[1], s[0], s[1], c->nelem, &c->params);
        return;
    case BITX_SIG_DELTA_SPLIT:
        call_delta_split((bitx_fn_DELTA_SPLIT *)fn, c);
        return;
    case BITX_SIG_DELTA_ENCODE:
        call_delta_encode((bitx_fn_DELTA_ENCODE *)fn, c);
        return;
    case BITX_SIG_DELTA_LISTS:
        call_delta_lists((bitx_fn_DELTA_LISTS *)fn, c);
        return;
    case BITX_SIG_DELTA_RESTORE:
        call_delta_restore((bitx_fn_DELTA_RESTORE *)fn, c);
        return;
    case BITX_SIG_DELTA_SIFT:
        call_delta_sift((bitx_fn_DELTA_SIFT *)fn, c);
        return;
    case BITX_SIG_DELTA_PLACES:
        call_delta_places((bitx_fn_DELTA_PLACES *)fn, c);
        return;
    case BITX_SIG_GROUPS_SPLIT:
        call_groups_split((bitx_fn_GROUPS_SPLIT *)fn, c);
        return;
    case BITX_SIG_GROUPS_MERGE:
        call_groups_merge((bitx_fn_GROUPS_MERGE *)fn, c);
        return;
    case BITX_SIG_MAP:
        ((bitx_fn_MAP *)fn)(o[0], s[0], guarded_table(c->table, 256), c->nelem);
        return;
    case BITX_SIG_GROUPS_COUNT:
        call_groups_count((bitx_fn_GROUPS_COUNT *)fn, c);
        return;
    case BITX_SIG_FLOAT_SPLIT:
        c->result =
            (size_t)((bitx_fn_FLOAT_SPLIT *)fn)(o[0], o[1], s[0], c->nelem, &c->float_params);
        return;
    case BITX_SIG_FLOAT_JOIN:
        ((bitx_fn_FLOAT_JOIN *)fn)(o[0], s[0], s[1], c->nelem, &c->float_params);
        return;
    case BITX_SIG_HISTOGRAM:
        call_histogram((bitx_fn_HISTOGRAM *)fn, c);
        return;
    case BITX_SIG_SPLIT_PLANES:
    case BITX_SIG_SPLIT_BITS:
        ((bitx_fn_SPLIT_PLANES *)fn)(o[0], c->stride, s[0], c->nelem);
        return;
    case BITX_SIG_XOR_SPLIT_PLANES:
    case BITX_SIG_XOR_SPLIT_BITS:
        ((bitx_fn_XOR_SPLIT_PLANES *)fn)(o[0], c->stride, s[0], s[1], c->nelem);
        return;
    case BITX_SIG_MERGE_PLANES:
    case BITX_SIG_MERGE_BITS:
        ((bitx_fn_MERGE_PLANES *)fn)(o[0], s[0], c->stride, c->nelem);
        return;
    case BITX_SIG_XOR_MERGE_PLANES:
    case BITX_SIG_XOR_MERGE_BITS:
        ((bitx_fn_XOR_MERGE_PLANES *)fn)(o[0], s[0], c->stride, s[1], c->nelem);
        return;
    case BITX_SIG_CAST_DOWN:
    case BITX_SIG_CAST_UP:
    case BITX_SIG_LOWRANK_ADD:
    case BITX_SIG_COMBINE:
        call_floats(fn, sig, c);
        return;
    case BITX_SIG_COUNT:
        break;
    }
    fprintf(stderr, "harness: no call for signature class %d\n", (int)sig);
    exit(2);
}

/* 1: returned. 0: crashed, and reported. */
static int call_guarded(bitx_fn fn, bitx_sig sig, kc_case *c)
{
    now.live = c;
    if (sigsetjmp(crash_jump, 1)) {
        report_crash();
        return 0;
    }
    crash_armed = 1;
    call(fn, sig, c);
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
    for (unsigned s = 0; s < c->nin + c->nout; s++) {
        for (size_t offset = 0; offset < 64; offset++) {
            placement p = {.where = AT_START, .in_place = -1};
            p.offset[s < c->nin ? s : KC_STREAMS + s - c->nin] = offset;
            check_placed(t, c, &p);
            ++*ncases;
        }
    }
    for (int i = 0; i < 64; i++) {
        placement p = {.where = (layout)(i % LAYOUTS), .in_place = -1};
        for (int s = 0; s < 2 * KC_STREAMS; s++)
            p.offset[s] = kc_below(rng, 64);
        check_placed(t, c, &p);
        ++*ncases;
    }
}

static void begin(const char *op, const char *isa, uint64_t seed, kc_rng *rng)
{
    make_arenas();
    catch_crashes();
    now.op = op;
    now.isa = isa;
    now.seed = seed;
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
    for (size_t n = 0; n < SHORT; n++) {
        for (int repeat = 0; repeat < 4; repeat++) {
            plan_and_reference(spec, &c, n, &rng);
            check_both_ends(spec, &t, &c, ncases);
        }
    }
    for (int i = 0; i < NEDGES; i++) {
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
    for (int i = 0; i < BITX_ISA_COUNT; i++) {
        const char *other = bitx_isa_name((bitx_isa)i);
        target merge = {.slack = op_named(spec->inverse)->slack};
        merge.fn = bitx_op_find(spec->inverse, other, &merge.sig);
        if (!merge.fn)
            continue;
        now.isa = other;
        for (size_t n = 0; n < SHORT + NEDGES; n++) {
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
