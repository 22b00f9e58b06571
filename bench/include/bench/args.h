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
/* Words by their index; NULL beyond the last. */
typedef const char *bench_word_at(size_t index);
/* 0, or -1 after an error that names a word of the list which is none of these, and what there is.
   An absent list is right. */
int bench_check_list(const char *option, const char *list, bench_word_at *word_at);
/* A whole number in [min, max] from text (NULL: fallback); -1 after printing an error. */
long bench_number(const char *option, const char *text, long fallback, long min, long max);

#endif
