/* bitshuffle's functions, from Debian's HDF5 plugin, when it is installed. */
#ifndef BENCH_BITSHUFFLE_H
#define BENCH_BITSHUFFLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct bench_bitshuffle {
    int64_t (*shuffle)(const void *in, void *out, size_t nelem, size_t elem_nbytes, size_t block);
    int64_t (*unshuffle)(const void *in, void *out, size_t nelem, size_t elem_nbytes, size_t block);
    int64_t (*compress)(const void *in, void *out, size_t nelem, size_t elem_nbytes, size_t block);
    int64_t (*decompress)(const void *in, void *out, size_t nelem, size_t elem_nbytes,
                          size_t block);
    size_t (*bound)(size_t nelem, size_t elem_nbytes, size_t block);
    char version[96]; /* the ISA that it says it uses, and the file */
} bench_bitshuffle;

/* Loaded once; NULL when the plugin is not there. */
const bench_bitshuffle *bench_bitshuffle_load(void);

#endif
