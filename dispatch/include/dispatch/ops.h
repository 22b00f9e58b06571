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

/*
 * The signature classes. BITX_SIGNATURE_<class> is: return type, `return` or nothing, parameters,
 * arguments. Streams come in the order destinations, sources; the count is last.
 */
/* clang-format off */
#define BITX_SIG_LIST(X) \
    X(BINARY) X(SPLIT2_XOR) X(MERGE2_XOR) X(SPLIT2) X(MERGE2) X(SPLIT_F16) X(MERGE_F16) \
    X(XOR_SPLIT_F16) X(XOR_MERGE_F16) X(SPLIT_F32) X(MERGE_F32) X(XOR_SPLIT_F32) X(XOR_MERGE_F32) \
    X(REDUCE2) X(DISTANCE_POSITIONS) X(SCAN2) X(SCAN) X(PARTITION) X(PARTITION_SET) \
    X(PARTITION_PLANE) X(PARTITION_VALUE) X(PARTITION_CONST) X(PACK_BITS) X(UNPACK_BITS) X(HISTOGRAM_PAIRS) X(MERGE) X(MERGE_LOWCONST) \
    X(MERGE_HIGHCONST) X(MERGE_CONST) X(MERGE_LISTS) X(SUBTREE) X(COUNT_BITS) X(DELTA_CLASSES) X(DELTA_DIFF) X(DELTA_SPLIT) X(DELTA_ENCODE) \
    X(DELTA_LISTS) X(DELTA_RESTORE) X(DELTA_SIFT) X(DELTA_PLACES) X(GROUPS_SPLIT) X(GROUPS_MERGE) X(GROUPS_COUNT) X(FLOAT_SPLIT) X(FLOAT_JOIN) X(MAP) \
    X(HISTOGRAM) X(SPLIT_PLANES) X(XOR_SPLIT_PLANES) \
    X(MERGE_PLANES) X(XOR_MERGE_PLANES) X(SPLIT_BITS) X(XOR_SPLIT_BITS) \
    X(MERGE_BITS) X(XOR_MERGE_BITS) X(CAST_DOWN) X(CAST_UP) X(LOWRANK_ADD) X(COMBINE)

#define BITX_SIGNATURE_BINARY void, , \
    (uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n), (dst, a, b, n)
#define BITX_SIGNATURE_SPLIT2_XOR void, , \
    (uint8_t *d0, uint8_t *d1, const uint8_t *a, const uint8_t *b, size_t n), (d0, d1, a, b, n)
#define BITX_SIGNATURE_MERGE2_XOR void, , \
    (uint8_t *dst, const uint8_t *s0, const uint8_t *s1, const uint8_t *b, size_t n), \
    (dst, s0, s1, b, n)
#define BITX_SIGNATURE_SPLIT2 void, , \
    (uint8_t *d0, uint8_t *d1, const uint8_t *src, size_t n), (d0, d1, src, n)
#define BITX_SIGNATURE_MERGE2 void, , \
    (uint8_t *dst, const uint8_t *s0, const uint8_t *s1, size_t n), (dst, s0, s1, n)
#define BITX_SIGNATURE_SPLIT_F16 BITX_SIGNATURE_SPLIT2
#define BITX_SIGNATURE_MERGE_F16 BITX_SIGNATURE_MERGE2
#define BITX_SIGNATURE_XOR_SPLIT_F16 BITX_SIGNATURE_SPLIT2_XOR
#define BITX_SIGNATURE_XOR_MERGE_F16 BITX_SIGNATURE_MERGE2_XOR
#define BITX_SIGNATURE_SPLIT_F32 BITX_SIGNATURE_SPLIT2
#define BITX_SIGNATURE_MERGE_F32 BITX_SIGNATURE_MERGE2
#define BITX_SIGNATURE_XOR_SPLIT_F32 BITX_SIGNATURE_SPLIT2_XOR
#define BITX_SIGNATURE_XOR_MERGE_F32 BITX_SIGNATURE_MERGE2_XOR
#define BITX_SIGNATURE_DISTANCE_POSITIONS void, , \
    (uint64_t *counts, const uint8_t *a, const uint8_t *b, size_t n), (counts, a, b, n)
