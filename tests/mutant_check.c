/*
 * The checks of many mutants of one kernel file, each in a process of its own: mutate.py compiles
 * copies of the file under other names, lists them in kc_mutants, and links with
 * --wrap=bitx_op_find, so that the checks find a mutant in place of the row's function. Prints
 * "<number> dead" or "<number> alive" for each but those named; mutant 0 is the file as it is.
 * Copies compiled with -fsanitize=kernel-address die of what they do beyond their locals.
 *
 * usage: <row> <number,number,...: not to be run>
 */
#define _GNU_SOURCE
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct kc_mutant {
    unsigned number;
    const char *op;
    bitx_fn fn;
} kc_mutant;

/* By number; ends with a NULL op. */
extern const kc_mutant kc_mutants[];

static const char *row;
static const kc_mutant *current;

bitx_fn __real_bitx_op_find(const char *op, const char *isa, bitx_sig *sig);
bitx_fn __wrap_bitx_op_find(const char *op, const char *isa, bitx_sig *sig);

bitx_fn __wrap_bitx_op_find(const char *op, const char *isa, bitx_sig *sig)
{
    bitx_fn fn = __real_bitx_op_find(op, isa, sig);
    return fn && current && strcmp(op, current->op) == 0 && strcmp(isa, row) == 0 ? current->fn
                                                                                  : fn;
}

/*
 * ---- what is beyond a local ----
 *
 * gcc surrounds the locals of a function with bytes whose shadow, one for eight of them, is not 0,
 * and calls these before it reads or writes memory. Of AddressSanitizer, whose library is no static
 * one.
 */
static const uintptr_t shadow_base = 0x100000000000u; /* as mutate.py tells gcc */
enum { STACK_BELOW = 16 << 20, STACK_ABOVE = 1 << 20 };
static uintptr_t stack_low;

static void make_shadow(void)
{
    stack_low = ((uintptr_t)__builtin_frame_address(0) - STACK_BELOW) & ~(uintptr_t)0xfffff;
    void *at = (void *)(shadow_base + stack_low / 8);
    if (mmap(at, (STACK_BELOW + STACK_ABOVE) / 8 + (1 << 20), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) == at)
        return;
    perror("mmap");
    exit(2);
}

static void check_access(uintptr_t at, size_t n)
{
    for (; stack_low && at - stack_low < STACK_BELOW + STACK_ABOVE && n; n--, at++) {
        const int8_t first = *(const int8_t *)(shadow_base + at / 8); /* of eight that may not */
        if (first != 0 && (int)(at % 8) >= first)
            _exit(1);
    }
}

#define ACCESS(n)                                                                                  \
    void __asan_load##n##_noabort(uintptr_t at);                                                   \
    void __asan_load##n##_noabort(uintptr_t at)                                                    \
    {                                                                                              \
        check_access(at, n);                                                                       \
    }                                                                                              \
    void __asan_store##n##_noabort(uintptr_t at);                                                  \
    void __asan_store##n##_noabort(uintptr_t at)                                                   \
    {                                                                                              \
        check_access(at, n);                                                                       \
    }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __asan_loadN_noabort(uintptr_t at, size_t n);
void __asan_loadN_noabort(uintptr_t at, size_t n)
{
    check_access(at, n);
}

void __asan_storeN_noabort(uintptr_t at, size_t n);
void __asan_storeN_noabort(uintptr_t at, size_t n)
{
    check_access(at, n);
}

void *__real_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n)
{
    check_access((uintptr_t)to, n);
    check_access((uintptr_t)from, n);
    return __real_memcpy(to, from, n);
}

void *__real_memset(void *to, int value, size_t n);
void *__wrap_memset(void *to, int value, size_t n);
void *__wrap_memset(void *to, int value, size_t n)
{
    check_access((uintptr_t)to, n);
    return __real_memset(to, value, n);
}

void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}

/* The harness reports to stderr: the first word of it is enough. */
static ssize_t die_of_words(void *cookie, const char *text, size_t n)
{
    (void)cookie;
    (void)text;
    if (n)
        _exit(1);
    return 0;
}

static int is_op(const char *name)
{
    for (size_t i = 0; bitx_op_at(i); i++)
        if (strcmp(bitx_op_at(i)->name, name) == 0)
            return 1;
    return 0;
}

static int check_op(const char *op, uint64_t seed)
{
    unsigned long ncases = 0;
    return kc_check(op, row, seed, &ncases) != 0 || kc_check_crossed(op, row, seed, &ncases) != 0;
}

static double cpu_seconds(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6;
}

static int status_of(pid_t child)
{
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror("fork");
        exit(2);
    }
    return status;
}

/* Seconds of CPU time for the checks of an operation, after those of the row's own function. */
static double limit_of(const char *op, uint64_t seed)
{
    static struct {
        const char *op;
        double seconds;
    } known[64];
    size_t i = 0;
    while (i < 63 && known[i].op && strcmp(known[i].op, op) != 0)
        i++;
    if (known[i].op == NULL) {
        const double before = cpu_seconds(RUSAGE_CHILDREN);
        pid_t child = fork();
        if (child == 0)
            _exit(check_op(op, seed));
        status_of(child);
        known[i].op = op;
        known[i].seconds =
            0.3 + (getenv("KC_SLOW") ? 40 : 4) * (cpu_seconds(RUSAGE_CHILDREN) - before);
    }
    return known[i].seconds;
}

static int check(const kc_mutant *m, uint64_t seed, double limit)
{
    const cookie_io_functions_t words = {.write = die_of_words};
    const struct itimerval timer = {{0, 0}, {(time_t)limit, (suseconds_t)(limit * 1e6) % 1000000}};
    if (getenv("KC_WORDS") == NULL) {
        stderr = fopencookie(NULL, "w", words);
        setvbuf(stderr, NULL, _IONBF, 0);
    }
    setitimer(ITIMER_VIRTUAL, &timer, NULL);
    current = m;
    return check_op(m->op, seed);
}

/* 1: every check passed within some seconds of CPU time. */
static int survives(const kc_mutant *m, uint64_t seed)
{
    const double limit = limit_of(m->op, seed);
    pid_t child = fork();
    if (child == 0)
        _exit(check(m, seed, limit));
    return status_of(child) == 0;
}

/* Whether a list of numbers with commas between them has this one. */
static int listed(const char *list, unsigned number)
{
    for (char *end; *list; list = *end ? end + 1 : end)
        if (strtoul(list, &end, 10) == number)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t seed = kc_seed();
    if (argc != 3)
        return 2;
    row = argv[1];
    make_shadow();
    for (const kc_mutant *m = kc_mutants; m->op;) {
        const unsigned number = m->number;
        int alive = 1;
        for (; m->op && m->number == number; m++)
            if (alive && !listed(argv[2], number) && is_op(m->op))
                alive = survives(m, seed);
        if (!listed(argv[2], number))
            printf("%u %s\n", number, alive ? "alive" : "dead");
    }
    return 0;
}
