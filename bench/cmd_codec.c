/* bitx-bench codec: every coder on the same tensors, by size and speed. */
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/args.h"
#include "bench/bits.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/codec_run.h"
#include "bench/disturb.h"
#include "bench/ideal.h"
#include "bench/results.h"
#include "bench/table.h"
#include "bench/totals.h"

enum { MAX_CODECS = 48 };

typedef struct codec_options {
    const char *data, *base, *dtype, *pairs, *codecs, *rounds, *threads, *size, *made, *timing,
        *cpu, *seed;
    int sizes_only, brief;
    bench_outputs outputs;
} codec_options;

typedef struct codec_state {
    const codec_options *o;
    bench_codec_params params;
    bench_codec_result results[MAX_CODECS];
    size_t nresults;
    bitx_dtype dtype;
    unsigned nthreads;
    cpu_set_t all_cpus;
    bench_results out;
    bench_totals totals;
    size_t npairs, nwrong;
} codec_state;

static const struct {
    const char *name;
    double s, share;
} made_families[] = {
    {"s1e-5", 1e-5, 1}, {"s2e-4", 2e-4, 1}, {"s1e-3", 1e-3, 1}, {"sparse", 2e-4, 0.012}};
enum { NMADE = sizeof(made_families) / sizeof(made_families[0]) };

static double element_count(const bench_family *f)
{
    double n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += (double)f->at[i].nbytes / (double)bench_unit_nbytes(f->at[i].dtype);
    return n;
}

static void speed_cells(bench_table *t, const bench_codec_speed *s, double nbytes, double cycles)
{
    if (s->ns.n == 0) {
        for (int i = 0; i < 5; i++)
            bench_cell(t, "-");
        return;
    }
    bench_cell(t, "%.3f", nbytes / s->ns.median);
    bench_cell(t, "%.3f-%.3f", nbytes / s->ns.high, nbytes / s->ns.low);
    bench_cell(t, "%.3f", s->memcpy.median);
    if (s->roofline.n)
        bench_cell(t, "%.3f", s->roofline.median);
    else
        bench_cell(t, "-");
    if (cycles > 0)
        bench_cell(t, "%.2f", cycles);
    else
        bench_cell(t, "-");
}

static void result_row(codec_state *s, bench_table *t, const bench_codec_result *r,
                       unsigned nthreads)
{
    const bench_family *f = s->params.family;
    double timed = (double)bench_codec_timed_nbytes(&s->params);
    double nelem = element_count(f), timed_nelem = timed * nelem / (double)f->nbytes;
    bench_cell(t, "%s", r->codec->name);
    bench_cell(t, "%u", nthreads);
    if (r->failure) {
        bench_cell(t, "n/a");
        for (int i = 0; i < 11; i++)
            bench_cell(t, "-");
        bench_cell(t, "%s", r->failure);
        return;
    }
    double ghz = nthreads == 1 ? s->params.ghz : 0;
    bench_cell(t, "%.4f", (double)r->total / (double)f->nbytes);
    bench_cell(t, "%.3f", 8 * (double)r->total / nelem);
    speed_cells(t, &r->encode, timed, r->encode.ns.median * ghz / timed_nelem);
    speed_cells(t, &r->decode, timed, r->decode.ns.median * ghz / timed_nelem);
    if (r->encode.ns.n == 0)
        bench_cell(t, "not timed");
    else
        bench_cell(t, "%s/%s", bench_verdict_name(r->encode.verdict),
                   bench_verdict_name(r->decode.verdict));
}