#define BITX_SIGNATURE_SCAN2 size_t, return, \
    (const uint8_t *a, const uint8_t *b, size_t n), (a, b, n)
#define BITX_SIGNATURE_SCAN size_t, return, (const uint8_t *src, size_t n), (src, n)
#define BITX_SIGNATURE_PARTITION_SET size_t, return, \
    (uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit, const uint8_t *src, size_t n, \
     const uint8_t *set), \
    (low, high, plane, bit, src, n, set)
#define BITX_SIGNATURE_PARTITION_PLANE size_t, return, \
    (uint8_t *low, uint8_t *high, const uint8_t *src, const uint8_t *plane, size_t bit, size_t n), \
    (low, high, src, plane, bit, n)
#define BITX_SIGNATURE_PARTITION_VALUE size_t, return, \
    (uint8_t *list, uint8_t *plane, size_t bit, const uint8_t *src, size_t n, unsigned value), \
    (list, plane, bit, src, n, value)
#define BITX_SIGNATURE_PARTITION_CONST size_t, return, \
    (uint8_t *plane, size_t bit, const uint8_t *src, size_t n, unsigned value), \
    (plane, bit, src, n, value)
#define BITX_SIGNATURE_UNPACK_BITS BITX_SIGNATURE_PACK_BITS
#define BITX_SIGNATURE_PACK_BITS size_t, return, \
    (uint8_t *dst, const uint8_t *src, const uint8_t *mask, size_t n), (dst, src, mask, n)
#define BITX_SIGNATURE_HISTOGRAM_PAIRS void, , \
    (uint32_t *counts, const uint8_t *contexts, const uint8_t *src, size_t n), \
    (counts, contexts, src, n)
#define BITX_SIGNATURE_REDUCE2 uint64_t, return, \
    (const uint8_t *a, const uint8_t *b, size_t n), (a, b, n)
#define BITX_SIGNATURE_PARTITION size_t, return, \
    (uint8_t *low, uint8_t *high, uint8_t *plane, size_t bit, const uint8_t *src, size_t n, \
     unsigned pivot), \
    (low, high, plane, bit, src, n, pivot)
#define BITX_SIGNATURE_MERGE void, , \
    (uint8_t *dst, const uint8_t *low, const uint8_t *high, const uint8_t *plane, size_t bit, \
     size_t n), \
    (dst, low, high, plane, bit, n)
#define BITX_SIGNATURE_MERGE_LOWCONST void, , \
    (uint8_t *dst, unsigned low, const uint8_t *high, const uint8_t *plane, size_t bit, size_t n), \
    (dst, low, high, plane, bit, n)
#define BITX_SIGNATURE_MERGE_HIGHCONST void, , \
    (uint8_t *dst, const uint8_t *low, unsigned high, const uint8_t *plane, size_t bit, size_t n), \
    (dst, low, high, plane, bit, n)
#define BITX_SIGNATURE_MERGE_CONST void, , \
    (uint8_t *dst, unsigned low, unsigned high, const uint8_t *plane, size_t bit, size_t n), \
    (dst, low, high, plane, bit, n)
#define BITX_SIGNATURE_MERGE_LISTS void, , \
    (uint8_t *dst, const uint8_t *low, unsigned low_value, const uint8_t *high, \
     unsigned high_value, const uint8_t *plane, size_t bit, size_t n), \
    (dst, low, low_value, high, high_value, plane, bit, n)
#define BITX_SIGNATURE_SUBTREE size_t, return, \
    (uint8_t *list, size_t n, const bitx_tree_shape *shape, unsigned depth, unsigned node, \
     const uint8_t *planes, size_t nbytes, size_t bit), \
    (list, n, shape, depth, node, planes, nbytes, bit)
#define BITX_SIGNATURE_COUNT_BITS uint64_t, return, \
    (const uint8_t *plane, size_t bit, size_t n), (plane, bit, n)
#define BITX_SIGNATURE_DELTA_CLASSES void, , \
    (uint8_t *classes, const uint8_t *base, size_t n, const bitx_delta_params *params), \
    (classes, base, n, params)
#define BITX_SIGNATURE_DELTA_DIFF void, , \
    (uint8_t *differences, uint8_t *classes, const uint8_t *x, const uint8_t *base, size_t n, \
     const bitx_delta_params *params), \
    (differences, classes, x, base, n, params)
