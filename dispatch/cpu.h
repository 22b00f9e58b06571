/* cpu.h: what this CPU and its OS can run, and what they should. Private to dispatch/. */
#ifndef DISPATCH_CPU_H
#define DISPATCH_CPU_H

typedef struct bitx_cpu {
    /* NULL if kernels of this row can run here, else why not. */
    const char *no_avx2, *no_avx512, *no_neon;
    /* Whether pext and pdep, where present, take about a cycle. */
    int fast_pext;
} bitx_cpu;

/* Asks the CPU anew at each call. */
bitx_cpu bitx_cpu_detect(void);

#endif
