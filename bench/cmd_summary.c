/* bitx-bench without arguments: the environment, and in under two minutes what matters most. */
#include <stdio.h>

#include "bench/clock.h"
#include "bench/commands.h"
#include "dispatch/ops.h"

static int call(int (*command)(int, char **), const char *const *args, int n)
{
    char *argv[32] = {NULL};
    for (int i = 0; i < n && i < 31; i++)
        argv[i] = (char *)(uintptr_t)args[i]; /* commands do not write to their arguments */
    return command(n, argv);
}

int bench_cmd_summary(void)
{
    double start = bench_wall_ns();
    const char *const env[] = {"env"};
    const char *const kernel[] = {"kernel", "--isa",    bitx_isa_name(bitx_isa_active()),
                                  "--ws",   "L2",       "--rounds",
                                  "11",     "--budget", "45"};
    static const char coders[] = "memcpy,zstd-1,zstd-3,zipnn,paper-bitx,tensorx,fm-delta,bitx:bitx,"
                                 "bitx:float,bitx:delta,bitx:auto";
    const char *const codec[] = {"codec",    "--made",  "s2e-4",    "--size", "4",
                                 "--timing", "4",       "--rounds", "6",      "--threads",
                                 "1",        "--brief", "--codec",  coders};
    int status = call(bench_cmd_env, env, 1);
    if (status == 0) {
        printf("== kernels of this CPU's row, at L2 size\n");
        status = call(bench_cmd_kernel, kernel, sizeof(kernel) / sizeof(kernel[0]));
    }
    if (status == 0)
        status = call(bench_cmd_codec, codec, sizeof(codec) / sizeof(codec[0]));
    printf("%.0f s; more: bitx-bench kernel, codec, roofline, numa, scale, selftest (--help)\n",
           (bench_wall_ns() - start) / 1e9);
    return status;
}