#define BITX_SIGNATURE_DELTA_SPLIT void, , \
    (uint8_t *symbols, bitx_raw_sink *raw, const uint8_t *differences, const uint8_t *classes, \
     size_t n, const bitx_delta_params *params), \
    (symbols, raw, differences, classes, n, params)
#define BITX_SIGNATURE_DELTA_RESTORE int, return, \
    (uint8_t *dst, const uint8_t *base, bitx_delta_lists *lists, bitx_raw_source *raw, size_t n, \
     const bitx_delta_params *params), \
    (dst, base, lists, raw, n, params)
#define BITX_SIGNATURE_DELTA_ENCODE void, , \
    (uint8_t *symbols, uint8_t *classes, bitx_raw_sink *raw, const uint8_t *x, \
     const uint8_t *base, size_t n, const bitx_delta_params *params), \
    (symbols, classes, raw, x, base, n, params)
#define BITX_SIGNATURE_DELTA_LISTS void, , \
    (uint8_t *lists[16], bitx_raw_sink *raw, const uint8_t *x, const uint8_t *base, size_t n, \
     const bitx_delta_params *params, const uint8_t group[16]), \
    (lists, raw, x, base, n, params, group)
#define BITX_SIGNATURE_DELTA_SIFT size_t, return, \
    (uint8_t *coded, uint8_t *coded_base, bitx_plane_sinks *planes, const uint8_t *x, \
     const uint8_t *base, size_t n, const bitx_delta_params *params), \
    (coded, coded_base, planes, x, base, n, params)
#define BITX_SIGNATURE_DELTA_PLACES size_t, return, \
    (uint8_t *places, bitx_plane_sources *planes, const uint8_t *base, size_t n, \
     const bitx_delta_params *params), \
    (places, planes, base, n, params)
#define BITX_SIGNATURE_GROUPS_SPLIT void, , \
    (uint8_t *lists[16], const uint8_t *src, const uint8_t *classes, const uint8_t group[16], \
     size_t n), \
    (lists, src, classes, group, n)
#define BITX_SIGNATURE_GROUPS_MERGE void, , \
    (uint8_t *dst, const uint8_t *lists[16], const uint8_t *classes, const uint8_t group[16], \
     size_t n), \
    (dst, lists, classes, group, n)
#define BITX_SIGNATURE_GROUPS_COUNT void, , \
    (uint32_t counts[16], const uint8_t *classes, const uint8_t group[16], size_t n), \
    (counts, classes, group, n)
#define BITX_SIGNATURE_FLOAT_SPLIT int, return, \
    (uint8_t *symbols, uint8_t *raw, const uint8_t *src, size_t n, \
     const bitx_float_params *params), \
    (symbols, raw, src, n, params)
#define BITX_SIGNATURE_FLOAT_JOIN void, , \
    (uint8_t *dst, const uint8_t *symbols, const uint8_t *raw, size_t n, \
     const bitx_float_params *params), \
    (dst, symbols, raw, n, params)
#define BITX_SIGNATURE_MAP void, , \
    (uint8_t *dst, const uint8_t *src, const uint8_t table[256], size_t n), (dst, src, table, n)
#define BITX_SIGNATURE_HISTOGRAM void, , \
    (uint32_t counts[256], const uint8_t *src, size_t n), (counts, src, n)
#define BITX_SIGNATURE_SPLIT_PLANES void, , \
    (uint8_t *planes, size_t stride, const uint8_t *src, size_t n), (planes, stride, src, n)
#define BITX_SIGNATURE_XOR_SPLIT_PLANES void, , \
    (uint8_t *planes, size_t stride, const uint8_t *a, const uint8_t *b, size_t n), \
    (planes, stride, a, b, n)
#define BITX_SIGNATURE_MERGE_PLANES void, , \
    (uint8_t *dst, const uint8_t *planes, size_t stride, size_t n), (dst, planes, stride, n)
#define BITX_SIGNATURE_XOR_MERGE_PLANES void, , \
    (uint8_t *dst, const uint8_t *planes, size_t stride, const uint8_t *b, size_t n), \
    (dst, planes, stride, b, n)
