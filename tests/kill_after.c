/*
 * Runs a command and kills it after so many microseconds, unless it has ended by then.
 *
 *     kill_after MICROSECONDS REPORT COMMAND [ARG...]
 *
 * REPORT gets one line: "killed US", or "ended US STATUS" with the status as a shell tells it; US
 * is how long the command ran, from its exec. A shell's `sleep & kill` needs milliseconds for its
 * own processes, in which a small command on a fast machine has long ended.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Until `deadline` or the end of a child, whose SIGCHLD is blocked. */
static void wait_until(uint64_t deadline, const sigset_t *child)
{
    for (uint64_t now = now_ns(); now < deadline; now = now_ns()) {
        const uint64_t left = deadline - now;
        const struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000U),
                                         .tv_nsec = (long)(left % 1000000000U)};
        if (sigtimedwait(child, NULL, &timeout) == SIGCHLD)
            return;
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fputs("usage: kill_after MICROSECONDS REPORT COMMAND [ARG...]\n", stderr);
        return 2;
    }
    sigset_t child, none;
    (void)sigemptyset(&none);
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child, NULL);
    posix_spawnattr_t attr;
    (void)posix_spawnattr_init(&attr);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    (void)posix_spawnattr_setsigmask(&attr, &none);

    pid_t pid;
    const int failed = posix_spawnp(&pid, argv[3], NULL, &attr, argv + 3, environ);
    const uint64_t begin = now_ns(); /* posix_spawn returns after the exec */
    if (failed != 0) {
        (void)fprintf(stderr, "kill_after: %s: %s\n", argv[3], strerror(failed));
        return 1;
    }
    wait_until(begin + strtoull(argv[1], NULL, 10) * 1000U, &child);
    (void)kill(pid, SIGKILL);
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;

    FILE *report = fopen(argv[2], "w");
    if (report == NULL) {
        perror(argv[2]);
        return 1;
    }
    const unsigned long long us = (now_ns() - begin) / 1000U;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        (void)fprintf(report, "killed %llu\n", us);
    else
        (void)fprintf(report, "ended %llu %d\n", us,
                      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return fclose(report) == 0 ? 0 : 1;
}
