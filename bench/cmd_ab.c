/* bitx-bench ab: two libraries, every operation and codec that both have. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/args.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/compare_print.h"
#include "bench/disturb.h"
#include "bench/words.h"
#include "bench/fitness.h"
#include "bench/sources.h"

typedef struct ab_options {
    const char *ops, *isas, *sets, *codecs, *only, *budget, *cpu, *seed, *pairs, *markdown;
    int no_selftest;
    bench_outputs outputs;
} ab_options;

static void progress(const bench_compare *c, size_t done)
{
    if (done % 32 == 0 && done < c->n)
        fprintf(stderr, "bitx-bench ab: %zu of %zu cases\n", done, c->n);
}

static int write_markdown(const bench_compare *c, const char *path)
{
    if (!path)
        return 0;
    FILE *f = fopen(path, "a"); /* a step summary is added to */
    if (!f) {
        fprintf(stderr, "bitx-bench ab: %s: %s\n", path, strerror(errno));
        return 2;
    }
    bench_compare_markdown(c, f);
    return fclose(f) == 0 ? 0 : 2;
}

static int compare(bench_compare *c, const ab_options *o)
{
    bench_results results = {0};
    bench_disturb before;
    bench_disturb_read(&before);
    results.start = &before;
    if (bench_compare_plan(c) != 0)
        return 2;
    if (c->n == 0) {
        fprintf(stderr, "bitx-bench ab: no case that both libraries and the options allow\n");
        return 2;
    }
    printf("old %s\nnew %s\n", c->base->path, c->head->path);
    fflush(stdout);
    if (!o->no_selftest && !bench_machine_is_fit(c->o->seed, stdout))
        return 3;
    bench_compare_run(c, progress);
    bench_compare_print(c, stdout);
    bench_compare_print_sum(c, stdout);
    bench_disturb_print(&before, stdout);
    bench_compare_results(c, &results);
    int written = bench_results_write(&results, &o->outputs);
    bench_results_free(&results);
    int marked = write_markdown(c, o->markdown);
    return written ? written : marked ? marked : bench_compare_exit(c);
}

static int run(const ab_options *o, const char *base_path, const char *head_path)
{
    bench_library base, head;
    bench_compare_options options = {o->ops, o->isas, o->sets, o->codecs, o->only,
                                     NULL,   0,       1,       NULL,      0};
    bench_compare c = {.base = &base, .head = &head, .o = &options};
    bench_sources sources;
    long budget = bench_number("--budget", o->budget, 540, 1, 100000);
    long cpu = bench_number("--cpu", o->cpu, -2, 0, 4095);
    long seed = bench_number("--seed", o->seed, 1, 1, 1L << 30);
    if (budget < 0 || cpu == -1 || seed < 0 ||
        bench_check_list("--ops", o->ops, bench_op_or_none_word) ||
        bench_check_list("--isa", o->isas, bench_isa_word) ||
        bench_check_list("--ws", o->sets, bench_ws_word) ||
        bench_check_list("--codecs", o->codecs, bench_compare_codec_word))
        return 2;
    if (bench_pin(cpu >= 0 ? (int)cpu : -1) < 0) {
        fprintf(stderr, "bitx-bench ab: cannot run on CPU %ld\n", cpu);
        return 2;
    }
    if (bench_library_open(&base, base_path) != 0)
        return 2;
    int status = 2;
    if (bench_library_open(&head, head_path) != 0)
        goto close_base;
    if (bench_sources_load(&sources, o->pairs, (uint64_t)seed) != 0)
        goto close_head;
    options.sets = o->sets ? o->sets : "L2,DRAM";
    options.budget_s = (double)budget;
    options.seed = (uint64_t)seed;
    options.families = sources.at;
    options.nfamilies = sources.n;
    bench_caches_read(&c.caches);
    if (bench_in_list(options.sets, "L3") || bench_in_list(options.sets, "DRAM"))
        bench_caches_find_knee(&c.caches, (size_t)512 << 20);
    status = compare(&c, o);
    bench_compare_free(&c);
    bench_sources_free(&sources);
close_head:
    bench_library_close(&head);
close_base:
    bench_library_close(&base);
    return status;
}

int bench_cmd_ab(int argc, char **argv)
{
    ab_options o;
    memset(&o, 0, sizeof(o));
    const bench_option options[] = {
        {"--ops", "LIST", "operations; 'none' (default: all)", &o.ops, NULL},
        {"--isa", "LIST", "scalar, avx2, avx512, neon (default: all)", &o.isas, NULL},
        {"--ws", "LIST", "working sets: L1, L2, L3, DRAM (default: L2,DRAM)", &o.sets, NULL},
        {"--codecs", "LIST", "raw, zstd, bitx, float, delta, auto; 'none' (default: all)",
         &o.codecs, NULL},
        {"--only", "TEXT", "cases with this in their name", &o.only, NULL},
        {"--pairs", "FILE", "lines of 'DATA BASE' for the codecs (default: made BF16)", &o.pairs,
         NULL},
        {"--budget", "SECONDS", "fewer rounds rather than more time (default 540)", &o.budget,
         NULL},
        {"--no-selftest", NULL, "trust this machine", NULL, &o.no_selftest},
        {"--cpu", "N", "CPU to run on (default: the current one)", &o.cpu, NULL},
        {"--seed", "N", "of the data and the order of samples (default 1)", &o.seed, NULL},
        {"--markdown", "FILE", "append a summary, as CI shows it", &o.markdown, NULL},
        BENCH_OUTPUT_OPTIONS(o.outputs),
    };
    enum { NOPTIONS = sizeof(options) / sizeof(options[0]) };
    const char *usage = "usage: bitx-bench ab OLD.so NEW.so [options]";
    if (argc < 3 || argv[1][0] == '-' || argv[2][0] == '-') {
        int help = argc > 1 && bench_parse(2, argv, usage, options, NOPTIONS) == 1;
        if (!help)
            fprintf(stderr, "%s\n", usage);
        return help ? 0 : 2;
    }
    int status = bench_parse(argc - 2, argv + 2, usage, options, NOPTIONS);
    return status == 0 ? run(&o, argv[1], argv[2]) : status == 1 ? 0 : 2;
}
