/* Pairs of models from a file, or a made one. */
#include "bench/sources.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int load_line(bench_sources *s, const char *pairs, size_t number, const char *line)
{
    char data[1024], base[1024], folder[1024], path[2][2100];
    if (sscanf(line, "%1023s %1023s", data, base) != 2 || s->n == BENCH_SOURCES_MAX) {
        fprintf(stderr, "bitx-bench: %s:%zu: %s\n", pairs, number,
                s->n == BENCH_SOURCES_MAX ? "too many pairs" : "not 'DATA BASE'");
        return -1;
    }
    snprintf(folder, sizeof(folder), "%s", pairs);
    char *slash = strrchr(folder, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash + 1 - folder) : 0, pairs);
    snprintf(path[0], sizeof(path[0]), "%s%s", data[0] == '/' ? "" : folder, data);
    snprintf(path[1], sizeof(path[1]), "%s%s", base[0] == '/' ? "" : folder, base);
    const char *base_path = strcmp(base, "-") == 0 ? NULL : path[1];
    return bench_family_load(&s->at[s->n], path[0], base_path, BITX_BYTES) == 0 ? (s->n++, 0) : -1;
}

int bench_sources_load(bench_sources *s, const char *pairs, uint64_t seed)
{
    char line[2200];
    int status = 0;
    memset(s, 0, sizeof(*s));
    if (!pairs) {
        status = bench_family_make(&s->at[0], "s2e-4", 2e-4, 1, 1 << 20, seed);
        s->n = status == 0;
        return status;
    }
    FILE *f = fopen(pairs, "r");
    if (!f) {
        fprintf(stderr, "bitx-bench: %s: %s\n", pairs, strerror(errno));
        return -1;
    }
    for (size_t number = 1; status == 0 && fgets(line, sizeof(line), f); number++)
        if (line[0] != '#' && line[strspn(line, " \t\r\n")] != '\0')
            status = load_line(s, pairs, number, line);
    fclose(f);
    if (status == 0 && s->n == 0) {
        fprintf(stderr, "bitx-bench: %s: no pairs in it\n", pairs);
        status = -1;
    }
    if (status != 0)
        bench_sources_free(s);
    return status;
}

void bench_sources_free(bench_sources *s)
{
    while (s->n > 0)
        bench_family_free(&s->at[--s->n]);
}
