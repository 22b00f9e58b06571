/*
 * All kernel checks without Criterion, for QEMU and for the sanitizers that Criterion does not
 * start under. kernel_check [op-prefix [isa]]; exits 1 on any failure, and where there is nothing
 * of that name to check. BITX_TEST_SEED repeats a run.
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>

static int check_row(const char *op, bitx_isa isa, uint64_t seed)
{
    const char *name = bitx_isa_name(isa);
    unsigned long ncases = 0;
    if (!bitx_isa_usable(isa)) {
        printf("%-28s %-7s n/a (%s)\n", op, name, bitx_isa_absent_reason(isa));
        return 0;
    }
    int failures = kc_check(op, name, seed, &ncases) + kc_check_crossed(op, name, seed, &ncases);
    printf("%-28s %-7s %s, %lu calls", op, name, failures ? "FAILED" : "ok", ncases);
    if (strcmp(bitx_op_cell(op, isa), name) != 0)
        printf(" (cell: %s)", bitx_op_cell(op, isa));
    printf("\n");
    return failures;
}

int main(int argc, char **argv)
{
    const char *prefix = argc > 1 ? argv[1] : "";
    const char *only = argc > 2 ? argv[2] : NULL;
    uint64_t seed = kc_seed();
    unsigned nops = 0, nrows = 0;
    printf("BITX_TEST_SEED=%#llx, active row: %s\n", (unsigned long long)seed,
           bitx_isa_name(bitx_isa_active()));
    int failures = kc_check_dispatch(seed);
    for (size_t i = 0; bitx_op_at(i); i++) {
        if (strncmp(bitx_op_at(i)->name, prefix, strlen(prefix)) != 0)
            continue;
        nops++;
        for (int isa = 0; isa < BITX_ISA_COUNT; isa++)
            if (!only || strcmp(only, bitx_isa_name((bitx_isa)isa)) == 0) {
                nrows++;
                failures += check_row(bitx_op_at(i)->name, (bitx_isa)isa, seed);
            }
    }
    printf("%u operations, %d failures\n", nops, failures);
    if (nrows == 0)
        fprintf(stderr, "kernel_check: no %s '%s'\n", nops ? "row" : "operation",
                nops ? only : prefix);
    return failures != 0 || nrows == 0;
}