#define BITX_SIGNATURE_SPLIT_BITS BITX_SIGNATURE_SPLIT_PLANES
#define BITX_SIGNATURE_XOR_SPLIT_BITS BITX_SIGNATURE_XOR_SPLIT_PLANES
#define BITX_SIGNATURE_MERGE_BITS BITX_SIGNATURE_MERGE_PLANES
#define BITX_SIGNATURE_XOR_MERGE_BITS BITX_SIGNATURE_XOR_MERGE_PLANES
#define BITX_SIGNATURE_CAST_DOWN void, , \
    (uint8_t *dst, const uint8_t *src, size_t n), (dst, src, n)
#define BITX_SIGNATURE_CAST_UP BITX_SIGNATURE_CAST_DOWN
#define BITX_SIGNATURE_LOWRANK_ADD void, , \
    (uint8_t *dst, const uint8_t *base, const uint8_t *u, const uint8_t *v, size_t n, \
     const bitx_lowrank_params *params), \
    (dst, base, u, v, n, params)
#define BITX_SIGNATURE_COMBINE void, , \
    (uint8_t *dst, const uint8_t *const parents[8], size_t n, const bitx_combine_params *params), \
    (dst, parents, n, params)
/* clang-format on */

/* Expands the arguments before the macro sees them. */
#define BITX_APPLY(macro, ...) macro(__VA_ARGS__)

/* BITX_SIG_BINARY, ... and one function type for each, bitx_fn_BINARY, ... */
typedef enum bitx_sig {
#define BITX_SIG_ENUM(sig) BITX_SIG_##sig,
    BITX_SIG_LIST(BITX_SIG_ENUM)
#undef BITX_SIG_ENUM
        BITX_SIG_COUNT
} bitx_sig;

#define BITX_FN_TYPE(sig, ret, retword, params, args) typedef ret bitx_fn_##sig params;
#define BITX_FN_TYPE_OF(sig) BITX_APPLY(BITX_FN_TYPE, sig, BITX_SIGNATURE_##sig)
BITX_SIG_LIST(BITX_FN_TYPE_OF)
#undef BITX_FN_TYPE_OF
#undef BITX_FN_TYPE

/* Any function pointer; cast to the type of its signature class before the call. */
typedef void (*bitx_fn)(void);

typedef struct bitx_op {
    const char *name;
    bitx_sig sig;
    unsigned reads, writes; /* streams */
    unsigned width;         /* bits per element */
    unsigned slack;         /* bytes */
} bitx_op;

/* The operations in the order of ops.def; NULL from the number of operations on. */
BITX_API const bitx_op *bitx_op_at(size_t index);

/* Its return type and parameters as C text, e.g. "uint64_t (const uint8_t *a, ...)": whether two
   builds mean the same by a name. NULL if there is no such op. */
BITX_API const char *bitx_op_signature(const char *op);

/* "scalar", "avx2", ...; NULL outside the range. */
BITX_API const char *bitx_isa_name(bitx_isa isa);

/* Whether this build has the row and this CPU and OS can run it (BITX_ISA does not matter here). */
BITX_API int bitx_isa_usable(bitx_isa isa);

/* Why the row is not usable, e.g. "the CPU has no AVX2"; NULL if it is. */
BITX_API const char *bitx_isa_absent_reason(bitx_isa isa);

/* The row that the plain functions use now. */
BITX_API bitx_isa bitx_isa_active(void);

/* The implementation, or NULL if there is no such op or ISA or this CPU cannot run it. */
BITX_API bitx_fn bitx_op_find(const char *op, const char *isa, bitx_sig *sig);

/* What the plain name jumps to now; without asking the CPU again, which costs a trap in a VM. */
BITX_API bitx_fn bitx_op_active(const char *op, bitx_sig *sig);

/* The ISA in the name of the function that this row runs for this op: its own or a narrower one. */
BITX_API const char *bitx_op_cell(const char *op, bitx_isa isa);

/* What bitx_selftest() compares: a hash of all that this function wrote on fixed inputs; 0 if it
   returned what cannot be. For the check of dispatch/selftest_answers.def. */
uint64_t bitx_selftest_hash(const bitx_op *op, bitx_fn fn);

#endif
