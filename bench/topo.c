/* hwloc, libnuma and move_pages. */
#include "bench/topo.h"

#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hwloc.h>

static int complain(const char *what, const char *which)
{
    fprintf(stderr, "bitx-bench: %s: %s\n", which, what);
    return -1;
}

static int open_topology(hwloc_topology_t *h, const char *synthetic, const char *xml)
{
    if (hwloc_topology_init(h) != 0)
        return complain("hwloc cannot start", "topology");
    if (synthetic && hwloc_topology_set_synthetic(*h, synthetic) != 0)
        return complain("not a synthetic topology that hwloc understands", synthetic);
    if (xml && hwloc_topology_set_xml(*h, xml) != 0)
        return complain("hwloc cannot read it", xml);
    if (hwloc_topology_load(*h) != 0)
        return complain("hwloc cannot load it", xml ? xml : synthetic ? synthetic : "topology");
    return 0;
}

/* CPUs that the user left us (taskset), when it is this machine. */
static int allowed(const bench_topo *t, unsigned os_index, const cpu_set_t *mask)
{
    return !t->real || (os_index < CPU_SETSIZE && CPU_ISSET(os_index, mask));
}

static unsigned smt_rank(hwloc_obj_t core, unsigned os_index)
{
    unsigned rank = 0;
    for (hwloc_obj_t pu = core ? core->first_child : NULL; pu && pu->os_index != os_index;
         pu = pu->next_sibling)
        rank++;
    return rank;
}

static void read_nodes(bench_topo *t)
{
    hwloc_topology_t h = t->handle;
    hwloc_obj_t node = NULL;
    while ((node = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_NUMANODE, node)) != NULL &&
           t->nnodes < BENCH_NODES_MAX) {
        bench_node *n = &t->nodes[t->nnodes++];
        n->os_index = node->os_index;
        n->memory_nbytes = (size_t)node->attr->numanode.local_memory;
    }
}

/* Of several nodes at one place (HBM beside DRAM) the first has the CPUs. */
static unsigned node_of(const bench_topo *t, hwloc_obj_t pu)
{
    for (unsigned i = 0; i < t->nnodes; i++) {
        hwloc_obj_t node =
            hwloc_get_numanode_obj_by_os_index((hwloc_topology_t)t->handle, t->nodes[i].os_index);
        if (node && node->cpuset && hwloc_bitmap_isset(node->cpuset, pu->os_index))
            return i;
    }
    return 0;
}

static void read_cpus(bench_topo *t)
{
    hwloc_topology_t h = t->handle;
    cpu_set_t mask;
    CPU_ZERO(&mask);
    (void)sched_getaffinity(0, sizeof(mask), &mask);
    hwloc_obj_t pu = NULL;
    while ((pu = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_PU, pu)) != NULL &&
           t->ncpus < BENCH_CPUS_MAX) {
        if (!allowed(t, pu->os_index, &mask))
            continue;
        hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(h, HWLOC_OBJ_CORE, pu);
        bench_cpu *c = &t->cpus[t->ncpus++];
        c->os_index = pu->os_index;
        c->core = core ? core->logical_index : pu->logical_index;
        c->smt = smt_rank(core, pu->os_index);
        c->node = node_of(t, pu);
        t->nodes[c->node].ncpus++;
    }
}

static void read_counts(bench_topo *t)
{
    hwloc_topology_t h = t->handle;
    int cores = hwloc_get_nbobjs_by_type(h, HWLOC_OBJ_CORE);
    int packages = hwloc_get_nbobjs_by_type(h, HWLOC_OBJ_PACKAGE);
    t->ncores = cores > 0 ? (size_t)cores : t->ncpus;
    t->npackages = packages > 0 ? (size_t)packages : 1;
    hwloc_obj_t cache = NULL;
    while ((cache = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_L3CACHE, cache)) != NULL)
        if (cache->attr->cache.size > t->l3_nbytes)
            t->l3_nbytes = (size_t)cache->attr->cache.size;
}

int bench_topo_load(bench_topo *t, const char *synthetic, const char *xml)
{
    hwloc_topology_t h = NULL;
    memset(t, 0, sizeof(*t));
    if (open_topology(&h, synthetic, xml) != 0) {
        if (h)
            hwloc_topology_destroy(h);
        return -1;
    }
    t->handle = h;
    /* HWLOC_SYNTHETIC and HWLOC_XMLFILE in the environment make it another machine, too. */
    t->real = hwloc_topology_is_thissystem(h) == 1;
    snprintf(t->source, sizeof(t->source), "%s",
             synthetic ? synthetic
             : xml     ? xml
             : t->real ? "this machine"
                       : "HWLOC_* environment");
    read_nodes(t);
    read_cpus(t);
    read_counts(t);
    return 0;
}

