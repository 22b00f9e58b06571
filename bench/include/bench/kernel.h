/* bench/kernel.h: one operation, ISA and working set, checked and then measured. */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include "bench/caches.h"
#include "bench/drivers.h"
#include "bench/roofline.h"
#include "bench/stats.h"

typedef struct bench_kernel_params {
    const bitx_op *op;
    const char *isa;
    bitx_fn fn;                 /* the implementation to measure */
    bitx_fn reference;          /* scalar, what its output must equal */
    const bench_driver *driver; /* NULL: that of the operation's signature class */
    size_t set_nbytes;          /* all streams together, at most */
    size_t nelem;               /* of a call, in place of set_nbytes; 0: as many as fit */
    bench_pages pages;
    size_t nrounds; /* pairs of kernel and roofline */
    uint64_t seed;
    bench_roofline_choice *choice; /* kept from call to call to save time; NULL: chosen anew */
} bench_kernel_params;

typedef struct bench_kernel_result {
    const char *failure;       /* why there is no measurement; NULL: there is one */
    size_t nelem, nslices;     /* of a call, and of the set */
    size_t tensor_nbytes;      /* nelem times the width: what GB/s counts */
    size_t traffic_nbytes;     /* read and written by a call */
    uint64_t reps;             /* calls of a batch */
    bench_summary ns;          /* thread CPU time of a call */
    double *samples;           /* ns.n of them; the caller frees. NULL where nothing was measured */
    bench_summary share;       /* of the roofline, pair by pair; 1 is all of it */
    double wall_ns;            /* median of a call */
    double roofline_ns;        /* median of a call's bytes */
    const char *roofline_loop; /* the fastest */
    double cycles_per_element;
    double ghz;
    double huge_share; /* of the buffers, on huge pages */
    bench_quality quality;
    bench_verdict verdict;
} bench_kernel_result;

/* A kernel over a set: arg of bench_kernel_run(), a bench_case's run(); one slice per repetition.
 */
typedef struct bench_kernel_loop {
    const bitx_op *op;
    const bench_driver *driver;
    bitx_fn fn;
    bench_set *set;
    size_t nelem; /* of a call */
    uint64_t sum; /* of returned values: keeps calls with no stores from being dropped */
} bench_kernel_loop;

void bench_kernel_run(void *arg, uint64_t reps);

/*
 * Maps and fills the set for p->op, and checks p->fn against p->reference on it. NULL, or why it
 * cannot be measured ("WRONG: ..." for a wrong result); after NULL the caller unmaps the set.
 */
const char *bench_kernel_setup(const bench_kernel_params *p, bench_set *set, size_t *nelem);
/* The check alone, of another p->fn on a set that was made for the same operation and size. */
const char *bench_kernel_check(const bench_kernel_params *p, bench_set *set, size_t nelem);

void bench_kernel_measure(const bench_kernel_params *p, bench_kernel_result *out);

#endif
