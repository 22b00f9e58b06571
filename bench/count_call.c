/* An operation with its streams, ready for one call; also what counts for itself under an emulator.
 */
#include "bench/count_call.h"

#include <stdio.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

#ifndef BENCH_FLAGS
#    define BENCH_FLAGS "unknown flags"
#endif

const char *bench_build_name(void)
{
#if defined(__clang__)
    return "clang " TEXT(__clang_major__) "." TEXT(__clang_minor__) "." TEXT(
        __clang_patchlevel__) "; " BENCH_FLAGS;
#else
    return "gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__) "." TEXT(
        __GNUC_PATCHLEVEL__) "; " BENCH_FLAGS;
#endif
}

const char *bench_count_setup(void *arg)
{
    bench_count_ready *r = arg;
    bench_kernel_params p;
    bitx_sig sig;
    size_t nelem;
    memset(&p, 0, sizeof(p));
    p.op = r->op;
    p.isa = r->isa;
    p.fn = r->fn;
    p.reference = r->reference ? r->reference : bitx_op_find(r->op->name, "scalar", &sig);
    p.set_nbytes = 1; /* the least that there is */
    p.nelem = r->nelem > BENCH_COUNT_WHOLE ? r->nelem : 0;
    p.seed = r->seed;
    const char *why = bench_kernel_setup(&p, &r->set, &nelem);
    r->driver = bench_driver_for(r->op->sig);
    if (!why && nelem < BENCH_COUNT_WHOLE) {
        bench_set_unmap(&r->set);
        why = "its set is too small";
    }
    return why;
}

/* callgrind knows it by name, so it must not be inlined. */
__attribute__((noinline)) void bench_count_run(void *arg)
{
    bench_count_ready *r = arg;
    bench_call c;
    bench_driver_bind(r->op, &r->set, 0, r->nelem, &c);
    (void)r->driver->call(r->fn, &c);
}

int bench_count_call(const char *op, const char *isa, size_t nelem)
{
    bench_count_ready r;
    bitx_sig sig;
    memset(&r, 0, sizeof(r));
    for (size_t i = 0; bitx_op_at(i); i++)
        if (strcmp(bitx_op_at(i)->name, op) == 0)
            r.op = bitx_op_at(i);
    r.isa = isa;
    r.nelem = nelem;
    r.seed = 1;
    r.fn = r.op ? bitx_op_find(op, isa, &sig) : NULL;
    const char *why = !r.fn                                   ? "no such operation and row here"
                      : nelem < 1 || nelem > BENCH_COUNT_LONG ? "number of elements out of range"
                                                              : bench_count_setup(&r);
    if (why) {
        fprintf(stderr, "bitx-bench: %s/%s: %s\n", op, isa, why);
        return 2;
    }
    bench_count_run(&r);
    bench_set_unmap(&r.set);
    return 0;
}
