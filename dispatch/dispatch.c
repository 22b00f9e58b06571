/* The rows, the choice of one, and the plain functions that jump through it. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "dispatch/ops.h"

typedef struct row {
#define BITX_OP(name, sig, reads, writes, width, slack) bitx_fn_##sig *name;
#include "ops.def"
#undef BITX_OP
} row;

static const row row_scalar = {
#define BITX_OP(name, sig, reads, writes, width, slack) .name = bitx_##name##_scalar,
#include "ops.def"
#undef BITX_OP
};

static const row *const rows[BITX_ISA_COUNT] = {[BITX_ISA_SCALAR] = &row_scalar};

static const bitx_op ops[] = {
#define BITX_OP(name, sig, reads, writes, width, slack)                                            \
    {#name, BITX_SIG_##sig, reads, writes, width, slack},
#include "ops.def"
#undef BITX_OP
};

enum { NOPS = sizeof(ops) / sizeof(ops[0]) };

static const row *active(void)
{
    return rows[BITX_ISA_SCALAR];
}

const char *bitx_isa_name(bitx_isa isa)
{
    static const char *const names[BITX_ISA_COUNT] = {"scalar", "avx2", "avx512", "neon"};
    return (unsigned)isa < BITX_ISA_COUNT ? names[isa] : NULL;
}

int bitx_isa_usable(bitx_isa isa)
{
    return (unsigned)isa < BITX_ISA_COUNT && rows[isa] != NULL;
}

bitx_isa bitx_isa_active(void)
{
    return BITX_ISA_SCALAR;
}

const bitx_op *bitx_op_at(size_t index)
{
    return index < NOPS ? &ops[index] : NULL;
}

bitx_fn bitx_op_find(const char *op, const char *isa, bitx_sig *sig)
{
    for (unsigned i = 0; i < BITX_ISA_COUNT; i++) {
        if (strcmp(isa, bitx_isa_name((bitx_isa)i)) != 0 || !bitx_isa_usable((bitx_isa)i))
            continue;
#define BITX_OP(name, sigclass, reads, writes, width, slack)                                       \
    if (strcmp(op, #name) == 0) {                                                                  \
        *sig = BITX_SIG_##sigclass;                                                                \
        return (bitx_fn)rows[i]->name;                                                             \
    }
#include "ops.def"
#undef BITX_OP
    }
    return NULL;
}

void bitx_xor_bytes(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    active()->xor_bytes(dst, a, b, nbytes);
}

void bitx_xor_split_bf16(uint8_t *exponent, uint8_t *signman, const uint8_t *a, const uint8_t *b,
                         size_t nelem)
{
    active()->xor_split_bf16(exponent, signman, a, b, nelem);
}

void bitx_xor_merge_bf16(uint8_t *dst, const uint8_t *exponent, const uint8_t *signman,
                         const uint8_t *b, size_t nelem)
{
    active()->xor_merge_bf16(dst, exponent, signman, b, nelem);
}

uint64_t bitx_distance_bits(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    return active()->distance_bits(a, b, nbytes);
}
