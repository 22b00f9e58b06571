/*
 * Every kernel of every row against its reference: harness.h. One process for each row, since the
 * harness catches crashes itself. The seed is printed first, and again with the operation and the
 * row by whatever fails; kernel_check repeats it.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <sys/time.h>

#include "harness.h"

typedef struct row {
    bitx_isa isa;
    uint64_t seed;
} row;

ParameterizedTestParameters(kernels, row)
{
    static row rows[BITX_ISA_COUNT];
    const uint64_t seed = kc_seed();
    fprintf(stderr, "kernels: BITX_TEST_SEED=%#llx\n", (unsigned long long)seed);
    for (int isa = 0; isa < BITX_ISA_COUNT; isa++)
        rows[isa] = (row){(bitx_isa)isa, seed};
    return cr_make_param_array(row, rows, BITX_ISA_COUNT);
}

/* An operation that hangs says which it is, after 200 seconds of CPU time; most take less than one.
 */
static const struct itimerval too_long = {.it_value = {200, 0}};

ParameterizedTest(row *r, kernels, row)
{
    const char *isa = bitx_isa_name(r->isa), *absent = bitx_isa_absent_reason(r->isa);
    if (absent)
        cr_skip("%s: n/a (%s)", isa, absent);
    for (size_t i = 0; bitx_op_at(i); i++) {
        const char *op = bitx_op_at(i)->name;
        unsigned long ncases = 0;
        setitimer(ITIMER_VIRTUAL, &too_long, NULL);
        int failures = kc_check(op, isa, r->seed, &ncases);
        failures += kc_check_crossed(op, isa, r->seed, &ncases);
        cr_expect(failures == 0, "%s %s: %d failures, BITX_TEST_SEED=%#llx", op, isa, failures,
                  (unsigned long long)r->seed);
        cr_expect(ncases > 0, "%s %s: no calls", op, isa);
    }
}

Test(dispatch, registry_plain_functions_and_ceiling)
{
    const uint64_t seed = kc_seed();
    cr_assert_eq(kc_check_dispatch(seed), 0, "BITX_TEST_SEED=%#llx", (unsigned long long)seed);
}
