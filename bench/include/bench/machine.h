/* bench/machine.h: what ran, and on what; for the context of results. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stddef.h>

/* The value after "key :" in /proc/cpuinfo's first entry; 0, or -1. */
int bench_cpuinfo(const char *key, char *value, size_t n);

typedef struct bench_machine {
    char cpu_model[160];  /* "unknown" where the system does not tell */
    char os[224];         /* system, release, architecture */
    char command[512];    /* as the user called us */
    const char *isa;      /* the row of kernels in use */
    const char *compiler; /* of this program and the kernels in it */
    const char *revision; /* of the sources: "29a92b3", "29a92b3+changes", "unknown" */
    const char *arch;     /* in Go's words: amd64, arm64; else the system's */
    int hypervisor;       /* under one, as far as the CPU tells */
} bench_machine;

/* What bench_machine_read() says was called. */
void bench_machine_command(int argc, char **argv);
void bench_machine_read(bench_machine *m);

#endif