static void add_speed(codec_state *s, const bench_codec_result *r, const char *direction,
                      unsigned nthreads, bench_codec_speed *speed)
{
    const bench_family *f = s->params.family;
    double timed = (double)bench_codec_timed_nbytes(&s->params);
    double nelem = element_count(f) * timed / (double)f->nbytes;
    char threads[32] = "";
    if (speed->ns.n == 0)
        return;
    if (nthreads > 1)
        snprintf(threads, sizeof(threads), "/threads:%u", nthreads);
    bench_result *x = bench_results_add(&s->out, "codec/%s/%s/%s%s", r->codec->name, f->label,
                                        direction, threads);
    x->threads = nthreads;
    x->iterations = speed->reps;
    x->real_ns = speed->wall_ns;
    x->cpu = speed->ns;
    x->samples = speed->samples; /* its owner from here on */
    speed->samples = NULL;
    x->bytes_per_second = timed / speed->ns.median * 1e9;
    x->verdict = speed->verdict;
    bench_counter(x, "bitx_ratio", (double)r->total / (double)f->nbytes);
    bench_counter(x, "bitx_memcpy", speed->memcpy.median);
    if (speed->roofline.n)
        bench_counter(x, "bitx_roofline", speed->roofline.median);
    if (nthreads == 1 && s->params.ghz > 0)
        bench_counter(x, "bitx_cycles_per_element", speed->ns.median * s->params.ghz / nelem);
}

static void add_json(codec_state *s, unsigned nthreads)
{
    for (size_t i = 0; i < s->nresults; i++) {
        if (s->results[i].failure && nthreads == 1)
            bench_results_add_absent(&s->out, s->results[i].failure, "codec/%s/%s",
                                     s->results[i].codec->name, s->params.family->label);
        if (s->results[i].failure ||
            (nthreads > 1 && !(s->results[i].codec->flags & BENCH_CODEC_THREADS)))
            continue;
        add_speed(s, &s->results[i], "encode", nthreads, &s->results[i].encode);
        add_speed(s, &s->results[i], "decode", nthreads, &s->results[i].decode);
    }
}

static void print_roles(const codec_state *s)
{
    const bench_family *f = s->params.family;
    double nbytes[BENCH_ROLE_COUNT + 1] = {0};
    for (size_t i = 0; i < f->n; i++)
        nbytes[f->at[i].base ? f->at[i].role : BENCH_ROLE_COUNT] += (double)f->at[i].nbytes;
    char heads[256] = "<coder";
    for (int k = 0; k <= BENCH_ROLE_COUNT; k++)
        if (nbytes[k] > 0)
            snprintf(heads + strlen(heads), sizeof(heads) - strlen(heads), "|%s",
                     k < BENCH_ROLE_COUNT ? bench_role_name((bench_role)k) : "without base");
    strcat(heads, "|all with base");
    bench_table *t = bench_table_new("compressed/original by kind of tensor", heads);
    bench_cell(t, "(bytes)");
    for (int k = 0; k <= BENCH_ROLE_COUNT; k++)
        if (nbytes[k] > 0)
            bench_cell(t, "%.0f", nbytes[k]);
    bench_cell(t, "%zu", f->paired_nbytes);
    for (size_t i = 0; i < s->nresults; i++) {
        const bench_codec_result *r = &s->results[i];
        if (r->failure || (r->codec->flags & BENCH_CODEC_WHOLE))
            continue;
        double coded[BENCH_ROLE_COUNT + 1] = {0};
        for (size_t j = 0; j < f->n; j++)
            coded[f->at[j].base ? f->at[j].role : BENCH_ROLE_COUNT] += (double)r->tensor_nbytes[j];
        bench_cell(t, "%s", r->codec->name);
        for (int k = 0; k <= BENCH_ROLE_COUNT; k++)
            if (nbytes[k] > 0)
                bench_cell(t, "%.4f", coded[k] / nbytes[k]);
        if (f->paired_nbytes)
            bench_cell(t, "%.4f", (double)r->paired / (double)f->paired_nbytes);
        else
            bench_cell(t, "n/a");
    }
    bench_table_print(t, stdout);
    bench_table_free(t);
}

static void print_ideals(const bench_family *f)
{
    for (int d = 0; d < BITX_DTYPE_COUNT; d++) {
        bench_ideal ideal;
        bench_ideal_measure(f, (bitx_dtype)d, &ideal);
        if (ideal.nelem > 0)
            printf("%s: %.1f%% of %.0f weights changed; ideal order 0: fm-delta %.4f (%.3f bits), "
                   "given the base's exponent %.4f (%.3f bits)\n",
                   bitx_dtype_name((bitx_dtype)d), 100 * ideal.nchanged / ideal.nelem, ideal.nelem,
                   ideal.fmdelta_nbytes / ideal.nbytes, 8 * ideal.fmdelta_nbytes / ideal.nelem,
                   ideal.exponent_nbytes / ideal.nbytes, 8 * ideal.exponent_nbytes / ideal.nelem);
    }
}

