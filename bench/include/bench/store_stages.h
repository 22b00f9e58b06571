/*
 * bench/store_stages.h: what `zipllm add` and `get` are made of, each stage by itself on one
 * thread: the codec on a model's tensors in blocks as the store cuts them, hashes, reading and
 * writing.
 */
#ifndef BENCH_STORE_STAGES_H
#define BENCH_STORE_STAGES_H

#include "bench/tensors.h"
#include "bitx/codec.h"

typedef enum bench_stage {
    BENCH_STAGE_READ,         /* pread of the files, from the page cache where they are in it */
    BENCH_STAGE_HASH,         /* XXH3-128 of the tensors */
    BENCH_STAGE_SHA256,       /* of the tensors */
    BENCH_STAGE_ENCODE,       /* plan and blocks, given the base's bytes */
    BENCH_STAGE_DECODE,       /* blocks with their checksums, given the base's bytes */
    BENCH_STAGE_WRITE_FRAMES, /* what encoding made, with fsync: what add writes */
    BENCH_STAGE_WRITE,        /* the tensors, with fsync: what get writes */
    BENCH_STAGE_COUNT
} bench_stage;

const char *bench_stage_name(bench_stage stage);

typedef struct bench_frames {
    struct bench_frame *at; /* one for each tensor */
    size_t n;
    size_t nbytes; /* of all frames */
} bench_frames;

/* A model to measure on. */
typedef struct bench_store_model {
    char *path; /* its directory */
    bench_family tensors;
    bench_frames frames;
    size_t nbytes; /* of its files */
} bench_store_model;

/* Loads path and, beside it, its base (NULL: none). 0, or -1 after printing why. */
int bench_store_model_load(bench_store_model *m, const char *path, const char *base);
void bench_store_model_free(bench_store_model *m);

/* Runs a stage once; wall seconds, or -1 after printing why. DECODE and WRITE_FRAMES need an ENCODE
   before them. dir: where files are written, and removed again. */
double bench_stage_run(bench_store_model *m, bench_stage stage, const char *dir);

/* Writes the tensors (or, of_base, their bases) as DIR/model.safetensors; makes DIR. 0, or -1 after
   printing why. */
int bench_store_model_write(const bench_family *f, int of_base, const char *dir);

#endif
