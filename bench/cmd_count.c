/* bitx-bench count: figures that no neighbour moves. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/args.h"
#include "bench/buffers.h"
#include "bench/commands.h"
#include "bench/exact.h"
#include "bench/frame_sizes.h"
#include "bench/words.h"

typedef struct count_options {
    const char *library, *counts, *sizes, *pairs, *ops, *isas, *codecs, *only, *accept, *tolerance,
        *by, *qemu, *call, *cpu;
    int record, all;
    bench_outputs outputs;
} count_options;

/* Its own process for other tools: "OP/ISA/N". */
static int call_once(const char *what)
{
    char op[64], isa[16];
    size_t n;
    if (sscanf(what, "%63[^/]/%15[^/]/%zu", op, isa, &n) == 3)
        return bench_count_call(op, isa, n);
    fprintf(stderr, "bitx-bench count: --call needs OPERATION/ISA/N, not '%s'\n", what);
    return 2;
}

static int measure(const count_options *o, const bench_library *l, bench_exact_options *e)
{
    bench_results results = {0};
    bench_exact_sum sum = {0, 0, 0};
    if (o->record)
        return bench_exact_record(l, e) == 0 ? 0 : 2;
    e->results = &results;
    int malformed = bench_exact_run(l, NULL, e, &sum);
    int written = bench_results_write(&results, &o->outputs);
    bench_results_free(&results);
    if (malformed || written)
        return 2;
    return sum.alarms || sum.wrong ? 1 : sum.holes ? 4 : 0;
}

static int run(const count_options *o)
{
    bench_library l;
    bench_exact_options e;
    char self[4096];
    long mille =
        bench_number("--tolerance", o->tolerance, (long)(1000 * BENCH_COUNT_TOLERANCE), 0, 10000);
    long cpu = bench_number("--cpu", o->cpu, -2, 0, 4095);
    if (mille < 0 || cpu == -1)
        return 2;
    if (o->by && strcmp(o->by, "steps") != 0 && strcmp(o->by, "callgrind") != 0) {
        fprintf(stderr, "bitx-bench count: --by %s: neither 'steps' nor 'callgrind'\n", o->by);
        return 2;
    }
    if (o->record && !o->counts && !o->sizes) {
        fprintf(stderr, "bitx-bench count: --record needs --counts or --sizes, the files\n");
        return 2;
    }
    if (bench_check_list("--ops", o->ops, bench_op_or_none_word) ||
        bench_check_list("--isa", o->isas, bench_isa_word) ||
        bench_check_list("--codecs", o->codecs, bench_size_coder_word))
        return 2;
    memset(&e, 0, sizeof(e));
    e.counts = o->counts ? o->counts : o->sizes ? NULL : "/dev/null";
    e.sizes = o->sizes;
    e.pairs = o->pairs;
    e.ops = o->ops;
    e.isas = o->isas;
    e.codecs = o->codecs;
    e.only = o->only;
    e.accept = o->accept;
    e.qemu_program = o->qemu;
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length > 0 ? length : 0] = '\0';
    e.self = o->by && strcmp(o->by, "callgrind") == 0 ? self : NULL;
    e.tolerance = (double)mille / 1000;
    e.seed = 1;
    e.all = o->all || !o->counts;
    if (o->sizes && !o->pairs) {
        fprintf(stderr, "bitx-bench count: --sizes needs --family, what they are of\n");
        return 2;
    }
    (void)bench_pin(cpu >= 0 ? (int)cpu : -1); /* both processes on one CPU: no waking of another */
    if (!o->library)
        bench_library_own(&l);
    else if (bench_library_open(&l, o->library) != 0)
        return 2;
    int status = measure(o, &l, &e);
    bench_library_close(&l);
    return status;
}

int bench_cmd_count(int argc, char **argv)
{
    count_options o;
    memset(&o, 0, sizeof(o));
    const bench_option options[] = {
        {"--counts", "FILE", "instruction counts that are expected", &o.counts, NULL},
        {"--sizes", "FILE", "frame sizes that are expected", &o.sizes, NULL},
        {"--family", "FILE", "lines of 'DATA BASE', what sizes are of", &o.pairs, NULL},
        {"--record", NULL, "write those files instead", NULL, &o.record},
        {"--library", "LIB.so", "another build (default: this program's own)", &o.library, NULL},
        {"--ops", "LIST", "operations (default: all)", &o.ops, NULL},
        {"--isa", "LIST", "scalar, avx2, avx512, neon (default: all)", &o.isas, NULL},
        {"--codecs", "LIST", "raw, zstd, bitx, float, delta, auto, fast, max (default: all)",
         &o.codecs, NULL},
        {"--only", "TEXT", "figures with this in their name", &o.only, NULL},
        {"--tolerance", "PER-MILLE", "more instructions that are no alarm (default 2)",
         &o.tolerance, NULL},
        {"--accept", "LIST", "parts of names whose alarms are wanted", &o.accept, NULL},
        {"--by", "TOOL", "steps (default) or callgrind (scalar and avx2)", &o.by, NULL},
        {"--qemu-program", "FILE", "for neon where the CPU has none: qemu_count.c's program",
         &o.qemu, NULL},
        {"--all", NULL, "show unchanged figures too", NULL, &o.all},
        {"--cpu", "N", "CPU to run on (default: the current one)", &o.cpu, NULL},
        {"--call", "OP/ISA/N", "call it once, for a tool that watches this process", &o.call, NULL},
        {"--json", "FILE", "results in Google Benchmark's schema", &o.outputs.json, NULL},
        {"--csv", "FILE", "results as CSV", &o.outputs.csv, NULL},
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench count [options]", options,
                             sizeof(options) / sizeof(options[0]));
    if (status != 0)
        return status == 1 ? 0 : 2;
    return o.call ? call_once(o.call) : run(&o);
}
