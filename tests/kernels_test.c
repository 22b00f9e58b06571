/* Every kernel of every row against its reference: harness.h. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

typedef struct cell {
    char op[48], isa[8];
    uint64_t seed;
} cell;

ParameterizedTestParameters(kernels, cell)
{
    static cell cells[1024];
    static size_t n;
    uint64_t seed = kc_seed();
    if (n == 0) {
        for (size_t i = 0; bitx_op_at(i); i++) {
            for (int isa = 0; isa < BITX_ISA_COUNT; isa++, n++) {
                cr_assert_lt(n, sizeof(cells) / sizeof(cells[0]));
                snprintf(cells[n].op, sizeof(cells[n].op), "%s", bitx_op_at(i)->name);
                snprintf(cells[n].isa, sizeof(cells[n].isa), "%s", bitx_isa_name((bitx_isa)isa));
                cells[n].seed = seed;
            }
        }
    }
    return cr_make_param_array(cell, cells, n);
}

static bitx_isa isa_named(const char *name)
{
    int isa = 0;
    while (strcmp(bitx_isa_name((bitx_isa)isa), name) != 0)
        isa++;
    return (bitx_isa)isa;
}

ParameterizedTest(cell *c, kernels, cell)
{
    unsigned long ncases = 0;
    const char *absent = bitx_isa_absent_reason(isa_named(c->isa));
    if (absent)
        cr_skip("%s %s: n/a (%s)", c->op, c->isa, absent);
    int failures = kc_check(c->op, c->isa, c->seed, &ncases);
    failures += kc_check_crossed(c->op, c->isa, c->seed, &ncases);
    cr_assert(failures == 0, "%s %s: %d failures, BITX_TEST_SEED=%#llx", c->op, c->isa, failures,
              (unsigned long long)c->seed);
    cr_assert_gt(ncases, 0);
}

Test(dispatch, registry_plain_functions_and_ceiling)
{
    cr_assert_eq(kc_check_dispatch(kc_seed()), 0);
}
