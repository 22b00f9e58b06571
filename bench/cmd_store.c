/* bitx-bench store: add and get of whole models against the stages that they are made of. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/args.h"
#include "bench/buffers.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/disturb.h"
#include "bench/executor.h"
#include "bench/results.h"
#include "bench/store_stages.h"
#include "bench/table.h"
#include "zipllm.h"

enum { ROUNDS_MAX = 64, THREADS_MAX = 4, MODELS = 2 };

typedef enum verb { VERB_ADD, VERB_GET, VERBS } verb;

typedef struct store_options {
    const char *data, *base, *size, *threads, *rounds, *dir, *seed;
    bench_outputs outputs;
} store_options;

typedef struct store_state {
    char dir[3072];                   /* of this run; removed at its end */
    bench_store_model models[MODELS]; /* the base, the fine-tune */
    size_t nrounds, nthreads;
    unsigned threads[THREADS_MAX];
    double stages[MODELS][BENCH_STAGE_COUNT][ROUNDS_MAX];
    double verbs[THREADS_MAX][VERBS][MODELS][ROUNDS_MAX];
    bench_results results;
} store_state;

static const char *const model_names[MODELS] = {"base", "fine-tune"};
static const char *const verb_names[VERBS] = {"add", "get"};

/* ---- folders ----------------------------------------------------------------------------------
 */

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* "DIR/name"; the caller frees it. Aborts when out of memory. */
static char *beneath(const store_state *s, const char *name)
{
    size_t n = strlen(s->dir) + strlen(name) + 2;
    char *path = malloc(n);
    if (!path)
        abort();
    snprintf(path, n, "%s/%s", s->dir, name);
    return path;
}

/* Pages for a copy of the model, its frames and a command's buffers. */
static void warm(const store_state *s)
{
    bench_memory_warm(2 * s->models[0].nbytes + ((size_t)256 << 20));
}

/* ---- whole runs -------------------------------------------------------------------------------
 */

static int store_failed(const zipllm_error *error)
{
    fprintf(stderr, "bitx-bench store: %s\n", error->message);
    return -1;
}

/* Is it another path through the store than the one that the stages are of? */
static int added_otherwise(const store_state *s, int m, const zipllm_add_result *r)
{
    const uint64_t expected = s->models[m].tensors.n;
    if (r->tensors == expected && (m == 0 || r->tensors_delta > 0))
        return 0;
    fprintf(stderr,
            "bitx-bench store: %s: %llu of %llu tensors stored as such, %llu as deltas: not what "
            "the stages measure\n",
            s->models[m].path, (unsigned long long)r->tensors, (unsigned long long)expected,
            (unsigned long long)r->tensors_delta);
    return 1;
}

static int add_models(store_state *s, zipllm_store *store, size_t t, size_t round)
{
    zipllm_error error;
    zipllm_add_result result;
    for (int m = 0; m < MODELS; m++) {
        zipllm_add_options options = ZIPLLM_ADD_OPTIONS_INIT;
        options.name = model_names[m];
        options.base = m == 0 ? "none" : model_names[0];
        warm(s);
        double begin = bench_wall_ns();
        if (zipllm_add(store, s->models[m].path, &options, &result, &error) != ZIPLLM_OK)
            return store_failed(&error);
        s->verbs[t][VERB_ADD][m][round] = (bench_wall_ns() - begin) * 1e-9;
        if (added_otherwise(s, m, &result))
            return -1;
    }
    return 0;
}

static int get_models(store_state *s, zipllm_store *store, size_t t, size_t round)
{
    zipllm_error error;
    char *out = beneath(s, "out");
    int status = 0;
    for (int m = 0; m < MODELS && status == 0; m++) {
        zipllm_get_options options = ZIPLLM_GET_OPTIONS_INIT;
        options.name = model_names[m];
        options.target = out;
        warm(s);
        double begin = bench_wall_ns();
        if (zipllm_get(store, &options, NULL, &error) != ZIPLLM_OK)
            status = store_failed(&error);
        s->verbs[t][VERB_GET][m][round] = (bench_wall_ns() - begin) * 1e-9;
        remove_tree(out);
    }
    free(out);
    return status;
}

