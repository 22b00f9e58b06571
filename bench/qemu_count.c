/*
 * One call of a NEON kernel, for QEMU to count: not part of bitx-bench, but built for AArch64 by
 * bench/perf.sh with the kernels in a section of their own (bitx_text).
 *     --build        compiler and flags
 *     --text         address and size of that section
 *     OP N CALLS     makes the streams for OP, and calls it CALLS times on N elements
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/count_call.h"

extern const char __start_bitx_text[], __stop_bitx_text[]; /* the linker's */

int main(int argc, char **argv)
{
    bench_count_ready r;
    bitx_sig sig;
    if (argc == 2 && strcmp(argv[1], "--build") == 0)
        return puts(bench_build_name()) < 0;
    if (argc == 2 && strcmp(argv[1], "--text") == 0)
        return printf("%zx %zx\n", (size_t)__start_bitx_text,
                      (size_t)(__stop_bitx_text - __start_bitx_text)) < 0;
    memset(&r, 0, sizeof(r));
    for (size_t i = 0; argc == 4 && bitx_op_at(i); i++)
        if (strcmp(bitx_op_at(i)->name, argv[1]) == 0)
            r.op = bitx_op_at(i);
    if (!r.op)
        return 2;
    if (strcmp(bitx_op_cell(argv[1], BITX_ISA_NEON), "neon") != 0)
        return 3;
    r.isa = "neon";
    r.nelem = strtoul(argv[2], NULL, 10);
    r.seed = 1;
    r.fn = bitx_op_find(argv[1], r.isa, &sig);
    r.reference = r.fn; /* ./dev qemu checks it; here it would only be logged */
    if (!r.fn || bench_count_setup(&r))
        return 2;
    if (argv[3][0] == '1')
        bench_count_run(&r);
    return 0;
}