/* Which bits changed, for people and for the report. */
static void add_bits(codec_state *s, const bench_family *f)
{
    for (int d = 0; d < BITX_DTYPE_COUNT; d++) {
        bench_bits bits;
        if (bench_bits_count(f, (bitx_dtype)d, &bits) != 0)
            continue;
        bench_bits_print(&bits, stdout);
        bench_results_add_bits(&s->out, &bits);
    }
    putchar('\n');
}

/* Sizes, then speeds with one thread, then with several. */
static int measure_family(codec_state *s, bench_table *t)
{
    for (size_t i = 0; i < s->nresults; i++) {
        bench_codec_verify(&s->params, s->results[i].codec, &s->results[i]);
        s->nwrong += (size_t)s->results[i].wrong;
    }
    if (!s->o->sizes_only && bench_codec_time(&s->params, s->results, s->nresults) != 0) {
        fprintf(stderr, "bitx-bench codec: out of memory\n");
        return -1;
    }
    for (size_t i = 0; i < s->nresults; i++)
        result_row(s, t, &s->results[i], 1);
    add_json(s, 1);
    return 0;
}

static int measure_threads(codec_state *s, bench_table *t)
{
    cpu_set_t pinned;
    bench_codec_result results[MAX_CODECS];
    int any = 0;
    memcpy(results, s->results, sizeof(results));
    for (size_t i = 0; i < s->nresults; i++) {
        memset(&s->results[i].encode, 0, sizeof(s->results[i].encode));
        memset(&s->results[i].decode, 0, sizeof(s->results[i].decode));
        any |= !s->results[i].failure && (s->results[i].codec->flags & BENCH_CODEC_THREADS);
    }
    if (!any || sched_getaffinity(0, sizeof(pinned), &pinned) != 0)
        return 0;
    /* Pools inherit the affinity of the thread that makes them. */
    sched_setaffinity(0, sizeof(s->all_cpus), &s->all_cpus);
    s->params.nthreads = s->nthreads;
    int status = bench_codec_time(&s->params, s->results, s->nresults);
    sched_setaffinity(0, sizeof(pinned), &pinned);
    for (size_t i = 0; i < s->nresults && status == 0; i++)
        if (!s->results[i].failure && (s->results[i].codec->flags & BENCH_CODEC_THREADS))
            result_row(s, t, &s->results[i], s->nthreads);
    add_json(s, s->nthreads);
    s->params.nthreads = 1;
    for (size_t i = 0; i < s->nresults; i++)
        s->nwrong += s->results[i].wrong && !results[i].wrong;
    return status;
}

static int run_family(codec_state *s, const bench_family *f)
{
    char title[512];
    s->params.family = f;
    s->params.ghz = bench_clock_ghz();
    printf("== %s: %zu tensors, %.1f MB, %.1f MB with a base; timed: the first %.1f MB\n", f->label,
           f->n, (double)f->nbytes / 1e6, (double)f->paired_nbytes / 1e6,
           (double)bench_codec_timed_nbytes(&s->params) / 1e6);
    print_ideals(f);
    add_bits(s, f);
    fflush(stdout);
    snprintf(
        title, sizeof(title),
        "GB/s of the fine-tune, with 95%% intervals: thread CPU time with one thread, wall time "
        "with more");
    bench_table *t =
        bench_table_new(title, "<coder|threads|ratio|bits/wt|encode|interval|x memcpy|x roof|"
                               "cyc/wt|decode|interval|x memcpy|x roof|cyc/wt|<verdicts");
    int status = measure_family(s, t);
    if (status == 0) {
        bench_totals_add(&s->totals, f, s->results, s->nresults);
        s->npairs++;
        if (!s->o->sizes_only && s->nthreads > 1)
            status = measure_threads(s, t);
    }
    bench_table_print(t, stdout);
    bench_table_free(t);
    if (status == 0 && f->paired_nbytes && !s->o->brief)
        print_roles(s);
    for (size_t i = 0; i < s->nresults; i++)
        bench_codec_result_free(&s->results[i]);
    fflush(stdout);
    return status;
}