/* Opens the store anew for each part, as each command does. */
static int run_verbs(store_state *s, size_t t, size_t round)
{
    zipllm_error error;
    zipllm_options options = ZIPLLM_OPTIONS_INIT;
    char *path = beneath(s, "store");
    bench_executor *pool = bench_executor_new(s->threads[t]);
    bitx_executor executor;
    int status = pool ? 0 : -1;
    if (pool) {
        executor = bench_executor_handle(pool);
        options.executor = &executor;
        if (zipllm_init(path, &error) != ZIPLLM_OK)
            status = store_failed(&error);
    }
    for (int v = 0; v < VERBS && status == 0; v++) {
        zipllm_store *store;
        if (zipllm_open(path, ZIPLLM_SHARED, &options, &store, &error) != ZIPLLM_OK) {
            status = store_failed(&error);
            break;
        }
        status = v == VERB_ADD ? add_models(s, store, t, round) : get_models(s, store, t, round);
        zipllm_close(store);
    }
    bench_executor_free(pool);
    remove_tree(path);
    free(path);
    return status;
}

static int run_rounds(store_state *s)
{
    /* The first one warms up, and is overwritten. */
    for (size_t i = 0; i <= s->nrounds; i++) {
        size_t round = i == 0 ? 0 : i - 1;
        for (int m = 0; m < MODELS; m++) {
            for (int stage = 0; stage < BENCH_STAGE_COUNT; stage++) {
                warm(s);
                double seconds = bench_stage_run(&s->models[m], (bench_stage)stage, s->dir);
                if (seconds < 0)
                    return -1;
                s->stages[m][stage][round] = seconds;
            }
        }
        for (size_t t = 0; t < s->nthreads; t++)
            if (run_verbs(s, t, round) != 0)
                return -1;
    }
    return 0;
}

/* ---- tables -----------------------------------------------------------------------------------
 */

static void summarize(const store_state *s, const double *seconds, bench_summary *out)
{
    bench_summarize(seconds, s->nrounds, out);
}

/* Median seconds of a stage. */
static double stage_seconds(const store_state *s, int model, bench_stage stage)
{
    bench_summary summary;
    summarize(s, s->stages[model][stage], &summary);
    return summary.median;
}

static void print_stages(const store_state *s)
{
    bench_table *t =
        bench_table_new("stages, each alone on one thread", "<stage|<model|GB/s|min-max");
    for (int stage = 0; stage < BENCH_STAGE_COUNT; stage++) {
        for (int m = 0; m < MODELS; m++) {
            bench_summary summary;
            double nbytes = (double)s->models[m].tensors.nbytes * 1e-9;
            summarize(s, s->stages[m][stage], &summary);
            bench_cell(t, "%s", bench_stage_name((bench_stage)stage));
            bench_cell(t, "%s", model_names[m]);
            bench_cell(t, "%.2f", nbytes / summary.median);
            bench_cell(t, "%.2f-%.2f", nbytes / summary.max, nbytes / summary.min);
        }
    }
    bench_table_print(t, stdout);
    bench_table_free(t);
}

typedef struct limit {
    double seconds; /* of the slowest stage, the codec on all threads */
    const char *stage;
    double work; /* seconds of all stages, spread over all threads */
} limit;

static void consider(limit *l, const char *stage, double seconds, double times, unsigned threads)
{
    l->work += seconds * times / threads;
    if (seconds > l->seconds) {
        l->seconds = seconds;
        l->stage = stage;
    }
}

/*
 * What the stages allow a verb. Blocks are coded on all threads; the other stages are sequences of
 * their own, which may run beside them. A fine-tune's blocks need those of its base decoded.
 */
