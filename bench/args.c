/* Options of a subcommand. */
#include "bench/args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void help(const char *usage, const bench_option *options, size_t n)
{
    printf("%s\n\n", usage);
    for (size_t i = 0; i < n; i++)
        printf("  %s%s%-*s  %s\n", options[i].name, options[i].meta ? " " : "",
               (int)(26 - strlen(options[i].name) - (options[i].meta != NULL)),
               options[i].meta ? options[i].meta : "", options[i].help);
}

static const bench_option *find(const char *name, const bench_option *options, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

int bench_parse(int argc, char **argv, const char *usage, const bench_option *options, size_t n)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help(usage, options, n);
            return 1;
        }
        const bench_option *o = find(argv[i], options, n);
        if (!o) {
            fprintf(stderr, "bitx-bench %s: unknown argument '%s' (see --help)\n", argv[0],
                    argv[i]);
            return 2;
        }
        if (o->flag) {
            *o->flag = 1;
        } else if (i + 1 < argc) {
            *o->value = argv[++i];
        } else {
            fprintf(stderr, "bitx-bench %s: %s needs %s\n", argv[0], o->name, o->meta);
            return 2;
        }
    }
    return 0;
}

int bench_in_list(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strncmp(p, word, n) == 0 && (p[n] == '\0' || p[n] == ','))
            return 1;
    return list == NULL;
}

static int is_word(const char *word, size_t n, bench_word_at *word_at)
{
    for (size_t i = 0; word_at(i); i++)
        if (strlen(word_at(i)) == n && memcmp(word_at(i), word, n) == 0)
            return 1;
    return 0;
}

int bench_check_list(const char *option, const char *list, bench_word_at *word_at)
{
    enum { FEW = 16 };
    for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
        const size_t n = strcspn(p, ",");
        if (is_word(p, n, word_at))
            continue;
        fprintf(stderr, "bitx-bench: %s: no '%.*s'", option, (int)n, p);
        size_t nwords = 0;
        while (word_at(nwords))
            nwords++;
        for (size_t i = 0; i < nwords && nwords <= FEW; i++)
            fprintf(stderr, "%s%s", i ? ", " : "; there are ", word_at(i));
        fprintf(stderr, "\n");
        return -1;
    }
    return 0;
}

long bench_number(const char *option, const char *text, long fallback, long min, long max)
{
    if (!text)
        return fallback;
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno == 0 && *text && *end == '\0' && v >= min && v <= max)
        return v;
    fprintf(stderr, "bitx-bench: %s needs a number from %ld to %ld, not '%s'\n", option, min, max,
            text);
    return -1;
}
