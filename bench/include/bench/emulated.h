/* bench/emulated.h: counts by other programs: valgrind's callgrind, and QEMU. */
#ifndef BENCH_EMULATED_H
#define BENCH_EMULATED_H

#include <stddef.h>
#include <stdint.h>

/* `program count --call OP/ISA/N` under callgrind: instructions within the kernel and what it
   calls. NULL, or why there is no count. */
const char *bench_count_callgrind(const char *program, const char *op, const char *isa,
                                  size_t nelem, uint64_t *count);

/* The same of qemu_count.c's program under qemu-aarch64: instructions of the kernels' section. */
const char *bench_count_qemu(const char *program, const char *op, size_t nelem, uint64_t *count);
/* Compiler and flags of that program. */
const char *bench_qemu_build_name(const char *program, char *name, size_t cap);

/* The answer for an operation whose neon cell is scalar's function. */
extern const char bench_count_no_cell[];

#endif