static limit limit_of(const store_state *s, verb v, int m, unsigned threads)
{
    limit l = {0, "", 0};
    double base = m > 0 ? stage_seconds(s, 0, BENCH_STAGE_DECODE) *
                              (double)s->models[m].tensors.paired_nbytes /
                              (double)s->models[0].tensors.nbytes
                        : 0;
    double codec =
        stage_seconds(s, m, v == VERB_ADD ? BENCH_STAGE_ENCODE : BENCH_STAGE_DECODE) + base;
    consider(&l, v == VERB_ADD ? "encode" : "decode", codec / threads, threads, threads);
    if (v == VERB_GET) {
        consider(&l, "write", stage_seconds(s, m, BENCH_STAGE_WRITE), 1, threads);
        return l;
    }
    consider(&l, "SHA-256", stage_seconds(s, m, BENCH_STAGE_SHA256), 1, threads);
    consider(&l, "write", stage_seconds(s, m, BENCH_STAGE_WRITE_FRAMES), 1, threads);
    /* Both passes read and hash; the second one hashes for two names. */
    consider(&l, "read", 2 * stage_seconds(s, m, BENCH_STAGE_READ), 1, threads);
    consider(&l, "XXH3-128", 3 * stage_seconds(s, m, BENCH_STAGE_HASH), 1, threads);
    return l;
}

static void verb_row(store_state *s, bench_table *table, size_t t, verb v, int m, double one)
{
    bench_summary summary;
    const double nbytes = (double)s->models[m].nbytes * 1e-9;
    const limit l = limit_of(s, v, m, s->threads[t]);
    summarize(s, s->verbs[t][v][m], &summary);
    bench_cell(table, "%s", verb_names[v]);
    bench_cell(table, "%s", model_names[m]);
    bench_cell(table, "%u", s->threads[t]);
    bench_cell(table, "%.3f", nbytes / summary.median);
    bench_cell(table, "%.3f-%.3f", nbytes / summary.max, nbytes / summary.min);
    bench_cell(table, "%.2f", one / summary.median);
    bench_cell(table, "%s", l.stage);
    bench_cell(table, "%.3f", nbytes / l.seconds);
    bench_cell(table, "%.2f", l.seconds / summary.median);
    bench_cell(table, "%.2f", l.work / summary.median);
    bench_result *r = bench_results_add(&s->results, "store/%s/%s/threads:%u", verb_names[v],
                                        model_names[m], s->threads[t]);
    r->cpu = summary;
    r->cpu.median *= 1e9; /* wall time: there is no one thread's CPU time here */
    r->cpu.mad *= 1e9;
    r->cpu.min *= 1e9;
    r->cpu.max *= 1e9;
    r->cpu.low *= 1e9;
    r->cpu.high *= 1e9;
    r->real_ns = r->cpu.median;
    r->threads = s->threads[t];
    r->bytes_per_second = nbytes * 1e9 / summary.median;
    bench_counter(r, "bitx_slowest_stage", l.seconds / summary.median);
    bench_counter(r, "bitx_all_stages", l.work / summary.median);
}

static void print_verbs(store_state *s)
{
    bench_table *table = bench_table_new("whole commands",
                                         "<verb|<model|threads|GB/s|min-max|speedup|<slowest stage|"
                                         "GB/s|share|share of all stages");
    for (int v = 0; v < VERBS; v++) {
        for (int m = 0; m < MODELS; m++) {
            bench_summary one;
            summarize(s, s->verbs[0][v][m], &one);
            for (size_t t = 0; t < s->nthreads; t++)
                verb_row(s, table, t, (verb)v, m, one.median);
        }
    }
    bench_table_print(table, stdout);
    bench_table_free(table);
    printf(
        "slowest stage: the rate that it allows, the codec on all threads; all stages: as if "
        "their\nwork were spread over the threads without a gap. A fine-tune's blocks count with "
        "their base's.\n");
}

/* ---- the command ------------------------------------------------------------------------------
 */

static int make_models(store_state *s, const store_options *o, size_t nbytes, uint64_t seed)
{
    char *base = beneath(s, "base"), *tuned = beneath(s, "tuned");
    bench_family made;
    int status = 0;
    if (!o->data) {
        status = bench_family_make(&made, "made", 2e-4, 1, nbytes, seed);
        if (status == 0) {
            status = bench_store_model_write(&made, 1, base);
            if (status == 0)
                status = bench_store_model_write(&made, 0, tuned);
            bench_family_free(&made);
        }
    }
    if (status == 0)
        status = bench_store_model_load(&s->models[0], o->data ? o->base : base, NULL);
    if (status == 0)
        status =
            bench_store_model_load(&s->models[1], o->data ? o->data : tuned, s->models[0].path);
    free(base);
    free(tuned);
    return status;
}