static int run_loaded(codec_state *s, const char *data, const char *base)
{
    bench_family f;
    if (bench_family_load(&f, data, base, s->dtype) != 0)
        return -1;
    int status = run_family(s, &f);
    bench_family_free(&f);
    return status;
}

static const char *made_word(size_t index)
{
    return index < NMADE ? made_families[index].name : NULL;
}

static int run_made(codec_state *s, size_t nbytes)
{
    int status = 0;
    for (size_t i = 0; i < NMADE && status == 0; i++) {
        if (!bench_in_list(s->o->made, made_families[i].name))
            continue;
        bench_family f;
        status = bench_family_make(&f, made_families[i].name, made_families[i].s,
                                   made_families[i].share, nbytes, s->params.seed);
        if (status == 0)
            status = run_family(s, &f);
        bench_family_free(&f);
    }
    return status;
}

/* Lines of "DATA BASE"; "-" for no base; # begins a comment. */
static int run_pairs(codec_state *s, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[8192], data[4096], base[4096];
    int status = 0;
    if (!file) {
        fprintf(stderr, "bitx-bench codec: %s: %s\n", path, strerror(errno));
        return -1;
    }
    for (unsigned number = 1; status == 0 && fgets(line, sizeof(line), file); number++) {
        line[strcspn(line, "#\n")] = '\0';
        int words = sscanf(line, "%4095s %4095s", data, base);
        if (words == 2)
            status = run_loaded(s, data, strcmp(base, "-") == 0 ? NULL : base);
        else if (words == 1)
            fprintf(stderr, "bitx-bench codec: %s:%u: a base or '-' is missing\n", path, number);
        status = words == 1 ? -1 : status;
    }
    fclose(file);
    return status;
}

static int select_codecs(codec_state *s, const char *list)
{
    for (size_t i = 0; bench_codec_at(i); i++)
        if (bench_in_list(list, bench_codec_at(i)->name) && s->nresults < MAX_CODECS)
            s->results[s->nresults++].codec = bench_codec_at(i);
    size_t wanted = 0;
    for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        wanted++;
    if (s->nresults > 0 && (!list || wanted == s->nresults))
        return 0;
    fprintf(stderr, "bitx-bench codec: --codec %s: unknown or repeated name; there are:\n", list);
    for (size_t i = 0; bench_codec_at(i); i++)
        fprintf(stderr, "  %s\n", bench_codec_at(i)->name);
    return -1;
}

static void print_methods(const codec_state *s)
{
    bench_table *t = bench_table_new("coders", "<name|<version|<method");
    for (size_t i = 0; i < s->nresults; i++) {
        bench_cell(t, "%s", s->results[i].codec->name);
        bench_cell(t, "%s", s->results[i].codec->version());
        bench_cell(t, "%s", s->results[i].codec->method);
    }
    bench_table_print(t, stdout);
    bench_table_free(t);
}

/* MiB, or KiB with a K behind the number: a block with its base in L2. 0 after an error. */
static size_t parse_size(const char *text)
{
    char digits[32];
    snprintf(digits, sizeof(digits), "%s", text ? text : "32");
    size_t n = strlen(digits);
    int is_kib = n > 1 && digits[n - 1] == 'K';
    digits[is_kib ? n - 1 : n] = '\0';
    long size = is_kib ? bench_number("--size", digits, 0, 4, 4096)
                       : bench_number("--size", digits, 0, 1, 4096);
    return size < 0 ? 0 : (size_t)size << (is_kib ? 10 : 20);
}

