/* bitx-bench env: what machine this is, and what may disturb measurements on it. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench/args.h"
#include "bench/caches.h"
#include "bench/clock.h"
#include "bench/commands.h"
#include "bench/machine.h"
#include "dispatch/ops.h"

/* First line of a small file, or -1. */
static int read_line(const char *path, char *line, size_t n)
{
    FILE *f = fopen(path, "r");
    int status = f && fgets(line, (int)n, f) ? 0 : -1;
    if (f)
        fclose(f);
    if (status == 0)
        line[strcspn(line, "\n")] = '\0';
    return status;
}

static void print_cpu(void)
{
    char model[256] = "unknown", flags[4096] = "", family[32] = "?", number[32] = "?";
    struct utsname u;
    (void)bench_cpuinfo("model name", model, sizeof(model));
    (void)bench_cpuinfo("cpu family", family, sizeof(family));
    (void)bench_cpuinfo("model\t", number, sizeof(number));
    (void)bench_cpuinfo("flags", flags, sizeof(flags));
    printf("CPU             %s (family %s, model %s)%s\n", model, family, number,
           strstr(flags, " hypervisor") ? ", under a hypervisor" : "");
    if (uname(&u) == 0)
        printf("system          %s %s %s\n", u.sysname, u.release, u.machine);
    printf("kernel rows    ");
    for (int i = 0; i < BITX_ISA_COUNT; i++) {
        const char *absent = bitx_isa_absent_reason((bitx_isa)i);
        printf(" %s%s%s%s", bitx_isa_name((bitx_isa)i), absent ? " (" : "", absent ? absent : "",
               absent ? ")" : "");
    }
    printf("; in use: %s\n", bitx_isa_name(bitx_isa_active()));
}

static void print_clock(void)
{
    double ghz[5];
    double low = 1e9, high = 0;
    for (int i = 0; i < 5; i++) {
        ghz[i] = bench_clock_ghz();
        low = ghz[i] < low ? ghz[i] : low;
        high = ghz[i] > high ? ghz[i] : high;
    }
    printf("clock           %.2f to %.2f GHz in five probes (dependent adds per ns of CPU time)\n",
           low, high);
}

static void print_file(const char *label, const char *path)
{
    char line[256];
    if (read_line(path, line, sizeof(line)) == 0)
        printf("%-15s %s\n", label, line);
    else
        printf("%-15s n/a (%s)\n", label, path);
}

/* Steal and total ticks of all CPUs so far. */
static int steal_ticks(double *steal, double *total)
{
    char line[512];
    double x[8] = {0};
    if (read_line("/proc/stat", line, sizeof(line)) != 0)
        return -1;
    if (sscanf(line, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &x[0], &x[1], &x[2], &x[3], &x[4],
               &x[5], &x[6], &x[7]) != 8)
        return -1;
    *steal = x[7];
    *total = 0;
    for (int i = 0; i < 8; i++)
        *total += x[i];
    return 0;
}

static void print_load(void)
{
    double load[3], steal[2], total[2];
    char line[256];
    if (getloadavg(load, 3) == 3)
        printf("load            %.2f %.2f %.2f over 1, 5 and 15 minutes\n", load[0], load[1],
               load[2]);
    if (read_line("/proc/pressure/cpu", line, sizeof(line)) == 0)
        printf("pressure (CPU)  %s\n", line);
    if (steal_ticks(&steal[0], &total[0]) == 0) {
        struct timespec nap = {0, 300000000};
        nanosleep(&nap, NULL);
        if (steal_ticks(&steal[1], &total[1]) == 0 && total[1] > total[0])
            printf("steal           %.1f%% in 0.3 s\n",
                   100 * (steal[1] - steal[0]) / (total[1] - total[0]));
    }
}

static void print_affinity(void)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : -1;
    printf("CPUs            %ld online, %d that we may use\n", online, n);
    print_file("cgroup limit", "/sys/fs/cgroup/cpu.max");
}

static int count_remarks(void)
{
    char line[256];
    double load[3] = {0, 0, 0};
    int n = 0;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    (void)getloadavg(load, 3);
    if (load[0] > 0.3 * (double)online)
        n += printf("  - other work is running: intervals will be wide; thread CPU time still "
                    "holds\n") > 0;
    if (read_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof(line)) != 0 ||
        strstr(line, "[never]"))
        n += printf("  - no transparent huge pages: TLB misses will lower DRAM figures\n") > 0;
    if (read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", line, sizeof(line)) ==
            0 &&
        strcmp(line, "performance") != 0)
        n += printf("  - governor %s: the clock moves; the probes before and after show by how "
                    "much\n",
                    line) > 0;
    if (read_line("/proc/sys/kernel/numa_balancing", line, sizeof(line)) == 0 &&
        strcmp(line, "0") != 0)
        n += printf("  - automatic NUMA balancing is on: pages may be unmapped and moved while "
                    "timed\n") > 0;
    if (read_line("/sys/devices/system/cpu/smt/active", line, sizeof(line)) == 0 &&
        strcmp(line, "1") == 0)
        n += printf("  - hyperthreads are on: a busy sibling halves a core\n") > 0;
    char flags[4096] = "";
    if (bench_cpuinfo("flags", flags, sizeof(flags)) == 0 && strstr(flags, " hypervisor"))
        n += printf("  - virtual machine: neighbours share caches and memory unseen, and cache "
                    "sizes may be the host's\n") > 0;
    return n;
}

int bench_cmd_env(int argc, char **argv)
{
    int status = bench_parse(argc, argv, "usage: bitx-bench env", NULL, 0);
    if (status != 0)
        return status == 1 ? 0 : 2;
    bench_caches c;
    char date[64];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S %z", &tm);
    printf("date            %s\n", date);
    print_cpu();
    print_clock();
    bench_caches_read(&c);
    printf(
        "caches          L1d %zu KiB, L2 %zu KiB, L3 %zu MiB as reported (`roofline` measures)\n",
        c.l1d_nbytes >> 10, c.l2_nbytes >> 10, c.l3_reported_nbytes >> 20);
    printf("memory          %.1f GB available\n", (double)bench_memory_available() / 1e9);
    print_affinity();
    print_file("huge pages", "/sys/kernel/mm/transparent_hugepage/enabled");
    print_file("governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    print_load();
    printf("what may disturb\n");
    if (count_remarks() == 0)
        printf("  nothing found\n");
    putchar('\n');
    return 0;
}
