/* Single steps of a child that traps itself. */
#include "bench/steps.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)

enum { LIMIT_SECONDS = 120, TRAP_FLAG = 0x100 };

/* The walk of this process; the handler has no other way to it. */
static struct {
    uintptr_t fn, low, high; /* what is counted, and the mapping that it is in */
    uintptr_t back, sp;      /* where fn returns to, and the stack pointer then */
    uintptr_t at;            /* the instruction before the trap */
    uint64_t count;
    int inside, done;
} walk;

/* The executable mapping that fn is in. 0, or -1. */
static int find_text(void)
{
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");
    int found = 0;
    while (f && !found && fgets(line, sizeof(line), f))
        found = sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &walk.low, &walk.high) == 2 &&
                walk.fn >= walk.low && walk.fn < walk.high;
    if (f)
        fclose(f);
    return found ? 0 : -1;
}

/* After every instruction, with the next one's address. */
static void on_trap(int signal, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t pc = (uintptr_t)regs[REG_RIP], sp = (uintptr_t)regs[REG_RSP];
    (void)signal;
    (void)info;
    if (walk.inside)
        walk.count += pc != walk.at && walk.at >= walk.low && walk.at < walk.high;
    walk.at = pc;
    if (!walk.inside && pc == walk.fn) {
        walk.inside = 1;
        memcpy(&walk.back, (const void *)sp, sizeof(walk.back));
        walk.sp = sp + sizeof(walk.back);
    } else if (walk.inside && pc == walk.back && sp == walk.sp) {
        walk.done = 1;
        regs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    }
}

/* From the next instruction on; the 128 bytes below the stack pointer may be in use. */
static void begin_traps(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq %0, (%%rsp)\n\tpopfq\n\t"
                     "lea 128(%%rsp), %%rsp"
                     :
                     : "i"(TRAP_FLAG)
                     : "cc", "memory");
}

static void child(bitx_fn fn, void (*call)(void *arg), void *arg, int out)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    memset(&walk, 0, sizeof(walk));
    walk.fn = (uintptr_t)fn;
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO;
    if (find_text() != 0 || sigaction(SIGTRAP, &action, NULL) != 0)
        _exit(1);
    alarm(LIMIT_SECONDS);
    begin_traps();
    call(arg);
    _exit(!walk.done || write(out, &walk.count, sizeof(walk.count)) != sizeof(walk.count));
}

const char *bench_count_steps(bitx_fn fn, void (*call)(void *arg), void *arg, uint64_t *count)
{
    int status = 0, ends[2];
    if (pipe(ends) != 0)
        return "no pipe";
    pid_t pid = fork();
    if (pid == 0)
        child(fn, call, arg, ends[1]);
    close(ends[1]);
    int told = pid > 0 && read(ends[0], count, sizeof(*count)) == sizeof(*count);
    close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return "no process";
    if (told)
        return NULL;
    if (WIFEXITED(status))
        return "this process cannot be stepped through";
    return WTERMSIG(status) == SIGALRM ? "WRONG: hangs" : "WRONG: crashes";
}

#else

const char *bench_count_steps(bitx_fn fn, void (*call)(void *arg), void *arg, uint64_t *count)
{
    (void)fn;
    (void)call;
    (void)arg;
    (void)count;
    return "single steps are for x86-64; NEON is counted under QEMU (--qemu-program)";
}

#endif