/* "1,2" */
static int parse_threads(store_state *s, const char *text)
{
    char word[16];
    for (const char *at = text; s->nthreads < THREADS_MAX; at++) {
        size_t n = strcspn(at, ",");
        snprintf(word, sizeof(word), "%.*s", (int)(n < 15 ? n : 15), at);
        long value = bench_number("--threads", word, 0, 1, 256);
        if (value < 1)
            return -1;
        s->threads[s->nthreads++] = (unsigned)value;
        at += n;
        if (*at == '\0')
            return 0;
    }
    fprintf(stderr, "bitx-bench store: --threads: at most %d numbers\n", THREADS_MAX);
    return -1;
}

static int run(store_state *s, const store_options *o)
{
    long size = bench_number("--size", o->size, 64, 1, 65536);
    long rounds = bench_number("--rounds", o->rounds, 7, 1, ROUNDS_MAX);
    long seed = bench_number("--seed", o->seed, 1, 1, 1L << 30);
    const char *dir = o->dir ? o->dir : getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    if (size < 0 || rounds < 0 || seed < 0 || parse_threads(s, o->threads ? o->threads : "1,2"))
        return 2;
    if (!o->data != !o->base) {
        fprintf(stderr, "bitx-bench store: --data and --base come together\n");
        return 2;
    }
    s->nrounds = (size_t)rounds;
    if (snprintf(s->dir, sizeof(s->dir), "%s/bitx-bench-store-XXXXXX", dir) >=
            (int)sizeof(s->dir) ||
        !mkdtemp(s->dir)) {
        fprintf(stderr, "bitx-bench store: %s: %s\n", dir, strerror(errno));
        return 2;
    }
    bench_disturb before;
    bench_disturb_read(&before);
    s->results.start = &before;
    int status = make_models(s, o, (size_t)size << 20, (uint64_t)seed);
    if (status == 0)
        status = run_rounds(s);
    remove_tree(s->dir);
    if (status == 0) {
        printf("base %.1f MB, fine-tune %.1f MB, %zu rounds, in %s\n\n",
               (double)s->models[0].nbytes * 1e-6, (double)s->models[1].nbytes * 1e-6, s->nrounds,
               dir);
        print_stages(s);
        print_verbs(s);
        bench_disturb_print(&before, stdout);
        status = bench_results_write(&s->results, &o->outputs);
    }
    return status == 0 ? 0 : 2;
}

int bench_cmd_store(int argc, char **argv)
{
    store_options o;
    memset(&o, 0, sizeof(o));
    const bench_option options[] = {
        {"--data", "DIR", "the fine-tune: a model directory (default: a made one)", &o.data, NULL},
        {"--base", "DIR", "its base, likewise", &o.base, NULL},
        {"--size", "MIB", "of a made model (default 64)", &o.size, NULL},
        {"--threads", "LIST", "numbers of threads (default 1,2); speedup is over the first",
         &o.threads, NULL},
        {"--rounds", "N", "samples of everything (default 7)", &o.rounds, NULL},
        {"--dir", "DIR", "where models and stores are made (default $TMPDIR or /tmp)", &o.dir,
         NULL},
        {"--seed", "N", "of made data (default 1)", &o.seed, NULL},
        BENCH_OUTPUT_OPTIONS(o.outputs),
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench store [options]", options,
                             sizeof(options) / sizeof(options[0]));
    if (status != 0)
        return status == 1 ? 0 : 2;
    store_state *s = calloc(1, sizeof(*s));
    if (!s)
        return 2;
    status = run(s, &o);
    for (int m = 0; m < MODELS; m++)
        bench_store_model_free(&s->models[m]);
    bench_results_free(&s->results);
    free(s);
    return status;
}
