/* bitx-bench kernel: what it drives, that it catches a wrong kernel, and that rooflines move what
   they say. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bench/kernel.h"
#include "bench/limit.h"
#include "bench/rivals.h"
#include "bench/roofline.h"

static bench_kernel_params params_for(const bitx_op *op, const char *isa)
{
    bench_kernel_params p;
    bitx_sig sig;
    memset(&p, 0, sizeof(p));
    p.op = op;
    p.isa = isa;
    p.fn = bitx_op_find(op->name, isa, &sig);
    p.reference = bitx_op_find(op->name, "scalar", &sig);
    p.set_nbytes = 64 << 10;
    p.seed = 1;
    p.nrounds = 6;
    return p;
}

Test(kernels, every_operation_with_a_driver_is_right_on_every_row)
{
    size_t driven = 0;
    for (size_t i = 0; bitx_op_at(i); i++)
        for (int isa = 0; isa < BITX_ISA_COUNT; isa++) {
            bench_kernel_params p = params_for(bitx_op_at(i), bitx_isa_name((bitx_isa)isa));
            if (!p.fn || !bench_driver_for(p.op->sig)) {
                fprintf(stderr, "skipped: %s/%s\n", p.op->name, p.isa);
                continue;
            }
            bench_set set;
            size_t nelem;
            const char *failure = bench_kernel_setup(&p, &set, &nelem);
            cr_assert_null(failure, "%s/%s: %s", p.op->name, p.isa, failure);
            cr_assert(nelem > 0 && bench_set_traffic(&set) > 0);
            driven++;
            bench_set_unmap(&set);
        }
    cr_assert_geq(driven, 20);
}

static void wrong_xor(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        dst[i] = (uint8_t)(a[i] ^ b[i]);
    dst[nbytes - 1] ^= 1;
}

static uint64_t wrong_distance(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    uint64_t bits = 1;
    for (size_t i = 0; i < nbytes; i++)
        bits += (uint64_t)__builtin_popcount((unsigned)(a[i] ^ b[i]));
    return bits;
}

static const bitx_op *op_named(const char *name)
{
    size_t i = 0;
    while (bitx_op_at(i) && strcmp(bitx_op_at(i)->name, name) != 0)
        i++;
    return bitx_op_at(i);
}

Test(kernels, a_wrong_kernel_is_not_timed)
{
    bench_set set;
    size_t nelem;
    bench_kernel_params p = params_for(op_named("xor_bytes"), "scalar");
    p.fn = (bitx_fn)wrong_xor;
    const char *failure = bench_kernel_setup(&p, &set, &nelem);
    cr_assert(failure && strncmp(failure, "WRONG", 5) == 0);
    p = params_for(op_named("distance_bits"), "scalar");
    p.fn = (bitx_fn)wrong_distance;
    failure = bench_kernel_setup(&p, &set, &nelem);
    cr_assert(failure && strncmp(failure, "WRONG", 5) == 0);
    bench_kernel_result r;
    bench_kernel_measure(&p, &r);
    cr_assert_not_null(r.failure);
    cr_assert_eq(r.ns.n, 0);
}

Test(kernels, rivals_are_right)
{
    for (size_t i = 0; bench_rival_at(i); i++) {
        const bench_rival *r = bench_rival_at(i);
        bench_kernel_params p;
        bench_set set;
        size_t nelem;
        if (r->missing) {
            fprintf(stderr, "skipped: %s: %s\n", r->op.name, r->missing);
            continue;
        }
        memset(&p, 0, sizeof(p));
        p.op = &r->op;
        p.driver = &r->driver;
        p.fn = r->fn;
        p.reference = r->reference;
        p.set_nbytes = 256 << 10;
        p.seed = 1;
        const char *failure = bench_kernel_setup(&p, &set, &nelem);
        cr_assert_null(failure, "%s: %s", r->op.name, failure);
        bench_set_unmap(&set);
    }
}

/* Every loop must write every byte of the destinations of a slice, and nothing else. */
static void check_loop(unsigned loop, bench_set *set)
{
    bench_roofline r;
    if (!bench_roofline_name(loop) || bench_roofline_init(&r, loop, set) != 0)
        return;
    memset(set->arena.base, 0xff, set->arena.nbytes);
    set->next = 1;
    bench_roofline_run(&r, 1);
    size_t zeros = 0, expected = 0;
    for (size_t i = 0; i < set->arena.nbytes; i++)
        zeros += set->arena.base[i] == 0;
    for (unsigned w = set->nread; w < set->nread + set->nwrite; w++) {
        expected += set->nbytes[w];
        for (size_t i = 0; i < set->nbytes[w]; i++)
            cr_assert_eq(bench_set_at(set, w, 1)[i], 0, "loop %s leaves byte %zu of stream %u",
                         bench_roofline_name(loop), i, w);
    }
    cr_assert_eq(zeros, expected, "loop %s writes elsewhere", bench_roofline_name(loop));
}

