/* What ran, and on what. */
#include "bench/machine.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench_revision.h"
#include "dispatch/ops.h"

#ifdef __clang__
#    define COMPILER "clang " __clang_version__
#else
#    define COMPILER "gcc " __VERSION__
#endif

static char command[512] = "bitx-bench";

int bench_cpuinfo(const char *key, char *value, size_t n)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[4096];
    int found = -1;
    while (f && found != 0 && fgets(line, sizeof(line), f)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0)
            continue;
        do
            colon++;
        while (isspace((unsigned char)*colon));
        colon[strcspn(colon, "\n")] = '\0';
        snprintf(value, n, "%s", colon);
        found = 0;
    }
    if (f)
        fclose(f);
    return found;
}

void bench_machine_command(int argc, char **argv)
{
    size_t n = (size_t)snprintf(command, sizeof(command), "bitx-bench");
    for (int i = 1; i < argc && n < sizeof(command); i++)
        n += (size_t)snprintf(command + n, sizeof(command) - n, " %s", argv[i]);
}

void bench_machine_read(bench_machine *m)
{
    char flags[4096] = "", model[96] = "unknown", family[16] = "", number[16] = "";
    struct utsname u;
    memset(m, 0, sizeof(*m));
    /* In virtual machines the name alone may be no more than "AMD EPYC". */
    (void)bench_cpuinfo("model name", model, sizeof(model));
    snprintf(m->cpu_model, sizeof(m->cpu_model), "%s", model);
    if (bench_cpuinfo("cpu family", family, sizeof(family)) == 0 &&
        bench_cpuinfo("model\t", number, sizeof(number)) == 0)
        snprintf(m->cpu_model, sizeof(m->cpu_model), "%s (family %s, model %s)", model, family,
                 number);
    (void)bench_cpuinfo("flags", flags, sizeof(flags));
    m->hypervisor = strstr(flags, " hypervisor") != NULL;
    m->arch = "unknown";
    if (uname(&u) == 0) {
        snprintf(m->os, sizeof(m->os), "%s %s %s", u.sysname, u.release, u.machine);
        m->arch = strcmp(u.machine, "x86_64") == 0    ? "amd64"
                  : strcmp(u.machine, "aarch64") == 0 ? "arm64"
                                                      : "other";
    }
    memcpy(m->command, command, sizeof(m->command));
    m->isa = bitx_isa_name(bitx_isa_active());
    m->compiler = COMPILER;
    m->revision = BENCH_REVISION;
}
