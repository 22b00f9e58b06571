/*
 * bitx-bench selftest: can this machine tell 10% from nothing? The same kernel against itself, and
 * against itself with a tenth of its work done twice.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/ab.h"
#include "bench/args.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/disturb.h"
#include "bench/kernel.h"
#include "bench/selftest.h"
#include "bench/table.h"

enum { UNFIT = 3 };

static void do_nothing(void *arg, uint64_t reps)
{
    (void)arg;
    (void)reps;
}

/* What bench_take() costs beside the work: the thread CPU time of empty samples. */
static double overhead_ns(void)
{
    enum { N = 2000 };
    bench_case nothing = {do_nothing, NULL, 0};
    bench_sample s;
    double start = bench_cpu_ns();
    for (int i = 0; i < N; i++)
        bench_take(&nothing, &s);
    return (bench_cpu_ns() - start) / N;
}

/* A process that keeps a CPU and the memory bus busy until it is killed. -1: could not be made. */
static pid_t busy_neighbour(int cpu)
{
    enum { NBYTES = 64 << 20 };
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    uint8_t *p = malloc(NBYTES);
    (void)bench_pin(cpu);
    if (!p)
        _exit(1);
    for (uint8_t x = 0; getppid() != 1; x++)
        memset(p, x, NBYTES);
    _exit(0);
}

static void stop_neighbour(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

typedef struct selftest_options {
    const char *trials, *planted, *slowdown, *busy, *cpu, *seed, *op;
} selftest_options;

static void print_tally(const char *what, const bench_selftest_tally *t)
{
    printf("%-28s %4zu trials: %4zu same, %3zu slower, %3zu faster, %3zu inconclusive; "
           "median off by at most %.1f%%, interval at most %.1f%% wide\n",
           what, t->trials, t->count[BENCH_AB_SAME], t->count[BENCH_AB_SLOWER],
           t->count[BENCH_AB_FASTER], t->count[BENCH_AB_INCONCLUSIVE], 100 * t->largest,
           100 * t->widest);
    fflush(stdout);
}

static int verdict(const bench_kernel_loop *loop, size_t trials, size_t planted, double slowdown,
                   uint64_t seed)
{
    bench_selftest_tally same, slow;
    char label[64];
    uint64_t rng = seed;
    double overhead = overhead_ns();
    snprintf(label, sizeof(label), "planted slowdown of %.0f%%", 100 * slowdown);
    if (bench_selftest_run(loop, 0, trials, &rng, &same) != 0)
        return 2;
    print_tally("A/A, the same kernel", &same);
    if (bench_selftest_run(loop, slowdown, planted, &rng, &slow) != 0)
        return 2;
    print_tally(label, &slow);
    printf("false alarms %zu of %zu; planted found %zu of %zu; harness %.2f us a sample (%.2f%% of "
           "%.1f ms)\n",
           same.count[BENCH_AB_SLOWER] + same.count[BENCH_AB_FASTER], trials,
           slow.count[BENCH_AB_SLOWER], planted, overhead / 1e3, 100 * overhead / BENCH_BATCH_NS,
           BENCH_BATCH_NS / 1e6);
    int fit = bench_selftest_fit(&same, &slow);
    printf("this machine is %s\n", fit ? "fit to compare kernels" : "UNFIT: do not gate on it");
    return fit ? 0 : UNFIT;
}

static int run(const selftest_options *o)
{
    long trials = bench_number("--trials", o->trials, 20, 1, 100000);
    long planted = bench_number("--planted", o->planted, trials > 4 ? trials / 5 : 1, 1, 100000);
    long percent = bench_number("--slowdown", o->slowdown, 10, 1, 100);
    long cpu = bench_number("--cpu", o->cpu, -2, 0, 4095);
    long seed = bench_number("--seed", o->seed, 1, 1, 1L << 30);
    if (trials < 0 || planted < 0 || percent < 0 || cpu == -1 || seed < 0)
        return 2;
    const char *name = o->op ? o->op : "xor_split_bf16";
    bench_kernel_params p;
    memset(&p, 0, sizeof(p));
    for (size_t i = 0; bitx_op_at(i); i++)
        if (strcmp(bitx_op_at(i)->name, name) == 0)
            p.op = bitx_op_at(i);
    int busy_same = o->busy && strcmp(o->busy, "same") == 0;
    if (!p.op || (o->busy && !busy_same && strcmp(o->busy, "other") != 0)) {
        fprintf(stderr, "bitx-bench selftest: %s\n",
                p.op ? "--busy is 'same' or 'other'" : "--op: no such operation");
        return 2;
    }
    int pinned = bench_pin(cpu >= 0 ? (int)cpu : -1);
    if (pinned < 0) {
        fprintf(stderr, "bitx-bench selftest: cannot run on CPU %ld\n", cpu);
        return 2;
    }
    bitx_sig sig;
    bench_caches caches;
    bench_set set;
    bench_caches_read(&caches);
    p.isa = bitx_isa_name(bitx_isa_active());
    p.fn = bitx_op_find(p.op->name, p.isa, &sig);
    p.reference = bitx_op_find(p.op->name, "scalar", &sig);
    p.set_nbytes = bench_ws_nbytes(&caches, BENCH_WS_L2);
    p.seed = (uint64_t)seed;
    bench_kernel_loop loop = {p.op, bench_driver_for(p.op->sig), p.fn, &set, 0, 0};
    const char *failure = bench_kernel_setup(&p, &set, &loop.nelem);
    if (failure) {
        fprintf(stderr, "bitx-bench selftest: %s/%s: %s\n", p.op->name, p.isa, failure);
        return 2;
    }
    bench_disturb before;
    bench_disturb_read(&before);
    pid_t neighbour = 0;
    if (o->busy)
        neighbour = busy_neighbour(busy_same ? pinned : (pinned + 1) % 2);
    printf("%s/%s at L2 size on CPU %d, %d rounds of ABBA a run%s%s\n", p.op->name, p.isa, pinned,
           BENCH_AB_ROUNDS, neighbour > 0 ? ", busy neighbour: " : "",
           neighbour > 0 ? o->busy : "");
    fflush(stdout);
    int status = verdict(&loop, (size_t)trials, (size_t)planted, (double)percent / 100, p.seed);
    stop_neighbour(neighbour);
    bench_disturb_print(&before, stdout);
    bench_set_unmap(&set);
    return status;
}

int bench_cmd_selftest(int argc, char **argv)
{
    selftest_options o;
    memset(&o, 0, sizeof(o));
    const bench_option options[] = {
        {"--trials", "N", "comparisons of a kernel with itself (default 20)", &o.trials, NULL},
        {"--planted", "N", "comparisons with a slowdown (default a fifth of them)", &o.planted,
         NULL},
        {"--slowdown", "PERCENT", "what is planted (default 10)", &o.slowdown, NULL},
        {"--busy", "same|other", "run a busy process on this CPU or on another one", &o.busy, NULL},
        {"--op", "NAME", "operation (default xor_split_bf16)", &o.op, NULL},
        {"--cpu", "N", "CPU to run on (default: the current one)", &o.cpu, NULL},
        {"--seed", "N", "of the data and the order of samples (default 1)", &o.seed, NULL},
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench selftest [options]", options,
                             sizeof(options) / sizeof(options[0]));
    return status == 0 ? run(&o) : status == 1 ? 0 : 2;
}
