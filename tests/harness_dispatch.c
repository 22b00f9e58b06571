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

/* Differences, symbols and raw bits of random words, and back, in the shape codec `delta` uses. */
static int check_delta_roundtrip(uint64_t seed)
{
    enum { N = 3001 };
    static uint8_t x[2 * N], base[2 * N], d[2 * N], back[2 * N], classes[N], classes2[N];
    static uint8_t symbols[N], lists[N + 64], low[N + 8], high[N + 8];
    kc_rng rng = {seed};
    for (int repeat = 0; repeat < 50; repeat++) {
        bitx_delta_params p = {.width = 16, .sign = repeat % 2, .class_shift = 7, .nclasses = 16};
        uint8_t group[16], *to[16];
        const uint8_t *from[16];
        p.class_low = kc_below(&rng, 200);
        p.same_classes = (uint16_t)kc_random(&rng);
        for (int c = 0; c < 16; c++) {
            p.shift[c] = (uint8_t)kc_below(&rng, 15);
            group[c] = (uint8_t)kc_below(&rng, 4);
        }
        kc_random_bytes(&rng, base, sizeof(base));
        for (int i = 0; i < N; i++) {
            unsigned v = base[2 * i] | (unsigned)base[2 * i + 1] << 8;
            v += kc_below(&rng, 40) ? kc_below(&rng, 1u << repeat % 16) : kc_below(&rng, 65536);
            x[2 * i] = (uint8_t)v;
            x[2 * i + 1] = (uint8_t)(v >> 8);
        }
        bitx_delta_diff_u16(d, classes, x, base, N, &p);
        bitx_delta_classes_u16(classes2, base, N, &p);
        bitx_raw_sink sink = {{low, high}, {0, 0}};
        bitx_delta_split_u16(symbols, &sink, d, classes, N, &p);
        size_t counts[16] = {0}, at = 0;
        for (int i = 0; i < N; i++)
            counts[group[classes[i]]]++;
        for (int g = 0; g < 16; g++) {
            from[g] = to[g] = lists + at;
            at += counts[g];
        }
        bitx_groups_split_u8(to, symbols, classes, group, N);
        bitx_delta_lists all = {.group = {0}};
        memcpy(all.group, group, sizeof(all.group));
        memcpy(all.next, from, sizeof(all.next));
        bitx_raw_source raw = {{low, high}, {(sink.bit[0] + 7) / 8, (sink.bit[1] + 7) / 8}, {0, 0}};
        int bad = bitx_delta_restore_u16(back, base, &all, &raw, N, &p);
        if (bad || memcmp(classes, classes2, N) != 0 ||
            memcmp(raw.bit, sink.bit, sizeof(raw.bit)) != 0 || memcmp(back, x, sizeof(x)) != 0)
            return fail("does not restore", "delta_diff, split, groups, restore");
    }
    return 0;
}

int kc_check_dispatch(uint64_t seed)
{
    int failures = check_registry() + check_reasons() + check_plain() + check_delta_roundtrip(seed);
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
