/*
 * bench/topo.h: CPUs and memory nodes. hwloc finds and binds, libnuma places, move_pages(2) checks.
 * A topology that is not this machine's (synthetic, or from XML) can be planned with and printed;
 * binding to it is refused, for hwloc would report success without doing anything.
 */
#ifndef BENCH_TOPO_H
#define BENCH_TOPO_H

#include <stddef.h>

#include "bench/buffers.h"

enum { BENCH_NODES_MAX = 64, BENCH_CPUS_MAX = 1024 };

typedef struct bench_cpu {
    unsigned os_index;
    unsigned node; /* index into nodes[] */
    unsigned core; /* number of its core, counted over the machine */
    unsigned smt;  /* 0 for the first hardware thread of a core */
} bench_cpu;

typedef struct bench_node {
    unsigned os_index;
    unsigned ncpus; /* that we may use */
    size_t memory_nbytes;
} bench_node;

typedef struct bench_topo {
    int real; /* this machine: may be bound to and timed */
    char source[160];
    size_t ncpus, nnodes, ncores, npackages;
    bench_cpu cpus[BENCH_CPUS_MAX];
    bench_node nodes[BENCH_NODES_MAX];
    size_t l3_nbytes; /* largest L3 that hwloc reports, 0: none */
    void *handle;     /* hwloc's */
} bench_topo;

/* synthetic: hwloc's description ("numa:2 core:4 pu:1"), xml: a file; both NULL: this machine.
   0, or -1 after printing an error. */
int bench_topo_load(bench_topo *t, const char *synthetic, const char *xml);
void bench_topo_free(bench_topo *t);

/* Distance between nodes as the firmware tells (10: local), 0 if unknown. */
unsigned bench_topo_distance(const bench_topo *t, size_t from, size_t to);

/* Strictly binds the calling thread to one CPU (index in cpus[]) and checks that it is there.
   NULL, or why it failed. */
const char *bench_topo_bind(const bench_topo *t, size_t cpu);

/* The first usable CPU of a node, or ncpus if it has none. */
size_t bench_topo_first_cpu(const bench_topo *t, size_t node);

/*
 * Maps an arena bound to a node (index in nodes[]), touches it from the calling thread, and checks
 * with move_pages(2) that 64 pages spread over it lie there. NULL, or why it failed (the arena is
 * unmapped then).
 */
const char *bench_arena_on_node(const bench_topo *t, bench_arena *a, size_t nbytes,
                                bench_pages pages, size_t node);

/* The order in which threads are placed. */
typedef enum bench_policy { BENCH_COMPACT, BENCH_SCATTER } bench_policy;
/* Fills order[ncpus]: compact takes node after node, scatter goes round the nodes; both take the
   first hardware thread of every core before any second one. */
void bench_topo_order(const bench_topo *t, bench_policy policy, size_t *order);

#endif
