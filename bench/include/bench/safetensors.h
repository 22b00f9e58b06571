/*
 * bench/safetensors.h: a reader of safetensors headers that is just enough for benchmarks: it
 * checks what it needs to read safely, and leaves strict verdicts to the store's parser.
 */
#ifndef BENCH_SAFETENSORS_H
#define BENCH_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

enum { BENCH_DIMENSIONS_MAX = 16 };

typedef struct bench_st_tensor {
    char *name;
    char dtype[24];
    size_t ndim;
    uint64_t shape[BENCH_DIMENSIONS_MAX];
    uint64_t begin, end; /* in the file */
} bench_st_tensor;

typedef struct bench_st_file {
    bench_st_tensor *at;
    size_t n;
} bench_st_file;

/* Whether the first bytes look like a safetensors file of file_nbytes. */
int bench_st_probe(const uint8_t *head, size_t nhead, uint64_t file_nbytes);
/* Parses the header text (without its length field). 0, or -1 with *why set to a static string. */
int bench_st_parse(bench_st_file *f, const char *text, size_t n, uint64_t file_nbytes,
                   const char **why);
void bench_st_free(bench_st_file *f);

#endif
