/* The registry is complete, the plain functions run the active row, BITX_ISA only lowers it. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, const char *which)
{
    fprintf(stderr, "FAIL dispatch: %s: %s\n", what, which);
    return 1;
}

static int check_registry(void)
{
    int failures = 0;
    bitx_sig sig;
    for (size_t i = 0; bitx_op_at(i); i++) {
        const bitx_op *op = bitx_op_at(i);
        if (!kc_spec_find(op->name))
            failures += fail("no test spec for op", op->name);
        for (int isa = 0; isa < BITX_ISA_COUNT; isa++) {
            bitx_fn fn = bitx_op_find(op->name, bitx_isa_name((bitx_isa)isa), &sig);
            if ((fn != NULL) != bitx_isa_usable((bitx_isa)isa) || (fn && sig != op->sig))
                failures += fail("incomplete row", op->name);
        }
    }
    for (size_t i = 0; kc_spec_at(i); i++)
        if (!bitx_op_find(kc_spec_at(i)->op, "scalar", &sig))
            failures += fail("spec without op", kc_spec_at(i)->op);
    if (bitx_op_find("xor_bytes", "sse9", &sig) || bitx_op_find("no_such_op", "scalar", &sig))
        failures += fail("found what does not exist", "bitx_op_find");
    return failures;
}

static int check_reasons(void)
{
    int failures = 0;
    for (int isa = 0; isa < BITX_ISA_COUNT; isa++)
        if (!bitx_isa_usable((bitx_isa)isa) != !!bitx_isa_absent_reason((bitx_isa)isa))
            failures += fail("usable and reason disagree", bitx_isa_name((bitx_isa)isa));
    if (!bitx_isa_usable(BITX_ISA_SCALAR))
        failures += fail("not usable", "scalar");
    return failures;
}

/* What BITX_ISA allows on this machine, by the words of kernels.h. */
static bitx_isa expected_row(const char *ceiling)
{
    bitx_isa widest = BITX_ISA_SCALAR;
    int known = !ceiling || !*ceiling;
    for (int isa = 0; isa < BITX_ISA_COUNT; isa++) {
        if (bitx_isa_usable((bitx_isa)isa))
            widest = (bitx_isa)isa;
        if (ceiling && strcmp(ceiling, bitx_isa_name((bitx_isa)isa)) == 0) {
            known = 1;
            break;
        }
    }
    return known ? widest : BITX_ISA_SCALAR;
}

/* The plain functions once, on data that tells a wrong jump from a right one. */
static int check_plain(void)
{
    uint8_t a[6] = {1, 2, 3, 4, 5, 0x80}, b[6] = {0}, d[6], e[3], s[3];
    bitx_xor_bytes(d, a, b, 6);
    if (memcmp(d, a, 6) != 0 || bitx_distance_bits(a, b, 6) != 8)
        return fail("wrong result", "bitx_xor_bytes or bitx_distance_bits");
    bitx_xor_split_bf16(e, s, a, b, 3);
    bitx_xor_merge_bf16(d, e, s, b, 3);
    if (memcmp(d, a, 6) != 0 || e[2] != 0 || s[2] != 0x85)
        return fail("wrong result", "bitx_xor_split_bf16 or bitx_xor_merge_bf16");
    return 0;
}

int kc_check_dispatch(uint64_t seed)
{
    (void)seed;
    int failures = check_registry() + check_reasons() + check_plain();
    const char *ceiling = getenv("BITX_ISA");
    if (bitx_isa_active() != expected_row(ceiling))
        failures += fail("wrong active row", bitx_isa_name(bitx_isa_active()));
    /* Read once: a later change has no effect. */
    bitx_isa before = bitx_isa_active();
    setenv("BITX_ISA", before == BITX_ISA_SCALAR ? "avx2" : "scalar", 1);
    if (bitx_isa_active() != before)
        failures += fail("BITX_ISA was read twice", bitx_isa_name(before));
    if (ceiling)
        setenv("BITX_ISA", ceiling, 1);
    else
        unsetenv("BITX_ISA");
    return failures;
}
