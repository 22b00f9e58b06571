/* bench/args.h: options of a subcommand. */
#ifndef BENCH_ARGS_H
#define BENCH_ARGS_H

#include <stddef.h>

typedef struct bench_option {
    const char *name; /* "--op" */
    const char *meta; /* what follows it; NULL for a flag */
    const char *help;
    const char **value; /* for options with a value */
    int *flag;          /* for flags */
} bench_option;

/* 0: go on; 1: help was printed; 2: error was printed. Arguments that are no options are refused.
 */
int bench_parse(int argc, char **argv, const char *usage, const bench_option *options, size_t n);

/* Whether `word` is in the comma-separated list; an absent list (NULL) has every word. */
int bench_in_list(const char *list, const char *word);
/* A whole number in [min, max] from text (NULL: fallback); -1 after printing an error. */
long bench_number(const char *option, const char *text, long fallback, long min, long max);

#endif
