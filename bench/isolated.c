/* A check in a child: a library that is not ours may crash. */
#include "bench/isolated.h"

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHECK_SECONDS = 60 };

/* The child's answer is the address of a string literal, the same in both processes. */
const char *bench_isolated(const char *(*check)(void *arg), void *arg)
{
    int ends[2], status = 0;
    const char *answer = "no check could be made: no process";
    if (pipe(ends) != 0)
        return answer;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(CHECK_SECONDS);
        const char *why = check(arg);
        _exit(write(ends[1], &why, sizeof(why)) != sizeof(why));
    }
    close(ends[1]);
    int told = pid > 0 && read(ends[0], &answer, sizeof(answer)) == sizeof(answer);
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, &status, 0);
    if (told || pid < 0)
        return answer;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "WRONG: hangs" : "WRONG: crashes";
}
