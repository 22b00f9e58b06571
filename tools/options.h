/* Options of the command line, described by tables. */
#ifndef ZIPLLM_TOOLS_OPTIONS_H
#define ZIPLLM_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bitx/codec.h"

typedef struct option_spec {
    const char *name;  /* without its dashes; NULL ends a table */
    char letter;       /* '\0': none */
    const char *value; /* what follows, as help shows it ("DIR"); NULL: nothing does */
    const char *help;
} option_spec;

/* What every verb takes, before or after its name. */
typedef struct common_options {
    const char *store;      /* -C; NULL: $ZIPLLM_STORE */
    unsigned threads;       /* 0: as many as there are usable CPUs */
    uint64_t memory_nbytes; /* 0: the library's default */
    bitx_effort effort;
    bool json, quiet, verbose, help;
} common_options;

enum { OPTIONS_MAX = 16, LIST_MAX = 8 };

typedef struct options {
    common_options common;
    /* By place in the verb's table: NULL if absent, the value, or "" for an option without one. */
    const char *values[OPTIONS_MAX];
    const char *list[LIST_MAX]; /* every value of the option whose value is said to be "FILE..." */
    size_t nlist;
    const char **operands; /* inside argv */
    size_t noperands;
} options;

extern const option_spec COMMON_SPECS[];

/*
 * Reads argv[1...] up to its first operand (the verb): common options only. Returns the place of
 * the verb, argc if there is none, or -1 after printing what is wrong.
 */
int options_before_verb(common_options *common, int argc, char **argv);

/* Reads what follows the verb, argv[0]. Options and operands may be mixed; `--` ends the options.
   False after printing what is wrong. */
bool options_parse(options *o, const option_spec *specs, int argc, char **argv);

/* Of the names, the one that is most like `wrong`, or NULL if none is near. */
const char *options_nearest(const char *wrong, const char *const *names, size_t n);

/* Prints specs, one line each. */
void options_help(const option_spec *specs);

/* "64M", "1.5GiB", "100000": powers of 1024 whatever the spelling. False if malformed. */
bool options_size(const char *text, uint64_t *nbytes);
/* A whole number in a range. */
bool options_uint(const char *text, uint64_t low, uint64_t high, uint64_t *value);

#endif
