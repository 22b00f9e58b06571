/* The rows, the choice of one, and the plain functions that jump through it. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "cpu.h"
#include "dispatch/ops.h"

typedef struct row {
    bitx_isa isa;
#define BITX_OP(name, sig, reads, writes, width, slack, nopext, avx2, avx512, neon)                \
    bitx_fn_##sig *name;
#include "ops.def"
#undef BITX_OP
} row;

static const row row_scalar = {
    .isa = BITX_ISA_SCALAR,
#define BITX_OP(name, sig, reads, writes, width, slack, nopext, avx2, avx512, neon)                \
    .name = bitx_##name##_scalar,
#include "ops.def"
#undef BITX_OP
};

#if defined(__x86_64__)
static const row row_nopext = {
    .isa = BITX_ISA_AVX2,
#    define BITX_OP(name, sig, reads, writes, width, slack, nopext, avx2, avx512, neon)            \
        .name = bitx_##name##_##nopext,
#    include "ops.def"
#    undef BITX_OP
};

static const row row_avx2 = {
    .isa = BITX_ISA_AVX2,
#    define BITX_OP(name, sig, reads, writes, width, slack, nopext, avx2, avx512, neon)            \
        .name = bitx_##name##_##avx2,
#    include "ops.def"
#    undef BITX_OP
};

static const row row_avx512 = {
    .isa = BITX_ISA_AVX512,
#    define BITX_OP(name, sig, reads, writes, width, slack, nopext, avx2, avx512, neon)            \
        .name = bitx_##name##_##avx512,
#    include "ops.def"
#    undef BITX_OP
};
#elif defined(__aarch64__)
static const row row_neon = {
    .isa = BITX_ISA_NEON,
#    define BITX_OP(name, sig, reads, writes, width, slack, nopext, avx2, avx512, neon)            \
        .name = bitx_##name##_##neon,
#    include "ops.def"
#    undef BITX_OP
};
#endif

static const bitx_op ops[] = {
#define BITX_OP(name, sig, reads, writes, width, slack, nopext, avx2, avx512, neon)                \
    {#name, BITX_SIG_##sig, reads, writes, width, slack},
#include "ops.def"
#undef BITX_OP
};

enum { NOPS = sizeof(ops) / sizeof(ops[0]) };

/* The row of this ISA for this CPU; NULL if it cannot run here. */
static const row *row_of(bitx_isa isa)
{
    if (isa == BITX_ISA_SCALAR)
        return &row_scalar;
    bitx_cpu cpu = bitx_cpu_detect();
#if defined(__x86_64__)
    if (isa == BITX_ISA_AVX2 && !cpu.no_avx2)
        return cpu.fast_pext ? &row_avx2 : &row_nopext;
    if (isa == BITX_ISA_AVX512 && !cpu.no_avx512)
        return &row_avx512;
#elif defined(__aarch64__)
    if (isa == BITX_ISA_NEON && !cpu.no_neon)
        return &row_neon;
#endif
    (void)cpu;
    return NULL;
}

/*
 * The widest row that may run. BITX_ISA names a ceiling: it can lower the choice and never raise
 * it. Unset or empty: no ceiling. A word that is no row of this architecture allows scalar only,
 * since whoever set it wanted less than the most.
 */
static const row *choose(void)
{
    const char *ceiling = getenv("BITX_ISA");
    const row *widest = &row_scalar;
    if (ceiling && *ceiling == '\0')
        ceiling = NULL;
    int found = ceiling == NULL || strcmp(ceiling, "scalar") == 0;
    for (unsigned isa = BITX_ISA_AVX2; isa < BITX_ISA_COUNT; isa++) {
        if (ceiling && found)
            break;
        const row *r = row_of((bitx_isa)isa);
        if (r)
            widest = r;
        if (ceiling && strcmp(ceiling, bitx_isa_name((bitx_isa)isa)) == 0)
            found = 1;
    }
    return found ? widest : &row_scalar;
}

/* The one mutable global. Threads that race to set it write the same value. */
static _Atomic(const row *) active_row;

