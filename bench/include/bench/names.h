/* bench/names.h: the parts of a result's name. */
#ifndef BENCH_NAMES_H
#define BENCH_NAMES_H

#include <stddef.h>

enum { BENCH_NAME_PARTS = 8 };

/* "kernel/xor_bytes/avx2/L2" is of kind "kernel", with op=xor_bytes, isa=avx2, set=L2. */
typedef struct bench_name {
    char text[256]; /* what the parts point into */
    const char *kind;
    size_t n;
    struct {
        const char *key; /* static; "part" where the kind does not say */
        const char *value;
    } parts[BENCH_NAME_PARTS];
} bench_name;

/* 0, or -1 where the name is too long or has too many parts. */
int bench_name_split(const char *name, bench_name *out);
/* The value of a key; "" where there is none. */
const char *bench_name_part(const bench_name *name, const char *key);

#endif
