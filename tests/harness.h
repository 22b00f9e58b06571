/*
 * harness.h: one kernel against its reference, after dav1d's checkasm. Each stream lies between two
 * pages that fault; the bytes around it are canaries; inputs must stay unchanged; a crash is blamed
 * on the function. No Criterion here: kernels_test.c and kernel_check.c drive it.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include "dispatch/ops.h"

enum { KC_STREAMS = 5, KC_MAX_NELEM = 66000, KC_CAP = 1 << 20 };

typedef struct kc_rng {
    uint64_t state;
} kc_rng;

uint64_t kc_random(kc_rng *rng);
unsigned kc_below(kc_rng *rng, unsigned bound);
void kc_random_bytes(kc_rng *rng, uint8_t *p, size_t n);

/* What the operations of one reference differ in. */
typedef struct kc_shape {
    size_t width; /* bytes of an element */
    int xored, split;
    int low_const, high_const;
    int is_float, inverse;
    size_t mantissa, signman; /* bits; bytes of a sign and mantissa */
    unsigned many;            /* cases of 515 elements, besides those that all have */
} kc_shape;

/* One call. plan() gives the sizes and fills the inputs; out[] starts as 0xa5. */
typedef struct kc_case {
    kc_shape shape; /* that of the spec */
    size_t nelem;
    unsigned nin, nout;
    uint8_t *in[KC_STREAMS], *out[KC_STREAMS];
    size_t in_nbytes[KC_STREAMS], out_nbytes[KC_STREAMS];
    size_t
        out_room[KC_STREAMS]; /* may be written: more than out_nbytes where the rest is undefined */
    size_t bit;               /* where a plane begins */
    unsigned value[2];
    bitx_delta_params params;
    bitx_float_params float_params;
    bitx_lowrank_params lowrank;
    bitx_combine_params combine; /* parents lie end to end in in[0] */
    size_t stride;               /* of planes that are one stream */
    uint8_t group[16], table[256];
    uint16_t tree_count[BITX_TREE_DEPTH_MAX + 1], tree_first[BITX_TREE_DEPTH_MAX + 1];
    size_t group_start[16]; /* of lists that are one stream, end to end */
    uint64_t result;        /* of functions that return a value */
} kc_case;

/* Blanks what is undefined of delta_sift's planes, which end at these bits, and adds them to the
   result. kernel_specs_delta.c */
void kc_end_planes(kc_case *c, const size_t bits[16]);

/* Elements of a case of subtree_u8, whose lists have 1 to 64. */
static inline size_t kc_subtree_nelem(const kc_case *c)
{
    return c->nelem ? (c->nelem - 1) % 64 + 1 : 1;
}

/* How to test one operation. */
typedef struct kc_spec {
    const char *op;
    void (*plan)(kc_case *c, kc_rng *rng);
    void (*reference)(kc_case *c); /* one byte or one bit at a time, by the words of kernels.h */
    unsigned in_place;             /* bit k: out[0] may be in[k] */
    const char *inverse;           /* op whose first nout inputs are this op's outputs, or NULL */
    kc_shape shape;
} kc_spec;

/* All specs; NULL beyond the last. kernel_specs.c */
const kc_spec *kc_spec_at(size_t index);
const kc_spec *kc_spec_find(const char *op);

/* From BITX_TEST_SEED, else from the clock. Print it. */
uint64_t kc_seed(void);

/*
 * Everything about one implementation: lengths, edges, alignments, in place. 0: all equal. Else the
 * number of failures, the first few reported on stderr. *ncases counts the calls.
 */
int kc_check(const char *op, const char *isa, uint64_t seed, unsigned long *ncases);

/* Splits by row `isa`, merges back by every usable row. 0 also where the op has no inverse. */
int kc_check_crossed(const char *op, const char *isa, uint64_t seed, unsigned long *ncases);

/* Dispatch: registry, plain functions, BITX_ISA. 0: right. */
int kc_check_dispatch(uint64_t seed);

#endif
