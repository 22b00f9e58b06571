/* bitx-bench: which subcommand. */
#include <stdio.h>
#include <string.h>

#include "bench/commands.h"
#include "bench/machine.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"env", bench_cmd_env, "what machine this is, and what may disturb it"},
    {"topo", bench_cmd_topo, "CPUs, memory nodes, and where threads would be placed"},
    {"roofline", bench_cmd_roofline, "what memory and caches allow; finds the cache knees"},
    {"kernel", bench_cmd_kernel, "each kernel as a share of its roofline"},
    {"cells", bench_cmd_cells, "each row's function in short calls, against the rows below it"},
    {"codec", bench_cmd_codec, "every coder on the same tensors, by size and speed"},
    {"numa", bench_cmd_numa, "every node's CPUs against every node's memory"},
    {"scale", bench_cmd_scale, "how a kernel grows with threads, by where they are"},
#ifdef BENCH_HAVE_STORE
    {"store", bench_cmd_store, "add and get against the stages that they are made of"},
#endif
    {"ab", bench_cmd_ab, "two builds of libbitx, or your kernel against ours: what got slower"},
    {"count", bench_cmd_count,
     "instructions of each kernel, bytes of each codec, and what they were"},
    {"gate", bench_cmd_gate, "did this build get slower, larger or wrong? what CI asks"},
    {"report", bench_cmd_report, "results of the others as one HTML page with charts"},
    {"selftest", bench_cmd_selftest, "whether this machine can tell 10% from nothing"},
};

static void usage(FILE *out)
{
    fprintf(out, "usage: bitx-bench [COMMAND [options]]   (COMMAND --help for its options)\n\n"
                 "without a command: the environment and a two-minute summary\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
}

int main(int argc, char **argv)
{
    bench_machine_command(argc, argv);
    if (argc < 2)
        return bench_cmd_summary();
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    int help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
    if (!help)
        fprintf(stderr, "bitx-bench: no command '%s'\n", argv[1]);
    usage(help ? stdout : stderr);
    return help ? 0 : 2;
}