static const row *active(void)
{
    const row *r = atomic_load_explicit(&active_row, memory_order_relaxed);
    if (r)
        return r;
    r = choose();
    atomic_store_explicit(&active_row, r, memory_order_relaxed);
    return r;
}

const char *bitx_isa_name(bitx_isa isa)
{
    static const char *const names[BITX_ISA_COUNT] = {"scalar", "avx2", "avx512", "neon"};
    return (unsigned)isa < BITX_ISA_COUNT ? names[isa] : NULL;
}

int bitx_isa_usable(bitx_isa isa)
{
    return (unsigned)isa < BITX_ISA_COUNT && row_of(isa) != NULL;
}

const char *bitx_isa_absent_reason(bitx_isa isa)
{
    bitx_cpu cpu = bitx_cpu_detect();
    switch (isa) {
    case BITX_ISA_SCALAR:
        return NULL;
    case BITX_ISA_AVX2:
        return cpu.no_avx2;
    case BITX_ISA_AVX512:
        return cpu.no_avx512;
    case BITX_ISA_NEON:
        return cpu.no_neon;
    default:
        return "no such ISA";
    }
}

bitx_isa bitx_isa_active(void)
{
    return active()->isa;
}

const bitx_op *bitx_op_at(size_t index)
{
    return index < NOPS ? &ops[index] : NULL;
}

static bitx_fn find_in_row(const row *r, const char *op, bitx_sig *sig)
{
#define BITX_OP(name, sigclass, reads, writes, width, slack, nopext, avx2, avx512, neon)           \
    if (strcmp(op, #name) == 0) {                                                                  \
        *sig = BITX_SIG_##sigclass;                                                                \
        return (bitx_fn)r->name;                                                                   \
    }
#include "ops.def"
#undef BITX_OP
    return NULL;
}

bitx_fn bitx_op_find(const char *op, const char *isa, bitx_sig *sig)
{
    for (unsigned i = 0; i < BITX_ISA_COUNT; i++) {
        if (strcmp(isa, bitx_isa_name((bitx_isa)i)) != 0)
            continue;
        const row *r = row_of((bitx_isa)i);
        return r ? find_in_row(r, op, sig) : NULL;
    }
    return NULL;
}

bitx_fn bitx_op_active(const char *op, bitx_sig *sig)
{
    return find_in_row(active(), op, sig);
}

const char *bitx_op_cell(const char *op, bitx_isa isa)
{
    static const char *const cells[NOPS][BITX_ISA_COUNT] = {
#define BITX_OP(name, sig, reads, writes, width, slack, nopext, avx2, avx512, neon)                \
    {"scalar", #avx2, #avx512, #neon},
#include "ops.def"
#undef BITX_OP
    };
    for (size_t i = 0; i < NOPS && (unsigned)isa < BITX_ISA_COUNT; i++)
        if (strcmp(op, ops[i].name) == 0)
            return cells[i][isa];
    return NULL;
}

#define BITX_SIG_TEXT(sig, ret, retword, params, args) [BITX_SIG_##sig] = #ret " " #params,
#define BITX_SIG_TEXT_OF(sig) BITX_APPLY(BITX_SIG_TEXT, sig, BITX_SIGNATURE_##sig)

const char *bitx_op_signature(const char *op)
{
    static const char *const texts[BITX_SIG_COUNT] = {BITX_SIG_LIST(BITX_SIG_TEXT_OF)};
    for (size_t i = 0; i < NOPS; i++)
        if (strcmp(op, ops[i].name) == 0)
            return texts[ops[i].sig];
    return NULL;
}

/* The plain functions: bitx_<name>(...) calls active()-><name>(...). */
#define BITX_PLAIN(name, ret, retword, params, args)                                               \
    ret bitx_##name params                                                                         \
    {                                                                                              \
        retword active()->name args;                                                               \
    }
#define BITX_OP(name, sig, reads, writes, width, slack, nopext, avx2, avx512, neon)                \
    BITX_APPLY(BITX_PLAIN, name, BITX_SIGNATURE_##sig)
#include "ops.def"
