/*
 * bench/tensors.h: the tensors that codecs are measured on: a fine-tune, and beside each tensor the
 * one of its base. From safetensors files, model directories, raw files, or made here.
 */
#ifndef BENCH_TENSORS_H
#define BENCH_TENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "bench/buffers.h"
#include "bitx/codec.h"

/* What a tensor is for, by its name. */
typedef enum bench_role {
    BENCH_ROLE_EMBEDDING,
    BENCH_ROLE_ATTENTION,
    BENCH_ROLE_MLP,
    BENCH_ROLE_NORM,
    BENCH_ROLE_OTHER,
    BENCH_ROLE_COUNT
} bench_role;

const char *bench_role_name(bench_role role);
bench_role bench_role_of(const char *name);

typedef struct bench_tensor {
    char *name;
    bitx_dtype dtype;
    bench_role role;
    const uint8_t *data;
    size_t nbytes;
    const uint8_t *base; /* NULL: the base model has no tensor of this name, dtype and shape */
    size_t base_nbytes;  /* nbytes, or 0 */
} bench_tensor;

/* A fine-tune's tensors; all data and all bases lie in two arenas of huge pages, without gaps. */
typedef struct bench_family {
    char label[128];
    bench_tensor *at;
    size_t n;
    size_t nbytes, paired_nbytes; /* of all tensors, and of those with a base */
    bench_arena data, base;
} bench_family;

/*
 * Reads a safetensors file, a directory of them, or any other file as one tensor of `dtype`
 * (BITX_DTYPE_COUNT: none given). base_path NULL: no base. 0, or -1 after printing file and reason.
 */
int bench_family_load(bench_family *f, const char *path, const char *base_path, bitx_dtype dtype);

/*
 * A made family: BF16 weights N(0, 0.02), the fine-tune with N(0, s) added in FP32 to a share of
 * the weights, and rounded to nearest even; nbytes of fine-tune in tensors of at most 8 MiB with
 * the names of a Llama layer.
 */
int bench_family_make(bench_family *f, const char *label, double s, double changed_share,
                      size_t nbytes, uint64_t seed);

void bench_family_free(bench_family *f);

#endif