Test(roofline, loops_move_what_they_say)
{
    static const struct {
        unsigned nread, nwrite;
        size_t nbytes[6];
    } shapes[] = {{2, 1, {8192, 8192, 8192}},
                  {1, 2, {8192, 4096, 4096}},
                  {3, 1, {4096, 4096, 8192, 8192}},
                  {1, 3, {8192, 4096, 4096, 1024}},
                  {1, 4, {16384, 4096, 4096, 4096, 4096}},
                  {2, 2, {8192, 0, 4096, 1984}},
                  {0, 1, {4096}}};
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        bench_set set;
        memset(&set, 0, sizeof(set));
        set.nread = shapes[s].nread;
        set.nwrite = shapes[s].nwrite;
        set.nslices = 3;
        memcpy(set.nbytes, shapes[s].nbytes, sizeof(shapes[s].nbytes));
        cr_assert_eq(bench_set_map(&set, BENCH_PAGES_SMALL), 0);
        for (unsigned loop = 0; loop < bench_roofline_nloops(); loop++)
            check_loop(loop, &set);
        bench_set_unmap(&set);
    }
}

Test(set, planes_are_one_stride_apart)
{
    bench_set set;
    memset(&set, 0, sizeof(set));
    set.nread = 1;
    set.nwrite = 8;
    set.nslices = 2;
    set.planes = 1;
    set.nplanes = 8;
    set.nbytes[0] = 80000;
    for (unsigned i = 1; i < 9; i++)
        set.nbytes[i] = 10000;
    cr_assert_eq(bench_set_map(&set, BENCH_PAGES_SMALL), 0);
    ptrdiff_t stride = bench_set_at(&set, 2, 0) - bench_set_at(&set, 1, 0);
    cr_assert(stride >= 20000);
    for (unsigned i = 2; i < 9; i++)
        for (size_t slice = 0; slice < 2; slice++)
            cr_assert_eq(bench_set_at(&set, i, slice) - bench_set_at(&set, i - 1, slice), stride);
    cr_assert(set.base[8] + 20000 <= set.arena.base + set.arena.nbytes);
    cr_assert_eq(bench_set_at(&set, 3, 1) - bench_set_at(&set, 3, 0), 10000);
    bench_set_unmap(&set);
}

Test(roofline, limits_are_the_third_fastest_of_loops_that_fit)
{
    bench_set sets[2];
    const char *name;
    for (int i = 0; i < 2; i++) {
        memset(&sets[i], 0, sizeof(sets[i]));
        sets[i].nread = sets[i].nwrite = sets[i].nslices = 1;
        sets[i].nbytes[0] = sets[i].nbytes[1] = 64 << 10;
        cr_assert_eq(bench_set_map(&sets[i], BENCH_PAGES_HUGE), 0);
    }
    bench_limit l, pair[2];
    bench_limit_init(&l, &sets[1]);
    cr_assert(l.nloops > 0);
    cr_assert_eq(bench_limit_ns(&l, &name), 0, "no slot yet, no limit");
    /* A busy machine may take a slot away before each loop has had its three. */
    double first = 0;
    for (int slot = 0; slot < 200 && first == 0; slot++) {
        bench_limit_slot(&l, 2e7);
        first = bench_limit_ns(&l, &name);
    }
    memset(sets[0].base[1], 0xff, sets[0].nbytes[1]);
    memset(sets[1].base[1], 0xff, sets[1].nbytes[1]);
    cr_assert(first > 0 && strcmp(name, "none") != 0);
    bench_limit_slot(&l, 2e7);
    cr_assert(bench_limit_ns(&l, &name) <= first, "a limit can only fall");
    cr_assert_eq(sets[1].base[1][0], 0, "its set is walked");
    cr_assert_eq(sets[0].base[1][0], 0xff, "and no other");
    for (unsigned i = 0; i < l.nloops; i++) {
        const double *f = l.fastest_ns[i];
        cr_assert(f[0] <= f[1] && (f[1] <= f[2] || f[2] == 0));
        cr_assert(f[2] == 0 || f[2] >= bench_limit_ns(&l, &name));
    }
    pair[0] = pair[1] = l;
    for (unsigned i = 0; i < l.nloops; i++)
        pair[0].fastest_ns[i][2] *= 1.5;
    cr_assert_eq(bench_limit_second_ns(pair, 2, &name), 1.5 * bench_limit_ns(&l, &name));
    pair[0] = l;
    pair[1].fastest_ns[0][2] = 1;
    cr_assert_eq(bench_limit_second_ns(pair, 2, &name), bench_limit_ns(&l, &name));
    cr_assert_eq(bench_limit_second_ns(pair, 1, &name), 0, "of one there is no second");
    bench_set_unmap(&sets[0]);
    bench_set_unmap(&sets[1]);
}
