/* Files under tests/vectors, and a source over bytes in memory. */
#ifndef TESTS_VECTORS_UTIL_H
#define TESTS_VECTORS_UTIL_H

#include "bitx/codec.h"

typedef struct vector_file {
    unsigned char *bytes; /* malloced */
    size_t nbytes;        /* a read beyond fails */
} vector_file;

vector_file vector_load(const char *folder, const char *name);
/* bitx_source.read over a vector_file. */
int vector_read(void *user, uint64_t offset, void *dst, size_t nbytes);
/* Calls visit(name) for each file in folder; returns how many there were. */
size_t vector_each(const char *folder, void (*visit)(const char *name));

#endif
