/* Is this machine fit to compare kernels now? */
#include "bench/fitness.h"

#include <string.h>

#include "bench/selftest.h"

enum { TRIALS = 8, PLANTED = 4 };

static int attempt(const bench_kernel_loop *loop, uint64_t *rng, FILE *out)
{
    bench_selftest_tally same, planted;
    if (bench_selftest_run(loop, 0, TRIALS, rng, &same) != 0 ||
        bench_selftest_run(loop, 0.1, PLANTED, rng, &planted) != 0)
        return 0;
    int fit = bench_selftest_fit(&same, &planted);
    fprintf(out,
            "selftest: %zu of %d false alarms, planted 10%% found %zu of %d times: this machine is "
            "%s\n",
            same.count[BENCH_AB_SLOWER] + same.count[BENCH_AB_FASTER], TRIALS,
            planted.count[BENCH_AB_SLOWER], PLANTED, fit ? "fit" : "UNFIT to compare kernels now");
    fflush(out);
    return fit;
}

int bench_machine_is_fit(uint64_t seed, FILE *out)
{
    bench_kernel_params p;
    bench_caches caches;
    bench_set set;
    bitx_sig sig;
    uint64_t rng = seed;
    memset(&p, 0, sizeof(p));
    for (size_t i = 0; bitx_op_at(i); i++)
        if (strcmp(bitx_op_at(i)->name, "xor_split_bf16") == 0)
            p.op = bitx_op_at(i);
    if (!p.op)
        return 0;
    bench_caches_read(&caches);
    p.isa = bitx_isa_name(bitx_isa_active());
    p.fn = bitx_op_find(p.op->name, p.isa, &sig);
    p.reference = bitx_op_find(p.op->name, "scalar", &sig);
    p.set_nbytes = bench_ws_nbytes(&caches, BENCH_WS_L2);
    p.seed = seed;
    bench_kernel_loop loop = {p.op, bench_driver_for(p.op->sig), p.fn, &set, 0, 0};
    const char *failure = bench_kernel_setup(&p, &set, &loop.nelem);
    if (failure) {
        fprintf(out, "selftest: %s\n", failure);
        return 0;
    }
    int fit = attempt(&loop, &rng, out) || attempt(&loop, &rng, out);
    bench_set_unmap(&set);
    return fit;
}