void bench_topo_free(bench_topo *t)
{
    if (t->handle)
        hwloc_topology_destroy((hwloc_topology_t)t->handle);
    t->handle = NULL;
}

unsigned bench_topo_distance(const bench_topo *t, size_t from, size_t to)
{
    struct hwloc_distances_s *d;
    unsigned n = 1, value = 0;
    if (hwloc_distances_get_by_type((hwloc_topology_t)t->handle, HWLOC_OBJ_NUMANODE, &n, &d,
                                    HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) != 0 ||
        n == 0)
        return 0;
    if (from < d->nbobjs && to < d->nbobjs)
        value = (unsigned)d->values[from * d->nbobjs + to];
    hwloc_distances_release((hwloc_topology_t)t->handle, d);
    return value;
}

const char *bench_topo_bind(const bench_topo *t, size_t cpu)
{
    if (!t->real)
        return "not this machine's topology";
    if (cpu >= t->ncpus)
        return "no such CPU";
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    if (!set)
        return "out of memory";
    hwloc_bitmap_only(set, t->cpus[cpu].os_index);
    int failed = hwloc_set_cpubind((hwloc_topology_t)t->handle, set,
                                   HWLOC_CPUBIND_THREAD | HWLOC_CPUBIND_STRICT);
    hwloc_bitmap_free(set);
    if (failed)
        return "binding refused";
    /* Believe the scheduler only. */
    return sched_getcpu() == (int)t->cpus[cpu].os_index ? NULL : "bound, but running elsewhere";
}

size_t bench_topo_first_cpu(const bench_topo *t, size_t node)
{
    size_t i = 0;
    while (i < t->ncpus && t->cpus[i].node != node)
        i++;
    return i;
}

static const char *check_pages(const bench_arena *a, int os_node)
{
    enum { SAMPLES = 64 };
    void *pages[SAMPLES];
    int status[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++)
        pages[i] = a->base + a->nbytes / SAMPLES * i / 4096 * 4096;
    if (move_pages(0, SAMPLES, pages, NULL, status, 0) != 0)
        return "move_pages cannot tell where the pages are";
    for (size_t i = 0; i < SAMPLES; i++)
        if (status[i] != os_node)
            return "pages lie on another node";
    return NULL;
}

const char *bench_arena_on_node(const bench_topo *t, bench_arena *a, size_t nbytes,
                                bench_pages pages, size_t node)
{
    a->base = NULL;
    if (!t->real)
        return "not this machine's topology";
    if (node >= t->nnodes || t->nodes[node].memory_nbytes == 0)
        return "node without memory";
    if (t->nodes[node].memory_nbytes / 2 < nbytes)
        return "node too small";
    if (bench_arena_map(a, nbytes, pages) != 0)
        return "out of memory";
    const char *failure = NULL;
    if (numa_available() < 0) {
        /* A kernel without NUMA has one node, where everything is. */
        failure = t->nnodes == 1 ? NULL : "no NUMA in this kernel";
        bench_arena_touch(a);
    } else {
        struct bitmask *mask = numa_allocate_nodemask();
        numa_bitmask_setbit(mask, t->nodes[node].os_index);
        if (mbind(a->base, a->nbytes, MPOL_BIND, mask->maskp, mask->size + 1, MPOL_MF_STRICT) != 0)
            failure = errno == EPERM ? "memory binding not permitted" : "memory binding refused";
        numa_free_nodemask(mask);
        if (!failure) {
            bench_arena_touch(a);
            failure = check_pages(a, (int)t->nodes[node].os_index);
        }
    }
    if (failure)
        bench_arena_unmap(a);
    return failure;
}

typedef struct rank {
    unsigned smt, position, node;
    size_t index;
} rank;

static int by_compact(const void *a, const void *b)
{
    const rank *x = a, *y = b;
    if (x->smt != y->smt)
        return x->smt < y->smt ? -1 : 1;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

static int by_scatter(const void *a, const void *b)
{
    const rank *x = a, *y = b;
    if (x->smt != y->smt)
        return x->smt < y->smt ? -1 : 1;
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

void bench_topo_order(const bench_topo *t, bench_policy policy, size_t *order)
{
    rank *ranks = calloc(t->ncpus ? t->ncpus : 1, sizeof(*ranks));
    size_t seen[BENCH_NODES_MAX][4] = {{0}};
    if (!ranks)
        abort();
    for (size_t i = 0; i < t->ncpus; i++) {
        const bench_cpu *c = &t->cpus[i];
        unsigned smt = c->smt < 4 ? c->smt : 3;
        ranks[i] = (rank){smt, (unsigned)seen[c->node][smt]++, c->node, i};
    }
    qsort(ranks, t->ncpus, sizeof(*ranks), policy == BENCH_COMPACT ? by_compact : by_scatter);
    for (size_t i = 0; i < t->ncpus; i++)
        order[i] = ranks[i].index;
    free(ranks);
}
