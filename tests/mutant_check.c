/*
 * The checks of many mutants of one kernel file, each in a process of its own: mutate.py compiles
 * copies of the file under other names, lists them in kc_mutants, and links with
 * --wrap=bitx_op_find, so that the checks find a mutant in place of the row's function. Prints
 * "<number> dead" or "<number> alive" for each; mutant 0 is the file as it is.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
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

static int check(const kc_mutant *first, uint64_t seed)
{
    unsigned long ncases = 0;
    const cookie_io_functions_t words = {.write = die_of_words};
    if (getenv("KC_WORDS") == NULL) {
        stderr = fopencookie(NULL, "w", words);
        setvbuf(stderr, NULL, _IONBF, 0);
    }
    for (current = first; current->op && current->number == first->number; current++)
        if (is_op(current->op) && (kc_check(current->op, row, seed, &ncases) != 0 ||
                                   kc_check_crossed(current->op, row, seed, &ncases) != 0))
            return 1;
    return 0;
}

/* 1: every check passed within so many seconds of CPU time. */
static int survives(const kc_mutant *m, uint64_t seed, double limit)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        const struct itimerval timer = {{0, 0},
                                        {(time_t)limit, (suseconds_t)(limit * 1e6) % 1000000}};
        setitimer(ITIMER_VIRTUAL, &timer, NULL);
        _exit(check(m, seed));
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror("fork");
        exit(2);
    }
    return status == 0;
}

int main(int argc, char **argv)
{
    uint64_t seed = kc_seed();
    double limit = 600; /* of the first, which is the file as it is and sets that of the others */
    if (argc != 2)
        return 2;
    row = argv[1];
    for (const kc_mutant *m = kc_mutants; m->op;) {
        struct timespec t0, t1;
        clock_gettime(CLOCK_MONOTONIC, &t0);
        printf("%u %s\n", m->number, survives(m, seed, limit) ? "alive" : "dead");
        clock_gettime(CLOCK_MONOTONIC, &t1);
        if (m->number == 0)
            limit = 1 + 4 * (double)(t1.tv_sec - t0.tv_sec + 1);
        const unsigned number = m->number;
        while (m->op && m->number == number)
            m++;
    }
    return 0;
}
