/* bitx-bench topo: the machine's CPUs and memory nodes, and where threads would be placed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/args.h"
#include "bench/commands.h"
#include "bench/table.h"
#include "bench/topo.h"

static void print_nodes(const bench_topo *t)
{
    bench_table *table = bench_table_new("memory nodes", "node|CPUs|memory, MB|<distances");
    for (size_t i = 0; i < t->nnodes; i++) {
        char text[256] = "";
        bench_cell(table, "%u", t->nodes[i].os_index);
        bench_cell(table, "%u%s", t->nodes[i].ncpus, t->nodes[i].ncpus ? "" : " (none)");
        bench_cell(table, "%.0f", (double)t->nodes[i].memory_nbytes / 1e6);
        for (size_t j = 0; j < t->nnodes && strlen(text) < 240; j++) {
            unsigned d = bench_topo_distance(t, i, j);
            if (d)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ", d);
        }
        bench_cell(table, "%s", *text ? text : "unknown");
    }
    bench_table_print(table, stdout);
    bench_table_free(table);
}

static void print_order(const bench_topo *t, bench_policy policy, const char *name)
{
    size_t order[BENCH_CPUS_MAX];
    bench_topo_order(t, policy, order);
    printf("%-8s", name);
    for (size_t i = 0; i < t->ncpus && i < 32; i++)
        printf(" %u", t->cpus[order[i]].os_index);
    printf("%s\n", t->ncpus > 32 ? " ..." : "");
}

int bench_cmd_topo(int argc, char **argv)
{
    const char *synthetic = NULL, *xml = NULL;
    const bench_option options[] = {
        {"--synthetic", "S", "plan for a made-up machine, as \"numa:2 core:8 pu:2\"", &synthetic,
         NULL},
        {"--xml", "FILE", "plan for a machine saved by lstopo", &xml, NULL},
    };
    int status = bench_parse(argc, argv, "usage: bitx-bench topo [options]", options, 2);
    if (status != 0)
        return status == 1 ? 0 : 2;
    bench_topo *t = calloc(1, sizeof(*t));
    if (!t || bench_topo_load(t, synthetic, xml) != 0) {
        free(t);
        return 2;
    }
    printf("%s: %zu packages, %zu cores, %zu CPUs that we may use, %zu memory nodes", t->source,
           t->npackages, t->ncores, t->ncpus, t->nnodes);
    if (t->l3_nbytes)
        printf(", L3 %zu MiB as reported (in virtual machines often the host's)",
               t->l3_nbytes >> 20);
    printf("\n%s\n\n",
           t->real ? "this machine: can be timed" : "not this machine: planned only, never timed");
    print_nodes(t);
    printf("order in which threads are placed\n");
    print_order(t, BENCH_COMPACT, "compact");
    print_order(t, BENCH_SCATTER, "scatter");
    bench_topo_free(t);
    free(t);
    return 0;
}