static int parse_options(codec_state *s, const codec_options *o, size_t *made_nbytes)
{
    long rounds = bench_number("--rounds", o->rounds, 9, 6, 1000);
    long threads = bench_number("--threads", o->threads, -2, 1, 1024);
    size_t made = parse_size(o->size);
    long timing = bench_number("--timing", o->timing, 16, 1, 65536);
    long cpu = bench_number("--cpu", o->cpu, -2, 0, 4095);
    long seed = bench_number("--seed", o->seed, 1, 1, 1L << 30);
    if (rounds < 0 || threads == -1 || made == 0 || timing < 0 || cpu == -1 || seed < 0)
        return -1;
    if (o->base && !o->data) {
        fprintf(stderr, "bitx-bench codec: --base without --data\n");
        return -1;
    }
    s->dtype = o->dtype ? bitx_dtype_parse(o->dtype, strlen(o->dtype)) : BITX_BYTES;
    if (bench_check_list("--made", o->made, made_word) != 0)
        return -1;
    if (s->dtype == BITX_DTYPE_COUNT) {
        fprintf(stderr, "bitx-bench codec: --dtype %s: no such dtype (BF16, F16, F32, ...)\n",
                o->dtype);
        return -1;
    }
    sched_getaffinity(0, sizeof(s->all_cpus), &s->all_cpus);
    int ncpus = CPU_COUNT(&s->all_cpus);
    s->nthreads = threads > 0 ? (unsigned)threads : ncpus > 1 ? 2 : 1;
    if (bench_pin(cpu >= 0 ? (int)cpu : -1) < 0) {
        fprintf(stderr, "bitx-bench codec: cannot run on CPU %ld\n", cpu);
        return -1;
    }
    s->params.nrounds = (size_t)rounds;
    s->params.nthreads = 1;
    s->params.timing_nbytes = (size_t)timing << 20;
    s->params.seed = (uint64_t)seed;
    *made_nbytes = made;
    return 0;
}

static int run(const codec_options *o)
{
    size_t made_nbytes;
    codec_state *s = calloc(1, sizeof(*s));
    if (!s)
        return 2;
    bench_disturb before;
    bench_disturb_read(&before);
    s->out.start = &before;
    s->o = o;
    if (parse_options(s, o, &made_nbytes) != 0 || select_codecs(s, o->codecs) != 0) {
        free(s);
        return 2;
    }
    /* Coders that allocate at each call would fault on fresh pages each time; keep them instead. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    if (!o->brief)
        print_methods(s);
    int status = o->pairs  ? run_pairs(s, o->pairs)
                 : o->data ? run_loaded(s, o->data, o->base)
                           : run_made(s, made_nbytes);
    if (s->npairs > 1) {
        printf("== all %zu together\n", s->npairs);
        bench_totals_print(&s->totals, stdout);
    } else if (s->npairs == 1 && !o->brief) {
        bench_totals_print(&s->totals, stdout);
    }
    bench_disturb_print(&before, stdout);
    int written = bench_results_write(&s->out, &o->outputs);
    bench_results_free(&s->out);
    int code = status != 0 ? 2 : s->nwrong ? 1 : written;
    free(s);
    return code;
}

int bench_cmd_codec(int argc, char **argv)
{
    codec_options o;
    memset(&o, 0, sizeof(o));
    const bench_option options[] = {
        {"--data", "PATH", "fine-tune: safetensors file, model directory, or raw file", &o.data,
         NULL},
        {"--base", "PATH", "its base, likewise", &o.base, NULL},
        {"--dtype", "NAME", "element type of raw files (default: bytes)", &o.dtype, NULL},
        {"--pairs", "FILE", "lines of 'DATA BASE' ('-': no base), with totals over all", &o.pairs,
         NULL},
        {"--made", "LIST", "without data: s1e-5, s2e-4, s1e-3, sparse (default: all)", &o.made,
         NULL},
        {"--size", "MIB", "of a made family; 256K: in KiB (default 32)", &o.size, NULL},
        {"--codec", "LIST", "coders, comma-separated (default: all)", &o.codecs, NULL},
        {"--sizes-only", NULL, "verify and count bytes, no timing", NULL, &o.sizes_only},
        {"--brief", NULL, "the table of speeds only", NULL, &o.brief},
        {"--timing", "MIB", "time the first so many MiB of tensors (default 16)", &o.timing, NULL},
        {"--rounds", "N", "samples of each coder and direction (default 9)", &o.rounds, NULL},
        {"--threads", "N", "second pass with so many (default 2; 1: none)", &o.threads, NULL},
        {"--cpu", "N", "CPU to run on (default: the current one)", &o.cpu, NULL},
        {"--seed", "N", "of made data and the order of samples (default 1)", &o.seed, NULL},
        BENCH_OUTPUT_OPTIONS(o.outputs),
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench codec [options]", options,
                             sizeof(options) / sizeof(options[0]));
    return status == 0 ? run(&o) : status == 1 ? 0 : 2;
}
