/*
 * dispatch/ops.h: reach one implementation by operation and ISA. For tests, the benchmark and the
 * gate; not installed.
 */
#ifndef DISPATCH_OPS_H
#define DISPATCH_OPS_H

#include "bitx/kernels.h"

typedef enum bitx_isa {
    BITX_ISA_SCALAR,
    BITX_ISA_AVX2,
    BITX_ISA_AVX512,
    BITX_ISA_NEON,
    BITX_ISA_COUNT
} bitx_isa;

/* One per function type; see the typedefs below. */
typedef enum bitx_sig {
    BITX_SIG_BINARY,
    BITX_SIG_SPLIT2_XOR,
    BITX_SIG_MERGE2_XOR,
    BITX_SIG_REDUCE2
} bitx_sig;

typedef void bitx_fn_BINARY(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t nbytes);
typedef void bitx_fn_SPLIT2_XOR(uint8_t *d0, uint8_t *d1, const uint8_t *a, const uint8_t *b,
                                size_t nelem);
typedef void bitx_fn_MERGE2_XOR(uint8_t *dst, const uint8_t *s0, const uint8_t *s1,
                                const uint8_t *b, size_t nelem);
typedef uint64_t bitx_fn_REDUCE2(const uint8_t *a, const uint8_t *b, size_t nbytes);

/* Any function pointer; cast to the type of its signature class before the call. */
typedef void (*bitx_fn)(void);

typedef struct bitx_op {
    const char *name;
    bitx_sig sig;
    unsigned reads, writes; /* streams */
    unsigned width;         /* bits per element */
    unsigned slack;         /* bytes */
} bitx_op;

/* The operations in the order of ops.def; NULL from op_count on. */
BITX_API const bitx_op *bitx_op_at(size_t index);

/* "scalar", "avx2", ...; NULL outside the range. */
BITX_API const char *bitx_isa_name(bitx_isa isa);

/* Whether this build has the row and this CPU and OS can run it (BITX_ISA does not matter here). */
BITX_API int bitx_isa_usable(bitx_isa isa);

/* The row that the plain functions use now. */
BITX_API bitx_isa bitx_isa_active(void);

/* The implementation, or NULL if there is no such op or ISA or this CPU cannot run it. */
BITX_API bitx_fn bitx_op_find(const char *op, const char *isa, bitx_sig *sig);

#endif
