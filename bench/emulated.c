/* Programs run under callgrind and QEMU, and what these wrote. */
#include "bench/emulated.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char bench_count_no_cell[] = "this row has no function of its own";

enum { NO_CELL = 3 }; /* qemu_count.c's exit code for it */

/* Runs argv with its output in out_fd (or nowhere). The exit code; -1: it could not be run. */
static int run(char *const *argv, int out_fd)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        int nowhere = open("/dev/null", O_RDWR);
        dup2(out_fd >= 0 ? out_fd : nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status);
}

/* The first line of a program's output. */
static int run_line(char *const *argv, char *line, size_t cap)
{
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    int code = run(argv, ends[1]);
    close(ends[1]);
    ssize_t n = code == 0 ? read(ends[0], line, cap - 1) : -1;
    close(ends[0]);
    line[n > 0 ? n : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return code;
}

static int temporary(char *path, size_t cap)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, cap, "%s/bitx-bench-XXXXXX", folder ? folder : "/tmp");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

const char *bench_count_callgrind(const char *program, const char *op, const char *isa,
                                  size_t nelem, uint64_t *count)
{
    char path[512], out[560], toggle[256], call[256], line[512];
    if (temporary(path, sizeof(path)) != 0)
        return "no temporary file";
    snprintf(out, sizeof(out), "--callgrind-out-file=%s", path);
    snprintf(toggle, sizeof(toggle), "--toggle-collect=bitx_%s_%s", op, isa);
    snprintf(call, sizeof(call), "%s/%s/%zu", op, isa, nelem);
    char *const argv[] = {"valgrind",
                          "-q",
                          "--tool=callgrind",
                          "--zero-before=bench_count_run",
                          out,
                          toggle,
                          (char *)(uintptr_t)program,
                          "count",
                          "--call",
                          call,
                          NULL};
    int code = run(argv, -1);
    *count = 0;
    FILE *f = code == 0 ? fopen(path, "r") : NULL;
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "totals: %" SCNu64, count) == 1)
            break;
    if (f)
        fclose(f);
    unlink(path);
    if (code != 0)
        return code < 0 ? "valgrind was not found" : "this program fails under valgrind";
    return *count ? NULL : "callgrind saw no such function";
}

/* "LOW SIZE" of the kernels' section, in hexadecimal. */
static int text_of(const char *program, uint64_t *low, uint64_t *size)
{
    char line[256];
    char *const argv[] = {"qemu-aarch64-static", (char *)(uintptr_t)program, "--text", NULL};
    int code = run_line(argv, line, sizeof(line));
    return code == 0 && sscanf(line, "%" SCNx64 " %" SCNx64, low, size) == 2 ? 0 : -1;
}

const char *bench_qemu_build_name(const char *program, char *name, size_t cap)
{
    char *const argv[] = {"qemu-aarch64-static", (char *)(uintptr_t)program, "--build", NULL};
    if (!program)
        return "no program for AArch64 (--qemu-program; ./dev perf-record makes one)";
    int code = run_line(argv, name, cap);
    return code == 0 && *name ? NULL : "qemu-aarch64-static cannot run that program";
}

/* A line of the log for each instruction that was run in the section ("Trace 0: ..."). */
static uint64_t count_lines(const char *path)
{
    char line[512];
    uint64_t n = 0;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        n += strncmp(line, "Trace ", 6) == 0;
    if (f)
        fclose(f);
    return n;
}

/* Making a kernel's streams ready calls it too; so a second process does that alone. */
static const char *run_logged(const char *program, const char *op, size_t nelem, const char *calls,
                              uint64_t *lines)
{
    char path[512], filter[64], elements[32];
    uint64_t low, size;
    if (text_of(program, &low, &size) != 0)
        return "qemu-aarch64-static cannot run that program";
    if (temporary(path, sizeof(path)) != 0)
        return "no temporary file";
    snprintf(filter, sizeof(filter), "0x%" PRIx64 "+0x%" PRIx64, low, size);
    snprintf(elements, sizeof(elements), "%zu", nelem);
    char *const argv[] = {"qemu-aarch64-static",
                          "-singlestep",
                          "-d",
                          "exec,nochain",
                          "-dfilter",
                          filter,
                          "-D",
                          path,
                          (char *)(uintptr_t)program,
                          (char *)(uintptr_t)op,
                          elements,
                          (char *)(uintptr_t)calls,
                          NULL};
    int code = run(argv, -1);
    *lines = count_lines(path);
    unlink(path);
    if (code == NO_CELL)
        return bench_count_no_cell;
    return code == 0 ? NULL : "WRONG: the program for AArch64 refuses this operation";
}

const char *bench_count_qemu(const char *program, const char *op, size_t nelem, uint64_t *count)
{
    uint64_t once, none;
    const char *why = run_logged(program, op, nelem, "1", &once);
    if (!why)
        why = run_logged(program, op, nelem, "0", &none);
    *count = why ? 0 : once - none;
    return why;
}
